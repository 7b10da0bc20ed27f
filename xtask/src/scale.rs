//! `cargo xtask scale`: what an hour of video takes, in seconds and dollars, in one piece or in hundreds.
//!
//! A model, not a measurement: speeds are options, prices those of `marey_engine::cost`. docs/SCALE.md argues for the numbers.

use anyhow::{Result, bail};
use marey_engine::cost::{Machine, Processor, attempt_usd};

/// What to work out.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Length of the video in seconds
    #[arg(long, default_value_t = 3600.0)]
    seconds: f64,
    /// Frames in a second
    #[arg(long, default_value_t = 30.0)]
    rate_hz: f64,
    /// Size of the upload in megabytes
    #[arg(long, default_value_t = 1800.0)]
    megabytes: f64,
    /// Into how many ranges it is cut
    #[arg(long, value_delimiter = ',', default_value = "1,20,200")]
    shards: Vec<u32>,
    /// Frames in a second that one function's pose stage does
    #[arg(long, default_value_t = 180.0)]
    pose_hz: f64,
    /// Frames in a second that one function draws and encodes
    #[arg(long, default_value_t = 60.0)]
    draw_hz: f64,
    /// Megabytes in a second that one function fetches
    #[arg(long, default_value_t = 75.0)]
    fetch_mb_s: f64,
    /// Functions that begin at once; the others are added at 300 a minute
    #[arg(long, default_value_t = 5)]
    at_once: u32,
}

/// Seconds of overlap that a range is read beyond its end.
const OVERLAP_S: f64 = 1.0;
/// Reading every packet's header, joining recordings and pieces: so many frames in a second, and seconds that do not depend on
/// the length.
const PACKETS_HZ: f64 = 20_000.0;
const JOIN_HZ: f64 = 10_000.0;
/// Functions that an event source mapping adds in a second (AWS Lambda Developer Guide, "Configuring scaling behavior for
/// SQS event source mappings": 300 a minute).
const ADDED_PER_S: f64 = 5.0;
/// From the end of a stage to the beginning of the next, start of a process included.
const HOP_S: f64 = 0.5;
/// The longest that an attempt at pose or visualize may take in a function.
const LONGEST_S: f64 = 880.0;

/// What a stage takes.
struct Stage {
    name: &'static str,
    memory_mib: u32,
    /// One shard's attempt.
    attempt_s: f64,
    count: u32,
}

impl Stage {
    fn wall_s(&self, at_once: u32) -> f64 {
        let late = f64::from(self.count.saturating_sub(at_once)) / ADDED_PER_S;
        HOP_S + late + self.attempt_s
    }

    fn usd(&self) -> f64 {
        let machine = Machine::Lambda {
            memory_mib: self.memory_mib,
            processor: Processor::Arm64,
        };
        f64::from(self.count) * attempt_usd(&machine, self.attempt_s, 3)
    }
}

/// `cargo xtask scale`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let speeds = [
        options.rate_hz,
        options.pose_hz,
        options.draw_hz,
        options.fetch_mb_s,
        options.seconds,
    ];
    if speeds.iter().any(|speed| !speed.is_finite() || *speed <= 0.0) || options.shards.contains(&0) {
        bail!("lengths, speeds and numbers of shards must be above 0");
    }
    let frames = options.seconds * options.rate_hz;
    println!(
        "{:.0} s of video, {frames:.0} frames, {:.0} MB; functions on arm64, list prices of us-east-1\n",
        options.seconds, options.megabytes
    );
    println!(
        "{:>7} {:>14} {:>10} {:>10}   stages: seconds of one attempt",
        "shards", "wall time", "US$", "US$/min"
    );
    for &shards in &options.shards {
        let stages = stages(options, frames, shards);
        let wall_s: f64 = stages.iter().map(|stage| stage.wall_s(options.at_once)).sum();
        let usd: f64 = stages.iter().map(Stage::usd).sum();
        let each: Vec<_> = stages.iter().map(described).collect();
        let minutes = format!("{:.0} min {:02.0} s", (wall_s / 60.0).floor(), wall_s % 60.0);
        let usd_per_minute = usd / (options.seconds / 60.0);
        println!(
            "{shards:>7} {minutes:>14} {usd:>10.3} {usd_per_minute:>10.5}   {}",
            each.join(", ")
        );
    }
    Ok(())
}

fn described(stage: &Stage) -> String {
    let note = if stage.attempt_s > LONGEST_S {
        " (too long for a function: Batch)"
    } else {
        ""
    };
    format!("{} {:.0}{note}", stage.name, stage.attempt_s)
}

fn stages(options: &Options, frames: f64, shards: u32) -> [Stage; 5] {
    let fetch_s = options.megabytes / options.fetch_mb_s;
    let overlap = if shards > 1 { OVERLAP_S * options.rate_hz } else { 0.0 };
    let range = frames / f64::from(shards) + overlap;
    let stage = |name, memory_mib, attempt_s, count| Stage {
        name,
        memory_mib,
        attempt_s,
        count,
    };
    [
        stage("probe", 1024, fetch_s + frames / PACKETS_HZ, 1),
        stage("pose", 3008, fetch_s + range / options.pose_hz, shards),
        stage("biomechanics", 1769, frames / JOIN_HZ, 1),
        stage("visualize", 3008, fetch_s + range / options.draw_hz, shards),
        stage("report", 3008, fetch_s + frames / JOIN_HZ, 1),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shards: u32) -> (f64, f64) {
        let options = Options {
            seconds: 3600.0,
            rate_hz: 30.0,
            megabytes: 1800.0,
            shards: vec![],
            pose_hz: 180.0,
            draw_hz: 60.0,
            fetch_mb_s: 75.0,
            at_once: 5,
        };
        let stages = stages(&options, 108_000.0, shards);
        (
            stages.iter().map(|stage| stage.wall_s(5)).sum(),
            stages.iter().map(Stage::usd).sum(),
        )
    }

    #[test]
    fn more_shards_are_sooner_done_and_cost_what_they_fetch() {
        let (one, twenty, many) = (of(1), of(20), of(200));
        assert!(one.0 > twenty.0 && twenty.0 > many.0);
        assert!(one.1 < twenty.1 && twenty.1 < many.1);
    }
}

//! Measures; prints ratios against named peers of the same run and asserts nothing.

mod accuracy;
mod analysis;
mod hop;
mod jobs;
mod peer;
mod pose;
mod size;
mod start;
mod statistics;
mod table;
mod whole;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::{
    jobs::{Deployed, JobTimes},
    peer::Peer,
    table::Table,
};
use crate::{build, cloud::Kind, home, sample, setup, shell::step};

const EXAMPLES: &str = "Examples:
  cargo xtask bench                                 everything but the peer, on the sample
  cargo xtask bench --peer --video my_video.mp4     next to MediaPipe, on a video of yours too
  cargo xtask bench --only pose --peer --rounds 9   the estimator alone, with more patience
  cargo xtask bench --only size,start --release     what goes to AWS (building it takes a while)
  cargo xtask bench --only analysis --rounds 5      the analysis next to SciPy
  cargo xtask bench --accuracy                      how far angles are from the truth, on rendered videos

It leaves nothing running that was not running before. On a busy machine trust the best and the ratios.";

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measurement {
    /// Frames per second of the pose estimation
    Pose,
    /// Time from one stage to the next
    Hop,
    /// Sizes of the functions
    Size,
    /// Time and memory until a function is ready
    Start,
    /// Time from the upload of a video to its results
    Whole,
    /// Error of each angle on rendered videos
    Accuracy,
    /// Cleaning, angles and time warping next to Python's libraries
    Analysis,
}

/// What to measure.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Only these measurements
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    only: Vec<Measurement>,
    /// A video to measure on besides the sample
    #[arg(long, value_name = "FILE")]
    video: Option<PathBuf>,
    /// Compare with MediaPipe's own Python pipeline, and the analysis with SciPy; installs them the first time (500 MB)
    #[arg(long)]
    peer: bool,
    /// Only the error of each angle on rendered videos
    #[arg(long, conflicts_with = "only")]
    accuracy: bool,
    /// How often each thing is measured; Marey and its peer alternate
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Also build the functions as they go to AWS, and measure those (takes a while)
    #[arg(long)]
    release: bool,
    /// Write every number as JSON too; `.marey/bench.json` unless a file is given
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "absent, without a file, with a file")]
    json: Option<Option<PathBuf>>,
}

/// `cargo xtask bench`.
pub(crate) fn run(options: &Options) -> Result<()> {
    Bench::new(options)?.run()
}

struct Bench<'a> {
    options: &'a Options,
    rounds: usize,
    videos: Vec<PathBuf>,
    peer: Option<Peer>,
    figures: Map<String, Value>,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options) -> Result<Self> {
        if let Some(video) = &options.video
            && !video.is_file()
        {
            bail!("{} is not a file", video.display());
        }
        setup::all(&setup::Wanted::for_cloud(Kind::Ministack))?;
        let mut videos = vec![sample::default_video()?];
        if let Some(video) = &options.video {
            videos.push(video.canonicalize()?);
        }
        Ok(Self {
            options,
            rounds: usize::from(options.rounds),
            videos,
            peer: options.peer.then(Peer::install).transpose()?,
            figures: Map::new(),
        })
    }

    fn wants(&self, measurement: Measurement) -> bool {
        if self.options.accuracy {
            return measurement == Measurement::Accuracy;
        }
        // The analysis is only ever measured next to its peers.
        let is_usual = measurement != Measurement::Analysis || self.options.peer;
        (self.options.only.is_empty() && is_usual) || self.options.only.contains(&measurement)
    }

    fn run(mut self) -> Result<()> {
        let host = Host::look();
        println!("{}", host.sentence());
        self.figures.insert("host".into(), serde_json::to_value(&host)?);
        self.figures.insert("rounds".into(), json!(self.rounds));
        if self.wants(Measurement::Pose) {
            let figures = pose::measure(&self.videos, self.rounds, self.peer.as_ref())?;
            self.tell("pose", &figures, pose::tables(&figures, self.rounds))?;
        }
        if self.wants(Measurement::Accuracy) {
            let figures = accuracy::measure()?;
            self.tell("accuracy", &figures, vec![accuracy::table(&figures)])?;
        }
        if self.wants(Measurement::Analysis) {
            let figures = analysis::measure(self.rounds)?;
            self.tell("analysis", &figures, vec![analysis::table(&figures, self.rounds)])?;
        }
        if self.wants(Measurement::Size) || self.wants(Measurement::Start) {
            self.programs()?;
        }
        if self.wants(Measurement::Hop) || self.wants(Measurement::Whole) {
            self.jobs()?;
        }
        if let Some(file) = &self.options.json {
            let file = file.clone().unwrap_or_else(|| home().join("bench.json"));
            std::fs::write(&file, serde_json::to_vec_pretty(&self.figures)?)
                .with_context(|| format!("cannot write {}", file.display()))?;
            println!("\nevery number is in {}", file.display());
        }
        Ok(())
    }

    /// Sizes and starts.
    fn programs(&mut self) -> Result<()> {
        build::functions()?;
        if self.options.release {
            size::build_release()?;
        }
        if self.wants(Measurement::Size) {
            let figures = size::measure(self.options.release, self.peer.as_ref())?;
            self.tell("size", &figures, size::tables(&figures))?;
        }
        if self.wants(Measurement::Start) {
            let figures = start::measure("local build", size::laid_out_program, self.rounds)?;
            self.tell(
                "start",
                &figures,
                vec![start::table(&figures, "local build", self.rounds)],
            )?;
            if self.options.release {
                let figures = start::measure("release", size::release_program, self.rounds)?;
                self.tell(
                    "start_release",
                    &figures,
                    vec![start::table(&figures, "release", self.rounds)],
                )?;
            }
        }
        Ok(())
    }

    /// Hops and wholes, which come from the same jobs.
    fn jobs(&mut self) -> Result<()> {
        let deployed = Deployed::up()?;
        // The functions' processes start with the first job; that is what `start` measures.
        step("run a job to warm the functions up", || {
            job(&deployed, &self.videos[0], "warm")
        })?;
        let count = if self.wants(Measurement::Whole) {
            self.videos.len()
        } else {
            1
        };
        let mut jobs: Vec<Vec<JobTimes>> = Vec::new();
        for video in &self.videos[..count] {
            let title = format!("run {} jobs of {}", self.rounds, file_name(video));
            let run = |round: usize| job(&deployed, video, &round.to_string());
            jobs.push(step(&title, || (0..self.rounds).map(run).collect())?);
        }
        if self.wants(Measurement::Hop) {
            let figures = hop::measure(&deployed.stack, &jobs.concat())?;
            self.tell("hop", &figures, vec![hop::table(&figures)])?;
        }
        if self.wants(Measurement::Whole) {
            let peer = self.peer.as_ref();
            let sum_up = |(video, jobs): (&PathBuf, &Vec<JobTimes>)| whole::measure(video, jobs, peer);
            let figures = self.videos.iter().zip(&jobs).map(sum_up).collect::<Result<Vec<_>>>()?;
            self.tell("whole", &figures, whole::tables(&figures, self.rounds))?;
        }
        Ok(())
    }

    /// Shows what was measured as soon as it was.
    fn tell(&mut self, name: &str, figures: &impl Serialize, tables: Vec<Table>) -> Result<()> {
        for table in tables {
            println!("{table}");
        }
        self.figures.insert(name.to_owned(), serde_json::to_value(figures)?);
        Ok(())
    }
}

/// Each job has an upload of its own, by name.
fn job(deployed: &Deployed, video: &Path, round: &str) -> Result<JobTimes> {
    let name = format!("bench-{}-{round}-{}", std::process::id(), file_name(video));
    jobs::run(&deployed.stack, video, &name)
}

/// A file's own name.
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The machine, and how busy it was before anything was measured.
#[derive(Debug, Serialize)]
struct Host {
    processor: String,
    cores: usize,
    /// Mean number of programs that wanted to run in the minute before.
    load: Option<f64>,
}

impl Host {
    fn look() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        Self {
            processor: processor(&read("/proc/cpuinfo")).unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load: read("/proc/loadavg")
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok()),
        }
    }

    fn sentence(&self) -> String {
        let Self { processor, cores, load } = self;
        let load = load.map_or_else(String::new, |load| format!(", load {load} before"));
        format!("measured on {cores} cores of {processor}{load}")
    }
}

/// The processor's name as Linux tells it.
fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    fn parse(words: &str) -> Result<Options, clap::Error> {
        Command::try_parse_from(std::iter::once("bench").chain(words.split_whitespace())).map(|command| command.options)
    }

    #[test]
    fn the_options_are_read() {
        let options = parse("--only pose,size --rounds 9 --json").unwrap();
        assert_eq!(options.only, [Measurement::Pose, Measurement::Size]);
        assert_eq!((options.rounds, options.json, options.peer), (9, Some(None), false));
        assert_eq!(parse("--json a.json").unwrap().json, Some(Some("a.json".into())));
        assert!(parse("--accuracy").unwrap().accuracy);
        assert!(parse("--accuracy --only pose").is_err());
        assert!(parse("--rounds 0").is_err());
        assert!(parse("--only speed").is_err());
    }

    #[test]
    fn the_processor_is_named() {
        let cpuinfo = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t: fpu\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("AMD EPYC"));
        assert_eq!(processor("CPU implementer : 0x41"), None, "as on Arm");
    }
}

//! From the upload of a video to its results.

use std::{path::Path, time::Instant};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    jobs::{JobTimes, costs},
    peer::{self, Peer},
    statistics::Series,
    table::{Table, one_digit, short, times},
};
use crate::home;

/// What was measured on one video.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    video: String,
    frames: f64,
    /// From the beginning of the upload to the job's completion.
    whole_s: Series,
    /// The part of it in which no stage ran.
    between_s: Series,
    stages: Vec<Stage>,
    /// How long the peer takes for the poses alone: start, decode, estimate, write.
    peer_poses_s: Option<Series>,
}

#[derive(Debug, Serialize)]
struct Stage {
    name: String,
    run_s: Series,
    /// The video's frames over the median time.
    frames_per_second: f64,
}

/// Sums up the jobs of one video, and has the peer look at it as often.
pub(crate) fn measure(video: &Path, jobs: &[JobTimes], peer: Option<&Peer>) -> Result<Figures> {
    let first = jobs.first().context("no job was run")?;
    let stages = first.stages.iter().enumerate().map(|(index, stage)| {
        let run_s = costs(jobs, |job| job.stages[index].run_ms / 1e3)?;
        Ok(Stage {
            name: stage.name.clone(),
            frames_per_second: first.frames / run_s.median,
            run_s,
        })
    });
    Ok(Figures {
        video: super::file_name(video),
        frames: first.frames,
        whole_s: costs(jobs, |job| job.whole_ms / 1e3)?,
        between_s: costs(jobs, |job| job.between_ms() / 1e3)?,
        stages: stages.collect::<Result<_>>()?,
        peer_poses_s: match peer {
            Some(peer) => Some(peer_poses(peer, video, jobs.len())?),
            None => None,
        },
    })
}

fn peer_poses(peer: &Peer, video: &Path, rounds: usize) -> Result<Series> {
    let out = tempfile::NamedTempFile::new_in(home())?;
    let mut all = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        peer.program("mediapipe_tracked.py")
            .arg(video)
            .arg(out.path())
            .quiet()?;
        all.push(started.elapsed().as_secs_f64());
    }
    Series::of_costs(all).context("no rounds")
}

/// The whole by video, and its parts.
pub(crate) fn tables(figures: &[Figures], rounds: usize) -> Vec<Table> {
    let head = [
        "video",
        "frames",
        "s",
        "best",
        "no stage ran",
        "peer's poses alone s",
        "ratio",
    ];
    let title = format!("whole: upload to results on the local cloud, warm functions, median of {rounds}");
    let mut whole = Table::new(title, &head);
    for figures in figures {
        let peer = figures.peer_poses_s.as_ref();
        let share = 100.0 * figures.between_s.median / figures.whole_s.median;
        whole.row([
            short(&figures.video),
            format!("{:.0}", figures.frames),
            format!("{:.2}", figures.whole_s.median),
            format!("{:.2}", figures.whole_s.best),
            format!("{share:.1} %"),
            one_digit(peer.map(|peer| peer.median)),
            times(peer.map(|peer| peer.median / figures.whole_s.median)),
        ]);
    }
    if figures.iter().any(|figures| figures.peer_poses_s.is_some()) {
        whole.note(format!(
            "The peer, {}, starts, decodes and writes its poses; Marey also measures angles, and draws \
             the annotated video, the plots and the report.",
            peer::NAME
        ));
    }
    let mut parts = Table::new(
        "whole: the run of each stage, with its downloads and uploads",
        &["video and stage", "s", "best", "frames/s", "share"],
    );
    for figures in figures {
        for stage in &figures.stages {
            parts.row([
                format!("{}, {}", short(&figures.video), stage.name),
                format!("{:.2}", stage.run_s.median),
                format!("{:.2}", stage.run_s.best),
                format!("{:.0}", stage.frames_per_second),
                format!("{:.0} %", 100.0 * stage.run_s.median / figures.whole_s.median),
            ]);
        }
    }
    vec![whole, parts]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::jobs;

    #[test]
    fn the_parts_are_shares_of_the_whole() {
        let jobs = vec![jobs::tests::times(); 3];
        let figures = measure(Path::new("/videos/squat.mp4"), &jobs, None).unwrap();
        let [whole, parts] = tables(&[figures], 3).try_into().unwrap();
        let cells = |table: &Table, row: &str| -> Vec<String> {
            let text = table.to_string();
            let line = text.lines().find(|line| line.contains(row)).unwrap();
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(
            cells(&whole, "squat.mp4"),
            ["squat.mp4", "180", "3.00", "3.00", "26.7 %", "–", "–"]
        );
        assert_eq!(cells(&parts, "pose"), ["squat.mp4, pose", "2.00", "2.00", "90", "67 %"]);
    }

    #[test]
    fn without_jobs_there_is_nothing_to_tell() {
        assert!(measure(Path::new("a.mp4"), &[], None).is_err());
    }
}

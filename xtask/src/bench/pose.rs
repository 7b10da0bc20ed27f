//! How fast poses are estimated, next to MediaPipe on the very same frames.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use marey_media::{FrameReader, Limits, ReadOptions, Tools};
use serde::Serialize;

use super::{
    peer::{self, Peer, number},
    statistics::Series,
    table::{Table, one_digit, short, times},
};
use crate::{
    build, home,
    shell::{Program, step},
};

/// Decoded frames take no more room than this on disk, in bytes; the beginning of a long video stands for all of it.
const MOST_BYTES: u64 = 1 << 30;

/// Points of which the peer itself believes that they are seen; where the others are is anybody's guess.
const SEEN: f64 = 0.5;

/// What was measured on one video.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    video: String,
    width_px: u32,
    height_px: u32,
    /// Frames that were timed.
    frames: u64,
    frames_per_second: Series,
    /// Share of the time spent inside ONNX Runtime, in `0..=1`.
    inference_share: Series,
    own_ms_per_frame: Series,
    peer: Option<PeerFigures>,
}

#[derive(Debug, Serialize)]
struct PeerFigures {
    name: &'static str,
    frames_per_second: Series,
    /// Processor time of all its threads in the time that it took.
    cores: Series,
    /// Marey's speed over the peer's.
    ratio: Series,
    difference: Difference,
}

/// How far two programs' landmarks are apart, over the points that the peer sees.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Difference {
    mean_px: f64,
    /// 99 of 100 points are at most this far apart.
    most_px: f64,
    greatest_px: f64,
    points: usize,
    /// Frames in which one of the two saw a person and the other did not.
    frames_apart: usize,
}

/// Measures on each video; the two programs alternate.
pub(crate) fn measure(videos: &[PathBuf], rounds: usize, peer: Option<&Peer>) -> Result<Vec<Figures>> {
    let program = build_example("throughput")?;
    let measure = |video: &PathBuf| {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(home())?;
        let frames = step(&format!("decode {}", video.display()), || {
            decode(video, folder.path().join("frames.rgb"))
        })?;
        step(&format!("estimate poses, {rounds} rounds"), || {
            measure_frames(video, &frames, &program, rounds, peer)
        })
    };
    videos.iter().map(measure).collect()
}

/// The features are those of the whole workspace, so that nothing is built a second time.
pub(super) fn build_example(name: &str) -> Result<PathBuf> {
    Program::cargo()
        .args(["build", "--workspace", "--exclude", "xtask", "--example", name])
        .run()?;
    Ok(build::target().join("debug/examples").join(name))
}

/// Raw frames in a file, to be read by both programs.
pub(super) struct Frames {
    pub(super) file: PathBuf,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// Decodes a video, or its beginning, into a file of raw RGB frames.
pub(super) fn decode(video: &Path, file: PathBuf) -> Result<Frames> {
    let tools = Tools::from_env()?;
    let info = marey_media::probe(&tools, video, &Limits::default())?;
    let mut reader = FrameReader::open(&tools, video, &info, ReadOptions::default())?;
    let (width, height) = reader.size();
    let mut out = BufWriter::new(File::create(&file)?);
    let mut bytes = 0;
    while let Some(frame) = reader.read()? {
        bytes += frame.rgb.len() as u64;
        if bytes > MOST_BYTES {
            break;
        }
        out.write_all(&frame.rgb)?;
        reader.recycle(frame);
    }
    out.flush()?;
    Ok(Frames { file, width, height })
}

fn measure_frames(
    video: &Path,
    frames: &Frames,
    program: &Path,
    rounds: usize,
    peer: Option<&Peer>,
) -> Result<Figures> {
    let landmarks = |who: &str| frames.file.with_file_name(who);
    let size = [frames.width.to_string(), frames.height.to_string()];
    let (mut ours, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let run = Program::new(program)
            .arg(home().join("lib/libonnxruntime.so"))
            .arg(home().join("models"))
            .arg(&frames.file)
            .args(&size)
            .arg("1")
            .arg(landmarks("marey"));
        ours.push(run.text()?);
        if let Some(peer) = peer {
            let run = peer.program("mediapipe_throughput.py").arg(&frames.file).args(&size);
            peers.push(run.arg(landmarks("mediapipe")).text()?);
        }
    }
    let frames_per_second = of_rates(&ours, "frames_per_second")?;
    let compare = |_: &Peer| {
        let read = |who: &str| std::fs::read_to_string(landmarks(who));
        let difference = difference(&read("marey")?, &read("mediapipe")?)?;
        peer_figures(&frames_per_second, &peers, difference)
    };
    let peer = peer.map(compare).transpose()?;
    Ok(Figures {
        video: super::file_name(video),
        width_px: frames.width,
        height_px: frames.height,
        frames: number(&ours[0], "frames")? as u64,
        frames_per_second,
        inference_share: of_rates(&ours, "inference_share")?,
        own_ms_per_frame: Series::of_costs(all(&ours, "own_ms_per_frame")?).context("no rounds")?,
        peer,
    })
}

fn peer_figures(ours: &Series, said: &[String], difference: Difference) -> Result<PeerFigures> {
    let frames_per_second = of_rates(said, "frames_per_second")?;
    Ok(PeerFigures {
        name: peer::NAME,
        cores: Series::of_costs(all(said, "cores")?).context("no rounds")?,
        ratio: ours.over(&frames_per_second).context("no rounds")?,
        frames_per_second,
        difference,
    })
}

fn all(said: &[String], name: &str) -> Result<Vec<f64>> {
    said.iter().map(|said| number(said, name)).collect()
}

fn of_rates(said: &[String], name: &str) -> Result<Series> {
    Series::of_rates(all(said, name)?).context("no rounds")
}

/// Compares two files of landmarks, a frame a line: `x_px y_px visibility` for each point, or `-` for nobody.
fn difference(ours: &str, theirs: &str) -> Result<Difference> {
    if ours.lines().count() != theirs.lines().count() {
        bail!("the two programs saw a different number of frames");
    }
    let (mut distances, mut frames_apart) = (Vec::new(), 0);
    for (ours, theirs) in ours.lines().zip(theirs.lines()) {
        match (points(ours)?, points(theirs)?) {
            (Some(ours), Some(theirs)) => {
                let seen = ours.iter().zip(&theirs).filter(|(_, peer)| peer[2] >= SEEN);
                distances.extend(seen.map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1])));
            }
            (None, None) => {}
            _ => frames_apart += 1,
        }
    }
    distances.sort_by(f64::total_cmp);
    let reaching = |share: f64| {
        let index = (share * distances.len() as f64).ceil() as usize;
        distances.get(index.saturating_sub(1)).copied().unwrap_or_default()
    };
    Ok(Difference {
        mean_px: distances.iter().sum::<f64>() / distances.len().max(1) as f64,
        most_px: reaching(0.99),
        greatest_px: reaching(1.0),
        points: distances.len(),
        frames_apart,
    })
}

fn points(line: &str) -> Result<Option<Vec<[f64; 3]>>> {
    if line == "-" {
        return Ok(None);
    }
    let numbers: Vec<f64> = line
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()
        .context("a line of landmarks cannot be read")?;
    let (points, rest) = numbers.as_chunks();
    if points.is_empty() || !rest.is_empty() {
        bail!("a line of landmarks has {} numbers", numbers.len());
    }
    Ok(Some(points.to_vec()))
}

/// Speeds, and what the difference to the peer is.
pub(crate) fn tables(figures: &[Figures], rounds: usize) -> Vec<Table> {
    let head = [
        "video",
        "px",
        "frames",
        "frames/s",
        "best",
        "inference",
        "own ms",
        "peer's",
        "ratio",
    ];
    let title = format!("pose: frames per second on one thread, median of {rounds}");
    let mut speed = Table::new(title, &head);
    for figures in figures {
        let peer = figures.peer.as_ref();
        speed.row([
            short(&figures.video),
            format!("{}×{}", figures.width_px, figures.height_px),
            figures.frames.to_string(),
            format!("{:.1}", figures.frames_per_second.median),
            format!("{:.1}", figures.frames_per_second.best),
            format!("{:.1} %", 100.0 * figures.inference_share.median),
            format!("{:.2}", figures.own_ms_per_frame.median),
            one_digit(peer.map(|peer| peer.frames_per_second.median)),
            times(peer.map(|peer| peer.ratio.median)),
        ]);
    }
    let cores: Vec<f64> = figures
        .iter()
        .filter_map(|figures| Some(figures.peer.as_ref()?.cores.median))
        .collect();
    let Some(most_cores) = cores.into_iter().reduce(f64::max) else {
        speed.note("Give --peer to compare with MediaPipe's own pipeline.");
        return vec![speed];
    };
    speed.note(format!(
        "Time inside the estimator only, on the same decoded frames, without the first one. The peer, {} in Python at \
         complexity 1 and otherwise as it comes, kept {most_cores:.2} cores busy.",
        peer::NAME
    ));
    let head = [
        "video",
        "points",
        "mean px",
        "99 % within px",
        "greatest px",
        "one saw nobody",
    ];
    let title = format!("pose: distance of landmarks to those of {}, both smoothed", peer::NAME);
    let mut distance = Table::new(title, &head);
    for figures in figures {
        if let Some(PeerFigures { difference, .. }) = &figures.peer {
            distance.row([
                short(&figures.video),
                difference.points.to_string(),
                format!("{:.2}", difference.mean_px),
                format!("{:.2}", difference.most_px),
                format!("{:.2}", difference.greatest_px),
                format!("{} frames", difference.frames_apart),
            ]);
        }
    }
    distance.note(format!("Points whose visibility is at least {SEEN} to the peer."));
    vec![speed, distance]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_over_the_points_that_the_peer_sees() {
        let ours = "10 10 0.9 20 20 0.9\n-\n0 0 1 0 0 1\n";
        let theirs = "13 14 0.9 99 99 0.1\n-\n0 1 1 0 0 0.5\n";
        let expected = Difference {
            mean_px: 2.0,
            most_px: 5.0,
            greatest_px: 5.0,
            points: 3,
            frames_apart: 0,
        };
        assert_eq!(difference(ours, theirs).unwrap(), expected);
    }

    #[test]
    fn one_point_in_a_hundred_may_be_far_away() {
        let here = "0 0 1 ".repeat(99);
        let moved = difference(&format!("{here}0 0 1"), &format!("{here}30 40 1")).unwrap();
        assert!(moved.most_px.abs() < 1e-9);
        assert!((moved.greatest_px - 50.0).abs() < 1e-9);
        assert!((moved.mean_px - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_person_whom_only_one_saw_is_counted_apart() {
        let seen = "1 1 1\n";
        assert_eq!(difference(seen, "-\n").unwrap().frames_apart, 1);
        assert_eq!(difference("-\n", seen).unwrap().frames_apart, 1);
        assert!(difference(seen, "-\n").unwrap().mean_px.abs() < 1e-9, "of nothing");
    }

    #[test]
    fn landmarks_that_cannot_be_compared_are_refused() {
        assert!(difference("1 1 1\n", "1 1 1\n1 1 1\n").is_err(), "a frame more");
        assert!(difference("1 1\n", "1 1 1\n").is_err(), "a number less");
        assert!(difference("1 1 x\n", "1 1 1\n").is_err(), "no number");
        assert!(difference("\n", "1 1 1\n").is_err(), "nothing at all");
    }
}

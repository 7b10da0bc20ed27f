//! Going through a video again and again with a clock.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use marey_media::{FrameReader, MediaError, ReadOptions, Tools, VideoInfo};
use marey_motion::Pose;
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions, Provider};

use super::machine::{forget_peak, peak_memory_bytes};
use crate::bars::Passes;
use crate::error::Error;
use crate::screen::Screen;
use crate::words::counted;

/// What is measured: a video, as far as it is gone through.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) tools: Tools,
    pub(super) path: PathBuf,
    pub(super) info: VideoInfo,
    /// Frames of each pass.
    pub(super) frames: u64,
    pub(super) passes: u32,
}

/// What it is measured with.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) library: PathBuf,
    pub(super) models: PathBuf,
    pub(super) provider: Provider,
    pub(super) threads: u16,
    /// Most people who are followed at once.
    pub(super) people: u16,
}

impl Setup {
    /// The device in words; that one person is followed goes without saying.
    pub(super) fn name(&self) -> String {
        let threads = counted(self.threads.into(), "thread");
        let people = match self.people {
            1 => String::new(),
            people => format!(", up to {people} people"),
        };
        format!("{}, {threads}{people}", self.provider.name())
    }
}

/// How long it took until the first frame could be looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    /// Loading ONNX Runtime's library; next to nothing if it was loaded before.
    pub(super) library: Duration,
    /// Reading the models and checking their SHA-256.
    pub(super) models: Duration,
    /// Preparing them.
    pub(super) sessions: Duration,
}

/// The times of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// The estimator, with everything around the models.
    pub(super) estimate: Duration,
    /// The models alone.
    pub(super) inference: Duration,
    /// From asking for the frame to having its pose, the decoder working ahead.
    pub(super) together: Duration,
}

/// One time through the video.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) frames: Vec<Times>,
    /// All frames, from starting the decoder to the last pose.
    pub(super) total: Duration,
    /// The times between frames where nothing but decoding is done.
    pub(super) decode: Vec<Duration>,
    /// The same from starting the decoder to the last frame.
    pub(super) decode_total: Duration,
    /// How often the detector ran.
    pub(super) detector_runs: u64,
}

/// Everything that was measured on one device.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) version: &'static str,
    /// The models' names and the SHA-256 of their files.
    pub(super) models: Vec<(String, String)>,
    pub(super) load: Load,
    /// Without the first.
    pub(super) passes: Vec<Pass>,
    /// Of the last pass.
    pub(super) poses: Vec<Option<Pose>>,
    pub(super) peak_memory_bytes: Option<u64>,
    /// Whether the peak is this device's alone.
    pub(super) is_own_peak: bool,
}

/// ONNX Runtime, which a process can load once, and how long that took.
#[derive(Debug)]
pub(super) struct Library {
    runtime: OnnxRuntime,
    took: Duration,
}

impl Library {
    pub(super) fn load(setup: &Setup) -> Result<Self, Error> {
        let started = Instant::now();
        let runtime = OnnxRuntime::load(&setup.library)?;
        let took = started.elapsed();
        Ok(Self { runtime, took })
    }
}

/// Whether a device is there with its models, which is better known before another one was measured for minutes.
///
/// # Errors
/// What measuring would end with.
pub(super) fn check(setup: &Setup, library: &Library) -> Result<(), Error> {
    library.runtime.with_provider(setup.provider)?;
    Models::open(&setup.models)?;
    Ok(())
}

/// Measures one device.
pub(super) fn measure(screen: &Screen, subject: &Subject, setup: &Setup, library: &Library) -> Result<Measured, Error> {
    let is_own_peak = forget_peak();
    let started = Instant::now();
    let runtime = library.runtime.with_provider(setup.provider)?;
    let models = Models::open(&setup.models)?;
    let opened = started.elapsed();
    let options = PoseOptions {
        threads: setup.threads.into(),
        most_people: setup.people.into(),
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&runtime, &models, options)?;
    let load = Load {
        library: library.took,
        models: opened,
        sessions: started.elapsed().saturating_sub(opened),
    };
    // Each frame is decoded once alone and once for its pose.
    let shown = Passes::begin(screen, &setup.name(), subject.passes, subject.frames, 2);
    let (mut passes, mut poses) = (Vec::new(), Vec::new());
    for number in 0..subject.passes {
        shown.pass(number);
        let (decode, decode_total) = decode_alone(subject, &shown)?;
        poses.clear();
        let pass = together(subject, &mut estimator, &mut poses, &shown)?;
        if number > 0 {
            passes.push(Pass {
                decode,
                decode_total,
                ..pass
            });
        }
    }
    Ok(Measured {
        version: runtime.version(),
        models: models
            .names()
            .map(|(name, hash)| (name.to_owned(), hash.to_owned()))
            .collect(),
        load,
        passes,
        poses,
        peak_memory_bytes: peak_memory_bytes(),
        is_own_peak,
    })
}

fn about(path: &Path, source: MediaError) -> Error {
    Error::Media {
        path: path.to_owned(),
        source,
    }
}

fn open(subject: &Subject) -> Result<FrameReader, Error> {
    let reader = FrameReader::open(&subject.tools, &subject.path, &subject.info, ReadOptions::default());
    reader.map_err(|source| about(&subject.path, source))
}

/// Decodes and does nothing else.
fn decode_alone(subject: &Subject, shown: &Passes) -> Result<(Vec<Duration>, Duration), Error> {
    let started = Instant::now();
    let mut reader = open(subject)?;
    let (mut times, mut before) = (Vec::new(), started);
    while (times.len() as u64) < subject.frames {
        let read = reader.read().map_err(|source| about(&subject.path, source))?;
        let Some(frame) = read else { break };
        let now = Instant::now();
        times.push(now - before);
        before = now;
        reader.recycle(frame);
        shown.frame();
    }
    Ok((times, before - started))
}

/// Decodes and estimates every frame's pose.
fn together(
    subject: &Subject,
    estimator: &mut PoseEstimator,
    poses: &mut Vec<Option<Pose>>,
    shown: &Passes,
) -> Result<Pass, Error> {
    estimator.reset();
    let began = estimator.timings();
    let mut last = began;
    let started = Instant::now();
    let mut reader = open(subject)?;
    let (mut frames, mut before) = (Vec::new(), started);
    while (frames.len() as u64) < subject.frames {
        let read = reader.read().map_err(|source| about(&subject.path, source))?;
        let Some(frame) = read else { break };
        let image = ImageView::rgb(&frame.rgb, frame.width, frame.height)?;
        poses.push(estimator.process(image, frame.time_s)?);
        let now = Instant::now();
        let timings = estimator.timings();
        let spent = timings.since(&last);
        frames.push(Times {
            estimate: spent.total,
            inference: spent.inference,
            together: now - before,
        });
        (last, before) = (timings, now);
        reader.recycle(frame);
        shown.frame();
    }
    Ok(Pass {
        frames,
        total: before - started,
        decode: Vec::new(),
        decode_total: Duration::ZERO,
        detector_runs: last.since(&began).detector_runs,
    })
}

/// Looks at the video.
pub(super) fn subject(path: &Path, passes: u32, most_frames: Option<u64>) -> Result<Subject, Error> {
    let tools = Tools::from_env().map_err(|source| about(path, source))?;
    let info = marey_media::probe(&tools, path, &marey_media::Limits::default());
    let info = info.map_err(|source| about(path, source))?;
    let frames = most_frames.map_or(info.frame_count, |most| most.min(info.frame_count));
    Ok(Subject {
        tools,
        path: path.to_owned(),
        info,
        frames,
        passes,
    })
}

//! Follows the person in a video and writes the recording, as the pipeline's pose stage does, without a pipeline.
//!
//! ```text
//! record LIBRARY MODELS VIDEO RECORDING.parquet
//! ```
//!
//! LIBRARY is ONNX Runtime's, MODELS the folder of the models. Landmarks are not smoothed: an analysis filters without lag.

use std::{env, error::Error, ffi::OsString, fs, path::Path};

use marey_media::{FrameReader, Limits, ReadOptions, Tools, probe};
use marey_motion::{Identities, Person, Pose, Recording, Skeleton, Source, formats::recording_to_parquet};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, models, video, output] = arguments.as_slice() else {
        return Err("usage: record LIBRARY MODELS VIDEO RECORDING.parquet".into());
    };
    let options = PoseOptions {
        smooth: false,
        ..PoseOptions::default()
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let mut estimator = PoseEstimator::new(&runtime, &Models::open(Path::new(models))?, options)?;
    let recording = record(&mut estimator, Path::new(video))?;
    fs::write(output, recording_to_parquet(&recording)?)?;
    println!(
        "{} frames, {} people: {:?} poses",
        recording.time_s.len(),
        recording.people.len(),
        recording
            .people
            .iter()
            .map(|person| person.poses.iter().flatten().count())
            .collect::<Vec<_>>()
    );
    Ok(())
}

fn record(estimator: &mut PoseEstimator, video: &Path) -> Result<Recording, Box<dyn Error>> {
    let tools = Tools::from_env()?;
    let info = probe(&tools, video, &Limits::default())?;
    let mut reader = FrameReader::open(&tools, video, &info, ReadOptions::default())?;
    // Landmarks are kept in pixels of the upright original, whatever size the frames are read at.
    let (width, height) = reader.size();
    let (x, y) = (
        info.width_px as f32 / width as f32,
        info.height_px as f32 / height as f32,
    );
    let mut identities = Identities::default();
    let (mut time_s, mut seen) = (Vec::new(), Vec::new());
    while let Some(frame) = reader.read()? {
        let view = ImageView::rgb(&frame.rgb, frame.width, frame.height)?;
        if let Some(pose) = estimator.process(view, frame.time_s)? {
            let person = identities.assign(&pose, frame.time_s);
            seen.push((person, time_s.len(), pose.scaled(x, y)));
        }
        time_s.push(frame.time_s);
        reader.recycle(frame);
    }
    Ok(Recording {
        source: Source {
            name: video
                .file_name()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            width_px: info.width_px,
            height_px: info.height_px,
        },
        skeleton: Skeleton::BlazePose33,
        model: estimator.model(),
        people: people(identities.len(), time_s.len(), seen),
        time_s,
    })
}

/// Sorts poses by person: a pose or a gap for every frame.
fn people(count: usize, frames: usize, seen: Vec<(usize, usize, Pose)>) -> Vec<Person> {
    let mut people: Vec<_> = (0..count)
        .map(|id| Person {
            id: id as u32,
            poses: vec![None; frames],
        })
        .collect();
    for (person, frame, pose) in seen {
        people[person].poses[frame] = Some(pose);
    }
    people
}

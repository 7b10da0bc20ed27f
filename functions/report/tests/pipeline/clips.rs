//! Videos and recordings for the pipeline.

use marey_cloud::{Output, OutputFile, StageError, Work};
use marey_fn_kit::video_info;
use marey_media::{EncodeOptions, Encoder, Preset, Tools};
use marey_motion::{Model, Recording, Skeleton, Source, formats::recording_to_parquet};
use marey_sample::{Scene, render};

/// A scene as an MP4.
pub(crate) fn rendered(tools: &Tools, scene: &Scene) -> Vec<u8> {
    let frames = render(scene, |_, _| {}).unwrap();
    let frames = frames.into_iter().map(|frame| (frame.time_s, frame.rgb));
    encoded(tools, EncodeOptions::new(scene.width, scene.height), frames)
}

/// A video in which nothing is to be seen, 30 frames per second.
pub(crate) fn grey(tools: &Tools, width: u32, height: u32, frames: usize) -> Vec<u8> {
    let options = EncodeOptions {
        preset: Preset::Ultrafast,
        ..EncodeOptions::new(width, height)
    };
    let picture = vec![120; (width * height * 3) as usize];
    let frames = (0..frames).map(|index| (index as f64 / 30.0, picture.clone()));
    encoded(tools, options, frames)
}

fn encoded(tools: &Tools, options: EncodeOptions, frames: impl Iterator<Item = (f64, Vec<u8>)>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let mut encoder = Encoder::create(tools, &path, options).unwrap();
    for (time_s, rgb) in frames {
        encoder.write(&rgb, time_s).unwrap();
    }
    encoder.finish().unwrap();
    std::fs::read(path).unwrap()
}

/// What a model would leave that finds nobody, with a time for every frame.
pub(crate) fn recording_of_nobody(work: &Work) -> Result<Output, StageError> {
    let info = video_info(work)?;
    let recording = Recording {
        source: Source {
            name: work.job.input.name.clone(),
            width_px: info.width_px,
            height_px: info.height_px,
        },
        skeleton: Skeleton::BlazePose33,
        model: Model {
            name: "none".to_owned(),
            sha256: "0".repeat(64),
        },
        time_s: (0..info.frame_count).map(|index| index as f64 / 30.0).collect(),
        people: Vec::new(),
    };
    let path = work.scratch.join("recording.parquet");
    std::fs::write(&path, recording_to_parquet(&recording).map_err(StageError::internal)?)?;
    let file = OutputFile {
        name: "recording.parquet",
        content_type: "application/vnd.apache.parquet",
        path,
    };
    Ok(Output {
        files: vec![file],
        facts: serde_json::json!({"frames": info.frame_count}),
    })
}

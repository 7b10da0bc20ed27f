//! Videos and recordings for the pipeline.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use marey_cloud::{Output, StageError, Work};
use marey_fn_kit::{PARQUET, save, video_info};
use marey_media::{EncodeOptions, Encoder, Preset, Tools};
use marey_motion::{Model, Person, Point, Pose, Recording, Skeleton, Source, Spaces, formats::recording_to_parquet};
use marey_sample::{Figure, Motion, Scene, Squat, Walk, render};

/// A scene as an MP4.
pub(crate) fn rendered(tools: &Tools, scene: &Scene) -> Vec<u8> {
    let frames = render(scene, |_, _| {}).unwrap();
    let frames = frames.into_iter().map(|frame| (frame.time_s, frame.rgb));
    encoded(tools, EncodeOptions::new(scene.width, scene.height), frames)
}

/// One squat in a second: faster ones are smoothed away with the noise.
pub(crate) fn short_squat() -> Scene {
    let squat = Squat {
        repetitions: 1,
        ..Squat::default()
    };
    Scene {
        figures: vec![Figure::new(Motion::Squat(squat))],
        duration_s: 1.0,
        ..Scene::squat()
    }
}

/// An empty picture for five seconds, then somebody who squats; a key frame every second.
pub(crate) fn late_squat(tools: &Tools) -> Vec<u8> {
    let scene = Scene {
        duration_s: 4.0,
        ..Scene::squat()
    };
    let options = EncodeOptions {
        key_frame_every_s: 1.0,
        ..EncodeOptions::new(scene.width, scene.height)
    };
    let empty = vec![120; (scene.width * scene.height * 3) as usize];
    let empty = (0..150).map(|index| (f64::from(index) / 30.0, empty.clone()));
    let squat = render(&scene, |_, _| {}).unwrap();
    let squat = squat.into_iter().map(|frame| (5.0 + frame.time_s, frame.rgb));
    encoded(tools, options, empty.chain(squat))
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

/// What a model would leave that sees somebody who stands still in every frame.
pub(crate) fn recording_of_a_dream(work: &Work) -> Result<Output, StageError> {
    let info = video_info(work)?;
    let point = |index: usize| Point {
        x_px: 100.0 + 7.0 * (index % 2) as f32,
        y_px: 40.0 + 5.0 * index as f32,
        z_px: 0.0,
        x_m: 0.05 * (index % 2) as f32,
        y_m: 0.05 * index as f32,
        z_m: 0.0,
        visibility: 0.9,
        presence: 0.9,
    };
    let pose = Pose {
        score: 0.9,
        points: (0..33).map(point).collect(),
    };
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
        spaces: Spaces::Both,
        time_s: (0..info.frame_count).map(|index| index as f64 / 30.0).collect(),
        people: vec![Person {
            id: 0,
            poses: vec![Some(pose); info.frame_count as usize],
        }],
    };
    let bytes = recording_to_parquet(&recording).map_err(StageError::internal)?;
    Ok(Output {
        files: vec![
            save(work, "recording.parquet", PARQUET, &bytes)?,
            save(work, "clothes.json", "application/json", b"[null]")?,
        ],
        facts: serde_json::json!({"frames": info.frame_count}),
    })
}

/// A film with a beep each second, of whose sound a clip can have its own.
pub(crate) fn beeping(tools: &Tools, folder: &Path, duration_s: f64) -> PathBuf {
    let path = folder.join("beeps.mp4");
    let sound = format!("aevalsrc=0.5*sin(2000*t)*lt(mod(t+0.3\\,1)\\,0.1):d={duration_s}:s=44100");
    let picture = format!("color=size=64x48:rate=5:duration={duration_s}");
    let made = Command::new(&tools.ffmpeg)
        .args([
            "-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound,
        ])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    path
}

/// A slow walk across the picture, with sound and a key frame every second. Another seed is another camera's noise.
pub(crate) fn slow_walk(tools: &Tools, seed: u64) -> Vec<u8> {
    let scene = Scene {
        figures: vec![Figure::new(Motion::Walk(Walk {
            stride_time_s: 3.4,
            ..Walk::default()
        }))],
        width: 640,
        height: 360,
        duration_s: 12.6,
        seed,
        ..Scene::walk()
    };
    let folder = tempfile::tempdir().unwrap();
    let options = EncodeOptions {
        key_frame_every_s: 1.0,
        audio_from: Some(beeping(tools, folder.path(), scene.duration_s)),
        ..EncodeOptions::new(scene.width, scene.height)
    };
    let frames = render(&scene, |_, _| {}).unwrap();
    encoded(
        tools,
        options,
        frames.into_iter().map(|frame| (frame.time_s, frame.rgb)),
    )
}

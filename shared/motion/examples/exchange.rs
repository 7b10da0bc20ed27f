//! Writes one recording in every format into a folder, for programs that check them: see `tests/reference/check_exchange.py`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use marey_motion::formats::{Content, Format, Units, WriteOptions, recording_from_trc, recording_to_json, write};
use marey_motion::{Recording, Skeleton};

#[path = "../tests/support/mod.rs"]
mod support;

use support::{Figure, Joints, even_s, recording};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: exchange FOLDER [TRC]")?);
    fs::create_dir_all(&folder)?;
    let recording = squat();
    fs::write(folder.join("recording.json"), recording_to_json(&recording)?)?;
    let options = WriteOptions::default();
    let pixels = WriteOptions {
        units: Units::Px,
        ..options.clone()
    };
    let halpe = WriteOptions {
        skeleton: Some(Skeleton::Halpe26),
        ..options.clone()
    };
    for (name, format, options) in [
        ("metres.trc", Format::Trc, &options),
        ("pixels.trc", Format::Trc, &pixels),
        ("halpe.trc", Format::Trc, &halpe),
        ("metres.c3d", Format::C3d, &options),
        ("image.mot", Format::Mot, &pixels),
        ("world.mot", Format::Mot, &options),
        ("landmarks.csv", Format::Csv, &options),
        ("coco.json", Format::Coco, &options),
        ("neuropose.json", Format::NeuroPose, &options),
        ("results.json", Format::NeuroPoseResults, &options),
        ("openpose.jsonl", Format::OpenPose, &options),
    ] {
        save(&folder, name, &write(&recording, format, options)?.content)?;
    }
    seeds(&folder.join("seeds"))?;
    // A real file, through Marey and back.
    if let Some(trc) = std::env::args_os().nth(2) {
        let read = recording_from_trc(
            &fs::read_to_string(trc)?,
            &marey_motion::formats::ReadOptions::default(),
        )?;
        save(
            &folder,
            "real.trc",
            &write(&read.recording, Format::Trc, &options)?.content,
        )?;
        save(
            &folder,
            "real.c3d",
            &write(&read.recording, Format::C3d, &options)?.content,
        )?;
        save(
            &folder,
            "real.mot",
            &write(&read.recording, Format::Mot, &options)?.content,
        )?;
    }
    Ok(())
}

/// Two seconds of a squat seen from the side, with a gap and a wrist that is not seen.
fn squat() -> Recording {
    let poses = (0..60).map(|frame| {
        let knee_deg = 50.0 - 50.0 * (f64::from(frame) * std::f64::consts::TAU / 60.0).cos();
        let mut pose = Figure::symmetric(Joints {
            knee_deg,
            hip_deg: 0.9 * knee_deg,
            ankle_deg: 0.25 * knee_deg,
            ..Joints::default()
        })
        .pose();
        pose.points[15].visibility = if frame < 20 { 0.1 } else { 0.9 };
        (!(30..33).contains(&frame)).then_some(pose)
    });
    recording(even_s(60, 30.0), poses.collect())
}

/// Seeds for `fuzz/corpus`: as small as a file of each format can be that has something in it.
fn seeds(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let mut short = squat();
    for person in &mut short.people {
        person.poses.truncate(2);
    }
    short.time_s.truncate(2);
    let flat = |skeleton| WriteOptions {
        skeleton: Some(skeleton),
        units: Units::Px,
        ..WriteOptions::default()
    };
    let coco = WriteOptions {
        skeleton: Some(Skeleton::Coco17),
        ..WriteOptions::default()
    };
    for (target, name, format, options) in [
        ("trc", "metres.trc", Format::Trc, &coco),
        ("trc", "pixels.trc", Format::Trc, &flat(Skeleton::Halpe26)),
        ("c3d", "metres.c3d", Format::C3d, &coco),
        ("openpose", "body_25.jsonl", Format::OpenPose, &flat(Skeleton::Body25)),
        ("openpose", "halpe_26.jsonl", Format::OpenPose, &flat(Skeleton::Halpe26)),
        ("neuropose", "video.json", Format::NeuroPose, &coco),
        ("neuropose", "results.json", Format::NeuroPoseResults, &coco),
        (
            "recording_json",
            "blazepose.json",
            Format::Json,
            &WriteOptions::default(),
        ),
        ("recording_json", "coco.json", Format::Json, &coco),
        (
            "recording_parquet",
            "blazepose.parquet",
            Format::Parquet,
            &WriteOptions::default(),
        ),
        ("recording_parquet", "coco.parquet", Format::Parquet, &coco),
    ] {
        let folder = folder.join(target);
        fs::create_dir_all(&folder)?;
        save(&folder, name, &write(&short, format, options)?.content)?;
    }
    Ok(())
}

fn save(folder: &std::path::Path, name: &str, content: &Content) -> std::io::Result<()> {
    let path = folder.join(name);
    match content {
        Content::One(bytes) => fs::write(path, bytes),
        Content::Frames(documents) => fs::write(path, documents.join("\n")),
    }
}

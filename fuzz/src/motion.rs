//! Readers of recordings and of analysis files. Whatever they are given, they return an error or a recording that is sound and can
//! be written again, and an analysis that can be carried out.

use marey_motion::formats::{
    Format, ReadOptions, Units, WriteOptions, read, recording_from_json, recording_from_parquet, recording_to_parquet,
    recording_to_trc,
};
use marey_motion::protocol::{self, Input, ProtocolError, Task};
use marey_motion::{Person, Recording, Skeleton, Space, analyze};

/// The name of a target, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target with its name, for the replay of the corpus.
pub const TARGETS: [Target; 7] = [
    ("analysis_file", analysis_file),
    ("trc", trc),
    ("c3d", c3d),
    ("openpose", openpose),
    ("neuropose", neuropose),
    ("recording_json", recording_json),
    ("recording_parquet", recording_parquet),
];

/// TRC files.
pub fn trc(bytes: &[u8]) {
    reads(bytes, Format::Trc);
}

/// C3D files.
pub fn c3d(bytes: &[u8]) {
    reads(bytes, Format::C3d);
}

/// Documents of `OpenPose`.
pub fn openpose(bytes: &[u8]) {
    reads(bytes, Format::OpenPose);
}

/// Files of `NeuroPose`.
pub fn neuropose(bytes: &[u8]) {
    reads(bytes, Format::NeuroPose);
}

/// Marey's recordings as JSON.
pub fn recording_json(bytes: &[u8]) {
    reads(bytes, Format::Json);
}

/// Marey's recordings as Parquet.
pub fn recording_parquet(bytes: &[u8]) {
    reads(bytes, Format::Parquet);
}

fn reads(bytes: &[u8], format: Format) {
    // What kind of file it is is guessed before it is read.
    let _ = Format::of_content(bytes);
    let options = ReadOptions {
        rate_hz: Some(30.0),
        ..ReadOptions::default()
    };
    let Ok(read) = read(bytes, format, &options) else {
        return;
    };
    let recording = read.recording;
    recording.validate().expect("what was read is sound");
    // It takes a hundred times as long as all the rest, which has to be tried often.
    if is_one_of(64, bytes) {
        let stored = recording_to_parquet(&recording).expect("what was read can be stored");
        let again = recording_from_parquet(&stored).expect("what was stored can be read");
        assert_eq!(again, recording);
    }
    let converted = recording.converted(Skeleton::BlazePose33);
    converted.validate().expect("a converted recording is sound");
    let units = if converted.spaces.has(Space::World) {
        Units::M
    } else {
        Units::Px
    };
    let options = WriteOptions {
        units,
        ..WriteOptions::default()
    };
    if !converted.people.is_empty() {
        recording_to_trc(&converted, &options).expect("what was read can be written");
    }
}

/// Whether an input is one of so many, always the same ones.
fn is_one_of(many: u32, bytes: &[u8]) -> bool {
    let mix = |sum: u32, &byte: &u8| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811c_9dc5, mix).is_multiple_of(many)
}

/// Analysis files. What is accepted is carried out on two seconds of somebody who moves: it ends with a report that can be written, or
/// with a reason.
pub fn analysis_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let protocol = match protocol::parse(text) {
        Ok(protocol) => protocol,
        Err(ProtocolError::Invalid(problems)) => {
            assert!(!problems.is_empty(), "a refusal has a reason");
            return;
        }
        Err(_) => return,
    };
    let Ok(analysis) = analyze(&moving(), &protocol.cleaning) else {
        return;
    };
    let input = Input {
        name: "somebody",
        sha256: "",
        analysis: &analysis,
    };
    let reference = matches!(protocol.analysis, Task::Dtw { .. }).then_some(&input);
    if let Ok(report) = protocol::run(&protocol, &input, reference, "2026-01-01T00:00:00Z") {
        report.to_json().expect("a report can be written");
        assert!(!report.to_text().is_empty(), "and be read");
    }
}

/// The pose of a seed, which bobs up and down and swings its legs.
pub(crate) fn moving() -> Recording {
    let json = include_str!("../corpus/recording_json/blazepose.json");
    let mut recording = recording_from_json(json).expect("the seed is a recording");
    let pose = recording.people[0].poses[0].clone().expect("somebody is in it");
    recording.time_s = (0..60).map(|frame| f64::from(frame) / 30.0).collect();
    let poses = (0..60_u8).map(|frame| {
        let mut pose = pose.clone();
        for (number, point) in pose.points.iter_mut().enumerate() {
            let side = if number % 2 == 0 { 0.0 } else { std::f32::consts::PI };
            let (sin, cos) = (f32::from(frame) / 4.0 + side).sin_cos();
            point.x_px += 20.0 * cos;
            point.y_px += 15.0 * sin;
            point.x_m += 0.2 * cos;
            point.y_m += 0.15 * sin;
        }
        Some(pose)
    });
    let poses = poses.collect();
    recording.people = vec![Person { id: 0, poses }];
    recording
}

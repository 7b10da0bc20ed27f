//! Readers of recordings. Whatever they are given, they return an error or a recording that is sound and can be written again.

use marey_motion::formats::{
    Format, ReadOptions, Units, WriteOptions, read, recording_from_parquet, recording_to_parquet, recording_to_trc,
};
use marey_motion::{Skeleton, Space};

/// The name of a target, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target with its name, for the replay of the corpus.
pub const TARGETS: [Target; 6] = [
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
    let stored = recording_to_parquet(&recording).expect("what was read can be stored");
    assert_eq!(
        recording_from_parquet(&stored).expect("what was stored can be read"),
        recording
    );
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

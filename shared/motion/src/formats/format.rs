//! Which formats there are, how to tell them apart, and one way to read them all.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::c3d::is_c3d;
use super::losses::{kept_spaces, losses};
use super::markers::person_of;
use super::neuropose::is_neuropose;
use super::{
    angles_to_mot, recording_from_c3d, recording_from_json, recording_from_neuropose, recording_from_openpose,
    recording_from_parquet, recording_from_trc, recording_to_c3d, recording_to_coco, recording_to_csv,
    recording_to_json, recording_to_neuropose, recording_to_neuropose_results, recording_to_openpose,
    recording_to_parquet, recording_to_trc,
};
use crate::{Conversion, MotionError, Recording, Settings, Skeleton, Space, Spaces, analyze};

/// A format of recordings or of what was measured on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Marey's recordings as Parquet.
    Parquet,
    /// Marey's recordings as JSON.
    Json,
    /// Landmarks as a table of text.
    Csv,
    /// Markers over time, as `OpenSim` and motion capture systems read and write them.
    Trc,
    /// Joint angles over time, as `OpenSim` reads and writes them.
    Mot,
    /// Markers over time in binary, as laboratories exchange them.
    C3d,
    /// Keypoints as `OpenPose` writes them: a JSON document for each frame.
    OpenPose,
    /// Keypoints as COCO's annotations have them.
    Coco,
    /// The `VideoPredictions` of `NeuroPose`.
    NeuroPose,
    /// The `results.json` of `NeuroPose`, which holds videos under their names.
    NeuroPoseResults,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 10] = [
        Self::Parquet,
        Self::Json,
        Self::Csv,
        Self::Trc,
        Self::Mot,
        Self::C3d,
        Self::OpenPose,
        Self::Coco,
        Self::NeuroPose,
        Self::NeuroPoseResults,
    ];

    /// The name by which people ask for the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Trc => "trc",
            Self::Mot => "mot",
            Self::C3d => "c3d",
            Self::OpenPose => "openpose",
            Self::Coco => "coco",
            Self::NeuroPose => "neuropose",
            Self::NeuroPoseResults => "neuropose-results",
        }
    }

    /// The format of a name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// The format that a file's ending says, without the dot and in any case. JSON may be of several formats: this is Marey's.
    pub fn from_ending(ending: &str) -> Option<Self> {
        match ending.to_ascii_lowercase().as_str() {
            "parquet" => Some(Self::Parquet),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "trc" => Some(Self::Trc),
            "mot" => Some(Self::Mot),
            "c3d" => Some(Self::C3d),
            "jsonl" => Some(Self::OpenPose),
            _ => None,
        }
    }

    /// Whether recordings can be read from it.
    pub const fn is_read(self) -> bool {
        !matches!(self, Self::Csv | Self::Mot | Self::Coco)
    }

    /// The skeleton in which the format's readers expect landmarks; `None` where any will do.
    pub const fn usual_skeleton(self) -> Option<Skeleton> {
        match self {
            Self::OpenPose => Some(Skeleton::Body25),
            Self::Coco => Some(Skeleton::Coco17),
            Self::NeuroPose | Self::NeuroPoseResults => Some(Skeleton::BerkeleyMhad43),
            Self::Parquet | Self::Json | Self::Csv | Self::Trc | Self::Mot | Self::C3d => None,
        }
    }

    /// The format of some content, by what it begins with and by the keys of JSON. `None` for what is no recording in a format that
    /// Marey reads, such as an analysis.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            return Some(Self::Parquet);
        }
        if is_c3d(bytes) {
            return Some(Self::C3d);
        }
        let text = text(bytes).ok()?;
        if text.starts_with("PathFileType") {
            return Some(Self::Trc);
        }
        of_json(text)
    }
}

/// Keys that tell JSON documents apart.
#[derive(Deserialize)]
struct Keys {
    schema_version: Option<IgnoredAny>,
    skeleton: Option<IgnoredAny>,
    settings: Option<IgnoredAny>,
    people: Option<IgnoredAny>,
    version: Option<IgnoredAny>,
}

fn of_json(text: &str) -> Option<Format> {
    // The first of several documents: OpenPose's stand one after the other.
    let first = serde_json::Deserializer::from_str(text).into_iter::<Keys>().next()?;
    match first {
        // An analysis has a skeleton too.
        Ok(keys) if keys.schema_version.is_some() && keys.skeleton.is_some() => {
            keys.settings.is_none().then_some(Format::Json)
        }
        Ok(keys) if keys.people.is_some() && keys.version.is_some() => Some(Format::OpenPose),
        // Also what is no JSON because Python wrote NaN.
        _ => is_neuropose(text).then_some(Format::NeuroPose),
    }
}

/// Which axis of a file points up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// The second, as in `OpenSim`.
    Y,
    /// The third, as in most laboratories.
    Z,
}

/// What a file does not say of itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadOptions {
    /// Name of the recording where the file has none.
    pub name: String,
    /// The skeleton to read markers as; else the one that has most of them.
    pub skeleton: Option<Skeleton>,
    /// Frames per second, for formats without times; stands in for the rate that a file gives.
    pub rate_hz: Option<f64>,
    /// The time of each frame in seconds, for the JSON formats without times; comes before any rate.
    pub time_s: Option<Vec<f64>>,
    /// The axis that points up, where the format leaves it open.
    pub up: Option<Up>,
    /// Which video to take of a file that holds several.
    pub video: Option<String>,
}

/// A recording that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct WasRead {
    /// The recording.
    pub recording: Recording,
    /// Sentences for whoever asked: what was left out, assumed or is not in the file.
    pub notes: Vec<String>,
}

/// Reads a recording. No content makes it panic.
///
/// # Errors
///
/// [`MotionError::UnsupportedFile`] for a format that is only written; else what the format's own reader says.
pub fn read(bytes: &[u8], format: Format, options: &ReadOptions) -> Result<WasRead, MotionError> {
    let whole = |recording| WasRead {
        recording,
        notes: Vec::new(),
    };
    match format {
        Format::Parquet => recording_from_parquet(bytes).map(whole),
        Format::Json => recording_from_json(text(bytes)?).map(whole),
        Format::Trc => recording_from_trc(text(bytes)?, options),
        Format::C3d => recording_from_c3d(bytes, options),
        Format::OpenPose => recording_from_openpose(text(bytes)?, options),
        Format::NeuroPose | Format::NeuroPoseResults => recording_from_neuropose(text(bytes)?, options),
        Format::Csv | Format::Mot | Format::Coco => Err(MotionError::UnsupportedFile(format!(
            "{} is written and not read",
            format.name()
        ))),
    }
}

/// Text, without the mark that some programs put before it.
fn text(bytes: &[u8]) -> Result<&str, MotionError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| MotionError::MalformedFile {
        format: "text",
        place: format!("byte {}", error.valid_up_to()),
        reason: "it is not UTF-8".to_owned(),
    })
}

/// What the lengths of a format of markers or angles are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Units {
    /// Pixels, from the picture.
    Px,
    /// Metres, from the world.
    M,
}

/// What to write, where a format does not hold everything.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteOptions {
    /// The person for formats that hold one; else the one seen in most frames.
    pub person: Option<u32>,
    /// The space for TRC, C3D and MOT.
    pub units: Units,
    /// The skeleton to convert to; else the format's usual one.
    pub skeleton: Option<Skeleton>,
    /// Less visible landmarks are missing in TRC and C3D, which have no visibility.
    pub minimum_visibility: f32,
}

impl Default for WriteOptions {
    /// Metres, and the visibility from which an analysis trusts a landmark.
    fn default() -> Self {
        Self {
            person: None,
            units: Units::M,
            skeleton: None,
            minimum_visibility: Settings::default().minimum_visibility,
        }
    }
}

/// Files to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// One file.
    One(Vec<u8>),
    /// A document for each frame.
    Frames(Vec<String>),
}

/// A recording that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WasWritten {
    /// The content.
    pub content: Content,
    /// The skeleton in which it was written.
    pub skeleton: Skeleton,
    /// In which spaces there are positions; for angles, in which they were measured.
    pub spaces: Spaces,
    /// How many frames are in it.
    pub frames: usize,
    /// The people who are in it.
    pub people: Vec<u32>,
    /// Landmarks of that skeleton that the recording does not have.
    pub missing: Vec<&'static str>,
    /// Sentences: what the recording has and the format does not keep.
    pub lost: Vec<String>,
}

/// Writes a recording. MOT holds angles: the recording is analysed with the default settings for it.
///
/// # Errors
///
/// What the format's own writer says.
pub fn write(recording: &Recording, format: Format, options: &WriteOptions) -> Result<WasWritten, MotionError> {
    // Angles are measured on the one skeleton, whatever was asked for.
    let wanted = match format {
        Format::Mot => Some(Skeleton::BlazePose33),
        _ => options.skeleton.or(format.usual_skeleton()),
    };
    let skeleton = wanted.unwrap_or(recording.skeleton);
    let converted = (skeleton != recording.skeleton).then(|| recording.converted(skeleton));
    let conversion = Conversion::new(recording.skeleton, skeleton);
    let mut lost = losses(recording, &conversion, format, options);
    let recording = converted.as_ref().unwrap_or(recording);
    let one = |text: String| Content::One(text.into_bytes());
    let mut frames = recording.time_s.len();
    let mut people: Vec<u32> = recording.people.iter().map(|person| person.id).collect();
    if matches!(format, Format::Trc | Format::C3d | Format::Mot) {
        people = vec![person_of(recording, options.person)?.id];
    }
    let content = match format {
        Format::Parquet => Content::One(recording_to_parquet(recording)?),
        Format::Json => one(recording_to_json(recording)?),
        Format::Csv => one(recording_to_csv(recording)?),
        Format::Trc => one(recording_to_trc(recording, options)?),
        Format::C3d => Content::One(recording_to_c3d(recording, options)?),
        Format::OpenPose => Content::Frames(recording_to_openpose(recording)?),
        Format::Coco => one(recording_to_coco(recording)?),
        Format::NeuroPose => one(recording_to_neuropose(recording)?),
        Format::NeuroPoseResults => one(recording_to_neuropose_results(recording)?),
        Format::Mot => {
            let space = match options.units {
                Units::Px => Space::Image,
                Units::M => Space::World,
            };
            let mot = angles_to_mot(&analyze(recording, &Settings::default())?, people[0], space)?;
            if !mot.left_out.is_empty() {
                lost.push(format!("Angles with too few values: {}.", mot.left_out.join(", ")));
            }
            if mot.frames_left_out > 0 {
                lost.push(format!(
                    "{} frames in which an angle has no value.",
                    mot.frames_left_out
                ));
                frames -= mot.frames_left_out;
            }
            one(mot.text)
        }
    };
    Ok(WasWritten {
        content,
        skeleton,
        spaces: kept_spaces(format, recording.spaces, options.units),
        frames,
        people,
        missing: conversion.missing(),
        lost,
    })
}

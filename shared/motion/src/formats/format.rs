//! Which formats there are, how to tell them apart, and one way to read them all.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{recording_from_json, recording_from_parquet};
use crate::{MotionError, Recording, Skeleton};

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
    /// The `VideoPredictions` or `results.json` of `NeuroPose`.
    NeuroPose,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 9] = [
        Self::Parquet,
        Self::Json,
        Self::Csv,
        Self::Trc,
        Self::Mot,
        Self::C3d,
        Self::OpenPose,
        Self::Coco,
        Self::NeuroPose,
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
        matches!(self, Self::Parquet | Self::Json)
    }

    /// The format of some content, by what it begins with and by the keys of JSON. `None` for what is no recording in a format that
    /// Marey reads, such as an analysis.
    pub fn of_content(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"PAR1") {
            return Some(Self::Parquet);
        }
        of_json(bytes)
    }
}

/// Keys that tell JSON documents apart.
#[derive(Deserialize)]
struct Keys {
    schema_version: Option<IgnoredAny>,
    skeleton: Option<IgnoredAny>,
    settings: Option<IgnoredAny>,
}

fn of_json(bytes: &[u8]) -> Option<Format> {
    let keys: Keys = serde_json::from_slice(bytes).ok()?;
    // An analysis has a skeleton too.
    (keys.schema_version.is_some() && keys.skeleton.is_some() && keys.settings.is_none()).then_some(Format::Json)
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
    /// Frames per second, for formats without times.
    pub rate_hz: Option<f64>,
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
pub fn read(bytes: &[u8], format: Format, _options: &ReadOptions) -> Result<WasRead, MotionError> {
    let recording = match format {
        Format::Parquet => recording_from_parquet(bytes)?,
        Format::Json => recording_from_json(text(bytes)?)?,
        _ => {
            return Err(MotionError::UnsupportedFile(format!(
                "{} is written and not read",
                format.name()
            )));
        }
    };
    Ok(WasRead {
        recording,
        notes: Vec::new(),
    })
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

//! Analyses and recordings as JSON. Numbers are always finite: what is not known is `null`, and anything else is an
//! error.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::recording_parquet::version_of;
use super::{RECORDING_SCHEMA_VERSION, check_version};
use crate::{ANALYSIS_SCHEMA_VERSION, Analysis, Model, MotionError, Person, Recording, Skeleton, Source, Spaces};

/// Writes an analysis; [`analysis_from_json`] gives back exactly the same one.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`], as [`Analysis::validate`] says.
pub fn analysis_to_json(analysis: &Analysis) -> Result<String, MotionError> {
    analysis.validate()?;
    serde_json::to_string(analysis).map_err(|error| MotionError::Encoding(error.to_string()))
}

/// Reads what [`analysis_to_json`] wrote.
///
/// # Errors
///
/// [`MotionError::NewerSchema`] if a later version of Marey wrote it, [`MotionError::MalformedJson`] if it is
/// something else, [`MotionError::InvalidAnalysis`] if it contradicts itself.
pub fn analysis_from_json(json: &str) -> Result<Analysis, MotionError> {
    check_json_version(json, ANALYSIS_SCHEMA_VERSION)?;
    let mut analysis: Analysis = parse(json)?;
    if analysis.schema_version < 4 {
        share_of_frames_seen(&mut analysis);
    }
    analysis.schema_version = ANALYSIS_SCHEMA_VERSION;
    analysis.validate()?;
    Ok(analysis)
}

/// Until version 3, coverage was a share of all frames, also of those in which the person was not seen.
fn share_of_frames_seen(analysis: &mut Analysis) {
    let frames = analysis.time_s.len() as f64;
    for person in &mut analysis.people {
        let seen = person.frames_seen as f64;
        for range in person.angles.iter_mut().filter_map(|series| series.range.as_mut()) {
            if seen > 0.0 {
                range.coverage = (range.coverage * frames / seen).min(1.0);
            }
        }
    }
}

/// A recording with the version of its layout.
#[derive(Serialize)]
struct StoredRecording<'a> {
    schema_version: u32,
    source: &'a Source,
    skeleton: Skeleton,
    model: &'a Model,
    #[serde(skip_serializing_if = "Spaces::is_both")]
    spaces: Spaces,
    time_s: &'a [f64],
    people: &'a [Person],
}

/// Writes a recording, with the version of the layout as `schema_version`; [`recording_from_json`] gives back exactly
/// the same one.
///
/// # Errors
///
/// [`MotionError::InvalidRecording`], as [`Recording::validate`] says.
pub fn recording_to_json(recording: &Recording) -> Result<String, MotionError> {
    recording.validate()?;
    let stored = StoredRecording {
        schema_version: version_of(recording),
        source: &recording.source,
        skeleton: recording.skeleton,
        model: &recording.model,
        spaces: recording.spaces,
        time_s: &recording.time_s,
        people: &recording.people,
    };
    serde_json::to_string(&stored).map_err(|error| MotionError::Encoding(error.to_string()))
}

/// Reads what [`recording_to_json`] wrote.
///
/// # Errors
///
/// [`MotionError::NewerSchema`] if a later version of Marey wrote it, [`MotionError::MalformedJson`] if it is
/// something else, [`MotionError::InvalidRecording`] if it contradicts itself.
pub fn recording_from_json(json: &str) -> Result<Recording, MotionError> {
    let head: Head = parse(json)?;
    if head.settings.is_some() {
        let reason = "it is an analysis and not a recording, which stands in recording.parquet beside it";
        return Err(MotionError::UnsupportedFile(reason.to_owned()));
    }
    check_version(
        head.schema_version,
        RECORDING_SCHEMA_VERSION,
        MotionError::MalformedJson,
    )?;
    let recording: Recording = parse(json)?;
    recording.validate()?;
    Ok(recording)
}

/// What is read of a document on its own first.
#[derive(Deserialize)]
struct Head {
    schema_version: u32,
    /// Only an analysis says how it was cleaned.
    settings: Option<IgnoredAny>,
}

/// Whether a JSON document is an analysis: only that says how it was cleaned.
pub fn is_analysis(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        settings: Option<IgnoredAny>,
    }
    serde_json::from_str::<Kind>(json).is_ok_and(|kind| kind.settings.is_some())
}

/// The version is read on its own first: the rest of a newer layout may not parse, and the reason should be the
/// version.
pub(super) fn check_json_version(json: &str, supported: u32) -> Result<(), MotionError> {
    #[derive(Deserialize)]
    struct Version {
        schema_version: u32,
    }
    let version: Version = parse(json)?;
    check_version(version.schema_version, supported, MotionError::MalformedJson)
}

pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, MotionError> {
    serde_json::from_str(json).map_err(|error| MotionError::MalformedJson(error.to_string()))
}

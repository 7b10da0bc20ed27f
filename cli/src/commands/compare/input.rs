//! What is given to compare: an analysis, a recording, or a folder of results.

use std::path::Path;

use marey_motion::formats::{analysis_from_json, recording_from_json, recording_from_parquet};
use marey_motion::{Analysis, MotionError, Recording, Settings, analyze};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::of_file;
use crate::error::Error;

/// Names in a folder of results.
const ANALYSIS: &str = "analysis.json";
const POSES: &str = "poses.parquet";
const RECORDING: &str = "recording.parquet";

/// Reads a movement. A recording is analysed with the default settings; the poses of an analysis that is stored without
/// them are taken from `poses.parquet` beside it, if that is there.
pub(super) fn read(path: &Path) -> Result<Analysis, Error> {
    if path.is_dir() {
        let analysis = path.join(ANALYSIS);
        return read(&if analysis.exists() {
            analysis
        } else {
            path.join(RECORDING)
        });
    }
    let bytes = bytes(path)?;
    // Parquet begins and ends with these letters.
    if bytes.starts_with(b"PAR1") {
        return analysed(path, &parquet(path, &bytes)?);
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        of_file(path)(MotionError::MalformedJson(
            "it is neither Parquet nor a text".to_owned(),
        ))
    })?;
    if is_analysis(&text) {
        return with_poses(path, analysis_from_json(&text).map_err(of_file(path))?);
    }
    analysed(path, &recording_from_json(&text).map_err(of_file(path))?)
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::FileUnreadable {
        path: path.to_owned(),
        why: error.to_string(),
    })
}

fn parquet(path: &Path, bytes: &[u8]) -> Result<Recording, Error> {
    recording_from_parquet(bytes).map_err(of_file(path))
}

fn analysed(path: &Path, recording: &Recording) -> Result<Analysis, Error> {
    analyze(recording, &Settings::default()).map_err(of_file(path))
}

/// Only an analysis says how it was cleaned.
fn is_analysis(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        settings: Option<IgnoredAny>,
    }
    serde_json::from_str::<Kind>(json).is_ok_and(|kind| kind.settings.is_some())
}

fn with_poses(path: &Path, analysis: Analysis) -> Result<Analysis, Error> {
    let poses = path.with_file_name(POSES);
    let is_stored_apart = !analysis.time_s.is_empty() && analysis.people.iter().all(|person| person.poses.is_empty());
    if !is_stored_apart || !poses.exists() {
        return Ok(analysis);
    }
    let recording = parquet(&poses, &bytes(&poses)?)?;
    analysis.with_poses(recording).map_err(of_file(&poses))
}

//! What is given to compare: an analysis, a recording, or a folder of results.

use std::path::Path;

use marey_motion::formats::{ReadOptions, analysis_from_json};
use marey_motion::{Analysis, Settings, analyze};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::of_file;
use crate::error::Error;
use crate::recordings::load;

/// Names in a folder of results.
const ANALYSIS: &str = "analysis.json";
const POSES: &str = "poses.parquet";
const RECORDING: &str = "recording.parquet";

/// Reads a movement. A recording, in any format that Marey reads, is analysed with the default settings; the poses of an analysis that
/// is stored without them are taken from `poses.parquet` beside it, if that is there.
pub(super) fn read(path: &Path) -> Result<Analysis, Error> {
    if path.is_dir() {
        let named = [ANALYSIS, RECORDING].map(|name| path.join(name));
        return match named.iter().find(|file| file.exists()) {
            Some(file) => read(file),
            None => recorded(path),
        };
    }
    let bytes = std::fs::read(path).map_err(|error| Error::FileUnreadable {
        path: path.to_owned(),
        why: error.to_string(),
    })?;
    match std::str::from_utf8(&bytes) {
        Ok(text) if is_analysis(text) => with_poses(path, analysis_from_json(text).map_err(of_file(path))?),
        _ => recorded(path),
    }
}

fn recorded(path: &Path) -> Result<Analysis, Error> {
    let loaded = load(path, None, &ReadOptions::default())?;
    analyze(&loaded.recording, &Settings::default()).map_err(of_file(path))
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
    let loaded = load(&poses, None, &ReadOptions::default())?;
    analysis.with_poses(loaded.recording).map_err(of_file(&poses))
}

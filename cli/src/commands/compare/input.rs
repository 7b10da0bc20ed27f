//! What is given to compare: an analysis, a recording, or a folder of results.

use std::path::Path;

use marey_motion::formats::{ReadOptions, analysis_from_json, is_analysis};
use marey_motion::outputs::{ANALYSIS, POSES};
use marey_motion::{Analysis, Settings, analyze};

use super::of_file;
use crate::error::Error;
use crate::recordings::{bytes, load};

/// Reads a movement. A recording, in any format that Marey reads, is analysed with the default settings; the poses of an analysis that
/// is stored without them are taken from `poses.parquet` beside it, if that is there.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Analysis, Error> {
    if path.is_dir() {
        let analysis = path.join(ANALYSIS);
        return if analysis.exists() {
            read(&analysis, options)
        } else {
            recorded(path, options)
        };
    }
    let is_json = path
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    if is_json
        && let Ok(text) = String::from_utf8(bytes(path)?)
        && is_analysis(&text)
    {
        return with_poses(path, analysis_from_json(&text).map_err(of_file(path))?);
    }
    recorded(path, options)
}

fn recorded(path: &Path, options: &ReadOptions) -> Result<Analysis, Error> {
    let loaded = load(path, None, options)?;
    let mut analysis = analyze(&loaded.recording, &Settings::default()).map_err(of_file(path))?;
    analysis.notes.splice(0..0, loaded.notes);
    Ok(analysis)
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

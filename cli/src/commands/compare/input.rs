//! What is given to compare: an analysis, a recording, or a folder of results.

use std::path::Path;

use marey_motion::formats::{ReadOptions, analysis_from_json, is_analysis};
use marey_motion::outputs::{ANALYSIS, POSES};
use marey_motion::{Analysis, Settings, analyze};

use super::of_file;
use crate::error::Error;
use crate::recordings::{Loaded, bytes, load, load_content};

/// A movement that was read.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) analysis: Analysis,
    /// What was assumed or left out when a file of another program was read.
    pub(super) notes: Vec<String>,
}

/// Reads a movement. A recording, in any format that Marey reads, is analysed with the default settings; the poses of an analysis that
/// is stored without them are taken from `poses.parquet` beside it, if that is there.
pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Given, Error> {
    if path.is_dir() {
        let analysis = path.join(ANALYSIS);
        return if analysis.exists() {
            read(&analysis, options)
        } else {
            recorded(path, load(path, None, options)?)
        };
    }
    let content = bytes(path)?;
    match std::str::from_utf8(&content) {
        Ok(text) if is_analysis(text) => {
            let analysis = with_poses(path, analysis_from_json(text).map_err(of_file(path))?)?;
            Ok(Given {
                analysis,
                notes: Vec::new(),
            })
        }
        _ => recorded(path, load_content(path, &content, None, options)?),
    }
}

fn recorded(path: &Path, loaded: Loaded) -> Result<Given, Error> {
    Ok(Given {
        analysis: analyze(&loaded.recording, &Settings::default()).map_err(of_file(path))?,
        notes: loaded.notes,
    })
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

//! The files in which an analysis is left for people and programs: the same from a job and from the tool.

use crate::formats::{
    analysis_to_json, angles_to_csv, angles_to_parquet, kinematics_to_csv, kinematics_to_parquet, recording_to_parquet,
};
use crate::{Analysis, MotionError, Recording};

/// The file that holds the analysis without its poses.
pub const ANALYSIS: &str = "analysis.json";

/// The file that holds the cleaned poses; as JSON they would be a hundred times larger.
pub const POSES: &str = "poses.parquet";

/// The file that holds the recording.
pub const RECORDING: &str = "recording.parquet";

/// Media type of Parquet files.
pub const PARQUET: &str = "application/vnd.apache.parquet";

/// Media type of CSV files.
const CSV: &str = "text/csv; charset=utf-8";

/// A file that is not written yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Its name, without a folder.
    pub name: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// A recording as a file.
///
/// # Errors
///
/// [`MotionError::InvalidRecording`], as [`Recording::validate`] says.
pub fn recording_file(recording: &Recording) -> Result<OutputFile, MotionError> {
    Ok(OutputFile {
        name: RECORDING,
        content_type: PARQUET,
        bytes: recording_to_parquet(recording)?,
    })
}

/// An analysis as files: itself without its poses, the poses, and angles and kinematics as tables.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`], as [`Analysis::validate`] says.
pub fn analysis_files(analysis: Analysis) -> Result<Vec<OutputFile>, MotionError> {
    let file = |name, content_type, bytes| OutputFile {
        name,
        content_type,
        bytes,
    };
    let csv = angles_to_csv(&analysis)?;
    let angles = angles_to_parquet(&analysis)?;
    let kinematics_csv = kinematics_to_csv(&analysis)?;
    let kinematics = kinematics_to_parquet(&analysis)?;
    let (analysis, poses) = analysis.split_poses();
    let json = analysis_to_json(&analysis)?;
    Ok(vec![
        file(ANALYSIS, "application/json", json.into_bytes()),
        file(POSES, PARQUET, recording_to_parquet(&poses)?),
        file("angles.csv", CSV, csv.into_bytes()),
        file("angles.parquet", PARQUET, angles),
        file("kinematics.csv", CSV, kinematics_csv.into_bytes()),
        file("kinematics.parquet", PARQUET, kinematics),
    ])
}

//! The formats in which recordings and analyses travel. Bytes and texts in and out, never files.
//!
//! Marey's own layouts state their version. Readers accept their own version and older ones and refuse newer ones with
//! [`MotionError::NewerSchema`]. [`Format`] names every format, [`read`] reads any that holds recordings and [`write`] writes all; docs/FORMATS.md
//! says what each keeps and loses.

mod angles_parquet;
mod c3d;
mod coco;
mod comparison;
mod csv;
mod format;
mod json;
mod kinematics;
mod limits;
mod losses;
mod markers;
mod mot;
mod neuropose;
mod openpose;
mod people;
mod recording_parquet;
mod resample;
mod table;
mod trc;

pub use angles_parquet::{ANGLES_SCHEMA_VERSION, angles_to_parquet};
pub use c3d::{recording_from_c3d, recording_to_c3d};
pub use coco::recording_to_coco;
pub use comparison::{comparison_from_json, comparison_to_json};
pub use csv::{angles_to_csv, recording_to_csv};
pub use format::{Content, Format, ReadOptions, Units, Up, WasRead, WasWritten, WriteOptions, read, write};
pub use json::{analysis_from_json, analysis_to_json, is_analysis, recording_from_json, recording_to_json};
pub use kinematics::{KINEMATICS_SCHEMA_VERSION, kinematics_to_csv, kinematics_to_parquet};
pub use mot::{Mot, angles_to_mot};
pub use neuropose::{recording_from_neuropose, recording_to_neuropose, recording_to_neuropose_results};
pub use openpose::{OpenPoseFrames, recording_from_openpose, recording_to_openpose};
pub use recording_parquet::{RECORDING_SCHEMA_VERSION, recording_from_parquet, recording_to_parquet};
pub use table::panics_are_errors;
pub use trc::{recording_from_trc, recording_to_trc};

use crate::MotionError;

/// Refuses layouts that a later program wrote, and the version that no program writes.
fn check_version(found: u32, supported: u32, malformed: fn(String) -> MotionError) -> Result<(), MotionError> {
    match found {
        0 => Err(malformed("it states version 0, which does not exist".to_owned())),
        _ if found > supported => Err(MotionError::NewerSchema { found, supported }),
        _ => Ok(()),
    }
}

//! Predictions of `NeuroPose` (`neuropose/io.py`, layout version 2 of `neuropose/migrations.py`): a `VideoPredictions` for a video, or the
//! `results.json` of a job, which holds one for each video under its name.
//!
//! Each frame lists people with a box, joints in the camera's space in millimetres (x right, y down, z away) and joints in
//! pixels. Version 1 lacks `schema_version` and `provenance`; the files of its prototype hold nothing but frames. Python writes numbers
//! that are none as `NaN`, which JSON does not have: they are read, and written for joints that are missing, since `NeuroPose`
//! demands a number there and any other would be made up.

mod read;
mod write;

pub(super) use self::read::is_neuropose;
pub use self::read::recording_from_neuropose;
pub use self::write::{recording_to_neuropose, recording_to_neuropose_results};

/// The layout that is written, and the greatest that is read.
const VERSION: u32 = 2;

/// Millimetres in a metre.
const MM_PER_M: f64 = 1000.0;

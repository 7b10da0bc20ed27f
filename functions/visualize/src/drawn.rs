//! What was drawn of a range, in words for whoever joins the ranges.

use std::path::Path;

use marey_cloud::StageError;
use serde::{Deserialize, Serialize};

/// The artifact that holds a [`Drawn`].
pub const DRAWN_JSON: &str = "drawn.json";

/// Version of the layout of [`DRAWN_JSON`]. Raise it when a reader of the old layout would misread the new one.
const SCHEMA_VERSION: u32 = 1;

/// What was drawn of a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drawn {
    schema_version: u32,
    /// Time of the first frame of [`crate::PIECE`], s.
    pub start_s: f64,
    /// Which frames of the recording are in [`crate::FRAMES`], in this order.
    pub kept: Vec<usize>,
}

impl Drawn {
    /// A range whose first frame is at this time.
    pub(crate) fn new(start_s: f64) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            start_s,
            kept: Vec::new(),
        }
    }

    /// Reads what `visualize` left.
    ///
    /// # Errors
    /// The file is missing or was written by another version.
    pub fn read(path: &Path) -> Result<Self, StageError> {
        let drawn: Self = serde_json::from_slice(&std::fs::read(path)?).map_err(StageError::internal)?;
        if drawn.schema_version != SCHEMA_VERSION {
            let problem = format!(
                "{DRAWN_JSON} has version {}, not {SCHEMA_VERSION}",
                drawn.schema_version
            );
            return Err(StageError::internal(problem));
        }
        Ok(drawn)
    }
}

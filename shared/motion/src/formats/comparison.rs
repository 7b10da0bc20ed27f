//! Comparisons as JSON.

use super::json::{check_json_version, parse};
use crate::MotionError;
use crate::compare::{COMPARISON_SCHEMA_VERSION, Comparison};

/// Writes a comparison; [`comparison_from_json`] gives back exactly the same one.
///
/// # Errors
///
/// [`MotionError::NotFinite`] if it holds a number that is not finite, which none made by this crate does.
pub fn comparison_to_json(comparison: &Comparison) -> Result<String, MotionError> {
    let json = serde_json::to_string(comparison).map_err(|error| MotionError::Encoding(error.to_string()))?;
    // A number that is not finite became `null`, where only what is unknown may be.
    if parse::<Comparison>(&json).ok().as_ref() != Some(comparison) {
        return Err(MotionError::NotFinite("a number of the comparison".to_owned()));
    }
    Ok(json)
}

/// Reads what [`comparison_to_json`] wrote.
///
/// # Errors
///
/// [`MotionError::NewerSchema`] if a later version of Marey wrote it, [`MotionError::MalformedJson`] if it is something
/// else.
pub fn comparison_from_json(json: &str) -> Result<Comparison, MotionError> {
    check_json_version(json, COMPARISON_SCHEMA_VERSION)?;
    parse(json)
}

//! Angles as CSV, for spreadsheets.

use std::fmt::Write;

use crate::{Analysis, Angle, MotionError, series_id};

/// Writes every angle: columns `time_s` and `person`, then one per series, such as `left_knee_flexion_image_deg`, in
/// the same order for every analysis. A row for each frame of each person, person after person; gaps are empty.
/// Degrees have four decimals, times all their digits. Lines end with a line feed.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`], as [`Analysis::validate`] says.
pub fn angles_to_csv(analysis: &Analysis) -> Result<String, MotionError> {
    analysis.validate()?;
    let keys: Vec<_> = Angle::series().collect();
    let mut csv = "time_s,person".to_owned();
    for &(angle, side, space) in &keys {
        csv.push(',');
        csv.push_str(&series_id(angle, side, space));
        csv.push_str("_deg");
    }
    csv.push('\n');
    for person in &analysis.people {
        let columns: Vec<_> = keys
            .iter()
            .map(|&(angle, side, space)| person.series(angle, side, space))
            .collect();
        for (frame, time_s) in analysis.time_s.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(csv, "{time_s},{}", person.id);
            for column in &columns {
                csv.push(',');
                if let Some(value) = column.and_then(|series| series.value_deg[frame]) {
                    // Adding zero turns a rounded -0 into 0.
                    let _ = write!(csv, "{:.4}", (value * 1e4).round() / 1e4 + 0.0);
                }
            }
            csv.push('\n');
        }
    }
    Ok(csv)
}

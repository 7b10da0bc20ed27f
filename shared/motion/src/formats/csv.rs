//! Angles as CSV, for spreadsheets.

use std::fmt::Write;

use crate::{Analysis, Angle, MotionError, series_id};

/// Writes every angle: columns `time_s` and `person`, then one per series, such as `left_knee_flexion_image_deg`, in
/// the same order for every analysis, then in that order one per series for its velocity, such as
/// `left_knee_flexion_image_deg_per_s`. A row for each frame of each person, person after person; gaps are empty.
/// Degrees have four decimals, degrees per second three, times all their digits. Lines end with a line feed.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`], as [`Analysis::validate`] says.
pub fn angles_to_csv(analysis: &Analysis) -> Result<String, MotionError> {
    analysis.validate()?;
    let keys: Vec<_> = Angle::series().collect();
    let mut csv = "time_s,person".to_owned();
    for unit in ["_deg", "_deg_per_s"] {
        for &(angle, side, space) in &keys {
            csv.push(',');
            csv.push_str(&series_id(angle, side, space));
            csv.push_str(unit);
        }
    }
    csv.push('\n');
    for person in &analysis.people {
        let columns: Vec<_> = keys
            .iter()
            .map(|&(angle, side, space)| person.series(angle, side, space))
            .collect();
        let velocities: Vec<_> = columns
            .iter()
            .map(|column| column.map(|series| analysis.velocity_deg_per_s(series)))
            .collect();
        for (frame, time_s) in analysis.time_s.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(csv, "{time_s},{}", person.id);
            for column in &columns {
                push(&mut csv, column.and_then(|series| series.value_deg[frame]), 4);
            }
            for velocity in &velocities {
                push(&mut csv, velocity.as_ref().and_then(|velocity| velocity[frame]), 3);
            }
            csv.push('\n');
        }
    }
    Ok(csv)
}

/// Adds a cell with so many decimals, empty where there is no value.
pub(super) fn push(csv: &mut String, value: Option<f64>, decimals: i32) {
    csv.push(',');
    if let Some(value) = value {
        let parts = 10_f64.powi(decimals);
        // Adding zero turns a rounded -0 into 0. Writing to a string cannot fail.
        let _ = write!(csv, "{:.*}", decimals as usize, (value * parts).round() / parts + 0.0);
    }
}

//! Angles and landmarks as CSV, for spreadsheets.

use std::fmt::Write;

use crate::{Analysis, Angle, MotionError, Point, Recording, Space, series_id};

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

/// The ending of a column's name, and what it holds of a landmark.
type Part = (&'static str, fn(&Point) -> f32);

/// Writes every landmark: columns `frame`, `time_s`, `person` and `score`, then for each landmark its coordinates in the spaces that the
/// recording has (`nose_x_px` … `nose_z_m`), `nose_visibility` and `nose_presence`. A row for each person in each frame; a frame
/// with nobody has one row without a person, and a landmark that is missing has empty cells. All digits are kept. Lines end with a line feed.
///
/// # Errors
///
/// [`MotionError::InvalidRecording`], as [`Recording::validate`] says.
pub fn recording_to_csv(recording: &Recording) -> Result<String, MotionError> {
    recording.validate()?;
    let parts: Vec<Part> = POSITIONS
        .into_iter()
        .filter(|(space, ..)| recording.spaces.has(*space))
        .map(|(_, ending, value)| (ending, value))
        .chain([
            ("visibility", (|point| point.visibility) as fn(&Point) -> f32),
            ("presence", |point| point.presence),
        ])
        .collect();
    let mut csv = "frame,time_s,person,score".to_owned();
    for name in recording.skeleton.landmark_names() {
        for (ending, _) in &parts {
            // Writing to a string cannot fail.
            let _ = write!(csv, ",{name}_{ending}");
        }
    }
    csv.push('\n');
    let columns = 2 + parts.len() * recording.skeleton.len();
    for (frame, time_s) in recording.time_s.iter().enumerate() {
        let mut is_empty = true;
        for person in &recording.people {
            let Some(pose) = &person.poses[frame] else { continue };
            is_empty = false;
            let _ = write!(csv, "{frame},{time_s},{},{}", person.id, pose.score);
            for point in &pose.points {
                if point.is_missing() {
                    csv.push_str(&",".repeat(parts.len()));
                    continue;
                }
                for (_, value) in &parts {
                    let _ = write!(csv, ",{}", value(point));
                }
            }
            csv.push('\n');
        }
        if is_empty {
            let _ = writeln!(csv, "{frame},{time_s}{}", ",".repeat(columns));
        }
    }
    Ok(csv)
}

type Position = (Space, &'static str, fn(&Point) -> f32);

const POSITIONS: [Position; 6] = [
    (Space::Image, "x_px", |point| point.x_px),
    (Space::Image, "y_px", |point| point.y_px),
    (Space::Image, "z_px", |point| point.z_px),
    (Space::World, "x_m", |point| point.x_m),
    (Space::World, "y_m", |point| point.y_m),
    (Space::World, "z_m", |point| point.z_m),
];

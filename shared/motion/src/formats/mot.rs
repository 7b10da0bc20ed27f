//! Joint angles as MOT, the storage file of `OpenSim` for coordinates over time ("Motion (.mot) Files" in its documentation).

use std::fmt::Write;

use crate::{Analysis, Angle, MotionError, Side, Space, series_id};

/// Writes one person's angles in degrees at the frames' true times, `nan` in gaps.
///
/// Angles that mean the same with the same sign in `OpenSim`'s full-body models of Rajagopal et al. (2016, doi:10.1109/TBME.2016.2586891) and
/// Lai et al. (2017) have its names: `hip_flexion_r`, `knee_angle_r`, `ankle_angle_r`, `arm_flex_r`, `elbow_flex_r` and
/// the same with `_l`. All others have Marey's, such as `trunk_image`. docs/FORMATS.md says where the definitions differ.
///
/// # Errors
///
/// [`MotionError::NoSuchPerson`], [`MotionError::SpaceMissing`], or [`MotionError::InvalidAnalysis`] and
/// [`MotionError::NotFinite`] as [`Analysis::validate`] says.
pub fn angles_to_mot(analysis: &Analysis, person: u32, space: Space) -> Result<String, MotionError> {
    analysis.validate()?;
    if !analysis.spaces.has(space) {
        return Err(MotionError::SpaceMissing(match space {
            Space::Image => "the picture",
            Space::World => "the world",
        }));
    }
    let person = analysis.people.iter().find(|found| found.id == person).ok_or_else(|| {
        let ids: Vec<String> = analysis.people.iter().map(|person| person.id.to_string()).collect();
        MotionError::NoSuchPerson(format!("{person} is not among {}", ids.join(", ")))
    })?;
    let keys = || {
        let angles = Angle::ALL.into_iter();
        angles.flat_map(|angle| angle.sides().iter().map(move |&side| (angle, side)))
    };
    let mut mot = format!(
        "Coordinates\nversion=1\nnRows={}\nnColumns={}\ninDegrees=yes\n\n\
         Angles that Marey measured in the {}; nan where there is none.\n\nendheader\ntime",
        analysis.time_s.len(),
        1 + keys().count(),
        space.id()
    );
    for (angle, side) in keys() {
        mot.push('\t');
        mot.push_str(&column(angle, side, space));
    }
    mot.push('\n');
    let series: Vec<_> = keys().map(|(angle, side)| person.series(angle, side, space)).collect();
    for (frame, time_s) in analysis.time_s.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(mot, "{time_s}");
        for series in &series {
            let _ = match series.and_then(|series| series.value_deg[frame]) {
                Some(value) => write!(mot, "\t{value}"),
                None => write!(mot, "\tnan"),
            };
        }
        mot.push('\n');
    }
    Ok(mot)
}

/// `OpenSim`'s name of the coordinate, or Marey's of the series.
fn column(angle: Angle, side: Option<Side>, space: Space) -> String {
    let name = match angle {
        Angle::HipFlexion => "hip_flexion",
        Angle::KneeFlexion => "knee_angle",
        Angle::AnkleDorsiflexion => "ankle_angle",
        Angle::ShoulderFlexion => "arm_flex",
        Angle::ElbowFlexion => "elbow_flex",
        _ => return series_id(angle, side, space),
    };
    match side {
        Some(Side::Left) => format!("{name}_l"),
        Some(Side::Right) => format!("{name}_r"),
        None => series_id(angle, side, space),
    }
}

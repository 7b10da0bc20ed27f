//! Joint angles as MOT, the storage file of `OpenSim` for coordinates over time ("Motion (.mot) Files" in its documentation).

use std::fmt::Write;

use crate::{Analysis, Angle, AngleSeries, MotionError, Side, Space, series_id};

/// An angle that has no value in more than this share of the frames is left out, so that the others keep their frames.
const MOST_MISSING: f64 = 0.1;

/// A MOT file, and what is not in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Mot {
    /// The file's content.
    pub text: String,
    /// Names of the columns that were left out since they have too few values.
    pub left_out: Vec<String>,
    /// How many of the recording's frames were left out since an angle has no value there.
    pub frames_left_out: usize,
}

/// Writes one person's angles in degrees at the frames' true times.
///
/// Angles that mean the same with the same sign in `OpenSim`'s full-body models of Rajagopal et al. (2016, doi:10.1109/TBME.2016.2586891) and
/// Lai et al. (2017, doi:10.1007/s10439-017-1852-1) have its names: `hip_flexion_r`, `knee_angle_r`, `ankle_angle_r`, `arm_flex_r`,
/// `elbow_flex_r` and the same with `_l`. All others have Marey's, such as `trunk_image`. docs/FORMATS.md says where the definitions
/// differ.
///
/// `OpenSim`'s `Storage` stops reading at the first value that is none, so every row has all values: angles without a value in more
/// than a tenth of the frames in which any has one are left out, then the frames in which one of the others has none.
///
/// # Errors
///
/// [`MotionError::NoSuchPerson`], also for one of whom no angle can be given, [`MotionError::SpaceMissing`], or
/// [`MotionError::InvalidAnalysis`] and [`MotionError::NotFinite`] as [`Analysis::validate`] says.
pub fn angles_to_mot(analysis: &Analysis, person: u32, space: Space) -> Result<Mot, MotionError> {
    analysis.validate()?;
    if !analysis.spaces.has(space) {
        return Err(MotionError::SpaceMissing(match space {
            Space::Image => "the picture",
            Space::World => "the world",
        }));
    }
    let found = analysis.people.iter().find(|found| found.id == person).ok_or_else(|| {
        let ids: Vec<String> = analysis.people.iter().map(|person| person.id.to_string()).collect();
        MotionError::NoSuchPerson(format!("{person} is not among {}", ids.join(", ")))
    })?;
    let series: Vec<&AngleSeries> = found.angles.iter().filter(|series| series.space == space).collect();
    let frames = analysis.time_s.len();
    let some = (0..frames).filter(|&frame| series.iter().any(|series| series.value_deg[frame].is_some()));
    let some = some.count() as f64;
    let is_kept = |series: &&AngleSeries| {
        let values = series.value_deg.iter().flatten().count() as f64;
        values > 0.0 && values >= (1.0 - MOST_MISSING) * some
    };
    let (kept, dropped): (Vec<&AngleSeries>, Vec<&AngleSeries>) = series.into_iter().partition(is_kept);
    if kept.is_empty() {
        return Err(MotionError::NoSuchPerson(format!(
            "person {person} has no angle in enough frames"
        )));
    }
    let rows: Vec<(f64, Vec<f64>)> = (0..frames)
        .filter_map(|frame| {
            let values: Option<Vec<f64>> = kept.iter().map(|series| series.value_deg[frame]).collect();
            Some((analysis.time_s[frame], values?))
        })
        .collect();
    Ok(Mot {
        text: text(&kept, &rows, space),
        left_out: dropped.into_iter().map(column).collect(),
        frames_left_out: frames - rows.len(),
    })
}

fn text(kept: &[&AngleSeries], rows: &[(f64, Vec<f64>)], space: Space) -> String {
    let mut mot = format!(
        "Coordinates\nversion=1\nnRows={}\nnColumns={}\ninDegrees=yes\n\n\
         Angles that Marey measured in the {}.\n\nendheader\ntime",
        rows.len(),
        1 + kept.len(),
        space.id()
    );
    for series in kept {
        mot.push('\t');
        mot.push_str(&column(series));
    }
    mot.push('\n');
    for (time_s, values) in rows {
        // Writing to a string cannot fail.
        let _ = write!(mot, "{time_s}");
        for value in values {
            let _ = write!(mot, "\t{value}");
        }
        mot.push('\n');
    }
    mot
}

/// `OpenSim`'s name of the coordinate, or Marey's of the series.
fn column(series: &AngleSeries) -> String {
    let own = || series_id(series.angle, series.side, series.space);
    let name = match series.angle {
        Angle::HipFlexion => "hip_flexion",
        Angle::KneeFlexion => "knee_angle",
        Angle::AnkleDorsiflexion => "ankle_angle",
        Angle::ShoulderFlexion => "arm_flex",
        Angle::ElbowFlexion => "elbow_flex",
        _ => return own(),
    };
    match series.side {
        Some(Side::Left) => format!("{name}_l"),
        Some(Side::Right) => format!("{name}_r"),
        None => own(),
    }
}

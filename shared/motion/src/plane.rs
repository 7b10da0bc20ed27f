//! The camera's view: how far a person's sagittal plane lies from the image plane, on which the error of angles in the
//! image depends.

use rayon::prelude::*;

use crate::angles::{deviation_deg, left_from_either};
use crate::body::Body;
use crate::find::Movement;
use crate::{CameraPlane, Findings, Measure, Outcome, Pose, Spaces, View};

/// Fewer frames than this with shoulders or hips say too little about the camera's view.
const LEAST_FRAMES_FOR_VIEW: usize = 3;

/// A side view in which the person turns away from it in at least this share of the frames is noted.
const LEAST_NOTED_SHARE: f64 = 0.1;

/// How far the person was turned out of the image plane, in the frames that tell; that in the middle lies in the middle.
pub(crate) fn deviations_deg(poses: &[Option<Pose>], minimum_visibility: f32) -> Vec<f64> {
    let mut deviations_deg: Vec<f64> = poses
        .par_iter()
        .flatten()
        .filter_map(|pose| left_from_either(&Body::new(pose, minimum_visibility)).map(deviation_deg))
        .collect();
    let middle = deviations_deg.len() / 2;
    if !deviations_deg.is_empty() {
        deviations_deg.select_nth_unstable_by(middle, f64::total_cmp);
    }
    deviations_deg
}

/// The view over all of the frames, from [`deviations_deg`].
pub(crate) fn camera_plane(deviations_deg: &[f64]) -> Option<CameraPlane> {
    if deviations_deg.len() < LEAST_FRAMES_FOR_VIEW {
        return None;
    }
    let median_deg = deviations_deg.get(deviations_deg.len() / 2)?;
    Some(CameraPlane::from_deviation_deg(*median_deg))
}

/// Share of the frames in which the person is seen from another direction than the side, in `0..=1`.
fn turned_share(deviations_deg: &[f64]) -> f64 {
    let is_turned = |&&deviation_deg: &&f64| CameraPlane::from_deviation_deg(deviation_deg).view != View::Side;
    deviations_deg.iter().filter(is_turned).count() as f64 / deviations_deg.len() as f64
}

/// Adds the share of the frames in which the movement leaves the image plane.
pub(crate) fn find(movement: &Movement<'_>, findings: &mut Findings) {
    let deviations_deg = movement.deviations_deg;
    let withheld = |reason: &str| Outcome::Withheld {
        reason: reason.to_owned(),
    };
    let outcome = if movement.spaces == Spaces::Image {
        withheld("The recording has no depth.")
    } else if deviations_deg.len() < LEAST_FRAMES_FOR_VIEW {
        withheld("Shoulders or hips were seen in fewer than three frames.")
    } else {
        Outcome::Given {
            value: 100.0 * turned_share(deviations_deg),
            sd: None,
            count: deviations_deg.len(),
            confidence: deviations_deg.len() as f64 / movement.time_s.len() as f64,
        }
    };
    findings.measures.push(Measure {
        id: "out_of_plane_share".to_owned(),
        label: "Time turned out of the image plane".to_owned(),
        side: None,
        unit: "percent".to_owned(),
        method: "shoulder_and_hip_lines".to_owned(),
        outcome,
    });
}

/// What the view means for whoever reads the angles.
pub(crate) fn view_note(person: u32, plane: CameraPlane, deviations_deg: &[f64]) -> Option<String> {
    // What somebody said of the view has no number.
    let about = if deviations_deg.is_empty() {
        String::new()
    } else {
        format!(", about {:.0} degrees off a side view", plane.deviation_deg)
    };
    match plane.view {
        View::Side => {
            let turned = turned_share(deviations_deg);
            (turned >= LEAST_NOTED_SHARE).then(|| {
                format!(
                    "Person {person} is seen from the side in most frames but turns away from it in {:.0} % of them: \
                     flexion and extension read from the picture there are not measurements, and the extremes over \
                     the whole recording may come from those frames.",
                    100.0 * turned
                )
            })
        }
        View::Oblique => Some(format!(
            "Person {person} is seen obliquely{about}: flexion and extension \
             read from the picture are distorted. Compare only recordings filmed from the same place, or film from \
             the side."
        )),
        View::Frontal => Some(format!(
            "Person {person} is seen from the front or back{about}: flexion \
             and extension of ankle, knee, hip, shoulder and trunk point towards or away from the camera and cannot \
             be read from the picture. The values show that something moves, not how far; film from the side to \
             measure them."
        )),
    }
}

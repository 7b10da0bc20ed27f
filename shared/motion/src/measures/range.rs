//! Range of motion of each joint angle in the picture, trusted as far as the view allows.

use super::{single, withheld};
use crate::{Angle, AngleSeries, CameraPlane, Measure, Outcome, Space, View};

const METHOD: &str = "greatest_less_smallest_in_image";

/// An angle that is known in fewer of the frames in which the person is seen says nothing about its range.
const LEAST_COVERAGE: f64 = 0.2;

/// From an oblique view, angles in the picture are distorted: half the trust.
const OBLIQUE: f64 = 0.5;

/// A measure for each angle that was measured in the image.
pub(crate) fn measures(angles: &[AngleSeries], plane: Option<CameraPlane>) -> Vec<Measure> {
    angles
        .iter()
        .filter(|series| series.space == Space::Image)
        .map(|series| Measure {
            id: format!("range_of_motion_{}", series.angle.id()),
            label: format!("Range of motion: {}", series.angle.label().to_lowercase()),
            side: series.side,
            unit: "deg".to_owned(),
            method: METHOD.to_owned(),
            outcome: outcome(series, plane),
        })
        .collect()
}

fn outcome(series: &AngleSeries, plane: Option<CameraPlane>) -> Outcome {
    let Some(range) = series.range.filter(|range| range.coverage >= LEAST_COVERAGE) else {
        return withheld("the angle is known in less than a fifth of the frames in which the person is seen");
    };
    let Some(plane) = plane else {
        return withheld("it is not known from where the camera looks");
    };
    match trust(series.angle, plane) {
        Some(trust) => single(range.range_of_motion_deg(), trust * range.coverage),
        None if is_across(series.angle) => withheld("the line between the sides points at the camera"),
        None => withheld("the person is seen from the front or back, and the joint bends towards the camera"),
    }
}

/// How far an angle in the picture is the joint's own: the cosine of the angle between the plane in which it bends and
/// the picture. `None` where it cannot be read.
fn trust(angle: Angle, plane: CameraPlane) -> Option<f64> {
    let (sin, cos) = plane.deviation_deg.to_radians().sin_cos();
    let is_frontal = is_across(angle);
    match plane.view {
        View::Side => (!is_frontal).then_some(cos),
        View::Oblique => Some(OBLIQUE * if is_frontal { sin } else { cos }),
        View::Frontal => is_frontal.then_some(sin),
    }
}

/// Whether an angle is that of a line between both sides of the body, which shows from front and back.
fn is_across(angle: Angle) -> bool {
    matches!(angle, Angle::Pelvis | Angle::Shoulders)
}

//! How alike the two sides of the body move: the symmetry angle of Zifchock et al. 2008 (Gait & Posture 27(4), 622–627,
//! doi:10.1016/j.gaitpost.2007.08.006).
//!
//! Other than the symmetry index of Robinson et al. 1987 (the difference over the mean of both sides) it needs no side of reference
//! and does not grow without limit when one side is near zero. For sides that differ little it is about the index divided
//! by 3.14.

use crate::find::Movement;
use crate::{Angle, AngleKind, AngleRange, Findings, Measure, Outcome, Side, Space, View};

/// Sides that both move less than this, in degrees, differ by what a pose model errs.
const LEAST_RANGE_DEG: f64 = 5.0;

/// Both sides must be seen in at least this share of the frames in which the person is.
const LEAST_COVERAGE: f64 = 0.5;

/// The symmetry angle of two values in percent: 0 where they are equal, positive where the right one is greater, 50 where the left
/// one is zero and 100 where they are opposite. `None` where both are zero.
pub(crate) fn symmetry_angle_percent(left: f64, right: f64) -> Option<f64> {
    if left == 0.0 && right == 0.0 {
        return None;
    }
    // The angle of the point (right, left), as a direction without a sense, against the diagonal.
    let percent = (45.0 - (left / right).atan().to_degrees()) / 90.0 * 100.0;
    // `left / right` is infinite or of either sign at `right` = 0; the arc tangent turns it into 90 degrees.
    Some(if percent > 100.0 { percent - 200.0 } else { percent })
}

/// What of a series is compared.
struct Quantity {
    id: &'static str,
    label: &'static str,
    of: fn(&AngleRange) -> f64,
}

const QUANTITIES: [Quantity; 2] = [
    Quantity {
        id: "range",
        label: "range",
        of: AngleRange::range_of_motion_deg,
    },
    Quantity {
        id: "peak",
        label: "peak",
        of: |range| range.maximum_deg,
    },
];

/// Adds the symmetry of the joint angles in the image, of range of motion and of the greatest value. The wrist, whose
/// angle has no sign in one view, is left out.
pub(crate) fn find(movement: &Movement<'_>, findings: &mut Findings) {
    let is_compared = |angle: &Angle| angle.kind() == AngleKind::Joint && *angle != Angle::WristFlexion;
    for angle in Angle::ALL.into_iter().filter(is_compared) {
        for quantity in &QUANTITIES {
            findings.measures.push(Measure {
                id: format!("{}_{}_symmetry_angle", angle.id(), quantity.id),
                label: format!("{}: {} symmetry, right +", angle.label(), quantity.label),
                side: None,
                unit: "percent".to_owned(),
                method: "zifchock_2008".to_owned(),
                outcome: compare(movement, angle, quantity).unwrap_or_else(|reason| Outcome::Withheld { reason }),
            });
        }
    }
}

fn compare(movement: &Movement<'_>, angle: Angle, quantity: &Quantity) -> Result<Outcome, String> {
    let plane = movement
        .person
        .camera_plane
        .ok_or("From where the person is seen is not known.")?;
    if plane.view != View::Side {
        return Err("The person is not seen from the side, where both sides can be measured alike.".to_owned());
    }
    let range = |side| {
        let series = movement.person.series(angle, Some(side), Space::Image);
        series
            .and_then(|series| series.range)
            .filter(|range| range.coverage >= LEAST_COVERAGE)
            .ok_or("One of the sides was seen in less than half of the frames in which the person was.")
    };
    let (left, right) = (range(Side::Left)?, range(Side::Right)?);
    if left.range_of_motion_deg().max(right.range_of_motion_deg()) < LEAST_RANGE_DEG {
        return Err(format!("Neither side moves by {LEAST_RANGE_DEG} degrees."));
    }
    let (left_deg, right_deg) = ((quantity.of)(&left), (quantity.of)(&right));
    let value = symmetry_angle_percent(left_deg, right_deg)
        .filter(|_| left_deg.abs().max(right_deg.abs()) >= LEAST_RANGE_DEG)
        .ok_or_else(|| {
            format!("Both sides are within {LEAST_RANGE_DEG} degrees of zero, where their ratio is chance.")
        })?;
    Ok(Outcome::Given {
        value,
        sd: None,
        count: 1,
        confidence: left.coverage.min(right.coverage) * plane.deviation_deg.to_radians().cos(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_symmetry_angle_is_that_of_the_paper() {
        let close = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
        assert!(close(symmetry_angle_percent(7.0, 7.0), 0.0));
        assert!(close(symmetry_angle_percent(0.0, 3.0), 50.0));
        assert!(close(symmetry_angle_percent(3.0, 0.0), -50.0));
        assert!(close(symmetry_angle_percent(-3.0, 3.0).map(f64::abs), 100.0));
        // (45 - atan(2)) / 90 * 100
        assert!(close(symmetry_angle_percent(2.0, 1.0), -20.483_276_469_913_347));
        assert_eq!(symmetry_angle_percent(0.0, 0.0), None);
        let index_percent = 100.0 * 0.01 / 1.005;
        let angle_percent = symmetry_angle_percent(1.0, 1.01).unwrap_or_default();
        assert!((index_percent / angle_percent - std::f64::consts::PI).abs() < 0.01);
    }
}

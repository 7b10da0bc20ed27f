//! Which side of the body the camera sees, on which the sign of every angle in the image depends.
//!
//! "Facing right in the picture" and "the camera sees the right side" are the same for an upright person, but only
//! the second stays true when the person lies, hangs or turns a somersault. It is therefore read from how the feet
//! stand to the shanks and the nose to the neck, and not from which way the toes point in the picture.

use rayon::prelude::*;

use crate::body::{Body, Mark, cross2, length, unit};
use crate::{Pose, Side};

/// Evidence below this share of its greatest possible value changes nothing: the person is seen nearly from front or
/// back.
const DECISIVE: f64 = 0.3;

/// For each frame +1 where the camera sees the right side, which an upright person turns to it when facing right in
/// the picture, or -1 for the left side. Views from front and back keep the side seen last; at the start they have
/// the side seen first, and if no frame is decisive, the one that has more evidence over all.
pub(crate) fn sides_seen(poses: &[Option<Pose>], minimum_visibility: f32) -> Vec<f64> {
    let evidence: Vec<f64> = poses
        .par_iter()
        .map(|pose| {
            pose.as_ref()
                .map_or(0.0, |pose| evidence(&Body::new(pose, minimum_visibility)))
        })
        .collect();
    let first = evidence.iter().copied().find(|evidence| evidence.abs() >= DECISIVE);
    let mut side = if first.unwrap_or_else(|| evidence.iter().sum()) < 0.0 {
        -1.0
    } else {
        1.0
    };
    evidence
        .into_iter()
        .map(|evidence| {
            if evidence.abs() >= DECISIVE {
                side = evidence.signum();
            }
            side
        })
        .collect()
}

/// In `-1..=1`: the part of feet and face that points forward at right angles to shanks and neck, positive where the
/// right side is seen. Feet that point apart, as seen from the front, cancel out.
fn evidence(body: &Body<'_>) -> f64 {
    let feet = [Side::Left, Side::Right].map(|side| {
        let at = |mark: Mark| mark.on(Some(side));
        let foot = body.image(at(Mark::Heel), at(Mark::Toe))?;
        Some((foot, body.image(at(Mark::Ankle), at(Mark::Knee))?))
    });
    let [shoulders, ears, nose] = [Mark::Shoulders, Mark::Ears, Mark::Nose].map(|mark| mark.on(None));
    let face = [body
        .image(ears, nose)
        .and_then(|forward| Some((forward, body.image(shoulders, ears)?)))];
    let (mut sum, mut possible) = (0.0, 0.0);
    for (forward, up) in feet.into_iter().chain(face).flatten() {
        if let Some(up) = unit(up) {
            sum += cross2(forward, up);
            possible += length(forward);
        }
    }
    if possible > 0.0 { sum / possible } else { 0.0 }
}

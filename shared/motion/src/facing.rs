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

/// A side is seen throughout if in the mean of +1 and -1 it is so far ahead: nine frames in ten.
const THROUGHOUT: f64 = 0.8;

/// For each frame +1 where the camera sees the right side, which an upright person turns to it when facing right in
/// the picture, or -1 for the left side. Views from front and back keep the side seen last; at the start they have
/// the side seen first, and if no frame is decisive, the one that has more evidence over all.
pub(crate) fn sides_seen(poses: &[Option<Pose>], minimum_visibility: f32) -> Vec<f64> {
    let of = |pose: &Pose| Evidence::of(&Body::new(pose, minimum_visibility)).share();
    let evidence: Vec<f64> = poses.par_iter().map(|pose| pose.as_ref().map_or(0.0, of)).collect();
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

/// +1 where the camera sees the right side nearly all the time, -1 where it sees the left side; `None` where it sees both, or feet and
/// face hardly ever tell, as from the front and back: there they look short, and which way they lean is chance.
pub(crate) fn side_seen_throughout(poses: &[Option<Pose>], minimum_visibility: f32) -> Option<f64> {
    let told: Vec<f64> = poses
        .iter()
        .flatten()
        .filter_map(|pose| {
            let body = Body::new(pose, minimum_visibility);
            let evidence = Evidence::of(&body);
            let decides = evidence.share().abs() >= DECISIVE && evidence.is_long(&body);
            decides.then(|| evidence.share().signum())
        })
        .collect();
    let mean = told.iter().sum::<f64>() / told.len() as f64;
    let seen = poses.iter().flatten().count();
    (2 * told.len() >= seen && mean.abs() >= THROUGHOUT).then_some(mean.signum())
}

/// What feet and face tell of the side that is seen.
#[derive(Debug, Clone, Copy, Default)]
struct Evidence {
    /// The part of feet and face that points forward at right angles to shanks and neck, positive where the right side is seen. Feet that
    /// point apart, as seen from the front, cancel out.
    forward: f64,
    /// How long feet and face look.
    long: f64,
    /// How long those of them that are seen look from the side, in lengths of the trunk.
    usual: f64,
}

/// How long a foot and the face look from the side, in lengths of the trunk (Drillis and Contini 1966: foot 0.152, trunk 0.288 of the
/// height, and head 0.13, of which the nose is about half before the ears).
const FOOT: f64 = 0.5;
const FACE: f64 = 0.2;

/// Where feet and face look so much shorter than from the side, they point at the camera or away from it.
const LONG: f64 = 0.5;

impl Evidence {
    fn of(body: &Body<'_>) -> Self {
        let feet = [Side::Left, Side::Right].map(|side| {
            let at = |mark: Mark| mark.on(Some(side));
            let foot = body.image(at(Mark::Heel), at(Mark::Toe))?;
            Some((foot, body.image(at(Mark::Ankle), at(Mark::Knee))?, FOOT))
        });
        let [shoulders, ears, nose] = [Mark::Shoulders, Mark::Ears, Mark::Nose].map(|mark| mark.on(None));
        let face = [body
            .image(ears, nose)
            .and_then(|forward| Some((forward, body.image(shoulders, ears)?, FACE)))];
        let mut evidence = Self::default();
        for (forward, up, usual) in feet.into_iter().chain(face).flatten() {
            if let Some(up) = unit(up) {
                evidence.forward += cross2(forward, up);
                evidence.long += length(forward);
                evidence.usual += usual;
            }
        }
        evidence
    }

    /// In `-1..=1`.
    fn share(self) -> f64 {
        if self.long > 0.0 { self.forward / self.long } else { 0.0 }
    }

    fn is_long(self, body: &Body<'_>) -> bool {
        let trunk = body.image(Mark::Hips.on(None), Mark::Shoulders.on(None));
        trunk.is_some_and(|trunk| self.long >= LONG * self.usual * length(trunk))
    }
}

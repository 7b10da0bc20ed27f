//! Joint and segment angles of one pose. docs/MOTION.md shows each definition in a figure.
//!
//! In the image, angles lie in the plane that the camera sees, turned so that the person faces right; they follow
//! `Sports2D` (Pagnon and Kim 2024, doi:10.21105/joss.06849; `angle_dict` in its `common.py`) save for trunk, pelvis
//! and hand. In the world, hinge joints have the unsigned angle between their segments, and hip and shoulder the angle
//! in the person's sagittal plane.
//!
//! Every angle has a fixed range, and its turn follows from one pose and the side seen alone: nothing is unwrapped over
//! time.

use crate::body::{Body, HIPS, Image, Limb, SHOULDERS, World, add, cross2, cross3, dot, length, perpendicular, unit};
use crate::{Angle, Landmark, Side, Space};

/// The hips must stand at least this many trunk lengths apart in the image for the pelvis to have a tilt there. From
/// the front they stand about 0.4 apart, so this leaves out views within about 20 degrees of the side.
const LEAST_HIP_WIDTH: f64 = 0.15;

/// A limb that points sideways has no direction in the sagittal plane: at least this share of it must lie there.
const LEAST_SAGITTAL_SHARE: f64 = 0.2;

/// A knee reads at least this in the image. Knees overextend by up to some 15 degrees; one that seems bent further
/// backward is seen from its other side or turned out of the image plane, and its bend counts as flexion.
const LEAST_KNEE_DEG: f64 = -20.0;

/// Hip flexion is reported within one turn from here on, and so jumps where no thigh can be: the range of the joint
/// together with the spine, about -60 (leg raised backward) to 180 (thigh on the chest), has 60 degrees to spare at
/// both ends.
const LEAST_HIP_DEG: f64 = -120.0;

/// Shoulder flexion is reported within one turn from here on: arms reach back by some 60 degrees, and overhead they
/// pass 180 without a jump.
const LEAST_SHOULDER_DEG: f64 = -90.0;

const UP: World = [0.0, -1.0, 0.0];

/// A pose with what several of its angles have in common.
pub(crate) struct Posture<'a> {
    body: Body<'a>,
    /// +1 where the camera sees the person's right side, else -1.
    side_seen: f64,
    trunk_down: Option<Image>,
    left: Option<World>,
    sagittal: Option<Sagittal>,
}

/// Directions of length one in the sagittal plane, along the trunk and ahead of it.
struct Sagittal {
    up: World,
    forward: World,
}

impl<'a> Posture<'a> {
    pub(crate) fn new(body: Body<'a>, side_seen: f64) -> Self {
        let left = body.left();
        let sagittal = left.and_then(|left| {
            let up = unit(body.world(HIPS, SHOULDERS)?)?;
            let left = unit(perpendicular(left, up))?;
            Some(Sagittal {
                up,
                forward: cross3(left, up),
            })
        });
        Self {
            side_seen,
            trunk_down: body.image(SHOULDERS, HIPS),
            left,
            sagittal,
            body,
        }
    }

    /// The angle in degrees, or `None` where its landmarks are not trusted or do not determine it. `side` is ignored
    /// for trunk and pelvis.
    pub(crate) fn angle_deg(&self, angle: Angle, side: Option<Side>, space: Space) -> Option<f64> {
        let limb = Limb::of(side.unwrap_or(Side::Left));
        match space {
            Space::Image => self.image_deg(angle, &limb),
            Space::World => self.world_deg(angle, &limb),
        }
    }

    fn image_deg(&self, angle: Angle, limb: &Limb) -> Option<f64> {
        let body = &self.body;
        let turn = |from: Option<Image>, to: Option<Image>| Some(self.side_seen * turn_deg(from?, to?));
        let bend = |from: Option<Image>, to: Option<Image>| Some(turn_deg(from?, to?).abs());
        Some(match angle {
            Angle::AnkleDorsiflexion => {
                90.0 - bend(body.image(limb.heel, limb.toe), body.image(limb.ankle, limb.knee))?
            }
            Angle::KneeFlexion => knee_deg(turn(
                body.image(limb.knee, limb.ankle),
                body.image(limb.hip, limb.knee),
            )?),
            Angle::HipFlexion => turn_from_deg(turn(self.trunk_down, body.image(limb.hip, limb.knee))?, LEAST_HIP_DEG),
            Angle::ShoulderFlexion => turn_from_deg(
                turn(self.trunk_down, body.image(limb.shoulder, limb.elbow))?,
                LEAST_SHOULDER_DEG,
            ),
            // The forearm turns about the upper arm and the hand about the forearm, so a sign in the image would say
            // which way the limb is turned and not which way the joint is bent.
            Angle::ElbowFlexion => bend(
                body.image(limb.shoulder, limb.elbow),
                body.image(limb.elbow, limb.wrist),
            )?,
            Angle::WristFlexion => bend(
                body.image(limb.elbow, limb.wrist),
                body.image(limb.wrist, limb.knuckles),
            )?,
            Angle::Trunk => up_to_half_turn_deg(turn(body.image(HIPS, SHOULDERS), Some([0.0, 1.0]))?),
            Angle::Pelvis => {
                let across = body.image(Landmark::RightHip, Landmark::LeftHip)?;
                if length(across) < LEAST_HIP_WIDTH * length(self.trunk_down?) {
                    return None;
                }
                across[1].atan2(across[0].abs()).to_degrees()
            }
        })
    }

    fn world_deg(&self, angle: Angle, limb: &Limb) -> Option<f64> {
        let body = &self.body;
        match angle {
            Angle::AnkleDorsiflexion => {
                Some(90.0 - between_deg(body.world(limb.heel, limb.toe)?, body.world(limb.ankle, limb.knee)?))
            }
            Angle::KneeFlexion => Some(between_deg(
                body.world(limb.hip, limb.knee)?,
                body.world(limb.knee, limb.ankle)?,
            )),
            Angle::HipFlexion => self.sagittal_deg(body.world(limb.hip, limb.knee)?, LEAST_HIP_DEG),
            Angle::ShoulderFlexion => self.sagittal_deg(body.world(limb.shoulder, limb.elbow)?, LEAST_SHOULDER_DEG),
            Angle::ElbowFlexion => Some(between_deg(
                body.world(limb.shoulder, limb.elbow)?,
                body.world(limb.elbow, limb.wrist)?,
            )),
            Angle::WristFlexion => Some(between_deg(
                body.world(limb.elbow, limb.wrist)?,
                body.world(limb.wrist, limb.knuckles)?,
            )),
            Angle::Trunk => {
                let trunk = body.world(HIPS, SHOULDERS)?;
                let forward = unit(cross3(self.left?, UP))?;
                let lean_deg = dot(trunk, forward).atan2(dot(trunk, UP)).to_degrees();
                Some(up_to_half_turn_deg(lean_deg))
            }
            Angle::Pelvis => {
                let across = body.world(Landmark::RightHip, Landmark::LeftHip)?;
                Some((-across[1]).atan2(across[0].hypot(across[2])).to_degrees())
            }
        }
    }

    /// The angle from the trunk's downward axis to a limb in the person's sagittal plane, forward positive,
    /// within one turn from `least_deg` on.
    fn sagittal_deg(&self, limb: World, least_deg: f64) -> Option<f64> {
        let Sagittal { up, forward } = self.sagittal.as_ref()?;
        let (ahead, down) = (dot(limb, *forward), -dot(limb, *up));
        if ahead.hypot(down) < LEAST_SAGITTAL_SHARE * length(limb) {
            return None;
        }
        Some(turn_from_deg(ahead.atan2(down).to_degrees(), least_deg))
    }
}

/// From one vector to another in `-180..=180`, anticlockwise positive.
fn turn_deg(from: Image, to: Image) -> f64 {
    cross2(from, to).atan2(dot(from, to)).to_degrees()
}

/// Between two vectors in `0..=180`. The arc tangent keeps its digits where the arc cosine loses them, at 0 and 180
/// degrees.
fn between_deg(a: World, b: World) -> f64 {
    length(cross3(a, b)).atan2(dot(a, b)).to_degrees()
}

/// A knee's turn in the image with the sign of hyperextension where that can be one, in `-20..=180`.
fn knee_deg(turn_deg: f64) -> f64 {
    if turn_deg < LEAST_KNEE_DEG { -turn_deg } else { turn_deg }
}

/// The direction of an angle in `-360..=360` as one in `least..least + 360`.
fn turn_from_deg(angle_deg: f64, least_deg: f64) -> f64 {
    let angle_deg = if angle_deg < least_deg {
        angle_deg + 360.0
    } else {
        angle_deg
    };
    // Also after the sum, which may have been rounded up to the next turn.
    if angle_deg >= least_deg + 360.0 {
        angle_deg - 360.0
    } else {
        angle_deg
    }
}

/// The direction of an angle in `-360..=360` as one above -180 and up to 180.
fn up_to_half_turn_deg(angle_deg: f64) -> f64 {
    -turn_from_deg(-angle_deg, -180.0)
}

/// How far the sagittal plane lies from the image plane in degrees, in `0..=90`, given the person's left: that is the
/// angle between the person's left, laid into the horizontal, and the camera's axis.
pub(crate) fn deviation_deg(left: World) -> f64 {
    left[0].abs().atan2(left[2].abs()).to_degrees()
}

/// The person's left from whichever of shoulders and hips are trusted, for the camera's view.
pub(crate) fn left_from_either(body: &Body<'_>) -> Option<World> {
    let shoulders = body
        .world(Landmark::RightShoulder, Landmark::LeftShoulder)
        .and_then(unit);
    let hips = body.world(Landmark::RightHip, Landmark::LeftHip).and_then(unit);
    match (shoulders, hips) {
        (Some(shoulders), Some(hips)) => unit(add(shoulders, hips)),
        (one, other) => one.or(other),
    }
}

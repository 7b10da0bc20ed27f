//! Joint and segment angles of one pose, by the rules of the table in [`crate::definitions`].
//!
//! In the image, angles lie in the plane that the camera sees, turned so that the person faces right. In the world, hinge
//! joints have the unsigned angle between their segments, hip and shoulder the angle in the person's sagittal plane, and segments
//! the angle in the vertical plane ahead of the person.
//!
//! Every angle has a fixed range, and its turn follows from one pose and the side seen alone: nothing is unwrapped over
//! time.

use crate::body::{Body, Image, Mark, UP, World, add, cross2, cross3, dot, length, perpendicular, unit};
use crate::definitions::{Rule, Segment};
use crate::{Angle, Landmark, Side, Space};

/// Hips and shoulders must stand at least this many trunk lengths apart in the image for their line to have a tilt
/// there. From the front hips stand about 0.4 apart, so this leaves out views within about 20 degrees of the side.
const LEAST_WIDTH: f64 = 0.15;

/// A limb that points sideways has no direction in the sagittal plane: at least this share of it must lie there.
const LEAST_SAGITTAL_SHARE: f64 = 0.2;

/// A pose with what several of its angles have in common.
pub(crate) struct Posture<'a> {
    body: Body<'a>,
    /// +1 where the camera sees the person's right side, else -1.
    side_seen: f64,
    trunk_down: Option<Image>,
    /// Along the trunk and ahead of it.
    sagittal: Option<Plane>,
    /// Upright and ahead of the person.
    vertical: Option<Plane>,
}

/// Directions of length one that span a plane.
struct Plane {
    up: World,
    forward: World,
}

impl Plane {
    /// The elevation of a vector over `forward` in degrees, in `-180..=180`; `None` where too little of it lies in the
    /// plane.
    fn elevation_deg(&self, vector: World) -> Option<f64> {
        let (ahead, up) = (dot(vector, self.forward), dot(vector, self.up));
        let is_enough = ahead.hypot(up) >= LEAST_SAGITTAL_SHARE * length(vector);
        is_enough.then(|| up.atan2(ahead).to_degrees())
    }
}

impl<'a> Posture<'a> {
    pub(crate) fn new(body: Body<'a>, side_seen: f64) -> Self {
        let left = body.left();
        let sagittal = left.and_then(|left| {
            let up = unit(body.world(Mark::Hips.on(None), Mark::Shoulders.on(None))?)?;
            let left = unit(perpendicular(left, up))?;
            let forward = cross3(left, up);
            Some(Plane { up, forward })
        });
        let vertical = left.and_then(|left| {
            let forward = unit(cross3(left, UP))?;
            Some(Plane { up: UP, forward })
        });
        Self {
            side_seen,
            trunk_down: body.image(Mark::Shoulders.on(None), Mark::Hips.on(None)),
            sagittal,
            vertical,
            body,
        }
    }

    /// The angle in degrees within [`Angle::bounds`], or `None` where its landmarks are not trusted or do not determine
    /// it. `side` is ignored for angles in the middle of the body.
    pub(crate) fn angle_deg(&self, angle: Angle, side: Option<Side>, space: Space) -> Option<f64> {
        let rule = angle.definition().rule;
        let angle_deg = match space {
            Space::Image => self.image_deg(rule, side)?,
            Space::World => self.world_deg(rule, side)?,
        };
        Some(angle.bounds(space).wrap(angle_deg))
    }

    fn image_deg(&self, rule: Rule, side: Option<Side>) -> Option<f64> {
        let image = |segment: Segment| self.body.image(segment.from.on(side), segment.to.on(side));
        Some(match rule {
            Rule::Bend {
                of: [one, other],
                zero_deg,
            } => turn_deg(image(one)?, image(other)?).abs() - zero_deg,
            Rule::Hinge {
                of: [one, other],
                least_deg,
            } => {
                let turn_deg = self.side_seen * turn_deg(image(other)?, image(one)?);
                if turn_deg < least_deg { -turn_deg } else { turn_deg }
            }
            Rule::Swing { of } => self.side_seen * turn_deg(self.trunk_down?, image(of)?),
            Rule::Elevation { of } => self.elevation_deg(image(of)?),
            Rule::Lean { of } => 90.0 - self.elevation_deg(image(of)?),
            Rule::Tilt { of } => {
                let across = image(of)?;
                if length(across) < LEAST_WIDTH * length(self.trunk_down?) {
                    return None;
                }
                across[1].atan2(across[0].abs()).to_degrees()
            }
        })
    }

    /// Against the horizontal in the direction that the person faces, upward positive.
    fn elevation_deg(&self, [right, up]: Image) -> f64 {
        up.atan2(self.side_seen * right).to_degrees()
    }

    fn world_deg(&self, rule: Rule, side: Option<Side>) -> Option<f64> {
        let world = |segment: Segment| self.body.world(segment.from.on(side), segment.to.on(side));
        Some(match rule {
            Rule::Bend {
                of: [one, other],
                zero_deg,
            } => between_deg(world(one)?, world(other)?) - zero_deg,
            Rule::Hinge { of: [one, other], .. } => between_deg(world(one)?, world(other)?),
            Rule::Swing { of } => 90.0 + self.sagittal.as_ref()?.elevation_deg(world(of)?)?,
            Rule::Elevation { of } => self.vertical.as_ref()?.elevation_deg(world(of)?)?,
            // A trunk that leans sideways still leans forward by something, if by little.
            Rule::Lean { of } => {
                let Plane { up, forward } = self.vertical.as_ref()?;
                let trunk = world(of)?;
                dot(trunk, *forward).atan2(dot(trunk, *up)).to_degrees()
            }
            Rule::Tilt { of } => {
                let across = world(of)?;
                (-across[1]).atan2(across[0].hypot(across[2])).to_degrees()
            }
        })
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

//! Joint and segment angles of all poses, by the rules of the table in [`crate::definitions`].
//!
//! In the image, angles lie in the plane that the camera sees, turned so that the person faces right. In the world, hinge
//! joints have the unsigned angle between their segments, hip and shoulder the angle in the person's sagittal plane, and segments
//! the angle in the vertical plane ahead of the person.
//!
//! Every angle has a fixed range, and its turn follows from one pose and the side seen alone: nothing is unwrapped over
//! time. Frames are measured some at once, in columns: see [`crate::columns`].

use crate::arctangent::atan2_deg;
use crate::body::{Body, Mark, UP, World, add, cross2, cross3, dot, length, perpendicular, unit};
use crate::columns::{Column, FRAMES, Places, Vectors, at, column, vectors};
use crate::definitions::{Rule, Segment};
use crate::{Angle, Bounds, Landmark, Pose, Side, Space, Spaces};

/// Hips and shoulders must stand at least this many trunk lengths apart in the image for their line to have a tilt
/// there. From the front hips stand about 0.4 apart, so this leaves out views within about 20 degrees of the side.
const LEAST_WIDTH: f64 = 0.15;

/// A limb that points sideways has no direction in the sagittal plane: at least this share of it must lie there.
const LEAST_SAGITTAL_SHARE: f64 = 0.2;

/// An angle in every frame in degrees, within [`Angle::bounds`]; `None` where its landmarks are not trusted or do not
/// determine it.
pub(crate) type Series = Vec<Option<f64>>;

/// Every angle of all poses, in the order of [`Angle::series`], without values in a space that there is not. `sides` holds
/// for each pose +1 where the camera sees the person's right side, else -1.
pub(crate) fn measure(poses: &[Option<Pose>], sides: &[f64], spaces: Spaces, minimum_visibility: f32) -> Vec<Series> {
    let in_space = |space: Space| match space {
        _ if !spaces.has(space) => keys(space).map(|_| vec![None; poses.len()]).collect(),
        Space::Image => in_blocks(poses, sides, &mut ImageBlock::new(), minimum_visibility),
        Space::World => in_blocks(poses, sides, &mut WorldBlock::new(), minimum_visibility),
    };
    let (image, world): (Vec<Series>, Vec<Series>) = rayon::join(|| in_space(Space::Image), || in_space(Space::World));
    let (mut image, mut world) = (image.into_iter(), world.into_iter());
    Angle::series()
        .filter_map(|(_, _, space)| match space {
            Space::Image => image.next(),
            Space::World => world.next(),
        })
        .collect()
}

/// The angles and sides of the series in one space.
fn keys(space: Space) -> impl Iterator<Item = (Angle, Option<Side>)> {
    Angle::series()
        .filter(move |&(_, _, of)| of == space)
        .map(|(angle, side, _)| (angle, side))
}

/// A few frames in one space.
trait Block {
    const SPACE: Space;

    fn load(&mut self, poses: &[Option<Pose>], sides: &[f64], minimum_visibility: f32);

    /// An angle in degrees before it is brought within its bounds.
    fn angle_deg(&self, rule: Rule, side: Option<Side>) -> Column;
}

fn in_blocks<B: Block>(poses: &[Option<Pose>], sides: &[f64], block: &mut B, minimum_visibility: f32) -> Vec<Series> {
    let mut found: Vec<Series> = keys(B::SPACE).map(|_| Vec::with_capacity(poses.len())).collect();
    for (poses, sides) in poses.chunks(FRAMES).zip(sides.chunks(FRAMES)) {
        block.load(poses, sides, minimum_visibility);
        for (series, (angle, side)) in found.iter_mut().zip(keys(B::SPACE)) {
            let angle_deg = block.angle_deg(angle.definition().rule, side);
            let angle_deg = wrapped(&angle_deg, angle.bounds(B::SPACE));
            let known = angle_deg[..poses.len()].iter();
            series.extend(known.map(|&value| if value.is_nan() { None } else { Some(value) }));
        }
    }
    found
}

fn wrapped(angle_deg: &Column, bounds: Bounds) -> Column {
    match bounds {
        Bounds::Closed(..) => *angle_deg,
        Bounds::TurnFrom(_) | Bounds::TurnUpTo(_) => column(|frame| bounds.wrap(angle_deg[frame])),
    }
}

/// Frames in the image.
struct ImageBlock {
    places: Places<2>,
    /// +1 where the camera sees the person's right side, else -1.
    side_seen: Column,
    trunk_down: Vectors<2>,
}

impl ImageBlock {
    fn new() -> Self {
        Self {
            places: Places::new(),
            side_seen: [1.0; FRAMES],
            trunk_down: [[f64::NAN; FRAMES]; 2],
        }
    }

    /// Against the horizontal in the direction that the person faces, upward positive.
    fn elevation_deg(&self, of: &Vectors<2>) -> Column {
        column(|frame| atan2_deg(of[1][frame], self.side_seen[frame] * of[0][frame]))
    }
}

impl Block for ImageBlock {
    const SPACE: Space = Space::Image;

    fn load(&mut self, poses: &[Option<Pose>], sides: &[f64], minimum_visibility: f32) {
        let position = |point: &crate::Point| [f64::from(point.x_px), -f64::from(point.y_px)];
        self.places.load(poses, minimum_visibility, position);
        self.side_seen[..sides.len()].copy_from_slice(sides);
        self.trunk_down = self.places.between(Mark::Shoulders.on(None), Mark::Hips.on(None));
    }

    fn angle_deg(&self, rule: Rule, side: Option<Side>) -> Column {
        let image = |segment: Segment| self.places.between(segment.from.on(side), segment.to.on(side));
        match rule {
            Rule::Bend {
                of: [one, other],
                zero_deg,
            } => {
                let (one, other) = (image(one), image(other));
                column(|frame| turn_deg(&one, &other, frame).abs() - zero_deg)
            }
            Rule::Hinge {
                of: [one, other],
                least_deg,
            } => {
                let (one, other) = (image(one), image(other));
                column(|frame| {
                    let turn_deg = self.side_seen[frame] * turn_deg(&other, &one, frame);
                    if turn_deg < least_deg { -turn_deg } else { turn_deg }
                })
            }
            Rule::Swing { of } => {
                let of = image(of);
                column(|frame| self.side_seen[frame] * turn_deg(&self.trunk_down, &of, frame))
            }
            Rule::Elevation { of } => self.elevation_deg(&image(of)),
            Rule::Lean { of } => self.elevation_deg(&image(of)).map(|elevation_deg| 90.0 - elevation_deg),
            Rule::Tilt { of } => {
                let across = image(of);
                column(|frame| {
                    let is_wide = length(at(&across, frame)) >= LEAST_WIDTH * length(at(&self.trunk_down, frame));
                    let tilt_deg = atan2_deg(across[1][frame], across[0][frame].abs());
                    if is_wide { tilt_deg } else { f64::NAN }
                })
            }
        }
    }
}

/// From one vector to another in `-180..=180`, anticlockwise positive.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "a call for each frame would not become vector instructions"
)]
fn turn_deg(from: &Vectors<2>, to: &Vectors<2>, frame: usize) -> f64 {
    let (from, to) = (at(from, frame), at(to, frame));
    atan2_deg(cross2(from, to), dot(from, to))
}

/// Directions of length one that span a plane in each frame.
struct Plane {
    up: Vectors<3>,
    forward: Vectors<3>,
}

impl Plane {
    const UNKNOWN: Self = Self {
        up: [[f64::NAN; FRAMES]; 3],
        forward: [[f64::NAN; FRAMES]; 3],
    };

    /// The elevation of vectors over `forward` in degrees, in `-180..=180`; known where enough of them lies in the plane.
    fn elevation_deg(&self, of: &Vectors<3>) -> Column {
        column(|frame| {
            let vector = at(of, frame);
            let (ahead, up) = (dot(vector, at(&self.forward, frame)), dot(vector, at(&self.up, frame)));
            let is_enough = length([ahead, up]) >= LEAST_SAGITTAL_SHARE * length(vector);
            let elevation_deg = atan2_deg(up, ahead);
            if is_enough { elevation_deg } else { f64::NAN }
        })
    }
}

/// Frames in the world.
struct WorldBlock {
    places: Places<3>,
    /// Along the trunk and ahead of it.
    sagittal: Plane,
    /// Upright and ahead of the person.
    vertical: Plane,
}

impl WorldBlock {
    fn new() -> Self {
        Self {
            places: Places::new(),
            sagittal: Plane::UNKNOWN,
            vertical: Plane::UNKNOWN,
        }
    }
}

impl Block for WorldBlock {
    const SPACE: Space = Space::World;

    fn load(&mut self, poses: &[Option<Pose>], _: &[f64], minimum_visibility: f32) {
        let position = |point: &crate::Point| [point.x_m, point.y_m, point.z_m].map(f64::from);
        self.places.load(poses, minimum_visibility, position);
        let from_right_to_left = |right: Mark, left: Mark| self.places.between(right.on(None), left.on(None));
        let shoulders = from_right_to_left(Mark::RightShoulder, Mark::LeftShoulder);
        let hips = from_right_to_left(Mark::RightHip, Mark::LeftHip);
        let trunk_up = self.places.between(Mark::Hips.on(None), Mark::Shoulders.on(None));
        let known = |direction: Option<World>| direction.unwrap_or([f64::NAN; 3]);
        let left = vectors(|frame| {
            let (shoulders, hips) = (unit(at(&shoulders, frame)), unit(at(&hips, frame)));
            known(unit(add(known(shoulders), known(hips))))
        });
        let up = vectors(|frame| known(unit(at(&trunk_up, frame))));
        self.sagittal.forward = vectors(|frame| {
            let up = at(&up, frame);
            cross3(known(unit(perpendicular(at(&left, frame), up))), up)
        });
        self.sagittal.up = up;
        self.vertical.forward = vectors(|frame| known(unit(cross3(at(&left, frame), UP))));
        self.vertical.up = UP.map(|value| [value; FRAMES]);
    }

    fn angle_deg(&self, rule: Rule, side: Option<Side>) -> Column {
        let world = |segment: Segment| self.places.between(segment.from.on(side), segment.to.on(side));
        match rule {
            Rule::Bend {
                of: [one, other],
                zero_deg,
            } => {
                let (one, other) = (world(one), world(other));
                column(|frame| between_deg(&one, &other, frame) - zero_deg)
            }
            Rule::Hinge { of: [one, other], .. } => {
                let (one, other) = (world(one), world(other));
                column(|frame| between_deg(&one, &other, frame))
            }
            Rule::Swing { of } => self
                .sagittal
                .elevation_deg(&world(of))
                .map(|elevation_deg| 90.0 + elevation_deg),
            Rule::Elevation { of } => self.vertical.elevation_deg(&world(of)),
            // A trunk that leans sideways still leans forward by something, if by little.
            Rule::Lean { of } => {
                let (trunk, Plane { up, forward }) = (world(of), &self.vertical);
                column(|frame| {
                    let trunk = at(&trunk, frame);
                    atan2_deg(dot(trunk, at(forward, frame)), dot(trunk, at(up, frame)))
                })
            }
            Rule::Tilt { of } => {
                let across = world(of);
                column(|frame| atan2_deg(-across[1][frame], length([across[0][frame], across[2][frame]])))
            }
        }
    }
}

/// Between two vectors in `0..=180`. The arc tangent keeps its digits where the arc cosine loses them, at 0 and 180
/// degrees.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
fn between_deg(one: &Vectors<3>, other: &Vectors<3>, frame: usize) -> f64 {
    let (one, other) = (at(one, frame), at(other, frame));
    atan2_deg(length(cross3(one, other)), dot(one, other))
}

/// How far the sagittal plane lies from the image plane in degrees, in `0..=90`, given the person's left: that is the
/// angle between the person's left and the camera's axis. Of somebody who lies on the side before the camera, left is up or down.
pub(crate) fn deviation_deg(left: World) -> f64 {
    left[0].hypot(left[1]).atan2(left[2].abs()).to_degrees()
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

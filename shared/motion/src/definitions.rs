//! What each angle is: its name, the segments between which it lies, its zero, sign and range, in one table.
//!
//! docs/MOTION.md shows each definition in a figure. Joint angles follow `Sports2D` (Pagnon and Kim 2024,
//! doi:10.21105/joss.06849; `angle_dict` in `Pose2Sim`'s `common.py`) save for the signs of elbow, wrist and knee. Segment angles
//! follow it too: against the horizontal, anticlockwise positive for a person who faces right in the picture. `Trunk` and
//! `Pelvis` are Marey's own, and stand for the `trunk` and `pelvis` of `Sports2D`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::body::Mark::{
    self, Ankle, Ears, Elbow, Heel, Hip, Hips, Knee, Knuckles, LeftHip, LeftShoulder, RightHip, RightShoulder,
    Shoulder, Shoulders, Toe, Wrist,
};
use crate::{Side, Space};

/// A joint or segment angle; definitions, signs, zeros and ranges are those of docs/MOTION.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Angle {
    /// Ankle dorsiflexion, between shank and foot.
    AnkleDorsiflexion,
    /// Knee flexion, between thigh and shank.
    KneeFlexion,
    /// Hip flexion, between trunk and thigh.
    HipFlexion,
    /// Shoulder flexion, between trunk and upper arm.
    ShoulderFlexion,
    /// Elbow flexion, between upper arm and forearm, unsigned.
    ElbowFlexion,
    /// Wrist bend, between forearm and hand, unsigned.
    WristFlexion,
    /// Trunk inclination against the vertical, forward positive.
    Trunk,
    /// Pelvic obliquity: the line of the hips against the horizontal, positive where the subject's left is higher.
    Pelvis,
    /// Shoulder girdle tilt against the horizontal, positive where the subject's left is higher.
    Shoulders,
    /// Head, from the middle of the shoulders to the middle of the ears, against the horizontal: 90 upright.
    Head,
    /// Upper arm, from shoulder to elbow, against the horizontal: -90 hanging.
    Arm,
    /// Forearm, from elbow to wrist, against the horizontal: -90 hanging.
    Forearm,
    /// Hand, from wrist to knuckles, against the horizontal: -90 hanging.
    Hand,
    /// Thigh, from hip to knee, against the horizontal: -90 standing.
    Thigh,
    /// Shank, from knee to ankle, against the horizontal: -90 standing.
    Shank,
    /// Foot, from heel to toe, against the horizontal: 0 standing.
    Foot,
}

/// The values that an angle may have, in degrees. Where a body part turns full circle the value jumps once per turn, at the
/// ends of the range; nothing is unwrapped over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bounds {
    /// From the first to the second, both included: the angle folds back there and never jumps.
    Closed(f64, f64),
    /// One turn from here on: this end is included, the other one, the same direction, is not.
    TurnFrom(f64),
    /// One turn up to here: this end is included, the other one, the same direction, is not.
    TurnUpTo(f64),
}

impl Bounds {
    /// The lower end in degrees.
    pub const fn least_deg(self) -> f64 {
        match self {
            Self::Closed(least, _) | Self::TurnFrom(least) => least,
            Self::TurnUpTo(greatest) => greatest - 360.0,
        }
    }

    /// The upper end in degrees.
    pub const fn greatest_deg(self) -> f64 {
        match self {
            Self::Closed(_, greatest) | Self::TurnUpTo(greatest) => greatest,
            Self::TurnFrom(least) => least + 360.0,
        }
    }

    /// Whether an angle may have this value.
    pub fn contains(self, value_deg: f64) -> bool {
        let (least, greatest) = (self.least_deg(), self.greatest_deg());
        match self {
            Self::Closed(..) => least <= value_deg && value_deg <= greatest,
            Self::TurnFrom(_) => least <= value_deg && value_deg < greatest,
            Self::TurnUpTo(_) => least < value_deg && value_deg <= greatest,
        }
    }

    /// Whether the value jumps by a turn at the ends.
    pub const fn is_turn(self) -> bool {
        !matches!(self, Self::Closed(..))
    }

    /// The direction of an angle in `-540..=540` as one in these bounds; values of closed bounds stay as they are.
    pub(crate) fn wrap(self, angle_deg: f64) -> f64 {
        match self {
            Self::Closed(..) => angle_deg,
            Self::TurnFrom(least_deg) => turn_from_deg(angle_deg, least_deg),
            Self::TurnUpTo(greatest_deg) => -turn_from_deg(-angle_deg, -greatest_deg),
        }
    }
}

impl fmt::Display for Bounds {
    /// As mathematicians write them: `[-20, 180]`, `[-120, 240)`, `(-180, 180]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = if matches!(self, Self::TurnUpTo(_)) { '(' } else { '[' };
        let close = if matches!(self, Self::TurnFrom(_)) { ')' } else { ']' };
        write!(f, "{open}{}, {}{close}", self.least_deg(), self.greatest_deg())
    }
}

/// The direction of an angle as one in `least..least + 360`.
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

/// Whether an angle lies between two segments or tells how one segment lies in space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AngleKind {
    /// Between two neighbouring segments: it does not change when the picture is rolled.
    Joint,
    /// Of one segment against the vertical or the horizontal.
    Segment,
}

/// A part of the body as a direction, from one mark to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) from: Mark,
    pub(crate) to: Mark,
}

const fn segment(from: Mark, to: Mark) -> Segment {
    Segment { from, to }
}

/// From the middle of the shoulders to the middle of the hips.
pub(crate) const TRUNK_DOWN: Segment = segment(Shoulders, Hips);
/// From the middle of the hips to the middle of the shoulders.
pub(crate) const TRUNK_UP: Segment = segment(Hips, Shoulders);
pub(crate) const NECK: Segment = segment(Shoulders, Ears);
pub(crate) const ARM: Segment = segment(Shoulder, Elbow);
pub(crate) const FOREARM: Segment = segment(Elbow, Wrist);
pub(crate) const HAND: Segment = segment(Wrist, Knuckles);
pub(crate) const THIGH: Segment = segment(Hip, Knee);
pub(crate) const SHANK: Segment = segment(Knee, Ankle);
pub(crate) const FOOT: Segment = segment(Heel, Toe);
pub(crate) const FOOT_TO_ANKLE: Segment = segment(Heel, Ankle);
pub(crate) const UP_THE_BACK: Segment = segment(Hip, Shoulder);

/// How an angle is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Rule {
    /// The unsigned angle between two segments less another one, in the plane and in space.
    Bend { of: [Segment; 2], zero_deg: f64 },
    /// The angle between two segments: in the image with a sign, positive where the second turns clockwise from the first for a person
    /// who faces right, as far back as `least_deg`; a turn further back counts as a bend without its sign. In space
    /// unsigned.
    Hinge { of: [Segment; 2], least_deg: f64 },
    /// From the trunk's downward axis to a segment, forward positive, in the image or the sagittal plane.
    Swing { of: Segment },
    /// From the horizontal ahead of the person to a segment, upward positive, in the image or the vertical plane ahead.
    Elevation { of: Segment },
    /// From the vertical to a segment, forward positive: 90 less its elevation.
    Lean { of: Segment },
    /// How far the line from the right to the left of a pair of marks rises, in the image and in space.
    Tilt { of: Segment },
}

/// A row of the table of angles.
pub(crate) struct Definition {
    angle: Angle,
    id: &'static str,
    label: &'static str,
    kind: AngleKind,
    sides: &'static [Option<Side>],
    pub(crate) rule: Rule,
    image: Bounds,
    world: Bounds,
}

const BOTH: &[Option<Side>] = &[Some(Side::Left), Some(Side::Right)];
const MIDDLE: &[Option<Side>] = &[None];

/// Knees overextend by up to some 15 degrees; one that seems bent further backward in the image is seen from its other side or
/// turned out of the image plane.
const LEAST_KNEE_DEG: f64 = -20.0;

/// The range of the hip together with the spine, about -60 (leg raised backward) to 180 (thigh on the chest), has 60
/// degrees to spare at both ends.
const HIP: Bounds = Bounds::TurnFrom(-120.0);

/// Arms reach back by some 60 degrees, and overhead they pass 180 without a jump.
const SHOULDER: Bounds = Bounds::TurnFrom(-90.0);

/// An arm overhead, which came there in front of the body, reads 90; only one that points straight back jumps.
const ARMS: Bounds = Bounds::TurnFrom(-180.0);

/// A thigh that hangs straight down reads -90: as in [`HIP`], 120 degrees behind and 240 ahead of that.
const THIGHS: Bounds = Bounds::TurnFrom(-210.0);

/// The heel at the buttock of a sprinter reads about -230, a leg kicked up in front 90.
const SHANKS: Bounds = Bounds::TurnFrom(-240.0);

/// A runner's foot in the swing reads down to about -180, so that `Sports2D`'s jump at 180 would lie there.
const FEET: Bounds = Bounds::TurnFrom(-210.0);

const fn joint(
    angle: Angle,
    id: &'static str,
    label: &'static str,
    rule: Rule,
    image: Bounds,
    world: Bounds,
) -> Definition {
    Definition {
        angle,
        id,
        label,
        kind: AngleKind::Joint,
        sides: BOTH,
        rule,
        image,
        world,
    }
}

const fn part(
    angle: Angle,
    id: &'static str,
    label: &'static str,
    sides: &'static [Option<Side>],
    rule: Rule,
    bounds: Bounds,
) -> Definition {
    Definition {
        angle,
        id,
        label,
        kind: AngleKind::Segment,
        sides,
        rule,
        image: bounds,
        world: bounds,
    }
}

const fn bend(of: [Segment; 2], zero_deg: f64) -> Rule {
    Rule::Bend { of, zero_deg }
}

const QUARTER: Bounds = Bounds::Closed(-90.0, 90.0);
const HALF: Bounds = Bounds::Closed(0.0, 180.0);
const KNEE: Bounds = Bounds::Closed(LEAST_KNEE_DEG, 180.0);

/// Every angle, in the order of [`Angle`].
#[rustfmt::skip]
const DEFINITIONS: [Definition; 16] = [
    joint(Angle::AnkleDorsiflexion, "ankle_dorsiflexion", "Ankle dorsiflexion", bend([SHANK, FOOT], 90.0), QUARTER, QUARTER),
    joint(Angle::KneeFlexion, "knee_flexion", "Knee flexion", Rule::Hinge { of: [THIGH, SHANK], least_deg: LEAST_KNEE_DEG }, KNEE, HALF),
    joint(Angle::HipFlexion, "hip_flexion", "Hip flexion", Rule::Swing { of: THIGH }, HIP, HIP),
    joint(Angle::ShoulderFlexion, "shoulder_flexion", "Shoulder flexion", Rule::Swing { of: ARM }, SHOULDER, SHOULDER),
    joint(Angle::ElbowFlexion, "elbow_flexion", "Elbow flexion", bend([ARM, FOREARM], 0.0), HALF, HALF),
    joint(Angle::WristFlexion, "wrist_flexion", "Wrist flexion", bend([FOREARM, HAND], 0.0), HALF, HALF),
    part(Angle::Trunk, "trunk", "Trunk inclination", MIDDLE, Rule::Lean { of: TRUNK_UP }, Bounds::TurnUpTo(180.0)),
    part(Angle::Pelvis, "pelvis", "Pelvic obliquity", MIDDLE, Rule::Tilt { of: segment(RightHip, LeftHip) }, QUARTER),
    part(Angle::Shoulders, "shoulders", "Shoulder tilt", MIDDLE, Rule::Tilt { of: segment(RightShoulder, LeftShoulder) }, QUARTER),
    part(Angle::Head, "head", "Head to horizontal", MIDDLE, Rule::Elevation { of: NECK }, Bounds::TurnFrom(-90.0)),
    part(Angle::Arm, "arm", "Upper arm to horizontal", BOTH, Rule::Elevation { of: ARM }, ARMS),
    part(Angle::Forearm, "forearm", "Forearm to horizontal", BOTH, Rule::Elevation { of: FOREARM }, ARMS),
    part(Angle::Hand, "hand", "Hand to horizontal", BOTH, Rule::Elevation { of: HAND }, ARMS),
    part(Angle::Thigh, "thigh", "Thigh to horizontal", BOTH, Rule::Elevation { of: THIGH }, THIGHS),
    part(Angle::Shank, "shank", "Shank to horizontal", BOTH, Rule::Elevation { of: SHANK }, SHANKS),
    part(Angle::Foot, "foot", "Foot to horizontal", BOTH, Rule::Elevation { of: FOOT }, FEET),
];

/// A row in the wrong place would give an angle the name and meaning of another one.
const _: () = {
    let mut row = 0;
    while row < DEFINITIONS.len() {
        assert!(
            DEFINITIONS[row].angle as usize == row,
            "the table is in the order of `Angle`"
        );
        row += 1;
    }
};

impl Angle {
    /// All angles, in the order in which analyses hold them.
    pub const ALL: [Self; DEFINITIONS.len()] = {
        let mut all = [Self::AnkleDorsiflexion; DEFINITIONS.len()];
        let mut row = 0;
        while row < all.len() {
            all[row] = DEFINITIONS[row].angle;
            row += 1;
        }
        all
    };

    pub(crate) const fn definition(self) -> &'static Definition {
        &DEFINITIONS[self as usize]
    }

    /// Stable name in files and tables, in `snake_case`.
    pub const fn id(self) -> &'static str {
        self.definition().id
    }

    /// Name for people.
    pub const fn label(self) -> &'static str {
        self.definition().label
    }

    /// Whether it lies between two segments or tells how one lies.
    pub const fn kind(self) -> AngleKind {
        self.definition().kind
    }

    /// The sides on which the angle exists: left and right for limbs, `None` for trunk, pelvis, shoulders and head.
    pub const fn sides(self) -> &'static [Option<Side>] {
        self.definition().sides
    }

    /// The values that it may have in a space.
    pub const fn bounds(self, space: Space) -> Bounds {
        match space {
            Space::Image => self.definition().image,
            Space::World => self.definition().world,
        }
    }

    /// Every angle, side and space, in the order in which analyses and tables hold them.
    pub fn series() -> impl Iterator<Item = (Self, Option<Side>, Space)> {
        Self::ALL.into_iter().flat_map(|angle| {
            let sides = angle.sides().iter();
            sides.flat_map(move |&side| Space::ALL.map(move |space| (angle, side, space)))
        })
    }
}

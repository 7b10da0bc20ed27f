//! The skeleton: how long the bones are, how a posture is described, and where its landmarks lie.
//!
//! Lengths are those of an adult 1.75 m tall, close to the segment table of Drillis and Contini (1966) as printed in
//! Winter, *Biomechanics and Motor Control of Human Movement*, 4th ed., figure 4.1.

use crate::vector::{Axes, Vec3};

/// Hip to knee in metres.
pub const THIGH_M: f64 = 0.43;
/// Knee to ankle in metres.
pub const SHANK_M: f64 = 0.42;
/// Shoulder to elbow in metres.
pub const UPPER_ARM_M: f64 = 0.285;
/// Elbow to wrist in metres.
pub const FOREARM_M: f64 = 0.25;
/// Mid-hip to mid-shoulder in metres.
pub const TRUNK_M: f64 = 0.46;
/// Half the distance between the hips in metres.
pub const HALF_HIPS_M: f64 = 0.085;
/// Half the distance between the shoulders in metres.
pub const HALF_SHOULDERS_M: f64 = 0.175;
/// The ankle above the ground when the foot is flat, in metres.
pub const ANKLE_HEIGHT_M: f64 = 0.085;
/// From the ankle to the heel in the foot's axes: forward and up, in metres.
pub const HEEL_FROM_ANKLE_M: (f64, f64) = (-0.055, -0.055);
/// From the ankle to the ball of the foot, where the toes bend: forward and up, in metres.
pub const BALL_FROM_ANKLE_M: (f64, f64) = (0.115, -0.055);
/// From the ball of the foot to the tip of the big toe in metres.
pub const TOES_M: f64 = 0.065;

/// How many landmarks a posture has.
pub const LANDMARK_COUNT: usize = 33;

/// The landmarks' names: those of the 33 points of BlazePose, in its order (Bazarevsky et al. 2020, figure 3).
pub const LANDMARK_NAMES: [&str; LANDMARK_COUNT] = [
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
];

/// A side of the body, the subject's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The subject's left.
    Left,
    /// The subject's right.
    Right,
}

impl Side {
    /// Both sides, in the order in which pairs are stored.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// −1 for left and +1 for right: the sign of this side's coordinate along a right axis.
    pub fn sign(self) -> f64 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }

    /// 0 for left and 1 for right: the index of this side in a pair, and its offset after a left landmark's index.
    pub fn index(self) -> usize {
        match self {
            Self::Left => 0,
            Self::Right => 1,
        }
    }
}

/// Indices of the left landmark of each pair in [`LANDMARK_NAMES`]; the right one follows it.
pub mod left {
    #![expect(missing_docs, reason = "the names are the anatomy")]
    pub const SHOULDER: usize = 11;
    pub const ELBOW: usize = 13;
    pub const WRIST: usize = 15;
    pub const HIP: usize = 23;
    pub const KNEE: usize = 25;
    pub const ANKLE: usize = 27;
    pub const HEEL: usize = 29;
    pub const FOOT_INDEX: usize = 31;
}

/// One arm: its joints, and the hand's axes (forward along the fingers, up out of the back of the hand).
#[derive(Debug, Clone, Copy)]
pub struct Arm {
    /// Centre of the shoulder joint.
    pub shoulder: Vec3,
    /// Centre of the elbow joint.
    pub elbow: Vec3,
    /// The hand, with the wrist as origin; the thumb is on the side of `right` for both hands' `thumb_side` times it.
    pub hand: Axes,
    /// +1 when the thumb lies along the hand's right axis, −1 when it lies against it.
    pub thumb_side: f64,
}

impl Arm {
    /// An arm hanging from `shoulder` in the chest's axes.
    ///
    /// `flexion` lifts it forward, `abduction` outward, `elbow` bends it; all in radians.
    pub fn posed(side: Side, shoulder: Vec3, chest: &Axes, flexion: f64, abduction: f64, elbow: f64) -> Self {
        let outward = chest.right * side.sign();
        let reach = |angle: f64, outward_share: f64| {
            (chest.forward * angle.sin() - chest.up * angle.cos()) * outward_share.cos() + outward * outward_share.sin()
        };
        let upper = reach(flexion, abduction);
        let lower = reach(flexion + elbow, abduction * 0.25 - 0.06);
        let elbow_point = shoulder + upper * UPPER_ARM_M;
        let wrist = elbow_point + lower * FOREARM_M;
        // Between palm inward and palm down, as arms hang and reach.
        let back_of_hand = (outward - lower * outward.dot(lower)).normalized();
        let across = lower.cross(back_of_hand);
        Self {
            shoulder,
            elbow: elbow_point,
            hand: Axes {
                origin: wrist,
                forward: lower,
                up: back_of_hand,
                right: across,
            },
            thumb_side: across.dot(chest.forward.lerp(chest.up, flexion.sin().abs())).signum(),
        }
    }
}

/// One leg: its joints, the foot's axes with the ankle as origin, and the toes' with the ball of the foot as origin.
#[derive(Debug, Clone, Copy)]
pub struct Leg {
    /// Centre of the hip joint.
    pub hip: Vec3,
    /// Centre of the knee joint.
    pub knee: Vec3,
    /// The hind foot.
    pub foot: Axes,
    /// The toes.
    pub toes: Axes,
}

impl Leg {
    /// Where the heel is.
    pub fn heel(&self) -> Vec3 {
        self.foot.point(HEEL_FROM_ANKLE_M.0, HEEL_FROM_ANKLE_M.1, 0.0)
    }

    /// The tip of the big toe.
    pub fn toe_tip(&self) -> Vec3 {
        self.toes.point(TOES_M, 0.0, 0.0)
    }
}

/// A whole posture; everything that the body is drawn from and that its landmarks follow from.
#[derive(Debug, Clone, Copy)]
pub struct Posture {
    /// The pelvis, with the midpoint of the hips as origin.
    pub pelvis: Axes,
    /// The chest, with the midpoint of the shoulders as origin.
    pub chest: Axes,
    /// The head, with the middle of the skull as origin.
    pub head: Axes,
    /// Left and right arm.
    pub arms: [Arm; 2],
    /// Left and right leg.
    pub legs: [Leg; 2],
}

impl Posture {
    /// The same posture, seen from where `parent` is given.
    #[must_use]
    pub fn within(&self, parent: &Axes) -> Self {
        let point = |p: Vec3| parent.point(p.x, p.y, p.z);
        let arm = |arm: &Arm| Arm {
            shoulder: point(arm.shoulder),
            elbow: point(arm.elbow),
            hand: arm.hand.within(parent),
            thumb_side: arm.thumb_side,
        };
        let leg = |leg: &Leg| Leg {
            hip: point(leg.hip),
            knee: point(leg.knee),
            foot: leg.foot.within(parent),
            toes: leg.toes.within(parent),
        };
        Self {
            pelvis: self.pelvis.within(parent),
            chest: self.chest.within(parent),
            head: self.head.within(parent),
            arms: [arm(&self.arms[0]), arm(&self.arms[1])],
            legs: [leg(&self.legs[0]), leg(&self.legs[1])],
        }
    }

    /// The landmarks in the order of [`LANDMARK_NAMES`].
    pub fn landmarks(&self) -> [Vec3; LANDMARK_COUNT] {
        let mut points = [Vec3::default(); LANDMARK_COUNT];
        let head = &self.head;
        points[0] = head.point(0.112, -0.022, 0.0);
        for side in Side::BOTH {
            let (sign, offset) = (side.sign(), side.index());
            for (step, lateral) in [0.019, 0.032, 0.045].into_iter().enumerate() {
                points[1 + 3 * offset + step] = head.point(0.088 - 0.1 * (lateral - 0.019), 0.018, sign * lateral);
            }
            points[7 + offset] = head.point(-0.005, -0.005, sign * 0.078);
            points[9 + offset] = head.point(0.085, -0.062, sign * 0.024);

            let arm = &self.arms[offset];
            points[left::SHOULDER + offset] = arm.shoulder;
            points[left::ELBOW + offset] = arm.elbow;
            points[left::WRIST + offset] = arm.hand.origin;
            points[17 + offset] = arm.hand.point(0.085, 0.0, -0.034 * arm.thumb_side);
            points[19 + offset] = arm.hand.point(0.095, 0.0, 0.027 * arm.thumb_side);
            points[21 + offset] = arm.hand.point(0.060, 0.0, 0.048 * arm.thumb_side);

            let leg = &self.legs[offset];
            points[left::HIP + offset] = leg.hip;
            points[left::KNEE + offset] = leg.knee;
            points[left::ANKLE + offset] = leg.foot.origin;
            points[left::HEEL + offset] = leg.heel();
            points[left::FOOT_INDEX + offset] = leg.toe_tip();
        }
        points
    }
}

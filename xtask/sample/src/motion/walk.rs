//! Level walking. While a foot stands, it is planted: it rolls over the heel, lies flat, and rolls over the ball, and the
//! knee follows from the place of the hip (inverse kinematics). While it swings, thigh, knee and ankle follow smooth curves
//! that join the two stances in value and, but for the push of the ankle, in slope.
//!
//! The few numbers that shape the stance (path of the pelvis, times and angles of the foot's rockers) were fitted by
//! least squares so that knee, thigh and ankle in stance come near to the normal gait of Winter, *Biomechanics and Motor Control
//! of Human Movement*, 4th ed., appendix A (natural cadence), for these bones; the keys of the swing are rounded from the same curves.

use std::f64::consts::TAU;

use super::curve::{Knot, hermite, minimum_jerk};
use super::squat::head_on;
use crate::skeleton::{
    ANKLE_HEIGHT_M, Arm, BALL_FROM_ANKLE_M, HALF_HIPS_M, HALF_SHOULDERS_M, HEEL_FROM_ANKLE_M, Leg, Posture, SHANK_M,
    Side, THIGH_M, TRUNK_M,
};
use crate::vector::{Axes, Vec3};

/// Walking at a steady pace; the figure passes the origin at half time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Walk {
    /// Time of one stride (two steps) in seconds. A stride is [`STRIDE_M`] long, so this sets the speed.
    pub stride_time_s: f64,
    /// Where in the cycle the clip begins, in strides after the right heel's strike.
    pub start_phase: f64,
}

impl Default for Walk {
    /// 1.02 m/s, an easy pace.
    fn default() -> Self {
        Self {
            stride_time_s: 1.1,
            start_phase: 0.1,
        }
    }
}

/// Length of a stride in metres.
pub const STRIDE_M: f64 = 1.12;

/// End of stance as a share of the cycle.
const TOE_OFF: f64 = 0.62;
/// Foot flat after heel strike, and heel off, as shares of the cycle.
const FOOT_FLAT: f64 = 0.08;
const HEEL_OFF: f64 = 0.409;
/// Pitch of the foot in radians, toes up positive: at heel strike, and (downward) at toe off.
const STRIKE_PITCH: f64 = 0.333;
const TOE_OFF_PITCH: f64 = 1.015;
/// How the heel rises: the power of the share of time since heel off.
const RISE_POWER: f64 = 2.2;
/// The ankle of a flat foot before the pelvis of the moment of heel strike, in metres.
const STRIKE_AHEAD_M: f64 = 0.3035;
/// Path of the pelvis in metres: mean height, rise and fall, and its advance and delay along the way; phases of the greatest values.
const PELVIS_HEIGHT_M: f64 = 0.9170;
const PELVIS_RISE_M: f64 = 0.0128;
const PELVIS_HIGHEST: f64 = 0.304;
const PELVIS_SURGE_M: f64 = 0.019;
const PELVIS_SURGE_PHASE: f64 = 0.440;
const PELVIS_SWAY_M: f64 = 0.018;
/// Rotation of the pelvis and counter-rotation of the shoulders about the vertical, in radians.
const PELVIS_TURN: f64 = 0.087;
const SHOULDER_TURN: f64 = 0.10;
/// Half the distance between the lines the heels walk on, in metres, and how far the feet point outward in radians.
const HALF_BASE_M: f64 = 0.07;
const TOE_OUT: f64 = 0.10;

impl Walk {
    /// Speed in metres per second.
    pub fn speed_m_s(&self) -> f64 {
        STRIDE_M / self.stride_time_s
    }

    pub(super) fn posture(&self, time_s: f64, duration_s: f64) -> Posture {
        let cycle = self.start_phase + time_s / self.stride_time_s;
        // The pelvis of the cycle's start lies at 0: shift it so that half time is at the origin.
        let shift = -STRIDE_M * (self.start_phase + 0.5 * duration_s / self.stride_time_s);
        posture_at(cycle).within(&Axes::WORLD.at(Vec3::new(shift, 0.0, 0.0)))
    }
}

/// The posture `cycle` strides after a right heel strike at which the pelvis was at 0.
fn posture_at(cycle: f64) -> Posture {
    let pelvis = pelvis_at(cycle);
    let legs = Side::BOTH.map(|side| leg_at(side, cycle));
    let swing = (TAU * cycle).cos();
    let lean = 0.055 + 0.012 * (2.0 * TAU * (cycle - 0.05)).cos();
    let sway = -0.012 * (TAU * (cycle - 0.30)).cos();
    let spine = Axes::WORLD.leaned_right(sway).pitched(lean);
    // Right shoulder back when the right leg is ahead: a turn to the right.
    let chest = spine
        .at(pelvis.origin + spine.up * TRUNK_M)
        .turned_left(-SHOULDER_TURN * swing);
    let arms = Side::BOTH.map(|side| {
        // Arms swing against the leg of their side; the elbow bends most when the arm is ahead.
        let ahead = -swing * side.sign();
        let shoulder = chest.point(0.0, 0.0, side.sign() * HALF_SHOULDERS_M);
        let flexion = 0.03 + lean + 0.36 * ahead;
        Arm::posed(side, shoulder, &chest, flexion, 0.12, 0.36 + 0.20 * ahead)
    });
    Posture {
        pelvis,
        chest,
        head: head_on(
            &Axes {
                right: Axes::WORLD.right,
                ..chest
            },
            0.03,
        ),
        arms,
        legs,
    }
}

fn pelvis_at(cycle: f64) -> Axes {
    let advance = STRIDE_M * cycle + PELVIS_SURGE_M * (2.0 * TAU * (cycle - PELVIS_SURGE_PHASE)).sin();
    let height = PELVIS_HEIGHT_M + PELVIS_RISE_M * (2.0 * TAU * (cycle - PELVIS_HIGHEST)).cos();
    // Towards the standing foot: to the right in the middle of the right stance.
    let sway = PELVIS_SWAY_M * (TAU * (cycle - 0.31)).cos();
    Axes::WORLD
        .turned_left(PELVIS_TURN * (TAU * cycle).cos())
        .pitched(0.08)
        .at(Vec3::new(advance, height, sway))
}

fn hip_at(side: Side, cycle: f64) -> Vec3 {
    // The pitch of the pelvis is about the line through the hips and leaves them where they are.
    pelvis_at(cycle).point(0.0, 0.0, side.sign() * HALF_HIPS_M)
}

/// Angles of a leg in the sagittal plane in radians: thigh forward of the vertical, knee flexion, pitch of the foot.
#[derive(Clone, Copy)]
struct LegAngles {
    thigh: f64,
    knee: f64,
    foot: f64,
}

fn leg_at(side: Side, cycle: f64) -> Leg {
    // Counted from this leg's own heel strike.
    let own = match side {
        Side::Right => cycle,
        Side::Left => cycle - 0.5,
    };
    let strides = own.floor();
    let phase = own - strides;
    let hip = hip_at(side, cycle);
    if phase <= TOE_OFF {
        let stance = Stance {
            side,
            strides,
            cycle_of_strike: cycle - phase,
        };
        let foot = stance.foot(phase);
        return bent_leg(hip, foot, &stance.angles(phase), stance.toes(phase));
    }
    let (angles, foot_z) = swing(side, cycle - phase, strides, phase);
    let foot = Axes::WORLD.turned_left(-side.sign() * TOE_OUT).pitched(-angles.foot);
    let (thigh_across, shank_across) = shares_across(foot_z - hip.z);
    let thigh = in_plane(THIGH_M, thigh_across);
    let shank = in_plane(SHANK_M, shank_across);
    let shank_angle = angles.thigh - angles.knee;
    let ankle = hip
        + Vec3::new(
            thigh * angles.thigh.sin() + shank * shank_angle.sin(),
            -thigh * angles.thigh.cos() - shank * shank_angle.cos(),
            thigh_across + shank_across,
        );
    // The bent toes straighten early in swing, slowly at first so that they clear the floor.
    let bend = toe_bend(-TOE_OFF_PITCH) * (1.0 - minimum_jerk((phase - TOE_OFF) / 0.12));
    let foot = foot.at(ankle);
    let toes = foot
        .pitched(-bend)
        .at(foot.point(BALL_FROM_ANKLE_M.0, BALL_FROM_ANKLE_M.1, 0.0));
    bent_leg(hip, foot, &angles, toes)
}

/// A leg with both bones at their lengths, given thigh angle and the place of the foot.
fn bent_leg(hip: Vec3, foot: Axes, angles: &LegAngles, toes: Axes) -> Leg {
    let (across, _) = shares_across(foot.origin.z - hip.z);
    let thigh = in_plane(THIGH_M, across);
    let knee = hip + Vec3::new(thigh * angles.thigh.sin(), -thigh * angles.thigh.cos(), across);
    Leg { hip, knee, foot, toes }
}

/// How far thigh and shank each go sideways when the whole leg goes `across`.
fn shares_across(across: f64) -> (f64, f64) {
    let share = across / (THIGH_M + SHANK_M);
    (share * THIGH_M, share * SHANK_M)
}

fn in_plane(length: f64, across: f64) -> f64 {
    (length * length - across * across).sqrt()
}

/// How far the toes bend against the foot so that they stay flat, in radians.
fn toe_bend(foot_pitch: f64) -> f64 {
    (-foot_pitch).max(0.0)
}

/// One foot on the ground, from its heel strike on.
struct Stance {
    side: Side,
    /// Heel strikes of this foot before this one.
    strides: f64,
    /// The cycle time of the strike.
    cycle_of_strike: f64,
}

impl Stance {
    /// The foot as it lies flat; heel and ball are pivots that don't move.
    fn flat(&self) -> Axes {
        let offset = match self.side {
            Side::Right => 0.0,
            Side::Left => 0.5,
        };
        let x = STRIDE_M * (self.strides + offset) + STRIKE_AHEAD_M;
        let z = self.side.sign() * HALF_BASE_M;
        Axes::WORLD
            .turned_left(-self.side.sign() * TOE_OUT)
            .at(Vec3::new(x, ANKLE_HEIGHT_M, z))
    }

    fn foot(&self, phase: f64) -> Axes {
        let flat = self.flat();
        let pitch = stance_pitch(phase);
        let (forward, up) = if pitch >= 0.0 {
            HEEL_FROM_ANKLE_M
        } else {
            BALL_FROM_ANKLE_M
        };
        let pivot = flat.point(forward, up, 0.0);
        let pitched = flat.pitched(-pitch);
        pitched.at(pivot - pitched.direction(forward, up, 0.0))
    }

    fn toes(&self, phase: f64) -> Axes {
        let foot = self.foot(phase);
        let ball = foot.point(BALL_FROM_ANKLE_M.0, BALL_FROM_ANKLE_M.1, 0.0);
        foot.pitched(-toe_bend(stance_pitch(phase))).at(ball)
    }

    fn angles(&self, phase: f64) -> LegAngles {
        let hip = hip_at(self.side, self.cycle_of_strike + phase);
        let reach = self.foot(phase).origin - hip;
        let (thigh_across, shank_across) = shares_across(reach.z);
        let (thigh, shank) = (in_plane(THIGH_M, thigh_across), in_plane(SHANK_M, shank_across));
        let distance = reach.x.hypot(reach.y);
        let cos_knee = (thigh * thigh + shank * shank - distance * distance) / (2.0 * thigh * shank);
        let knee = std::f64::consts::PI - cos_knee.clamp(-1.0, 1.0).acos();
        let lead = (shank * knee.sin()).atan2(thigh + shank * knee.cos());
        LegAngles {
            thigh: reach.x.atan2(-reach.y) + lead,
            knee,
            foot: stance_pitch(phase),
        }
    }
}

/// Pitch of the foot over the stance in radians: down from the heel strike, flat, then up over the ball.
fn stance_pitch(phase: f64) -> f64 {
    if phase < FOOT_FLAT {
        STRIKE_PITCH * (1.0 - phase / FOOT_FLAT).powi(2)
    } else if phase < HEEL_OFF {
        0.0
    } else {
        -TOE_OFF_PITCH * ((phase - HEEL_OFF) / (TOE_OFF - HEEL_OFF)).powf(RISE_POWER)
    }
}

/// Angles of a swinging leg, and the lateral place of its ankle in metres.
fn swing(side: Side, cycle_of_strike: f64, strides: f64, phase: f64) -> (LegAngles, f64) {
    let last = Stance {
        side,
        strides,
        cycle_of_strike,
    };
    let next = Stance {
        side,
        strides: strides + 1.0,
        cycle_of_strike: cycle_of_strike + 1.0,
    };
    let step = 1e-4;
    let joined = |value: &dyn Fn(LegAngles) -> f64, fastest: f64, between: &[Knot]| {
        let start = Knot::of(|p| value(last.angles(p)), TOE_OFF, -step);
        let start = Knot {
            slope: start.slope.clamp(-fastest, fastest),
            ..start
        };
        let end = Knot::of(|p| value(next.angles(p)), 0.0, step);
        let mut knots = vec![start];
        knots.extend_from_slice(between);
        knots.push(Knot { at: 1.0, ..end });
        hermite(&knots, phase)
    };
    let degrees = |at: f64, value: f64, slope: f64| Knot::new(at, value.to_radians(), slope.to_radians());
    let thigh = joined(&|a| a.thigh, f64::MAX, &[degrees(0.87, 24.0, 0.0)]);
    let knee = joined(
        &|a| a.knee,
        f64::MAX,
        &[degrees(0.735, 62.0, 0.0), degrees(0.965, 5.0, 0.0)],
    );
    // The push of the ankle ends as the toes leave the ground, or else they would drag.
    let ankle = joined(
        &|a| a.foot - a.thigh + a.knee,
        1.5,
        &[degrees(0.80, 0.0, 60.0), degrees(0.90, 2.0, 0.0)],
    );
    let (from, to) = (last.foot(TOE_OFF).origin.z, next.foot(0.0).origin.z);
    let share = (phase - TOE_OFF) / (1.0 - TOE_OFF);
    let foot_z = from + (to - from) * minimum_jerk(share);
    (
        LegAngles {
            thigh,
            knee,
            foot: thigh - knee + ankle,
        },
        foot_z,
    )
}

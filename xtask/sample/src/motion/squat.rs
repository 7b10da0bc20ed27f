//! The squat: feet flat, knees over the toes, trunk and arms forward so that the body stays over its feet.

use super::curve::minimum_jerk;
use crate::skeleton::{
    ANKLE_HEIGHT_M, Arm, BALL_FROM_ANKLE_M, HALF_HIPS_M, HALF_SHOULDERS_M, Leg, Posture, SHANK_M, Side, THIGH_M,
    TRUNK_M,
};
use crate::vector::{Axes, Vec3};

/// Squats, evenly spaced over the clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Squat {
    /// Knee flexion at the bottom in degrees, `0..=120`.
    pub depth_deg: f64,
    /// Knee flexion when standing in degrees.
    pub standing_deg: f64,
    /// How many times the figure goes down and up.
    pub repetitions: u32,
}

impl Default for Squat {
    fn default() -> Self {
        Self {
            depth_deg: 100.0,
            standing_deg: 5.0,
            repetitions: 3,
        }
    }
}

/// Shares of a repetition: standing, going down, staying down; the rest is going up.
const STAND: f64 = 0.10;
const DOWN: f64 = 0.43;
const STAY: f64 = 0.06;
/// Shares of the knee's flexion that the shank and the trunk lean forward by. With these the centre of mass stays over the feet.
const SHANK_LEAN: f64 = 0.33;
const TRUNK_LEAN: f64 = 0.42;
/// Half the distance between the ankles in metres, and how far the feet point outward in radians.
const HALF_STANCE_M: f64 = 0.115;
const TOE_OUT: f64 = 0.21;

impl Squat {
    /// Knee flexion in degrees at a time of the clip.
    pub fn knee_flexion_deg(&self, time_s: f64, duration_s: f64) -> f64 {
        if self.repetitions == 0 || duration_s <= 0.0 {
            return self.standing_deg;
        }
        let repetitions = f64::from(self.repetitions);
        let share = (time_s / duration_s).clamp(0.0, 1.0) * repetitions;
        let phase = if share >= repetitions { 1.0 } else { share.fract() };
        let depth = minimum_jerk((phase - STAND) / DOWN)
            - minimum_jerk((phase - STAND - DOWN - STAY) / (1.0 - STAND - DOWN - STAY));
        self.standing_deg + (self.depth_deg - self.standing_deg) * depth
    }

    pub(super) fn posture(&self, time_s: f64, duration_s: f64) -> Posture {
        let knee = self.knee_flexion_deg(time_s, duration_s).to_radians();
        let legs = Side::BOTH.map(|side| leg(side, knee));
        let lean = TRUNK_LEAN * knee;
        let pelvis = Axes::WORLD.pitched(lean * 0.9).at(legs[0].hip.lerp(legs[1].hip, 0.5));
        let spine = Axes::WORLD.pitched(lean);
        let chest = spine.at(pelvis.origin + spine.up * TRUNK_M);
        let arms = Side::BOTH.map(|side| {
            let shoulder = chest.point(0.0, 0.0, side.sign() * HALF_SHOULDERS_M);
            // Arms hang at the sides when standing and reach forward, level with the floor, when down.
            let reach = minimum_jerk((knee.to_degrees() - 5.0) / 75.0);
            let flexion = 0.04 + reach * (82_f64.to_radians() + lean);
            Arm::posed(
                side,
                shoulder,
                &chest,
                flexion,
                0.13 - 0.05 * reach,
                0.20 + 0.05 * reach,
            )
        });
        Posture {
            pelvis,
            chest,
            head: head_on(&chest, lean * 0.35),
            arms,
            legs,
        }
    }
}

fn leg(side: Side, knee_flexion: f64) -> Leg {
    let sign = side.sign();
    let foot = Axes::WORLD
        .turned_left(-sign * TOE_OUT)
        .at(Vec3::new(-0.05, ANKLE_HEIGHT_M, sign * HALF_STANCE_M));
    // The knees open with the depth; the bones keep their lengths, so the sagittal parts shorten a little.
    let knee_z = sign * (0.105 + 0.055 * (knee_flexion / 2.0).sin());
    let shank_angle = SHANK_LEAN * knee_flexion;
    let thigh_angle = shank_angle - knee_flexion;
    let segment = |from: Vec3, length: f64, angle: f64, z: f64| {
        let across = z - from.z;
        let in_plane = (length * length - across * across).sqrt();
        Vec3::new(from.x + in_plane * angle.sin(), from.y + in_plane * angle.cos(), z)
    };
    let knee = segment(foot.origin, SHANK_M, shank_angle, knee_z);
    let hip = segment(knee, THIGH_M, thigh_angle, sign * HALF_HIPS_M);
    let toes = foot.at(foot.point(BALL_FROM_ANKLE_M.0, BALL_FROM_ANKLE_M.1, 0.0));
    Leg { hip, knee, foot, toes }
}

/// The head on the neck of a chest, looking down by `pitch` radians.
pub(super) fn head_on(chest: &Axes, pitch: f64) -> Axes {
    let sideways = chest.right.y;
    let head = Axes {
        right: Vec3::new(chest.right.x, 0.0, chest.right.z).normalized(),
        ..Axes::WORLD
    };
    let forward = Vec3::new(head.right.z, 0.0, -head.right.x);
    let head = Axes { forward, ..head }.pitched(pitch);
    head.at(chest.origin + chest.up * 0.08 + head.up * 0.135 + head.forward * 0.025 + head.right * (sideways * 0.02))
}

//! Motions: functions from time to a posture. Forward is x, up is y and the subject's right is z, in metres.

mod curve;
mod squat;
mod walk;

pub use squat::Squat;
pub use walk::{STRIDE_M, Walk};

use crate::skeleton::Posture;

/// What a figure does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Motion {
    /// Squats on the spot.
    Squat(Squat),
    /// Walks straight ahead.
    Walk(Walk),
}

impl Motion {
    /// The posture at `time_s` of a clip that lasts `duration_s`.
    pub fn posture(&self, time_s: f64, duration_s: f64) -> Posture {
        match self {
            Self::Squat(squat) => squat.posture(time_s, duration_s),
            Self::Walk(walk) => walk.posture(time_s, duration_s),
        }
    }
}

//! The project's rendered figures as recordings, without rendering: the true place of every landmark, and the true moments
//! at which a walker's heels strike and toes leave the floor.

use marey_motion::{Event, EventKind, Landmark, Point, Pose, Recording, Side};
use marey_sample::motion::STRIDE_M;
use marey_sample::truth::{TruthFrame, TruthJoint};
use marey_sample::{Motion, Scene, Truth, Walk, truth};

use crate::support::recording;

/// End of stance in the sample's walk, as a share of the stride (`TOE_OFF` in its walk.rs).
pub(crate) const TOE_OFF: f64 = 0.62;

/// Samples of the truth per second; frame times are rounded to them.
const TRUTH_HZ: u32 = 500;

/// A figure that moves, with the truth of each fiftieth of a tenth of a second.
pub(crate) struct Filmed {
    truth: Truth,
}

impl Filmed {
    /// 90 degrees looks or walks to the right and 270 to the left, seen from the side; 0 towards the camera.
    pub(crate) fn new(motion: Motion, yaw_deg: f64, duration_s: f64) -> Self {
        let mut scene = Scene {
            duration_s,
            frame_rate: (TRUTH_HZ, 1),
            ..Scene::walk().seen_from(yaw_deg)
        };
        scene.figures[0].motion = motion;
        Self {
            truth: truth(&scene).unwrap(),
        }
    }

    /// The figure at frame times, which are rounded to those of the truth.
    pub(crate) fn recording(&self, time_s: &[f64]) -> Recording {
        let frames: Vec<usize> = time_s
            .iter()
            .map(|time| (time * f64::from(TRUTH_HZ)).round() as usize)
            .filter(|frame| *frame < self.truth.frames.len())
            .collect();
        let poses = frames.iter().map(|&frame| Some(true_pose(&self.truth.frames[frame])));
        let poses = poses.collect();
        let time_s = frames.iter().map(|&frame| self.truth.frames[frame].time_s);
        recording(time_s.collect(), poses)
    }

    /// Metres that a pixel stands for at the hips' depth, in the first frame.
    pub(crate) fn m_per_px(&self) -> f64 {
        let joints = &self.truth.frames[0].people[0].joints;
        let depth_m = f64::midpoint(joints[23].z_m, joints[24].z_m);
        // A point's distance from the camera's axis is seen in proportion to its depth.
        let (hip, nose) = (&joints[23], &joints[0]);
        let across_px = (hip.y_px - nose.y_px).abs();
        depth_m * (hip.y_m / hip.z_m - nose.y_m / nose.z_m).abs() / across_px
    }
}

/// The first person of a frame as a model would see it that never errs.
pub(crate) fn true_pose(frame: &TruthFrame) -> Pose {
    let joints = &frame.people[0].joints;
    let [left, right] = [Landmark::LeftHip, Landmark::RightHip].map(|hip| &joints[hip.index()]);
    let point = |joint: &TruthJoint| Point {
        x_px: joint.x_px as f32,
        y_px: joint.y_px as f32,
        z_px: 0.0,
        x_m: (joint.x_m - f64::midpoint(left.x_m, right.x_m)) as f32,
        y_m: (joint.y_m - f64::midpoint(left.y_m, right.y_m)) as f32,
        z_m: (joint.z_m - f64::midpoint(left.z_m, right.z_m)) as f32,
        visibility: 1.0,
        presence: 1.0,
    };
    Pose {
        score: 1.0,
        points: joints.iter().map(point).collect(),
    }
}

/// The true moments of a kind and side within a clip.
pub(crate) fn moments_s(walk: &Walk, duration_s: f64, kind: EventKind, side: Side) -> Vec<f64> {
    // Counted in strides after the right heel's strike.
    let after_strike = if kind == EventKind::ToeOff { TOE_OFF } else { 0.0 };
    let phase = if side == Side::Left { 0.5 } else { 0.0 } + after_strike;
    (-3..20)
        .map(|stride| (f64::from(stride) + phase - walk.start_phase) * walk.stride_time_s)
        .filter(|moment_s| (0.0..duration_s).contains(moment_s))
        .collect()
}

pub(crate) fn speed_m_s(walk: &Walk) -> f64 {
    STRIDE_M / walk.stride_time_s
}

/// How far the found moments lie after the nearest true ones.
pub(crate) fn errors_s(events: &[Event], kind: EventKind, side: Side, moments_s: &[f64]) -> Vec<f64> {
    let found = events
        .iter()
        .filter(|event| event.kind == kind && event.side == Some(side));
    let error = |event: &Event| {
        let errors = moments_s.iter().map(|moment_s| event.time_s - moment_s);
        errors.min_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
    };
    found.map(error).collect()
}

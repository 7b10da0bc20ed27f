//! A jointed figure whose angles are known, for tests and for the figures of the documentation.

use marey_motion::Landmark as L;
use marey_motion::{Landmark, Model, Person, Point, Pose, Recording, Side, Skeleton, Source, Spaces};

/// Pixels per metre in the picture.
pub(crate) const SCALE_PX: f64 = 240.0;
/// Where the middle of the hips lies in the picture.
pub(crate) const ORIGIN_PX: [f64; 2] = [320.0, 260.0];

/// The joints of one arm and leg in degrees; zero is standing with hanging arms.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_field_names, reason = "a number carries its unit in its name")]
pub(crate) struct Joints {
    pub(crate) ankle_deg: f64,
    pub(crate) knee_deg: f64,
    pub(crate) hip_deg: f64,
    pub(crate) shoulder_deg: f64,
    pub(crate) elbow_deg: f64,
    pub(crate) wrist_deg: f64,
}

/// A body in a posture, seen from a direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Figure {
    pub(crate) left: Joints,
    pub(crate) right: Joints,
    /// Forward lean of the trunk.
    pub(crate) trunk_deg: f64,
    /// How far the line from the right to the left hip rises.
    pub(crate) pelvis_deg: f64,
    /// 0: seen from its right side, facing right in the picture; 90: facing the camera; 180: facing left.
    pub(crate) yaw_deg: f64,
}

/// A vector in the body's own axes: forward, up, left; in metres.
type Body = [f64; 3];

impl Figure {
    /// Both sides alike.
    pub(crate) fn symmetric(joints: Joints) -> Self {
        Self {
            left: joints,
            right: joints,
            ..Self::default()
        }
    }

    fn joints(&self, side: Side) -> &Joints {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// The landmarks in the body's own axes.
    fn landmarks(&self) -> Vec<Body> {
        let mut points = vec![[0.0; 3]; Landmark::ALL.len()];
        let up = direction(90.0 - self.trunk_deg);
        let front = turned(up, -90.0);
        let at = |along: f64, ahead: f64, left: f64| place(place([0.0, 0.0, left], up, along), front, ahead);
        for side in [Side::Left, Side::Right] {
            let sign = if side == Side::Left { 1.0 } else { -1.0 };
            let mut set = |left: Landmark, right: Landmark, point: Body| {
                points[if side == Side::Left { left } else { right }.index()] = point;
            };
            for (left, right, ahead, apart) in [
                (L::LeftEyeInner, L::RightEyeInner, 0.09, 0.02),
                (L::LeftEye, L::RightEye, 0.09, 0.03),
                (L::LeftEyeOuter, L::RightEyeOuter, 0.085, 0.045),
            ] {
                set(left, right, at(0.73, ahead, sign * apart));
            }
            set(L::LeftEar, L::RightEar, at(0.71, 0.0, sign * 0.075));
            set(L::MouthLeft, L::MouthRight, at(0.64, 0.09, sign * 0.025));
            let shoulder = at(0.5, 0.0, sign * 0.18);
            set(L::LeftShoulder, L::RightShoulder, shoulder);
            let joints = self.joints(side);
            let arm = turned(up, 180.0 + joints.shoulder_deg);
            let forearm = turned(arm, joints.elbow_deg);
            let hand = turned(forearm, joints.wrist_deg);
            let elbow = place(shoulder, arm, 0.29);
            let wrist = place(elbow, forearm, 0.25);
            set(L::LeftElbow, L::RightElbow, elbow);
            set(L::LeftWrist, L::RightWrist, wrist);
            let knuckle = |along: f64, apart: f64| place(place(wrist, hand, along), [0.0, 0.0, 1.0], sign * apart);
            set(L::LeftPinky, L::RightPinky, knuckle(0.09, 0.03));
            set(L::LeftIndex, L::RightIndex, knuckle(0.09, -0.03));
            set(L::LeftThumb, L::RightThumb, knuckle(0.05, -0.05));
            let rise = sign * 0.1 * self.pelvis_deg.to_radians().sin();
            let hip = [0.0, rise, sign * 0.1 * self.pelvis_deg.to_radians().cos()];
            let thigh = turned(up, 180.0 + joints.hip_deg);
            let shank = turned(thigh, -joints.knee_deg);
            let foot = turned(shank, 90.0 + joints.ankle_deg);
            let knee = place(hip, thigh, 0.44);
            let ankle = place(knee, shank, 0.42);
            let heel = place(place(ankle, shank, 0.06), foot, -0.06);
            set(L::LeftHip, L::RightHip, hip);
            set(L::LeftKnee, L::RightKnee, knee);
            set(L::LeftAnkle, L::RightAnkle, ankle);
            set(L::LeftHeel, L::RightHeel, heel);
            set(L::LeftFootIndex, L::RightFootIndex, place(heel, foot, 0.25));
        }
        points[Landmark::Nose.index()] = at(0.7, 0.11, 0.0);
        points
    }

    /// The pose as a camera sees it that looks horizontally from far away; every landmark is trusted.
    pub(crate) fn pose(&self) -> Pose {
        let (sin, cos) = self.yaw_deg.to_radians().sin_cos();
        let points = self.landmarks().into_iter().map(|[ahead, up, left]| {
            let [x, y, z] = [ahead * cos + left * sin, -up, left * cos - ahead * sin];
            Point {
                x_px: (ORIGIN_PX[0] + SCALE_PX * x) as f32,
                y_px: (ORIGIN_PX[1] + SCALE_PX * y) as f32,
                z_px: (SCALE_PX * z) as f32,
                x_m: x as f32,
                y_m: y as f32,
                z_m: z as f32,
                visibility: 0.9,
                presence: 0.95,
            }
        });
        Pose {
            score: 0.99,
            points: points.collect(),
        }
    }
}

/// A direction in the sagittal plane: 0 forward, 90 up.
fn direction(angle_deg: f64) -> Body {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    [cos, sin, 0.0]
}

fn turned(vector: Body, angle_deg: f64) -> Body {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    [
        vector[0] * cos - vector[1] * sin,
        vector[0] * sin + vector[1] * cos,
        vector[2],
    ]
}

fn place(from: Body, direction: Body, length_m: f64) -> Body {
    std::array::from_fn(|axis| from[axis] + length_m * direction[axis])
}

/// A recording of the poses of one person.
pub(crate) fn recording(time_s: Vec<f64>, poses: Vec<Option<Pose>>) -> Recording {
    Recording {
        source: Source {
            name: "figure".to_owned(),
            width_px: 640,
            height_px: 480,
        },
        skeleton: Skeleton::BlazePose33,
        model: Model {
            name: "jointed_figure".to_owned(),
            sha256: "0".repeat(64),
        },
        spaces: Spaces::Both,
        time_s,
        people: vec![Person { id: 0, poses }],
    }
}

/// Even frame times.
pub(crate) fn even_s(frames: usize, rate_hz: f64) -> Vec<f64> {
    (0..frames).map(|frame| frame as f64 / rate_hz).collect()
}

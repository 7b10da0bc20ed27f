//! What is true of a scene: where every landmark is, and every joint's angle, computed from the joints themselves.
//!
//! The angles are those that docs/MOTION.md defines for joints in space. Knee and elbow flexion are the angle between two bones, 0 for a
//! straight limb. Hip and shoulder flexion lie in the sagittal plane, which holds the trunk (mid-hip to mid-shoulder) and is at right angles
//! to the mean direction of hips and shoulders; they are 0 when thigh or upper arm lie along the trunk, and positive forward. Ankle
//! dorsiflexion is 0 when shank and sole (heel to tip of the toes) are square, positive with the toes up. The trunk's
//! inclination is that against the vertical in the plane ahead of the figure, positive forward.

use serde::{Deserialize, Serialize};

use crate::camera::Camera;
use crate::scene::{Scene, SceneError};
use crate::skeleton::{LANDMARK_NAMES, Posture, Side, left};
use crate::vector::Vec3;

/// Version of the layout of [`Truth`].
pub const SCHEMA_VERSION: u32 = 1;

/// All that is known about a rendered clip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Version of this layout: [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Width of a frame in pixels.
    pub width_px: u32,
    /// Height of a frame in pixels.
    pub height_px: u32,
    /// Frames per second as numerator and denominator.
    pub frame_rate: (u32, u32),
    /// Direction of the scene against the line to the camera in degrees; 90 is a side view.
    pub view_yaw_deg: f64,
    /// The camera.
    pub camera: Camera,
    /// One entry per frame.
    pub frames: Vec<TruthFrame>,
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthFrame {
    /// Presentation time in seconds.
    pub time_s: f64,
    /// The figures in the scene's order.
    pub people: Vec<TruthPerson>,
}

/// One figure in one frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthPerson {
    /// The landmarks in the order of [`LANDMARK_NAMES`].
    pub joints: Vec<TruthJoint>,
    /// Angles of the left side.
    pub left: SideAngles,
    /// Angles of the right side.
    pub right: SideAngles,
    /// Inclination of the trunk in degrees, forward positive.
    pub trunk_deg: f64,
}

/// One landmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthJoint {
    /// Its name, as in [`LANDMARK_NAMES`].
    pub name: String,
    /// Where it is seen, in pixels from the left edge (the centre of the first pixel is at 0.5).
    pub x_px: f64,
    /// Where it is seen, in pixels from the top edge.
    pub y_px: f64,
    /// To the right of the camera's axis in metres.
    pub x_m: f64,
    /// Below the camera's axis in metres.
    pub y_m: f64,
    /// Away from the camera in metres.
    pub z_m: f64,
}

/// The joint angles of one side in degrees, as the module defines them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SideAngles {
    /// Knee flexion.
    pub knee_flexion_deg: f64,
    /// Hip flexion; negative when the thigh is behind the trunk's line.
    pub hip_flexion_deg: f64,
    /// Ankle dorsiflexion.
    pub ankle_dorsiflexion_deg: f64,
    /// Shoulder flexion; negative when the arm is behind the trunk.
    pub shoulder_flexion_deg: f64,
    /// Elbow flexion.
    pub elbow_flexion_deg: f64,
}

impl TruthPerson {
    /// The figure's joint of this name, as in [`LANDMARK_NAMES`].
    pub fn joint(&self, name: &str) -> Option<&TruthJoint> {
        self.joints.iter().find(|joint| joint.name == name)
    }

    /// The angles of a side.
    pub fn side(&self, side: Side) -> &SideAngles {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

/// Everything that is true of a scene.
///
/// # Errors
/// When the scene cannot be rendered; see [`Scene::validate`].
pub fn truth(scene: &Scene) -> Result<Truth, SceneError> {
    scene.validate()?;
    let camera = Camera::for_scene(scene);
    let frame = |index| TruthFrame {
        time_s: scene.time_s(index),
        people: scene
            .postures(index)
            .iter()
            .map(|posture| person(posture, &camera))
            .collect(),
    };
    Ok(Truth {
        schema_version: SCHEMA_VERSION,
        width_px: scene.width,
        height_px: scene.height,
        frame_rate: scene.frame_rate,
        view_yaw_deg: scene.view_yaw_deg,
        camera,
        frames: (0..scene.frame_count()).map(frame).collect(),
    })
}

fn person(posture: &Posture, camera: &Camera) -> TruthPerson {
    let points = posture.landmarks();
    let joints = points.iter().zip(LANDMARK_NAMES).map(|(&point, name)| {
        let seen = camera.to_camera(point);
        let (x_px, y_px) = camera.project(seen);
        TruthJoint {
            name: name.to_owned(),
            x_px,
            y_px,
            x_m: seen.x,
            y_m: seen.y,
            z_m: seen.z,
        }
    });
    let sagittal = Sagittal::of(&points);
    TruthPerson {
        joints: joints.collect(),
        left: side_angles(&points, &sagittal, Side::Left),
        right: side_angles(&points, &sagittal, Side::Right),
        trunk_deg: sagittal.inclination_deg(),
    }
}

/// The sagittal plane of a figure.
struct Sagittal {
    /// Along the trunk.
    up: Vec3,
    /// Ahead, square to the trunk.
    forward: Vec3,
    /// To the figure's left.
    left: Vec3,
}

impl Sagittal {
    fn of(points: &[Vec3]) -> Self {
        let middle = |landmark: usize| points[landmark].lerp(points[landmark + 1], 0.5);
        let across = |landmark: usize| (points[landmark] - points[landmark + 1]).normalized();
        let up = (middle(left::SHOULDER) - middle(left::HIP)).normalized();
        let left = (across(left::SHOULDER) + across(left::HIP)).normalized();
        Self {
            up,
            forward: left.cross(up).normalized(),
            left,
        }
    }

    /// The angle of a limb against the trunk's downward direction in the plane, forward positive.
    fn flexion_deg(&self, limb: Vec3) -> f64 {
        limb.dot(self.forward).atan2(-limb.dot(self.up)).to_degrees()
    }

    fn inclination_deg(&self) -> f64 {
        let vertical = Vec3::new(0.0, 1.0, 0.0);
        let ahead = self.left.cross(vertical).normalized();
        self.up.dot(ahead).atan2(self.up.dot(vertical)).to_degrees()
    }
}

fn side_angles(points: &[Vec3], sagittal: &Sagittal, side: Side) -> SideAngles {
    let at = |landmark: usize| points[landmark + side.index()];
    let (shoulder, hip, knee, ankle) = (at(left::SHOULDER), at(left::HIP), at(left::KNEE), at(left::ANKLE));
    let (elbow, wrist) = (at(left::ELBOW), at(left::WRIST));
    let foot = at(left::FOOT_INDEX) - at(left::HEEL);
    SideAngles {
        knee_flexion_deg: (knee - hip).angle_deg(ankle - knee),
        hip_flexion_deg: sagittal.flexion_deg(knee - hip),
        ankle_dorsiflexion_deg: 90.0 - (knee - ankle).angle_deg(foot),
        shoulder_flexion_deg: sagittal.flexion_deg(elbow - shoulder),
        elbow_flexion_deg: (elbow - shoulder).angle_deg(wrist - elbow),
    }
}

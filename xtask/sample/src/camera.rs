//! The camera: a level pinhole that stands as close as it can while everybody stays in the picture.

use serde::{Deserialize, Serialize};

use crate::scene::Scene;
use crate::vector::{Vec3, Vec3f};

/// A level pinhole camera; a point `(x_m, y_m, z_m)` of its axes (right, down, away) is seen at
/// `(principal_x_px + focal_px · x_m / z_m, principal_y_px + focal_px · y_m / z_m)`. Pixel centres lie at halves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Focal length in pixels.
    pub focal_px: f64,
    /// Where the optical axis meets the picture, from its left edge, in pixels.
    pub principal_x_px: f64,
    /// Where the optical axis meets the picture, from its top edge, in pixels.
    pub principal_y_px: f64,
    /// Height above the floor in metres.
    pub height_m: f64,
    /// Distance from the scene's origin in metres.
    pub distance_m: f64,
}

/// Focal length per picture height: 34 degrees from top to bottom, a lens that distorts people little.
const FOCAL_PER_HEIGHT: f64 = 1.65;
const HEIGHT_M: f64 = 1.05;
/// Flesh, hair and shoes around the landmarks, in metres.
const BODY_MARGIN_M: f64 = 0.13;
/// Parts of the picture that people may fill.
const USED_WIDTH: f64 = 0.95;
const USED_HEIGHT: f64 = 0.86;

impl Camera {
    /// The camera for a scene.
    pub(crate) fn for_scene(scene: &Scene) -> Self {
        let count = scene.frame_count();
        let step = (count / 60).max(1);
        let points: Vec<Vec3> = (0..count)
            .step_by(step)
            .chain([count.saturating_sub(1)])
            .flat_map(|index| scene.postures(index))
            .flat_map(|posture| posture.landmarks())
            .collect();
        let (width, height) = (f64::from(scene.width), f64::from(scene.height));
        let focal_px = FOCAL_PER_HEIGHT * height;
        let nearest = points.iter().map(|p| p.z).fold(0.0, f64::max);
        let mut camera = Self {
            focal_px,
            principal_x_px: 0.0,
            principal_y_px: 0.0,
            height_m: HEIGHT_M,
            distance_m: nearest + 1.2,
        };
        // Far enough is a matter of steps of 2 %: a hundred of them reach seven times as far.
        for _ in 0..200 {
            let (left, right, top, bottom) = camera.extent(&points);
            camera.principal_x_px = 0.5 * (width - left - right);
            camera.principal_y_px = 0.5 * (height - top - bottom);
            if right - left <= USED_WIDTH * width && bottom - top <= USED_HEIGHT * height {
                break;
            }
            camera.distance_m *= 1.02;
        }
        camera
    }

    /// What the points cover around the optical axis, in pixels: left, right, top, bottom.
    fn extent(&self, points: &[Vec3]) -> (f64, f64, f64, f64) {
        let mut extent = (f64::MAX, f64::MIN, f64::MAX, f64::MIN);
        for point in points {
            let scale = self.focal_px / (self.distance_m - point.z);
            let (x, y) = (point.x * scale, (self.height_m - point.y) * scale);
            let margin = BODY_MARGIN_M * scale;
            extent.0 = extent.0.min(x - margin);
            extent.1 = extent.1.max(x + margin);
            extent.2 = extent.2.min(y - margin);
            extent.3 = extent.3.max(y + 0.5 * margin);
        }
        extent
    }

    /// A point of the room in the camera's axes, in metres: right, down, away from the camera.
    pub(crate) fn to_camera(self, room: Vec3) -> Vec3 {
        Vec3::new(room.x, self.height_m - room.y, self.distance_m - room.z)
    }

    /// Where a point in the camera's axes is seen, in pixels.
    pub fn project(&self, camera: Vec3) -> (f64, f64) {
        let scale = self.focal_px / camera.z;
        (
            self.principal_x_px + camera.x * scale,
            self.principal_y_px + camera.y * scale,
        )
    }

    /// Where the camera stands in the room.
    pub(crate) fn eye(&self) -> Vec3f {
        Vec3::new(0.0, self.height_m, self.distance_m).single()
    }

    /// The direction of length one in the room in which a place of the picture is seen.
    #[inline]
    pub(crate) fn direction(&self, x_px: f32, y_px: f32) -> Vec3f {
        let scale = 1.0 / self.focal_px as f32;
        let right = (x_px - self.principal_x_px as f32) * scale;
        let down = (y_px - self.principal_y_px as f32) * scale;
        Vec3f::new(right, -down, -1.0).normalized()
    }
}

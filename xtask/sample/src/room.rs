//! The room: a laboratory with a wooden floor, a scale on it as Marey laid along his track, and daylight on the wall.
//! It does not change over a clip, so it is painted once.

use rayon::prelude::*;

use crate::camera::Camera;
use crate::light::{BOUNCE, KEY, SKY, TO_KEY};
use crate::noise;
use crate::outfit::from_srgb;
use crate::trace::View;
use crate::vector::Vec3f;

/// Places within a pixel at which the room is sampled: four, on a turned grid.
pub(crate) const PLACES: [(f32, f32); 4] = [(0.125, 0.375), (0.375, 0.875), (0.625, 0.125), (0.875, 0.625)];

/// Height of the panel along the wall, and of the skirting board, in metres.
const PANEL_M: f32 = 0.96;
const RAIL_M: f32 = 1.0;
const SKIRTING_M: f32 = 0.11;
/// Width and length of a floor board in metres.
const BOARD_M: f32 = 0.13;
const BOARD_LENGTH_M: f32 = 1.7;
/// The scale on the floor: how far before the figures it lies, its width, and the length of a division, in metres.
const SCALE_BEFORE_M: f32 = 0.52;
const SCALE_WIDTH_M: f32 = 0.035;
const DIVISION_M: f32 = 0.25;

/// What sets the random numbers of one thing apart from those of another.
mod salt {
    pub(super) const PLASTER: u64 = 0x07;
    pub(super) const PLASTER_FINE: u64 = 0x08;
    pub(super) const PANEL_TONE: u64 = 0x03;
    pub(super) const BOARD_SHIFT: u64 = 0x0b;
    pub(super) const BOARD_TONE: u64 = 0x0c;
    pub(super) const GRAIN: u64 = 0x0d;
    pub(super) const GRAIN_COARSE: u64 = 0x0e;
}

/// The empty room as one camera sees it.
pub(crate) struct Room {
    camera: Camera,
    /// The wall behind the figures: its place along the axis to the camera, in metres.
    wall_m: f32,
    width: usize,
    /// Linear colours, row by row.
    pixels: Vec<Vec3f>,
}

impl Room {
    /// Paints the room for a camera; the wall stands `wall_m` along the axis to the camera (so it is negative).
    pub(crate) fn paint(camera: Camera, width: usize, height: usize, wall_m: f32, seed: u64) -> Self {
        let mut pixels = vec![Vec3f::default(); width * height];
        let painter = Painter { wall_m, seed };
        pixels.par_chunks_mut(width).enumerate().for_each(|(y, line)| {
            for (x, pixel) in line.iter_mut().enumerate() {
                let sum = PLACES.iter().fold(Vec3f::default(), |sum, (dx, dy)| {
                    let ray = camera.ray(x as f32 + dx, y as f32 + dy);
                    sum + painter.seen(ray.origin, ray.direction)
                });
                *pixel = sum * 0.25;
            }
        });
        Self {
            camera,
            wall_m,
            width,
            pixels,
        }
    }

    /// The linear colours of a row in full light.
    pub(crate) fn row(&self, y: usize) -> &[Vec3f] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// The place of the floor at a pixel's centre: x and z in metres; `None` where the wall is.
    #[inline]
    pub(crate) fn floor_at(&self, x: usize, y: usize) -> Option<(f32, f32)> {
        let ray = self.camera.ray(x as f32 + 0.5, y as f32 + 0.5);
        if ray.direction.y >= -1e-4 {
            return None;
        }
        let point = ray.origin + ray.direction * (-ray.origin.y / ray.direction.y);
        (point.z > self.wall_m).then_some((point.x, point.z))
    }
}

/// What a place of the floor gives of its colour when it gets these shares of the key and of the ambient light.
#[inline]
pub(crate) fn shaded(full: Vec3f, key_share: f32, ambient_share: f32) -> Vec3f {
    let key = KEY * TO_KEY.y;
    let whole = key + SKY;
    let light = |key: f32, ambient: f32, whole: f32| (key * key_share + ambient * ambient_share) / whole;
    full.times(Vec3f::new(
        light(key.x, SKY.x, whole.x),
        light(key.y, SKY.y, whole.y),
        light(key.z, SKY.z, whole.z),
    ))
}

fn colour(r: u8, g: u8, b: u8) -> Vec3f {
    Vec3f::new(from_srgb(r), from_srgb(g), from_srgb(b))
}

/// Rises from 0 to 1 between two values.
fn ramp(from: f32, to: f32, value: f32) -> f32 {
    let t = ((value - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

struct Painter {
    wall_m: f32,
    seed: u64,
}

impl Painter {
    fn seen(&self, eye: Vec3f, direction: Vec3f) -> Vec3f {
        let to_wall = (self.wall_m - eye.z) / direction.z.min(-1e-4);
        let to_floor = if direction.y < -1e-4 {
            -eye.y / direction.y
        } else {
            f32::MAX
        };
        if to_floor >= to_wall {
            let point = eye + direction * to_wall;
            return self.wall(point.x, point.y);
        }
        let point = eye + direction * to_floor;
        let own = self.floor(point.x, point.z);
        // Lacquered wood mirrors the wall a little, more at a flat angle (Schlick's approximation).
        let mirrored = 0.035 + 0.5 * (1.0 + direction.y).clamp(0.0, 1.0).powi(5);
        let rise = -direction.y / -direction.z.min(-1e-4) * (point.z - self.wall_m);
        own.lerp(self.wall(point.x, rise), 0.5 * mirrored)
    }

    fn wall(&self, x: f32, y: f32) -> Vec3f {
        let daylight = self.daylight(x, y);
        // Darker towards the floor and towards the ceiling and far sides.
        let light = 0.80 + 0.10 * ramp(0.0, 1.6, y) - 0.14 * ramp(1.6, 3.4, y) - 0.12 * ramp(1.0, 4.5, (x + 0.4).abs());
        let paint = if y < 0.012 {
            colour(70, 66, 62)
        } else if y < SKIRTING_M {
            colour(226, 224, 218) * (0.9 + 0.1 * ramp(0.02, 0.03, SKIRTING_M - y))
        } else if y < PANEL_M {
            self.panel(x, y)
        } else if y < RAIL_M {
            colour(222, 222, 216) * (0.86 + 0.14 * ramp(PANEL_M, PANEL_M + 0.012, y))
        } else {
            let plaster = noise::smooth(self.seed ^ salt::PLASTER, x * 2.3, y * 2.3)
                + noise::smooth(self.seed ^ salt::PLASTER_FINE, x * 9.0, y * 9.0);
            colour(228, 224, 214) * (0.975 + 0.025 * plaster)
        };
        let warm = Vec3f::new(1.0 + 0.30 * daylight, 1.0 + 0.25 * daylight, 1.0 + 0.14 * daylight);
        paint.times(warm) * light
    }

    /// Boards of the panel, with a shadow in each joint.
    fn panel(&self, x: f32, y: f32) -> Vec3f {
        let board = x / 0.30;
        let joint = (board - board.floor() - 0.5).abs() * 0.30;
        let groove = 1.0 - 0.16 * ramp(0.141, 0.148, joint);
        let below_rail = 1.0 - 0.14 * ramp(PANEL_M - 0.05, PANEL_M, y);
        let tone = 0.97 + 0.05 * noise::cell(self.seed ^ salt::PANEL_TONE, board.floor() as i64, 0);
        colour(122, 150, 150) * (groove * below_rail * tone)
    }

    /// Light of a high window with bars, thrown aslant onto the wall; 0 to 1.
    fn daylight(&self, x: f32, y: f32) -> f32 {
        let drift = if self.seed & 1 == 0 { 0.0 } else { 0.25 };
        let across = x + 0.45 * (y - 1.6) - drift;
        let pane =
            |from: f32, to: f32| ramp(from - 0.05, from + 0.05, across) * (1.0 - ramp(to - 0.05, to + 0.05, across));
        let columns = pane(-2.05, -1.50) + pane(-1.40, -0.85) + pane(0.95, 1.50) + pane(1.60, 2.15);
        let rows = ramp(1.08, 1.16, y) * (1.0 - ramp(1.92, 2.0, y)) + ramp(2.06, 2.14, y) * (1.0 - ramp(2.75, 2.9, y));
        columns * rows
    }

    fn floor(&self, x: f32, z: f32) -> Vec3f {
        let row = (z / BOARD_M).floor();
        let shift = noise::cell(self.seed ^ salt::BOARD_SHIFT, row as i64, 1) * BOARD_LENGTH_M;
        let along = (x + shift) / BOARD_LENGTH_M;
        let tone = 0.88 + 0.20 * noise::cell(self.seed ^ salt::BOARD_TONE, row as i64, along.floor() as i64);
        let grain = noise::smooth(self.seed ^ salt::GRAIN, x * 5.0 + row * 17.0, z * 90.0) * 0.6
            + noise::smooth(self.seed ^ salt::GRAIN_COARSE, x * 1.3 + row * 5.0, z * 26.0) * 0.4;
        let edge = |value: f32, length: f32| (0.5 - (value - value.floor() - 0.5).abs()) * length;
        let seam = edge(z / BOARD_M, BOARD_M).min(edge(along, BOARD_LENGTH_M));
        let joint = 0.72 + 0.28 * ramp(0.0008, 0.0035, seam);
        let wood = colour(190, 152, 112).times(Vec3f::new(1.0, 0.99, 0.97)) * (tone * (0.90 + 0.18 * grain) * joint);
        // The wall keeps light from the floor at its foot; far from the figures the room is dimmer.
        let near_wall = 1.0 - 0.30 * (1.0 - ramp(0.0, 0.5, z - self.wall_m));
        let dim = 1.0 - 0.22 * ramp(1.2, 4.5, x.hypot(0.8 * z));
        scale(x, z, wood) * (near_wall * dim)
    }
}

/// The scale on the floor: dark and light divisions.
fn scale(x: f32, z: f32, wood: Vec3f) -> Vec3f {
    let off = (z - SCALE_BEFORE_M).abs();
    if off > 0.5 * SCALE_WIDTH_M {
        return wood;
    }
    let dark = ((x / DIVISION_M).floor() as i64).rem_euclid(2) == 0;
    let paint = if dark {
        colour(62, 64, 70)
    } else {
        colour(238, 234, 224)
    };
    wood.lerp(paint, 0.82)
}

/// The light on a body's surface without shadows: ambient light from above and below for a normal.
#[inline]
pub(crate) fn ambient(normal: Vec3f) -> Vec3f {
    BOUNCE.lerp(SKY, 0.5 + 0.5 * normal.y)
}

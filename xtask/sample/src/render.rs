//! Rendering: one sample per pixel where a surface is smooth, four at its edges, and the room behind it.

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::body;
use crate::camera::Camera;
use crate::light::{KEY, Light, TO_KEY};
use crate::noise;
use crate::outfit::{Material, to_srgb};
use crate::room::{self, PLACES, Room};
use crate::scene::{Scene, SceneError};
use crate::sdf::{self, Solid};
use crate::trace::{Hit, Region, TileRow, Tracer};
use crate::vector::Vec3f;

/// A rendered frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Its index in the clip.
    pub index: usize,
    /// Presentation time in seconds.
    pub time_s: f64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green and blue of each pixel, row by row from the top.
    pub rgb: Vec<u8>,
}

/// What a ray through a pixel saw of the bodies.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Linear colour times coverage.
    colour: Vec3f,
    /// Share of the pixel that bodies cover.
    coverage: f32,
    /// Distance in metres; infinite where there is no body.
    distance: f32,
    /// Material and figure; 0 where there is no body.
    surface: u16,
}

const NOTHING: Seen = Seen {
    colour: Vec3f::new(0.0, 0.0, 0.0),
    coverage: 0.0,
    distance: f32::INFINITY,
    surface: 0,
};
/// A step in distance between neighbouring pixels that is an edge, in metres.
const EDGE_M: f32 = 0.03;

/// Renders the frames of one scene; the room is painted once.
pub struct Renderer {
    scene: Scene,
    camera: Camera,
    room: Room,
    /// Each figure's colours.
    palettes: Vec<[Vec3f; Material::ALL.len()]>,
    /// sRGB values of linear intensities.
    curve: Vec<f32>,
}

/// Steps of the curve from linear to sRGB.
const CURVE_STEPS: usize = 4096;

impl Renderer {
    /// Makes ready to render a scene.
    ///
    /// # Errors
    /// When the scene cannot be rendered; see [`Scene::validate`].
    pub fn new(scene: &Scene) -> Result<Self, SceneError> {
        scene.validate()?;
        let camera = Camera::for_scene(scene);
        let count = scene.frame_count();
        let farthest = (0..count)
            .step_by((count / 60).max(1))
            .flat_map(|index| scene.postures(index))
            .map(|posture| posture.pelvis.origin.z)
            .fold(0.0, f64::min);
        let wall_m = farthest as f32 - 2.0;
        let room = Room::paint(camera, scene.width as usize, scene.height as usize, wall_m, scene.seed);
        let curve = (0..=CURVE_STEPS)
            .map(|i| to_srgb(tone(i as f32 / CURVE_STEPS as f32)))
            .collect();
        let palettes = scene.figures.iter().map(|figure| figure.outfit.palette()).collect();
        Ok(Self {
            palettes,
            scene: scene.clone(),
            camera,
            room,
            curve,
        })
    }

    /// The scene that is rendered.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Renders a frame, on all of rayon's threads.
    ///
    /// # Errors
    /// When the scene has no such frame.
    pub fn frame(&self, index: usize) -> Result<Frame, SceneError> {
        let frames = self.scene.frame_count();
        if index >= frames {
            return Err(SceneError::NoSuchFrame { index, frames });
        }
        Ok(self.draw(index))
    }

    fn draw(&self, index: usize) -> Frame {
        let (mut solids, mut occluders) = (Vec::new(), Vec::new());
        for (figure, posture) in self.scene.postures(index).iter().enumerate() {
            body::model(posture, figure as u16, &mut solids);
            body::coarse(posture, &mut occluders);
        }
        let (width, height) = (self.scene.width as usize, self.scene.height as usize);
        let light = Light::new(&solids, occluders);
        let painter = Painter {
            palettes: &self.palettes,
            light: &light,
        };
        let tracer = Tracer::new(&self.camera, &solids, width, height);
        let mut seen = tracer.image(NOTHING, |hit| painter.seen(hit));
        let refined = tracer.rows(|tiles, lines| refine(&painter, tiles, lines, &seen));
        for (at, value) in refined {
            seen[at] = value;
        }
        let bodies = Bodies {
            seen,
            region: tracer.region,
            light,
        };
        let mut rgb = vec![0; 3 * width * height];
        rgb.par_chunks_mut(3 * width)
            .enumerate()
            .for_each(|(y, line)| self.compose(index, y, line, &bodies));
        Frame {
            index,
            time_s: self.scene.time_s(index),
            width: self.scene.width,
            height: self.scene.height,
            rgb,
        }
    }

    /// Writes one row: the room, the shadows on its floor, the bodies, the noise of the sensor.
    fn compose(&self, index: usize, y: usize, line: &mut [u8], bodies: &Bodies) {
        let mut row = self.room.row(y).to_vec();
        self.shade_floor(y, &mut row, &bodies.light);
        let region = bodies.region;
        if (region.y..region.y + region.height).contains(&y) {
            let seen = &bodies.seen[(y - region.y) * region.width..][..region.width];
            for (pixel, seen) in row[region.x..].iter_mut().zip(seen) {
                *pixel = *pixel * (1.0 - seen.coverage) + seen.colour;
            }
        }
        let sigma = self.scene.noise_levels as f32;
        let key = noise::mix(self.scene.seed ^ noise::mix(index as u64)) ^ ((y as u64) << 32);
        for (x, (out, pixel)) in line.as_chunks_mut::<3>().0.iter_mut().zip(&row).enumerate() {
            let grain = noise::normal4(key ^ x as u64);
            for (i, linear) in [pixel.x, pixel.y, pixel.z].into_iter().enumerate() {
                // Most of a sensor's noise is in the brightness, a little in the colour.
                let noise = sigma * (0.9 * grain[3] + 0.44 * grain[i]);
                out[i] = (self.encoded(linear) + noise + 0.5) as u8;
            }
        }
    }

    /// Darkens the part of a row where bodies keep light from the floor.
    fn shade_floor(&self, y: usize, row: &mut [Vec3f], light: &Light) {
        let [left, right, back, front] = light.floor_extent();
        let Some((start_x, z)) = self.room.floor_at(0, y) else {
            return;
        };
        if z < back || z > front {
            return;
        }
        // Along a row of the picture the place on the floor moves evenly, as the camera is level.
        let step = self.room.floor_at(1, y).map_or(1.0, |(x, _)| (x - start_x).max(1e-6));
        let column = |x: f32| (((x - start_x) / step).clamp(0.0, row.len() as f32)) as usize;
        let (start, end) = (column(left), column(right));
        for (x, pixel) in row.iter_mut().enumerate().take(end).skip(start) {
            let [key, ambient] = light.on_floor(start_x + x as f32 * step, z);
            *pixel = room::shaded(*pixel, key, ambient);
        }
    }

    #[inline]
    fn encoded(&self, linear: f32) -> f32 {
        self.curve[((linear.clamp(0.0, 1.0) * CURVE_STEPS as f32) + 0.5) as usize]
    }
}

/// Rolls bright light off softly instead of clipping it; linear in, linear out.
fn tone(linear: f32) -> f32 {
    let knee = 0.72;
    if linear <= knee {
        linear
    } else {
        knee + (1.0 - knee) * (1.0 - (-(linear - knee) / (1.0 - knee)).exp())
    }
}

/// The bodies of a frame as the camera sees them.
struct Bodies {
    seen: Vec<Seen>,
    region: Region,
    light: Light,
}

/// Colours the points of bodies.
struct Painter<'a> {
    palettes: &'a [[Vec3f; Material::ALL.len()]],
    light: &'a Light,
}

impl Painter<'_> {
    fn seen(&self, hit: &Hit<'_>) -> Seen {
        let point = hit.point();
        let (normal, nearest) = sdf::surface(hit.solids, point);
        let solid: &Solid = &hit.solids[nearest];
        let material = solid.material_at(point);
        let albedo = self.palettes[usize::from(solid.figure)][material as usize];
        let colour = self.lit(point, normal, hit.ray.direction, albedo, material);
        let surface = 1 + solid.figure * 32 + material as u16;
        Seen {
            colour,
            coverage: 1.0,
            distance: hit.distance,
            surface,
        }
    }

    fn lit(&self, point: Vec3f, normal: Vec3f, direction: Vec3f, albedo: Vec3f, material: Material) -> Vec3f {
        let open = self.light.ambient_share(point, normal);
        // Skin lets light through: its shadow begins softly.
        let wrap = if matches!(material, Material::Skin | Material::Flush) {
            0.18
        } else {
            0.06
        };
        let towards_key = ((normal.dot(TO_KEY) + wrap) / (1.0 + wrap)).max(0.0);
        let key = if towards_key > 0.0 {
            towards_key * self.light.key_share(point, normal)
        } else {
            0.0
        };
        // Light from the window behind edges the body on the right.
        let grazing = (1.0 + normal.dot(direction)).clamp(0.0, 1.0);
        let rim = 0.22 * grazing * grazing * (0.4 + 0.6 * normal.x).max(0.0);
        let light = KEY * key + (room::ambient(normal) + Vec3f::new(rim, rim, rim)) * open;
        let half = (TO_KEY - direction).normalized();
        let (strength, hardness) = match material {
            Material::Eye | Material::Iris => (0.5, 60),
            Material::Skin | Material::Flush | Material::Lip => (0.07, 14),
            Material::Hair => (0.08, 10),
            Material::Shoe | Material::Sole => (0.08, 20),
            _ => (0.015, 6),
        };
        let gloss = strength * normal.dot(half).max(0.0).powi(hardness) * key.min(1.0);
        albedo.times(light) + Vec3f::new(gloss, gloss, gloss)
    }
}

/// The pixels of some rows at which a surface ends, each with the mean of four samples.
fn refine(painter: &Painter<'_>, tiles: &mut TileRow<'_, Camera>, lines: Region, seen: &[Seen]) -> Vec<(usize, Seen)> {
    let width = lines.width;
    let mut refined = Vec::new();
    for y in lines.y..lines.y + lines.height {
        for x in 0..width {
            let at = y * width + x;
            if !is_edge(seen, width, x, at) {
                continue;
            }
            let mut sum = NOTHING;
            let hits = tiles.trace_at(PLACES.map(|(dx, _)| x as f32 + dx), PLACES.map(|(_, dy)| y as f32 + dy));
            for hit in hits.iter().flatten() {
                sum.colour += painter.seen(hit).colour * 0.25;
                sum.coverage += 0.25;
            }
            refined.push((at, sum));
        }
    }
    refined
}

/// Whether a pixel differs in surface or distance from the one to its right, to its left, above or below.
#[inline]
fn is_edge(seen: &[Seen], width: usize, x: usize, at: usize) -> bool {
    let own = seen[at];
    let differs = |other: usize| {
        let other = seen[other];
        own.surface != other.surface || (own.distance - other.distance).abs() > EDGE_M
    };
    (x > 0 && differs(at - 1))
        || (x + 1 < width && differs(at + 1))
        || (at >= width && differs(at - width))
        || (at + width < seen.len() && differs(at + width))
}

/// Renders one frame of a scene. For more than one, a [`Renderer`] or [`render`] paints the room only once.
///
/// # Errors
/// When the scene cannot be rendered or has no such frame.
pub fn render_frame(scene: &Scene, index: usize) -> Result<Frame, SceneError> {
    let frames = scene.frame_count();
    if scene.validate().is_ok() && index >= frames {
        return Err(SceneError::NoSuchFrame { index, frames });
    }
    Renderer::new(scene)?.frame(index)
}

/// Renders the frames of a scene in order, some at a time on all of rayon's threads. `on_progress` is told after each frame
/// handed out how many have been, and of how many.
///
/// # Errors
/// When the scene cannot be rendered; see [`Scene::validate`].
pub fn render<P: FnMut(usize, usize)>(scene: &Scene, on_progress: P) -> Result<Frames<P>, SceneError> {
    let renderer = Renderer::new(scene)?;
    let count = scene.frame_count();
    Ok(Frames {
        renderer,
        count,
        next: 0,
        ready: VecDeque::new(),
        handed_out: 0,
        on_progress,
    })
}

/// The frames of a scene in order; see [`render`].
pub struct Frames<P> {
    renderer: Renderer,
    count: usize,
    next: usize,
    ready: VecDeque<Frame>,
    handed_out: usize,
    on_progress: P,
}

impl<P: FnMut(usize, usize)> Iterator for Frames<P> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        if self.ready.is_empty() && self.next < self.count {
            let end = (self.next + 2 * rayon::current_num_threads()).min(self.count);
            let renderer = &self.renderer;
            let batch: Vec<Frame> = (self.next..end)
                .into_par_iter()
                .map(|index| renderer.draw(index))
                .collect();
            self.ready.extend(batch);
            self.next = end;
        }
        let frame = self.ready.pop_front()?;
        self.handed_out += 1;
        (self.on_progress)(self.handed_out, self.count);
        Some(frame)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.handed_out;
        (left, Some(left))
    }
}

impl<P: FnMut(usize, usize)> ExactSizeIterator for Frames<P> {}

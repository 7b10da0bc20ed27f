//! Sphere tracing, tile by tile: each tile of the picture knows the few solids that it can see.

use rayon::prelude::*;

use crate::camera::Camera;
use crate::sdf::{self, Capsule, Points, Solid};
use crate::vector::Vec3f;

/// Side of a tile in pixels.
const TILE: usize = 8;
/// Steps after which a ray that grazes the body is given up.
const MOST_STEPS: usize = 96;
/// Share of the estimated distance that is safe to go: near cones and ellipsoids it may be a little too long.
const SAFETY: f32 = 0.94;
/// Steps are stretched by this as long as the spheres of clearance overlap (enhanced sphere tracing, Keinert et al. 2014).
const STRETCH: f32 = 1.5;

/// A half line; the direction has length one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ray {
    pub(crate) origin: Vec3f,
    pub(crate) direction: Vec3f,
}

/// What a capsule covers: a segment with a radius in pixels, and a range of distances along the rays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    a: [f32; 2],
    b: [f32; 2],
    radius: f32,
    near: f32,
    far: f32,
}

impl Footprint {
    pub(crate) fn new(a: [f32; 2], b: [f32; 2], radius: f32, near: f32, far: f32) -> Self {
        Self {
            a,
            b,
            radius,
            near,
            far,
        }
    }

    /// Whether a circle in the picture meets the footprint.
    fn meets(&self, centre: [f32; 2], radius: f32) -> bool {
        let (dx, dy) = (self.b[0] - self.a[0], self.b[1] - self.a[1]);
        let (px, py) = (centre[0] - self.a[0], centre[1] - self.a[1]);
        let share = ((px * dx + py * dy) / (dx * dx + dy * dy + 1e-9)).clamp(0.0, 1.0);
        let (x, y) = (px - dx * share, py - dy * share);
        let reach = self.radius + radius;
        x * x + y * y <= reach * reach
    }

    /// Left, right, top and bottom in pixels.
    pub(crate) fn extent(&self) -> [f32; 4] {
        let (a, b, r) = (self.a, self.b, self.radius);
        [
            a[0].min(b[0]) - r,
            a[0].max(b[0]) + r,
            a[1].min(b[1]) - r,
            a[1].max(b[1]) + r,
        ]
    }
}

/// Something that looks at the solids.
pub(crate) trait View: Sync {
    /// The ray through a place of the picture.
    fn ray(&self, x: f32, y: f32) -> Ray;
    /// What a capsule covers at most.
    fn footprint(&self, capsule: &Capsule) -> Footprint;
    /// Size of a pixel at the solids in metres: how exact a hit must be.
    fn pixel_m(&self) -> f32;
}

impl View for Camera {
    #[inline]
    fn ray(&self, x: f32, y: f32) -> Ray {
        Ray {
            origin: self.eye(),
            direction: self.direction(x, y),
        }
    }

    fn footprint(&self, capsule: &Capsule) -> Footprint {
        let eye = self.eye();
        let seen = |point: Vec3f| {
            let depth = (eye.z - point.z).max(0.05);
            let scale = self.focal_px as f32 / depth;
            let x = self.principal_x_px as f32 + (point.x - eye.x) * scale;
            let y = self.principal_y_px as f32 - (point.y - eye.y) * scale;
            // A sphere off the axis looks a little longer than its diameter.
            let off_axis = (point - eye).length() / depth;
            ([x, y], scale * off_axis * depth / (depth - capsule.radius).max(0.05))
        };
        let (a, scale_a) = seen(capsule.a);
        let (b, scale_b) = seen(capsule.b);
        let nearest = (capsule.nearest(eye) - eye).length();
        let farthest = (capsule.a - eye).length().max((capsule.b - eye).length());
        Footprint {
            a,
            b,
            radius: capsule.radius * scale_a.max(scale_b),
            near: nearest - capsule.radius,
            far: farthest + capsule.radius,
        }
    }

    fn pixel_m(&self) -> f32 {
        (self.distance_m / self.focal_px) as f32
    }
}

/// Where a ray met a body.
pub(crate) struct Hit<'a> {
    pub(crate) ray: Ray,
    /// Distance from the ray's origin in metres.
    pub(crate) distance: f32,
    /// The solids that the tile sees, for the surface's normal.
    pub(crate) solids: &'a [Solid],
}

impl Hit<'_> {
    pub(crate) fn point(&self) -> Vec3f {
        self.ray.origin + self.ray.direction * self.distance
    }
}

/// A rectangle of whole pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// Traces bodies in one view.
pub(crate) struct Tracer<'a, V> {
    view: &'a V,
    solids: &'a [Solid],
    footprints: Vec<Footprint>,
    tolerance: f32,
    pub(crate) region: Region,
}

impl<'a, V: View> Tracer<'a, V> {
    /// A tracer for the part of a picture of this size that the solids cover.
    pub(crate) fn new(view: &'a V, solids: &'a [Solid], width: usize, height: usize) -> Self {
        let footprints: Vec<_> = solids.iter().map(|solid| view.footprint(&solid.bound)).collect();
        let mut extent = [f32::MAX, f32::MIN, f32::MAX, f32::MIN];
        for [left, right, top, bottom] in footprints.iter().map(Footprint::extent) {
            extent = [
                extent[0].min(left),
                extent[1].max(right),
                extent[2].min(top),
                extent[3].max(bottom),
            ];
        }
        let clip = |from: f32, to: f32, size: usize| {
            let start = (from.max(0.0) as usize).min(size);
            (start, (to.max(0.0).ceil() as usize).clamp(start, size) - start)
        };
        let (x, region_width) = clip(extent[0], extent[1], width);
        let (y, region_height) = clip(extent[2], extent[3], height);
        let region = Region {
            x,
            y,
            width: region_width,
            height: region_height,
        };
        Self {
            view,
            solids,
            footprints,
            tolerance: 0.12 * view.pixel_m(),
            region,
        }
    }

    /// A value for each pixel of the region, row by row: `on_hit` where a ray through its centre meets a body, `empty` elsewhere.
    pub(crate) fn image<S: Copy + Send + Sync>(&self, empty: S, on_hit: impl Fn(&Hit<'_>) -> S + Sync) -> Vec<S> {
        let Region { width, height, .. } = self.region;
        let mut pixels = vec![empty; width * height];
        if pixels.is_empty() {
            return pixels;
        }
        pixels
            .par_chunks_mut(width * TILE)
            .enumerate()
            .for_each(|(row, chunk)| {
                let mut tiles = TileRow::new(self, row);
                for tile in 0..width.div_ceil(TILE) {
                    if !tiles.enter(tile) {
                        continue;
                    }
                    let start = tile * TILE;
                    let end = (start + TILE).min(width);
                    for (y, line) in chunk.chunks_mut(width).enumerate() {
                        let columns = std::array::from_fn::<_, TILE, _>(|i| (start + i) as f32 + 0.5);
                        let hits = tiles.trace(columns, [(row * TILE + y) as f32 + 0.5; TILE]);
                        for (pixel, hit) in line[start..end].iter_mut().zip(&hits) {
                            if let Some(hit) = hit {
                                *pixel = on_hit(hit);
                            }
                        }
                    }
                }
            });
        pixels
    }

    /// Calls `refine` for each row of tiles with what traces rays in it, and collects what it returns.
    pub(crate) fn rows<S: Send>(&self, refine: impl Fn(&mut TileRow<'_, V>, Region) -> Vec<S> + Sync) -> Vec<S> {
        let Region { width, height, .. } = self.region;
        (0..height.div_ceil(TILE))
            .into_par_iter()
            .flat_map_iter(|row| {
                let y = row * TILE;
                let lines = Region {
                    x: 0,
                    y,
                    width,
                    height: TILE.min(height - y),
                };
                refine(&mut TileRow::new(self, row), lines)
            })
            .collect()
    }
}

/// Traces rays in one row of tiles.
pub(crate) struct TileRow<'a, V> {
    tracer: &'a Tracer<'a, V>,
    row: usize,
    candidates: Vec<usize>,
    current: Option<usize>,
    solids: Vec<Solid>,
    near: f32,
    far: f32,
}

impl<'a, V: View> TileRow<'a, V> {
    fn new(tracer: &'a Tracer<'a, V>, row: usize) -> Self {
        let top = (tracer.region.y + row * TILE) as f32;
        let candidates = tracer
            .footprints
            .iter()
            .enumerate()
            .filter(|(_, footprint)| {
                let [_, _, from, to] = footprint.extent();
                from <= top + TILE as f32 && to >= top
            })
            .map(|(index, _)| index)
            .collect();
        Self {
            tracer,
            row,
            candidates,
            current: None,
            solids: Vec::new(),
            near: 0.0,
            far: 0.0,
        }
    }

    /// Takes the solids of a tile; false when there is none.
    fn enter(&mut self, tile: usize) -> bool {
        if self.current != Some(tile) {
            self.current = Some(tile);
            let half = 0.5 * TILE as f32;
            let region = self.tracer.region;
            let centre = [
                (region.x + tile * TILE) as f32 + half,
                (region.y + self.row * TILE) as f32 + half,
            ];
            self.solids.clear();
            (self.near, self.far) = (f32::MAX, 0.0);
            for &index in &self.candidates {
                let footprint = &self.tracer.footprints[index];
                if footprint.meets(centre, half * std::f32::consts::SQRT_2) {
                    self.solids.push(self.tracer.solids[index]);
                    self.near = self.near.min(footprint.near);
                    self.far = self.far.max(footprint.far);
                }
            }
        }
        !self.solids.is_empty()
    }

    /// The hits of rays through places of the region, which all lie in one tile of this row.
    pub(crate) fn trace_at<const N: usize>(&mut self, x: [f32; N], y: [f32; N]) -> [Option<Hit<'_>>; N] {
        if self.enter((x[0].max(0.0) as usize) / TILE) {
            self.trace(x, y)
        } else {
            [const { None }; N]
        }
    }

    /// Marches rays side by side until each has met a body or left all of them behind.
    #[inline]
    fn trace<const N: usize>(&self, x: [f32; N], y: [f32; N]) -> [Option<Hit<'_>>; N] {
        let region = self.tracer.region;
        let rays: [Ray; N] =
            std::array::from_fn(|i| self.tracer.view.ray(region.x as f32 + x[i], region.y as f32 + y[i]));
        let mut march = [March {
            distance: self.near.max(0.0),
            ..March::START
        }; N];
        let tolerance = self.tracer.tolerance;
        for _ in 0..MOST_STEPS {
            let at = |i: usize| rays[i].origin + rays[i].direction * march[i].distance;
            let places: [Vec3f; N] = std::array::from_fn(at);
            let points = Points {
                x: places.map(|p| p.x),
                y: places.map(|p| p.y),
                z: places.map(|p| p.z),
            };
            let clearances = sdf::distances(&self.solids, &points);
            let mut under_way = false;
            for (march, clearance) in march.iter_mut().zip(clearances) {
                under_way |= march.advance(clearance, tolerance, self.far);
            }
            if !under_way {
                break;
            }
        }
        std::array::from_fn(|i| {
            // A ray that still crawls along a surface touches it for all that can be seen.
            let crawls = march[i].state == State::UnderWay && march[i].before < 8.0 * tolerance;
            (march[i].state == State::Hit || crawls).then(|| Hit {
                ray: rays[i],
                distance: march[i].distance,
                solids: &self.solids,
            })
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    UnderWay,
    Hit,
    Missed,
}

/// How far one ray has come.
#[derive(Clone, Copy)]
struct March {
    distance: f32,
    /// The clearance before the last step, and the last step.
    before: f32,
    step: f32,
    stretch: f32,
    state: State,
}

impl March {
    const START: Self = Self {
        distance: 0.0,
        before: 0.0,
        step: 0.0,
        stretch: STRETCH,
        state: State::UnderWay,
    };

    /// Takes the clearance at the present distance; true when the ray goes on.
    #[inline]
    fn advance(&mut self, clearance: f32, tolerance: f32, far: f32) -> bool {
        if self.state != State::UnderWay {
            return false;
        }
        if clearance + self.before < self.step && self.stretch > 1.0 {
            // The stretched step left a gap in which a surface may be: go back and take the plain one.
            self.distance += SAFETY * self.before - self.step;
            (self.step, self.stretch) = (SAFETY * self.before, 1.0);
            return true;
        }
        if clearance < tolerance {
            self.state = State::Hit;
            return false;
        }
        self.before = clearance;
        self.step = (SAFETY * self.stretch * clearance).max(3.0 * tolerance);
        self.distance += self.step;
        if self.distance > far {
            self.state = State::Missed;
        }
        self.state == State::UnderWay
    }
}

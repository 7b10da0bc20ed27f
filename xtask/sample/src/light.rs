//! Light: a soft key light with shadows, light from the sky of the room and from its floor, and what bodies take away of it.

use rayon::prelude::*;

use crate::sdf::{Capsule, Solid};
use crate::trace::{Footprint, Ray, Tracer, View};
use crate::vector::Vec3f;

/// Towards the key light: high, from the left, before the figures. Length one.
pub(crate) const TO_KEY: Vec3f = Vec3f::new(-0.371_384, 0.779_906, 0.503_807);
/// Linear colour of the key light where it falls straight onto a surface.
pub(crate) const KEY: Vec3f = Vec3f::new(1.0, 0.94, 0.86);
/// Linear colours of the light from above and of the light that the floor throws back.
pub(crate) const SKY: Vec3f = Vec3f::new(0.28, 0.31, 0.36);
pub(crate) const BOUNCE: Vec3f = Vec3f::new(0.24, 0.20, 0.17);

/// Side of a cell of the shadow map in metres.
const CELL_M: f32 = 0.014;
/// Side of a cell of the shaded floor in metres.
const FLOOR_CELL_M: f32 = 0.025;
/// The floor is shaded this far around the bodies and their shadows, in metres.
const FLOOR_MARGIN_M: f32 = 0.45;

/// The bodies as the key light sees them.
struct KeyView {
    right: Vec3f,
    down: Vec3f,
    origin: Vec3f,
}

impl KeyView {
    fn new() -> Self {
        let right = Vec3f::new(0.0, 1.0, 0.0).cross(TO_KEY).normalized();
        let down = right.cross(TO_KEY).normalized();
        Self {
            right,
            down,
            origin: TO_KEY * 20.0,
        }
    }

    /// Place in the map in cells, and distance from the plane of the light in metres.
    #[inline]
    fn place(&self, point: Vec3f) -> (f32, f32, f32) {
        let from = point - self.origin;
        (
            from.dot(self.right) / CELL_M,
            from.dot(self.down) / CELL_M,
            -from.dot(TO_KEY),
        )
    }
}

impl View for KeyView {
    fn ray(&self, x: f32, y: f32) -> Ray {
        Ray {
            origin: self.origin + self.right * (x * CELL_M) + self.down * (y * CELL_M),
            direction: -TO_KEY,
        }
    }

    fn footprint(&self, capsule: &Capsule) -> Footprint {
        let ((ax, ay, near), (bx, by, far)) = (self.place(capsule.a), self.place(capsule.b));
        let radius = capsule.radius;
        Footprint::new(
            [ax, ay],
            [bx, by],
            radius / CELL_M,
            near.min(far) - radius,
            near.max(far) + radius,
        )
    }

    fn pixel_m(&self) -> f32 {
        CELL_M
    }
}

/// Distances of the bodies from the key light.
struct ShadowMap {
    view: KeyView,
    width: usize,
    height: usize,
    depths: Vec<f32>,
}

impl ShadowMap {
    fn new(solids: &[Solid]) -> Self {
        let mut view = KeyView::new();
        // Move the map's origin to the corner of what it has to hold.
        let mut extent = [f32::MAX, f32::MIN, f32::MAX, f32::MIN];
        for solid in solids {
            let [left, right, top, bottom] = view.footprint(&solid.bound).extent();
            extent = [
                extent[0].min(left),
                extent[1].max(right),
                extent[2].min(top),
                extent[3].max(bottom),
            ];
        }
        let (left, top) = ((extent[0] - 2.0).floor(), (extent[2] - 2.0).floor());
        view.origin += view.right * (left * CELL_M) + view.down * (top * CELL_M);
        let size = |from: f32, to: f32| ((to - from + 2.0).clamp(1.0, 2048.0)) as usize;
        let (width, height) = (size(left, extent[1]), size(top, extent[3]));
        let tracer = Tracer::new(&view, solids, width, height);
        let traced = tracer.image(f32::MAX, |hit| hit.distance);
        let mut depths = vec![f32::MAX; width * height];
        let region = tracer.region;
        for (row, line) in traced.chunks_exact(region.width.max(1)).enumerate() {
            let start = (region.y + row) * width + region.x;
            depths[start..start + region.width].copy_from_slice(line);
        }
        Self {
            view,
            width,
            height,
            depths,
        }
    }

    #[inline]
    fn depth(&self, x: i32, y: i32) -> f32 {
        let inside = x >= 0 && y >= 0 && (x as usize) < self.width && (y as usize) < self.height;
        if inside {
            self.depths[y as usize * self.width + x as usize]
        } else {
            f32::MAX
        }
    }

    /// Share of the light's neighbourhood of `radius` cells in which something stands in the light, `0..=1`;
    /// `bias` metres keep a surface from shading itself.
    #[inline]
    fn blocked(&self, point: Vec3f, radius: f32, bias: f32) -> f32 {
        let (x, y, depth) = self.view.place(point);
        let limit = depth - bias;
        let mut sum = 0.0;
        for (dx, dy) in DISC {
            let (x, y) = (x + dx * radius - 0.5, y + dy * radius - 0.5);
            let (column, row) = (floor(x), floor(y));
            let (u, v) = (x - column as f32, y - row as f32);
            let lit = |x, y| f32::from(u8::from(self.depth(x, y) < limit));
            let top = lit(column, row) * (1.0 - u) + lit(column + 1, row) * u;
            let bottom = lit(column, row + 1) * (1.0 - u) + lit(column + 1, row + 1) * u;
            sum += top * (1.0 - v) + bottom * v;
        }
        sum / DISC.len() as f32
    }

    /// Mean distance from `point` to what stands in its light within `radius` cells, in metres; `None` in full light.
    fn blocker_distance(&self, point: Vec3f, radius: f32) -> Option<f32> {
        let (x, y, depth) = self.view.place(point);
        let (mut sum, mut count) = (0.0, 0.0);
        for (dx, dy) in DISC {
            let blocker = self.depth(floor(x + dx * radius), floor(y + dy * radius));
            if blocker < depth {
                sum += depth - blocker;
                count += 1.0;
            }
        }
        (count > 0.0).then(|| sum / count)
    }
}

/// The next whole number below; exact for numbers greater than −4096, where this is asked, and quicker than `f32::floor`.
#[inline]
fn floor(value: f32) -> i32 {
    (value + 4096.0) as i32 - 4096
}

/// Points spread evenly over the unit disc (Vogel's spiral of 16).
const DISC: [(f32, f32); 16] = [
    (0.177, 0.0),
    (-0.226, 0.207),
    (0.034, -0.394),
    (0.285, 0.371),
    (-0.523, -0.093),
    (0.495, -0.315),
    (-0.166, 0.615),
    (-0.315, -0.608),
    (0.683, 0.250),
    (-0.712, 0.294),
    (0.343, -0.733),
    (0.257, 0.809),
    (-0.764, -0.444),
    (0.897, -0.197),
    (-0.548, 0.779),
    (-0.126, -0.976),
];

/// The floor near the bodies: how much light of each kind reaches it.
struct Floor {
    left: f32,
    back: f32,
    width: usize,
    depth: usize,
    /// Share of the key light and of the ambient light, row by row from back to front.
    cells: Vec<[f32; 2]>,
}

/// All that a frame's bodies do to the light.
pub(crate) struct Light {
    map: ShadowMap,
    occluders: Vec<Capsule>,
    floor: Floor,
}

impl Light {
    pub(crate) fn new(solids: &[Solid], occluders: Vec<Capsule>) -> Self {
        let map = ShadowMap::new(solids);
        let floor = Floor::new(solids, &map, &occluders);
        Self { map, occluders, floor }
    }

    /// Share of the key light that reaches a point of a body.
    pub(crate) fn key_share(&self, point: Vec3f, normal: Vec3f) -> f32 {
        1.0 - self.map.blocked(point + normal * 0.018, 2.2, 0.020)
    }

    /// Share of the ambient light that reaches a point of a body.
    pub(crate) fn ambient_share(&self, point: Vec3f, normal: Vec3f) -> f32 {
        openness(&self.occluders, point, normal)
    }

    /// Shares of the key light and of the ambient light that reach a place of the floor.
    pub(crate) fn on_floor(&self, x: f32, z: f32) -> [f32; 2] {
        self.floor.at(x, z)
    }

    /// The floor that is not in full light, in metres: left, right, back, front.
    pub(crate) fn floor_extent(&self) -> [f32; 4] {
        let floor = &self.floor;
        let size = |cells: usize| (cells - 1) as f32 * FLOOR_CELL_M;
        [
            floor.left,
            floor.left + size(floor.width),
            floor.back,
            floor.back + size(floor.depth),
        ]
    }
}

/// How much of the light from all around reaches a point past the occluders: each takes away what a sphere of its
/// radius at its nearest point would (Quilez, *Sphere ambient occlusion*).
#[inline]
fn openness(occluders: &[Capsule], point: Vec3f, normal: Vec3f) -> f32 {
    let mut open = 1.0;
    for capsule in occluders {
        let towards = capsule.nearest(point) - point;
        let square = towards.dot(towards);
        let radius_square = capsule.radius * capsule.radius;
        if square < 36.0 * radius_square {
            let facing = (normal.dot(towards) * square.max(1e-9).sqrt().recip()).max(0.0);
            open *= 1.0 - 0.85 * facing * (radius_square / square.max(radius_square)).min(1.0);
        }
    }
    open
}

impl Floor {
    fn new(solids: &[Solid], map: &ShadowMap, occluders: &[Capsule]) -> Self {
        let mut extent = [f32::MAX, f32::MIN, f32::MAX, f32::MIN];
        for capsule in solids.iter().map(|solid| solid.bound) {
            for point in [capsule.a, capsule.b] {
                // The point's own place and its shadow's.
                let shadow = point - TO_KEY * (point.y.max(0.0) / TO_KEY.y);
                for place in [point, shadow] {
                    extent = [
                        extent[0].min(place.x),
                        extent[1].max(place.x),
                        extent[2].min(place.z),
                        extent[3].max(place.z),
                    ];
                }
            }
        }
        let (left, back) = (extent[0] - FLOOR_MARGIN_M, extent[2] - FLOOR_MARGIN_M);
        let size = |from: f32, to: f32| (((to + FLOOR_MARGIN_M - from) / FLOOR_CELL_M).clamp(1.0, 1024.0)) as usize + 2;
        let (width, depth) = (size(left, extent[1]), size(back, extent[3]));
        let mut cells = vec![[1.0; 2]; width * depth];
        cells.par_chunks_mut(width).enumerate().for_each(|(row, line)| {
            for (column, cell) in line.iter_mut().enumerate() {
                let point = Vec3f::new(
                    left + column as f32 * FLOOR_CELL_M,
                    0.0,
                    back + row as f32 * FLOOR_CELL_M,
                );
                // At the rim the shading fades out, so that no edge of the shaded area is seen.
                let rim = column.min(row).min(width - 1 - column).min(depth - 1 - row) as f32;
                let fade = (rim * FLOOR_CELL_M / 0.3).min(1.0);
                let open = openness(occluders, point, Vec3f::new(0.0, 1.0, 0.0));
                *cell = [1.0 - floor_shadow(map, point), 1.0 - fade * (1.0 - open)];
            }
        });
        Self {
            left,
            back,
            width,
            depth,
            cells,
        }
    }

    fn at(&self, x: f32, z: f32) -> [f32; 2] {
        let (x, z) = ((x - self.left) / FLOOR_CELL_M, (z - self.back) / FLOOR_CELL_M);
        if x < 0.0 || z < 0.0 || x >= (self.width - 1) as f32 || z >= (self.depth - 1) as f32 {
            return [1.0; 2];
        }
        let (column, row) = (x as usize, z as usize);
        let (u, v) = (x - column as f32, z - row as f32);
        let index = row * self.width + column;
        let (near, far) = (&self.cells[index + self.width..], &self.cells[index..]);
        std::array::from_fn(|i| {
            (far[0][i] * (1.0 - u) + far[1][i] * u) * (1.0 - v) + (near[0][i] * (1.0 - u) + near[1][i] * u) * v
        })
    }
}

/// Share of the key light that bodies keep from a place of the floor: sharp where they touch it, soft where they are far
/// above (percentage-closer soft shadows, Fernando 2005).
fn floor_shadow(map: &ShadowMap, point: Vec3f) -> f32 {
    let Some(distance) = map.blocker_distance(point, 14.0) else {
        return 0.0;
    };
    let penumbra_m = 0.02 + 0.09 * distance;
    map.blocked(point, penumbra_m / CELL_M, 0.0)
}

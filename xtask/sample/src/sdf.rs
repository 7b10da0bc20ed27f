//! Signed distances: the solids a body is made of, their smooth unions, and the surfaces' normals.
//!
//! Unions follow Quilez's polynomial smooth minimum. A limb blends with itself and, at its root, with the trunk;
//! limbs do not blend with each other, so that a hand that passes a thigh does not melt into it.

use crate::outfit::Material;
use crate::vector::{Axes, Vec3, Vec3f};

/// A segment with a radius: what bounds a solid, and what shades its neighbours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capsule {
    pub(crate) a: Vec3f,
    pub(crate) b: Vec3f,
    pub(crate) radius: f32,
}

impl Capsule {
    /// The point of the segment that is nearest to `point`.
    #[inline]
    pub(crate) fn nearest(&self, point: Vec3f) -> Vec3f {
        let axis = self.b - self.a;
        let share = (point - self.a).dot(axis) / (axis.dot(axis) + 1e-12);
        self.a + axis * share.clamp(0.0, 1.0)
    }
}

#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A cone with round ends: a segment whose radius changes along it.
    Cone {
        a: Vec3f,
        axis: Vec3f,
        inverse_square: f32,
        radius: f32,
        growth: f32,
    },
    /// An ellipsoid: centre, axes divided by the radii, and the inverse radii.
    Ellipsoid {
        centre: Vec3f,
        scaled: [Vec3f; 3],
        inverse: Vec3f,
    },
}

impl Shape {
    /// The direction in which the distance grows, of length one.
    #[inline]
    fn gradient(&self, point: Vec3f) -> Vec3f {
        match self {
            Self::Cone {
                a,
                axis,
                inverse_square,
                ..
            } => {
                let from = point - *a;
                let share = (from.dot(*axis) * inverse_square).clamp(0.0, 1.0);
                (from - *axis * share).normalized()
            }
            Self::Ellipsoid { centre, scaled, .. } => {
                let from = point - *centre;
                let sum =
                    scaled[0] * from.dot(scaled[0]) + scaled[1] * from.dot(scaled[1]) + scaled[2] * from.dot(scaled[2]);
                sum.normalized()
            }
        }
    }
}

/// A plane through a solid, below which it is of another material: a hem, a sole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut {
    normal: Vec3f,
    offset: f32,
    below: Material,
}

/// How a solid joins the others of its figure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joining {
    /// The part it belongs to: 0 is the trunk.
    pub(crate) part: u16,
    /// Width of the blend with the solids before it in its part, in metres.
    pub(crate) blend: f32,
    /// Width of the blend with the trunk in metres; 0 for none.
    pub(crate) root: f32,
}

/// Farther than anything, in metres; its differences stay finite.
const FAR: f32 = 1e9;

/// How many parts a figure may have.
const PARTS: u16 = 16;

/// One solid of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Solid {
    shape: Shape,
    part: u16,
    blend: f32,
    root: f32,
    material: Material,
    cut: Option<Cut>,
    /// Cuts the solid off where the plane's distance is positive: the normal, and its product with a point of the plane.
    end: Option<(Vec3f, f32)>,
    /// Which figure it belongs to.
    pub(crate) figure: u16,
    /// Contains the solid and the flesh that blends add around it.
    pub(crate) bound: Capsule,
}

impl Solid {
    fn new(shape: Shape, figure: u16, joining: Joining, material: Material, bound: Capsule) -> Self {
        let Joining { part, blend, root } = joining;
        let bound = Capsule {
            radius: bound.radius + blend.max(root),
            ..bound
        };
        Self {
            shape,
            part: figure * PARTS + part,
            blend,
            root,
            material,
            cut: None,
            end: None,
            figure,
            bound,
        }
    }

    /// The same solid with another material on the side of the plane through `point` that `normal` points away from.
    #[must_use]
    pub(crate) fn cut(self, point: Vec3, normal: Vec3, below: Material) -> Self {
        let cut = Cut {
            normal: normal.single(),
            offset: normal.dot(point) as f32,
            below,
        };
        Self { cut: Some(cut), ..self }
    }

    /// The same solid, cut off flat at `point`; `outward` is the direction of length one that is cut away.
    #[must_use]
    pub(crate) fn ended(self, point: Vec3, outward: Vec3) -> Self {
        Self {
            end: Some((outward.single(), outward.dot(point) as f32)),
            ..self
        }
    }

    fn field(&self, point: Vec3f) -> Field {
        let [distance] = self.distances(&Points {
            x: [point.x],
            y: [point.y],
            z: [point.z],
        });
        // Where the flat end decides, the distance is that to its plane.
        let gradient = match self.end {
            Some((outward, offset)) if outward.dot(point) - offset >= distance => outward,
            _ => self.shape.gradient(point),
        };
        Field { distance, gradient }
    }

    /// What the solid is made of at a point of its surface.
    pub(crate) fn material_at(&self, point: Vec3f) -> Material {
        match self.cut {
            Some(cut) if cut.normal.dot(point) < cut.offset => cut.below,
            _ => self.material,
        }
    }

    /// A cone from `a` to `b` with these radii at its ends.
    pub(crate) fn cone(figure: u16, joining: Joining, material: Material, ends: [Vec3; 2], radii: [f64; 2]) -> Self {
        let (a, b) = (ends[0].single(), ends[1].single());
        let axis = b - a;
        let [radius, end_radius] = radii.map(|r| r as f32);
        let shape = Shape::Cone {
            a,
            axis,
            inverse_square: 1.0 / (axis.dot(axis) + 1e-12),
            radius,
            growth: end_radius - radius,
        };
        Self::new(
            shape,
            figure,
            joining,
            material,
            Capsule {
                a,
                b,
                radius: radius.max(end_radius),
            },
        )
    }

    /// An ellipsoid at the origin of `axes` with radii along forward, up and right.
    pub(crate) fn ellipsoid(figure: u16, joining: Joining, material: Material, axes: &Axes, radii: [f64; 3]) -> Self {
        let directions = [axes.forward, axes.up, axes.right];
        let shape = Shape::Ellipsoid {
            centre: axes.origin.single(),
            scaled: std::array::from_fn(|i| (directions[i] * radii[i].recip()).single()),
            inverse: Vec3::new(radii[0].recip(), radii[1].recip(), radii[2].recip()).single(),
        };
        // A capsule along the longest axis, as thick as the second longest radius, contains the ellipsoid.
        let longest = (0..3).max_by(|&i, &j| radii[i].total_cmp(&radii[j])).unwrap_or(0);
        let second = (0..3).filter(|&i| i != longest).map(|i| radii[i]).fold(0.0, f64::max);
        let along = directions[longest] * (radii[longest] - second);
        let bound = Capsule {
            a: (axes.origin - along).single(),
            b: (axes.origin + along).single(),
            radius: second as f32,
        };
        Self::new(shape, figure, joining, material, bound)
    }
}

/// Width of the transition at distance difference `a - b`: how far the smaller one gives way, `0..=1`.
#[inline]
fn overlap(a: f32, b: f32, width: f32) -> f32 {
    if width > 0.0 {
        (1.0 - (a - b).abs() / width).max(0.0)
    } else {
        0.0
    }
}

/// A distance with its gradient.
#[derive(Clone, Copy)]
struct Field {
    distance: f32,
    gradient: Vec3f,
}

impl Field {
    const NONE: Self = Self {
        distance: FAR,
        gradient: Vec3f::new(0.0, 0.0, 0.0),
    };

    fn smooth_minimum(self, other: Self, width: f32) -> Self {
        let (near, far) = if self.distance <= other.distance {
            (self, other)
        } else {
            (other, self)
        };
        let share = overlap(near.distance, far.distance, width);
        Self {
            distance: near.distance - share * share * width * 0.25,
            gradient: near.gradient.lerp(far.gradient, 0.5 * share),
        }
    }

    fn minimum(self, other: Self) -> Self {
        if other.distance < self.distance { other } else { self }
    }
}

/// Points side by side, one per lane, so that the processor takes several of them at once.
#[derive(Clone, Copy)]
pub(crate) struct Points<const N: usize> {
    pub(crate) x: [f32; N],
    pub(crate) y: [f32; N],
    pub(crate) z: [f32; N],
}

/// The smaller number; unlike `f32::min` it does not look for NaN and so is one instruction.
#[inline]
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// The greater number, likewise.
#[inline]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

impl Solid {
    /// Distances to the surface: exact for a cylinder, a close estimate near the surface for the rest.
    #[inline]
    fn distances<const N: usize>(&self, points: &Points<N>) -> [f32; N] {
        let own: [f32; N] = match &self.shape {
            Shape::Cone {
                a,
                axis,
                inverse_square,
                radius,
                growth,
            } => std::array::from_fn(|i| {
                let (x, y, z) = (points.x[i] - a.x, points.y[i] - a.y, points.z[i] - a.z);
                let along = (x * axis.x + y * axis.y + z * axis.z) * inverse_square;
                let share = lesser(greater(along, 0.0), 1.0);
                let (x, y, z) = (x - axis.x * share, y - axis.y * share, z - axis.z * share);
                (x * x + y * y + z * z).sqrt() - (radius + growth * share)
            }),
            Shape::Ellipsoid {
                centre,
                scaled: [f, u, r],
                inverse,
            } => std::array::from_fn(|i| {
                let (x, y, z) = (points.x[i] - centre.x, points.y[i] - centre.y, points.z[i] - centre.z);
                let forward = x * f.x + y * f.y + z * f.z;
                let up = x * u.x + y * u.y + z * u.z;
                let right = x * r.x + y * r.y + z * r.z;
                let length = (forward * forward + up * up + right * right).sqrt();
                let (forward, up, right) = (forward * inverse.x, up * inverse.y, right * inverse.z);
                length * (length - 1.0) / ((forward * forward + up * up + right * right).sqrt() + 1e-9)
            }),
        };
        let Some((outward, offset)) = self.end else { return own };
        std::array::from_fn(|i| {
            let past = points.x[i] * outward.x + points.y[i] * outward.y + points.z[i] * outward.z - offset;
            greater(own[i], past)
        })
    }
}

#[inline]
fn lesser_lanes<const N: usize>(a: &[f32; N], b: &[f32; N]) -> [f32; N] {
    std::array::from_fn(|i| lesser(a[i], b[i]))
}

#[inline]
fn blended_lanes<const N: usize>(a: &[f32; N], b: &[f32; N], width: f32) -> [f32; N] {
    if width <= 0.0 {
        return lesser_lanes(a, b);
    }
    let inverse = width.recip();
    std::array::from_fn(|i| {
        let share = greater(1.0 - (a[i] - b[i]).abs() * inverse, 0.0);
        lesser(a[i], b[i]) - share * share * width * 0.25
    })
}

/// Distances from points to the union of the listed solids, which are in the body's order.
#[inline]
pub(crate) fn distances<const N: usize>(solids: &[Solid], points: &Points<N>) -> [f32; N] {
    let (mut total, mut trunk, mut of_part) = ([FAR; N], [FAR; N], [FAR; N]);
    let mut part = u16::MAX;
    for solid in solids {
        if solid.part != part {
            total = lesser_lanes(&total, &of_part);
            of_part = [FAR; N];
            if solid.part / PARTS != part / PARTS {
                trunk = [FAR; N];
            }
            part = solid.part;
        }
        let own = solid.distances(points);
        of_part = blended_lanes(&of_part, &own, solid.blend);
        if part.is_multiple_of(PARTS) {
            trunk = of_part;
        } else if solid.root > 0.0 {
            total = lesser_lanes(&total, &blended_lanes(&trunk, &own, solid.root));
        }
    }
    lesser_lanes(&total, &of_part)
}

/// The surface at `point`: its normal, and the index in `solids` of the solid that it belongs to.
pub(crate) fn surface(solids: &[Solid], point: Vec3f) -> (Vec3f, usize) {
    let (mut total, mut trunk, mut of_part) = (Field::NONE, Field::NONE, Field::NONE);
    let mut part = u16::MAX;
    let (mut nearest, mut nearest_distance) = (0, f32::MAX);
    for (index, solid) in solids.iter().enumerate() {
        if solid.part != part {
            total = total.minimum(of_part);
            of_part = Field::NONE;
            if solid.part / PARTS != part / PARTS {
                trunk = Field::NONE;
            }
            part = solid.part;
        }
        let own = solid.field(point);
        if own.distance < nearest_distance {
            (nearest, nearest_distance) = (index, own.distance);
        }
        of_part = of_part.smooth_minimum(own, solid.blend);
        if part.is_multiple_of(PARTS) {
            trunk = of_part;
        } else if solid.root > 0.0 {
            total = total.minimum(trunk.smooth_minimum(own, solid.root));
        }
    }
    (total.minimum(of_part).gradient.normalized(), nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(solids: &[Solid], point: Vec3f) -> f32 {
        distances(
            solids,
            &Points {
                x: [point.x],
                y: [point.y],
                z: [point.z],
            },
        )[0]
    }

    fn body() -> Vec<Solid> {
        let trunk = Joining {
            part: 0,
            blend: 0.05,
            root: 0.0,
        };
        let arm = Joining {
            part: 1,
            blend: 0.02,
            root: 0.04,
        };
        let axes = Axes::WORLD.pitched(0.3);
        vec![
            Solid::ellipsoid(0, trunk, Material::Shirt, &axes, [0.1, 0.2, 0.15]),
            Solid::cone(
                0,
                trunk,
                Material::Skin,
                [Vec3::default(), Vec3::new(0.0, 0.4, 0.1)],
                [0.1, 0.05],
            ),
            Solid::cone(
                0,
                arm,
                Material::Skin,
                [Vec3::new(0.0, 0.2, 0.1), Vec3::new(0.1, 0.2, 0.5)],
                [0.05, 0.03],
            ),
        ]
    }

    #[test]
    fn normal_is_the_gradient_of_the_distance() {
        let solids = body();
        let step = 1e-3;
        for i in 0..200 {
            let angle = i as f32 * 0.37;
            let point = Vec3f::new(0.2 * angle.cos(), 0.1 + 0.3 * (angle * 0.7).sin(), 0.25 * angle.sin());
            // Walk to the surface first: the field is exact only there.
            let mut point = point;
            for _ in 0..60 {
                let (normal, _) = surface(&solids, point);
                point = point - normal * (0.8 * distance(&solids, point));
            }
            let (normal, _) = surface(&solids, point);
            let slope = |d: Vec3f| distance(&solids, point + d * step) - distance(&solids, point - d * step);
            let measured = Vec3f::new(
                slope(Vec3f::new(1.0, 0.0, 0.0)),
                slope(Vec3f::new(0.0, 1.0, 0.0)),
                slope(Vec3f::new(0.0, 0.0, 1.0)),
            );
            assert!(
                measured.normalized().dot(normal) > 0.97,
                "at {point:?}: {measured:?} against {normal:?}"
            );
        }
    }

    #[test]
    fn bounds_contain_the_surface() {
        let solids = body();
        for i in 0..4000 {
            let t = i as f32;
            let point = Vec3f::new(
                (t * 0.713).sin() * 0.4,
                (t * 0.391).cos() * 0.6,
                (t * 0.577).sin() * 0.6,
            );
            if distance(&solids, point) <= 0.0 {
                let inside = solids
                    .iter()
                    .any(|s| (s.bound.nearest(point) - point).length() <= s.bound.radius);
                assert!(inside, "{point:?}");
            }
        }
    }
}

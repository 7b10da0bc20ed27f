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
    /// Distance to the surface; exact for a cylinder, a close lower estimate near the surface for the rest.
    #[inline]
    fn distance(&self, point: Vec3f) -> f32 {
        match self {
            Self::Cone {
                a,
                axis,
                inverse_square,
                radius,
                growth,
            } => {
                let from = point - *a;
                let share = (from.dot(*axis) * inverse_square).clamp(0.0, 1.0);
                (from - *axis * share).length() - (radius + growth * share)
            }
            Self::Ellipsoid {
                centre,
                scaled,
                inverse,
            } => {
                let from = point - *centre;
                let unit = Vec3f::new(from.dot(scaled[0]), from.dot(scaled[1]), from.dot(scaled[2]));
                let length = unit.length();
                length * (length - 1.0) / (unit.times(*inverse).length() + 1e-9)
            }
        }
    }

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

#[inline]
fn smooth_minimum(a: f32, b: f32, width: f32) -> f32 {
    let share = overlap(a, b, width);
    a.min(b) - share * share * width * 0.25
}

/// A distance with its gradient.
#[derive(Clone, Copy)]
struct Field {
    distance: f32,
    gradient: Vec3f,
}

impl Field {
    const FAR: Self = Self {
        distance: f32::MAX,
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

/// Distance from `point` to the union of the listed solids, which are in the body's order.
#[inline]
pub(crate) fn distance(solids: &[Solid], point: Vec3f) -> f32 {
    let (mut total, mut trunk, mut part_distance) = (f32::MAX, f32::MAX, f32::MAX);
    let mut part = u16::MAX;
    for solid in solids {
        if solid.part != part {
            total = total.min(part_distance);
            part_distance = f32::MAX;
            if solid.part / PARTS != part / PARTS {
                trunk = f32::MAX;
            }
            part = solid.part;
        }
        let own = solid.shape.distance(point);
        part_distance = smooth_minimum(part_distance, own, solid.blend);
        if part.is_multiple_of(PARTS) {
            trunk = part_distance;
        } else if solid.root > 0.0 {
            total = total.min(smooth_minimum(trunk, own, solid.root));
        }
    }
    total.min(part_distance)
}

/// The surface at `point`: its normal, and the index in `solids` of the solid that it belongs to.
pub(crate) fn surface(solids: &[Solid], point: Vec3f) -> (Vec3f, usize) {
    let (mut total, mut trunk, mut of_part) = (Field::FAR, Field::FAR, Field::FAR);
    let mut part = u16::MAX;
    let (mut nearest, mut nearest_distance) = (0, f32::MAX);
    for (index, solid) in solids.iter().enumerate() {
        if solid.part != part {
            total = total.minimum(of_part);
            of_part = Field::FAR;
            if solid.part / PARTS != part / PARTS {
                trunk = Field::FAR;
            }
            part = solid.part;
        }
        let own = Field {
            distance: solid.shape.distance(point),
            gradient: solid.shape.gradient(point),
        };
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

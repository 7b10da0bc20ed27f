//! Vectors of three: `Vec3` in double precision for the skeleton, `Vec3f` in single precision for the renderer.

use std::ops::{Add, AddAssign, Mul, Neg, Sub};

macro_rules! vector {
    ($(#[$doc:meta])* $name:ident, $scalar:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Default)]
        #[expect(missing_docs, reason = "the three coordinates of a vector")]
        pub struct $name {
            pub x: $scalar,
            pub y: $scalar,
            pub z: $scalar,
        }

        impl $name {
            /// The vector with these coordinates.
            #[inline]
            pub const fn new(x: $scalar, y: $scalar, z: $scalar) -> Self {
                Self { x, y, z }
            }

            /// Scalar product.
            #[inline]
            pub fn dot(self, other: Self) -> $scalar {
                self.x * other.x + self.y * other.y + self.z * other.z
            }

            /// Vector product.
            #[inline]
            #[must_use]
            pub fn cross(self, other: Self) -> Self {
                Self {
                    x: self.y * other.z - self.z * other.y,
                    y: self.z * other.x - self.x * other.z,
                    z: self.x * other.y - self.y * other.x,
                }
            }

            /// Euclidean length.
            #[inline]
            pub fn length(self) -> $scalar {
                self.dot(self).sqrt()
            }

            /// The vector of length one in the same direction; the zero vector stays what it is.
            #[inline]
            #[must_use]
            pub fn normalized(self) -> Self {
                let length = self.length();
                if length > 0.0 { self * length.recip() } else { self }
            }

            /// The point at share `t` of the way from here to `other`.
            #[inline]
            #[must_use]
            pub fn lerp(self, other: Self, t: $scalar) -> Self {
                self + (other - self) * t
            }
        }

        impl Add for $name {
            type Output = Self;
            #[inline]
            fn add(self, other: Self) -> Self {
                Self { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
            }
        }

        impl AddAssign for $name {
            #[inline]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl Sub for $name {
            type Output = Self;
            #[inline]
            fn sub(self, other: Self) -> Self {
                Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }
            }
        }

        impl Neg for $name {
            type Output = Self;
            #[inline]
            fn neg(self) -> Self {
                Self { x: -self.x, y: -self.y, z: -self.z }
            }
        }

        impl Mul<$scalar> for $name {
            type Output = Self;
            #[inline]
            fn mul(self, factor: $scalar) -> Self {
                Self { x: self.x * factor, y: self.y * factor, z: self.z * factor }
            }
        }
    };
}

vector!(
    /// A position or direction in double precision.
    Vec3,
    f64
);
vector!(
    /// A position, direction or linear colour in single precision.
    Vec3f,
    f32
);

impl Vec3 {
    /// The same vector in single precision.
    #[inline]
    pub fn single(self) -> Vec3f {
        Vec3f::new(self.x as f32, self.y as f32, self.z as f32)
    }

    /// The angle between two directions in degrees, `0..=180`; by the arc tangent, which is exact near 0 and 180 too.
    pub fn angle_deg(self, other: Self) -> f64 {
        self.cross(other).length().atan2(self.dot(other)).to_degrees()
    }
}

impl Vec3f {
    /// Componentwise product, for colours.
    #[inline]
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        Self::new(self.x * other.x, self.y * other.y, self.z * other.z)
    }
}

/// A place with an orientation: three orthogonal directions of length one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axes {
    /// The place.
    pub origin: Vec3,
    /// Forward.
    pub forward: Vec3,
    /// Up.
    pub up: Vec3,
    /// To the right of one who looks forward with the head up.
    pub right: Vec3,
}

impl Axes {
    /// The axes of the world in which motions are described: forward is x, up is y, right is z.
    pub const WORLD: Self = Self {
        origin: Vec3::new(0.0, 0.0, 0.0),
        forward: Vec3::new(1.0, 0.0, 0.0),
        up: Vec3::new(0.0, 1.0, 0.0),
        right: Vec3::new(0.0, 0.0, 1.0),
    };

    /// Places these axes at `origin`.
    #[must_use]
    pub fn at(self, origin: Vec3) -> Self {
        Self { origin, ..self }
    }

    /// Bends forward about the right axis; the angle is in radians.
    #[must_use]
    pub fn pitched(self, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            forward: self.forward * cos - self.up * sin,
            up: self.up * cos + self.forward * sin,
            ..self
        }
    }

    /// Turns to the left (anticlockwise seen from above); the angle is in radians.
    #[must_use]
    pub fn turned_left(self, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            forward: self.forward * cos - self.right * sin,
            right: self.right * cos + self.forward * sin,
            ..self
        }
    }

    /// Leans to the right; the angle is in radians.
    #[must_use]
    pub fn leaned_right(self, angle: f64) -> Self {
        let (sin, cos) = angle.sin_cos();
        Self {
            up: self.up * cos + self.right * sin,
            right: self.right * cos - self.up * sin,
            ..self
        }
    }

    /// The point at these coordinates along forward, up and right.
    pub fn point(&self, forward: f64, up: f64, right: f64) -> Vec3 {
        self.origin + self.direction(forward, up, right)
    }

    /// The direction with these coordinates along forward, up and right.
    pub fn direction(&self, forward: f64, up: f64, right: f64) -> Vec3 {
        self.forward * forward + self.up * up + self.right * right
    }

    /// These axes, given in `parent`'s coordinates, in the coordinates in which `parent` is given.
    #[must_use]
    pub fn within(&self, parent: &Self) -> Self {
        Self {
            origin: parent.origin + parent.direction(self.origin.x, self.origin.y, self.origin.z),
            forward: parent.direction(self.forward.x, self.forward.y, self.forward.z),
            up: parent.direction(self.up.x, self.up.y, self.up.z),
            right: parent.direction(self.right.x, self.right.y, self.right.z),
        }
    }
}

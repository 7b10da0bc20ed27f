//! Points and rectangles in pixels; integer coordinates are pixel centres.

use std::ops::{Add, Mul, Sub};

/// A position or a direction in the picture, in pixels; y grows downwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dot {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// No picture is this large; a coordinate beyond it is a fault of the model and is not drawn.
const FARTHEST_PX: f32 = 1e5;

impl Dot {
    pub(crate) const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// The direction `angle` radians from the x axis, clockwise as seen because y grows downwards.
    pub(crate) fn towards(angle: f32) -> Self {
        Self::new(angle.cos(), angle.sin())
    }

    /// Whether both coordinates are numbers of a size that a picture can have.
    pub(crate) fn is_drawable(self) -> bool {
        self.x.abs() < FARTHEST_PX && self.y.abs() < FARTHEST_PX
    }

    pub(crate) fn length(self) -> f32 {
        // A picture's coordinates cannot overflow, and this runs for every pixel of a shape.
        self.dot(self).sqrt()
    }

    pub(crate) fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    pub(crate) fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// The same direction with length 1, or `None` for a direction without length.
    pub(crate) fn normalized(self) -> Option<Self> {
        let length = self.length();
        (length > 1e-6).then(|| self * (1.0 / length))
    }

    /// The middle between two points.
    pub(crate) fn middle(self, other: Self) -> Self {
        (self + other) * 0.5
    }

    /// Distance to the segment from `a` to `b`.
    pub(crate) fn distance_to_segment(self, a: Self, b: Self) -> f32 {
        let along = b - a;
        let squared = along.dot(along);
        let t = if squared > 0.0 {
            ((self - a).dot(along) / squared).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (self - (a + along * t)).length()
    }
}

impl Add for Dot {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }
}

impl Sub for Dot {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }
}

impl Mul<f32> for Dot {
    type Output = Self;
    fn mul(self, factor: f32) -> Self {
        Self::new(self.x * factor, self.y * factor)
    }
}

/// A rectangle with its edges parallel to the picture's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) left: f32,
    pub(crate) top: f32,
    pub(crate) right: f32,
    pub(crate) bottom: f32,
}

impl Rect {
    pub(crate) fn around(centre: Dot, width: f32, height: f32) -> Self {
        Self {
            left: centre.x - width / 2.0,
            top: centre.y - height / 2.0,
            right: centre.x + width / 2.0,
            bottom: centre.y + height / 2.0,
        }
    }

    pub(crate) fn sized(left: f32, top: f32, width: f32, height: f32) -> Self {
        Self {
            left,
            top,
            right: left + width,
            bottom: top + height,
        }
    }

    /// The smallest rectangle around some points, or `None` without any.
    pub(crate) fn bounding(points: impl IntoIterator<Item = Dot>) -> Option<Self> {
        points.into_iter().fold(None, |bounds: Option<Self>, point| {
            let bounds = bounds.unwrap_or_else(|| Self::around(point, 0.0, 0.0));
            Some(Self {
                left: bounds.left.min(point.x),
                top: bounds.top.min(point.y),
                right: bounds.right.max(point.x),
                bottom: bounds.bottom.max(point.y),
            })
        })
    }

    pub(crate) fn width(self) -> f32 {
        self.right - self.left
    }

    pub(crate) fn height(self) -> f32 {
        self.bottom - self.top
    }

    pub(crate) fn centre(self) -> Dot {
        Dot::new(
            f32::midpoint(self.left, self.right),
            f32::midpoint(self.top, self.bottom),
        )
    }

    pub(crate) fn grown(self, by: f32) -> Self {
        Self {
            left: self.left - by,
            top: self.top - by,
            right: self.right + by,
            bottom: self.bottom + by,
        }
    }

    pub(crate) fn contains(self, inner: Self) -> bool {
        inner.left >= self.left && inner.top >= self.top && inner.right <= self.right && inner.bottom <= self.bottom
    }

    pub(crate) fn overlaps(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// The point of the rectangle nearest to `point`.
    pub(crate) fn nearest(self, point: Dot) -> Dot {
        Dot::new(
            point.x.clamp(self.left, self.right.max(self.left)),
            point.y.clamp(self.top, self.bottom.max(self.top)),
        )
    }

    /// How much of the segment from `a` to `b` lies inside, in pixels (Liang and Barsky's clipping).
    pub(crate) fn length_inside(self, a: Dot, b: Dot) -> f32 {
        let along = b - a;
        let mut enter = 0.0_f32;
        let mut leave = 1.0_f32;
        for (step, low, high) in [
            (along.x, self.left - a.x, self.right - a.x),
            (along.y, self.top - a.y, self.bottom - a.y),
        ] {
            if step.abs() < 1e-6 {
                if low > 0.0 || high < 0.0 {
                    return 0.0;
                }
                continue;
            }
            let (near, far) = (low / step, high / step);
            enter = enter.max(near.min(far));
            leave = leave.min(near.max(far));
        }
        (leave - enter).max(0.0) * along.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_the_part_of_a_segment_inside_a_rectangle() {
        let rect = Rect::sized(0.0, 0.0, 10.0, 10.0);
        let cases = [
            (Dot::new(-5.0, 5.0), Dot::new(15.0, 5.0), 10.0),
            (Dot::new(2.0, 2.0), Dot::new(5.0, 6.0), 5.0),
            (Dot::new(11.0, -5.0), Dot::new(11.0, 15.0), 0.0),
            (Dot::new(5.0, 5.0), Dot::new(5.0, 30.0), 5.0),
        ];
        for (a, b, expected) in cases {
            assert!((rect.length_inside(a, b) - expected).abs() < 1e-4, "{a:?} {b:?}");
        }
    }

    #[test]
    fn nonsense_is_not_drawable() {
        assert!(!Dot::new(f32::NAN, 0.0).is_drawable());
        assert!(!Dot::new(0.0, f32::NEG_INFINITY).is_drawable());
        assert!(!Dot::new(1e9, 0.0).is_drawable());
        assert!(Dot::new(-300.0, 4000.0).is_drawable());
    }
}

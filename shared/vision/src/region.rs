//! The square of a picture that the landmark model looks at.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

/// How much larger the region is than the circle around the person.
const MARGIN: f64 = 1.25;

/// Regions further out or larger than this are the product of numbers gone wrong, in pixels.
const MAX_EXTENT_PX: f64 = (1 << 20) as f64;

/// A picture that is longer by less than this share of its short side shows people hardly larger in a square of it.
const LEAST_REST: f64 = 0.25;

/// A strip that is longer than that has its squares further apart.
const MOST_STEPS: f64 = 15.0;

/// A square in the picture that may be turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Centre, right of the picture's left edge, in pixels.
    pub center_x_px: f64,
    /// Centre, below the picture's top edge, in pixels.
    pub center_y_px: f64,
    /// Length of a side in pixels.
    pub side_px: f64,
    /// Rotation in radians, clockwise as seen, in `-π..π`; 0 is upright.
    pub rotation_rad: f64,
}

impl Region {
    /// The region of a person whose hips are centred at `hips_px`, where `reach_px` lies on the circle around the whole
    /// person, above the hips when they stand: MediaPipe's `AlignmentPointsRectsCalculator` and
    /// `RectTransformationCalculator`, for a target angle of 90 degrees.
    pub fn from_alignment(hips_px: [f64; 2], reach_px: [f64; 2]) -> Self {
        let (dx, dy) = (reach_px[0] - hips_px[0], reach_px[1] - hips_px[1]);
        Self {
            center_x_px: hips_px[0],
            center_y_px: hips_px[1],
            side_px: 2.0 * dx.hypot(dy) * MARGIN,
            rotation_rad: normalize_angle(FRAC_PI_2 - (-dy).atan2(dx)),
        }
    }

    /// The square around the whole picture, upright.
    pub fn around(width: u32, height: u32) -> Self {
        Self {
            center_x_px: f64::from(width) / 2.0,
            center_y_px: f64::from(height) / 2.0,
            side_px: f64::from(width.max(height)),
            rotation_rad: 0.0,
        }
    }

    /// The largest squares in a picture that is not square itself, upright, from its beginning to its end: three in a picture of 16:9.
    /// None if it is nearly square. Each begins at most half a side after the one before, so that whoever is less than half a side
    /// wide is wholly within one.
    pub fn squares_in(width: u32, height: u32) -> Vec<Self> {
        let (width, height) = (f64::from(width), f64::from(height));
        let side_px = width.min(height);
        let rest_px = width.max(height) - side_px;
        // Written so that nothing is made of an empty picture.
        if !(rest_px >= LEAST_REST * side_px && side_px >= 1.0) {
            return Vec::new();
        }
        let steps = (rest_px / (side_px / 2.0)).ceil().min(MOST_STEPS);
        let square = |step: u32| {
            let along_px = side_px / 2.0 + f64::from(step) / steps * rest_px;
            let across_px = side_px / 2.0;
            let (center_x_px, center_y_px) = if width > height {
                (along_px, across_px)
            } else {
                (across_px, along_px)
            };
            Self {
                center_x_px,
                center_y_px,
                side_px,
                rotation_rad: 0.0,
            }
        };
        (0..=steps as u32).map(square).collect()
    }

    /// Whether the circle in another region, which is around a whole person, lies within this one, which is upright. Also where a side
    /// is the picture's own: of who leaves the picture only a part is seen, too.
    pub fn encloses(&self, other: &Self) -> bool {
        let reach_px = (self.side_px - other.side_px / MARGIN) / 2.0;
        let away_px = [
            other.center_x_px - self.center_x_px,
            other.center_y_px - self.center_y_px,
        ];
        away_px.iter().all(|away_px| away_px.abs() <= reach_px)
    }

    /// Whether a picture can be cropped to it: finite, not empty, and not absurdly far out.
    pub fn is_usable(&self) -> bool {
        self.center_x_px.abs() < MAX_EXTENT_PX
            && self.center_y_px.abs() < MAX_EXTENT_PX
            && self.side_px > f64::EPSILON
            && self.side_px < MAX_EXTENT_PX
            && self.rotation_rad.is_finite()
    }

    /// Where a point of the crop lies in the picture in pixels; the crop is the unit square.
    pub fn to_image(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = self.rotation_rad.sin_cos();
        let (x, y) = ((x - 0.5) * self.side_px, (y - 0.5) * self.side_px);
        [
            self.center_x_px + cos * x - sin * y,
            self.center_y_px + sin * x + cos * y,
        ]
    }
}

/// The same angle in `-π..π`.
fn normalize_angle(angle_rad: f64) -> f64 {
    angle_rad - TAU * ((angle_rad + PI) / TAU).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standing_person_gives_an_upright_region() {
        let region = Region::from_alignment([100.0, 200.0], [100.0, 120.0]);
        assert!((region.side_px - 200.0).abs() < 1e-9);
        assert!(region.rotation_rad.abs() < 1e-12);
    }

    #[test]
    fn a_person_leaning_to_the_right_of_the_picture_turns_the_region_clockwise() {
        let region = Region::from_alignment([0.0, 0.0], [80.0, 0.0]);
        assert!((region.rotation_rad - FRAC_PI_2).abs() < 1e-12);
        // The top of the crop is where the head is.
        let [x, y] = region.to_image(0.5, 0.0);
        assert!((x - 100.0).abs() < 1e-9 && y.abs() < 1e-9);
    }

    #[test]
    fn angles_stay_within_half_a_turn() {
        for turns in -3..=3 {
            let angle = normalize_angle(0.3 + f64::from(turns) * TAU);
            assert!((angle - 0.3).abs() < 1e-9);
        }
    }

    #[test]
    fn squares_fill_a_wide_and_a_tall_picture() {
        let places = |width, height| {
            let squares = Region::squares_in(width, height);
            let place = |one: &Region| (one.center_x_px, one.center_y_px, one.side_px);
            squares.iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(
            places(160, 90),
            [(45.0, 45.0, 90.0), (80.0, 45.0, 90.0), (115.0, 45.0, 90.0)]
        );
        assert_eq!(
            places(90, 160),
            [(45.0, 45.0, 90.0), (45.0, 80.0, 90.0), (45.0, 115.0, 90.0)]
        );
        assert!(places(100, 100).is_empty() && places(100, 120).is_empty());
    }

    #[test]
    fn a_person_is_within_a_square_if_the_circle_around_him_is() {
        let square = Region::around(100, 100);
        let person = |x: f64, reach: f64| Region::from_alignment([x, 50.0], [x, 50.0 - reach]);
        assert!(square.encloses(&person(50.0, 50.0)), "it touches all sides");
        assert!(!square.encloses(&person(50.0, 51.0)));
        assert!(square.encloses(&person(80.0, 20.0)) && !square.encloses(&person(81.0, 20.0)));
    }

    #[test]
    fn squares_of_a_long_strip_leave_nothing_out() {
        let squares = Region::squares_in(3840, 1080);
        assert_eq!(squares.len(), 7);
        for pair in squares.windows(2) {
            assert!(pair[1].center_x_px - pair[0].center_x_px <= 540.0);
        }
        assert_eq!((squares[0].center_x_px, squares[6].center_x_px), (540.0, 3300.0));
        assert!(Region::squares_in(0, 0).is_empty() && Region::squares_in(7, 0).is_empty());
        assert_eq!(Region::squares_in(100_000, 10).len(), 16);
    }

    #[test]
    fn regions_gone_wrong_are_not_usable() {
        let good = Region::around(640, 480);
        assert!(good.is_usable());
        for bad in [f64::NAN, f64::INFINITY, 0.0, -3.0, 1e9] {
            assert!(!Region { side_px: bad, ..good }.is_usable());
        }
        assert!(
            !Region {
                center_x_px: f64::NAN,
                ..good
            }
            .is_usable()
        );
        assert!(
            !Region {
                rotation_rad: f64::NAN,
                ..good
            }
            .is_usable()
        );
    }
}

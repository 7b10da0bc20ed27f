//! Curves that motions are made of.

/// The minimum-jerk path from 0 to 1, which people's point-to-point movements follow (Flash and Hogan 1985, eq. 4);
/// at rest outside of `0..=1`.
pub(super) fn minimum_jerk(share: f64) -> f64 {
    let u = share.clamp(0.0, 1.0);
    u * u * u * (10.0 - 15.0 * u + 6.0 * u * u)
}

/// A point that a curve passes, with its slope there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Knot {
    pub(super) at: f64,
    pub(super) value: f64,
    pub(super) slope: f64,
}

impl Knot {
    pub(super) const fn new(at: f64, value: f64, slope: f64) -> Self {
        Self { at, value, slope }
    }

    /// The knot through a function's value and one-sided slope at `at`; `step` is positive to look ahead, negative to look back.
    pub(super) fn of(function: impl Fn(f64) -> f64, at: f64, step: f64) -> Self {
        let value = function(at);
        Self::new(at, value, (function(at + step) - value) / step)
    }
}

/// The cubic Hermite curve through the knots, which are in rising order; constant outside of them.
pub(super) fn hermite(knots: &[Knot], at: f64) -> f64 {
    let Some(first) = knots.first() else { return 0.0 };
    if at <= first.at {
        return first.value;
    }
    for pair in knots.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        if at <= end.at {
            let span = end.at - start.at;
            let u = (at - start.at) / span;
            let (u2, u3) = (u * u, u * u * u);
            return start.value * (2.0 * u3 - 3.0 * u2 + 1.0)
                + start.slope * span * (u3 - 2.0 * u2 + u)
                + end.value * (3.0 * u2 - 2.0 * u3)
                + end.slope * span * (u3 - u2);
        }
    }
    knots[knots.len() - 1].value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_jerk_starts_and_ends_at_rest() {
        let speed = |u: f64| (minimum_jerk(u + 1e-6) - minimum_jerk(u - 1e-6)) / 2e-6;
        assert_eq!(
            (minimum_jerk(-1.0), minimum_jerk(0.5), minimum_jerk(2.0)),
            (0.0, 0.5, 1.0)
        );
        assert!(speed(0.0).abs() < 1e-6 && speed(1.0).abs() < 1e-6);
        assert!(
            (speed(0.5) - 1.875).abs() < 1e-6,
            "the peak speed is 15/8 of the mean speed"
        );
    }

    #[test]
    fn hermite_passes_its_knots_with_their_slopes() {
        let knots = [
            Knot::new(0.0, 1.0, 2.0),
            Knot::new(0.5, -1.0, 0.0),
            Knot::new(2.0, 3.0, -4.0),
        ];
        for knot in knots {
            assert!((hermite(&knots, knot.at) - knot.value).abs() < 1e-12);
        }
        let slope = (hermite(&knots, 0.5 + 1e-6) - hermite(&knots, 0.5 - 1e-6)) / 2e-6;
        assert!(slope.abs() < 1e-4);
        let slope = (hermite(&knots, 1e-6) - hermite(&knots, 0.0)) / 1e-6;
        assert!((slope - 2.0).abs() < 1e-4);
    }
}

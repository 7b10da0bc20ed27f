//! The arc tangent of two arguments, written without branches, so that a loop over columns of numbers becomes one over vector
//! registers: a quarter of the time of the mathematical library, which takes one number at a time.

/// Up to this ratio the rational function holds, from here on the arc tangent is taken from that of one.
const GREATEST_RATIO: f64 = 0.66;

/// What π/2 and π/4 as `f64` are less than the true ones.
const REST_OF_HALF: f64 = 6.123_233_995_736_766e-17;
const REST_OF_QUARTER: f64 = 0.5 * REST_OF_HALF;

/// `y.atan2(x)` in degrees, right to the last two bits.
///
/// The reduction and the rational function are those of `atan` in Cephes (Moshier 1989, Methods and Programs for Mathematical
/// Functions; netlib.org/cephes, `atan.c`). Zeros have their signs as in C's `atan2`; what is not a number stays so. Only a loop
/// that holds all of it is turned into vector instructions, so that it is never called.
#[inline(always)]
pub(crate) fn atan2_deg(y: f64, x: f64) -> f64 {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};
    let (rise, run) = (y.abs(), x.abs());
    let is_steep = rise > run;
    let (lesser, greater) = if is_steep { (run, rise) } else { (rise, run) };
    let is_near_one = lesser > GREATEST_RATIO * greater;
    let above = if is_near_one { lesser - greater } else { lesser };
    let below = if is_near_one { lesser + greater } else { greater };
    // Both are zero only together, and then the angle is one without a turn.
    let ratio = above / if below == 0.0 { 1.0 } else { below };
    let rest = rational(ratio * ratio) * ratio;
    let angle = if is_near_one {
        FRAC_PI_4 + (ratio + (rest + REST_OF_QUARTER))
    } else {
        ratio + rest
    };
    let angle = if is_steep {
        FRAC_PI_2 - (angle - REST_OF_HALF)
    } else {
        angle
    };
    let angle = if 1.0_f64.copysign(x) < 0.0 {
        PI - (angle - 2.0 * REST_OF_HALF)
    } else {
        angle
    };
    angle.copysign(y).to_degrees()
}

/// `(atan(r) - r) / r` for a ratio `r` of at most [`GREATEST_RATIO`], given its square.
#[inline(always)]
fn rational(square: f64) -> f64 {
    const P: [f64; 5] = [
        -8.750_608_600_031_904e-1,
        -1.615_753_718_733_365e1,
        -7.500_855_792_314_705e1,
        -1.228_866_684_490_136_2e2,
        -6.485_021_904_942_025e1,
    ];
    const Q: [f64; 6] = [
        1.0,
        2.485_846_490_142_306_3e1,
        1.650_270_098_316_988_5e2,
        4.328_810_604_912_902_7e2,
        4.853_903_996_359_137e2,
        1.945_506_571_482_614e2,
    ];
    let above = (((P[0] * square + P[1]) * square + P[2]) * square + P[3]) * square + P[4];
    let below = ((((Q[0] * square + Q[1]) * square + Q[2]) * square + Q[3]) * square + Q[4]) * square + Q[5];
    square * (above / below)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::atan2_deg;

    fn is_that_of_the_library(y: f64, x: f64) -> bool {
        let (own, library) = (atan2_deg(y, x), y.atan2(x).to_degrees());
        own.is_sign_negative() == library.is_sign_negative()
            && (own - library).abs() <= 4.0 * f64::EPSILON * library.abs()
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_library(y in -1e3..1e3_f64, x in -1e3..1e3_f64, exponent in -30..30) {
            prop_assert!(is_that_of_the_library(y, x), "{} {}", atan2_deg(y, x), y.atan2(x).to_degrees());
            let y = y * 2.0_f64.powi(exponent);
            prop_assert!(is_that_of_the_library(y, x), "{} {}", atan2_deg(y, x), y.atan2(x).to_degrees());
        }
    }

    #[test]
    fn axes_and_diagonals_are_exact_and_what_is_no_number_stays_so() {
        let axis = [-2.0, -0.0, 0.0, 2.0];
        for (y, x) in axis.into_iter().flat_map(|y| axis.map(|x| (y, x))) {
            assert!(is_that_of_the_library(y, x), "{y} {x}: {}", atan2_deg(y, x));
        }
        assert!(
            [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::NAN, 0.0), (0.0, f64::NAN)]
                .into_iter()
                .all(|(y, x)| atan2_deg(y, x).is_nan())
        );
    }
}

//! Angles of a full turn without their jump.
//!
//! An angle such as the trunk's jumps by a turn where its bounds end. Who stands on the hands sways across that end: the least and
//! greatest value would lie a turn apart, with a mean in between that says upright. So what is worked out of an angle's values (extremes,
//! means, repetitions, curves, the cost of a warp) is worked out of values on one branch: the circle is cut within the widest arc that the
//! movement never enters. That depends on no frame before, so that neither gaps nor noise add a turn. A limb that goes full circle
//! leaves no such arc and keeps its bounds.

use std::borrow::Cow;

use crate::Bounds;

/// The movement must leave out at least so many degrees of the circle.
const LEAST_EMPTY_DEG: f64 = 60.0;

/// Where the circle is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Branch {
    /// Values below it are a turn further up.
    cut_deg: f64,
    /// Added to all, so that the mean is within the bounds.
    shift_deg: f64,
}

impl Branch {
    /// The branch on which values within these bounds do not jump; `None` where they do not as they are.
    pub(crate) fn of(bounds: Bounds, values_deg: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        if !bounds.is_turn() {
            return None;
        }
        let (low, high) = values_deg
            .clone()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
                (low.min(value), high.max(value))
            });
        // What is left out beyond the ends of the bounds.
        let outside_deg = 360.0 - (high - low);
        if outside_deg.is_nan() || outside_deg >= 180.0 {
            return None;
        }
        let mut sorted: Vec<f64> = values_deg.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let arcs = sorted.windows(2).map(|pair| (pair[1] - pair[0], pair[1]));
        let (empty_deg, cut_deg) = arcs.max_by(|one, other| one.0.total_cmp(&other.0))?;
        if empty_deg < LEAST_EMPTY_DEG.max(outside_deg) {
            return None;
        }
        let below = sorted.partition_point(|&value| value < cut_deg);
        let mean_deg = (sorted.iter().sum::<f64>() + 360.0 * below as f64) / sorted.len() as f64;
        let shift_deg = if bounds.contains(mean_deg) { 0.0 } else { -360.0 };
        Some(Self { cut_deg, shift_deg })
    }

    pub(crate) fn value_deg(self, value_deg: f64) -> f64 {
        let turn_deg = if value_deg < self.cut_deg { 360.0 } else { 0.0 };
        value_deg + turn_deg + self.shift_deg
    }

    pub(crate) fn all(self, values_deg: &[Option<f64>]) -> Vec<Option<f64>> {
        values_deg
            .iter()
            .map(|value| value.map(|value| self.value_deg(value)))
            .collect()
    }
}

/// The values of an angle with these bounds on the branch on which they do not jump.
pub(crate) fn without_jump(bounds: Bounds, values_deg: &[Option<f64>]) -> Cow<'_, [Option<f64>]> {
    match Branch::of(bounds, values_deg.iter().flatten().copied()) {
        Some(branch) => branch.all(values_deg).into(),
        None => values_deg.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRUNK: Bounds = Bounds::TurnUpTo(180.0);

    fn branched(values_deg: &[f64]) -> Vec<f64> {
        let values: Vec<Option<f64>> = values_deg.iter().copied().map(Some).collect();
        without_jump(TRUNK, &values).iter().flatten().copied().collect()
    }

    #[test]
    fn a_handstand_sways_by_little() {
        assert_eq!(
            branched(&[178.0, -179.0, 180.0, -178.0, 177.0]),
            [178.0, 181.0, 180.0, 182.0, 177.0]
        );
        assert_eq!(
            branched(&[-170.0, 179.0, -175.0]),
            [-170.0, -181.0, -175.0],
            "the mean stays within the bounds"
        );
    }

    #[test]
    fn what_does_not_cross_the_end_stays() {
        for stays in [
            &[-100.0, 120.0, 0.0, 60.0, -50.0][..],
            &[5.0],
            &[],
            &[-170.0, 30.0, 170.0, 80.0, -70.0, -20.0, 130.0, -120.0],
        ] {
            assert_eq!(branched(stays), stays);
        }
        let circle: Vec<f64> = (-17..=18).map(|tens| 10.0 * f64::from(tens)).collect();
        assert_eq!(branched(&circle), circle);
        let joint = [Some(0.0), Some(179.0)];
        assert_eq!(*without_jump(Bounds::Closed(0.0, 180.0), &joint), joint);
    }

    proptest! {
        #[test]
        fn a_movement_within_half_a_turn_never_jumps(middle_deg in -179.0..180.0_f64, sways_deg in prop::collection::vec(-80.0..80.0_f64, 1..40)) {
            let angles: Vec<f64> = sways_deg.iter().map(|sway| TRUNK.wrap(middle_deg + sway)).collect();
            let found = branched(&angles);
            let mean = found.iter().sum::<f64>() / found.len() as f64;
            prop_assert!((-180.0 - 1e-9..=180.0 + 1e-9).contains(&mean), "{mean}");
            for (value, sway) in found.iter().zip(&sways_deg) {
                let apart = value - found[0] - (sway - sways_deg[0]);
                prop_assert!(apart.abs() < 1e-9, "{apart}");
            }
        }
    }
}

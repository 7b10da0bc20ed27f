//! Signals at true times: slopes, extremes and their moments between frames.

use crate::timebase::{bend, slope};

/// Slope of a signal at each of its samples: that of the parabola through the sample and its neighbours, which at even
/// times is the central difference (Winter, Biomechanics and Motor Control of Human Movement, 4th ed., §3.5.1). Exact for
/// parabolas at any times. Zero where there is one sample.
pub(crate) fn slopes(time_s: &[f64], values: &[f64]) -> Vec<f64> {
    if values.len() < 2 {
        return vec![0.0; values.len()];
    }
    let (rows, _) = values.as_chunks::<1>();
    (0..values.len()).map(|index| slope(time_s, rows, index)[0]).collect()
}

/// Second derivative at each sample but the first and last: that of the parabola through it and its neighbours. At the ends,
/// that of the sample next to them. Zero where there are fewer than three.
pub(crate) fn bends(time_s: &[f64], values: &[f64]) -> Vec<f64> {
    let Some(last @ 2..) = values.len().checked_sub(1) else {
        return vec![0.0; values.len()];
    };
    let (rows, _) = values.as_chunks::<1>();
    let middle = |index: usize| index.clamp(1, last - 1);
    (0..=last)
        .map(|index| 2.0 * bend(time_s, rows, middle(index))[0])
        .collect()
}

/// An extreme of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extreme {
    /// The sample that is greatest.
    pub(crate) index: usize,
    /// When the parabola through it and its neighbours is greatest.
    pub(crate) time_s: f64,
    /// How far it stands above the higher of the two valleys that part it from greater values or from the ends.
    pub(crate) prominence: f64,
}

/// The local maxima whose prominence is at least `least`, in the order of time. The first and last samples are never
/// among them: what goes on beyond them is not known. Of equal neighbours the first counts.
pub(crate) fn maxima(time_s: &[f64], values: &[f64], least: f64) -> Vec<Extreme> {
    let is_peak = |&index: &usize| {
        values[index] > values[index - 1]
            && values[index..]
                .iter()
                .filter_map(|value| value.partial_cmp(&values[index]))
                .find(|order| order.is_ne())
                .is_some_and(std::cmp::Ordering::is_lt)
    };
    (1..values.len().saturating_sub(1))
        .filter(is_peak)
        .map(|index| Extreme {
            index,
            time_s: vertex_s(time_s, values, index),
            prominence: prominence(values, index),
        })
        .filter(|peak| peak.prominence >= least)
        .collect()
}

/// The local minima, as [`maxima`] of the signal turned over.
pub(crate) fn minima(time_s: &[f64], values: &[f64], least: f64) -> Vec<Extreme> {
    let turned: Vec<f64> = values.iter().map(|value| -value).collect();
    maxima(time_s, &turned, least)
}

fn prominence(values: &[f64], peak: usize) -> f64 {
    let lowest = |side: &mut dyn Iterator<Item = &f64>| {
        side.take_while(|&&value| value <= values[peak])
            .copied()
            .fold(f64::INFINITY, f64::min)
    };
    let left = lowest(&mut values[..peak].iter().rev());
    let right = lowest(&mut values[peak + 1..].iter());
    values[peak] - left.max(right)
}

/// The moment at which the parabola through a sample and its neighbours turns; at true times, so that a dropped frame does
/// not shift it. The sample's own time at the ends or where the three lie in line.
pub(crate) fn vertex_s(time_s: &[f64], values: &[f64], index: usize) -> f64 {
    if index == 0 || index + 1 >= values.len() {
        return time_s[index];
    }
    let (before_s, after_s) = (time_s[index] - time_s[index - 1], time_s[index + 1] - time_s[index]);
    let before = (values[index] - values[index - 1]) / before_s;
    let after = (values[index + 1] - values[index]) / after_s;
    let bend = (after - before) / (before_s + after_s);
    if bend == 0.0 {
        return time_s[index];
    }
    let slope = before + bend * before_s;
    (time_s[index] - slope / (2.0 * bend)).clamp(time_s[index - 1], time_s[index + 1])
}

/// The value at a moment on the straight line between the samples around it; `None` outside of them.
pub(crate) fn value_at(time_s: &[f64], values: &[f64], moment_s: f64) -> Option<f64> {
    let after = time_s.partition_point(|&time| time < moment_s);
    let (&later_s, &later) = (time_s.get(after)?, values.get(after)?);
    if later_s <= moment_s {
        return Some(later);
    }
    let before = after.checked_sub(1)?;
    let share = (moment_s - time_s[before]) / (later_s - time_s[before]);
    Some(values[before] + share * (later - values[before]))
}

/// The middle of the values, or `None` of none: of an even number the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    let middle = values.len() / 2;
    values.get(middle)?;
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp).filter(|_| is_even);
    Some(lower.map_or(upper, |lower| f64::midpoint(lower, upper)))
}

/// A parabola `a + b·t + c·t²` with `t` counted from `origin_s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parabola {
    origin_s: f64,
    a: f64,
    b: f64,
    c: f64,
    /// Share of the values' variance that the parabola explains.
    pub(crate) fit: f64,
}

impl Parabola {
    /// The parabola of least squares; `None` for fewer than four samples, which leave no error to judge it by, or where
    /// they do not determine one.
    pub(crate) fn fit(time_s: &[f64], values: &[f64]) -> Option<Self> {
        let count = time_s.len() as f64;
        if time_s.len() < 4 {
            return None;
        }
        let origin_s = time_s.iter().sum::<f64>() / count;
        // Counted from the mean time and in units of the half span, the sums below are all of the order of one.
        let half_s = (time_s[time_s.len() - 1] - time_s[0]) / 2.0;
        let times = || time_s.iter().map(|time| (time - origin_s) / half_s);
        let power = |exponent: i32| times().map(|t| t.powi(exponent)).sum::<f64>();
        let moment = |exponent: i32| times().zip(values).map(|(t, v)| t.powi(exponent) * v).sum::<f64>();
        let (t2, t3, t4) = (power(2), power(3), power(4));
        let (v0, v1, v2) = (moment(0), moment(1), moment(2));
        let determinant = count * (t2 * t4 - t3 * t3) - t2 * t2 * t2;
        if !determinant.is_normal() {
            return None;
        }
        // Cramer's rule for the normal equations, in which the sum of the times is zero.
        let a = (v0 * (t2 * t4 - t3 * t3) + t2 * (v1 * t3 - t2 * v2)) / determinant;
        let b = (count * (v1 * t4 - t3 * v2) + t2 * (v0 * t3 - t2 * v1)) / determinant;
        let c = (count * (t2 * v2 - v1 * t3) - v0 * t2 * t2) / determinant;
        let mean = v0 / count;
        let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error: f64 = times()
            .zip(values)
            .map(|(t, value)| (value - a - b * t - c * t * t).powi(2))
            .sum();
        let fit = if spread > 0.0 { 1.0 - error / spread } else { 0.0 };
        Some(Self {
            origin_s,
            a,
            b: b / half_s,
            c: c / (half_s * half_s),
            fit,
        })
    }

    /// The second derivative.
    pub(crate) fn acceleration(&self) -> f64 {
        2.0 * self.c
    }

    /// The greatest or least value.
    pub(crate) fn extreme(&self) -> f64 {
        self.a - self.b * self.b / (4.0 * self.c)
    }

    /// The two moments at which it has a value, the earlier first.
    pub(crate) fn moments_of(&self, value: f64) -> Option<[f64; 2]> {
        let middle = -self.b / (2.0 * self.c);
        let reach = ((value - self.extreme()) / self.c).sqrt();
        reach
            .is_finite()
            .then_some([self.origin_s + middle - reach, self.origin_s + middle + reach])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME_S: [f64; 6] = [0.0, 0.03, 0.07, 0.1, 0.16, 0.2];

    fn parabola() -> Vec<f64> {
        TIME_S.iter().map(|t| 1.0 + 3.0 * t - 20.0 * t * t).collect()
    }

    #[test]
    fn slope_vertex_and_fit_of_a_parabola_are_exact_at_uneven_times() {
        for (slope, time) in slopes(&TIME_S, &parabola()).iter().zip(TIME_S) {
            assert!((slope - (3.0 - 40.0 * time)).abs() < 1e-9);
        }
        assert!(
            bends(&TIME_S, &parabola())
                .iter()
                .all(|bend| (bend + 40.0).abs() < 1e-9)
        );
        let peaks = maxima(&TIME_S, &parabola(), 0.0);
        assert_eq!(peaks.len(), 1);
        assert!((peaks[0].time_s - 0.075).abs() < 1e-12, "{peaks:?}");
        let fit = Parabola::fit(&TIME_S, &parabola()).unwrap();
        assert!((fit.acceleration() + 40.0).abs() < 1e-9 && fit.fit > 0.999_999);
        assert!((fit.extreme() - 1.1125).abs() < 1e-12);
        let [from_s, to_s] = fit.moments_of(1.0).unwrap();
        assert!(from_s.abs() < 1e-9 && (to_s - 0.15).abs() < 1e-9);
        assert_eq!(fit.moments_of(2.0), None);
    }

    #[test]
    fn small_bumps_and_ends_are_no_extremes_and_a_plateau_is_one() {
        let time_s: Vec<f64> = (0..9).map(f64::from).collect();
        let values = [5.0, 0.0, 3.0, 2.8, 3.1, 0.0, 2.0, 2.0, 1.0];
        let peaks = maxima(&time_s, &values, 0.5);
        assert_eq!(peaks.iter().map(|peak| peak.index).collect::<Vec<_>>(), [4, 6]);
        assert!((peaks[0].prominence - 3.1).abs() < 1e-12);
        assert_eq!(minima(&time_s, &values, 0.5).len(), 2);
    }

    #[test]
    fn values_lie_on_the_line_between_samples() {
        assert_eq!(value_at(&[0.0, 1.0], &[2.0, 4.0], 0.25), Some(2.5));
        assert_eq!(value_at(&[0.0, 1.0], &[2.0, 4.0], 1.0), Some(4.0));
        assert_eq!(value_at(&[0.0, 1.0], &[2.0, 4.0], 1.1), None);
        assert_eq!(value_at(&[0.0, 1.0], &[2.0, 4.0], -0.1), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0, 10.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }
}

//! Peaks of a signal, as `SciPy`'s `find_peaks` finds them, with distances in true time.
//!
//! The rules are those of `scipy.signal.find_peaks` (Virtanen et al. 2020, *Nature Methods* 17, 261–272): strict local
//! maxima, the middle of a flat top, never the first or last sample; then height, then distance, then prominence. The code
//! is Marey's own; prominences take one pass over peaks and valleys, where `SciPy` walks from every peak.

/// Slack on durations, for times that went through decimal fractions: a microsecond.
pub(crate) const SLACK_S: f64 = 1e-6;

/// What a peak must have.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Criteria {
    /// Least value at the peak, in the signal's unit.
    pub minimum_height: Option<f64>,
    /// Least time between peaks in seconds; of two that are closer the higher one stays. 0 asks for nothing.
    pub minimum_distance_s: f64,
    /// Least topographic prominence, in the signal's unit. 0 asks for nothing.
    pub minimum_prominence: f64,
}

/// A peak of a signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Where it is: the sample, or the middle (rounded down) of a flat top.
    pub index: usize,
    /// Topographic prominence in the signal's unit: how far one must come down from the peak, at least, before the signal
    /// rises above it or ends.
    pub prominence: f64,
}

/// The peaks of a signal that meet the criteria, in order of time. `values` are finite; `time_s` is as long and increases.
pub fn find_peaks(values: &[f64], time_s: &[f64], criteria: &Criteria) -> Vec<Peak> {
    let maxima = local_maxima(values);
    let prominences = prominences(values, &maxima);
    let mut peaks: Vec<usize> = (0..maxima.len()).collect();
    if let Some(height) = criteria.minimum_height {
        peaks.retain(|&peak| values[maxima[peak]] >= height);
    }
    if criteria.minimum_distance_s > 0.0 {
        let places: Vec<usize> = peaks.iter().map(|&peak| maxima[peak]).collect();
        let mut stays = apart(&places, values, time_s, criteria.minimum_distance_s).into_iter();
        peaks.retain(|_| stays.next().unwrap_or(false));
    }
    let peaks = peaks.into_iter().map(|peak| Peak {
        index: maxima[peak],
        prominence: prominences[peak],
    });
    peaks
        .filter(|peak| peak.prominence >= criteria.minimum_prominence)
        .collect()
}

/// Samples that are higher than their neighbours; of a flat top the middle, rounded down. The first and the last sample
/// are never among them, nor a flat top that reaches the end.
pub(crate) fn local_maxima(values: &[f64]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut index = 1;
    while index + 1 < values.len() {
        if values[index - 1] < values[index] {
            let top = values[index];
            let after = (index + 1..values.len()).find(|&ahead| (values[ahead] - top).abs() > 0.0);
            let Some(after) = after else { break };
            if values[after] < top {
                found.push(usize::midpoint(index, after - 1));
            }
            index = after;
        } else {
            index += 1;
        }
    }
    found
}

/// Which peaks stay where, from the highest one on, those that are closer to it than the distance are removed. Of equally high
/// ones the later stays.
fn apart(peaks: &[usize], values: &[f64], time_s: &[f64], distance_s: f64) -> Vec<bool> {
    let mut by_height: Vec<usize> = (0..peaks.len()).collect();
    by_height.sort_by(|&one, &other| values[peaks[one]].total_cmp(&values[peaks[other]]));
    let is_near = |one: usize, other: usize| (time_s[peaks[one]] - time_s[peaks[other]]).abs() < distance_s - SLACK_S;
    let mut stays = vec![true; peaks.len()];
    for &highest in by_height.iter().rev() {
        if !stays[highest] {
            continue;
        }
        let before = (0..highest).rev().take_while(|&peak| is_near(highest, peak));
        let after = (highest + 1..peaks.len()).take_while(|&peak| is_near(highest, peak));
        for peak in before.chain(after) {
            stays[peak] = false;
        }
    }
    stays
}

/// The topographic prominence of each local maximum. Between two maxima that follow each other a signal only falls and then
/// rises, so that their heights and the valleys between them tell it all.
fn prominences(values: &[f64], maxima: &[usize]) -> Vec<f64> {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
        return Vec::new();
    };
    // The ends are no peaks, but may be higher than some.
    let places = || [0].into_iter().chain(maxima.iter().copied()).chain([values.len() - 1]);
    let lesser = |one: f64, other: &f64| if *other < one { *other } else { one };
    let valleys: Vec<f64> = places()
        .zip(places().skip(1))
        .map(|(from, to)| values[from..=to].iter().fold(f64::INFINITY, lesser))
        .collect();
    let heights = || maxima.iter().map(|&peak| values[peak]);
    let left = falls(first, heights().zip(valleys.iter().copied()));
    let mut right = falls(last, heights().rev().zip(valleys.iter().rev().copied()));
    right.reverse();
    left.into_iter()
        .zip(right)
        .map(|(left, right)| left.min(right))
        .collect()
}

/// For each height, how far the signal lies below it at its lowest since it was last higher than there, given the signal's first
/// value and with each height the lowest value on the way to it from the one before.
fn falls(first: f64, heights: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    // Heights that no later one has overtaken yet, each with the lowest value since a higher one.
    let mut open: Vec<(f64, f64)> = vec![(first, first)];
    heights
        .map(|(height, valley)| {
            let mut lowest = valley;
            while let Some((_, low)) = open.pop_if(|(earlier, _)| *earlier <= height) {
                lowest = lowest.min(low);
            }
            open.push((height, lowest));
            height - lowest
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flat_tops_have_a_middle_and_ends_are_no_peaks() {
        assert_eq!(local_maxima(&[3.0, 1.0, 2.0, 2.0, 2.0, 2.0, 1.0, 5.0]), [3]);
        assert_eq!(local_maxima(&[0.0, 1.0, 1.0]), [0_usize; 0]);
        assert_eq!(local_maxima(&[0.0, 1.0, 1.0, 2.0, 0.0]), [3]);
        for short in [&[][..], &[1.0], &[1.0, 2.0]] {
            assert!(find_peaks(short, short, &Criteria::default()).is_empty());
        }
    }

    #[test]
    fn prominence_ends_where_the_signal_rises_above_the_peak() {
        let values = [0.0, 4.0, 2.0, 3.0, 1.0, 6.0, 5.0, 5.5, -1.0];
        let time_s: Vec<f64> = (0..values.len()).map(|frame| frame as f64).collect();
        let peaks = find_peaks(&values, &time_s, &Criteria::default());
        let found: Vec<_> = peaks.iter().map(|peak| (peak.index, peak.prominence)).collect();
        assert_eq!(found, [(1, 3.0), (3, 1.0), (5, 6.0), (7, 0.5)]);
    }
    proptest! {
        /// Heights are few, so that many are equal and tops are flat.
        #[test]
        fn prominences_are_those_of_a_walk_from_every_peak(heights in prop::collection::vec(0_u8..6, 0..60)) {
            let values: Vec<f64> = heights.iter().copied().map(f64::from).collect();
            let time_s: Vec<f64> = (0..values.len()).map(|frame| frame as f64).collect();
            for Peak { index, prominence } in find_peaks(&values, &time_s, &Criteria::default()) {
                let lowest = |way: &mut dyn Iterator<Item = &f64>| {
                    way.take_while(|&&value| value <= values[index]).copied().fold(values[index], f64::min)
                };
                let left = lowest(&mut values[..index].iter().rev());
                let right = lowest(&mut values[index..].iter());
                prop_assert!((prominence - (values[index] - left.max(right))).abs() < 1e-12);
            }
        }
    }
}

//! Peaks of a signal, as `SciPy`'s `find_peaks` finds them, with distances in true time.
//!
//! The rules are those of `scipy.signal.find_peaks` (Virtanen et al. 2020, *Nature Methods* 17, 261–272): strict local
//! maxima, the middle of a flat top, never the first or last sample; then height, then distance, then prominence. The code
//! is Marey's own; prominences take one pass over the signal, where `SciPy` walks from every peak.

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
    let mut peaks = local_maxima(values);
    if let Some(height) = criteria.minimum_height {
        peaks.retain(|&peak| values[peak] >= height);
    }
    if criteria.minimum_distance_s > 0.0 {
        peaks = apart(&peaks, values, time_s, criteria.minimum_distance_s);
    }
    let left = falls(values.iter().copied());
    let right = falls(values.iter().rev().copied());
    let peaks = peaks.into_iter().map(|index| Peak {
        index,
        prominence: left[index].min(right[values.len() - 1 - index]),
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

/// Removes, from the highest peak on, those that are closer to it than the distance. Of equally high ones the later stays.
fn apart(peaks: &[usize], values: &[f64], time_s: &[f64], distance_s: f64) -> Vec<usize> {
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
    let kept = peaks.iter().zip(stays).filter(|(_, stays)| *stays);
    kept.map(|(&peak, _)| peak).collect()
}

/// For each sample, how far the signal lies below it at its lowest since it was last higher than here.
fn falls(values: impl Iterator<Item = f64>) -> Vec<f64> {
    // Samples that no later one has overtaken yet, each with the lowest value since a higher one.
    let mut open: Vec<(f64, f64)> = Vec::new();
    values
        .map(|value| {
            let mut lowest = value;
            while let Some((_, low)) = open.pop_if(|(earlier, _)| *earlier <= value) {
                lowest = lowest.min(low);
            }
            open.push((value, lowest));
            value - lowest
        })
        .collect()
}

#[cfg(test)]
mod tests {
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
}

//! From the peaks of a signal to segments `[start, peak, end)`.

use std::ops::Range;

use super::Movement;
use super::configuration::{REST_SHARE, Segmentation, Valley};
use super::peaks::{Criteria, SLACK_S, find_peaks, local_maxima};
use crate::filter::Butterworth;
use crate::findings::Repetition;
use crate::gaps::{State, stretches};
use crate::timebase::{Grid, Timebase, longest_step_s};

/// A filter needs so many frames per cycle of its cut-off, as in the cleaning of recordings.
const LEAST_FRAMES_PER_CYCLE: f64 = 2.2;

/// Cuts every uninterrupted stretch of a signal; the whole and the partial ones, in order of time.
pub(super) fn cut(movement: &Movement<'_>, values: &[Option<f64>], how: &Segmentation) -> Vec<Repetition> {
    let longest_step_s = longest_step_s(movement.time_s, movement.longest_gap_s);
    cut_by_steps(movement, values, how, longest_step_s)
}

/// [`cut`] for those who cut many signals and know how far apart the frames of a stretch may lie.
pub(super) fn cut_by_steps(
    movement: &Movement<'_>,
    values: &[Option<f64>],
    how: &Segmentation,
    longest_step_s: f64,
) -> Vec<Repetition> {
    uninterrupted(movement.time_s, values, longest_step_s)
        .into_iter()
        .flat_map(|frames| cut_stretch(movement.time_s, values, frames, how))
        .collect()
}

/// The stretches of frames with a value that follow each other without a gap.
fn uninterrupted(time_s: &[f64], values: &[Option<f64>], longest_step_s: f64) -> Vec<Range<usize>> {
    let state = |value: &Option<f64>| if value.is_some() { State::Seen } else { State::Missing };
    let states: Vec<State> = values.iter().map(state).collect();
    stretches(time_s, &states, longest_step_s)
}

fn cut_stretch(time_s: &[f64], values: &[Option<f64>], frames: Range<usize>, how: &Segmentation) -> Vec<Repetition> {
    let first = frames.start;
    let time_s = &time_s[frames.clone()];
    let mut signal: Vec<f64> = values[frames].iter().flatten().copied().collect();
    if how.invert {
        for value in &mut signal {
            *value = -*value;
        }
    }
    if let Some(smooth_hz) = how.smooth_hz {
        signal = smoothed(signal, time_s, smooth_hz);
    }
    let criteria = Criteria {
        minimum_height: how.minimum_height,
        minimum_distance_s: how.minimum_distance_s,
        minimum_prominence: how.minimum_prominence,
    };
    let peaks: Vec<usize> = find_peaks(&signal, time_s, &criteria)
        .iter()
        .map(|peak| peak.index)
        .collect();
    let ends: Vec<(usize, usize)> = match how.valley {
        Valley::Nearest => nearest_valleys(&signal, &peaks),
        Valley::Rest { share } => rests(&signal, &peaks, share),
    };
    let segment = |(&peak, (from, to)): (&usize, (usize, usize))| {
        let falls = (signal[peak] - signal[from], signal[peak] - signal[to]);
        let (start, last) = padded(time_s, from, to, how.pad_s);
        Repetition {
            start: first + start,
            peak: first + peak,
            end: first + last + 1,
            start_s: time_s[start],
            peak_s: time_s[peak],
            end_s: time_s[last],
            prominence: falls.0.min(falls.1),
            whole: is_whole(from > 0, to + 1 < signal.len(), falls),
        }
    };
    let lasts = |one: &Repetition| one.duration_s() >= how.minimum_duration_s - SLACK_S;
    peaks.iter().zip(ends).map(segment).filter(lasts).collect()
}

/// Smoothed like a recording; left as it is where it is too short or has too few frames per second.
fn smoothed(signal: Vec<f64>, time_s: &[f64], smooth_hz: f64) -> Vec<f64> {
    let Some(timebase) = Timebase::of(time_s) else {
        return signal;
    };
    let rows: Vec<[f64; 1]> = signal.iter().map(|&value| [value]).collect();
    let filtered = if timebase.is_even() {
        let rate_hz = (time_s.len() - 1) as f64 / (time_s[time_s.len() - 1] - time_s[0]);
        let mut rows = rows;
        filter(&mut rows, smooth_hz, rate_hz).then_some(rows)
    } else {
        let mut grid = Grid::resample(time_s, &rows, timebase.interval_s);
        let rate_hz = grid.rate_hz();
        filter(&mut grid.rows, smooth_hz, rate_hz).then(|| {
            let mut back = rows;
            grid.read_back(time_s, &mut back);
            back
        })
    };
    filtered.map_or(signal, |rows| rows.into_iter().map(|[value]| value).collect())
}

/// Whether the rows could be filtered.
fn filter(rows: &mut [[f64; 1]], smooth_hz: f64, rate_hz: f64) -> bool {
    rate_hz >= LEAST_FRAMES_PER_CYCLE * smooth_hz
        && Butterworth::lowpass(2, smooth_hz, rate_hz).is_ok_and(|filter| filter.filter_both_ways(rows))
}

/// The local minima next to each peak, or the ends of the stretch.
fn nearest_valleys(signal: &[f64], peaks: &[usize]) -> Vec<(usize, usize)> {
    let negated: Vec<f64> = signal.iter().map(|value| -value).collect();
    let valleys = local_maxima(&negated);
    let ends = |&peak: &usize| {
        let after = valleys.partition_point(|&valley| valley < peak);
        let before = after.checked_sub(1).map_or(0, |before| valleys[before]);
        (before, valleys.get(after).copied().unwrap_or(signal.len() - 1))
    };
    peaks.iter().map(ends).collect()
}

/// Where the signal comes to rest on both sides of each peak.
fn rests(signal: &[f64], peaks: &[usize], share: f64) -> Vec<(usize, usize)> {
    let last = signal.len().saturating_sub(1);
    let ends = |(index, &peak): (usize, &usize)| {
        let before = index.checked_sub(1).map_or(0, |index| peaks[index]);
        let after = peaks.get(index + 1).copied().unwrap_or(last);
        let back = rest(signal, (before..=peak).rev(), share);
        (
            back.unwrap_or(before),
            rest(signal, peak..=after, share).unwrap_or(after),
        )
    };
    peaks.iter().enumerate().map(ends).collect()
}

/// The first frame on the way from a peak at which the signal is nearly as low as it gets on that way and falls no further.
fn rest(signal: &[f64], way: impl DoubleEndedIterator<Item = usize> + Clone, share: f64) -> Option<usize> {
    let peak = signal[way.clone().next()?];
    let lowest = way.clone().map(|frame| signal[frame]).fold(f64::INFINITY, f64::min);
    let low = lowest + share * (peak - lowest);
    let mut next = way.clone().skip(1);
    way.into_iter().find(|&frame| {
        let falls_on = next.next().is_some_and(|next| signal[next] < signal[frame]);
        signal[frame] <= low && !falls_on
    })
}

/// Earlier and later by so much time, as far as the stretch goes.
fn padded(time_s: &[f64], from: usize, to: usize, pad_s: f64) -> (usize, usize) {
    if pad_s <= 0.0 {
        return (from, to);
    }
    let start = time_s.partition_point(|&time| time < time_s[from] - pad_s - SLACK_S);
    let end = time_s.partition_point(|&time| time <= time_s[to] + pad_s + SLACK_S);
    (start, end - 1)
}

/// A repetition is whole if both its ends are valleys. An end of the stretch is as good as one if the signal has fallen to it
/// nearly as far as on the other side.
fn is_whole(starts_inside: bool, ends_inside: bool, falls: (f64, f64)) -> bool {
    let reaches = |fall: f64, other: f64| fall >= (1.0 - REST_SHARE) * other;
    (starts_inside || reaches(falls.0, falls.1)) && (ends_inside || reaches(falls.1, falls.0))
}

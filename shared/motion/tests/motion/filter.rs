//! The filter against `SciPy` and against laws that every zero-lag linear filter keeps.

use marey_motion::filter::Butterworth;
use marey_motion::gaps::{State, fill};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Goldens {
    filters: Vec<FilterCase>,
    gaps: Vec<GapCase>,
}

#[derive(Deserialize)]
struct FilterCase {
    order: usize,
    cutoff_hz: f64,
    rate_hz: f64,
    signal: Vec<f64>,
    filtered: Vec<f64>,
}

#[derive(Deserialize)]
struct GapCase {
    time_s: Vec<f64>,
    signal: Vec<f64>,
    missing: Vec<usize>,
    filled: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../reference/scipy.json")).unwrap()
}

fn rows(signal: &[f64]) -> Vec<[f64; 1]> {
    signal.iter().map(|&value| [value]).collect()
}

#[test]
fn filters_agree_with_scipy() {
    let cases = goldens().filters;
    assert_eq!(cases.len(), 7);
    for case in cases {
        let filter = Butterworth::lowpass(case.order, case.cutoff_hz, case.rate_hz).unwrap();
        let mut signal = rows(&case.signal);
        assert!(filter.filter_both_ways(&mut signal));
        let error = signal
            .iter()
            .zip(&case.filtered)
            .map(|(ours, scipy)| (ours[0] - scipy).abs());
        let error = error.fold(0.0, f64::max);
        assert!(error < 1e-9, "order {} at {} Hz: {error:e}", case.order, case.cutoff_hz);
    }
}

#[test]
fn short_gaps_are_filled_as_scipy_does() {
    for case in goldens().gaps {
        let mut signal = rows(&case.signal);
        let mut states = vec![State::Seen; signal.len()];
        for &frame in &case.missing {
            states[frame] = State::Missing;
            signal[frame] = [f64::NAN];
        }
        fill(&case.time_s, &mut signal, &mut states, 10.0);
        for (frame, (ours, scipy)) in signal.iter().zip(&case.filled).enumerate() {
            assert!((ours[0] - scipy).abs() < 1e-9, "frame {frame}: {} and {scipy}", ours[0]);
        }
    }
}

#[test]
fn impossible_filters_are_errors_that_say_why() {
    for (order, cutoff_hz, rate_hz) in [
        (0, 6.0, 30.0),
        (9, 6.0, 30.0),
        (2, 15.0, 30.0),
        (2, 0.0, 30.0),
        (2, f64::NAN, 30.0),
    ] {
        let error = Butterworth::lowpass(order, cutoff_hz, rate_hz).unwrap_err();
        assert_eq!(error.code(), "MOTION_INVALID_SETTINGS");
    }
}

#[test]
fn a_signal_no_longer_than_the_padding_is_left_alone() {
    let filter = Butterworth::lowpass(2, 6.0, 30.0).unwrap();
    let before: Vec<[f64; 2]> = (0..9).map(|frame| [f64::from(frame * frame), 1.0]).collect();
    let mut signal = before.clone();
    assert!(!filter.filter_both_ways(&mut signal));
    assert_eq!(signal, before);
    signal.push([3.0, 4.0]);
    assert!(filter.filter_both_ways(&mut signal));
}

fn filters() -> impl Strategy<Value = Butterworth> {
    (1..=8_usize, 0.05..0.45_f64).prop_map(|(order, share)| Butterworth::lowpass(order, share * 60.0, 60.0).unwrap())
}

fn signals() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1000.0..1000.0_f64, 40..90)
}

fn filtered(filter: &Butterworth, signal: &[f64]) -> Vec<f64> {
    let mut signal = rows(signal);
    assert!(filter.filter_both_ways(&mut signal));
    signal.into_iter().map(|row| row[0]).collect()
}

proptest! {
    #[test]
    fn the_filter_is_linear(filter in filters(), signals in (signals(), signals()), weights in (-3.0..3.0_f64, -3.0..3.0_f64)) {
        let mix: Vec<f64> = signals.0.iter().zip(&signals.1).map(|(a, b)| weights.0 * a + weights.1 * b).collect();
        let (one, other) = (filtered(&filter, &signals.0[..mix.len()]), filtered(&filter, &signals.1[..mix.len()]));
        for ((mixed, a), b) in filtered(&filter, &mix).iter().zip(one).zip(other) {
            prop_assert!((mixed - weights.0 * a - weights.1 * b).abs() < 1e-6);
        }
    }

    #[test]
    fn a_symmetric_pulse_stays_symmetric_and_in_place(filter in filters(), half in prop::collection::vec(0.0..100.0_f64, 4..9)) {
        // Far from both ends, so that only the filter's phase could move it.
        let mut signal = vec![0.0; 601];
        for (offset, value) in half.iter().enumerate() {
            signal[300 - offset] = *value;
            signal[300 + offset] = *value;
        }
        let signal = filtered(&filter, &signal);
        for offset in 1..=300 {
            prop_assert!((signal[300 - offset] - signal[300 + offset]).abs() < 1e-6);
        }
    }

    #[test]
    fn constants_and_straight_lines_are_kept(filter in filters(), level in -1e4..1e4_f64, slope in -10.0..10.0_f64) {
        let constant = filtered(&filter, &[level; 50]);
        prop_assert!(constant.iter().all(|value| (value - level).abs() < 1e-6));
        // A line is its own odd extension, so the ends do not bend it beyond the filter's settling.
        let line: Vec<f64> = (0..600).map(|frame| level + slope * f64::from(frame)).collect();
        for (after, before) in filtered(&filter, &line).iter().zip(&line).skip(200).take(200) {
            prop_assert!((after - before).abs() < 1e-4);
        }
    }

    #[test]
    fn signals_side_by_side_do_not_touch_each_other(filter in filters(), signal in signals(), other in signals()) {
        let frames = signal.len().min(other.len());
        let mut pair: Vec<[f64; 2]> = (0..frames).map(|frame| [signal[frame], other[frame]]).collect();
        prop_assert!(filter.filter_both_ways(&mut pair));
        let (alone, alone_too) = (filtered(&filter, &signal[..frames]), filtered(&filter, &other[..frames]));
        for (frame, row) in pair.iter().enumerate() {
            prop_assert!((row[0] - alone[frame]).abs() < 1e-9 && (row[1] - alone_too[frame]).abs() < 1e-9);
        }
    }

    #[test]
    fn filling_touches_no_frame_that_was_seen_and_no_long_gap(
        steps in prop::collection::vec((0.01..0.3_f64, any::<bool>()), 2..60),
        longest_gap_s in 0.0..0.6_f64,
    ) {
        let mut now_s = 0.0;
        let time_s: Vec<f64> = steps.iter().map(|(step_s, _)| { now_s += step_s; now_s }).collect();
        let before: Vec<[f64; 1]> = (0..steps.len()).map(|frame| [(frame * frame % 17) as f64]).collect();
        let seen: Vec<usize> = (0..steps.len()).filter(|&frame| steps[frame].1).collect();
        let mut states: Vec<State> = steps.iter().map(|step| if step.1 { State::Seen } else { State::Missing }).collect();
        let mut after = before.clone();
        fill(&time_s, &mut after, &mut states, longest_gap_s);
        for frame in 0..steps.len() {
            let last = seen.iter().copied().rfind(|&seen| seen <= frame);
            let next = seen.iter().copied().find(|&seen| seen >= frame);
            let expected = match (last, next) {
                (Some(last), Some(next)) if last == next => State::Seen,
                (Some(last), Some(next)) if time_s[next] - time_s[last] <= longest_gap_s => State::Filled,
                _ => State::Missing,
            };
            prop_assert_eq!(states[frame], expected);
            if let (State::Filled, Some(last), Some(next)) = (expected, last, next) {
                let (low, high) = (before[last][0].min(before[next][0]), before[last][0].max(before[next][0]));
                prop_assert!((low - 1e-9..=high + 1e-9).contains(&after[frame][0]), "the curve overshoots");
            } else {
                prop_assert_eq!(after[frame].map(f64::to_bits), before[frame].map(f64::to_bits));
            }
        }
    }
}

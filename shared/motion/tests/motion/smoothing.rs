//! Every filter, gap curve and outlier rule against the program that it is named after, and against laws that hold for any
//! signal.

use marey_motion::filter::{
    Filter, gaussian, gcv_spline, kalman, lambda_of_cutoff, loess, median, one_euro, smoothing_spline,
};
use marey_motion::gaps::{GapCurve, State};
use marey_motion::{Hampel, Settings};
use proptest::prelude::*;
use serde::Deserialize;

/// The greatest difference that is taken for agreement.
const TOLERANCE: f64 = 1e-9;

#[derive(Deserialize)]
struct Goldens {
    one_euro: Vec<Case<OneEuro>>,
    kalman: Vec<Case<Kalman>>,
    loess: Vec<Case<Loess>>,
    gaussian: Vec<Case<Gaussian>>,
    median: Vec<Case<Median>>,
    spline: Vec<Case<Spline>>,
    gcv: Vec<Case<Gcv>>,
    outliers: Vec<OutlierCase>,
    gaps: Vec<GapCase>,
}

#[derive(Deserialize)]
struct Case<T> {
    #[serde(flatten)]
    parameters: T,
    time_s: Vec<f64>,
    signal: Vec<f64>,
    smooth: Vec<f64>,
}

#[derive(Deserialize)]
struct OneEuro {
    min_cutoff_hz: f64,
    beta: f64,
    derivative_cutoff_hz: f64,
}

#[derive(Deserialize)]
struct Kalman {
    trust_ratio: f64,
}

#[derive(Deserialize)]
struct Loess {
    window_frames: usize,
    iterations: usize,
}

#[derive(Deserialize)]
struct Gaussian {
    sigma_frames: f64,
}

#[derive(Deserialize)]
struct Median {
    reach_frames: usize,
}

#[derive(Deserialize)]
struct Spline {
    cutoff_hz: f64,
    lambda_s3: f64,
}

#[derive(Deserialize)]
struct Gcv {}

#[derive(Deserialize)]
struct OutlierCase {
    reach_frames: usize,
    sigmas: f64,
    signal: Vec<f64>,
    outliers: Vec<usize>,
}

#[derive(Deserialize)]
struct GapCase {
    time_s: Vec<f64>,
    signal: Vec<f64>,
    missing: Vec<usize>,
    cubic: Vec<f64>,
    linear: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../reference/cleaning.json")).unwrap()
}

/// The signal twice, once upside down and tenfold, so that mixed lanes show.
fn rows(signal: &[f64]) -> Vec<[f64; 2]> {
    signal.iter().map(|&value| [value, -10.0 * value]).collect()
}

/// Compares both lanes with the expected signal, and tells the greatest difference.
fn greatest_difference(rows: &[[f64; 2]], expected: &[f64]) -> f64 {
    assert_eq!(rows.len(), expected.len());
    let differences = rows
        .iter()
        .zip(expected)
        .map(|(ours, theirs)| (ours[0] - theirs).abs().max((ours[1] / -10.0 - theirs).abs()));
    differences.fold(0.0, f64::max)
}

fn agree<T>(name: &str, cases: &[Case<T>], tolerance: f64, smooth: impl Fn(&T, &[f64], &mut [[f64; 2]])) {
    let mut greatest = 0.0_f64;
    for case in cases {
        let mut rows = rows(&case.signal);
        smooth(&case.parameters, &case.time_s, &mut rows);
        greatest = greatest.max(greatest_difference(&rows, &case.smooth));
    }
    eprintln!("{name}: greatest difference {greatest:e}");
    assert!(!cases.is_empty() && greatest < tolerance, "{name}: {greatest:e}");
}

#[test]
fn one_euro_agrees_with_its_authors_package() {
    agree("one-euro", &goldens().one_euro, TOLERANCE, |settings, time_s, rows| {
        let beta = [settings.beta, settings.beta / 10.0];
        one_euro(
            time_s,
            rows,
            settings.min_cutoff_hz,
            &beta,
            settings.derivative_cutoff_hz,
        );
    });
}

#[test]
fn the_kalman_smoother_agrees_with_filterpy() {
    agree("Kalman", &goldens().kalman, TOLERANCE, |settings, time_s, rows| {
        kalman(time_s, rows, settings.trust_ratio);
    });
}

#[test]
fn loess_agrees_with_statsmodels() {
    agree("LOESS", &goldens().loess, TOLERANCE, |settings, time_s, rows| {
        assert!(loess(time_s, rows, settings.window_frames, settings.iterations));
    });
}

#[test]
fn the_gaussian_agrees_with_scipy() {
    agree("Gaussian", &goldens().gaussian, TOLERANCE, |settings, _, rows| {
        gaussian(rows, settings.sigma_frames);
    });
}

#[test]
fn the_median_agrees_with_scipy() {
    agree("median", &goldens().median, TOLERANCE, |settings, _, rows| {
        median(rows, settings.reach_frames);
    });
}

#[test]
fn the_smoothing_spline_agrees_with_scipy() {
    agree("spline", &goldens().spline, TOLERANCE, |settings, time_s, rows| {
        let rate_hz = (time_s.len() - 1) as f64 / (time_s[time_s.len() - 1] - time_s[0]);
        let lambda = lambda_of_cutoff(settings.cutoff_hz, rate_hz);
        assert!((lambda / settings.lambda_s3 - 1.0).abs() < 1e-12);
        assert!(smoothing_spline(time_s, rows, lambda));
    });
}

/// `SciPy` ends its search for λ within 1e-5, so the curves differ by what that makes.
#[test]
fn cross_validation_finds_what_scipy_finds() {
    agree("GCV", &goldens().gcv, 1e-4, |_, time_s, rows| {
        // Marey looks for cut-offs in hertz, so that frames must be seconds apart for the bounds to enclose λ.
        let seconds: Vec<f64> = time_s.iter().map(|frame| frame / 30.0).collect();
        assert!(gcv_spline(&seconds, rows).is_some());
    });
}

#[test]
fn outliers_are_those_of_the_named_rule() {
    for case in goldens().outliers {
        let rule = Hampel {
            reach_frames: case.reach_frames,
            sigmas: case.sigmas,
        };
        assert!(!case.outliers.is_empty());
        assert_eq!(rule.outliers(&case.signal), case.outliers);
    }
}

#[test]
fn gaps_are_filled_as_scipy_does() {
    for case in goldens().gaps {
        for (curve, expected) in [(GapCurve::Cubic, &case.cubic), (GapCurve::Linear, &case.linear)] {
            let mut rows = rows(&case.signal);
            let mut states = vec![State::Seen; rows.len()];
            for &frame in &case.missing {
                states[frame] = State::Missing;
                rows[frame] = [f64::NAN; 2];
            }
            curve.fill(&case.time_s, &mut rows, &mut states, 10.0);
            let greatest = greatest_difference(&rows, expected);
            println!("{curve}: greatest difference {greatest:e}");
            assert!(greatest < TOLERANCE, "{curve}: {greatest:e}");
        }
    }
}

#[test]
fn signals_that_are_too_short_are_left_alone() {
    let time_s: Vec<f64> = (0..4).map(f64::from).collect();
    let before = rows(&[3.0, 1.0, 4.0, 1.0]);
    let mut after = before.clone();
    assert!(!loess(&time_s, &mut after, 5, 0));
    assert!(!smoothing_spline(&time_s, &mut after, 1.0));
    assert_eq!(gcv_spline(&time_s, &mut after), None);
    assert_eq!(after, before);
    assert!(Hampel::default().outliers(&[0.0, 0.0, 9.0, 0.0]).is_empty());
}

#[test]
fn a_smoothing_spline_passes_half_of_a_movement_at_its_cut_off() {
    let time_s: Vec<f64> = (0..1200).map(|frame| f64::from(frame) / 60.0).collect();
    for cutoff_hz in [2.0, 6.0] {
        let wave = |moment_s: &f64| (std::f64::consts::TAU * cutoff_hz * moment_s).sin();
        let mut rows: Vec<[f64; 1]> = time_s.iter().map(|moment_s| [wave(moment_s)]).collect();
        assert!(smoothing_spline(&time_s, &mut rows, lambda_of_cutoff(cutoff_hz, 60.0)));
        for (row, moment_s) in rows.iter().zip(&time_s).skip(400).take(400) {
            assert!(
                (row[0] - 0.5 * wave(moment_s)).abs() < 0.01,
                "{} at {moment_s} s",
                row[0]
            );
        }
    }
}

#[test]
fn the_kalman_smoother_passes_half_of_a_movement_where_its_documentation_says() {
    let (rate_hz, trust_ratio) = (120.0, 500.0_f64);
    let speed = (trust_ratio * rate_hz).cbrt();
    let wave = |frame: f64| (speed * frame / rate_hz).sin();
    let time_s: Vec<f64> = (0..1200).map(|frame| f64::from(frame) / rate_hz).collect();
    let mut rows: Vec<[f64; 1]> = (0..1200).map(|frame| [wave(f64::from(frame))]).collect();
    kalman(&time_s, &mut rows, trust_ratio);
    for (frame, [left]) in rows.iter().enumerate().take(800).skip(400) {
        let whole = wave(frame as f64);
        assert!((left - 0.5 * whole).abs() < 0.02, "{left} of {whole}");
    }
}

/// What the one-euro filter's documentation warns of.
#[test]
fn one_euro_lags_and_the_others_do_not() {
    let time_s: Vec<f64> = (0..300).map(|frame| f64::from(frame) / 30.0).collect();
    let ramp: Vec<[f64; 1]> = time_s.iter().map(|moment_s| [100.0 * moment_s]).collect();
    let late_by_s = |smooth: &dyn Fn(&mut [[f64; 1]])| {
        let mut rows = ramp.clone();
        smooth(&mut rows);
        (ramp[150][0] - rows[150][0]) / 100.0
    };
    assert!(late_by_s(&|rows| one_euro(&time_s, rows, 2.0, &[0.0], 1.0)) > 0.05);
    assert!(late_by_s(&|rows| kalman(&time_s, rows, 500.0)).abs() < 1e-6);
    assert!(late_by_s(&|rows| assert!(loess(&time_s, rows, 9, 2))).abs() < 1e-6);
    assert!(late_by_s(&|rows| gaussian(rows, 2.0)).abs() < 1e-6);
    assert!(late_by_s(&|rows| assert!(gcv_spline(&time_s, rows).is_some())).abs() < 1e-6);
}

/// Times that increase strictly, and values of every size that a coordinate may have.
fn signals() -> impl Strategy<Value = (Vec<f64>, Vec<[f64; 2]>)> {
    let value = prop_oneof![
        4 => -1e4..1e4_f64,
        1 => Just(0.0),
        1 => -3e38..3e38_f64,
    ];
    prop::collection::vec((0.001..2.0_f64, [value.clone(), value]), 0..60).prop_map(|samples| {
        let mut now_s = 0.0;
        let times = samples.iter().map(|(step_s, _)| {
            now_s += step_s;
            now_s
        });
        let times = times.collect();
        (times, samples.into_iter().map(|(_, row)| row).collect())
    })
}

/// A filter and its name.
type Smooth<'a, const N: usize> = (&'a str, &'a dyn Fn(&mut [[f64; N]]));

proptest! {
    #[test]
    fn no_signal_makes_a_filter_panic_or_give_what_is_no_number(
        (time_s, before) in signals(),
        (reach, window, iterations) in (1..20_usize, 3..30_usize, 0..4_usize),
        (cutoff_hz, beta, sigma, trust) in (0.01..100.0_f64, 0.0..10.0_f64, 0.01..100.0_f64, 1.0..1e5_f64),
    ) {
        let smooths: [Smooth<'_, 2>; 7] = [
            ("one_euro", &|rows| one_euro(&time_s, rows, cutoff_hz, &[beta, 0.0], cutoff_hz)),
            ("kalman", &|rows| kalman(&time_s, rows, trust)),
            ("loess", &|rows| assert_eq!(loess(&time_s, rows, window, iterations), rows.len() >= window)),
            ("gaussian", &|rows| gaussian(rows, sigma)),
            ("median", &|rows| median(rows, reach)),
            ("spline", &|rows| {
                assert_eq!(smoothing_spline(&time_s, rows, lambda_of_cutoff(cutoff_hz, 30.0)), rows.len() >= 5);
            }),
            ("gcv", &|rows| assert_eq!(gcv_spline(&time_s, rows).is_some(), rows.len() >= 5)),
        ];
        for (name, smooth) in smooths {
            let mut after = before.clone();
            smooth(&mut after);
            prop_assert_eq!(after.len(), before.len());
            prop_assert!(after.iter().flatten().all(|value| value.is_finite()), "{}: {:?}", name, after);
        }
        let signal: Vec<f64> = before.iter().map(|row| row[0]).collect();
        let outliers = Hampel { reach_frames: reach, sigmas: beta + 0.1 }.outliers(&signal);
        prop_assert!(outliers.iter().all(|&place| place >= reach && place + reach < signal.len()));
    }

    /// A straight movement is what every one of these takes for smooth, however uneven the frames.
    #[test]
    fn a_straight_line_is_kept_at_uneven_times(
        steps_s in prop::collection::vec(0.01..0.2_f64, 12..60), level in -1e3..1e3_f64, slope in -1e3..1e3_f64,
    ) {
        let mut now_s = 0.0;
        let time_s: Vec<f64> = steps_s.iter().map(|step_s| { now_s += step_s; now_s }).collect();
        let line: Vec<[f64; 1]> = time_s.iter().map(|moment_s| [level + slope * moment_s]).collect();
        let smooths: [Smooth<'_, 1>; 4] = [
            ("loess", &|rows| assert!(loess(&time_s, rows, 7, 0))),
            ("robust loess", &|rows| assert!(loess(&time_s, rows, 12, 2))),
            ("spline", &|rows| assert!(smoothing_spline(&time_s, rows, 1e-3))),
            ("gcv", &|rows| assert!(gcv_spline(&time_s, rows).is_some())),
        ];
        for (name, smooth) in smooths {
            let mut after = line.clone();
            smooth(&mut after);
            for (row, before) in after.iter().zip(&line) {
                prop_assert!((row[0] - before[0]).abs() < 1e-6, "{}: {} and {}", name, row[0], before[0]);
            }
        }
    }

    #[test]
    fn gap_curves_fill_the_same_frames_and_touch_no_other(
        steps in prop::collection::vec((0.01..0.3_f64, any::<bool>()), 0..60), longest_gap_s in 0.0..0.6_f64,
    ) {
        let mut now_s = 0.0;
        let time_s: Vec<f64> = steps.iter().map(|(step_s, _)| { now_s += step_s; now_s }).collect();
        let before: Vec<[f64; 1]> = (0..steps.len()).map(|frame| [(frame * frame % 17) as f64]).collect();
        let seen: Vec<State> = steps.iter().map(|step| if step.1 { State::Seen } else { State::Missing }).collect();
        let filled = [GapCurve::Pchip, GapCurve::Linear, GapCurve::Cubic].map(|curve| {
            let (mut rows, mut states) = (before.clone(), seen.clone());
            curve.fill(&time_s, &mut rows, &mut states, longest_gap_s);
            for (frame, row) in rows.iter().enumerate() {
                assert!(row[0].is_finite());
                assert!(states[frame] == State::Filled || row[0].to_bits() == before[frame][0].to_bits());
            }
            states
        });
        prop_assert_eq!(&filled[0], &filled[1]);
        prop_assert_eq!(&filled[0], &filled[2]);
    }
}

#[test]
fn settings_of_the_first_layout_are_read_as_what_they_meant() {
    let read = |json: &str| serde_json::from_str::<Settings>(json);
    let old = r#"{"minimum_visibility":0.4,"longest_gap_s":0.1,"cutoff_hz":4.5,"order":3}"#;
    let new = r#"{"minimum_visibility":0.4,"longest_gap_s":0.1,
        "filter":{"kind":"butterworth","cutoff_hz":4.5,"order":3}}"#;
    assert_eq!(read(old).unwrap(), read(new).unwrap());
    let unfiltered = r#"{"minimum_visibility":0.3,"longest_gap_s":0.2,"cutoff_hz":null,"order":2}"#;
    assert_eq!(read(unfiltered).unwrap().filter, Filter::None);
    assert_eq!(read("{}").unwrap(), Settings::default());
    assert_eq!(read(r#"{"order":2}"#).unwrap(), Settings::default());
    for wrong in [
        r#"{"cutoff_hz":6,"filter":{"kind":"none"}}"#,
        r#"{"filter":{"kind":"loess","cutoff_hz":6}}"#,
        r#"{"filter":{"kind":"magic"}}"#,
        r#"{"smoothness":1}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let settings = Settings {
        outliers: Some(Hampel::default()),
        gap_curve: GapCurve::Cubic,
        filter: read(r#"{"filter":{"kind":"gcv_spline"}}"#).unwrap().filter,
        ..Settings::default()
    };
    assert_eq!(read(&serde_json::to_string(&settings).unwrap()).unwrap(), settings);
}

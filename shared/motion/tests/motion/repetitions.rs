//! Repetitions against `SciPy` and `NeuroPose`, on known movements, and the laws that cutting keeps.

#![expect(clippy::float_cmp, reason = "the same values in are the same values out")]

use marey_motion::findings::{Event, EventKind};
use marey_motion::repetitions::{
    AngleOf, Axis, Configuration, Criteria, Different, GaitCycles, Movement, Segmentation, Signal, Valley, find_peaks,
    gait_cycles, normalized, repeatability, segment,
};
use marey_motion::{
    Angle, AngleSeries, Findings, Landmark, MotionError, PersonAnalysis, Point, Pose, Repetitions, Side, Space, Spaces,
};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{Figure, even_s, recording};

#[derive(Deserialize)]
struct Goldens {
    peaks: Vec<PeakCase>,
    cuts: Vec<CutCase>,
    poses: Poses,
    ensemble: Ensemble,
}

#[derive(Deserialize)]
struct PeakCase {
    values: Vec<f64>,
    minimum_height: Option<f64>,
    minimum_distance_s: f64,
    minimum_prominence: f64,
    peaks: Vec<usize>,
    prominences: Vec<f64>,
}

#[derive(Deserialize)]
struct CutCase {
    values: Vec<f64>,
    minimum_distance_s: f64,
    minimum_prominence: f64,
    minimum_height: Option<f64>,
    pad_s: f64,
    segments: Vec<[usize; 3]>,
}

#[derive(Deserialize)]
struct Poses {
    joints: Vec<String>,
    rate_hz: f64,
    places: Vec<Vec<[f32; 3]>>,
    cases: Vec<PoseCase>,
}

#[derive(Deserialize)]
struct PoseCase {
    name: String,
    options: Options,
    values: Vec<f64>,
    segments: Vec<[usize; 3]>,
}

#[derive(Deserialize)]
struct Options {
    #[serde(default)]
    min_distance_seconds: f64,
    #[serde(default)]
    min_prominence: f64,
    min_height: Option<f64>,
    #[serde(default)]
    pad_seconds: f64,
}

#[derive(Deserialize)]
struct Ensemble {
    time_s: Vec<f64>,
    values: Vec<f64>,
    ends_s: Vec<[f64; 2]>,
    mean: Vec<f64>,
    sd: Vec<f64>,
    repeatability: f64,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../reference/repetitions.json")).unwrap()
}

/// The signal that stands for itself in most tests.
const KNEE: Signal = Signal::angle(Angle::KneeFlexion, Some(Side::Left), Space::Image);

/// A person of whom nothing is known but one knee's angle.
fn person(value_deg: Vec<Option<f64>>) -> PersonAnalysis {
    PersonAnalysis {
        id: 0,
        frames_seen: value_deg.len(),
        poses: vec![None; value_deg.len()],
        angles: vec![AngleSeries {
            angle: Angle::KneeFlexion,
            side: Some(Side::Left),
            space: Space::Image,
            raw_deg: value_deg.clone(),
            value_deg,
            range: None,
        }],
        camera_plane: None,
        findings: Findings::default(),
    }
}

fn cut(time_s: &[f64], values: &[f64], how: &Segmentation) -> Repetitions {
    let person = person(values.iter().copied().map(Some).collect());
    segment(&movement(time_s, &person), how).unwrap()
}

fn movement<'a>(time_s: &'a [f64], person: &'a PersonAnalysis) -> Movement<'a> {
    Movement {
        time_s,
        person,
        spaces: Spaces::Both,
        minimum_visibility: 0.3,
        longest_gap_s: 0.2,
    }
}

fn triples(found: &Repetitions) -> Vec<[usize; 3]> {
    found
        .segments
        .iter()
        .map(|one| [one.start, one.peak, one.end])
        .collect()
}

#[test]
fn peaks_are_those_of_scipy() {
    let cases = goldens().peaks;
    assert_eq!(cases.len(), 7);
    for case in cases {
        let criteria = Criteria {
            minimum_height: case.minimum_height,
            minimum_distance_s: case.minimum_distance_s,
            minimum_prominence: case.minimum_prominence,
        };
        let found = find_peaks(&case.values, &even_s(case.values.len(), 1.0), &criteria);
        assert_eq!(
            found.iter().map(|peak| peak.index).collect::<Vec<_>>(),
            case.peaks,
            "{criteria:?}"
        );
        for (peak, theirs) in found.iter().zip(&case.prominences) {
            assert!((peak.prominence - theirs).abs() < 1e-12, "{peak:?} {theirs}");
        }
    }
}

#[test]
fn signals_are_cut_as_neuropose_cuts_them() {
    let cases = goldens().cuts;
    assert_eq!(cases.len(), 6);
    assert!(cases[..5].iter().all(|case| case.segments.len() > 2));
    for case in cases {
        let how = Segmentation {
            minimum_distance_s: case.minimum_distance_s,
            minimum_prominence: case.minimum_prominence,
            minimum_height: case.minimum_height,
            pad_s: case.pad_s,
            ..Segmentation::as_neuropose(KNEE)
        };
        let found = cut(&even_s(case.values.len(), 1.0), &case.values, &how);
        assert_eq!(triples(&found), case.segments, "{how:?}");
        assert_eq!(found.withheld.is_some(), case.segments.is_empty());
    }
}

/// The golden's poses as a person: the five joints in their places, in the world.
fn posed(poses: &Poses) -> PersonAnalysis {
    let landmarks: Vec<Landmark> = poses
        .joints
        .iter()
        .map(|name| Landmark::from_name(name).unwrap())
        .collect();
    let pose = |places: &Vec<[f32; 3]>| {
        let mut points = Figure::default().pose().points;
        for (landmark, [x_m, y_m, z_m]) in landmarks.iter().zip(places) {
            let point = points[landmark.index()];
            points[landmark.index()] = Point {
                x_m: *x_m,
                y_m: *y_m,
                z_m: *z_m,
                ..point
            };
        }
        Some(Pose { score: 1.0, points })
    };
    PersonAnalysis {
        poses: poses.places.iter().map(pose).collect(),
        ..person(vec![None; poses.places.len()])
    }
}

#[test]
fn the_four_signals_are_those_of_neuropose() {
    use Landmark::{RightAnkle, RightHeel, RightHip, RightKnee, RightWrist};
    let poses = goldens().poses;
    let person = posed(&poses);
    let time_s = even_s(poses.places.len(), poses.rate_hz);
    let movement = movement(&time_s, &person);
    let (axis, space) = (Axis::Y, Space::World);
    let pair = Different::new([RightWrist, RightHip]).unwrap();
    let triplet = Different::new([RightHip, RightKnee, RightAnkle]).unwrap();
    assert_eq!(poses.cases.len(), 6);
    for case in &poses.cases {
        // Marey's unit for one of NeuroPose's, and the frames that Marey gives no value.
        let (signal, unit, unknown) = match case.name.as_str() {
            "joint_axis" | "joint_axis_inverted" => (
                Signal::JointAxis {
                    landmark: RightWrist,
                    axis,
                    space,
                },
                1.0,
                0,
            ),
            "heel" => (
                Signal::JointAxis {
                    landmark: RightHeel,
                    axis,
                    space,
                },
                1.0,
                0,
            ),
            "joint_pair_distance" => (Signal::JointPairDistance { landmarks: pair, space }, 1.0, 0),
            "joint_speed" => (
                Signal::JointSpeed {
                    landmark: RightWrist,
                    space,
                },
                poses.rate_hz,
                1,
            ),
            _ => (
                Signal::JointAngle(AngleOf::Landmarks {
                    landmarks: triplet,
                    space,
                }),
                180.0 / std::f64::consts::PI,
                0,
            ),
        };
        let invert = case.name.ends_with("inverted");
        let sign = if invert { -1.0 } else { 1.0 };
        let values = signal.values(&movement);
        assert!(values[..unknown].iter().all(Option::is_none));
        for (ours, theirs) in values.iter().zip(&case.values).skip(unknown) {
            assert!(
                (ours.unwrap() * sign - theirs * unit).abs() < 1e-9,
                "{}: {ours:?} {theirs}",
                case.name
            );
        }
        let how = Segmentation {
            invert,
            minimum_distance_s: case.options.min_distance_seconds,
            minimum_prominence: case.options.min_prominence * unit,
            minimum_height: case.options.min_height.map(|height| height * unit),
            pad_s: case.options.pad_seconds,
            ..Segmentation::as_neuropose(signal)
        };
        let found = segment(&movement, &how).unwrap();
        let mut theirs = case.segments.clone();
        // A speed begins with the second frame; NeuroPose puts a 0 before it.
        for [start, ..] in &mut theirs {
            *start = (*start).max(unknown);
        }
        assert!(theirs.len() >= 3);
        assert_eq!(triples(&found), theirs, "{}", case.name);
    }
}

#[test]
fn ensembles_are_those_of_numpy() {
    let golden = goldens().ensemble;
    let values: Vec<Option<f64>> = golden.values.iter().copied().map(Some).collect();
    let cycle = |ends: &[f64; 2]| normalized(&golden.time_s, &values, ends[0], ends[1]).unwrap();
    let cycles: Vec<_> = golden.ends_s.iter().map(cycle).collect();
    assert!((repeatability(&cycles).unwrap() - golden.repeatability).abs() < 1e-12);
    let mut person = person(values);
    let strike = |time_s: f64| Event {
        kind: EventKind::HeelStrike,
        side: Some(Side::Left),
        time_s,
        confidence: 1.0,
    };
    // The golden's three cycles do not follow each other, so each is found by itself.
    for (ends, cycle) in golden.ends_s.iter().zip(&cycles) {
        person.findings.events = ends.iter().copied().map(strike).collect();
        let movement = movement(&golden.time_s, &person);
        let found = gait_cycles(&movement, &person.findings.events, &GaitCycles::of(Side::Left)).unwrap();
        assert_eq!(found.segments.len(), 1);
        let close = found.curves[0]
            .mean_deg
            .iter()
            .zip(cycle)
            .all(|(ours, theirs)| (ours - theirs).abs() < 1e-12);
        assert!(close && found.curves[0].count == 1);
    }
    for percent in 0..101 {
        let column: Vec<f64> = cycles.iter().map(|cycle| cycle[percent]).collect();
        let mean = column.iter().sum::<f64>() / 3.0;
        let sd = (column.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
        assert!((mean - golden.mean[percent]).abs() < 1e-10 && (sd - golden.sd[percent]).abs() < 1e-10);
    }
}

#[test]
fn curves_have_the_mean_and_spread_of_the_whole_repetitions() {
    // Three bumps of 40, 50 and 60 degrees, of 1.0, 1.5 and 2.0 s.
    let time_s = even_s(136, 30.0);
    let bump = |time: f64| {
        let bumps = [(0.0, 1.0, 40.0), (1.0, 2.5, 50.0), (2.5, 4.5, 60.0)];
        let inside = bumps.iter().find(|(from, to, _)| (*from..*to).contains(&time));
        inside.map_or(0.0, |(from, to, height)| {
            height * (std::f64::consts::PI * (time - from) / (to - from)).sin().powi(2)
        })
    };
    let values: Vec<f64> = time_s.iter().map(|&time| bump(time)).collect();
    let found = cut(&time_s, &values, &Segmentation::of(KNEE));
    assert_eq!(triples(&found), [[0, 15, 31], [30, 52, 76], [75, 105, 136]]);
    let durations_s: Vec<f64> = found
        .segments
        .iter()
        .map(marey_motion::Repetition::duration_s)
        .collect();
    assert!(
        durations_s
            .iter()
            .zip([1.0, 1.5, 2.0])
            .all(|(ours, true_s)| (ours - true_s).abs() < 1e-9)
    );
    let [curve] = &found.curves[..] else {
        panic!("{:?}", found.curves)
    };
    assert_eq!(
        (curve.series.as_str(), curve.count, curve.mean_deg.len()),
        ("left_knee_flexion_image", 3, 101)
    );
    assert!((curve.mean_deg[50] - 50.0).abs() < 0.1 && (curve.sd_deg[50] - 10.0).abs() < 0.1);
    assert!(curve.mean_deg[0].abs() < 1e-9 && curve.sd_deg[100].abs() < 1e-9);
}

#[test]
fn ripples_and_rests_belong_to_no_repetition() {
    // Two movements of 2 s with a rest of 3 s before, between and after them, and a ripple on the flanks.
    let time_s = even_s(391, 30.0);
    let value = |time: f64| {
        let phase = time % 5.0 - 3.0;
        let ripple = (40.0 * time).sin();
        if phase < 0.0 {
            2.0 + 0.5 * ripple
        } else {
            2.0 + 90.0 * (std::f64::consts::PI * phase / 2.0).sin().powi(2) + 2.0 * ripple
        }
    };
    let values: Vec<f64> = time_s.iter().map(|&time| value(time)).collect();
    let how = Segmentation {
        minimum_prominence: 30.0,
        ..Segmentation::of(KNEE)
    };
    let found = cut(&time_s, &values, &how);
    assert_eq!(found.segments.len(), 2);
    for (one, from_s) in found.segments.iter().zip([3.0, 8.0]) {
        assert!(
            (one.start_s - from_s).abs() < 0.4 && (one.end_s - from_s - 2.0).abs() < 0.4,
            "{one:?}"
        );
        assert!(one.duration_s() > 1.4 && one.whole);
    }
    // NeuroPose's rule takes the first ripple for a valley.
    let nearest = Segmentation {
        valley: Valley::Nearest,
        ..how
    };
    assert!(
        cut(&time_s, &values, &nearest)
            .segments
            .iter()
            .all(|one| one.duration_s() < 0.7)
    );
}

#[test]
fn what_the_recording_cuts_off_is_partial() {
    let time_s = even_s(300, 30.0);
    // Period 2 s: the first begins half way up, the last ends half way down.
    let value = |time: f64| 50.0 - 50.0 * (std::f64::consts::PI * (time + 0.6)).cos();
    let values: Vec<f64> = time_s.iter().map(|&time| value(time)).collect();
    let how = Segmentation {
        minimum_prominence: 20.0,
        ..Segmentation::of(KNEE)
    };
    let found = cut(&time_s, &values, &how);
    assert_eq!((found.segments.len(), found.partial), (4, 1));
    assert!(
        found
            .segments
            .iter()
            .all(|one| one.whole && (one.duration_s() - 2.0).abs() < 0.04)
    );
    let kept = cut(
        &time_s,
        &values,
        &Segmentation {
            keep_partial: true,
            ..how.clone()
        },
    );
    let whole: Vec<bool> = kept.segments.iter().map(|one| one.whole).collect();
    assert_eq!(whole, [false, true, true, true, true]);
    // A recording that holds nothing but a part says so.
    let part = cut(&time_s[..35], &values[..35], &how);
    assert!(part.segments.is_empty() && part.withheld.unwrap().contains("begins, ends or is interrupted"));
}

#[test]
fn nothing_reaches_across_a_gap() {
    let time_s = even_s(240, 30.0);
    let mut values: Vec<Option<f64>> = time_s
        .iter()
        .map(|&time| Some(50.0 - 50.0 * (std::f64::consts::PI * time).cos()))
        .collect();
    values[75..95].fill(None);
    let person = person(values);
    let found = segment(&movement(&time_s, &person), &Segmentation::of(KNEE)).unwrap();
    // The second of four repetitions is interrupted; what is left of it has a peak neither before nor after the gap.
    assert_eq!(triples(&found), [[0, 30, 61], [120, 150, 181], [180, 210, 240]]);
    assert_eq!(found.curves[0].count, 3);
    let unseen = Signal::JointSpeed {
        landmark: Landmark::Nose,
        space: Space::Image,
    };
    let nothing = segment(&movement(&time_s, &person), &Segmentation::of(unseen)).unwrap();
    assert!(nothing.withheld.unwrap().contains("no value in any frame"));
}

#[test]
fn durations_are_in_seconds_whatever_the_frame_rate() {
    // The same movement with frames 20 to 80 ms apart: repetitions of 0.8 and of 1.6 s, in turn.
    let mut time_s: Vec<f64> = vec![0.0];
    while time_s[time_s.len() - 1] < 12.0 {
        let last = time_s[time_s.len() - 1];
        time_s.push(last + 0.05 + 0.03 * (7.3 * last).sin());
    }
    let value = |time: f64| {
        let phase = time % 2.4;
        let share = if phase < 0.8 { phase / 0.8 } else { (phase - 0.8) / 1.6 };
        40.0 * (std::f64::consts::PI * share).sin().powi(2)
    };
    let values: Vec<f64> = time_s.iter().map(|&time| value(time)).collect();
    let how = Segmentation {
        minimum_prominence: 10.0,
        ..Segmentation::of(KNEE)
    };
    let all = cut(&time_s, &values, &how);
    assert_eq!(all.segments.len(), 10);
    let long = cut(
        &time_s,
        &values,
        &Segmentation {
            minimum_duration_s: 1.2,
            ..how.clone()
        },
    );
    assert_eq!(long.segments.len(), 5);
    assert!(
        long.segments.iter().all(|one| (one.duration_s() - 1.6).abs() < 0.25),
        "{:?}",
        long.segments
    );
    // Peaks are 1.2 s apart in turn with 1.2 s: at 1.3 s every other one goes.
    let apart = cut(
        &time_s,
        &values,
        &Segmentation {
            minimum_distance_s: 1.3,
            ..how
        },
    );
    assert!(
        apart
            .segments
            .windows(2)
            .all(|pair| pair[1].peak_s - pair[0].peak_s >= 1.3)
    );
    assert!(apart.segments.len() < 8);
}

#[test]
fn smoothing_takes_noise_away_on_even_and_uneven_frames() {
    let noise = |frame: usize| 6.0 * ((frame * 7919 % 101) as f64 / 50.0 - 1.0);
    for stretch in [0.0, 0.004] {
        let time_s: Vec<f64> = (0..300)
            .map(|frame| f64::from(frame) / 50.0 + stretch * f64::from(frame % 3))
            .collect();
        let value =
            |(frame, time): (usize, &f64)| 30.0 - 30.0 * (2.0 * std::f64::consts::PI * time).cos() + noise(frame);
        let values: Vec<f64> = time_s.iter().enumerate().map(value).collect();
        assert!(cut(&time_s, &values, &Segmentation::of(KNEE)).segments.len() > 40);
        let smooth = Segmentation {
            smooth_hz: Some(3.0),
            minimum_prominence: 5.0,
            ..Segmentation::of(KNEE)
        };
        let found = cut(&time_s, &values, &smooth).segments;
        assert!((5..=6).contains(&found.len()), "{}", found.len());
        assert!(
            found.iter().all(|one| (one.peak_s.fract() - 0.5).abs() < 0.1),
            "{found:?}"
        );
    }
}

#[test]
fn gait_cycles_begin_and_end_with_heel_strikes() {
    let time_s = even_s(150, 30.0);
    let knee = |time: f64| Some(30.0 - 30.0 * (2.0 * std::f64::consts::PI * (time - 0.33)).cos());
    let mut person = person(time_s.iter().map(|&time| knee(time)).collect());
    let strike = |side: Side, time_s: f64| Event {
        kind: EventKind::HeelStrike,
        side: Some(side),
        time_s,
        confidence: 1.0,
    };
    // Out of order, with a strike twice and one of the other foot.
    person.findings.events = [3.35, 0.33, 1.34, 2.32, 3.36]
        .map(|time_s| strike(Side::Left, time_s))
        .to_vec();
    person.findings.events.push(strike(Side::Right, 0.8));
    let movement = movement(&time_s, &person);
    let left = gait_cycles(&movement, &person.findings.events, &GaitCycles::of(Side::Left)).unwrap();
    let times: Vec<_> = left.segments.iter().map(|one| (one.start_s, one.end_s)).collect();
    assert_eq!(times, [(0.33, 1.34), (1.34, 2.32), (2.32, 3.35)]);
    for one in &left.segments {
        assert!(time_s[one.start] >= one.start_s && time_s[one.end - 1] <= one.end_s);
        assert!((one.peak_s - one.start_s - 0.5).abs() < 0.05 && one.prominence > 55.0);
    }
    assert_eq!(
        (left.curves[0].count, left.configuration.clone()),
        (3, Some(Configuration::HeelStrikesV1(GaitCycles::of(Side::Left))))
    );
    let right = gait_cycles(&movement, &person.findings.events, &GaitCycles::of(Side::Right)).unwrap();
    assert!(right.segments.is_empty() && right.withheld.unwrap().contains("1 heel strikes of the right foot"));
    let wrong = GaitCycles {
        minimum_cycle_s: 0.0,
        ..GaitCycles::of(Side::Left)
    };
    assert!(matches!(
        gait_cycles(&movement, &[], &wrong),
        Err(MotionError::InvalidSettings(_))
    ));
}

#[test]
fn a_result_tells_how_it_was_found() {
    let time_s = even_s(90, 30.0);
    let values: Vec<f64> = time_s.iter().map(|&time| 20.0 * (6.0 * time).sin()).collect();
    let pair = Different::new([Landmark::LeftWrist, Landmark::LeftHip]).unwrap();
    let triplet = Different::new([Landmark::LeftHip, Landmark::LeftKnee, Landmark::LeftAnkle]).unwrap();
    let space = Space::World;
    let signals = [
        (KNEE, "joint_angle:left_knee_flexion_image"),
        (Signal::angle(Angle::Trunk, None, space), "joint_angle:trunk_world"),
        (
            Signal::JointAngle(AngleOf::Landmarks {
                landmarks: triplet,
                space,
            }),
            "joint_angle:left_hip+left_knee+left_ankle_world",
        ),
        (
            Signal::JointPairDistance { landmarks: pair, space },
            "joint_pair_distance:left_wrist+left_hip_world",
        ),
        (
            Signal::JointSpeed {
                landmark: Landmark::Nose,
                space,
            },
            "joint_speed:nose_world",
        ),
        (
            Signal::JointAxis {
                landmark: Landmark::Nose,
                axis: Axis::X,
                space,
            },
            "joint_axis:nose_x_world",
        ),
    ];
    for (signal, name) in signals {
        assert_eq!(signal.to_string(), name);
        let found = cut(
            &time_s,
            &values,
            &Segmentation {
                invert: true,
                ..Segmentation::of(signal)
            },
        );
        assert_eq!(found.signal, format!("{name}:inverted"));
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(serde_json::from_str::<Repetitions>(&json).unwrap(), found, "{json}");
    }
    let json = serde_json::to_value(Segmentation::of(KNEE)).unwrap();
    assert_eq!(json["signal"]["angle"], "knee_flexion");
    assert_eq!(json["valley"]["rule"], "rest");
    let twice = r#"{"kind": "joint_pair_distance", "landmarks": ["nose", "nose"], "space": "image"}"#;
    assert!(serde_json::from_str::<Signal>(twice).is_err());
}

#[test]
fn impossible_numbers_are_refused() {
    let wrong = [
        Segmentation {
            minimum_distance_s: -1.0,
            ..Segmentation::of(KNEE)
        },
        Segmentation {
            minimum_prominence: f64::NAN,
            ..Segmentation::of(KNEE)
        },
        Segmentation {
            minimum_duration_s: f64::INFINITY,
            ..Segmentation::of(KNEE)
        },
        Segmentation {
            minimum_height: Some(f64::NAN),
            ..Segmentation::of(KNEE)
        },
        Segmentation {
            smooth_hz: Some(0.0),
            ..Segmentation::of(KNEE)
        },
        Segmentation {
            valley: Valley::Rest { share: 0.6 },
            ..Segmentation::of(KNEE)
        },
    ];
    let person = person(vec![Some(1.0); 4]);
    let time_s = even_s(4, 30.0);
    for how in wrong {
        assert!(
            matches!(
                segment(&movement(&time_s, &person), &how),
                Err(MotionError::InvalidSettings(_))
            ),
            "{how:?}"
        );
    }
}

#[test]
fn a_slice_keeps_times_and_people() {
    let pose = |frame: usize| {
        (frame != 3).then(|| {
            Figure {
                yaw_deg: frame as f64,
                ..Figure::default()
            }
            .pose()
        })
    };
    let whole = recording(even_s(10, 25.0), (0..10).map(pose).collect());
    let part = whole.slice(2..5).unwrap();
    part.validate().unwrap();
    assert_eq!(part.time_s, whole.time_s[2..5]);
    assert_eq!(
        (part.people[0].id, &part.people[0].poses[..]),
        (0, &whole.people[0].poses[2..5])
    );
    assert_eq!(
        (part.source, part.skeleton, part.model),
        (whole.source.clone(), whole.skeleton, whole.model.clone())
    );
    assert_eq!(whole.slice(0..10).unwrap(), whole);
    assert!(whole.slice(4..4).unwrap().time_s.is_empty());
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is refused")]
    for wrong in [0..11, 5..4, 11..12] {
        assert!(matches!(whole.slice(wrong), Err(MotionError::InvalidSettings(_))));
    }
}

fn how() -> impl Strategy<Value = Segmentation> {
    let valley = prop_oneof![
        Just(Valley::Nearest),
        (0.0..0.5).prop_map(|share| Valley::Rest { share })
    ];
    (valley, 0.0..1.0, 0.0..30.0, any::<bool>()).prop_map(|(valley, distance_s, prominence, keep_partial)| {
        Segmentation {
            valley,
            minimum_distance_s: distance_s,
            minimum_prominence: prominence,
            keep_partial,
            ..Segmentation::of(KNEE)
        }
    })
}

/// A signal and uneven times for it.
fn signal() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    prop::collection::vec((-50.0..50.0, 0.02..0.06), 0..120).prop_map(|frames| {
        let mut now_s = 0.0;
        let times = frames.iter().map(|(_, step_s)| {
            now_s += step_s;
            now_s
        });
        let times = times.collect();
        (frames.into_iter().map(|(value, _)| value).collect(), times)
    })
}

proptest! {
    #[test]
    fn segments_are_in_order_and_hold_their_peaks((values, time_s) in signal(), how in how()) {
        let found = cut(&time_s, &values, &how).segments;
        for one in &found {
            prop_assert!(one.start <= one.peak && one.peak < one.end && one.end <= values.len());
            prop_assert_eq!([one.start_s, one.peak_s, one.end_s], [time_s[one.start], time_s[one.peak], time_s[one.end - 1]]);
            let highest = values[one.start..one.end].iter().copied().fold(f64::MIN, f64::max);
            prop_assert!(how.valley == Valley::Nearest || highest <= values[one.peak] || how.minimum_distance_s > 0.0 || how.minimum_prominence > 0.0);
        }
        for pair in found.windows(2) {
            prop_assert!(pair[0].peak < pair[1].peak && pair[0].end <= pair[1].start + 1);
            prop_assert!(pair[1].peak_s - pair[0].peak_s >= how.minimum_distance_s - 2e-6);
        }
    }

    #[test]
    fn time_has_no_origin_and_values_have_no_unit((values, time_s) in signal(), how in how(), later_s in -100.0..100.0, factor in 0.01..100.0) {
        let found = cut(&time_s, &values, &how);
        let later: Vec<f64> = time_s.iter().map(|time| time + later_s).collect();
        prop_assert_eq!(triples(&cut(&later, &values, &how)), triples(&found));
        // Exact, so that nothing that is on an edge changes sides.
        let factor = f64::powi(2.0, f64::log2(factor).round() as i32);
        let larger: Vec<f64> = values.iter().map(|value| value * factor).collect();
        let scaled = Segmentation { minimum_prominence: how.minimum_prominence * factor, ..how };
        prop_assert_eq!(triples(&cut(&time_s, &larger, &scaled)), triples(&found));
    }

    #[test]
    fn a_movement_played_backward_has_the_same_repetitions((values, time_s) in signal(), how in how()) {
        let found = triples(&cut(&time_s, &values, &how));
        let backward: Vec<f64> = values.iter().rev().copied().collect();
        let times: Vec<f64> = time_s.iter().rev().map(|time| 1000.0 - time).collect();
        let mut back = triples(&cut(&times, &backward, &how));
        back.reverse();
        let back: Vec<_> = back.iter().map(|[start, peak, end]| [values.len() - end, values.len() - 1 - peak, values.len() - start]).collect();
        prop_assert_eq!(back, found);
    }

    #[test]
    fn upside_down_twice_is_upright((values, time_s) in signal(), how in how()) {
        let negated: Vec<f64> = values.iter().map(|value| -value).collect();
        let inverted = Segmentation { invert: true, ..how.clone() };
        prop_assert_eq!(triples(&cut(&time_s, &negated, &inverted)), triples(&cut(&time_s, &values, &how)));
    }

    #[test]
    fn a_normalised_cycle_stays_within_what_was_measured((values, time_s) in signal(), from in 0.0..1.0, to in 0.0..1.0) {
        prop_assume!(time_s.len() > 3);
        let (first, last) = (time_s[0], time_s[time_s.len() - 1]);
        let at = |share: f64| first + share * (last - first);
        let known: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        let (start_s, end_s) = (at(f64::min(from, to)), at(f64::max(from, to)));
        prop_assume!(end_s > start_s);
        let cycle = normalized(&time_s, &known, start_s, end_s).unwrap();
        let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), &value| (low.min(value), high.max(value)));
        prop_assert!(cycle.iter().all(|value| (low - 1e-9..=high + 1e-9).contains(value)));
        prop_assert!(normalized(&time_s, &known, first - 0.1, end_s).is_none());
        prop_assert!(normalized(&time_s, &known, start_s, last + 0.1).is_none());
    }
}

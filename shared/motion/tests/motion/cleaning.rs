//! Gaps, trust and uneven frame times on whole recordings.

use marey_motion::filter::ButterworthSettings;
use marey_motion::{
    Angle, Filter, GapCurve, Hampel, Landmark, MotionError, Point, Pose, Settings, Side, Space, Summary, analyze,
};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

fn knee_deg(time_s: f64) -> f64 {
    60.0 + 40.0 * (2.0 * std::f64::consts::PI * 0.7 * time_s).sin()
}

fn squat(time_s: f64) -> Pose {
    let knee_deg = knee_deg(time_s);
    Figure::symmetric(Joints {
        knee_deg,
        hip_deg: 0.7 * knee_deg,
        ..Joints::default()
    })
    .pose()
}

fn left_knee(analysis: &marey_motion::Analysis) -> &marey_motion::AngleSeries {
    analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Left), Space::Image)
        .unwrap()
}

#[test]
fn a_slow_movement_passes_the_filter_and_its_range_is_that_of_the_movement() {
    let time_s = even_s(150, 30.0);
    let poses = time_s.iter().map(|&time| Some(squat(time))).collect();
    let analysis = analyze(&recording(time_s.clone(), poses), &Settings::default()).unwrap();
    let knee = left_knee(&analysis);
    // The filter passes 0.7 Hz with a loss of two parts in ten thousand; the ends see its padding.
    for (&time, value) in time_s.iter().zip(&knee.value_deg).skip(10).take(130) {
        assert!((value.unwrap() - knee_deg(time)).abs() < 0.15, "{value:?} at {time}");
    }
    let range = knee.range.unwrap();
    assert!((range.minimum_deg - 20.0).abs() < 0.5 && (range.maximum_deg - 100.0).abs() < 0.5);
    assert!((range.range_of_motion_deg() - 80.0).abs() < 0.8);
    assert!((range.coverage - 1.0).abs() < f64::EPSILON);
    let highest_s = range.maximum_at_s;
    assert!(
        (knee_deg(highest_s) - 100.0).abs() < 1.0,
        "{highest_s} s is not at a crest"
    );
}

#[test]
fn short_gaps_are_filled_and_long_ones_are_not() {
    let time_s = even_s(150, 30.0);
    let gone = |frame: usize| (40..45).contains(&frame) || (90..100).contains(&frame) || !(3..147).contains(&frame);
    let poses = time_s
        .iter()
        .enumerate()
        .map(|(frame, &time)| (!gone(frame)).then(|| squat(time)))
        .collect();
    let analysis = analyze(&recording(time_s.clone(), poses), &Settings::default()).unwrap();
    let (person, knee) = (&analysis.people[0], left_knee(&analysis));
    for frame in 0..150 {
        let filled = (40..45).contains(&frame);
        assert_eq!(knee.raw_deg[frame].is_some(), !gone(frame));
        assert_eq!(knee.value_deg[frame].is_some(), !gone(frame) || filled, "frame {frame}");
        assert_eq!(person.poses[frame].is_some(), !gone(frame) || filled, "frame {frame}");
    }
    for (frame, &time) in time_s.iter().enumerate().take(45).skip(40) {
        assert!((knee.value_deg[frame].unwrap() - knee_deg(time)).abs() < 2.0);
    }
    assert_eq!(person.frames_seen, 150 - 5 - 10 - 6);
    assert!(
        (knee.range.unwrap().coverage - 1.0).abs() < 1e-12,
        "of the frames in which the person is seen"
    );
}

#[test]
fn a_landmark_that_is_not_trusted_is_missing_alone() {
    let time_s = even_s(60, 30.0);
    let mut poses: Vec<Option<Pose>> = time_s.iter().map(|&time| Some(squat(time))).collect();
    for frame in (20..22).chain(30..50) {
        let pose: &mut Pose = poses[frame].as_mut().unwrap();
        pose.points[Landmark::LeftAnkle.index()].visibility = 0.1;
        pose.points[Landmark::LeftAnkle.index()].x_px = 9999.0;
    }
    let settings = Settings::default();
    let analysis = analyze(&recording(time_s, poses), &settings).unwrap();
    let person = &analysis.people[0];
    let knee = left_knee(&analysis);
    let right = person
        .series(Angle::KneeFlexion, Some(Side::Right), Space::Image)
        .unwrap();
    for frame in 0..60 {
        let in_long_gap = (30..50).contains(&frame);
        assert_eq!(knee.value_deg[frame].is_none(), in_long_gap, "frame {frame}");
        assert!(
            (knee.value_deg[frame].unwrap_or(50.0) - 50.0).abs() < 60.0,
            "the stray point has no influence"
        );
        assert!(right.value_deg[frame].is_some());
        let ankle = person.poses[frame]
            .as_ref()
            .unwrap()
            .point(Landmark::LeftAnkle)
            .unwrap();
        assert_eq!(ankle.visibility >= settings.minimum_visibility, !in_long_gap);
    }
}

#[test]
fn stretches_too_short_for_the_filter_pass_unfiltered_with_a_note() {
    let time_s = even_s(8, 30.0);
    let poses: Vec<Option<Pose>> = time_s.iter().map(|&time| Some(squat(time))).collect();
    let analysis = analyze(&recording(time_s, poses.clone()), &Settings::default()).unwrap();
    assert_eq!(analysis.people[0].poses, poses);
    assert!(
        analysis
            .notes
            .iter()
            .any(|note| note.contains("too short to be filtered")),
        "{:?}",
        analysis.notes
    );
}

#[test]
fn too_few_frames_per_second_for_the_cutoff_are_noted_and_not_an_error() {
    let time_s = even_s(40, 10.0);
    let poses: Vec<Option<Pose>> = time_s.iter().map(|&time| Some(squat(time))).collect();
    let analysis = analyze(&recording(time_s, poses.clone()), &Settings::default()).unwrap();
    assert_eq!(analysis.people[0].poses, poses);
    assert!(
        analysis.notes[0].contains("nothing was filtered"),
        "{:?}",
        analysis.notes
    );
}

#[test]
fn uneven_frames_are_filtered_at_their_true_times() {
    // 30 frames per second with every seventh frame dropped, as a phone does in the dark.
    let time_s: Vec<f64> = even_s(210, 30.0)
        .into_iter()
        .enumerate()
        .filter(|(frame, _)| frame % 7 != 3)
        .map(|(_, time)| time)
        .collect();
    let poses = time_s.iter().map(|&time| Some(squat(time))).collect();
    let analysis = analyze(&recording(time_s.clone(), poses), &Settings::default()).unwrap();
    assert!(
        analysis.notes.iter().any(|note| note.contains("unevenly spaced")),
        "{:?}",
        analysis.notes
    );
    let knee = left_knee(&analysis);
    assert_eq!(knee.value_deg.len(), time_s.len());
    let frames = time_s.len();
    let error = |value_at: &dyn Fn(usize) -> f64| {
        (12..frames - 12)
            .map(|frame| (value_at(frame) - knee_deg(time_s[frame])).abs())
            .fold(0.0, f64::max)
    };
    let ours = error(&|frame| knee.value_deg[frame].unwrap());
    assert!(ours < 0.3, "{ours}");
    // What becomes of the same poses when frames are taken for even.
    let even = time_s.iter().map(|&time| Some(squat(time))).collect();
    let naive = analyze(&recording(even_s(frames, 30.0), even), &Settings::default()).unwrap();
    let naive = error(&|frame| left_knee(&naive).value_deg[frame].unwrap());
    assert!(naive > 3.0 * ours, "naive {naive}, ours {ours}");
}

#[test]
fn nothing_at_all_is_an_analysis_too() {
    let analysis = analyze(&recording(vec![], vec![]), &Settings::default()).unwrap();
    assert!(analysis.people[0].angles.iter().all(|series| series.range.is_none()));
    assert_eq!(analysis.people[0].camera_plane, None);
    assert_eq!(Summary::of(&analysis).frames, 0);
    let unseen = analyze(&recording(even_s(50, 30.0), vec![None; 50]), &Settings::default()).unwrap();
    assert_eq!(unseen.people[0].poses, vec![None; 50]);
    assert_eq!(unseen.people[0].frames_seen, 0);
}

type Break = fn(&mut marey_motion::Recording);

#[test]
fn recordings_that_contradict_themselves_are_refused() {
    let sound = recording(even_s(3, 30.0), vec![Some(squat(0.0)), None, Some(squat(0.1))]);
    sound.validate().unwrap();
    let broken: [(&str, Break); 7] = [
        ("not later", |recording| recording.time_s[1] = 0.0),
        ("not finite", |recording| recording.time_s[2] = f64::INFINITY),
        ("poses for", |recording| recording.people[0].poses.truncate(2)),
        ("landmarks", |recording| {
            recording.people[0].poses[0].as_mut().unwrap().points.truncate(5);
        }),
        ("score", |recording| {
            recording.people[0].poses[0].as_mut().unwrap().score = f32::NAN;
        }),
        ("left_knee", |recording| {
            recording.people[0].poses[2].as_mut().unwrap().points[25].y_m = f32::NAN;
        }),
        ("two people", |recording| {
            recording.people.push(recording.people[0].clone());
        }),
    ];
    for (words, break_it) in broken {
        let mut recording = sound.clone();
        break_it(&mut recording);
        let error = analyze(&recording, &Settings::default()).unwrap_err();
        assert!(matches!(error, MotionError::InvalidRecording(_)));
        assert!(error.to_string().contains(words), "{error}");
    }
}

fn filtered_by(filter: Filter) -> Settings {
    Settings {
        filter,
        ..Settings::default()
    }
}

fn impossible_filters() -> [Filter; 9] {
    [
        r#"{"kind":"butterworth","cutoff_hz":-1}"#,
        r#"{"kind":"butterworth","order":0}"#,
        r#"{"kind":"one_euro","min_cutoff_hz":0}"#,
        r#"{"kind":"one_euro","beta_per_m":-1}"#,
        r#"{"kind":"kalman","trust_ratio":0}"#,
        r#"{"kind":"loess","window_frames":2}"#,
        r#"{"kind":"gaussian","sigma_frames":1e9}"#,
        r#"{"kind":"median","reach_frames":0}"#,
        r#"{"kind":"gcv_spline","cutoff_hz":0}"#,
    ]
    .map(|json| serde_json::from_str(json).unwrap())
}

#[test]
fn impossible_settings_are_refused_whatever_the_recording() {
    let recording = recording(even_s(3, 30.0), vec![None; 3]);
    for settings in [
        Settings {
            minimum_visibility: 1.5,
            ..Settings::default()
        },
        Settings {
            longest_gap_s: f64::NAN,
            ..Settings::default()
        },
        Settings {
            outliers: Some(Hampel {
                reach_frames: 0,
                ..Hampel::default()
            }),
            ..Settings::default()
        },
    ]
    .into_iter()
    .chain(impossible_filters().map(filtered_by))
    {
        let error = analyze(&recording, &settings).unwrap_err();
        assert_eq!(error.code(), "MOTION_INVALID_SETTINGS");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn a_summary_lists_the_main_angles_of_the_people_seen_most() {
    let time_s = even_s(60, 30.0);
    let mut recording = recording(time_s.clone(), time_s.iter().map(|&time| Some(squat(time))).collect());
    for id in 1..15 {
        let mut passer_by = recording.people[0].clone();
        passer_by.id = id;
        passer_by.poses[id as usize..].fill(None);
        recording.people.push(passer_by);
    }
    let summary = Summary::of(&analyze(&recording, &Settings::default()).unwrap());
    assert_eq!((summary.people_found, summary.people.len()), (15, 10));
    assert_eq!(summary.people[0].id, 0);
    assert_eq!(summary.people[1].id, 6, "those seen in few frames are left out");
    let ids: Vec<&str> = summary.people[0].angles.iter().map(|angle| angle.id.as_str()).collect();
    assert!(ids.contains(&"left_knee_flexion_image") && ids.contains(&"trunk_image"));
    assert!(!ids.iter().any(|id| id.contains("world") || id.contains("wrist")));
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
    assert!(
        json.len() < 20_000,
        "{} bytes are too many for a row of the table",
        json.len()
    );
}

/// Every filter, with parameters as they may be.
fn filters() -> impl Strategy<Value = Filter> {
    let sound = (
        0.1..40.0_f64,
        1..=8_usize,
        0.0..5.0_f64,
        prop::option::of(0.1..40.0_f64),
    );
    (0..8_usize, sound).prop_map(|(kind, (cutoff_hz, count, share, spline_hz))| {
        let fields = [
            r#"{"kind":"none"}"#.to_owned(),
            format!(r#"{{"kind":"butterworth","cutoff_hz":{cutoff_hz},"order":{count}}}"#),
            format!(r#"{{"kind":"one_euro","min_cutoff_hz":{cutoff_hz},"beta_per_px":{share}}}"#),
            format!(r#"{{"kind":"kalman","trust_ratio":{}}}"#, 1.0 + 100.0 * share),
            format!(
                r#"{{"kind":"loess","window_frames":{},"iterations":{}}}"#,
                2 + count,
                count % 3
            ),
            format!(r#"{{"kind":"gaussian","sigma_frames":{}}}"#, 0.01 + share),
            format!(r#"{{"kind":"median","reach_frames":{count}}}"#),
            format!(
                r#"{{"kind":"gcv_spline","cutoff_hz":{}}}"#,
                serde_json::to_string(&spline_hz).unwrap()
            ),
        ];
        serde_json::from_str(&fields[kind]).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_pattern_of_gaps_and_times_makes_it_panic_or_invents_values(
        frames in prop::collection::vec((0.001..0.4_f64, any::<bool>(), 0.0..1.0_f32), 0..80),
        filter in filters(), longest_gap_s in 0.0..1.0_f64,
        gap_curve in prop::sample::select(vec![GapCurve::Pchip, GapCurve::Linear, GapCurve::Cubic]),
    ) {
        let mut now_s = 0.0;
        let time_s: Vec<f64> = frames.iter().map(|(step_s, ..)| { now_s += step_s; now_s }).collect();
        let poses: Vec<Option<Pose>> = frames.iter().zip(&time_s).map(|((_, seen, visibility), &time)| seen.then(|| {
            let mut pose = squat(time);
            pose.points[Landmark::LeftKnee.index()].visibility = *visibility;
            pose
        })).collect();
        let settings = Settings { filter, longest_gap_s, gap_curve, ..Settings::default() };
        let analysis = analyze(&recording(time_s.clone(), poses.clone()), &settings).unwrap();
        analysis.validate().unwrap();
        let knee = left_knee(&analysis);
        let trusted = |frame: usize| poses[frame].is_some() && frames[frame].2 >= settings.minimum_visibility;
        for frame in 0..frames.len() {
            prop_assert_eq!(knee.raw_deg[frame].is_some(), trusted(frame));
            let last = (0..=frame).rfind(|&near| trusted(near));
            let next = (frame..frames.len()).find(|&near| trusted(near));
            let near = matches!((last, next), (Some(last), Some(next)) if time_s[next] - time_s[last] <= longest_gap_s + 1e-9);
            prop_assert_eq!(knee.value_deg[frame].is_some(), trusted(frame) || near);
        }
    }
}

/// A jump of one landmark in single frames, as when a model takes a leg for the other.
fn with_jumps(frames: &[usize]) -> (Vec<f64>, Vec<Option<Pose>>) {
    let time_s = even_s(150, 30.0);
    let mut poses: Vec<Option<Pose>> = time_s.iter().map(|&time| Some(squat(time))).collect();
    for &frame in frames {
        poses[frame].as_mut().unwrap().points[Landmark::LeftAnkle.index()].x_px += 300.0;
    }
    (time_s, poses)
}

#[test]
fn a_filter_that_takes_the_movement_out_is_noted() {
    let poses = (0..60).map(|_| Some(Figure::default().pose())).collect();
    let recording = recording(even_s(60, 30.0), poses);
    for (cutoff_hz, is_noted) in [(1e-9, true), (0.5, true), (1.0, false), (6.0, false)] {
        let settings = filtered_by(Filter::Butterworth(ButterworthSettings { cutoff_hz, order: 2 }));
        let notes = analyze(&recording, &settings).unwrap().notes;
        assert_eq!(
            notes.iter().any(|note| note.contains("takes the movement out")),
            is_noted,
            "{cutoff_hz}"
        );
    }
}

#[test]
fn what_was_not_seen_at_all_is_missing_whatever_counts_as_seen() {
    let pose = |frame: usize| {
        let mut pose = Figure::default().pose();
        if (20..25).contains(&frame) {
            pose.points[Landmark::LeftKnee.index()] = Point::MISSING;
        }
        Some(pose)
    };
    let everything = Settings {
        minimum_visibility: 0.0,
        outliers: Some(Hampel::default()),
        ..Settings::default()
    };
    let analysis = analyze(&recording(even_s(50, 30.0), (0..50).map(pose).collect()), &everything).unwrap();
    let seen = Figure::default().pose().points[Landmark::LeftKnee.index()];
    for pose in analysis.people[0].poses.iter().flatten() {
        let knee = pose.points[Landmark::LeftKnee.index()];
        assert!(
            (knee.x_px - seen.x_px).abs() < 1e-3,
            "the gap is filled from its sides: {knee:?}"
        );
    }
}

#[test]
fn outliers_are_filled_like_gaps_and_counted() {
    let jumps = [20, 60, 61, 110];
    let (time_s, poses) = with_jumps(&jumps);
    let settings = Settings {
        outliers: Some(Hampel {
            sigmas: 8.0,
            ..Hampel::default()
        }),
        ..Settings::default()
    };
    let recording = recording(time_s.clone(), poses);
    let analysis = analyze(&recording, &settings).unwrap();
    let note = analysis
        .notes
        .iter()
        .find(|note| note.contains("rejected as outliers"))
        .unwrap();
    assert!(note.starts_with("Person 0: "), "{note}");
    let error = |analysis: &marey_motion::Analysis| {
        let knee = left_knee(analysis);
        (10..140)
            .map(|frame| (knee.value_deg[frame].unwrap() - knee_deg(time_s[frame])).abs())
            .fold(0.0, f64::max)
    };
    let kept = analyze(&recording, &Settings::default()).unwrap();
    assert!(
        error(&analysis) < 2.0 && error(&kept) > 15.0,
        "{} and {}",
        error(&analysis),
        error(&kept)
    );
    assert!(kept.notes.iter().all(|note| !note.contains("outliers")));
}

#[test]
fn an_outlier_in_too_long_a_gap_stays_missing() {
    let (time_s, poses) = with_jumps(&[60]);
    let settings = Settings {
        outliers: Some(Hampel {
            sigmas: 8.0,
            ..Hampel::default()
        }),
        longest_gap_s: 0.05,
        ..Settings::default()
    };
    let analysis = analyze(&recording(time_s, poses), &settings).unwrap();
    let person = &analysis.people[0];
    let ankle = |frame: usize| {
        *person.poses[frame]
            .as_ref()
            .unwrap()
            .point(Landmark::LeftAnkle)
            .unwrap()
    };
    assert!(ankle(60).visibility < settings.minimum_visibility);
    assert!(ankle(59).visibility >= settings.minimum_visibility);
    assert_eq!(left_knee(&analysis).value_deg[60], None);
    assert!(left_knee(&analysis).raw_deg[60].is_some(), "as it was seen");
}

#[test]
fn filters_that_know_the_true_times_are_not_resampled() {
    let time_s: Vec<f64> = even_s(210, 30.0)
        .into_iter()
        .enumerate()
        .filter(|(frame, _)| frame % 7 != 3)
        .map(|(_, time)| time)
        .collect();
    let poses: Vec<Option<Pose>> = time_s.iter().map(|&time| Some(squat(time))).collect();
    let recording = recording(time_s.clone(), poses);
    for (json, resampled, tolerance_deg) in [
        (r#"{"kind":"butterworth"}"#, true, 0.3),
        (r#"{"kind":"gaussian"}"#, true, 1.0),
        (r#"{"kind":"kalman"}"#, false, 0.3),
        (r#"{"kind":"loess"}"#, false, 1.0),
        (r#"{"kind":"gcv_spline"}"#, false, 0.3),
        (r#"{"kind":"gcv_spline","cutoff_hz":6}"#, false, 0.3),
    ] {
        let settings = filtered_by(serde_json::from_str(json).unwrap());
        assert_eq!(settings.filter.needs_even_times(), resampled);
        let analysis = analyze(&recording, &settings).unwrap();
        let noted = analysis.notes.iter().any(|note| note.contains("unevenly spaced"));
        assert_eq!(noted, resampled, "{json}: {:?}", analysis.notes);
        let knee = left_knee(&analysis);
        for (frame, &moment_s) in time_s.iter().enumerate().take(time_s.len() - 12).skip(12) {
            let error_deg = (knee.value_deg[frame].unwrap() - knee_deg(moment_s)).abs();
            assert!(error_deg < tolerance_deg, "{json}: {error_deg} at {frame}");
        }
    }
}

#[test]
fn the_one_euro_filter_says_that_it_lags() {
    let time_s = even_s(60, 30.0);
    let poses = time_s.iter().map(|&time| Some(squat(time))).collect();
    let settings = filtered_by(serde_json::from_str(r#"{"kind":"one_euro"}"#).unwrap());
    let analysis = analyze(&recording(time_s, poses), &settings).unwrap();
    assert!(
        analysis.notes[0].contains("forward in time only"),
        "{:?}",
        analysis.notes
    );
}

#[test]
fn a_filter_says_what_it_is_in_words() {
    let filter = Filter::Butterworth(ButterworthSettings::default());
    assert_eq!(
        filter.to_string(),
        "Butterworth low-pass at 6 Hz, order 2, run forward and backward so that nothing is delayed"
    );
    assert_eq!(Filter::default(), filter);
    for filter in impossible_filters().iter().chain(&[Filter::None]) {
        let json = serde_json::to_value(filter).unwrap();
        assert_eq!(json["kind"], filter.id());
        assert!(!filter.to_string().is_empty());
    }
}

//! Comparisons of whole analyses: squats whose differences are known.

use marey_motion::compare::{Align, Basis, Comparison, ComparisonSettings, compare, score};
use marey_motion::formats::{comparison_from_json, comparison_to_json};
use marey_motion::{
    Analysis, Angle, CameraPlane, Filter, Landmark, MotionError, Recording, Repetition, Repetitions, Settings, Side,
    Space, Spaces, analyze,
};

use crate::support::{Figure, Joints, even_s, recording};

/// Squats at a tempo, so deep; the left knee bends by so much more than the right one. `warped` begins each squat fast
/// and ends it slowly.
fn squats(frames: usize, count: f64, depth_deg: f64, left_more_deg: f64, warped: bool) -> Analysis {
    seen_from(0.0, frames, count, depth_deg, left_more_deg, warped)
}

/// One squat of somebody who faces left in the picture.
fn facing_left(frames: usize) -> Analysis {
    seen_from(180.0, frames, 1.0, 90.0, 0.0, false)
}

fn seen_from(yaw_deg: f64, frames: usize, count: f64, depth_deg: f64, left_more_deg: f64, warped: bool) -> Analysis {
    let poses = (0..frames).map(|frame| {
        let phase = frame as f64 / (frames - 1) as f64;
        let phase = if warped { phase.powf(0.8) } else { phase };
        let share = (1.0 - (std::f64::consts::TAU * count * phase).cos()) / 2.0;
        let leg = |more_deg: f64| Joints {
            ankle_deg: 20.0 * share,
            knee_deg: (depth_deg + more_deg) * share,
            hip_deg: (depth_deg - 10.0) * share,
            ..Joints::default()
        };
        let figure = Figure {
            left: leg(left_more_deg),
            right: leg(0.0),
            trunk_deg: 30.0 * share,
            yaw_deg,
            ..Figure::default()
        };
        Some(figure.pose())
    });
    let unfiltered = Settings {
        filter: Filter::None,
        ..Settings::default()
    };
    analyze(&recording(even_s(frames, 30.0), poses.collect()), &unfiltered).unwrap()
}

fn compared(a: &Analysis, b: &Analysis) -> Comparison {
    compare(a, b, &ComparisonSettings::default()).unwrap()
}

#[test]
fn a_movement_is_like_itself() {
    let squat = squats(60, 2.0, 90.0, 0.0, false);
    let found = compared(&squat, &squat);
    assert_eq!(found.score, Some(100.0));
    assert!(
        found
            .moments
            .iter()
            .all(|moment| moment.a_frame == moment.b_frame && moment.most_different.is_empty())
    );
    assert_eq!(
        found.angles.len(),
        13,
        "all but the pelvis, which has no tilt from the side"
    );
    for angle in &found.angles {
        assert!(
            angle.mean_absolute_deg.abs() < 1e-9 && angle.stretches.is_empty(),
            "{}",
            angle.id
        );
        assert!(
            angle.correlation.is_none_or(|correlation| correlation > 0.999_999),
            "{}",
            angle.id
        );
    }
    assert!(found.notes.is_empty(), "{:?}", found.notes);
}

#[test]
fn tempo_is_no_difference_and_depth_is() {
    let (even, warped) = (squats(91, 1.0, 90.0, 0.0, false), squats(140, 1.0, 90.0, 0.0, true));
    let found = compared(&even, &warped);
    assert!(found.score.unwrap() > 99.0, "{:?}", found.score);
    let knee = found
        .angles
        .iter()
        .find(|angle| angle.id == "right_knee_flexion_image")
        .unwrap();
    assert!(
        knee.mean_absolute_deg < 2.0 && knee.correlation.unwrap() > 0.99,
        "{knee:?}"
    );
    // At the deepest point both are at the same moment, wherever it lies in time.
    let deepest = |analysis: &Analysis| {
        let series = analysis.people[0]
            .series(Angle::KneeFlexion, Some(Side::Right), Space::Image)
            .unwrap();
        let values = series.value_deg.iter().map(|value| value.unwrap());
        values.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap().0
    };
    let (at_a, at_b) = (deepest(&even), deepest(&warped));
    let matched = found.moments.iter().find(|moment| moment.a_frame == at_a).unwrap();
    assert!(matched.b_frame.abs_diff(at_b) <= 2, "{matched:?} {at_b}");
    let times: Vec<f64> = found.moments.iter().map(|moment| moment.time_s).collect();
    assert!(
        times.windows(2).all(|pair| pair[1] > pair[0]),
        "time goes on with every moment"
    );
    assert!((times.last().unwrap() - (90.0 + 139.0) / 60.0).abs() < 1e-9);
}

#[test]
fn the_joint_that_differs_is_found_with_its_sign_and_moment() {
    let (good, crooked) = (squats(61, 1.0, 80.0, 0.0, false), squats(61, 1.0, 80.0, 30.0, false));
    let found = compared(&good, &crooked);
    let worst = found
        .angles
        .iter()
        .max_by(|a, b| a.mean_absolute_deg.total_cmp(&b.mean_absolute_deg))
        .unwrap();
    assert_eq!(worst.id, "left_knee_flexion_image");
    assert!(
        (worst.greatest_deg + 30.0).abs() < 3.0 && worst.bias_deg < 0.0,
        "{}",
        worst.greatest_deg
    );
    let at = &found.moments[worst.greatest_at];
    assert!(at.a_frame.abs_diff(30) <= 4, "deepest in the middle: {at:?}");
    let stretch = &worst.stretches[0];
    assert!(
        stretch.from < worst.greatest_at && worst.greatest_at < stretch.to,
        "{stretch:?}"
    );
    assert_eq!(stretch.greatest_deg.to_bits(), worst.greatest_deg.to_bits());
    let lit: Vec<&str> = at
        .most_different
        .iter()
        .map(|&place| &*found.joints[place].joint)
        .collect();
    assert!(
        lit.contains(&"left_ankle") && !lit.iter().any(|joint| joint.starts_with("right")),
        "{lit:?}"
    );
    let back = compared(&crooked, &good);
    assert!((back.warp.distance - found.warp.distance).abs() < 1e-9 * found.warp.distance);
    assert!((back.score.unwrap() - found.score.unwrap()).abs() < 1e-9);
    let mirrored = back.angles.iter().find(|angle| angle.id == worst.id).unwrap();
    assert!((mirrored.bias_deg + worst.bias_deg).abs() < 1e-9);
}

#[test]
fn repetitions_are_scored_one_by_one() {
    let a = squats(121, 2.0, 90.0, 0.0, false);
    let mut b = squats(121, 2.0, 90.0, 0.0, false);
    // Only the second squat of the other is shallow.
    let shallow = squats(121, 2.0, 50.0, 0.0, false);
    b.people[0].poses[60..].clone_from_slice(&shallow.people[0].poses[60..]);
    for (series, other) in b.people[0].angles.iter_mut().zip(&shallow.people[0].angles) {
        series.value_deg[60..].clone_from_slice(&other.value_deg[60..]);
    }
    let settings = ComparisonSettings {
        repetitions: Some(vec![0..60, 60..121]),
        ..ComparisonSettings::default()
    };
    let found = compare(&a, &b, &settings).unwrap();
    let [first, second] = &found.repetitions[..] else {
        panic!("{:?}", found.repetitions)
    };
    assert!(
        first.score.unwrap() > 99.9 && second.score.unwrap() < 95.0,
        "{first:?} {second:?}"
    );
    assert!((first.a_duration_s - 2.0).abs() < 1e-9 && (second.a_duration_s - 61.0 / 30.0).abs() < 1e-9);
    assert!(
        second.b_frames.start.abs_diff(60) <= 4 && second.b_frames.end == 121,
        "{second:?}"
    );
    let worst = &found.angles[second.most_different.unwrap()];
    assert!(worst.id.contains("knee") || worst.id.contains("hip"), "{}", worst.id);

    let mut with_findings = a.clone();
    let segment = |start: usize, end: usize| Repetition {
        start,
        peak: start + 30,
        end,
        start_s: start as f64 / 30.0,
        peak_s: (start + 30) as f64 / 30.0,
        end_s: end as f64 / 30.0,
        prominence: 90.0,
        whole: true,
    };
    with_findings.people[0].findings.repetitions = Some(Repetitions {
        signal: "joint_angle:left_knee_flexion_image".to_owned(),
        unit: "deg".to_owned(),
        segments: vec![segment(0, 60), segment(60, 121)],
        curves: Vec::new(),
        configuration: None,
        partial: 0,
        notes: Vec::new(),
        withheld: None,
    });
    let again = compared(&with_findings, &b);
    assert_eq!(
        again.repetitions, found.repetitions,
        "found repetitions are used where none are given"
    );
    for wrong in [5..5, 100..122] {
        let settings = ComparisonSettings {
            repetitions: Some(vec![wrong]),
            ..ComparisonSettings::default()
        };
        let refused = compare(&a, &b, &settings).unwrap_err();
        assert_eq!(refused.code(), "MOTION_INVALID_SETTINGS");
    }
}

#[test]
fn joints_can_be_warped_on_in_the_image_and_in_the_world() {
    let (a, b) = (squats(50, 1.0, 90.0, 0.0, false), squats(70, 1.0, 90.0, 0.0, true));
    for (space, unit) in [(Space::Image, "trunk_lengths"), (Space::World, "m")] {
        for align in [Align::None, Align::ProcrustesPerFrame, Align::ProcrustesPerSequence] {
            let settings = ComparisonSettings {
                space,
                basis: Basis::Joints,
                align,
                ..ComparisonSettings::default()
            };
            let found = compare(&a, &b, &settings).unwrap();
            assert_eq!((&*found.warp.unit, found.warp.on.len()), (unit, 33));
            assert!(found.score.unwrap() > 95.0, "{:?}", found.score);
            assert_eq!(found.alignment.is_some(), align != Align::None);
            let ankle = found.joints.iter().find(|joint| joint.joint == "left_ankle").unwrap();
            assert!(ankle.mean < 0.05, "{} {unit}", ankle.mean);
        }
    }
}

#[test]
fn who_faces_the_other_way_is_turned_round() {
    let a = squats(50, 1.0, 90.0, 0.0, false);
    let mirrored = facing_left(50);
    for space in [Space::Image, Space::World] {
        for basis in [Basis::Angles, Basis::Joints] {
            let settings = ComparisonSettings {
                space,
                basis,
                ..ComparisonSettings::default()
            };
            let found = compare(&a, &mirrored, &settings).unwrap();
            assert!(found.turned && found.notes.iter().any(|note| note.contains("opposite ways")));
            let worst = found.joints.iter().map(|joint| joint.greatest).fold(0.0, f64::max);
            assert!(worst < 0.02, "{space:?} {basis:?}: {worst}");
            assert!(found.moments.iter().all(|moment| moment.most_different.is_empty()));
            let same = compare(&a, &a, &settings).unwrap();
            assert!(!same.turned && same.notes.is_empty(), "{:?}", same.notes);
        }
    }
}

#[test]
fn from_the_front_nobody_is_turned_round() {
    // Whichever way noise leans, with depth or without.
    let frontal = |lean_px: f32| {
        let poses = (0..40).map(|_| {
            let mut pose = Figure {
                yaw_deg: 90.0,
                ..Figure::default()
            }
            .pose();
            pose.points[Landmark::Nose.index()].x_px += lean_px;
            Some(pose)
        });
        recording(even_s(40, 30.0), poses.collect())
    };
    for spaces in [Spaces::Both, Spaces::Image] {
        let [a, b] = [2.0, -2.0].map(|lean_px| {
            let recording = Recording {
                spaces,
                ..frontal(lean_px)
            };
            analyze(&recording, &Settings::default()).unwrap()
        });
        let settings = ComparisonSettings {
            basis: Basis::Joints,
            ..ComparisonSettings::default()
        };
        let found = compare(&a, &b, &settings).unwrap();
        assert!(!found.turned && found.moments.iter().all(|moment| moment.most_different.is_empty()));
    }
}

#[test]
fn where_somebody_stands_in_a_laboratory_is_no_difference() {
    let a = squats(50, 1.0, 90.0, 0.0, false);
    let mut b = a.clone();
    for (frame, pose) in b.people[0].poses.iter_mut().enumerate() {
        for point in pose.iter_mut().flat_map(|pose| &mut pose.points) {
            point.x_m += 2.0 + 0.01 * frame as f32;
            point.z_m -= 1.0;
        }
    }
    let settings = ComparisonSettings {
        space: Space::World,
        basis: Basis::Joints,
        ..ComparisonSettings::default()
    };
    let found = compare(&a, &b, &settings).unwrap();
    assert!(
        found.joints.iter().all(|joint| joint.greatest < 1e-5),
        "{:?}",
        found.joints[0]
    );
    assert!(found.moments.iter().all(|moment| moment.most_different.is_empty()));
}

#[test]
fn a_shifted_and_larger_picture_of_the_same_is_the_same() {
    let a = squats(40, 1.0, 90.0, 0.0, false);
    let mut b = a.clone();
    for pose in b.people[0].poses.iter_mut().flatten() {
        let mut larger = pose.clone().scaled(2.0, 2.0);
        larger.points.iter_mut().for_each(|point| point.x_px += 100.0);
        *pose = larger;
    }
    let found = compared(&a, &b);
    assert!(
        found.joints.iter().all(|joint| joint.greatest < 1e-4),
        "trunk lengths from the hips"
    );
}

#[test]
fn gaps_are_not_counted_as_differences() {
    let a = squats(60, 1.0, 90.0, 0.0, false);
    let mut b = a.clone();
    for series in &mut b.people[0].angles {
        series.value_deg[20..30].fill(None);
        if series.angle == Angle::ElbowFlexion {
            series.value_deg[5..].fill(None);
        }
    }
    let found = compared(&a, &b);
    let knee = found
        .angles
        .iter()
        .find(|angle| angle.id == "left_knee_flexion_image")
        .unwrap();
    assert!(
        knee.known < found.moments.len() && knee.greatest_deg.abs() < 15.0,
        "{knee:?}"
    );
    assert!(knee.difference_deg.iter().any(Option::is_none));
    assert!(
        found.notes.iter().any(|note| note.contains("left elbow flexion")),
        "{:?}",
        found.notes
    );
    assert!(!found.warp.on.iter().any(|on| on.contains("elbow")));
}

#[test]
fn differences_go_the_shorter_way_round() {
    let a = squats(30, 1.0, 60.0, 0.0, false);
    let mut b = a.clone();
    let series = |analysis: &mut Analysis, deg: f64| {
        let found = analysis.people[0]
            .angles
            .iter_mut()
            .find(|series| series.angle == Angle::Trunk)
            .unwrap();
        found.value_deg.fill(Some(deg));
    };
    let mut a = a;
    series(&mut a, 178.0);
    series(&mut b, -178.0);
    let found = compared(&a, &b);
    let trunk = found.angles.iter().find(|angle| angle.angle == Angle::Trunk).unwrap();
    assert!(
        (trunk.greatest_deg + 4.0).abs() < 1e-9 && trunk.correlation.is_none(),
        "{trunk:?}"
    );
    assert!((trunk.score - 100.0).abs() < 1e-9);
}

#[test]
fn a_view_from_the_front_is_told() {
    let side = squats(30, 1.0, 60.0, 0.0, false);
    let mut front = side.clone();
    front.people[0].camera_plane = Some(CameraPlane::from_deviation_deg(85.0));
    let told = |found: &Comparison, words: &str| found.notes.iter().any(|note| note.contains(words));
    let both = compared(&front, &front);
    assert!(
        told(&both, "85 degrees off") && !told(&both, "stood elsewhere"),
        "{:?}",
        both.notes
    );
    assert!(told(&compared(&side, &front), "stood elsewhere"));
    assert!(!told(&compared(&side, &side), "degrees off"));
}

#[test]
fn scores_fall_from_the_error_of_measurement_to_an_eighth_of_a_turn() {
    let scored: Vec<f64> = [0.0, -5.0, 25.0, -45.0, 170.0].into_iter().map(score).collect();
    assert_eq!(scored, [100.0, 100.0, 50.0, 0.0, 0.0]);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let squat = squats(30, 1.0, 60.0, 0.0, false);
    let nobody = Analysis {
        people: Vec::new(),
        ..squat.clone()
    };
    let person = ComparisonSettings {
        person_b: Some(7),
        ..ComparisonSettings::default()
    };
    let refusals = [
        compare(&squat, &nobody, &ComparisonSettings::default()),
        compare(&squat, &squat, &person),
        compare(
            &squat.clone().split_poses().0,
            &squat,
            &ComparisonSettings {
                basis: Basis::Joints,
                ..ComparisonSettings::default()
            },
        ),
    ];
    for refused in refusals {
        assert!(matches!(refused, Err(MotionError::NotComparable(_))), "{refused:?}");
    }
    let without_poses = compared(&squat.clone().split_poses().0, &squat);
    assert!(without_poses.joints.is_empty() && without_poses.notes[0].contains("poses"));
    let longer = compared(&squat, &squats(100, 1.0, 60.0, 0.0, false));
    assert!(
        longer.notes.iter().any(|note| note.contains("lasts")),
        "{:?}",
        longer.notes
    );
}

#[test]
fn a_comparison_comes_back_from_json_to_the_bit() {
    let found = compared(&squats(40, 1.0, 90.0, 12.0, false), &squats(55, 1.0, 80.0, 0.0, true));
    let json = comparison_to_json(&found).unwrap();
    assert_eq!(comparison_from_json(&json).unwrap(), found);
    let newer = json.replacen("\"schema_version\":1", "\"schema_version\":9", 1);
    assert_eq!(comparison_from_json(&newer).unwrap_err().code(), "MOTION_NEWER_SCHEMA");
    assert_eq!(comparison_from_json("{}").unwrap_err().code(), "MOTION_MALFORMED_JSON");
    let mut broken = found;
    broken.angles[0].rmse_deg = f64::NAN;
    assert_eq!(comparison_to_json(&broken).unwrap_err().code(), "MOTION_NOT_FINITE");
}

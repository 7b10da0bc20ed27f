//! Scale, floor, symmetry and view, of figures for which they are known.

use marey_motion::findings::Scale;
use marey_motion::{Analysis, MotionError, Outcome, Point, Pose, Settings, Sex, Spaces, Subject, analyze};
use proptest::prelude::*;

use crate::angles::{moved, unfiltered};
use crate::kinematics::{given, measure};
use crate::support::{Figure, Joints, ORIGIN_PX, SCALE_PX, even_s, recording};

/// What the figure's segments add up to: heel to ankle, shank, thigh, back, and one and a half times shoulders to nose.
fn figure_height_m() -> f64 {
    0.06_f64.hypot(0.06) + 0.42 + 0.44 + 0.5 + 1.5 * 0.2_f64.hypot(0.11)
}

fn with_subject(subject: Subject) -> Settings {
    Settings {
        subject,
        ..unfiltered()
    }
}

fn tall(height_m: f64) -> Settings {
    with_subject(Subject {
        height_m: Some(height_m),
        ..Subject::default()
    })
}

fn scale(analysis: &Analysis) -> Scale {
    analysis.people[0].findings.scale.clone().unwrap()
}

fn moves(poses: impl Iterator<Item = Pose>, settings: &Settings) -> Analysis {
    let poses: Vec<_> = poses.map(Some).collect();
    analyze(&recording(even_s(poses.len(), 30.0), poses), settings).unwrap()
}

fn standing(settings: &Settings) -> Analysis {
    moves((0..20).map(|_| Figure::default().pose()), settings)
}

#[test]
fn a_known_height_gives_the_scale() {
    let known = scale(&standing(&tall(1.8)));
    assert_eq!(known.source, "person_height");
    assert!((known.m_per_px - 1.8 / (figure_height_m() * SCALE_PX)).abs() < 1e-8);
    assert!((known.confidence - 0.9).abs() < 1e-6);
}

#[test]
fn a_known_length_goes_before_a_known_height() {
    let settings = Settings {
        px_per_m: Some(250.0),
        ..tall(1.8)
    };
    let known = scale(&standing(&settings));
    assert_eq!((known.source.as_str(), known.m_per_px), ("known_length", 0.004));
    assert!((known.confidence - 1.0).abs() < 1e-6);
}

#[test]
fn nothing_known_gives_a_scale_that_says_so() {
    for (sex, height_m) in [(Sex::Female, 1.59), (Sex::Male, 1.71), (Sex::Mean, 1.65)] {
        let typical = scale(&standing(&with_subject(Subject { height_m: None, sex })));
        assert_eq!(typical.source, "typical_height");
        assert!((typical.m_per_px - height_m / (figure_height_m() * SCALE_PX)).abs() < 1e-8);
        assert!(typical.confidence <= 0.3);
    }
}

#[test]
fn a_body_without_legs_has_no_scale_and_what_needs_one_says_so() {
    let legless = moved(&Figure::default().pose(), |point| Point {
        visibility: if f64::from(point.y_px) > ORIGIN_PX[1] + 1.0 {
            0.0
        } else {
            0.9
        },
        ..*point
    });
    let analysis = moves((0..40).map(|_| legless.clone()), &tall(1.8));
    assert_eq!(analysis.people[0].findings.scale, None);
    let travel = measure(&analysis, "travel_speed");
    assert!(
        matches!(&travel.outcome, Outcome::Withheld { reason } if reason.contains("no scale")),
        "{travel:?}"
    );
    let kinematics = analysis.people[0].findings.kinematics.as_ref().unwrap();
    assert_eq!(kinematics.unit, marey_motion::findings::LengthUnit::Px);
}

#[test]
fn who_comes_nearer_is_trusted_less() {
    let nearer = (0..40).map(|frame| {
        Figure::default()
            .pose()
            .scaled(1.0 + 0.02 * frame as f32, 1.0 + 0.02 * frame as f32)
    });
    let nearer = scale(&moves(nearer, &tall(1.8)));
    assert!(
        nearer.confidence < 0.5 * scale(&standing(&tall(1.8))).confidence,
        "{}",
        nearer.confidence
    );
}

#[test]
fn impossible_heights_and_lengths_are_refused_by_name() {
    let refused = |settings: &Settings| match settings.validate() {
        Err(MotionError::InvalidSettings(reason)) => reason,
        other => panic!("{other:?}"),
    };
    for height_m in [180.0, 0.0, -1.8, f64::NAN, f64::INFINITY] {
        assert!(refused(&tall(height_m)).contains("height_m"));
    }
    for px_per_m in [0.0, -3.0, f64::NAN, f64::INFINITY] {
        let settings = Settings {
            px_per_m: Some(px_per_m),
            ..unfiltered()
        };
        assert!(refused(&settings).contains("px_per_m"));
    }
}

/// Somebody who stands still, steps a metre along a floor of this slope, and stands again, five times.
fn stepping(floor_deg: f64) -> impl Iterator<Item = Pose> {
    (0..100).map(move |frame| {
        let (steps, phase) = (frame / 20, frame % 20);
        let along_m = f64::from(steps) + f64::from((phase - 10).max(0)) / 10.0;
        let (x_px, y_px) = (SCALE_PX * along_m, -SCALE_PX * along_m * floor_deg.to_radians().tan());
        moved(&Figure::default().pose(), |point| Point {
            x_px: point.x_px + x_px as f32,
            y_px: point.y_px + y_px as f32,
            ..*point
        })
    })
}

#[test]
fn the_floor_is_the_line_of_the_footholds() {
    let toe_px = [ORIGIN_PX[0] + SCALE_PX * 0.19, ORIGIN_PX[1] + SCALE_PX * 0.92];
    for floor_deg in [-6.0, 0.0, 3.0] {
        let analysis = moves(stepping(floor_deg), &tall(1.8));
        let scale = scale(&analysis);
        let angle_deg = scale.floor_angle_deg.unwrap();
        assert!((angle_deg - floor_deg).abs() < 0.01, "{angle_deg}, not {floor_deg}");
        let at_left_px = toe_px[1] + toe_px[0] * floor_deg.to_radians().tan();
        assert!((scale.floor_at_left_px.unwrap() - at_left_px).abs() < 0.1);
        let is_noted = analysis
            .notes
            .iter()
            .any(|note| note.contains("floor under person 0 rises"));
        assert_eq!(is_noted, floor_deg != 0.0, "{:?}", analysis.notes);
        // Whoever walks up a slope stays as high above the floor.
        assert!(given(&analysis, "centre_of_mass_vertical_range") < 0.01);
    }
}

#[test]
fn who_stands_in_one_place_has_a_floor_without_an_angle() {
    let scale = scale(&standing(&tall(1.8)));
    assert_eq!(scale.floor_angle_deg, None);
    assert!((scale.floor_at_left_px.unwrap() - (ORIGIN_PX[1] + SCALE_PX * 0.92)).abs() < 1e-3);
}

#[test]
fn who_never_stands_still_has_no_floor() {
    let flying = (0..40).map(|frame| {
        moved(&Figure::default().pose(), |point| Point {
            x_px: point.x_px + 20.0 * frame as f32,
            ..*point
        })
    });
    assert_eq!(scale(&moves(flying, &tall(1.8))).floor_at_left_px, None);
}

/// Squats, the right knee so many times as deep as the left one.
fn squats(yaw_deg: f64, ratio: f64) -> Analysis {
    let poses = (0..60).map(move |frame| {
        let knee_deg = 40.0 * (1.0 - (f64::from(frame) * 0.2).cos());
        let joints = |knee_deg: f64| Joints {
            knee_deg,
            hip_deg: knee_deg / 2.0,
            ..Joints::default()
        };
        Figure {
            left: joints(knee_deg),
            right: joints(ratio * knee_deg),
            yaw_deg,
            ..Figure::default()
        }
        .pose()
    });
    moves(poses, &unfiltered())
}

#[test]
fn sides_that_move_alike_are_symmetric_and_others_as_much_as_they_differ() {
    let even = squats(0.0, 1.0);
    assert!(given(&even, "knee_flexion_range_symmetry_angle").abs() < 1e-3);
    assert!(given(&even, "knee_flexion_peak_symmetry_angle").abs() < 1e-3);
    let uneven = squats(180.0, 0.5);
    // (45 - atan(2)) / 90 * 100
    assert!((given(&uneven, "knee_flexion_range_symmetry_angle") + 20.4833).abs() < 1e-3);
    let still = measure(&even, "elbow_flexion_range_symmetry_angle");
    assert!(
        matches!(&still.outcome, Outcome::Withheld { reason } if reason.contains("moves by 5 degrees")),
        "{still:?}"
    );
}

#[test]
fn symmetry_is_withheld_where_the_view_does_not_allow_it() {
    for yaw_deg in [45.0, 90.0] {
        let analysis = squats(yaw_deg, 1.0);
        let knee = measure(&analysis, "knee_flexion_range_symmetry_angle");
        assert!(
            matches!(&knee.outcome, Outcome::Withheld { reason } if reason.contains("side")),
            "{knee:?}"
        );
    }
}

#[test]
fn the_share_of_time_out_of_the_image_plane_is_told() {
    let poses = (0..100).map(|frame| {
        Figure {
            yaw_deg: if frame < 38 { 90.0 } else { 0.0 },
            ..Figure::default()
        }
        .pose()
    });
    assert!((given(&moves(poses, &unfiltered()), "out_of_plane_share") - 38.0).abs() < 1e-9);
}

#[test]
fn a_picture_without_depth_does_not_tell_who_leaves_its_plane() {
    let poses = (0..100).map(|_| Some(Figure::default().pose()));
    let mut flat = recording(even_s(100, 30.0), poses.collect());
    flat.spaces = Spaces::Image;
    let analysis = analyze(&flat, &unfiltered()).unwrap();
    assert_eq!(analysis.people[0].camera_plane, None);
    let share = measure(&analysis, "out_of_plane_share");
    assert!(
        matches!(&share.outcome, Outcome::Withheld { reason } if reason.contains("no depth")),
        "{share:?}"
    );
}

proptest! {
    #[test]
    fn a_bent_body_is_as_tall_as_a_straight_one(
        knee_deg in 0.0..80.0, hip_deg in 0.0..80.0, trunk_deg in -20.0..90.0, left in any::<bool>(),
    ) {
        let joints = Joints { knee_deg, hip_deg, ..Joints::default() };
        let figure = Figure { trunk_deg, yaw_deg: if left { 180.0 } else { 0.0 }, ..Figure::symmetric(joints) };
        let bent = scale(&moves((0..5).map(|_| figure.pose()), &tall(1.8)));
        prop_assert!((bent.m_per_px - 1.8 / (figure_height_m() * SCALE_PX)).abs() < 1e-7);
    }

    #[test]
    fn the_scale_goes_with_the_size_in_the_picture(size in 0.3..3.0_f32, height_m in 0.5..2.5) {
        let sized = scale(&moves((0..5).map(|_| Figure::default().pose().scaled(size, size)), &tall(height_m)));
        let expected = height_m / (figure_height_m() * SCALE_PX * f64::from(size));
        prop_assert!((sized.m_per_px / expected - 1.0).abs() < 1e-5);
    }
}

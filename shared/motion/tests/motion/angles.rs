//! Angles of a jointed figure whose joints are known, and the laws that angles keep under motions of body and camera.

use marey_motion::{
    Analysis, Angle, AngleKind, AngleSeries, CameraPlane, Filter, Landmark, Point, Pose, Recording, Settings, Side,
    Space, View, analyze,
};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

/// Angles are kept as sums of 32-bit coordinates.
const EXACT_DEG: f64 = 2e-3;

pub(crate) fn unfiltered() -> Settings {
    Settings {
        filter: Filter::None,
        ..Settings::default()
    }
}

/// Three equal frames, which is what a view needs at least.
pub(crate) fn still(pose: &Pose) -> Recording {
    recording(even_s(3, 30.0), vec![Some(pose.clone()); 3])
}

pub(crate) fn value(analysis: &Analysis, angle: Angle, side: Option<Side>, space: Space) -> Option<f64> {
    analysis.people[0].series(angle, side, space).unwrap().value_deg[0]
}

fn expected_deg(figure: &Figure, angle: Angle, side: Option<Side>) -> f64 {
    let joints = if side == Some(Side::Right) {
        figure.right
    } else {
        figure.left
    };
    let thigh_deg = joints.hip_deg - figure.trunk_deg - 90.0;
    let arm_deg = joints.shoulder_deg - figure.trunk_deg - 90.0;
    match angle {
        Angle::Shoulders => 0.0,
        Angle::Head => 90.0 - figure.trunk_deg,
        Angle::Arm => arm_deg,
        Angle::Forearm => arm_deg + joints.elbow_deg,
        Angle::Hand => arm_deg + joints.elbow_deg + joints.wrist_deg,
        Angle::Thigh => thigh_deg,
        Angle::Shank => thigh_deg - joints.knee_deg,
        Angle::Foot => thigh_deg - joints.knee_deg + joints.ankle_deg + 90.0,
        Angle::AnkleDorsiflexion => joints.ankle_deg,
        Angle::KneeFlexion => joints.knee_deg,
        Angle::HipFlexion => joints.hip_deg,
        Angle::ShoulderFlexion => joints.shoulder_deg,
        Angle::ElbowFlexion => joints.elbow_deg,
        Angle::WristFlexion => joints.wrist_deg,
        Angle::Trunk => figure.trunk_deg,
        Angle::Pelvis => figure.pelvis_deg,
    }
}

fn joints() -> impl Strategy<Value = Joints> {
    (
        -50.0..35.0,
        -19.9..160.0,
        -40.0..140.0,
        -60.0..200.0,
        -20.0..160.0,
        -80.0..80.0,
    )
        .prop_map(
            |(ankle_deg, knee_deg, hip_deg, shoulder_deg, elbow_deg, wrist_deg)| Joints {
                ankle_deg,
                knee_deg,
                hip_deg,
                shoulder_deg,
                elbow_deg,
                wrist_deg,
            },
        )
}

pub(crate) fn figures() -> impl Strategy<Value = Figure> {
    (joints(), joints(), -80.0..110.0, -15.0..15.0).prop_map(|(left, right, trunk_deg, pelvis_deg)| Figure {
        left,
        right,
        trunk_deg,
        pelvis_deg,
        yaw_deg: 0.0,
    })
}

/// Moves every point of a pose, in the image and in the world alike.
pub(crate) fn moved(pose: &Pose, motion: impl Fn(&Point) -> Point) -> Pose {
    Pose {
        points: pose.points.iter().map(motion).collect(),
        ..pose.clone()
    }
}

/// As in a mirror: right becomes left in the picture, and the person's own sides change names.
fn mirrored(pose: &Pose, width_px: f32) -> Pose {
    let flipped = moved(pose, |point| Point {
        x_px: width_px - point.x_px,
        x_m: -point.x_m,
        ..*point
    });
    let other = |landmark: Landmark| {
        let name = landmark.name();
        let swapped = if name.contains("left") {
            name.replace("left", "right")
        } else {
            name.replace("right", "left")
        };
        Landmark::ALL
            .into_iter()
            .find(|landmark| landmark.name() == swapped)
            .unwrap()
    };
    Pose {
        points: Landmark::ALL
            .iter()
            .map(|&landmark| flipped.points[other(landmark).index()])
            .collect(),
        ..flipped
    }
}

pub(crate) fn close(a: Option<f64>, b: Option<f64>, tolerance: f64) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < tolerance,
        (a, b) => a == b,
    }
}

/// Whether an angle is the expected one, or the same direction a turn on where the angle goes by turns.
fn is_same(series: &AngleSeries, expected_deg: f64, tolerance_deg: f64) -> bool {
    let turn = series.angle.bounds(series.space).is_turn();
    series.value_deg[0].is_some_and(|value_deg| {
        let off_deg = value_deg - expected_deg;
        let off_deg = if turn {
            off_deg - 360.0 * (off_deg / 360.0).round()
        } else {
            off_deg
        };
        off_deg.abs() < tolerance_deg
    })
}

/// Lines across the body have no tilt in the image where the body is seen from the side.
fn is_across(angle: Angle) -> bool {
    matches!(angle, Angle::Pelvis | Angle::Shoulders)
}

#[test]
fn standing_is_zero_in_every_joint_from_every_side() {
    for yaw_deg in [0.0, 30.0, 150.0, 180.0, 210.0, 330.0] {
        let figure = Figure {
            yaw_deg,
            ..Figure::default()
        };
        let analysis = analyze(&still(&figure.pose()), &unfiltered()).unwrap();
        for series in &analysis.people[0].angles {
            if is_across(series.angle) && series.value_deg[0].is_none() {
                continue;
            }
            let expected_deg = match series.angle {
                Angle::Head => 90.0,
                Angle::Arm | Angle::Forearm | Angle::Hand | Angle::Thigh | Angle::Shank => -90.0,
                _ => 0.0,
            };
            assert!(
                close(series.value_deg[0], Some(expected_deg), EXACT_DEG),
                "{} is {:?} at yaw {yaw_deg}",
                series.id(),
                series.value_deg[0]
            );
        }
    }
}

#[test]
fn a_pelvis_seen_from_the_side_has_no_tilt_in_the_image() {
    let tilted = Figure {
        pelvis_deg: 8.0,
        ..Figure::default()
    };
    let seen = |yaw_deg: f64| {
        let pose = Figure { yaw_deg, ..tilted }.pose();
        let analysis = analyze(&still(&pose), &unfiltered()).unwrap();
        (
            value(&analysis, Angle::Pelvis, None, Space::Image),
            value(&analysis, Angle::Pelvis, None, Space::World),
        )
    };
    assert_eq!(seen(0.0).0, None);
    assert!(close(seen(90.0).0, Some(8.0), EXACT_DEG), "{:?}", seen(90.0));
    assert!(
        close(seen(270.0).0, Some(8.0), EXACT_DEG),
        "the subject's left stays the left from behind"
    );
    assert!(close(seen(0.0).1, Some(8.0), EXACT_DEG));
}

#[test]
fn a_limb_held_sideways_has_no_flexion_in_the_world() {
    let mut pose = Figure::default().pose();
    let shoulder = pose.points[Landmark::LeftShoulder.index()];
    let elbow = &mut pose.points[Landmark::LeftElbow.index()];
    *elbow = Point {
        x_m: shoulder.x_m,
        y_m: shoulder.y_m,
        z_m: shoulder.z_m + 0.29,
        ..*elbow
    };
    let analysis = analyze(&still(&pose), &unfiltered()).unwrap();
    assert_eq!(
        value(&analysis, Angle::ShoulderFlexion, Some(Side::Left), Space::World),
        None
    );
    assert!(value(&analysis, Angle::ShoulderFlexion, Some(Side::Right), Space::World).is_some());
}

#[test]
fn the_camera_plane_follows_the_yaw() {
    for (yaw_deg, deviation_deg, view) in [
        (0.0, 0.0, View::Side),
        (20.0, 20.0, View::Side),
        (45.0, 45.0, View::Oblique),
        (90.0, 90.0, View::Frontal),
        (130.0, 50.0, View::Oblique),
        (240.0, 60.0, View::Frontal),
        (350.0, 10.0, View::Side),
    ] {
        let pose = Figure {
            yaw_deg,
            trunk_deg: 15.0,
            ..Figure::default()
        }
        .pose();
        let analysis = analyze(&still(&pose), &unfiltered()).unwrap();
        let plane = analysis.people[0].camera_plane.unwrap();
        assert!(
            (plane.deviation_deg - deviation_deg).abs() < 0.01,
            "{plane:?} at yaw {yaw_deg}"
        );
        assert_eq!(plane.view, view);
        assert_eq!(
            analysis.notes.is_empty(),
            view == View::Side,
            "a doubtful view is noted"
        );
    }
    assert_eq!(CameraPlane::from_deviation_deg(25.0).view, View::Side);
    assert_eq!(CameraPlane::from_deviation_deg(55.0).view, View::Frontal);
}

#[test]
fn a_person_who_turns_away_from_a_side_view_is_noted() {
    let turned = |frames: usize| {
        let poses = (0..100).map(|frame| {
            let yaw_deg = if frame < frames { 90.0 } else { 0.0 };
            let figure = Figure {
                yaw_deg,
                ..Figure::default()
            };
            Some(figure.pose())
        });
        analyze(&recording(even_s(100, 30.0), poses.collect()), &unfiltered()).unwrap()
    };
    assert!(turned(5).notes.is_empty());
    let analysis = turned(38);
    assert_eq!(analysis.people[0].camera_plane.unwrap().view, View::Side);
    assert!(
        matches!(analysis.notes.as_slice(), [note] if note.contains("38 %")),
        "{:?}",
        analysis.notes
    );
    let frontal = turned(100);
    assert_eq!(frontal.people[0].camera_plane.unwrap().view, View::Frontal);
    assert!(
        matches!(frontal.notes.as_slice(), [note] if note.contains("front or back") && note.contains("film from the side")),
        "{:?}",
        frontal.notes
    );
}

#[test]
fn the_side_seen_is_kept_through_a_view_from_the_front() {
    let squat = Joints {
        knee_deg: 60.0,
        hip_deg: 40.0,
        ..Joints::default()
    };
    let poses = (0..=180).map(|yaw_deg| {
        Some(
            Figure {
                yaw_deg: f64::from(yaw_deg),
                ..Figure::symmetric(squat)
            }
            .pose(),
        )
    });
    let analysis = analyze(&recording(even_s(181, 30.0), poses.collect()), &unfiltered()).unwrap();
    let knee = analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Left), Space::Image)
        .unwrap();
    for frame in [0, 40, 140, 180] {
        // Seen aslant the knee is foreshortened, but its sign is that of the side seen.
        assert!(
            knee.value_deg[frame].unwrap() > 40.0,
            "frame {frame}: {:?}",
            knee.value_deg[frame]
        );
    }
    let world = analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Left), Space::World)
        .unwrap();
    assert!(world.value_deg.iter().all(|&value| close(value, Some(60.0), EXACT_DEG)));
}

proptest! {
    #[test]
    fn image_angles_are_those_of_the_joints_seen_from_either_side(figure in figures(), left in any::<bool>()) {
        let figure = Figure { yaw_deg: if left { 180.0 } else { 0.0 }, pelvis_deg: 0.0, ..figure };
        let analysis = analyze(&still(&figure.pose()), &unfiltered()).unwrap();
        for series in analysis.people[0].angles.iter().filter(|series| series.space == Space::Image && !is_across(series.angle)) {
            let expected = expected_deg(&figure, series.angle, series.side);
            let expected = if matches!(series.angle, Angle::ElbowFlexion | Angle::WristFlexion) { expected.abs() } else { expected };
            prop_assert!(is_same(series, expected, EXACT_DEG), "{} {:?} {expected}", series.id(), series.value_deg[0]);
        }
    }

    #[test]
    fn world_angles_are_those_of_the_joints_from_every_direction(figure in figures(), yaw_deg in 0.0..360.0) {
        let figure = Figure { yaw_deg, pelvis_deg: 0.0, ..figure };
        let analysis = analyze(&still(&figure.pose()), &unfiltered()).unwrap();
        for series in analysis.people[0].angles.iter().filter(|series| series.space == Space::World) {
            let expected = expected_deg(&figure, series.angle, series.side);
            let unsigned = matches!(series.angle, Angle::KneeFlexion | Angle::ElbowFlexion | Angle::WristFlexion);
            let expected = if unsigned { expected.abs() } else { expected };
            prop_assert!(is_same(series, expected, 0.02), "{} {:?} {expected}", series.id(), series.value_deg[0]);
        }
    }

    #[test]
    fn joint_angles_do_not_depend_on_place_size_and_roll(
        figure in figures(), roll_deg in 0.0..360.0_f64, size in 0.3..3.0_f64, shift in (-200.0..200.0_f64, -200.0..200.0_f64),
    ) {
        let pose = figure.pose();
        let (sin, cos) = roll_deg.to_radians().sin_cos();
        let turn = |x: f32, y: f32| (
            (size * (f64::from(x) * cos - f64::from(y) * sin)) as f32,
            (size * (f64::from(x) * sin + f64::from(y) * cos)) as f32,
        );
        let rolled = moved(&pose, |point| {
            let ((x_px, y_px), (x_m, y_m)) = (turn(point.x_px, point.y_px), turn(point.x_m, point.y_m));
            Point { x_px: x_px + shift.0 as f32, y_px: y_px + shift.1 as f32, x_m, y_m, z_m: point.z_m * size as f32, ..*point }
        });
        let before = analyze(&still(&pose), &unfiltered()).unwrap();
        let after = analyze(&still(&rolled), &unfiltered()).unwrap();
        for (one, other) in before.people[0].angles.iter().zip(&after.people[0].angles) {
            if one.angle.kind() == AngleKind::Joint {
                prop_assert!(close(one.value_deg[0], other.value_deg[0], 0.05), "{}", one.id());
            }
        }
    }

    #[test]
    fn a_mirrored_body_has_its_sides_exchanged(figure in figures(), yaw_deg in 0.0..360.0) {
        let pose = Figure { yaw_deg, ..figure }.pose();
        let one = analyze(&still(&pose), &unfiltered()).unwrap();
        let other = analyze(&still(&mirrored(&pose, 640.0)), &unfiltered()).unwrap();
        // Seen from front or back a mirror image cannot be told from a body that shows its other side.
        let deviation_deg = one.people[0].camera_plane.unwrap().deviation_deg;
        prop_assume!(deviation_deg < 50.0);
        for series in &one.people[0].angles {
            let side = series.side.map(|side| if side == Side::Left { Side::Right } else { Side::Left });
            let twin = other.people[0].series(series.angle, side, series.space).unwrap();
            let sign = if is_across(series.angle) { -1.0 } else { 1.0 };
            prop_assert!(close(twin.value_deg[0].map(|value| sign * value), series.value_deg[0], 0.02), "{}", series.id());
        }
    }
}

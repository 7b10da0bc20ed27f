//! The range that each angle keeps to, and which of its signs and turns is taken.

use marey_motion::{Angle, Landmark, Point, Pose, Side, Space, analyze};
use proptest::prelude::*;

use crate::angles::{close, figures, moved, still, unfiltered, value};
use crate::support::{Figure, Joints, even_s, recording};

/// Angles are kept as sums of 32-bit coordinates.
const EXACT_DEG: f64 = 2e-3;

/// Landmarks anywhere, which no body has: what a model finds at its worst. On the coarse grid many lie in line.
fn any_pose() -> impl Strategy<Value = Pose> {
    let point = (0..64_i16, 0..48_i16, -3..=3_i16, -3..=3_i16, -3..=3_i16, 0.0..1.0_f32);
    let point = point.prop_map(|(x_px, y_px, x_m, y_m, z_m, visibility)| Point {
        x_px: 10.0 * f32::from(x_px),
        y_px: 10.0 * f32::from(y_px),
        z_px: 0.0,
        x_m: 0.3 * f32::from(x_m),
        y_m: 0.3 * f32::from(y_m),
        z_m: 0.3 * f32::from(z_m),
        visibility,
        presence: visibility,
    });
    proptest::collection::vec(point, Landmark::ALL.len()).prop_map(|points| Pose { score: 0.9, points })
}

/// The ranges of docs/MOTION.md, which has a row for each angle: `| … (`id`) | … | [−20, 180]; world [0, 180] | … |`.
#[test]
fn the_documented_ranges_are_those_of_the_code() {
    let docs = include_str!("../../../../docs/MOTION.md").replace('−', "-");
    for angle in Angle::ALL {
        let row = docs
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("(`{}`)", angle.id())));
        let row = row.unwrap_or_else(|| panic!("docs/MOTION.md has no row for {}", angle.id()));
        let [image, world] = Space::ALL.map(|space| angle.bounds(space).to_string());
        let range = if image == world {
            image
        } else {
            format!("{image}; world {world}")
        };
        assert!(
            row.contains(&format!("| {range} |")),
            "{} is {range}, not as in {row}",
            angle.id()
        );
    }
}

#[test]
fn bounds_hold_every_direction_once() {
    for bounds in Angle::ALL
        .into_iter()
        .flat_map(|angle| Space::ALL.map(|space| angle.bounds(space)))
    {
        let (least, greatest) = (bounds.least_deg(), bounds.greatest_deg());
        if bounds.is_turn() {
            assert!((greatest - least - 360.0).abs() < 1e-12);
            assert_ne!(bounds.contains(least), bounds.contains(greatest), "{bounds}");
        } else {
            assert!(bounds.contains(least) && bounds.contains(greatest), "{bounds}");
        }
        assert!(!bounds.contains(least - 1e-9) && !bounds.contains(greatest + 1e-9) && !bounds.contains(f64::NAN));
    }
}

/// The angle of a figure that moves one joint, frame by frame, as measured from either side and in the world.
fn swung(angle: Angle, turn_deg: &[f64], joints: impl Fn(f64) -> Joints) -> Vec<Vec<Option<f64>>> {
    let measured = |yaw_deg: f64, space: Space| {
        let poses = turn_deg.iter().map(|&turn_deg| {
            let figure = Figure {
                yaw_deg,
                ..Figure::symmetric(joints(turn_deg))
            };
            Some(figure.pose())
        });
        let analysis = analyze(&recording(even_s(turn_deg.len(), 30.0), poses.collect()), &unfiltered()).unwrap();
        let series = analysis.people[0].series(angle, Some(Side::Left), space).unwrap();
        assert_eq!(series.raw_deg, series.value_deg);
        series.value_deg.clone()
    };
    vec![
        measured(0.0, Space::Image),
        measured(180.0, Space::Image),
        measured(30.0, Space::World),
    ]
}

#[test]
fn an_arm_swings_overhead_without_a_jump_and_a_second_turn_reads_as_the_first() {
    let turns_deg: Vec<f64> = (0..180).map(|frame| 4.0 * f64::from(frame) - 88.0).collect();
    let swung = swung(Angle::ShoulderFlexion, &turns_deg, |shoulder_deg| Joints {
        shoulder_deg,
        ..Joints::default()
    });
    for series in swung {
        for (frame, (&value, &turn_deg)) in series.iter().zip(&turns_deg).enumerate() {
            let first_turn_deg = if frame < 90 { turn_deg } else { turn_deg - 360.0 };
            assert!(close(value, Some(first_turn_deg), EXACT_DEG), "{value:?} at {turn_deg}");
        }
    }
}

#[test]
fn a_thigh_swings_from_far_behind_past_the_chest_without_a_jump() {
    let turns_deg: Vec<f64> = (0..88).map(|frame| 4.0 * f64::from(frame) - 118.0).collect();
    let swung = swung(Angle::HipFlexion, &turns_deg, |hip_deg| Joints {
        hip_deg,
        ..Joints::default()
    });
    for series in swung {
        for (&value, &turn_deg) in series.iter().zip(&turns_deg) {
            assert!(close(value, Some(turn_deg), EXACT_DEG), "{value:?} at {turn_deg}");
        }
    }
}

#[test]
fn only_a_little_backward_bend_of_the_knee_is_hyperextension() {
    let turns_deg = [-170.0, -60.0, -21.0, -19.0, -5.0, 0.0, 5.0, 21.0, 179.0];
    let expected_deg = [170.0, 60.0, 21.0, -19.0, -5.0, 0.0, 5.0, 21.0, 179.0];
    let swung = swung(Angle::KneeFlexion, &turns_deg, |knee_deg| Joints {
        knee_deg,
        ..Joints::default()
    });
    let unsigned_deg = turns_deg.map(f64::abs);
    for (series, expected_deg) in swung.iter().zip([expected_deg, expected_deg, unsigned_deg]) {
        for (&value, expected_deg) in series.iter().zip(expected_deg) {
            assert!(
                close(value, Some(expected_deg), EXACT_DEG),
                "{value:?}, not {expected_deg}"
            );
        }
    }
}

#[test]
fn elbow_and_wrist_have_no_sign() {
    for (angle, space) in [Angle::ElbowFlexion, Angle::WristFlexion]
        .into_iter()
        .flat_map(|angle| Space::ALL.map(|space| (angle, space)))
    {
        for bend_deg in [-120.0, -30.0, 30.0, 120.0_f64] {
            let figure = Figure::symmetric(Joints {
                elbow_deg: bend_deg,
                wrist_deg: bend_deg,
                ..Joints::default()
            });
            let analysis = analyze(&still(&figure.pose()), &unfiltered()).unwrap();
            let measured = value(&analysis, angle, Some(Side::Right), space);
            assert!(close(measured, Some(bend_deg.abs()), EXACT_DEG), "{measured:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_angle_stays_in_its_range_whatever_the_pose(poses in proptest::collection::vec(any_pose(), 3..12)) {
        let analysis = analyze(&recording(even_s(poses.len(), 30.0), poses.into_iter().map(Some).collect()), &unfiltered()).unwrap();
        for series in &analysis.people[0].angles {
            for value in series.value_deg.iter().chain(&series.raw_deg).flatten() {
                let bounds = series.angle.bounds(series.space);
                prop_assert!(bounds.contains(*value), "{} is {value}, not in {bounds}", series.id());
            }
        }
    }

    #[test]
    fn the_same_pose_has_the_same_angles_whatever_came_before(
        before in proptest::collection::vec(figures(), 3..12), figure in figures(), left in any::<bool>(),
    ) {
        // From the side, where each frame tells for itself which side is seen.
        let yaw_deg = if left { 180.0 } else { 0.0 };
        let pose = Figure { yaw_deg, ..figure }.pose();
        let mut poses: Vec<_> = before.into_iter().map(|figure| Some(figure.pose())).collect();
        poses.push(Some(pose.clone()));
        let after = analyze(&recording(even_s(poses.len(), 30.0), poses), &unfiltered()).unwrap();
        let alone = analyze(&still(&pose), &unfiltered()).unwrap();
        for (one, other) in alone.people[0].angles.iter().zip(&after.people[0].angles) {
            prop_assert_eq!(one.value_deg[0], *other.value_deg.last().unwrap(), "{}", one.id());
        }
    }

    #[test]
    fn unsigned_angles_are_the_same_in_a_mirror_and_when_turned(pose in any_pose(), roll_deg in 0.0..360.0_f32) {
        // Off the grid, so that no two places coincide.
        let pose = moved(&pose, |point| Point {
            x_px: point.x_px + 5.0 * point.visibility,
            x_m: point.x_m + 0.1 * point.visibility,
            ..*point
        });
        let (sin, cos) = roll_deg.to_radians().sin_cos();
        let flipped = moved(&pose, |point| Point { x_px: 640.0 - point.x_px, x_m: -point.x_m, ..*point });
        let rolled = moved(&pose, |point| Point {
            x_px: point.x_px * cos - point.y_px * sin,
            y_px: point.x_px * sin + point.y_px * cos,
            x_m: point.x_m * cos - point.y_m * sin,
            y_m: point.x_m * sin + point.y_m * cos,
            ..*point
        });
        let [one, flipped, rolled] = [pose, flipped, rolled].map(|pose| analyze(&still(&pose), &unfiltered()).unwrap());
        for other in [flipped, rolled] {
            for (one, other) in one.people[0].angles.iter().zip(&other.people[0].angles) {
                let is_unsigned = matches!(one.angle, Angle::ElbowFlexion | Angle::WristFlexion | Angle::AnkleDorsiflexion)
                    || (one.space == Space::World && one.angle == Angle::KneeFlexion);
                if is_unsigned {
                    prop_assert!(close(one.value_deg[0], other.value_deg[0], 0.5), "{}: {:?} {:?}", one.id(), one.value_deg, other.value_deg);
                }
            }
        }
    }
}

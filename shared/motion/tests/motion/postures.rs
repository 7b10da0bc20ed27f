//! What a posture is taken for: handstands, planks, chairs, turns and pauses, of figures for which that is known.

use marey_motion::compare::{ComparisonSettings, compare};
use marey_motion::repetitions::{GaitCycles, Movement, gait_cycles};
use marey_motion::{
    Analysis, Angle, AngleRange, Event, EventKind, Landmark, Point, Pose, Recording, Settings, Side, Space, View,
    analyze,
};

use crate::gait::{given, measure, reason};
use crate::support::{Figure, Joints, SCALE_PX, even_s, recording};

/// Turned in the picture's plane, as if somebody stood otherwise before the same camera: 90 lies with the head to the left.
fn turned(mut pose: Pose, angle_deg: f64) -> Pose {
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let turn = |[x, y]: [f32; 2]| {
        let (x, y) = (f64::from(x), f64::from(y));
        [(cos * x + sin * y) as f32, (cos * y - sin * x) as f32]
    };
    for point in &mut pose.points {
        let [x_px, y_px] = turn([point.x_px - 320.0, point.y_px - 260.0]);
        let [x_m, y_m] = turn([point.x_m, point.y_m]);
        *point = Point {
            x_px: 320.0 + x_px,
            y_px: 260.0 + y_px,
            x_m,
            y_m,
            ..*point
        };
    }
    pose
}

fn lasting(seconds: f64, pose: impl Fn(f64) -> Pose) -> Recording {
    let time_s = even_s((30.0 * seconds) as usize, 30.0);
    let poses = time_s.iter().map(|&time_s| Some(pose(time_s))).collect();
    recording(time_s, poses)
}

fn analysed(recording: &Recording) -> Analysis {
    let known = Settings {
        px_per_m: Some(SCALE_PX),
        ..Settings::default()
    };
    analyze(recording, &known).unwrap()
}

fn range(analysis: &Analysis, angle: Angle) -> AngleRange {
    analysis.people[0]
        .series(angle, None, Space::Image)
        .unwrap()
        .range
        .unwrap()
}

#[test]
fn who_sways_upside_down_moves_by_little() {
    let sway_deg = |time_s: f64| 2.0 * (std::f64::consts::TAU * 0.4 * time_s).sin();
    let handstand = lasting(10.0, |time_s| {
        turned(Figure::default().pose(), 180.0 + sway_deg(time_s))
    });
    let analysis = analysed(&handstand);
    for angle in [Angle::Trunk, Angle::Head] {
        let range = range(&analysis, angle);
        assert!((range.range_of_motion_deg() - 4.0).abs() < 0.3, "{angle:?} {range:?}");
    }
    let trunk = range(&analysis, Angle::Trunk);
    assert!((trunk.mean_deg.abs() - 180.0).abs() < 0.3, "{trunk:?}");
    let findings = &analysis.people[0].findings;
    assert!((given(&findings.measures, "range_of_motion_trunk", None) - 4.0).abs() < 0.3);
    let found = findings.repetitions.as_ref().unwrap();
    assert!(found.segments.is_empty(), "{found:?}");
}

#[test]
fn two_handstands_are_compared_the_short_way() {
    let leans = [178.0, 181.0].map(|lean_deg| {
        let sway_deg = |time_s: f64| lean_deg + 2.0 * (std::f64::consts::TAU * 0.4 * time_s).sin();
        analysed(&lasting(5.0, |time_s| {
            turned(Figure::default().pose(), sway_deg(time_s))
        }))
    });
    let found = compare(&leans[0], &leans[1], &ComparisonSettings::default()).unwrap();
    assert!(found.warp.mean_distance < 10.0, "{}", found.warp.mean_distance);
}

#[test]
fn only_who_stands_stands() {
    let seated = |yaw_deg: f64| Figure {
        yaw_deg,
        ..Figure::symmetric(Joints {
            hip_deg: 90.0,
            knee_deg: 90.0,
            ..Joints::default()
        })
    };
    let plank = turned(Figure::default().pose(), 80.0);
    let none = [
        ("on a chair", seated(0.0).pose()),
        ("on a chair, from the front", seated(90.0).pose()),
        ("plank", plank),
    ];
    for (what, pose) in none {
        let analysis = analysed(&lasting(20.0, |_| pose.clone()));
        let measures = &analysis.people[0].findings.measures;
        assert!(
            reason(measures, "standing_time", None).contains("stood still"),
            "{what}"
        );
    }
    for yaw_deg in [0.0, 90.0] {
        let standing = Figure {
            yaw_deg,
            ..Figure::default()
        };
        let analysis = analysed(&lasting(20.0, |_| standing.pose()));
        let measures = &analysis.people[0].findings.measures;
        assert!(given(measures, "standing_time", None) > 19.9);
    }
}

#[test]
fn who_comes_to_switch_the_camera_off_stood_before() {
    let approach = lasting(23.0, |time_s| {
        let times = 1.0 + ((time_s - 20.0) / 3.0).max(0.0);
        Figure::default().pose().scaled(times as f32, times as f32)
    });
    let measures = &analysed(&approach).people[0].findings.measures;
    assert!((given(measures, "standing_time", None) - 20.0).abs() < 0.5);
}

#[test]
fn the_farther_foot_looks_higher_and_is_not_lifted() {
    let standing = |lift_legs: f32| {
        let mut pose = Figure::default().pose();
        for landmark in [Landmark::LeftAnkle, Landmark::LeftHeel, Landmark::LeftFootIndex] {
            pose.points[landmark.index()].y_px -= lift_legs * 0.86 * SCALE_PX as f32;
        }
        analysed(&lasting(10.0, |_| pose.clone()))
    };
    for (lift_legs, method) in [(0.15, "prieto_1996_on_two_legs"), (0.35, "prieto_1996_on_one_leg")] {
        let analysis = standing(lift_legs);
        let time = measure(&analysis.people[0].findings.measures, "standing_time", None);
        assert_eq!(time.method, method, "{lift_legs}: {:?}", time.outcome);
    }
}

#[test]
fn a_pause_of_the_camera_is_not_stood_through() {
    let time_s: Vec<f64> = (0..120)
        .map(|frame| f64::from(frame) / 30.0 + if frame < 60 { 0.0 } else { 8.0 })
        .collect();
    let analysis = analysed(&recording(time_s, vec![Some(Figure::default().pose()); 120]));
    assert!(reason(&analysis.people[0].findings.measures, "standing_time", None).contains("stood still"));
    // Every few seconds a picture: nothing is infinite, and the rest of the analysis is there.
    for frames in [2, 3, 10] {
        let time_s = even_s(frames, 1.0 / 6.0);
        let analysis = analysed(&recording(time_s, vec![Some(Figure::default().pose()); frames]));
        analysis.validate().unwrap();
        assert!(reason(&analysis.people[0].findings.measures, "sway_ellipse_area", None).contains("fewer than 50"));
    }
}

#[test]
fn push_ups_are_no_squats() {
    let lying = turned(Figure::default().pose(), 80.0);
    let ankles = |pose: &Pose| pose.points[Landmark::LeftAnkle.index()];
    // Whoever does them stands before and after, with the feet in the same place.
    let mut standing = Figure::default().pose();
    let (from, to) = (ankles(&standing), ankles(&lying));
    for point in &mut standing.points {
        point.x_px += to.x_px - from.x_px;
        point.y_px += to.y_px - from.y_px;
    }
    let push_ups = lasting(14.0, |time_s| {
        if !(2.0..12.0).contains(&time_s) {
            return standing.clone();
        }
        let share = 0.5 - 0.5 * (std::f64::consts::TAU * 0.5 * time_s).cos();
        let mut pose = lying.clone();
        // Shoulders and hips sink while the feet stay.
        for point in &mut pose.points[..25] {
            point.y_px += (0.25 * share * SCALE_PX) as f32;
        }
        pose
    });
    let measures = &analysed(&push_ups).people[0].findings.measures;
    for side in [Side::Left, Side::Right] {
        assert!(reason(measures, "squat_knee_flexion", Some(side)).contains("no squat"));
    }
}

#[test]
fn who_lies_on_the_side_before_the_camera_is_not_seen_from_the_side() {
    for yaw_deg in [82.0, 90.0] {
        let figure = Figure {
            yaw_deg,
            ..Figure::default()
        };
        let analysis = analysed(&lasting(2.0, |_| turned(figure.pose(), 90.0)));
        let plane = analysis.people[0].camera_plane.unwrap();
        assert_eq!(plane.view, View::Frontal, "{plane:?}");
        assert!(plane.deviation_deg > 80.0);
    }
}

#[test]
fn what_was_seen_for_a_while_has_its_range() {
    let bends = |time_s: f64| {
        Figure::symmetric(Joints {
            knee_deg: 40.0 - 40.0 * (std::f64::consts::TAU * 0.5 * time_s).cos(),
            ..Joints::default()
        })
        .pose()
    };
    let mut recording = lasting(60.0, bends);
    recording.people[0].poses[300..].fill(None);
    let analysis = analysed(&recording);
    let measures = &analysis.people[0].findings.measures;
    assert!((given(measures, "range_of_motion_knee_flexion", Some(Side::Left)) - 80.0).abs() < 1.0);
    given(measures, "knee_flexion_range_symmetry_angle", None);
}

#[test]
fn a_turn_is_no_gait_cycle() {
    let analysis = analysed(&lasting(10.0, |_| Figure::default().pose()));
    let strikes = [0.5, 1.6, 2.7, 3.8, 6.0, 7.1, 8.2];
    let events = strikes.map(|time_s| Event {
        kind: EventKind::HeelStrike,
        side: Some(Side::Left),
        time_s,
        confidence: 1.0,
    });
    let movement = Movement::of(&analysis, &analysis.people[0]);
    let found = gait_cycles(&movement, &events, &GaitCycles::of(Side::Left)).unwrap();
    assert_eq!(found.segments.len(), 5, "{found:?}");
    assert!(found.segments.iter().all(|one| (one.duration_s() - 1.1).abs() < 1e-9));
    assert!(found.notes[0].starts_with("1 of 6 stretches"), "{:?}", found.notes);
    // Of two, the longer one is that of a strike that was missed.
    let found = gait_cycles(
        &movement,
        &[events[0], events[1], events[4]],
        &GaitCycles::of(Side::Left),
    )
    .unwrap();
    assert!(
        found.segments.len() == 1 && found.segments[0].duration_s() < 1.2,
        "{found:?}"
    );
}

/// Where the hips are in leg lengths in the middle of each step of somebody who turns round: the way of each step is told.
const TURN_LEGS: [f64; 12] = [
    0.69, 0.69, 0.69, 0.69, 0.42, -0.08, -0.42, -0.63, -0.69, -0.69, -0.69, -0.69,
];
const STEP_S: f64 = 0.55;

/// Legs like the blades of scissors, hips on their way, and feet that point where it leads.
fn turning(time_s: f64) -> Pose {
    let steps = time_s / STEP_S;
    let (whole, share) = (steps as usize, steps.fract());
    let before: f64 = TURN_LEGS[..whole].iter().sum();
    let hips_px = SCALE_PX * 0.86 * (before + share * TURN_LEGS[whole]);
    let spread_px = SCALE_PX * 0.86 * 0.3 * (std::f64::consts::PI * steps).cos();
    let ahead = if whole < 5 { 1.0 } else { -1.0 };
    let mut pose = Figure::default().pose();
    for point in &mut pose.points {
        point.x_px = (f64::from(point.x_px) - 320.0 + hips_px) as f32;
    }
    let feet: [([Landmark; 3], f64); 2] = [
        ([Landmark::LeftAnkle, Landmark::LeftHeel, Landmark::LeftFootIndex], 1.0),
        (
            [Landmark::RightAnkle, Landmark::RightHeel, Landmark::RightFootIndex],
            -1.0,
        ),
    ];
    for ([ankle, heel, toe], side) in feet {
        let at = hips_px + side * spread_px;
        for (landmark, ahead_px) in [(ankle, 0.0), (heel, -14.0), (toe, 46.0)] {
            pose.points[landmark.index()].x_px = (at + ahead * ahead_px) as f32;
        }
    }
    pose
}

#[test]
fn who_turns_round_walks_in_two_bouts() {
    let analysis = analysed(&lasting(STEP_S * 9.9, turning));
    let measures = &analysis.people[0].findings.measures;
    // Two bouts were found, in which the feet point where the way leads. They slide, and so neither strike nor leave the floor.
    let cadence = reason(measures, "cadence", None);
    assert_eq!(cadence, "there is no steady stride whose events were all found");
}

//! Agreement with `Sports2D`, number for number, and every difference to it by its rule.

use std::collections::BTreeMap;

use marey_motion::{Analysis, Angle, Landmark, Pose, Side, Space, Subject, analyze};
use serde::Deserialize;

use crate::angles::{moved, unfiltered};
use crate::support::{Figure, even_s, recording};

#[derive(Deserialize)]
struct Golden {
    frames: Vec<Frame>,
    height_px: f64,
}

#[derive(Deserialize)]
struct Frame {
    points_px: BTreeMap<String, [f64; 2]>,
    angles_deg: BTreeMap<String, f64>,
}

/// The landmark for a name of `Sports2D`. Its `Index` is a place of the hand, for which both knuckles of Marey's stand; its `Head` is that of
/// either ear.
fn landmarks(name: &str) -> Vec<Landmark> {
    use Landmark as L;
    let of = |left: L, right: L| vec![if name.starts_with('L') { left } else { right }];
    match name {
        "Nose" => vec![L::Nose],
        "Head" => vec![L::LeftEar, L::RightEar],
        "LIndex" => vec![L::LeftIndex, L::LeftPinky],
        "RIndex" => vec![L::RightIndex, L::RightPinky],
        _ => match &name[1..] {
            "Shoulder" => of(L::LeftShoulder, L::RightShoulder),
            "Elbow" => of(L::LeftElbow, L::RightElbow),
            "Wrist" => of(L::LeftWrist, L::RightWrist),
            "Hip" => of(L::LeftHip, L::RightHip),
            "Knee" => of(L::LeftKnee, L::RightKnee),
            "Ankle" => of(L::LeftAnkle, L::RightAnkle),
            "Heel" => of(L::LeftHeel, L::RightHeel),
            "BigToe" => of(L::LeftFootIndex, L::RightFootIndex),
            _ => panic!("Sports2D has no {name}"),
        },
    }
}

fn pose(frame: &Frame) -> Pose {
    let mut pose = moved(&Figure::default().pose(), |point| *point);
    for (name, &[x_px, y_px]) in &frame.points_px {
        for landmark in landmarks(name) {
            let point = &mut pose.points[landmark.index()];
            (point.x_px, point.y_px) = (x_px as f32, y_px as f32);
        }
    }
    pose
}

fn analysed() -> (Golden, Analysis) {
    let golden: Golden = serde_json::from_str(include_str!("../reference/sports2d.json")).unwrap();
    let poses = golden.frames.iter().map(|frame| Some(pose(frame))).collect();
    let settings = marey_motion::Settings {
        subject: Subject {
            height_m: Some(1.0),
            ..Subject::default()
        },
        // Each frame is a posture of its own, not a movement.
        repair_swaps: false,
        view: None,
        ..unfiltered()
    };
    let analysis = analyze(&recording(even_s(golden.frames.len(), 30.0), poses), &settings).unwrap();
    (golden, analysis)
}

/// How far two directions are apart in degrees.
fn apart_deg(one: f64, other: f64) -> f64 {
    let off = (one - other).rem_euclid(360.0);
    off.min(360.0 - off)
}

const EXACT_DEG: f64 = 1e-9;

#[test]
fn joints_and_segments_agree_to_a_billionth_of_a_degree() {
    let (golden, analysis) = analysed();
    let same = [
        ("hip", Angle::HipFlexion),
        ("shoulder", Angle::ShoulderFlexion),
        ("foot", Angle::Foot),
        ("shank", Angle::Shank),
        ("thigh", Angle::Thigh),
        ("arm", Angle::Arm),
        ("forearm", Angle::Forearm),
        ("hand", Angle::Hand),
    ];
    let mut compared = 0;
    for (frame, expected) in golden.frames.iter().enumerate() {
        let measured = |angle, side| analysis.people[0].series(angle, side, Space::Image).unwrap().value_deg[frame];
        for side in [Side::Left, Side::Right] {
            for (name, angle) in same {
                let value_deg = measured(angle, Some(side)).unwrap();
                let theirs_deg = expected.angles_deg[&format!("{} {name}", side.id())];
                assert!(
                    apart_deg(value_deg, theirs_deg) < EXACT_DEG,
                    "{name} {value_deg}, not {theirs_deg}"
                );
                compared += 1;
            }
        }
        let head_deg = measured(Angle::Head, None).unwrap();
        assert!(apart_deg(head_deg, expected.angles_deg["head"]) < EXACT_DEG);
    }
    assert_eq!(compared, 60 * 16);
}

#[test]
fn where_marey_differs_it_does_so_by_rule() {
    let (golden, analysis) = analysed();
    for (frame, expected) in golden.frames.iter().enumerate() {
        let measured = |angle, side| analysis.people[0].series(angle, side, Space::Image).unwrap().value_deg[frame];
        let theirs = |name: &str| expected.angles_deg[name];
        for side in [Side::Left, Side::Right] {
            let theirs = |name: &str| theirs(&format!("{} {name}", side.id()));
            let close = |angle, expected_deg: f64| {
                let value_deg = measured(angle, Some(side)).unwrap();
                assert!(
                    (value_deg - expected_deg).abs() < EXACT_DEG,
                    "{angle:?} {value_deg}, not {expected_deg}"
                );
            };
            // Elbow and wrist have no sign, and the knee none beyond 20 degrees of hyperextension.
            close(Angle::ElbowFlexion, theirs("elbow").abs());
            let knee_deg = theirs("knee");
            close(Angle::KneeFlexion, if knee_deg < -20.0 { -knee_deg } else { knee_deg });
            // The foot cannot be folded back through the shank.
            let ankle_deg = theirs("ankle");
            close(
                Angle::AnkleDorsiflexion,
                if ankle_deg > 90.0 { 180.0 - ankle_deg } else { ankle_deg },
            );
        }
        // The points of the left wrist stand in another order in `Sports2D` than those of the right one.
        let wrist_deg = measured(Angle::WristFlexion, Some(Side::Right)).unwrap();
        assert!((wrist_deg - theirs("right wrist").abs()).abs() < EXACT_DEG);
        // Leaning forward is positive, from the vertical.
        let trunk_deg = measured(Angle::Trunk, None).unwrap();
        assert!(apart_deg(trunk_deg, 90.0 - theirs("trunk")) < EXACT_DEG);
        // The sign belongs to the body and not to the picture, and a line seen end on has no tilt.
        for (angle, name) in [(Angle::Pelvis, "pelvis"), (Angle::Shoulders, "shoulders")] {
            if let Some(value_deg) = measured(angle, None) {
                assert!((value_deg.abs() - theirs(name).abs()).abs() < EXACT_DEG, "{name}");
            }
        }
    }
}

#[test]
fn the_height_in_pixels_agrees() {
    let (golden, analysis) = analysed();
    let scale = analysis.people[0].findings.scale.as_ref().unwrap();
    let height_px = 1.0 / scale.m_per_px;
    assert!(
        (height_px - golden.height_px).abs() < 1e-9 * golden.height_px,
        "{height_px}, not {}",
        golden.height_px
    );
}

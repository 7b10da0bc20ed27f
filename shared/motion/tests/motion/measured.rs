//! Against other programs' results on real and rendered people. These files are not in the repository; without them the
//! tests say that they were skipped.

use std::path::PathBuf;

use marey_motion::filter::Butterworth;
use marey_motion::formats::{ReadOptions, recording_from_trc};
use marey_motion::{Angle, Point, Pose, Settings, Side, Skeleton, Space, View, analyze};

use crate::support::{even_s, recording};

fn golden(name: &str) -> Option<String> {
    let shared = std::env::var_os("MAREY_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("golden").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        eprintln!("skipped: there is no {}", path.display());
    }
    text
}

/// The numbers of an `OpenSim` marker or motion file: column names, then rows that begin with frame and time or with
/// time.
fn numbers(text: &str, header_lines: usize) -> Vec<Vec<f64>> {
    let lines = text.lines().skip(header_lines).filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
        .collect()
}

#[test]
fn the_filter_gives_what_pose2sim_published() {
    let (Some(raw), Some(filtered)) = (golden("balancing_raw.trc"), golden("balancing_butterworth.trc")) else {
        return;
    };
    let (raw, filtered) = (numbers(&raw, 5), numbers(&filtered, 5));
    let mut signal: Vec<[f64; 63]> = raw
        .iter()
        .map(|row| std::array::from_fn(|column| row[column + 2]))
        .collect();
    assert_eq!((signal.len(), filtered.len()), (100, 100));
    assert!(
        Butterworth::lowpass(2, 6.0, 60.0)
            .unwrap()
            .filter_both_ways(&mut signal)
    );
    let errors = signal
        .iter()
        .zip(&filtered)
        .flat_map(|(ours, theirs)| ours.iter().zip(&theirs[2..]));
    let greatest_m = errors.map(|(ours, theirs)| (ours - theirs).abs()).fold(0.0, f64::max);
    eprintln!("greatest difference from Pose2Sim: {greatest_m:e} m");
    assert!(greatest_m < 1e-9);
}

#[test]
fn world_angles_come_near_those_of_inverse_kinematics() {
    let (Some(raw), Some(inverse)) = (golden("balancing_raw.trc"), golden("balancing_ik.mot")) else {
        return;
    };
    let trial = recording_from_trc(&raw, &ReadOptions::default()).unwrap();
    assert_eq!(trial.notes, [""; 0], "every marker has its place");
    assert_eq!(
        (trial.recording.skeleton, trial.recording.time_s.len()),
        (Skeleton::Halpe26, 100)
    );
    let analysis = analyze(&trial.recording, &Settings::default()).unwrap();
    let header = inverse.lines().position(|line| line.starts_with("time")).unwrap();
    let names: Vec<&str> = inverse.lines().nth(header).unwrap().split_whitespace().collect();
    let rows = numbers(&inverse, header + 1);
    // OpenSim fits a rigid model with its own joint centres and a foot and pelvis at an angle to the markers:
    // constant offsets are a matter of definition there, the course over time is not.
    for (angle, side, coordinate, mean_deg, spread_deg) in [
        (Angle::KneeFlexion, Side::Right, "knee_angle_r", 3.5, 5.5),
        (Angle::KneeFlexion, Side::Left, "knee_angle_l", 8.5, 5.5),
        (Angle::HipFlexion, Side::Right, "hip_flexion_r", 5.0, 3.5),
        (Angle::HipFlexion, Side::Left, "hip_flexion_l", 3.0, 4.5),
        (Angle::AnkleDorsiflexion, Side::Right, "ankle_angle_r", 3.0, 7.0),
        (Angle::AnkleDorsiflexion, Side::Left, "ankle_angle_l", 3.0, 5.5),
    ] {
        let column = names.iter().position(|&name| name == coordinate).unwrap();
        let series = analysis.people[0].series(angle, Some(side), Space::World).unwrap();
        let differences: Vec<f64> = series
            .value_deg
            .iter()
            .zip(&rows)
            .map(|(ours, row)| ours.unwrap() - row[column])
            .collect();
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        let spread =
            (differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / differences.len() as f64).sqrt();
        let absolute = differences.iter().map(|value| value.abs()).sum::<f64>() / differences.len() as f64;
        eprintln!("{coordinate}: mean difference {mean:.2}, about it {spread:.2}, mean absolute {absolute:.2} degrees");
        assert!(
            mean.abs() < mean_deg && spread < spread_deg,
            "{coordinate}: {mean} ± {spread}"
        );
    }
}

/// One frame of a rendered athlete as MediaPipe saw it, three times over.
fn rendered(text: &str) -> marey_motion::Recording {
    let frame: serde_json::Value = serde_json::from_str(text).unwrap();
    let (width, height) = (frame["width"].as_f64().unwrap(), frame["height"].as_f64().unwrap());
    let seen = &frame["mediapipe_0.10.21"];
    let row = |kind: &str, index: usize| -> [f64; 5] { serde_json::from_value(seen[kind][index].clone()).unwrap() };
    let points = (0..33).map(|index| {
        let ([x, y, z, visibility, presence], [x_m, y_m, z_m, ..]) = (row("landmarks", index), row("world", index));
        Point {
            x_px: (x * width) as f32,
            y_px: (y * height) as f32,
            z_px: (z * width) as f32,
            x_m: x_m as f32,
            y_m: y_m as f32,
            z_m: z_m as f32,
            visibility: visibility as f32,
            presence: presence as f32,
        }
    });
    let pose = Pose {
        score: 1.0,
        points: points.collect(),
    };
    recording(even_s(3, 30.0), vec![Some(pose); 3])
}

#[test]
fn the_knee_of_a_rendered_athlete_is_read_from_the_side_and_the_view_is_told() {
    for (name, knee_deg, view, tolerance_deg) in [
        ("synth_squat_k105_yaw90.json", 105.0, View::Side, 8.0),
        ("synth_squat_k60_yaw45.json", 60.0, View::Oblique, 30.0),
        ("synth_squat_k5_yaw0.json", 5.0, View::Frontal, 15.0),
    ] {
        let Some(text) = golden(name) else { return };
        let analysis = analyze(&rendered(&text), &Settings::default()).unwrap();
        let person = &analysis.people[0];
        for space in Space::ALL {
            let knees = [Side::Left, Side::Right]
                .map(|side| person.series(Angle::KneeFlexion, Some(side), space).unwrap().value_deg[0]);
            eprintln!("{name}: knees {space:?} {knees:.1?}, {:?}", person.camera_plane);
        }
        assert_eq!(person.camera_plane.unwrap().view, view, "{name}");
        let right = person
            .series(Angle::KneeFlexion, Some(Side::Right), Space::Image)
            .unwrap()
            .value_deg[0]
            .unwrap();
        assert!((right - knee_deg).abs() < tolerance_deg, "{name}: {right}");
    }
}

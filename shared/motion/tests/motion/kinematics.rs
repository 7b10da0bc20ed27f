//! Velocities, accelerations and the centre of mass, against `NumPy`, mechanics and the laws that they keep.

use marey_motion::findings::{LengthUnit, Track};
use marey_motion::formats::{kinematics_to_csv, kinematics_to_parquet};
use marey_motion::kinematics::{CENTRE_OF_MASS, all_tracks};
use marey_motion::{
    Analysis, Angle, Landmark, Measure, Outcome, Pose, Recording, Settings, Sex, Side, Space, Subject, analyze,
};
use parquet::file::reader::{FileReader, SerializedFileReader};
use proptest::prelude::*;
use serde::Deserialize;

use crate::angles::{figures, moved, unfiltered};
use crate::support::{Figure, Joints, SCALE_PX, even_s, recording};

#[derive(Deserialize)]
struct Golden {
    time_s: Vec<f64>,
    signal: Vec<f64>,
    velocity: Vec<f64>,
    acceleration: Vec<Option<f64>>,
}

fn goldens() -> Vec<Golden> {
    serde_json::from_str(include_str!("../reference/differences.json")).unwrap()
}

/// Nothing filtered, and as many pixels to the metre.
fn settings(px_per_m: f64) -> Settings {
    Settings {
        px_per_m: Some(px_per_m),
        ..unfiltered()
    }
}

fn shifted(pose: &Pose, [x_px, y_px]: [f64; 2]) -> Pose {
    moved(pose, |point| marey_motion::Point {
        x_px: point.x_px + x_px as f32,
        y_px: point.y_px + y_px as f32,
        ..*point
    })
}

pub(crate) fn track(analysis: &Analysis, id: &str) -> Track {
    let kinematics = all_tracks(analysis, &analysis.people[0]).unwrap();
    kinematics.tracks.into_iter().find(|track| track.id == id).unwrap()
}

pub(crate) fn measure<'a>(analysis: &'a Analysis, id: &str) -> &'a Measure {
    let measures = &analysis.people[0].findings.measures;
    measures.iter().find(|measure| measure.id == id).unwrap()
}

pub(crate) fn given(analysis: &Analysis, id: &str) -> f64 {
    match &measure(analysis, id).outcome {
        Outcome::Given { value, .. } => *value,
        Outcome::Withheld { reason } => panic!("{id} is withheld: {reason}"),
    }
}

#[test]
fn velocity_and_acceleration_agree_with_numpy_at_uneven_times() {
    for golden in goldens() {
        let poses = golden.signal.iter().map(|&x_px| {
            let mut pose = Figure::default().pose();
            pose.points[Landmark::Nose.index()].x_px = x_px as f32;
            Some(pose)
        });
        let recording = recording(golden.time_s.clone(), poses.collect());
        let nose = track(&analyze(&recording, &settings(1.0)).unwrap(), "nose");
        for frame in 0..golden.time_s.len() {
            let [velocity, _] = nose.velocity[frame].unwrap();
            assert!((velocity - golden.velocity[frame]).abs() < 1e-9, "frame {frame}");
            match (nose.acceleration[frame], golden.acceleration[frame]) {
                (Some([acceleration, _]), Some(expected)) => {
                    assert!(
                        (acceleration - expected).abs() < 1e-8 * expected.abs().max(1.0),
                        "frame {frame}"
                    );
                }
                (acceleration, expected) => assert_eq!(acceleration.is_some(), expected.is_some()),
            }
        }
    }
}

#[test]
fn a_body_in_free_flight_falls_with_the_acceleration_of_gravity() {
    // Uneven times, as phones record.
    let time_s: Vec<f64> = (0..40)
        .map(|frame| f64::from(frame) / 60.0 + if frame % 3 == 0 { 0.004 } else { 0.0 })
        .collect();
    let body = Figure::symmetric(Joints {
        knee_deg: 40.0,
        hip_deg: 30.0,
        shoulder_deg: 100.0,
        ..Joints::default()
    })
    .pose();
    let poses = time_s.iter().map(|t| {
        let (along_m, up_m) = (1.5 * t, 3.2 * t - 9.81 / 2.0 * t * t);
        Some(shifted(&body, [SCALE_PX * along_m, -SCALE_PX * up_m]))
    });
    let analysis = analyze(&recording(time_s.clone(), poses.collect()), &settings(SCALE_PX)).unwrap();
    let kinematics = analysis.people[0].findings.kinematics.as_ref().unwrap();
    assert_eq!(kinematics.unit, LengthUnit::M);
    let centre = &kinematics.tracks[0];
    assert_eq!(centre.id, CENTRE_OF_MASS);
    for (frame, time_s) in time_s.iter().enumerate().take(39).skip(1) {
        let ([along, up], [ahead, fall]) = (centre.velocity[frame].unwrap(), centre.acceleration[frame].unwrap());
        assert!(
            (along - 1.5).abs() < 1e-3 && (up - (3.2 - 9.81 * time_s)).abs() < 1e-3,
            "frame {frame}"
        );
        assert!(
            ahead.abs() < 0.02 && (fall + 9.81).abs() < 0.02,
            "{ahead} {fall} in frame {frame}"
        );
    }
    assert_eq!((centre.acceleration[0], centre.acceleration[39]), (None, None));
    assert!((given(&analysis, "peak_travel_speed") - 1.5).abs() < 1e-2);
}

/// The table of de Leva 1996 once more: mass and place of the centre, in percent, women and men.
const TABLE: [(&str, f64, [f64; 2], [f64; 2]); 8] = [
    ("head", 1.0, [6.68, 6.94], [0.0, 0.0]),
    ("trunk", 1.0, [42.57, 43.46], [37.82, 43.10]),
    ("arm", 2.0, [2.55, 2.71], [57.54, 57.72]),
    ("forearm", 2.0, [1.38, 1.62], [45.59, 45.74]),
    ("hand", 2.0, [0.56, 0.61], [74.74, 79.0]),
    ("thigh", 2.0, [14.78, 14.16], [36.12, 40.95]),
    ("shank", 2.0, [4.81, 4.33], [43.52, 43.95]),
    ("foot", 2.0, [1.29, 1.37], [40.14, 44.15]),
];

/// Heights over the hips of the ends of the standing figure's segments, in the table's order.
const STANDING_M: [[f64; 2]; 8] = [
    [0.71, 0.71],
    [0.5, 0.0],
    [0.5, 0.21],
    [0.21, -0.04],
    [-0.04, -0.13],
    [0.0, -0.44],
    [-0.44, -0.86],
    [-0.92, -0.92],
];

#[test]
fn the_centre_of_mass_of_a_standing_body_is_that_of_the_table() {
    for (sex, column) in [(Sex::Female, 0), (Sex::Male, 1)] {
        let (mut moment, mut mass) = (0.0, 0.0);
        for ((_, count, percent, along), [from, to]) in TABLE.iter().zip(STANDING_M) {
            moment += count * percent[column] * (from + along[column] / 100.0 * (to - from));
            mass += count * percent[column];
        }
        let settings = Settings {
            subject: Subject { height_m: None, sex },
            ..settings(SCALE_PX)
        };
        let still = recording(even_s(5, 30.0), vec![Some(Figure::default().pose()); 5]);
        let analysis = analyze(&still, &settings).unwrap();
        let above_hip_m = track(&analysis, CENTRE_OF_MASS).position[2].unwrap()[1]
            - track(&analysis, "left_hip").position[2].unwrap()[1];
        assert!(
            (above_hip_m - moment / mass).abs() < 1e-5,
            "{above_hip_m}, not {}",
            moment / mass
        );
    }
}

/// Standing frames of which some lack landmarks.
fn standing_without(hidden: impl Fn(usize, Landmark) -> bool) -> Recording {
    let poses = (0..30).map(|frame| {
        let mut pose = Figure::default().pose();
        for landmark in Landmark::ALL.into_iter().filter(|&landmark| hidden(frame, landmark)) {
            pose.points[landmark.index()].visibility = 0.1;
        }
        Some(pose)
    });
    recording(even_s(30, 30.0), poses.collect())
}

#[test]
fn a_missing_arm_is_forgiven_and_a_missing_leg_is_not() {
    let is_arm = |landmark: Landmark| landmark.name().starts_with("left_") && (13..=21).contains(&landmark.index());
    let without_arm = analyze(&standing_without(|_, landmark| is_arm(landmark)), &settings(SCALE_PX)).unwrap();
    assert!(track(&without_arm, CENTRE_OF_MASS).position.iter().all(Option::is_some));
    let is_leg = |landmark: Landmark| matches!(landmark, Landmark::LeftKnee | Landmark::LeftAnkle);
    let without_leg = analyze(&standing_without(|_, landmark| is_leg(landmark)), &settings(SCALE_PX)).unwrap();
    assert!(track(&without_leg, CENTRE_OF_MASS).position.iter().all(Option::is_none));
    let travel = measure(&without_leg, "travel_speed");
    assert!(
        matches!(&travel.outcome, Outcome::Withheld { reason } if reason.contains("90 %")),
        "{travel:?}"
    );
}

#[test]
fn what_comes_into_sight_does_not_push_the_centre_of_mass() {
    let hides = |frame: usize, landmark: Landmark| frame >= 12 && landmark == Landmark::RightWrist;
    let analysis = analyze(&standing_without(hides), &settings(SCALE_PX)).unwrap();
    let centre = track(&analysis, CENTRE_OF_MASS);
    assert!((centre.position[11].unwrap()[1] - centre.position[12].unwrap()[1]).abs() > 1e-4);
    for frame in 0..30 {
        let velocity = centre.velocity[frame].unwrap();
        assert!(
            velocity.iter().all(|velocity| velocity.abs() < 1e-6),
            "{velocity:?} in frame {frame}"
        );
    }
    assert_eq!((centre.acceleration[11], centre.acceleration[12]), (None, None));
}

#[test]
fn a_limb_that_turns_full_circle_turns_evenly() {
    let poses = (0..60).map(|frame| {
        Some(
            Figure::symmetric(Joints {
                shoulder_deg: 20.0 * f64::from(frame),
                ..Joints::default()
            })
            .pose(),
        )
    });
    let analysis = analyze(&recording(even_s(60, 30.0), poses.collect()), &unfiltered()).unwrap();
    for space in Space::ALL {
        for angle in [Angle::Arm, Angle::Forearm, Angle::ShoulderFlexion] {
            let series = analysis.people[0].series(angle, Some(Side::Right), space).unwrap();
            for velocity in analysis.velocity_deg_per_s(series) {
                assert!((velocity.unwrap() - 600.0).abs() < 0.1, "{}: {velocity:?}", series.id());
            }
        }
    }
}

#[test]
fn a_gap_has_no_velocity_and_neither_has_what_stands_alone() {
    let mut poses: Vec<Option<Pose>> = vec![Some(Figure::default().pose()); 40];
    poses[5..15].fill(None);
    poses[16..26].fill(None);
    let analysis = analyze(&recording(even_s(40, 30.0), poses), &settings(SCALE_PX)).unwrap();
    let series = analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Left), Space::Image)
        .unwrap();
    let velocity = analysis.velocity_deg_per_s(series);
    let expected = |frame: usize| !(5..26).contains(&frame);
    assert!(
        (0..40).all(|frame| velocity[frame].is_some() == expected(frame)),
        "{velocity:?}"
    );
    let ankle = track(&analysis, "left_ankle");
    assert!((0..40).all(|frame| ankle.velocity[frame].is_some() == expected(frame)));
    assert!(ankle.position[15].is_some() && ankle.velocity[15].is_none());
}

#[test]
fn travel_is_told_from_the_side_and_withheld_from_the_front() {
    let walked = |yaw_deg: f64| {
        let body = Figure {
            yaw_deg,
            ..Figure::default()
        }
        .pose();
        let poses = (0..60).map(|frame| Some(shifted(&body, [SCALE_PX * 1.2 * f64::from(frame) / 30.0, 0.0])));
        analyze(&recording(even_s(60, 30.0), poses.collect()), &settings(SCALE_PX)).unwrap()
    };
    assert!((given(&walked(0.0), "travel_speed") - 1.2).abs() < 1e-4);
    assert!(given(&walked(0.0), "centre_of_mass_vertical_range").abs() < 1e-4);
    let frontal = walked(90.0);
    let travel = measure(&frontal, "travel_speed");
    assert!(
        matches!(&travel.outcome, Outcome::Withheld { reason } if reason.contains("front")),
        "{travel:?}"
    );
}

#[test]
fn the_files_hold_every_point_and_need_the_poses() {
    let hides = |frame: usize, landmark: Landmark| frame < 10 && landmark == Landmark::LeftWrist;
    let analysis = analyze(&standing_without(hides), &settings(SCALE_PX)).unwrap();
    let csv = kinematics_to_csv(&analysis).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!((rows.len(), rows[0].len()), (31, 3 + 24 * 6));
    assert!(rows.iter().all(|row| row.len() == rows[0].len()) && rows[1][2] == "m");
    let column = |name: &str| rows[0].iter().position(|&column| column == name).unwrap();
    let (wrist, centre) = (column("left_wrist_velocity_y"), column("centre_of_mass_y"));
    assert_eq!((rows[10][wrist], rows[11][wrist]), ("", "0.000000"));
    let position = track(&analysis, CENTRE_OF_MASS).position[4].unwrap();
    assert!((rows[5][centre].parse::<f64>().unwrap() - position[1]).abs() <= 5e-7);

    let file = SerializedFileReader::new(bytes::Bytes::from(kinematics_to_parquet(&analysis).unwrap())).unwrap();
    let metadata = file.metadata().file_metadata();
    assert_eq!(
        (metadata.num_rows(), metadata.schema_descr().num_columns()),
        (30, 4 + 24 * 6)
    );
    let entries = metadata.key_value_metadata().unwrap();
    assert!(entries.iter().any(|entry| entry.key == "marey.units"));

    let (without_poses, _) = analysis.split_poses();
    assert_eq!(
        kinematics_to_csv(&without_poses).unwrap_err().code(),
        "MOTION_INVALID_ANALYSIS"
    );
    assert_eq!(
        kinematics_to_parquet(&without_poses).unwrap_err().code(),
        "MOTION_INVALID_ANALYSIS"
    );
}

#[test]
fn tracks_of_another_length_or_without_a_number_are_refused() {
    let still = recording(even_s(5, 30.0), vec![Some(Figure::default().pose()); 5]);
    let sound = analyze(&still, &settings(SCALE_PX)).unwrap();
    let broken = |change: &dyn Fn(&mut marey_motion::Findings)| {
        let mut analysis = sound.clone();
        change(&mut analysis.people[0].findings);
        analysis.validate().unwrap_err().code()
    };
    let shorter = broken(&|findings| {
        findings.kinematics.as_mut().unwrap().tracks[0].velocity.pop();
    });
    assert_eq!(shorter, "MOTION_INVALID_ANALYSIS");
    let endless = broken(&|findings| findings.scale.as_mut().unwrap().m_per_px = f64::INFINITY);
    assert_eq!(endless, "MOTION_NOT_FINITE");
}

proptest! {
    #[test]
    fn motion_does_not_depend_on_where_the_body_is_and_how_large_it_is_filmed(
        figures in proptest::collection::vec(figures(), 4..8), size in 0.5..2.0_f64, shift in (-100.0..100.0_f64, -100.0..100.0_f64),
    ) {
        let time_s = even_s(figures.len(), 30.0);
        let poses: Vec<_> = figures.iter().map(Figure::pose).collect();
        let there = poses.iter().map(|pose| Some(moved(pose, |point| marey_motion::Point {
            x_px: (f64::from(point.x_px) * size + shift.0) as f32,
            y_px: (f64::from(point.y_px) * size + shift.1) as f32,
            ..*point
        })));
        let there = analyze(&recording(time_s.clone(), there.collect()), &settings(SCALE_PX * size)).unwrap();
        let here = analyze(&recording(time_s, poses.into_iter().map(Some).collect()), &settings(SCALE_PX)).unwrap();
        let (here, there) = (track(&here, CENTRE_OF_MASS), track(&there, CENTRE_OF_MASS));
        for frame in 0..figures.len() {
            for axis in 0..2 {
                // Pixels are kept in single precision, and differences multiply what that leaves out.
                prop_assert!((here.velocity[frame].unwrap()[axis] - there.velocity[frame].unwrap()[axis]).abs() < 1e-3);
                if let (Some(here), Some(there)) = (here.acceleration[frame], there.acceleration[frame]) {
                    prop_assert!((here[axis] - there[axis]).abs() < 5e-2);
                }
            }
        }
    }
}

//! Round trips, refusals and hostile input.

use marey_motion::formats::{
    analysis_from_json, analysis_to_json, angles_to_csv, angles_to_parquet, recording_from_json,
    recording_from_parquet, recording_to_json, recording_to_parquet,
};
use marey_motion::{Analysis, MotionError, Person, Recording, Settings, analyze};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

/// Two people with gaps, a frame with nobody, a person who is never seen, and numbers with all their bits in use.
fn crowded() -> Recording {
    let time_s: Vec<f64> = even_s(20, 30000.0 / 1001.0);
    let pose = |frame: usize| {
        let knee_deg = frame as f64 * std::f64::consts::PI;
        Figure {
            yaw_deg: 17.3,
            ..Figure::symmetric(Joints {
                knee_deg,
                ..Joints::default()
            })
        }
        .pose()
    };
    let first = (0..20).map(|frame| (frame != 4 && frame != 11).then(|| pose(frame)));
    let second = (0..20).map(|frame| (frame > 11).then(|| pose(frame + 3)));
    let mut recording = recording(time_s, first.collect());
    recording.people.push(Person {
        id: u32::MAX,
        poses: second.collect(),
    });
    recording.people.push(Person {
        id: 5,
        poses: vec![None; 20],
    });
    "Übung \"1\", größer.mp4".clone_into(&mut recording.source.name);
    recording
}

fn analysis() -> Analysis {
    analyze(&crowded(), &Settings::default()).unwrap()
}

#[test]
fn recordings_survive_parquet_and_json_to_the_bit() {
    let nobody = Recording {
        people: vec![],
        ..crowded()
    };
    let empty = recording(vec![], vec![]);
    for recording in [crowded(), nobody, empty] {
        assert_eq!(
            recording_from_parquet(&recording_to_parquet(&recording).unwrap()).unwrap(),
            recording
        );
        assert_eq!(
            recording_from_json(&recording_to_json(&recording).unwrap()).unwrap(),
            recording
        );
    }
}

#[test]
fn analyses_survive_json_to_the_bit() {
    let analysis = analysis();
    let json = analysis_to_json(&analysis).unwrap();
    assert_eq!(analysis_from_json(&json).unwrap(), analysis);
    assert!(!json.contains("NaN") && !json.contains("inf"));
}

#[test]
fn poses_can_be_stored_apart_from_the_angles() {
    let whole = analysis();
    let (angles, poses) = whole.clone().split_poses();
    let angles = analysis_from_json(&analysis_to_json(&angles).unwrap()).unwrap();
    let poses = recording_from_parquet(&recording_to_parquet(&poses).unwrap()).unwrap();
    let mut others = poses.clone();
    others.people[1].id = 77;
    assert_eq!(
        angles.clone().with_poses(others).unwrap_err().code(),
        "MOTION_INVALID_ANALYSIS"
    );
    assert_eq!(angles.with_poses(poses).unwrap(), whole);
}

#[test]
fn json_never_holds_what_is_not_a_number() {
    let mut analysis = analysis();
    analysis.people[0].angles[3].value_deg[2] = Some(f64::NAN);
    let error = analysis_to_json(&analysis).unwrap_err();
    assert_eq!(
        error,
        MotionError::NotFinite("left_... of person 0".replace("left_...", &analysis.people[0].angles[3].id()))
    );
    let mut recording = crowded();
    recording.people[0].poses[0].as_mut().unwrap().points[0].x_px = f32::INFINITY;
    assert_eq!(
        recording_to_json(&recording).unwrap_err().code(),
        "MOTION_INVALID_RECORDING"
    );
    assert_eq!(
        recording_to_parquet(&recording).unwrap_err().code(),
        "MOTION_INVALID_RECORDING"
    );
}

#[test]
fn newer_layouts_are_refused_with_the_sentence_that_says_what_to_do() {
    let json = analysis_to_json(&analysis())
        .unwrap()
        .replacen("\"schema_version\":4", "\"schema_version\":7", 1);
    let error = analysis_from_json(&json).unwrap_err();
    assert_eq!(error, MotionError::NewerSchema { found: 7, supported: 4 });
    assert!(error.to_string().contains("update Marey"));
    // A newer layout may look quite different; the version still decides.
    let different = r#"{"schema_version": 7, "persons": {}}"#;
    assert_eq!(analysis_from_json(different).unwrap_err().code(), "MOTION_NEWER_SCHEMA");
    assert_eq!(
        recording_from_json(different).unwrap_err().code(),
        "MOTION_NEWER_SCHEMA"
    );
    // The version stands in the file's footer as text.
    let mut bytes = recording_to_parquet(&crowded()).unwrap();
    let key = b"marey.schema_version";
    let place = bytes.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    let digit = place + bytes[place..].iter().position(|&byte| byte == b'1').unwrap();
    bytes[digit] = b'9';
    assert_eq!(
        recording_from_parquet(&bytes).unwrap_err(),
        MotionError::NewerSchema { found: 9, supported: 2 }
    );
}

#[test]
fn what_is_something_else_is_said_to_be() {
    for bytes in [
        &b""[..],
        b"PAR1",
        b"PAR1PAR1",
        &[0xFF; 200],
        b"PAR1\xff\xff\xff\xffPAR1",
    ] {
        assert_eq!(
            recording_from_parquet(bytes).unwrap_err().code(),
            "MOTION_MALFORMED_PARQUET"
        );
    }
    let angles = angles_to_parquet(&analysis()).unwrap();
    assert!(
        recording_from_parquet(&angles)
            .unwrap_err()
            .to_string()
            .contains("not a recording")
    );
    for json in [
        "",
        "[]",
        "{}",
        r#"{"schema_version": 0}"#,
        r#"{"schema_version": 1}"#,
        r#"{"schema_version": "1"}"#,
    ] {
        assert_eq!(analysis_from_json(json).unwrap_err().code(), "MOTION_MALFORMED_JSON");
    }
}

#[test]
fn csv_has_a_column_per_series_and_a_row_per_frame_and_person() {
    let analysis = analysis();
    let csv = angles_to_csv(&analysis).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 1 + 3 * 20);
    assert!(
        lines.iter().all(|line| line.len() == 2 + 2 * 56),
        "every line has every column"
    );
    assert_eq!(lines[0][..3], ["time_s", "person", "left_ankle_dorsiflexion_image_deg"]);
    assert!(lines[0].contains(&"left_knee_flexion_image_deg") && lines[0].contains(&"pelvis_world_deg"));
    let column = lines[0]
        .iter()
        .position(|&name| name == "left_knee_flexion_image_deg")
        .unwrap();
    let knee = analysis.people[0]
        .angles
        .iter()
        .find(|series| series.id() == "left_knee_flexion_image")
        .unwrap();
    for (frame, line) in lines[1..21].iter().enumerate() {
        assert_eq!(
            line[0].parse::<f64>().unwrap().to_bits(),
            analysis.time_s[frame].to_bits()
        );
        match knee.value_deg[frame] {
            Some(value) => assert!((line[column].parse::<f64>().unwrap() - value).abs() <= 5e-5),
            None => assert_eq!(line[column], ""),
        }
    }
    let velocity = lines[0]
        .iter()
        .position(|&name| name == "left_knee_flexion_image_deg_per_s");
    assert_eq!(velocity, Some(column + 56));
    for (line, velocity) in lines[1..21].iter().zip(analysis.velocity_deg_per_s(knee)) {
        match velocity {
            Some(velocity) => assert!((line[column + 56].parse::<f64>().unwrap() - velocity).abs() <= 5e-4),
            None => assert_eq!(line[column + 56], ""),
        }
    }
    assert!(!csv.contains(",-0.0000,") && !csv.contains(",-0.000,"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_parquet_is_an_error_or_a_sound_recording(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in prop::option::of(any::<prop::sample::Index>())) {
        static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| recording_to_parquet(&crowded()).unwrap());
        let mut bytes = BYTES.clone();
        for (place, value) in &changes {
            let place = place.index(bytes.len());
            bytes[place] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(recording) = recording_from_parquet(&bytes) {
            recording.validate().unwrap();
        }
    }

    #[test]
    fn damaged_footers_are_errors_or_sound_recordings(changes in prop::collection::vec((0..6000_usize, any::<u8>()), 1..4)) {
        static BYTES: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| recording_to_parquet(&crowded()).unwrap());
        let mut bytes = BYTES.clone();
        for (from_end, value) in &changes {
            let place = bytes.len() - 1 - from_end % bytes.len();
            bytes[place] = *value;
        }
        if let Ok(recording) = recording_from_parquet(&bytes) {
            recording.validate().unwrap();
        }
    }
}

//! Files that earlier versions wrote are read, and those of later ones refused.
//!
//! `tests/stored` holds what the writers of layout version 1 wrote: four frames, one without the first person, and a second person who
//! is in the last frame only.

use std::path::Path;

use marey_motion::formats::{
    RECORDING_SCHEMA_VERSION, analysis_from_json, analysis_to_json, recording_from_json, recording_from_parquet,
    recording_to_json, recording_to_parquet,
};
use marey_motion::{ANALYSIS_SCHEMA_VERSION, Angle, Findings, MotionError, Recording, Side, Skeleton, Space, Spaces};

fn stored(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stored").join(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(stored(name)).unwrap()
}

#[test]
fn recordings_of_version_1_are_read() {
    let parquet = recording_from_parquet(&stored("recording_v1.parquet")).unwrap();
    let json = recording_from_json(&text("recording_v1.json")).unwrap();
    assert_eq!(parquet, json);
    assert_eq!((json.skeleton, json.spaces), (Skeleton::BlazePose33, Spaces::Both));
    let seen: Vec<Vec<bool>> = json
        .people
        .iter()
        .map(|person| person.poses.iter().map(Option::is_some).collect())
        .collect();
    assert_eq!(seen, [[true, true, false, true], [false, false, false, true]]);
    assert_eq!((json.people[0].id, json.people[1].id), (0, 7));
    assert!((json.time_s[3] - 3.0 * 1001.0 / 30000.0).abs() < 1e-12);
}

#[test]
fn analyses_of_version_1_are_read() {
    let analysis = analysis_from_json(&text("analysis_v1.json")).unwrap();
    assert_eq!(
        (analysis.schema_version, analysis.spaces),
        (ANALYSIS_SCHEMA_VERSION, Spaces::Both)
    );
    assert_eq!(analysis.people[0].findings, Findings::default());
    let knee = analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Left), Space::Image)
        .unwrap();
    assert!((knee.value_deg[1].unwrap() - 10.0).abs() < 0.01);
}

#[test]
fn a_file_states_the_least_version_that_holds_it_so_that_older_programs_can_read_it() {
    let usual = recording_from_json(&text("recording_v1.json")).unwrap();
    let version = |recording: &Recording| {
        let json: serde_json::Value = serde_json::from_str(&recording_to_json(recording).unwrap()).unwrap();
        json["schema_version"].as_u64().unwrap()
    };
    assert_eq!(version(&usual), 1);
    // To the letter: nothing was added that a program of version 1 does not know.
    assert_eq!(recording_to_json(&usual).unwrap(), text("recording_v1.json"));
    let halpe = usual.converted(Skeleton::Halpe26);
    let mut flat = usual;
    flat.spaces = Spaces::Image;
    for recording in [halpe, flat] {
        assert_eq!(version(&recording), u64::from(RECORDING_SCHEMA_VERSION));
        let bytes = recording_to_parquet(&recording).unwrap();
        assert_eq!(recording_from_parquet(&bytes).unwrap(), recording);
        assert_eq!(
            recording_from_json(&recording_to_json(&recording).unwrap()).unwrap(),
            recording
        );
    }
}

#[test]
fn files_of_later_versions_are_refused_with_what_to_do() {
    let later = |name: &str, version: u32| {
        text(name).replacen("\"schema_version\":1", &format!("\"schema_version\":{version}"), 1)
    };
    let next = RECORDING_SCHEMA_VERSION + 1;
    let error = recording_from_json(&later("recording_v1.json", next)).unwrap_err();
    assert_eq!(
        error,
        MotionError::NewerSchema {
            found: next,
            supported: RECORDING_SCHEMA_VERSION
        }
    );
    let next = ANALYSIS_SCHEMA_VERSION + 1;
    let error = analysis_from_json(&later("analysis_v1.json", next)).unwrap_err();
    assert_eq!(
        error,
        MotionError::NewerSchema {
            found: next,
            supported: ANALYSIS_SCHEMA_VERSION
        }
    );
    assert!(error.to_string().contains("update Marey") && error.hint().contains("Update Marey"));
    // Versions up to the supported one are no reason to refuse.
    for version in 1..=ANALYSIS_SCHEMA_VERSION {
        let read = analysis_from_json(&later("analysis_v1.json", version)).unwrap();
        assert_eq!(analysis_from_json(&analysis_to_json(&read).unwrap()).unwrap(), read);
    }
}

#[test]
fn coverage_of_version_3_becomes_a_share_of_the_frames_seen() {
    let mut value: serde_json::Value = serde_json::from_str(&text("analysis_v1.json")).unwrap();
    value["schema_version"] = 3.into();
    let frames = value["time_s"].as_array().unwrap().len();
    value["people"][0]["frames_seen"] = (frames / 2).into();
    let series = value["people"][0]["angles"].as_array_mut().unwrap();
    let known = series.iter_mut().find(|series| !series["range"].is_null()).unwrap();
    known["range"]["coverage"] = 0.25.into();
    let id = known["angle"].clone();
    let read = analysis_from_json(&value.to_string()).unwrap();
    assert_eq!(read.schema_version, ANALYSIS_SCHEMA_VERSION);
    let found = read.people[0]
        .angles
        .iter()
        .find(|series| series.range.is_some())
        .unwrap();
    assert_eq!(serde_json::to_value(found.angle).unwrap(), id);
    let expected = 0.25 * frames as f64 / (frames / 2) as f64;
    assert!((found.range.unwrap().coverage - expected).abs() < 1e-12);
}

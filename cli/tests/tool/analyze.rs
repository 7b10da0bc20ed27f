//! `marey analyze`, on the project's own squats as a recording.

use std::path::Path;

use marey_motion::formats::{recording_to_json, recording_to_parquet};
use marey_motion::{Landmark, Model, Person, Point, Pose, Recording, Skeleton, Source, Spaces};
use marey_sample::truth::TruthFrame;
use marey_sample::{Scene, truth};
use tempfile::TempDir;

use crate::tool::{Run, run_in};

/// Three squats in 6 s, as a perfect model would see them.
fn squats() -> Recording {
    let truth = truth(&Scene::squat()).unwrap();
    let pose = |frame: &TruthFrame| {
        let point = |landmark: &Landmark| {
            let joint = frame.people[0].joint(landmark.name()).unwrap();
            Point {
                x_px: joint.x_px as f32,
                y_px: joint.y_px as f32,
                z_px: 0.0,
                x_m: joint.x_m as f32,
                y_m: joint.y_m as f32,
                z_m: joint.z_m as f32,
                visibility: 1.0,
                presence: 1.0,
            }
        };
        Some(Pose {
            score: 1.0,
            points: Landmark::ALL.iter().map(point).collect(),
        })
    };
    Recording {
        source: Source {
            name: "squat".to_owned(),
            width_px: truth.width_px,
            height_px: truth.height_px,
        },
        skeleton: Skeleton::BlazePose33,
        model: Model {
            name: "truth".to_owned(),
            sha256: "0".repeat(64),
        },
        spaces: Spaces::Both,
        time_s: truth.frames.iter().map(|frame| frame.time_s).collect(),
        people: vec![Person {
            id: 0,
            poses: truth.frames.iter().map(pose).collect(),
        }],
    }
}

/// A folder with the recording as `squat.parquet`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("squat.parquet"),
        recording_to_parquet(&squats()).unwrap(),
    )
    .unwrap();
    folder
}

async fn marey(folder: &Path, arguments: &[&str]) -> Run {
    run_in(folder, "", &[&["analyze"], arguments].concat()).await
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_told_in_tables() {
    let folder = folder();
    let told = marey(folder.path(), &["squat.parquet"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    // Measures are told by other tests: there are more of them with every version.
    for part in [
        "Person 0 in 100 % of the frames, seen from the side",
        "ANGLE IN THE IMAGE",
        "Left knee flexion",
        "REPETITION",
        "Cut by joint_",
    ] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    let lines: Vec<&str> = told
        .stdout
        .lines()
        .skip_while(|line| !line.starts_with("REPETITION"))
        .take(4)
        .collect();
    insta::assert_snapshot!("analyze_repetitions", lines.join("\n"));
    assert_eq!(names(folder.path()), ["squat.parquet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_those_of_a_job_and_are_not_overwritten() {
    let folder = folder();
    let run = |more: &'static [&'static str]| {
        let arguments = [&["squat.parquet", "--out", "found", "--json"], more].concat();
        let folder = folder.path().to_owned();
        async move { marey(&folder, &arguments).await }
    };
    let first = run(&[]).await;
    assert_eq!(first.code, 0, "{first:?}");
    let written = [
        "analysis.json",
        "angles.csv",
        "angles.parquet",
        "kinematics.csv",
        "kinematics.parquet",
        "poses.parquet",
        "recording.parquet",
    ];
    assert_eq!(names(&folder.path().join("found")), written);
    let json = first.json();
    assert_eq!(
        (json["format"].as_str(), json["files"].as_array().unwrap().len()),
        (Some("parquet"), 7)
    );
    assert_eq!(json["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(
        json["people"][0]["repetitions"]["segments"].as_array().unwrap().len(),
        3
    );
    assert_eq!(json["summary"]["people"][0]["frames_seen"], 180);
    // The same again changes nothing, another result does.
    assert_eq!(run(&[]).await.code, 0);
    let refused = run(&["--cutoff-hz", "3"]).await;
    assert_eq!(
        (refused.code, refused.json()["error"]["code"].as_str()),
        (1, Some("FILE_EXISTS"))
    );
    let before = std::fs::read(folder.path().join("found/angles.csv")).unwrap();
    assert_eq!(run(&["--cutoff-hz", "3", "--force"]).await.code, 0);
    assert_ne!(std::fs::read(folder.path().join("found/angles.csv")).unwrap(), before);
    assert_eq!(names(&folder.path().join("found")), written);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_on_the_line_is_what_it_is_analysed_with() {
    let folder = folder();
    let words = "squat.parquet --json --gait-method zeni_2008 --px-per-m 250 --repair-swaps --height-m 1.8";
    let words: Vec<&str> = words.split(' ').collect();
    let ended = marey(folder.path(), &words).await;
    let settings = &ended.json()["settings"];
    assert_eq!(settings["gait_events"], "zeni_2008", "{settings}");
    assert_eq!(
        (settings["px_per_m"].as_f64(), settings["subject"]["height_m"].as_f64()),
        (Some(250.0), Some(1.8))
    );
    assert_eq!(settings["repair_swaps"], true);
    let refused = marey(folder.path(), &["squat.parquet", "--json", "--gait-method", "guess"]).await;
    assert_eq!(
        (refused.code, refused.json()["error"]["code"].as_str()),
        (2, Some("USAGE"))
    );
}

const CONFIG: &str = "\
inputs: {primary: ../squat.parquet}
segmentation:
  kind: extractor
  label: squats
  minimum_prominence: 40
  extractor: {kind: joint_angle, angle: left_knee_flexion}
analysis:
  kind: stats
  extractor: {kind: joint_angle, angle: left_hip_flexion}
output: {report: report.json}
";

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_file_names_its_recordings_from_where_it_is() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("study")).unwrap();
    std::fs::write(folder.path().join("study/squats.yaml"), CONFIG).unwrap();
    let told = marey(folder.path(), &["--config", "study/squats.yaml"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.stdout
            .contains("squats: 3 segments of joint_angle:left_knee_flexion_image"),
        "{}",
        told.stdout
    );
    assert!(
        told.stdout.contains("joint_angle:left_hip_flexion_image in deg"),
        "{}",
        told.stdout
    );
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("study/report.json")).unwrap()).unwrap();
    assert_eq!(report["results"]["segments"].as_array().unwrap().len(), 3);
    assert_eq!(report["config"]["report"], "report.json");
    // A recording on the command line comes before that of the file, as JSON too; the report goes where the rest goes.
    std::fs::write(
        folder.path().join("other.json"),
        recording_to_json(&squats().slice(0..120).unwrap()).unwrap(),
    )
    .unwrap();
    let other = marey(
        folder.path(),
        &["other.json", "--config", "study/squats.yaml", "--out", "out", "--json"],
    )
    .await;
    assert_eq!(other.code, 0, "{other:?}");
    assert_eq!(other.json()["report"]["primary"]["name"], "other.json");
    assert_eq!(
        other.json()["report"]["segmentations"]["squats"]["segments"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert!(folder.path().join("out/report.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_recordings_are_compared() {
    let folder = folder();
    let config = "inputs: {primary: squat.parquet, reference: squat.parquet}\nanalysis: {kind: dtw, space: image}\n";
    std::fs::write(folder.path().join("compare.yaml"), config).unwrap();
    let told = marey(folder.path(), &["--config", "compare.yaml"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("full_trial: 0.0000, 0.0000"), "{}", told.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_before_anything_is_read() {
    let folder = folder();
    std::fs::write(
        folder.path().join("wrong.toml"),
        "[inputs]\nprimary = \"missing.parquet\"\n[analysis]\nkind = \"statz\"\n",
    )
    .unwrap();
    insta::assert_snapshot!(
        "analyze_wrong_config",
        marey(folder.path(), &["--config", "wrong.toml"]).await.text()
    );
    insta::assert_snapshot!("analyze_no_recording", marey(folder.path(), &[]).await.text());
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let cases: [(&[&str], &str, i32); 8] = [
        (&["notes.txt"], "NOT_A_RECORDING", 1),
        (&["gone.parquet"], "FILE_UNREADABLE", 1),
        (&["squat.parquet", "--cutoff-hz", "0"], "MOTION_INVALID_SETTINGS", 1),
        (&["squat.parquet", "--person", "somebody"], "MOTION_INVALID_SETTINGS", 1),
        (
            &["squat.parquet", "--cutoff-hz", "3", "--filter", "median"],
            "MOTION_INVALID_SETTINGS",
            1,
        ),
        (&["squat.parquet", "--cutoff-hz", "-3"], "MOTION_INVALID_SETTINGS", 1),
        (&["squat.parquet", "--px-per-m", "1e-300"], "MOTION_INVALID_SETTINGS", 1),
        (
            &["squat.parquet", "--cutoff-hz", "3", "--config", "wrong.toml"],
            "USAGE",
            2,
        ),
    ];
    for (arguments, code, exit) in cases {
        let ended = marey(folder.path(), &[arguments, &["--json"]].concat()).await;
        assert_eq!(
            (ended.code, ended.json()["error"]["code"].as_str()),
            (exit, Some(code)),
            "{ended:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_may_be_named_with_its_cutoff() {
    let folder = folder();
    let arguments = ["squat.parquet", "--filter", "butterworth", "--cutoff-hz", "8", "--json"];
    let told = marey(folder.path(), &arguments).await;
    assert_eq!(
        (told.code, &told.json()["settings"]["filter"]["cutoff_hz"]),
        (0, &8.0.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analysis_file_can_be_carried_out_again() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("study")).unwrap();
    std::fs::write(folder.path().join("study/squats.yaml"), CONFIG).unwrap();
    let arguments = ["--config", "study/squats.yaml"];
    let report = folder.path().join("study/report.json");
    assert_eq!(marey(folder.path(), &arguments).await.code, 0);
    let first = std::fs::read(&report).unwrap();
    let again = marey(folder.path(), &arguments).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(
        std::fs::read(&report).unwrap(),
        first,
        "it says the same, and so it stays"
    );
    std::fs::write(&report, "{}").unwrap();
    let other = marey(folder.path(), &arguments).await;
    assert!(other.code == 1 && other.stderr.contains("FILE_EXISTS"), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_does_not_take_the_name_of_another_result() {
    let folder = folder();
    let config = CONFIG
        .replace("../squat.parquet", "squat.parquet")
        .replace("report.json", "analysis.json");
    std::fs::write(folder.path().join("squats.yaml"), config).unwrap();
    for force in [&[][..], &["--force"]] {
        let arguments = [&["--config", "squats.yaml", "--out", "out", "--json"], force].concat();
        let refused = marey(folder.path(), &arguments).await;
        assert_eq!(
            (refused.code, refused.json()["error"]["code"].as_str()),
            (1, Some("SAME_FILE"))
        );
        assert!(!folder.path().join("out").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_without_a_picture_shows_its_angles_in_the_world() {
    let folder = folder();
    let convert = ["convert", "squat.parquet", "squat.trc"];
    assert_eq!(run_in(folder.path(), "", &convert).await.code, 0);
    let told = marey(folder.path(), &["squat.trc"]).await;
    assert!(
        told.stdout.contains("ANGLE IN THE WORLD") && told.stdout.contains("Left knee flexion"),
        "{told:?}"
    );
    // Both of two such files are read with the same axis up.
    let config = "inputs: {primary: squat.trc, reference: squat.trc}\nanalysis: {kind: dtw, space: world}\n";
    std::fs::write(folder.path().join("compare.yaml"), config).unwrap();
    let told = marey(folder.path(), &["--config", "compare.yaml", "--up", "z"]).await;
    assert!(told.stdout.contains("full_trial: 0.0000, 0.0000"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_hold_a_recording_and_an_analysis_is_none() {
    let folder = folder();
    let out = ["squat.parquet", "--out", "results"];
    assert_eq!(marey(folder.path(), &out).await.code, 0);
    let told = marey(folder.path(), &["results", "--json"]).await;
    assert_eq!(told.json()["recording"], "results");
    assert_eq!(told.json()["schema_version"], 1);
    let refused = marey(folder.path(), &["results/analysis.json", "--json"]).await;
    assert_eq!(refused.json()["error"]["code"], "MOTION_UNSUPPORTED_FILE");
    assert!(refused.stdout.contains("it is an analysis"), "{refused:?}");
}

//! `marey convert` on files, without any server.

use std::path::Path;

use marey_motion::Skeleton;
use marey_motion::formats::{ReadOptions, recording_from_c3d, recording_from_json, recording_from_trc};

use crate::tool::{Run, run_in};

/// A folder with a recording of two people in four frames.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let stored = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/motion/tests/stored/recording_v1.parquet");
    std::fs::copy(stored, folder.path().join("walk.parquet")).unwrap();
    folder
}

async fn convert(folder: &tempfile::TempDir, arguments: &[&str]) -> Run {
    let mut all = vec!["convert"];
    all.extend(arguments);
    run_in(folder.path(), "", &all).await
}

fn text(folder: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_goes_to_trc_with_what_is_missing_and_lost() {
    let folder = folder();
    let run = convert(
        &folder,
        &["walk.parquet", "walk.trc", "--skeleton", "halpe_26", "--json"],
    )
    .await;
    assert_eq!(run.code, 0, "{run:?}");
    let told = run.json();
    assert_eq!(
        (&told["read"]["format"], &told["written"]["format"]),
        (&"parquet".into(), &"trc".into())
    );
    assert_eq!(
        told["missing"],
        serde_json::json!(["head", "left_small_toe", "right_small_toe"])
    );
    assert_eq!(
        (&told["written"]["people"], &told["written"]["frames"]),
        (&serde_json::json!([0]), &4.into())
    );
    assert!(told["lost"].to_string().contains("1 other people"), "{told}");
    let read = recording_from_trc(&text(&folder, "walk.trc"), &ReadOptions::default()).unwrap();
    assert_eq!(read.recording.skeleton, Skeleton::Halpe26);
    // For people.
    let run = convert(&folder, &["walk.trc", "walk.c3d"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    insta::assert_snapshot!("convert_trc_to_c3d", run.text());
    let bytes = std::fs::read(folder.path().join("walk.c3d")).unwrap();
    assert!(recording_from_c3d(&bytes, &ReadOptions::default()).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_overwritten_unless_it_is_asked_for() {
    let folder = folder();
    std::fs::write(folder.path().join("walk.csv"), "mine").unwrap();
    let run = convert(&folder, &["walk.parquet", "walk.csv", "--json"]).await;
    assert_eq!((run.code, &run.json()["error"]["code"]), (1, &"FILE_EXISTS".into()));
    assert_eq!(text(&folder, "walk.csv"), "mine");
    let run = convert(&folder, &["walk.parquet", "walk.csv", "--force"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(text(&folder, "walk.csv").starts_with("frame,time_s,person,score,nose_x_px"));
    // The same once more is no conflict.
    let run = convert(&folder, &["walk.parquet", "walk.csv", "--json"]).await;
    assert_eq!((run.code, &run.json()["unchanged"]), (0, &true.into()));
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "no temporary file stays: {names:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_openpose_are_a_folder_or_lines_and_need_a_rate() {
    let folder = folder();
    let run = convert(&folder, &["walk.parquet", "walk", "--to", "openpose"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    let first = text(&folder, "walk/walk_000000000000_keypoints.json");
    assert!(
        first.starts_with(r#"{"version":1.3,"people":[{"person_id":[0]"#),
        "{first}"
    );
    let run = convert(&folder, &["walk", "back.json", "--json"]).await;
    assert_eq!(
        (run.code, &run.json()["error"]["code"]),
        (1, &"MOTION_RATE_MISSING".into())
    );
    let run = convert(&folder, &["walk", "back.json", "--rate", "10"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    let back = recording_from_json(&text(&folder, "back.json")).unwrap();
    assert_eq!(
        (back.skeleton, back.time_s, back.people.len()),
        (Skeleton::Body25, vec![0.0, 0.1, 0.2, 0.3], 2)
    );
    // A folder is replaced with --force, unless something else lies in it.
    let again = ["walk.parquet", "walk", "--to", "openpose", "--force", "--json"];
    assert_eq!(convert(&folder, &again[..4]).await.code, 1);
    assert_eq!(convert(&folder, &again).await.code, 0);
    std::fs::write(folder.path().join("walk/notes.txt"), "mine").unwrap();
    let run = convert(&folder, &again).await;
    assert_eq!((run.code, &run.json()["error"]["code"]), (1, &"FILE_EXISTS".into()));
    assert_eq!(text(&folder, "walk/notes.txt"), "mine");
    let run = convert(&folder, &["walk.parquet", "walk.jsonl"]).await;
    assert_eq!(
        (run.code, text(&folder, "walk.jsonl").lines().count()),
        (0, 4),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said() {
    let folder = folder();
    std::fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    std::fs::write(folder.path().join("bad.trc"), "PathFileType\t4\nx\n").unwrap();
    for (arguments, code) in [
        (vec!["walk.parquet", "walk"], "NO_FORMAT"),
        (vec!["notes.txt", "walk.trc"], "NOT_A_RECORDING"),
        (vec!["bad.trc", "walk.json"], "MOTION_MALFORMED_FILE"),
        (vec!["none.trc", "walk.json"], "FILE_UNREADABLE"),
        (
            vec!["walk.parquet", "walk.trc", "--person", "3"],
            "MOTION_NO_SUCH_PERSON",
        ),
        (
            vec!["walk.parquet", "walk.c3d", "--units", "px"],
            "MOTION_UNSUPPORTED_FILE",
        ),
        (vec!["walk.parquet", "nowhere/walk.trc"], "FILE_UNWRITABLE"),
    ] {
        let mut arguments = arguments;
        arguments.push("--json");
        let run = convert(&folder, &arguments).await;
        assert_eq!(
            (run.code, &run.json()["error"]["code"]),
            (1, &code.into()),
            "{arguments:?}"
        );
    }
    assert!(
        !folder.path().join("walk.trc").exists(),
        "nothing is left of what failed"
    );
    for wrong in [
        ["--rate", "0"],
        ["--to", "fbx"],
        ["--skeleton", "mpii"],
        ["--minimum-visibility", "2"],
    ] {
        let run = convert(&folder, &["walk.parquet", "x.trc", wrong[0], wrong[1]]).await;
        assert_eq!(run.code, 2, "{wrong:?}");
    }
}

//! Comparing movements on this machine, without a server.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use marey_motion::formats::{analysis_to_json, comparison_from_json, recording_to_json, recording_to_parquet};
use marey_motion::{Landmark, Model, Person, Point, Pose, Recording, Settings, Skeleton, Source, Spaces, analyze};

use crate::tool::{command, finish, run_in};

/// Somebody who bends the right knee, seen from the right; the video's name is the recording's.
fn recording(name: &str, frames: usize, depth_deg: f64) -> Recording {
    let pose = |frame: usize| {
        let share = (1.0 - (std::f64::consts::TAU * frame as f64 / (frames - 1) as f64).cos()) / 2.0;
        let bend = (depth_deg * share).to_radians();
        let points = Landmark::ALL.map(|landmark| {
            let [x, y] = place(landmark, bend);
            Point {
                x_px: (320.0 + 200.0 * x) as f32,
                y_px: (200.0 + 200.0 * y) as f32,
                z_px: 0.0,
                x_m: x as f32,
                y_m: y as f32,
                z_m: if landmark.name().starts_with("left") { 0.1 } else { -0.1 },
                visibility: 0.9,
                presence: 0.9,
            }
        });
        Some(Pose {
            score: 0.9,
            points: points.to_vec(),
        })
    };
    Recording {
        source: Source {
            name: name.to_owned(),
            width_px: 640,
            height_px: 480,
        },
        skeleton: Skeleton::BlazePose33,
        model: Model {
            name: "made_up".to_owned(),
            sha256: "0".repeat(64),
        },
        spaces: Spaces::Both,
        time_s: (0..frames).map(|frame| frame as f64 / 30.0).collect(),
        people: vec![Person {
            id: 0,
            poses: (0..frames).map(pose).collect(),
        }],
    }
}

/// Right and down from the hips, in metres.
fn place(landmark: Landmark, bend: f64) -> [f64; 2] {
    let name = landmark.name();
    let bend = if name.starts_with("right") { bend } else { 0.0 };
    let knee = [0.0, 0.45];
    let ankle = [knee[0] - 0.42 * bend.sin(), knee[1] + 0.42 * bend.cos()];
    let foot = |ahead: f64, down: f64| {
        [
            ankle[0] + ahead * bend.cos() - down * bend.sin(),
            ankle[1] + ahead * bend.sin() + down * bend.cos(),
        ]
    };
    match name.rsplit_once('_').map_or(name, |(_, last)| last) {
        "shoulder" => [0.0, -0.5],
        "elbow" => [0.02, -0.22],
        "wrist" => [0.05, 0.02],
        "pinky" | "index" | "thumb" if !name.contains("foot") => [0.06, 0.1],
        "hip" => [0.0, 0.0],
        "knee" => knee,
        "ankle" => ankle,
        "heel" => foot(-0.05, 0.06),
        "index" => foot(0.18, 0.06),
        _ => [0.08, -0.7],
    }
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    std::fs::write(folder.join(name), content).unwrap();
}

/// A folder with the same movement in every form, and a shallower one.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let (deep, shallow) = (recording("deep.mp4", 60, 90.0), recording("shallow.mp4", 45, 50.0));
    write(at, "deep.parquet", recording_to_parquet(&deep).unwrap());
    write(at, "shallow.json", recording_to_json(&shallow).unwrap());
    let analysis = analyze(&shallow, &Settings::default()).unwrap();
    write(at, "analysis.json", analysis_to_json(&analysis).unwrap());
    // As a job's results are stored: the poses apart.
    std::fs::create_dir(at.join("results")).unwrap();
    let (without, poses) = analysis.split_poses();
    write(at, "results/analysis.json", analysis_to_json(&without).unwrap());
    write(at, "results/poses.parquet", recording_to_parquet(&poses).unwrap());
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_movement_can_be_compared() {
    let folder = folder();
    let mut told = Vec::new();
    std::fs::copy(folder.path().join("analysis.json"), folder.path().join("monday.txt")).unwrap();
    for b in ["shallow.json", "analysis.json", "monday.txt", "results"] {
        let ended = run_in(folder.path(), "", &["compare", "deep.parquet", b, "--json"]).await;
        assert_eq!(ended.code, 0, "{ended:?}");
        told.push(ended.json());
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    let angles = told[0]["angles"].as_array().unwrap();
    let mean = |id: &str| {
        angles.iter().find(|angle| angle["id"] == id).unwrap()["mean_absolute_deg"]
            .as_f64()
            .unwrap()
    };
    assert!(mean("right_knee_flexion_image") > 5.0, "{}", told[0]);
    assert!(mean("left_knee_flexion_image") < 1.0, "{}", told[0]);
    assert!(told[0]["score"].as_f64().unwrap() < 100.0);
    assert_eq!(told[0]["joints"].as_array().unwrap().len(), 33);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_names_units_and_what_differs_most_comes_first() {
    let folder = folder();
    let arguments = ["compare", "deep.parquet", "results", "--repetitions", "0-30,30-60"];
    let ended = run_in(folder.path(), "", &arguments).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let lines: Vec<&str> = ended.stdout.lines().collect();
    let row = |start: &str| {
        lines
            .iter()
            .position(|line| line.starts_with(start))
            .unwrap_or_else(|| panic!("{start} {ended:?}"))
    };
    assert!(
        lines[0].starts_with("A  deep.mp4, person 0, 2.0 s") && lines[1].starts_with("B  shallow.mp4"),
        "{ended:?}"
    );
    let head = row("ANGLE");
    assert!(lines[head].contains("MEAN °") && lines[head].contains("GREATEST °") && lines[head].ends_with("SCORE"));
    assert!(
        lines[head + 1].starts_with("right "),
        "the leg that differs comes first: {}",
        lines[head + 1]
    );
    assert!(row("right knee flexion") < row("left knee flexion"));
    assert!(lines[row("JOINT") + 1].contains("% of trunk"), "{ended:?}");
    let repetitions = row("REPETITION");
    assert!(
        lines[repetitions + 1].trim_start().starts_with('1') && lines[repetitions + 2].trim_start().starts_with('2')
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_written_and_only_overwritten_with_force() {
    let folder = folder();
    let arguments = [
        "compare",
        "deep.parquet",
        "shallow.json",
        "--out",
        "out",
        "--height",
        "160",
    ];
    let ended = run_in(folder.path(), "", &arguments).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let out = folder.path().join("out");
    assert_eq!(names(&out), ["comparison.json", "comparison.mp4", "differences.svg"]);
    let json = std::fs::read_to_string(out.join("comparison.json")).unwrap();
    let comparison = comparison_from_json(&json).unwrap();
    assert_eq!((&*comparison.a.name, &*comparison.b.name), ("deep.mp4", "shallow.mp4"));
    // The time of both in the middle: 59 and 44 frames at 30 per second.
    let probed = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-count_frames"])
        .args(["-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"])
        .arg(out.join("comparison.mp4"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(probed.stdout).unwrap().trim(), "52");

    let again = run_in(folder.path(), "", &arguments).await;
    assert_eq!(again.code, 1);
    assert!(
        again.stderr.contains("error[FILE_EXISTS]") && again.stderr.contains("--force"),
        "{again:?}"
    );
    let forced = [&arguments[..], &["--force", "--no-video"]].concat();
    assert_eq!(run_in(folder.path(), "", &forced).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_video_stands_behind_the_figure() {
    let folder = folder();
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "color=c=green:s=640x480:r=30:d=2",
            "-pix_fmt",
            "yuv420p",
        ])
        .arg(folder.path().join("deep.mp4"))
        .status()
        .unwrap();
    assert!(made.success());
    let arguments = [
        "compare",
        "deep.parquet",
        "shallow.json",
        "--out",
        "out",
        "--height",
        "160",
        "--video-a",
        "deep.mp4",
    ];
    let ended = run_in(folder.path(), "", &arguments).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    let picture = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(folder.path().join("out/comparison.mp4"))
        .args(["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .unwrap()
        .stdout;
    // Near the lower edge of the first picture: 160 rows of 213, even 212, pixels for each and a gap of 4.
    let width = 2 * 212 + 4;
    let pixel = |x: usize, y: usize| &picture[(y * width + x) * 3..][..3];
    let (first, second) = (pixel(20, 150), pixel(width - 20, 150));
    assert!(first[1] > 90 && first[0] < 60, "green: {first:?}");
    assert!(second[1] < 60, "plain ground: {second:?}");
    // It lasts as long as its recording, but half as long as one that it is not of.
    assert!(!ended.stderr.contains("stands still"), "{ended:?}");
    let early = recording("deep.mp4", 120, 90.0);
    write(folder.path(), "long.parquet", recording_to_parquet(&early).unwrap());
    let arguments = [
        "compare",
        "long.parquet",
        "long.parquet",
        "--out",
        "early",
        "--height",
        "160",
        "--video-a",
        "deep.mp4",
    ];
    let ended = run_in(folder.path(), "", &arguments).await;
    assert!(ended.code == 0 && ended.stderr.contains("stands still"), "{ended:?}");
    // Upright where the recording is wide.
    let mut upright = recording("deep.mp4", 60, 90.0);
    (upright.source.width_px, upright.source.height_px) = (480, 640);
    write(
        folder.path(),
        "upright.parquet",
        recording_to_parquet(&upright).unwrap(),
    );
    let arguments = [
        "compare",
        "upright.parquet",
        "shallow.json",
        "--out",
        "other",
        "--video-a",
        "deep.mp4",
        "--json",
    ];
    let ended = run_in(folder.path(), "", &arguments).await;
    assert_eq!(ended.json()["error"]["code"], "OTHER_VIDEO", "{ended:?}");
    assert!(!folder.path().join("other").exists(), "nothing was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_compared_is_told_with_a_hint() {
    let folder = folder();
    write(folder.path(), "noise.json", "{\"schema_version\": 1}");
    write(folder.path(), "noise.bin", [0xff, 0xfe, 0x00]);
    let cases: [(&[&str], i32, &str); 7] = [
        (&["compare", "deep.parquet", "nothing.json"], 1, "FILE_UNREADABLE"),
        (&["compare", "deep.parquet", "noise.json"], 1, "MOTION_MALFORMED_JSON"),
        (&["compare", "deep.parquet", "noise.bin"], 1, "NOT_A_RECORDING"),
        (
            &["compare", "deep.parquet", "results", "--person-b", "4"],
            1,
            "MOTION_NOT_COMPARABLE",
        ),
        (
            &["compare", "deep.parquet", "results", "--repetitions", "10-99"],
            1,
            "MOTION_INVALID_SETTINGS",
        ),
        (
            &["compare", "deep.parquet", "results", "--band", "2", "--fast", "1"],
            2,
            "USAGE",
        ),
        (
            &[
                "compare",
                "deep.parquet",
                "results",
                "--out",
                "out",
                "--video-b",
                "noise.bin",
            ],
            1,
            "MEDIA_NO_VIDEO_STREAM",
        ),
    ];
    for (arguments, exit, code) in cases {
        let arguments = [arguments, &["--json"]].concat();
        let ended = run_in(folder.path(), "", &arguments).await;
        assert_eq!(ended.code, exit, "{arguments:?} {ended:?}");
        assert_eq!(ended.json()["error"]["code"], code, "{ended:?}");
    }
    assert!(!folder.path().join("out/comparison.mp4").exists());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_leaves_no_partial_video() {
    let folder = tempfile::tempdir().unwrap();
    // Long enough to be still at work when it is interrupted.
    let long = recording("long.mp4", 3000, 90.0);
    write(folder.path(), "long.parquet", recording_to_parquet(&long).unwrap());
    let arguments = [
        "compare",
        "long.parquet",
        "long.parquet",
        "--out",
        "out",
        "--height",
        "720",
    ];
    let child = command("", &arguments).current_dir(folder.path()).spawn().unwrap();
    let id = child.id().unwrap().to_string();
    let out = folder.path().join("out");
    let mut has_begun = false;
    for _ in 0..600 {
        has_begun = out.exists()
            && names(&out).iter().any(|name| {
                std::path::Path::new(name)
                    .extension()
                    .is_some_and(|kind| kind == "part")
            });
        if has_begun {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(has_begun, "the video was never begun");
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let ended = finish(child).await;
    assert_eq!(ended.code, 130, "{ended:?}");
    assert!(!out.exists(), "neither results nor a part of a video");
}

#[tokio::test(flavor = "multi_thread")]
async fn recordings_of_other_programs_are_compared_where_they_have_places() {
    let folder = folder();
    let run = |arguments: &'static [&'static str]| run_in(folder.path(), "", arguments);
    for (file, more) in [("deep.trc", &[][..]), ("deep.jsonl", &["--skeleton", "blazepose_33"])] {
        let arguments = [&["convert", "deep.parquet", file], more].concat();
        assert_eq!(run_in(folder.path(), "", &arguments).await.code, 0, "{file}");
    }
    let world = run(&["compare", "deep.trc", "shallow.json", "--json"]).await;
    assert_eq!(world.code, 0, "{world:?}");
    assert!(world.json()["angles"][0]["id"].as_str().unwrap().ends_with("_world"));
    let out = run(&["compare", "deep.trc", "deep.parquet", "--out", "out"]).await;
    assert!(
        out.code == 0 && out.stderr.contains("no positions in the picture"),
        "{out:?}"
    );
    assert_eq!(
        names(&folder.path().join("out")),
        ["comparison.json", "differences.svg"]
    );
    let image = run(&["compare", "deep.jsonl", "shallow.json", "--rate", "30", "--json"]).await;
    assert!(
        image.json()["angles"][0]["id"].as_str().unwrap().ends_with("_image"),
        "{image:?}"
    );
    assert!(image.json()["notes"].to_string().contains("no times"), "{image:?}");
}

//! Long videos: what comes of ranges that were worked on apart is what comes of the whole.

use std::path::{Path, PathBuf};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_engine::JobState;
use marey_fn_biomechanics::Biomechanics;
use marey_media::{FrameReader, Limits, ReadOptions, Tools, VideoInfo};
use marey_motion::{
    Analysis, Recording, Sighting, Space,
    formats::{analysis_from_json, recording_from_parquet},
};
use serde_json::json;

use super::{SharedPose, clips, pose, probe, report, tools, visualize, world::World};

/// Runs a job to its end, the shards of a stage in the opposite of their order.
async fn finish(world: &World, tools: &Tools, pose: &SharedPose) {
    loop {
        let mut tasks: Vec<_> = std::iter::from_fn(|| world.memory.receive()).collect();
        if tasks.is_empty() {
            return;
        }
        tasks.reverse();
        for task in &tasks {
            let _done = match task.payload.stage.as_str() {
                "probe" => world.run(probe(tools), task).await,
                "pose" => world.run(SharedPose(pose.0), task).await,
                "biomechanics" => world.run(Biomechanics, task).await,
                "visualize" => world.run(visualize(tools), task).await,
                "report" => world.run(report(tools), task).await,
                other => panic!("no stage {other}"),
            };
        }
    }
}

async fn finished(tools: &Tools, pose: &SharedPose, video: &[u8], shard_s: f64) -> World {
    let world = World::with(video.to_vec(), "motion", &[("shard_s", json!(shard_s))]).await;
    finish(&world, tools, pose).await;
    world
}

async fn recording(world: &World) -> Recording {
    recording_from_parquet(&world.result("recording.parquet").await).unwrap()
}

async fn analysis(world: &World) -> Analysis {
    analysis_from_json(&String::from_utf8(world.result("analysis.json").await).unwrap()).unwrap()
}

/// Mean and greatest of some differences.
#[derive(Debug, Default, Clone, Copy)]
struct Spread {
    sum: f64,
    count: u32,
    greatest: f64,
}

impl Spread {
    fn add(&mut self, difference: f64) {
        self.sum += difference;
        self.count += 1;
        self.greatest = self.greatest.max(difference);
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

/// How far apart each landmark is in two recordings of the same people in the same frames, px; in all, and the landmark that is the
/// furthest.
fn landmarks_px(a: &Recording, b: &Recording) -> Spread {
    assert_eq!(a.time_s, b.time_s, "the same frames");
    assert_eq!(a.people.len(), b.people.len(), "the same people");
    let mut of_all = Spread::default();
    let mut of_each = vec![Spread::default(); a.skeleton.len()];
    for (a, b) in a.people.iter().zip(&b.people) {
        for (a, b) in a.poses.iter().zip(&b.poses) {
            assert_eq!(a.is_some(), b.is_some(), "in the same frames");
            let (Some(a), Some(b)) = (a, b) else { continue };
            for ((a, b), of_one) in a.points.iter().zip(&b.points).zip(&mut of_each) {
                let difference = f64::from(a.x_px - b.x_px).hypot(f64::from(a.y_px - b.y_px));
                of_all.add(difference);
                of_one.add(difference);
            }
        }
    }
    for (name, of_one) in a.skeleton.landmark_names().iter().zip(&of_each) {
        eprintln!(
            "    {name}: mean {:.3} px, greatest {:.3} px",
            of_one.mean(),
            of_one.greatest
        );
    }
    of_all
}

/// How far apart the angles in the picture are, degrees.
fn angles_deg(a: &Analysis, b: &Analysis) -> Spread {
    let mut spread = Spread::default();
    for (a, b) in a.people.iter().zip(&b.people) {
        for (a, b) in a.angles.iter().zip(&b.angles) {
            assert_eq!(a.id(), b.id());
            for (a, b) in a.value_deg.iter().zip(&b.value_deg) {
                assert_eq!(a.is_some(), b.is_some());
                if let (Some(a), Some(b), Space::Image) = (a, b, Space::Image) {
                    let difference = (a - b).abs();
                    spread.add(difference.min(360.0 - difference));
                }
            }
        }
    }
    spread
}

/// The annotated video in a file, and what is known of it.
async fn annotated(world: &World, tools: &Tools, folder: &Path, name: &str) -> (PathBuf, VideoInfo) {
    let path = folder.join(name);
    std::fs::write(&path, world.result("annotated.mp4").await).unwrap();
    let info = marey_media::probe(tools, &path, &Limits::default()).unwrap();
    (path, info)
}

fn frame_times(tools: &Tools, path: &Path, info: &VideoInfo) -> Vec<u64> {
    let mut reader = FrameReader::open(tools, path, info, ReadOptions::default()).unwrap();
    std::iter::from_fn(|| reader.read().unwrap())
        .map(|frame| frame.time_s.to_bits())
        .collect()
}

/// Where results are kept to be looked at, if somebody wants to.
fn keep(folder: &Path, name: &str) {
    if let Some(to) = std::env::var_os("MAREY_KEEP") {
        std::fs::copy(folder.join(name), Path::new(&to).join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_walk_in_three_ranges_is_the_walk_in_one() {
    let test = "the walk in ranges";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let video = clips::slow_walk(&tools, 1);
    let one = finished(&tools, &pose, &video, 45.0).await;
    let three = finished(&tools, &pose, &video, 4.2).await;
    // The same walk, filmed once more: only the camera's noise is another.
    let again = finished(&tools, &pose, &clips::slow_walk(&tools, 2), 45.0).await;
    assert_eq!(
        (
            &one.facts("probe").await["shards"],
            &three.facts("probe").await["shards"]
        ),
        (&json!(1), &json!(3))
    );

    let (whole, joined) = (recording(&one).await, recording(&three).await);
    assert_eq!(joined.people.len(), 1, "one person crosses two cuts");
    eprintln!("landmarks, in ranges against in one piece:");
    let difference = landmarks_px(&joined, &whole);
    eprintln!("landmarks, filmed again:");
    let noise = landmarks_px(&recording(&again).await, &whole);
    eprintln!(
        "landmarks: {difference:?} mean {:.4} px; noise: {noise:?} mean {:.4} px",
        difference.mean(),
        noise.mean()
    );
    let angles = angles_deg(&analysis(&three).await, &analysis(&one).await);
    let angles_noise = angles_deg(&analysis(&again).await, &analysis(&one).await);
    eprintln!(
        "angles: {angles:?} mean {:.4} deg; noise: {angles_noise:?} mean {:.4} deg",
        angles.mean(),
        angles_noise.mean()
    );
    assert!(difference.mean() <= noise.mean() && difference.greatest <= noise.greatest);
    assert!(angles.mean() <= angles_noise.mean() && angles.greatest <= angles_noise.greatest);

    let folder = tempfile::tempdir().unwrap();
    let (whole, mut of_whole) = annotated(&one, &tools, folder.path(), "whole.mp4").await;
    let (joined, of_joined) = annotated(&three, &tools, folder.path(), "joined.mp4").await;
    assert_eq!(
        frame_times(&tools, &whole, &of_whole),
        frame_times(&tools, &joined, &of_joined)
    );
    assert_eq!(of_joined.audio, of_whole.audio, "the sound is that of the upload");
    assert!(of_joined.audio.is_some());
    of_whole.file_bytes = of_joined.file_bytes;
    of_whole.key_frames_s.clone_from(&of_joined.key_frames_s);
    assert_eq!(of_whole, of_joined);
    std::fs::write(
        folder.path().join("chronophotograph.jpg"),
        three.result("chronophotograph.jpg").await,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("chronophotograph-whole.jpg"),
        one.result("chronophotograph.jpg").await,
    )
    .unwrap();
    std::fs::write(folder.path().join("report.html"), three.result("report.html").await).unwrap();
    for name in [
        "whole.mp4",
        "joined.mp4",
        "chronophotograph.jpg",
        "chronophotograph-whole.jpg",
        "report.html",
    ] {
        keep(folder.path(), name);
    }
}

/// In the place of a drawing stage that finds a picture it cannot draw on.
struct Clumsy;

impl Stage for Clumsy {
    fn name(&self) -> &'static str {
        "visualize"
    }

    fn run(&self, _: &Work) -> Result<Output, StageError> {
        Err(StageError::permanent("PICTURE_WRONG_LENGTH", "No.", "None."))
    }
}

#[tokio::test]
async fn a_report_without_pictures_says_so_and_the_rest_stands() {
    let test = "the report without pictures";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let world = World::new(clips::rendered(&tools, &clips::short_squat())).await;
    world.replay(probe(&tools)).await;
    world.replay(SharedPose(pose.0)).await;
    world.replay(Biomechanics).await;
    world.replay(Clumsy).await;
    world.replay(report(&tools)).await;
    let JobState::Completed { degraded, .. } = world.job().await.state else {
        panic!("it did not complete: {:#?}", world.snapshot().await)
    };
    assert_eq!(degraded.len(), 1);
    assert_eq!(degraded[0].code, "PICTURE_WRONG_LENGTH");
    let names: Vec<String> = world
        .manifest()
        .await
        .artifacts
        .into_iter()
        .map(|entry| entry.artifact.name)
        .collect();
    assert!(
        names.contains(&"report.html".to_owned()) && names.contains(&"angles.svg".to_owned()),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.ends_with("mp4") || name.ends_with("jpg")),
        "{names:?}"
    );
    let page = String::from_utf8(world.result("report.html").await).unwrap();
    assert!(page.contains("Drawing on the video failed") && page.contains("Knee flexion"));
    assert!(
        !page.contains("annotated.mp4") && !page.contains("chronophotograph.jpg"),
        "nothing that is not there is linked"
    );
}

#[tokio::test]
async fn the_short_workflows_leave_what_they_promise() {
    let test = "the short workflows";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let video = clips::rendered(&tools, &clips::short_squat());
    for (workflow, results) in [
        ("probe", &["video.json"][..]),
        ("pose", &["video.json", "recording.parquet"][..]),
    ] {
        let world = World::with(video.clone(), workflow, &[]).await;
        finish(&world, &tools, &pose).await;
        let names: Vec<String> = world
            .manifest()
            .await
            .artifacts
            .into_iter()
            .map(|entry| entry.artifact.name)
            .collect();
        assert_eq!(names, results);
    }
}

/// Real footage, twice in a row so that it is long enough: occlusion, a flip, and a cut of its own.
fn real_footage(tools: &Tools) -> Option<Vec<u8>> {
    let shared = std::env::var_os("MAREY_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let source = shared.join("videos/sports2d_demo.mp4");
    if !source.exists() {
        eprintln!("skipped: real footage in ranges needs {}", source.display());
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.mp4");
    let made = std::process::Command::new(&tools.ffmpeg)
        .args(["-v", "error", "-stream_loop", "1", "-i"])
        .arg(&source)
        .args([
            "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "30",
        ])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    Some(std::fs::read(path).unwrap())
}

#[tokio::test]
async fn real_footage_in_ranges_is_real_footage_in_one() {
    let test = "real footage in ranges";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let Some(video) = real_footage(&tools) else { return };
    let mut recordings = Vec::new();
    for (shard_s, shards) in [(45.0, 1), (4.2, 4)] {
        // Landmarks alone: nothing is drawn.
        let world = World::with(video.clone(), "motion", &[("shard_s", json!(shard_s))]).await;
        for stage in 0..3 {
            let tasks: Vec<_> = std::iter::from_fn(|| world.memory.receive()).collect();
            assert_eq!(tasks.len(), if stage == 1 { shards } else { 1 });
            for task in &tasks {
                let _done = match stage {
                    0 => world.run(probe(&tools), task).await,
                    1 => world.run(SharedPose(pose.0), task).await,
                    _ => world.run(Biomechanics, task).await,
                };
            }
        }
        recordings.push(recording_from_parquet(&world.artifact("biomechanics", "recording.parquet").await).unwrap());
    }
    let (whole, joined) = (&recordings[0], &recordings[1]);
    assert_eq!(whole.time_s, joined.time_s);
    // Frame by frame: is the same person there, and where?
    let (mut same, mut other, mut one_only) = (0, 0, 0);
    let mut spread = Vec::new();
    for frame in 0..whole.time_s.len() {
        let there = |recording: &Recording| -> Vec<(u32, marey_motion::Pose)> {
            let people = recording.people.iter();
            people
                .filter_map(|person| Some((person.id, person.poses[frame].clone()?)))
                .collect()
        };
        match (there(whole).as_slice(), there(joined).as_slice()) {
            ([], []) => same += 1,
            ([(a_id, a)], [(b_id, b)]) => {
                let trunk_px = Sighting::of(a, 0.0).map_or(1.0, |sighting| sighting.trunk_px());
                let distance = a.distance_px(b) / trunk_px;
                if a_id == b_id {
                    same += 1
                } else {
                    other += 1
                }
                spread.push(distance);
            }
            _ => one_only += 1,
        }
    }
    spread.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| spread[((spread.len() - 1) as f64 * share) as usize];
    eprintln!(
        "{} and {} people; {same} frames with the same person, {other} with another, {one_only} with one in one only; distance in trunks: \
         median {:.4}, 95 % {:.4}, greatest {:.4}",
        whole.people.len(),
        joined.people.len(),
        quantile(0.5),
        quantile(0.95),
        quantile(1.0)
    );
    assert!(
        same * 100 >= whole.time_s.len() * 95,
        "the same person in nearly all frames"
    );
    assert!(quantile(0.5) < 0.02 && quantile(0.95) < 0.1);
}

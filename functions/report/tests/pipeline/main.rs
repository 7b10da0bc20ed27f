//! Every stage in one process, on ports in memory: the sample events in `events/` move a rendered video from the first task
//! to the report. Where ffmpeg, ONNX Runtime or the models are missing, a test says `skipped` and passes.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

mod cancel;
mod clips;
mod sharded;
mod world;

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_engine::{JobState, ShardState, Workflow};
use marey_fn_biomechanics::Biomechanics;
use marey_fn_pose::PoseStage;
use marey_fn_probe::Probe;
use marey_fn_report::Report;
use marey_fn_visualize::Visualize;
use marey_media::{Limits, Tools};
use marey_motion::{Angle, Side, Space, formats::analysis_from_json};
use marey_sample::{Scene, truth};
use sha2::{Digest, Sha256};

use world::{STAGES, World, sample_task, upload};

/// ffmpeg and ffprobe.
fn tools(test: &str) -> Option<Tools> {
    Tools::from_env()
        .inspect_err(|error| eprintln!("skipped: {test}: {error}"))
        .ok()
}

/// The stage `pose` that the tests of a process share, as the messages of a function do: ONNX Runtime allows one environment
/// per process.
struct SharedPose(&'static PoseStage);

impl Stage for SharedPose {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        self.0.run(work)
    }
}

/// The stage `pose` with the models that `cargo xtask setup` fetches.
fn pose(tools: &Tools, test: &str) -> Option<SharedPose> {
    static STAGE: OnceLock<PoseStage> = OnceLock::new();
    let place = |variable: &str, default: &str| {
        let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.marey").join(default);
        let path = std::env::var_os(variable).map_or(default, PathBuf::from);
        if !path.exists() {
            eprintln!("skipped: {test} needs {} (or {variable})", path.display());
            return None;
        }
        Some(path)
    };
    let library = place("MAREY_ONNXRUNTIME", "lib/libonnxruntime.so")?;
    let models = place("MAREY_MODELS", "models")?;
    let stage = || PoseStage::new(tools.clone(), &library, &models).unwrap();
    Some(SharedPose(STAGE.get_or_init(stage)))
}

fn probe(tools: &Tools) -> Probe {
    let (tools, limits) = (tools.clone(), marey_fn_probe::limits());
    Probe { tools, limits }
}

fn visualize(tools: &Tools) -> Visualize {
    let tools = tools.clone();
    Visualize { tools }
}

fn report(tools: &Tools) -> Report {
    let tools = tools.clone();
    Report { tools }
}

#[test]
fn the_sample_tasks_are_those_of_one_job_in_the_order_of_its_workflow() {
    let workflow = Workflow::shipped("motion").unwrap();
    let stages: Vec<_> = workflow.stages().iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(stages, STAGES);
    let mut sender = "intake";
    for stage in STAGES {
        let task = sample_task(stage);
        assert_eq!(task.clone().check().as_ref(), Ok(&task));
        assert_eq!((task.payload.stage.as_str(), task.payload.shard), (stage, 0));
        assert_eq!(task.payload.job, upload(0).job_id());
        assert_eq!(task.metadata.source, sender);
        sender = stage;
    }
}

#[tokio::test]
async fn the_sample_events_turn_a_video_into_its_report() {
    let test = "the pipeline";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let scene = clips::short_squat();
    let world = World::new(clips::rendered(&tools, &scene)).await;
    world.replay(probe(&tools)).await;
    world.replay(pose).await;
    world.replay(Biomechanics).await;
    world.replay(visualize(&tools)).await;
    world.replay(report(&tools)).await;

    let frames = scene.frame_count();
    let manifest = world.manifest().await;
    let facts = world.facts("probe").await;
    assert_eq!(
        (&facts["frames"], &facts["width_px"]),
        (&frames.into(), &scene.width.into())
    );
    let facts = world.facts("pose").await;
    assert_eq!(
        (&facts["frames_with_person"], &facts["people"]),
        (&frames.into(), &1.into())
    );
    let facts = world.facts("biomechanics").await;
    assert_eq!((&facts["frames"], &facts["people_found"]), (&frames.into(), &1.into()));
    assert_eq!(world.facts("visualize").await["frames"], frames);
    assert_eq!(world.facts("report").await["frames"], frames);
    let listed: Vec<_> = manifest
        .artifacts
        .iter()
        .map(|entry| entry.artifact.name.as_str())
        .collect();
    let workflow = Workflow::shipped("motion").unwrap();
    let mut results: Vec<_> = workflow.stages().iter().flat_map(|stage| &stage.results).collect();
    results.sort_unstable();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, results, "every result once");
    for entry in &manifest.artifacts {
        let (artifact, content) = (&entry.artifact, world.object(&entry.artifact.key));
        assert_eq!(artifact.bytes, content.len() as u64, "{}", artifact.name);
        assert_eq!(
            artifact.sha256,
            hex::encode(Sha256::digest(&content)),
            "{}",
            artifact.name
        );
    }
    check_angles(&world, &scene).await;
    check_pictures(&world, &tools, &scene).await;
}

/// The near knee is where the renderer put it.
async fn check_angles(world: &World, scene: &Scene) {
    let text = String::from_utf8(world.result("analysis.json").await).unwrap();
    let analysis = analysis_from_json(&text).unwrap();
    let knee = analysis.people[0]
        .series(Angle::KneeFlexion, Some(Side::Right), Space::Image)
        .unwrap();
    let truth = truth(scene).unwrap();
    let errors: Vec<f64> = knee
        .value_deg
        .iter()
        .zip(&truth.frames)
        .filter_map(|(value, frame)| value.map(|value| (value - frame.people[0].right.knee_flexion_deg).abs()))
        .collect();
    assert_eq!(errors.len(), scene.frame_count(), "an angle in every frame");
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    eprintln!("mean absolute error of the near knee: {mean:.2} degrees");
    assert!(mean < 8.0, "the knee is off by {mean:.1} degrees on average");
}

/// The video is a video, the photograph a photograph, and the report speaks of this job.
async fn check_pictures(world: &World, tools: &Tools, scene: &Scene) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annotated.mp4");
    std::fs::write(&path, world.result("annotated.mp4").await).unwrap();
    let video = marey_media::probe(tools, &path, &Limits::default()).unwrap();
    assert_eq!(video.frame_count, scene.frame_count() as u64);
    assert_eq!((video.width_px, video.height_px), (scene.width, scene.height));
    let photo = world.result("chronophotograph.jpg").await;
    assert!(photo.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
    let report = String::from_utf8(world.result("report.html").await).unwrap();
    for needed in [
        "squat 2×5+1.mp4",
        "annotated.mp4",
        &world.id.to_string(),
        "Knee flexion",
    ] {
        assert!(report.contains(needed), "the report does not mention {needed}");
    }
}

#[tokio::test]
async fn a_video_of_nobody_ends_its_job_with_a_reason() {
    let test = "the video of nobody";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let world = World::new(clips::grey(&tools, 320, 240, 12)).await;
    world.replay(probe(&tools)).await;
    world.replay(pose).await;
    world.replay(Biomechanics).await;
    let JobState::Failed { failure, .. } = world.job().await.state else {
        panic!("it goes on: {:#?}", world.snapshot().await)
    };
    assert_eq!((failure.code.as_str(), failure.attempt), ("NO_PERSON_FOUND", 1));
    assert_eq!(failure.stage.unwrap().as_str(), "biomechanics");
    let failures = world.failures().await;
    assert_eq!(failures.len(), 1);
    let kept = failures[0].message.as_deref().unwrap();
    assert_eq!(
        serde_json::from_str(kept).ok(),
        Some(sample_task("biomechanics")),
        "the message as it came"
    );
    assert!(world.memory.receive().is_none(), "nothing follows");
    // A task that was on its way is dropped.
    let before = world.snapshot().await;
    assert!(world.deliver(visualize(&tools)).await.is_empty());
    assert_eq!(world.snapshot().await, before);
}

#[tokio::test]
async fn a_file_that_is_no_video_ends_its_job_with_a_reason() {
    let Some(tools) = tools("the file that is no video") else {
        return;
    };
    let world = World::new(b"dear diary".to_vec()).await;
    world.replay(probe(&tools)).await;
    let JobState::Failed { failure, .. } = world.job().await.state else {
        panic!("it goes on: {:#?}", world.snapshot().await)
    };
    assert_eq!(failure.code, "MEDIA_NOT_A_VIDEO");
    assert!(world.memory.receive().is_none(), "nothing follows");
}

#[tokio::test]
async fn a_stage_whose_tool_is_killed_gives_its_task_back() {
    let Some(tools) = tools("the tool that is killed") else {
        return;
    };
    let world = World::new(clips::grey(&tools, 64, 48, 3)).await;
    let folder = tempfile::tempdir().unwrap();
    let ffprobe = folder.path().join("ffprobe");
    // What the kernel does to it when memory runs out.
    std::fs::write(&ffprobe, "#!/bin/sh\nkill -9 $$\n").unwrap();
    std::fs::set_permissions(&ffprobe, std::fs::Permissions::from_mode(0o755)).unwrap();
    let dying = Tools {
        ffprobe,
        ..tools.clone()
    };
    assert_eq!(world.deliver(probe(&dying)).await.len(), 1, "the event comes back");
    let shard = world.shard("probe").await;
    assert_eq!((shard.state, shard.attempt), (ShardState::Queued, 1));
    assert_eq!(world.job().await.state, JobState::Running);
    world.replay(probe(&tools)).await;
    let shard = world.shard("probe").await;
    assert!(shard.is_complete() && shard.attempt == 2, "{shard:#?}");
}

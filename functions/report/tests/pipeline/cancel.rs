//! A cancel while a stage works.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_engine::{JobState, ShardState};
use marey_fn_biomechanics::Biomechanics;
use rustix::process::{Pid, Signal, kill_process};

use super::{clips, pose, probe, tools, visualize, world::World};

/// A stage that tells in which folder it works.
struct Watched<T> {
    stage: T,
    folder: Arc<OnceLock<PathBuf>>,
}

impl<T: Stage> Stage for Watched<T> {
    fn name(&self) -> &'static str {
        self.stage.name()
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let folder = work.scratch.parent().unwrap().to_path_buf();
        self.folder.set(folder).unwrap();
        self.stage.run(work)
    }
}

/// Other processes whose command line names this folder.
fn processes(folder: &Path) -> Vec<i32> {
    let folder = folder.to_str().unwrap();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if id != std::process::id() as i32 && String::from_utf8_lossy(&line).contains(folder) {
            found.push(id);
        }
    }
    found
}

/// Cancels the job while so many children of the stage work for it; then nothing of the attempt may be left.
async fn cancel_during<T: Stage>(world: &World, stage: T, children: usize) {
    let name = stage.name();
    world.expect_task(name);
    let folder: Arc<OnceLock<PathBuf>> = Arc::default();
    let watched = Watched {
        stage,
        folder: folder.clone(),
    };
    let cancel = async {
        for _ in 0..6000 {
            let working = folder.get().map(|folder| processes(folder)).unwrap_or_default();
            if working.len() >= children {
                // They come to no end by themselves, however fast this machine is.
                for id in &working {
                    let process = Pid::from_raw(*id).unwrap();
                    kill_process(process, Signal::STOP).unwrap();
                }
                world.cancel().await;
                return working;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} never had {children} children");
    };
    let (returned, killed) = tokio::join!(world.deliver(watched), cancel);
    assert!(returned.is_empty(), "the task is done with");
    for id in killed {
        assert!(
            !Path::new(&format!("/proc/{id}")).exists(),
            "process {id} of {name} is still there"
        );
    }
    let folder = folder.get().unwrap();
    assert_eq!(processes(folder), Vec::<i32>::new());
    assert!(!folder.exists(), "the attempt's files are gone");
    assert!(matches!(world.shard(name).await.state, ShardState::Cancelled { .. }));
    assert!(matches!(world.job().await.state, JobState::Cancelled { .. }));
    assert!(world.failures().await.is_empty(), "a cancel is no failure");
    assert!(world.memory.receive().is_none(), "nothing follows");
}

#[tokio::test]
async fn a_cancel_during_pose_kills_ffmpeg() {
    let test = "the cancel during pose";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let world = World::new(clips::grey(&tools, 320, 240, 300)).await;
    world.replay(probe(&tools)).await;
    cancel_during(&world, pose, 1).await;
}

/// In the place of the models: it saw somebody in every frame, whatever was in it.
struct Dreamer;

impl Stage for Dreamer {
    fn name(&self) -> &'static str {
        "pose"
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        clips::recording_of_a_dream(work)
    }
}

#[tokio::test]
async fn a_cancel_during_visualize_kills_every_ffmpeg() {
    let Some(tools) = tools("the cancel during visualize") else {
        return;
    };
    let world = World::new(clips::grey(&tools, 640, 480, 300)).await;
    world.replay(probe(&tools)).await;
    world.replay(Dreamer).await;
    world.replay(Biomechanics).await;
    cancel_during(&world, visualize(&tools), 3).await;
}

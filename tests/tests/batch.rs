//! Jobs whose heavy stages run in containers: the local cloud keeps the names of submitted Batch jobs, an agent runs them.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use marey_cloud::aws::{
    BatchQueues,
    batch::{BatchName, TASK_VARIABLE},
};
use marey_contract::{JobDetail, JobStatus};
use marey_tests::{World, assert_completed, in_world, setting, videos};

/// Runs a test where Batch is offered.
fn where_batch_is<F: Future<Output = Result<()>>>(test: impl FnOnce(World) -> F) {
    if setting("MAREY_BATCH_QUEUE").is_ok_and(|name| name.is_empty()) {
        eprintln!("skipped: this cloud has no Batch");
        return;
    }
    in_world(test);
}

async fn submit(world: &World, video: &Path) -> Result<String> {
    let metadata = [("runs-on".to_owned(), "batch".to_owned())].into();
    let key = format!("uploads/{}.mp4", uuid::Uuid::new_v4());
    world.put_with(&key, std::fs::read(video)?, &metadata).await
}

/// A second of a squat, so often that every stage takes a while.
fn long(times: &str) -> Result<std::path::PathBuf> {
    let arguments = ["-stream_loop", times, "-i", "{short}", "-c", "copy", "-f", "mp4"];
    videos::converted(&format!("long-{times}.mp4"), &arguments)
}

/// What was submitted for a job, by stage.
async fn submitted(id: &str) -> Result<BTreeMap<String, u32>> {
    let config = marey_cloud::aws::sdk_config().await;
    let names = marey_cloud::settings::BatchNames {
        standard: setting("MAREY_BATCH_QUEUE")?,
        express: setting("MAREY_BATCH_QUEUE_EXPRESS")?,
        definition: setting("MAREY_BATCH_DEFINITION")?,
    };
    let listed = BatchQueues::new(&config, &names).listed(false, Some("marey_*")).await?;
    let mut stages = BTreeMap::new();
    for name in listed.iter().filter_map(|job| job.name.parse::<BatchName>().ok()) {
        if name.job.to_string() == id {
            *stages.entry(name.stage.to_string()).or_default() += name.count;
        }
    }
    Ok(stages)
}

/// The processes that run a stage of a job.
fn workers(id: &str, stage: &str) -> Vec<String> {
    let task = format!("{TASK_VARIABLE}=marey_{id}_{stage}_");
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|process| {
            let environment = std::fs::read(process.path().join("environ")).unwrap_or_default();
            let program = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            // Its ffmpeg has an environment of its own.
            program.trim() == "marey-worker"
                && environment
                    .split(|byte| *byte == 0)
                    .any(|variable| variable.starts_with(task.as_bytes()))
        })
        .map(|process| process.file_name().to_string_lossy().into_owned())
        .collect()
}

fn signal(name: &str, process: &str) -> Result<()> {
    let status = std::process::Command::new("kill")
        .args([name, "--", process])
        .status()?;
    anyhow::ensure!(status.success(), "process {process} was gone before it was sent {name}");
    Ok(())
}

/// Waits until an attempt at a stage has begun to work, and names its process.
async fn at_work(world: &World, id: &str, stage: &str) -> Result<String> {
    let started = Instant::now();
    while started.elapsed() < Duration::from_mins(2) {
        match world.api.job(id).await {
            Ok(job) => {
                let works = |s: &marey_contract::StageDetail| s.name == stage && s.progress > 0.0;
                if job.stages.iter().any(works)
                    && let [process, ..] = &workers(id, stage)[..]
                {
                    return Ok(process.clone());
                }
                if job.summary.status.has_ended() {
                    bail!("it ended before anybody worked on it: {job:#?}");
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error).context("the job was not found"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("nobody works on {stage} of {id}")
}

fn attempts(job: &JobDetail, stage: &str) -> u32 {
    job.stages
        .iter()
        .find(|s| s.name == stage)
        .map_or(0, |stage| stage.attempts)
}

#[test]
fn a_job_runs_in_containers_from_upload_to_report() {
    where_batch_is(|world| async move {
        let id = submit(&world, &videos::short()?).await?;
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        assert_eq!(
            submitted(&id).await?,
            [("pose".to_owned(), 1), ("visualize".to_owned(), 1)].into(),
            "the other stages have no reason to leave their functions"
        );
        assert!(job.stages.iter().all(|stage| stage.attempts == 1), "{job:#?}");
        let folder = tempfile::tempdir()?;
        world.download(&id, folder.path()).await?;
        let report = std::fs::read_to_string(folder.path().join("report.html"))?;
        assert!(report.contains("<html"));
        Ok(())
    });
}

#[test]
fn a_cancel_stops_a_container() {
    where_batch_is(|world| async move {
        let id = submit(&world, &long("40")?).await?;
        let process = at_work(&world, &id, "pose").await?;
        assert_eq!(world.api.cancel(&id).await?.summary.status, JobStatus::Cancelled);
        let cancelled = Instant::now();
        while !workers(&id, "pose").is_empty() {
            assert!(
                cancelled.elapsed() < Duration::from_mins(1),
                "process {process} goes on"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let job = world.api.job(&id).await?;
        assert_eq!(job.summary.status, JobStatus::Cancelled);
        assert!(
            job.stages.iter().all(|s| s.name == "probe" || s.progress < 1.0),
            "{job:#?}"
        );
        Ok(())
    });
}

#[test]
fn a_container_that_is_told_to_stop_gives_its_lease_back() {
    where_batch_is(|world| async move {
        let id = submit(&world, &long("20")?).await?;
        let process = at_work(&world, &id, "pose").await?;
        signal("-TERM", &process)?;
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        assert_eq!(attempts(&job, "pose"), 2);
        assert_eq!(
            submitted(&id).await?.get("pose"),
            Some(&1),
            "AWS Batch begins it again by itself"
        );
        Ok(())
    });
}

#[test]
fn a_container_that_is_killed_is_followed_by_another_when_its_lease_ends() {
    where_batch_is(|world| async move {
        let id = submit(&world, &long("20")?).await?;
        let process = at_work(&world, &id, "pose").await?;
        signal("-KILL", &process)?;
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        assert_eq!(attempts(&job, "pose"), 2);
        Ok(())
    });
}

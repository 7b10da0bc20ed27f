//! Long videos in pieces, pauses, retries, reuse of earlier results, and telling of the end.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use marey_contract::{JobDetail, JobStatus, PauseRequest, ReprocessRequest, ResumeRequest, StageDetail, StageStatus};
use marey_tests::{World, assert_completed, facts, in_world, videos};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// A second of a squat, so often that it can be cut.
fn long(seconds: u32) -> Result<PathBuf> {
    let times = (seconds - 1).to_string();
    let arguments = [
        "-stream_loop",
        times.as_str(),
        "-i",
        "{short}",
        "-c",
        "copy",
        "-f",
        "mp4",
    ];
    videos::converted(&format!("squats-{seconds}.mp4"), &arguments)
}

async fn submit(world: &World, video: PathBuf, wishes: &[(&str, String)]) -> Result<String> {
    let metadata: BTreeMap<_, _> = wishes
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    let key = format!("uploads/{}.mp4", uuid::Uuid::new_v4());
    world.put_with(&key, std::fs::read(video)?, &metadata).await
}

fn stage<'a>(job: &'a JobDetail, name: &str) -> &'a StageDetail {
    job.stages
        .iter()
        .find(|stage| stage.name == name)
        .unwrap_or_else(|| panic!("no stage {name}"))
}

/// Waits until a job looks as it should.
async fn until(world: &World, id: &str, what: &str, test: impl Fn(&JobDetail) -> bool) -> Result<JobDetail> {
    let started = Instant::now();
    loop {
        match world.api.job(id).await {
            Ok(job) if test(&job) => return Ok(job),
            Ok(job) if started.elapsed() > Duration::from_mins(2) => bail!("{what} did not come: {job:#?}"),
            Err(error) if !error.is_not_found() => return Err(error.into()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

#[test]
fn a_long_video_is_worked_on_in_pieces_and_joined() {
    in_world(|world| async move {
        let video = long(16)?;
        let params = json!({"shard_s": 5}).to_string();
        let id = submit(&world, video.clone(), &[("params", params)]).await?;
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        let pieces = facts(&job, "probe")["shards"]
            .as_u64()
            .context("probe says into how many")?;
        assert!(pieces >= 3, "{pieces} pieces");
        for name in ["pose", "visualize"] {
            let stage = stage(&job, name);
            assert_eq!(
                (stage.shards, u64::from(stage.shards_done)),
                (Some(pieces as u32), pieces)
            );
        }
        let frames = facts(&job, "probe")["frames"].clone();
        assert_eq!(facts(&job, "report")["frames"], frames, "every frame was drawn once");
        let people = facts(&job, "biomechanics")["people"]
            .as_array()
            .context("people")?
            .len();
        assert_eq!(people, 1, "who crosses a cut is one person");

        let folder = tempfile::tempdir()?;
        let results = world.download(&id, folder.path()).await?;
        let names: Vec<_> = results.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names.iter().filter(|name| **name == "annotated.mp4").count(), 1);
        assert!(!names.contains(&"piece.mp4"), "pieces are not for people: {names:?}");
        let tools = marey_media::Tools::from_env()?;
        let annotated = folder.path().join("annotated.mp4");
        let limits = marey_media::Limits::default();
        let (made, given) = (
            marey_media::probe(&tools, &annotated, &limits)?,
            marey_media::probe(&tools, &video, &limits)?,
        );
        assert_eq!(Value::from(made.frame_count), frames);
        assert!(
            (made.duration_s - given.duration_s).abs() < 0.05,
            "{} s of {}",
            made.duration_s,
            given.duration_s
        );
        Ok(())
    });
}

#[test]
fn another_filter_does_not_run_the_model_again() {
    in_world(|world| async move {
        let first = submit(&world, videos::walk()?, &[]).await?;
        let first = world.end_of(&first).await?;
        assert_completed(&first);
        let request = ReprocessRequest {
            params: [("cutoff_hz".to_owned(), json!(3))].into(),
            ..ReprocessRequest::default()
        };
        let second = world.api.reprocess(&first.summary.id, &request).await?;
        let again = world.api.reprocess(&first.summary.id, &request).await?;
        assert_eq!(second.summary.id, again.summary.id, "asked twice, made once");
        let second = world.end_of(&second.summary.id).await?;
        assert_completed(&second);
        for name in ["probe", "pose"] {
            assert_eq!(stage(&second, name).reused, 1, "{name} was taken over");
        }
        for name in ["biomechanics", "visualize", "report"] {
            assert_eq!(stage(&second, name).reused, 0, "{name} ran");
        }
        assert_eq!(second.params["cutoff_hz"], json!(3));
        assert_eq!(facts(&second, "pose"), facts(&first, "pose"));
        let folder = tempfile::tempdir()?;
        world.download(&second.summary.id, folder.path()).await?;
        assert!(folder.path().join("report.html").is_file());
        Ok(())
    });
}

#[test]
fn a_paused_workflow_waits_and_goes_on() {
    in_world(|world| async move {
        // No other test asks for this workflow.
        let pause = PauseRequest {
            workflow: Some("pose".into()),
            stage: None,
            reason: "the end-to-end tests".into(),
        };
        world.api.pause(&pause).await?;
        let id = submit(&world, videos::short()?, &[("workflow", "pose".into())]).await?;
        until(&world, &id, "the job", |_| true).await?;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let waiting = world.api.job(&id).await?;
        assert!(!waiting.summary.status.has_ended());
        assert_eq!(stage(&waiting, "probe").attempts, 0);
        let system = world.api.system().await?;
        let paused = system
            .workflows
            .iter()
            .find(|workflow| workflow.workflow == "pose")
            .context("it is listed")?;
        assert_eq!(paused.pause.as_ref().context("it is paused")?.reason, pause.reason);
        let resume = ResumeRequest {
            workflow: Some("pose".into()),
            ..ResumeRequest::default()
        };
        world.api.resume(&resume).await?;
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        assert_eq!(stage(&job, "pose").attempts, 1, "waiting used up nothing");
        Ok(())
    });
}

#[test]
fn a_cancelled_job_resumes_and_keeps_what_was_done() {
    in_world(|world| async move {
        let id = submit(&world, long(40)?, &[]).await?;
        until(&world, &id, "pose", |job| {
            stage(job, "pose").status == StageStatus::Running
        })
        .await?;
        world.api.cancel(&id).await?;
        let job = until(&world, &id, "the end of pose", |job| {
            stage(job, "pose").status == StageStatus::Cancelled
        })
        .await?;
        assert_eq!(job.summary.status, JobStatus::Cancelled);
        let resumed = world.api.retry(&id).await?;
        assert_eq!((resumed.round, resumed.summary.status.has_ended()), (1, false));
        let refused = world.api.retry(&id).await.expect_err("it is running");
        assert!(
            refused.to_string().contains("JOB_RUNNING") || format!("{refused:?}").contains("JOB_RUNNING"),
            "{refused:?}"
        );
        let job = world.end_of(&id).await?;
        assert_completed(&job);
        assert_eq!(stage(&job, "probe").attempts, 1, "what was complete is kept");
        Ok(())
    });
}

#[test]
fn a_wish_that_cannot_be_granted_fails_the_job_at_once() {
    in_world(|world| async move {
        let params = json!({"cutoff_hz": 9000}).to_string();
        let id = submit(&world, videos::short()?, &[("params", params)]).await?;
        let job = world.end_of(&id).await?;
        assert_eq!(marey_tests::failure_code(&job), "PARAMETER_INVALID");
        Ok(())
    });
}

/// Takes one request and answers it with 200.
async fn one_request(listener: TcpListener) -> Result<String> {
    let (mut stream, _) = listener.accept().await?;
    let (mut seen, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let length = stream.read(&mut part).await?;
        seen.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&seen);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let wanted = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        if length == 0 || wanted.is_some_and(|wanted| body.len() >= wanted) {
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                .await?;
            return Ok(text.into_owned());
        }
    }
}

#[test]
fn the_end_of_a_job_is_told_to_whoever_asked() {
    in_world(|world| async move {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let notify = format!("http://127.0.0.1:{}/hook", listener.local_addr()?.port());
        let wishes = [("workflow", "probe".to_owned()), ("notify", notify)];
        let id = submit(&world, videos::short()?, &wishes).await?;
        let told = tokio::time::timeout(Duration::from_mins(1), one_request(listener))
            .await
            .context("nobody told")??;
        let (head, body) = told.split_once("\r\n\r\n").context("a request")?;
        assert!(head.to_lowercase().contains("marey-signature: t="), "{head}");
        let event: Value = serde_json::from_str(body)?;
        assert_eq!(event["type"], "marey.job.completed");
        assert_eq!(event["job"], id.as_str());
        Ok(())
    });
}

#[test]
fn the_system_shows_its_stages_and_workers() {
    in_world(|world| async move {
        let id = submit(&world, videos::short()?, &[("workflow", "probe".into())]).await?;
        assert_completed(&world.end_of(&id).await?);
        let started = Instant::now();
        loop {
            let system = world.api.system().await?;
            let probe = system
                .stages
                .iter()
                .find(|stage| stage.stage == "probe")
                .context("the stage probe")?;
            if probe.completed > 0 && probe.workers > 0 && probe.standard.is_some() {
                return Ok(());
            }
            if started.elapsed() > Duration::from_mins(1) {
                bail!("no sign of life: {probe:#?}");
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
}

//! Jobs on the local cloud, timed by what the system itself notes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use marey_contract::{JobDetail, JobStatus};
use marey_engine::JobId;
use serde::Serialize;

use super::statistics::Series;
use crate::{
    cloud::{self, Kind},
    stack::{self, Stack, StackOptions},
};

/// A job that has not ended by then is stuck.
const PATIENCE: Duration = Duration::from_mins(15);

/// Looking is a request to a function, which competes for the cores with what is measured.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The deployed stack; one that was not running before is stopped in the end.
pub(crate) struct Deployed {
    pub(crate) stack: Stack,
    was_running: bool,
}

impl Deployed {
    /// Brings the stack up, or up to date.
    pub(crate) fn up() -> Result<Self> {
        let running = stack::remembered().filter(|stack| stack.cloud.is_alive());
        let was_running = running.is_some();
        let (cloud, port) = running.map_or((Kind::Ministack, cloud::PORT), |stack| {
            (stack.cloud.kind, stack.cloud.port)
        });
        let stack = stack::up(&StackOptions { cloud, port })?;
        Ok(Self { stack, was_running })
    }
}

impl Drop for Deployed {
    fn drop(&mut self) {
        if !self.was_running
            && let Err(error) = cloud::down()
        {
            println!("the local cloud was not stopped: {error:#}");
        }
    }
}

/// What one job took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct JobTimes {
    /// From the answer to the upload to the job's creation.
    pub(crate) intake_ms: f64,
    /// From the beginning of the upload to the job's completion.
    pub(crate) whole_ms: f64,
    /// Frames of the video.
    pub(crate) frames: f64,
    /// In the order in which they ran.
    pub(crate) stages: Vec<StageTimes>,
}

/// What one stage of a job took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StageTimes {
    pub(crate) name: String,
    /// From dispatching its task to its code; the slowest shard's.
    pub(crate) queue_ms: f64,
    /// The longest shard's.
    pub(crate) run_ms: f64,
}

impl JobTimes {
    /// The part of the whole that is not the run of a stage, in milliseconds.
    pub(crate) fn between_ms(&self) -> f64 {
        self.whole_ms - self.stages.iter().map(|stage| stage.run_ms).sum::<f64>()
    }
}

/// Uploads a video under a name and waits for its results.
pub(crate) fn run(stack: &Stack, video: &Path, name: &str) -> Result<JobTimes> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_mins(1)))
        .build()
        .into();
    let bytes = std::fs::read(video).with_context(|| format!("cannot read {}", video.display()))?;
    let (bucket, key) = (stack.output("UploadsBucketName")?, format!("uploads/{name}"));
    let began = Timestamp::now();
    // The local cloud asks for no signature.
    let stored = agent
        .put(format!("{}/{bucket}/{key}", stack.cloud.endpoint()))
        .content_type("video/mp4")
        .send(&bytes)
        .context("the upload failed")?;
    let uploaded = Timestamp::now();
    let header = |name: &str| stored.headers().get(name).and_then(|value| value.to_str().ok());
    let version = header("x-amz-version-id").filter(|version| *version != "null");
    let id = JobId::of_object(bucket, &key, version, header("etag").context("the upload has no ETag")?);
    let job = wait(&agent, &format!("{}/jobs/{id}", stack.api()?))?;
    times_of(&job, began, uploaded)
}

fn wait(agent: &ureq::Agent, url: &str) -> Result<JobDetail> {
    let started = Instant::now();
    loop {
        std::thread::sleep(LOOK_EVERY);
        // Until intake has made the job, there is none.
        match agent.get(url).call() {
            Ok(mut answer) => {
                let job: JobDetail = answer.body_mut().read_json()?;
                if job.summary.status.has_ended() {
                    return Ok(job);
                }
            }
            Err(ureq::Error::StatusCode(404)) => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {url}")),
        }
        if started.elapsed() > PATIENCE {
            bail!("{url} has not ended after {} minutes", PATIENCE.as_secs() / 60);
        }
    }
}

fn times_of(job: &JobDetail, began: Timestamp, uploaded: Timestamp) -> Result<JobTimes> {
    if job.summary.status != JobStatus::Completed {
        let why = job.summary.error.as_ref().map_or("", |error| error.message.as_str());
        bail!("job {} was not completed: {why}", job.summary.id);
    }
    let ended_at = job.summary.ended_at.as_deref().context("the job has no end")?;
    let stages = job.stages.iter().map(|stage| {
        let measured = |value: Option<i64>| value.map(|ms| ms as f64);
        Ok(StageTimes {
            name: stage.name.clone(),
            queue_ms: measured(stage.queue_ms).with_context(|| format!("{} tells no queue_ms", stage.name))?,
            run_ms: measured(stage.run_ms).with_context(|| format!("{} tells no run_ms", stage.name))?,
        })
    });
    let frames = job.stages.iter().find_map(|stage| stage.facts["frames"].as_f64());
    Ok(JobTimes {
        intake_ms: milliseconds(uploaded, job.summary.created_at.parse()?),
        whole_ms: milliseconds(began, ended_at.parse()?),
        frames: frames.context("no stage tells the number of frames")?,
        stages: stages.collect::<Result<_>>()?,
    })
}

fn milliseconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// One number of every job.
pub(crate) fn costs(jobs: &[JobTimes], number: impl Fn(&JobTimes) -> f64) -> Result<Series> {
    Series::of_costs(jobs.iter().map(number).collect()).context("no job was run")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A job as `GET /jobs/{id}` tells it.
    fn told(status: &str) -> JobDetail {
        let stage = |name: &str, queue_ms: i64, run_ms: i64, frames: Option<u32>| {
            json!({"name": name, "title": name, "status": "completed", "progress": 1.0, "attempts": 1,
                   "queue_ms": queue_ms, "run_ms": run_ms, "facts": {"frames": frames}})
        };
        let job = json!({
            "id": "a", "name": "squat.mp4", "workflow": "motion", "status": status, "priority": 5,
            "created_at": "2026-01-01T00:00:01.25Z", "ended_at": "2026-01-01T00:00:04Z",
            "error": {"code": "NO_PERSON_FOUND", "message": "Nobody was found.", "hint": ""},
            "progress": 1.0, "input_bytes": 1, "trace": "t",
            "stages": [stage("probe", 8, 200, Some(180)), stage("pose", 9, 2000, None)],
        });
        serde_json::from_value(job).unwrap()
    }

    pub(crate) fn times() -> JobTimes {
        let (began, uploaded) = ("2026-01-01T00:00:01Z", "2026-01-01T00:00:01.2Z");
        times_of(&told("completed"), began.parse().unwrap(), uploaded.parse().unwrap()).unwrap()
    }

    #[test]
    fn times_are_those_that_the_system_noted() {
        let times = times();
        assert!((times.intake_ms - 50.0).abs() < 1e-9);
        assert!((times.whole_ms - 3000.0).abs() < 1e-9);
        assert!((times.between_ms() - 800.0).abs() < 1e-9);
        assert!((times.frames - 180.0).abs() < 1e-9);
        let stages: Vec<_> = times
            .stages
            .iter()
            .map(|stage| (stage.name.as_str(), stage.queue_ms))
            .collect();
        assert_eq!(stages, [("probe", 8.0), ("pose", 9.0)]);
    }

    #[test]
    fn a_failed_job_is_an_error_that_says_why() {
        let error = times_of(&told("failed"), Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(error.to_string().contains("Nobody was found."), "{error}");
    }
}

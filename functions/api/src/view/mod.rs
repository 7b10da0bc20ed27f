//! A job's rows as the API shows them.

use jiff::{SignedDuration, Timestamp};
use marey_cloud::store::{FailureRecord, Pulse};
use marey_contract as say;
use marey_engine::{
    Controls, Failure, FailureClass, Job, JobState, RunsOn, Shard, ShardKey, ShardState, Snapshot, StageProgress,
    StageSpec, StageStatus, Workflow, estimate::Measured, progress,
};

pub(crate) mod batch;
pub(crate) mod system;
pub(crate) mod workflow;

/// A worker that was heard of within this time is alive; it says so every 10 s while it works.
pub(crate) const ALIVE: SignedDuration = SignedDuration::from_mins(1);

/// A failure in the API's words.
pub(crate) fn error(failure: &Failure) -> say::ErrorBody {
    say::ErrorBody {
        code: failure.code.clone(),
        message: failure.message.clone(),
        hint: failure.hint.clone(),
        stage: failure.stage.as_ref().map(ToString::to_string),
        attempt: (failure.attempt > 0).then_some(failure.attempt),
    }
}

/// A recorded failure; the causes and the message are for administrators.
pub(crate) fn failure(record: &FailureRecord, snapshot: &Snapshot, for_admin: bool) -> say::FailureEntry {
    // A record's id begins with its shard: `<job>/<stage>/<shard>/…`.
    let shard = record.id.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let shard = shard.parse::<ShardKey>().ok();
    let has_several = |key: &ShardKey| {
        snapshot
            .shard_count(&key.stage)
            .ok()
            .flatten()
            .is_some_and(|count| count > 1)
    };
    say::FailureEntry {
        at: record.at.to_string(),
        error: error(&record.failure),
        shard: shard.filter(has_several).map(|key| key.shard),
        transient: record.failure.class == FailureClass::Transient,
        cause: for_admin
            .then(|| record.cause.clone())
            .filter(|cause| !cause.is_empty()),
        message_body: record.message.clone().filter(|_| for_admin),
    }
}

/// Where something runs.
pub(crate) fn runs_on(place: RunsOn) -> say::RunsOn {
    match place {
        RunsOn::Lambda => say::RunsOn::Lambda,
        RunsOn::Batch => say::RunsOn::Batch,
        RunsOn::Auto => say::RunsOn::Auto,
    }
}

/// What a stage's workers measured.
pub(crate) fn measured(pulses: &[Pulse], now: Timestamp) -> Measured {
    let completed: u64 = pulses.iter().map(|pulse| pulse.completed).sum();
    let run_ms: u64 = pulses.iter().map(|pulse| pulse.run_ms).sum();
    let alive = pulses.iter().filter(|pulse| is_alive(pulse, now)).count();
    Measured {
        mean_run_s: (completed > 0).then(|| run_ms as f64 / 1000.0 / completed as f64),
        workers: alive as u32,
    }
}

/// Whether a worker was heard of of late.
pub(crate) fn is_alive(pulse: &Pulse, now: Timestamp) -> bool {
    now.duration_since(pulse.at) <= ALIVE
}

/// A job as lists show it, from its own row alone.
pub(crate) fn summary(job: &Job) -> say::JobSummary {
    let (status, failure) = match &job.state {
        JobState::Running => (say::JobStatus::Running, None),
        JobState::Completed { .. } => (say::JobStatus::Completed, None),
        JobState::Failed { failure, .. } => (say::JobStatus::Failed, Some(failure)),
        JobState::Cancelled { .. } => (say::JobStatus::Cancelled, None),
    };
    say::JobSummary {
        id: job.id.to_string(),
        name: job.input.name.clone(),
        workflow: job.workflow.clone(),
        status,
        priority: job.priority,
        created_at: job.created_at.to_string(),
        ended_at: job.ended_at().as_ref().map(ToString::to_string),
        error: failure.map(error),
        batch: job.wishes.batch.as_ref().map(ToString::to_string),
        owner: job.owner.clone(),
    }
}

/// Whether no attempt at anything has begun in a running job.
pub(crate) fn is_queued(snapshot: &Snapshot) -> bool {
    !snapshot.job.value.has_ended() && snapshot.shards.values().all(|row| row.value.attempt == 0)
}

/// A job with its stages, without what other rows than its own tell.
pub(crate) fn detail(snapshot: &Snapshot, controls: &Controls, now: Timestamp) -> say::JobDetail {
    let job = &snapshot.job.value;
    let mut summary = summary(job);
    if is_queued(snapshot) {
        summary.status = say::JobStatus::Queued;
    }
    let (share, stages) = match Workflow::shipped(&job.workflow) {
        None => (0.0, Vec::new()),
        Some(workflow) => {
            let done = progress(&workflow, snapshot);
            let rows = done.stages.iter().zip(workflow.stages());
            let stages = rows.map(|(stage, spec)| stage_detail(snapshot, stage, spec, controls, now));
            (done.share, stages.collect())
        }
    };
    let degraded = match &job.state {
        JobState::Completed { degraded, .. } => degraded.iter().map(error).collect(),
        _ => Vec::new(),
    };
    say::JobDetail {
        summary,
        progress: share,
        input_bytes: job.input.bytes,
        trace: job.trace.clone(),
        stages,
        params: job.wishes.params.clone(),
        runs_on: job.wishes.runs_on.map(runs_on),
        reuse: job.wishes.reuse,
        round: job.round,
        deadline: job.deadline.as_ref().map(ToString::to_string),
        cost_usd: snapshot.cost_usd(),
        degraded,
        failures: Vec::new(),
        ahead: None,
        time_left: None,
    }
}

fn stage_detail(
    snapshot: &Snapshot,
    stage: &StageProgress,
    spec: &StageSpec,
    controls: &Controls,
    now: Timestamp,
) -> say::StageDetail {
    let job = &snapshot.job.value;
    let shards: Vec<&Shard> = snapshot.shards_of(&stage.stage).collect();
    let has_several = stage.shards.is_some_and(|count| count > 1) || shards.len() > 1;
    let status = match stage.status {
        // Nothing waits any more for a job that has ended.
        StageStatus::Queued | StageStatus::Running | StageStatus::Held
            if matches!(job.state, JobState::Cancelled { .. }) =>
        {
            say::StageStatus::Cancelled
        }
        other => stage_status(other),
    };
    let goes_on = !job.has_ended() && !matches!(stage.status, StageStatus::Completed | StageStatus::Skipped);
    let held = controls.hold(&job.workflow, spec).filter(|_| goes_on);
    let pieces = shards
        .iter()
        .filter(|_| has_several)
        .map(|shard| shard_detail(shard, job, now));
    let facts = shards.first().filter(|_| !has_several).map(|shard| shard.facts.clone());
    say::StageDetail {
        name: stage.stage.to_string(),
        title: spec.title.clone(),
        status,
        progress: stage.share,
        attempts: stage.attempts,
        queue_ms: shards.iter().filter_map(|shard| shard.queue_ms).max(),
        run_ms: shards.iter().filter_map(|shard| run_ms(shard)).max(),
        error: shards.iter().find_map(|shard| trouble(shard)).map(error),
        facts: facts.unwrap_or_default(),
        shards: stage.shards,
        shards_done: stage.shards_done,
        pieces: pieces.collect(),
        reused: shards.iter().filter(|shard| is_reused(shard)).count() as u32,
        frames: shards.iter().map(|shard| shard.frames).sum(),
        frames_per_s: throughput(&shards, now),
        cost_usd: shards.iter().map(|shard| shard.cost_usd).sum(),
        optional: spec.optional,
        held: held.map(|pause| format!("paused by {} since {}: {}", pause.by, pause.since, pause.reason)),
    }
}

fn shard_detail(shard: &Shard, job: &Job, now: Timestamp) -> say::ShardDetail {
    let status = match &shard.state {
        ShardState::Queued | ShardState::Held | ShardState::Running { .. }
            if matches!(job.state, JobState::Cancelled { .. }) =>
        {
            say::StageStatus::Cancelled
        }
        _ if shard.is_left_over(job.round) && !job.has_ended() => say::StageStatus::Waiting,
        ShardState::Queued => say::StageStatus::Queued,
        ShardState::Held => say::StageStatus::Held,
        ShardState::Running { .. } => say::StageStatus::Running,
        ShardState::Completed { .. } => say::StageStatus::Completed,
        ShardState::Failed { .. } => say::StageStatus::Failed,
        ShardState::Cancelled { .. } => say::StageStatus::Cancelled,
    };
    say::ShardDetail {
        shard: shard.key.shard,
        status,
        attempt: shard.attempt,
        progress: shard.progress,
        frames_per_s: shard.frames_per_s(now).filter(|_| !is_reused(shard)),
        reused: is_reused(shard),
        error: trouble(shard).map(|failure| failure.code.clone()),
    }
}

fn stage_status(status: StageStatus) -> say::StageStatus {
    match status {
        StageStatus::Waiting => say::StageStatus::Waiting,
        StageStatus::Queued => say::StageStatus::Queued,
        StageStatus::Held => say::StageStatus::Held,
        StageStatus::Running => say::StageStatus::Running,
        StageStatus::Completed => say::StageStatus::Completed,
        StageStatus::Failed => say::StageStatus::Failed,
        StageStatus::Skipped => say::StageStatus::Skipped,
        StageStatus::Cancelled => say::StageStatus::Cancelled,
    }
}

fn run_ms(shard: &Shard) -> Option<i64> {
    match shard.state {
        ShardState::Completed { run_ms, .. } => Some(run_ms),
        _ => None,
    }
}

fn is_reused(shard: &Shard) -> bool {
    matches!(shard.state, ShardState::Completed { reused: true, .. })
}

/// What made a shard's last attempt end, unless it is complete.
fn trouble(shard: &Shard) -> Option<&Failure> {
    match &shard.state {
        ShardState::Failed { failure, .. } => Some(failure),
        ShardState::Completed { .. } => None,
        _ => shard.last_failure.as_ref(),
    }
}

/// Frames per second of everything that runs, or a mean of what ran.
fn throughput(shards: &[&Shard], now: Timestamp) -> Option<f64> {
    let rates = |running: bool| {
        let chosen = shards
            .iter()
            .filter(move |shard| matches!(shard.state, ShardState::Running { .. }) == running && !is_reused(shard));
        chosen.filter_map(|shard| shard.frames_per_s(now)).collect::<Vec<_>>()
    };
    let (running, ran) = (rates(true), rates(false));
    if running.is_empty() {
        let mean = ran.iter().sum::<f64>() / ran.len() as f64;
        return (!ran.is_empty()).then_some(mean);
    }
    Some(running.iter().sum())
}

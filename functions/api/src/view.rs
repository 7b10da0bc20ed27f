//! A job's rows as the API shows them.

use marey_contract as say;
use marey_engine::{Failure, Job, JobState, Shard, ShardState, Snapshot, StageStatus, Workflow, progress};

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

/// A job as lists show it, from its own row alone.
pub(crate) fn summary(job: &Job) -> say::JobSummary {
    let (status, ended_at, failure) = match &job.state {
        JobState::Running => (say::JobStatus::Running, None, None),
        JobState::Completed { at, .. } => (say::JobStatus::Completed, Some(at), None),
        JobState::Failed { at, failure } => (say::JobStatus::Failed, Some(at), Some(failure)),
        JobState::Cancelled { at } => (say::JobStatus::Cancelled, Some(at), None),
    };
    say::JobSummary {
        id: job.id.to_string(),
        name: job.input.name.clone(),
        workflow: job.workflow.clone(),
        status,
        priority: job.priority,
        created_at: job.created_at.to_string(),
        ended_at: ended_at.map(ToString::to_string),
        error: failure.map(error),
    }
}

/// A job with its stages.
pub(crate) fn detail(snapshot: &Snapshot) -> say::JobDetail {
    let job = &snapshot.job.value;
    let mut summary = summary(job);
    let nothing_began = snapshot.shards.values().all(|row| row.value.attempt == 0);
    if summary.status == say::JobStatus::Running && nothing_began {
        summary.status = say::JobStatus::Queued;
    }
    let (share, stages) = match Workflow::shipped(&job.workflow) {
        None => (0.0, Vec::new()),
        Some(workflow) => {
            let now = progress(&workflow, snapshot);
            let rows = now.stages.iter().zip(workflow.stages());
            let stages = rows
                .map(|(stage, spec)| stage_detail(snapshot, stage, &spec.title, job))
                .collect();
            (now.share, stages)
        }
    };
    let (input_bytes, trace) = (job.input.bytes, job.trace.clone());
    say::JobDetail {
        summary,
        progress: share,
        input_bytes,
        trace,
        stages,
    }
}

fn stage_detail(snapshot: &Snapshot, stage: &marey_engine::StageProgress, title: &str, job: &Job) -> say::StageDetail {
    let shards: Vec<&Shard> = snapshot.shards_of(&stage.stage).collect();
    let run_ms = shards.iter().filter_map(|shard| match shard.state {
        ShardState::Completed { run_ms, .. } => Some(run_ms),
        _ => None,
    });
    let failure = shards.iter().find_map(|shard| match &shard.state {
        ShardState::Failed { failure, .. } => Some(failure),
        ShardState::Completed { .. } => None,
        _ => shard.last_failure.as_ref(),
    });
    let status = match stage.status {
        // Nothing waits any more for a job that has ended.
        StageStatus::Queued | StageStatus::Running if matches!(job.state, JobState::Cancelled { .. }) => {
            say::StageStatus::Cancelled
        }
        StageStatus::Waiting => say::StageStatus::Waiting,
        StageStatus::Queued => say::StageStatus::Queued,
        StageStatus::Running => say::StageStatus::Running,
        StageStatus::Completed => say::StageStatus::Completed,
        StageStatus::Failed => say::StageStatus::Failed,
        StageStatus::Cancelled => say::StageStatus::Cancelled,
    };
    say::StageDetail {
        name: stage.stage.to_string(),
        title: title.to_owned(),
        status,
        progress: stage.share,
        attempts: stage.attempts,
        queue_ms: shards.iter().filter_map(|shard| shard.queue_ms).max(),
        run_ms: run_ms.max(),
        error: failure.map(error),
        facts: shards.first().map(|shard| shard.facts.clone()).unwrap_or_default(),
    }
}

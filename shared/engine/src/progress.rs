//! How far a job is, from its rows.

use serde::{Deserialize, Serialize};

use crate::{
    ShardState, Snapshot, StageName, StageSpec, Workflow,
    plan::{StageEnd, ends},
};

/// Where a stage stands; follows from its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// What it needs is not complete.
    Waiting,
    /// Dispatched; no attempt has begun.
    Queued,
    /// At least one attempt has begun.
    Running,
    /// Every shard is complete.
    Completed,
    /// Its stage is paused.
    Held,
    /// A shard failed.
    Failed,
    /// What it reads from an optional stage is missing, so it did not run.
    Skipped,
    /// The job was cancelled first.
    Cancelled,
}

/// One stage's progress.
#[derive(Debug, Clone, PartialEq)]
pub struct StageProgress {
    /// Which stage.
    pub stage: StageName,
    /// Where it stands.
    pub status: StageStatus,
    /// Share done, in `0..=1`.
    pub share: f64,
    /// Most attempts at any of its shards.
    pub attempts: u32,
    /// How many shards it has, once that is known.
    pub shards: Option<u32>,
    /// How many of them are complete.
    pub shards_done: u32,
}

/// A job's progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Weighted share done, in `0..=1`; 1 only when every stage is complete.
    pub share: f64,
    /// In the workflow's order.
    pub stages: Vec<StageProgress>,
}

/// How far a job is: the mean of its stages' shares, weighted as the workflow says.
pub fn progress(workflow: &Workflow, snapshot: &Snapshot) -> Progress {
    let ends = ends(workflow, snapshot);
    let stages: Vec<_> = workflow
        .stages()
        .iter()
        .map(|spec| stage_progress(spec, snapshot, ends.get(&spec.name).copied()))
        .collect();
    let total: f64 = workflow.stages().iter().map(|spec| spec.weight).sum();
    let done: f64 = workflow
        .stages()
        .iter()
        .zip(&stages)
        .map(|(spec, stage)| spec.weight * stage.share)
        .sum();
    let complete = workflow.stages().iter().all(|spec| ends.contains_key(&spec.name));
    // A sum of rounded shares must not claim an end that has not come.
    let share = if complete { 1.0 } else { (done / total).min(0.999) };
    Progress { share, stages }
}

fn stage_progress(spec: &StageSpec, snapshot: &Snapshot, end: Option<StageEnd>) -> StageProgress {
    let round = snapshot.job.value.round;
    let shards: Vec<_> = snapshot.shards_of(&spec.name).collect();
    let count = snapshot.shard_count(&spec.name).ok().flatten();
    let any = |test: fn(&ShardState) -> bool| {
        shards
            .iter()
            .any(|shard| !shard.is_left_over(round) && test(&shard.state))
    };
    let status = match end {
        Some(StageEnd::Complete) => StageStatus::Completed,
        Some(StageEnd::Skipped) => StageStatus::Skipped,
        Some(StageEnd::Failed) => StageStatus::Failed,
        None if any(|s| matches!(s, ShardState::Failed { .. })) => StageStatus::Failed,
        None if any(|s| matches!(s, ShardState::Cancelled { .. })) => StageStatus::Cancelled,
        None if any(|s| matches!(s, ShardState::Running { .. })) => StageStatus::Running,
        None if any(|s| matches!(s, ShardState::Held)) => StageStatus::Held,
        None if shards.iter().any(|shard| shard.attempt > 0) => StageStatus::Running,
        None if shards.is_empty() => StageStatus::Waiting,
        None => StageStatus::Queued,
    };
    let done = match end {
        // What will not be done does not hold up the bar.
        Some(_) => 1.0,
        None => shards.iter().map(|shard| shard.progress).sum::<f64>() / f64::from(count.unwrap_or(1)),
    };
    StageProgress {
        stage: spec.name.clone(),
        status,
        share: done.clamp(0.0, 1.0),
        attempts: shards.iter().map(|shard| shard.attempt).max().unwrap_or(0),
        shards: count,
        shards_done: shards.iter().filter(|shard| shard.is_complete()).count() as u32,
    }
}

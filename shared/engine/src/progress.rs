//! How far a job is, from its rows.

use serde::{Deserialize, Serialize};

use crate::{ShardState, Snapshot, StageName, StageSpec, Workflow};

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
    /// A shard failed.
    Failed,
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
    let stages: Vec<_> = workflow
        .stages()
        .iter()
        .map(|spec| stage_progress(spec, snapshot))
        .collect();
    let total: f64 = workflow.stages().iter().map(|spec| spec.weight).sum();
    let done: f64 = workflow
        .stages()
        .iter()
        .zip(&stages)
        .map(|(spec, stage)| spec.weight * stage.share)
        .sum();
    let complete = stages.iter().all(|stage| stage.status == StageStatus::Completed);
    // A sum of rounded shares must not claim an end that has not come.
    let share = if complete { 1.0 } else { (done / total).min(0.999) };
    Progress { share, stages }
}

fn stage_progress(spec: &StageSpec, snapshot: &Snapshot) -> StageProgress {
    let shards: Vec<_> = snapshot.shards_of(&spec.name).collect();
    let expected = snapshot.stages.get(&spec.name).map_or(1, |row| row.shards.max(1));
    let any = |test: fn(&ShardState) -> bool| shards.iter().any(|shard| test(&shard.state));
    let status = if any(|s| matches!(s, ShardState::Failed { .. })) {
        StageStatus::Failed
    } else if any(|s| matches!(s, ShardState::Cancelled { .. })) {
        StageStatus::Cancelled
    } else if snapshot.is_stage_complete(&spec.name) {
        StageStatus::Completed
    } else if shards.iter().any(|shard| shard.attempt > 0) {
        StageStatus::Running
    } else if shards.is_empty() {
        StageStatus::Waiting
    } else {
        StageStatus::Queued
    };
    let share = shards.iter().map(|shard| shard.progress).sum::<f64>() / f64::from(expected);
    let attempts = shards.iter().map(|shard| shard.attempt).max().unwrap_or(0);
    StageProgress {
        stage: spec.name.clone(),
        status,
        share: share.clamp(0.0, 1.0),
        attempts,
    }
}

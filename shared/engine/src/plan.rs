//! The planner: what must happen next, from a job's rows alone.

use std::collections::BTreeMap;

use crate::{
    Controls, Failure, FailureClass, NoShardCount, RunsOn, ShardKey, ShardState, Snapshot, StageName, StageSpec,
    Workflow,
};

/// Something that must be done; doing it twice is the same as doing it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Send the tasks of these shards of one stage, then write their rows.
    Dispatch {
        /// The shards, in order.
        shards: Vec<ShardKey>,
        /// Where they run.
        route: Route,
    },
    /// Store the manifest, then mark the job complete.
    Complete {
        /// What optional stages could not do.
        degraded: Vec<Failure>,
    },
    /// Mark the job failed.
    Fail(Failure),
}

/// Where a task is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// The stage's queue, and with it its Lambda function.
    Queue,
    /// AWS Batch.
    Batch,
}

impl Route {
    /// A container may take so many times as long as a function, which ends after a quarter of an hour: what outgrew the one
    /// must fit into the other.
    pub const CONTAINER_PATIENCE: u32 = 8;

    /// After how many seconds an attempt at a stage is given up there.
    pub fn timeout_s(self, stage: &StageSpec) -> u32 {
        match self {
            Self::Queue => stage.timeout_s,
            Self::Batch => stage.timeout_s.saturating_mul(Self::CONTAINER_PATIENCE),
        }
    }
}

/// How a stage ended, if it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageEnd {
    /// Every shard is complete.
    Complete,
    /// A shard failed and the job goes on without the stage.
    Failed,
    /// It could not begin, since what it reads from an optional stage is missing.
    Skipped,
}

/// Uploads from this size on are too large for a function's time and its disk.
pub const AUTO_BATCH_BYTES: u64 = 1 << 30;

/// What must happen next.
///
/// Whoever changed a row calls this on what it reads back; nobody counts and nobody remembers. A job that has ended
/// needs nothing. A failed shard of a stage that is not optional ends the job, and then nothing more is dispatched. Stages
/// that are paused are not dispatched; whoever resumes them plans again.
pub fn plan(workflow: &Workflow, snapshot: &Snapshot, controls: &Controls) -> Vec<Command> {
    let job = &snapshot.job.value;
    if job.has_ended() {
        return Vec::new();
    }
    if let Some(failure) = first_failure(workflow, snapshot) {
        return vec![Command::Fail(failure)];
    }
    let missing = workflow
        .stages()
        .iter()
        .find(|stage| !snapshot.stages.contains_key(&stage.name));
    if let Some(missing) = missing {
        return vec![Command::Fail(missing_stage(workflow, missing.name.as_str()))];
    }
    let ends = ends(workflow, snapshot);
    if workflow.stages().iter().all(|stage| ends.contains_key(&stage.name)) {
        let degraded = degraded(workflow, snapshot);
        return vec![Command::Complete { degraded }];
    }
    let mut commands = Vec::new();
    let ready =
        |stage: &&StageSpec| !ends.contains_key(&stage.name) && stage.needs.iter().all(|need| ends.contains_key(need));
    for stage in workflow.stages().iter().filter(ready) {
        let shards = match to_send(stage, snapshot, controls) {
            Ok(shards) => shards,
            Err(problem) => return vec![Command::Fail(no_shards(stage, &problem))],
        };
        for (route, shards) in by_route(stage, snapshot, shards) {
            commands.push(Command::Dispatch { shards, route });
        }
    }
    commands
}

/// The shards of a stage that can begin whose tasks have not been sent in this round.
fn to_send(stage: &StageSpec, snapshot: &Snapshot, controls: &Controls) -> Result<Vec<ShardKey>, NoShardCount> {
    let job = &snapshot.job.value;
    let Some(count) = snapshot.shard_count(&stage.name)? else {
        return Ok(Vec::new());
    };
    if controls.hold(&job.workflow, stage).is_some() {
        return Ok(Vec::new());
    }
    let keys = (0..count).map(|shard| ShardKey {
        job: job.id,
        stage: stage.name.clone(),
        shard,
    });
    Ok(keys
        .filter(|key| match snapshot.shards.get(&(key.stage.clone(), key.shard)) {
            None => true,
            Some(row) => row.value.state == ShardState::Held || row.value.is_left_over(job.round),
        })
        .collect())
}

fn by_route(stage: &StageSpec, snapshot: &Snapshot, shards: Vec<ShardKey>) -> Vec<(Route, Vec<ShardKey>)> {
    let (batch, queue): (Vec<_>, Vec<_>) = shards
        .into_iter()
        .partition(|key| route(stage, snapshot, key) == Route::Batch);
    [(Route::Queue, queue), (Route::Batch, batch)]
        .into_iter()
        .filter(|(_, shards)| !shards.is_empty())
        .collect()
}

/// Whether a failure says that the work is too large for a function.
pub fn is_too_large(code: &str) -> bool {
    matches!(code, "STAGE_TIMEOUT" | "MEDIA_NO_SPACE")
}

/// Where a shard is sent. What runs on its own choice goes to Batch if the upload is large, or if a function's time or disk
/// has not sufficed before.
pub fn route(stage: &StageSpec, snapshot: &Snapshot, key: &ShardKey) -> Route {
    let job = &snapshot.job.value;
    let wanted = match (stage.runs_on, job.wishes.runs_on) {
        // A stage that has no reason to leave its function stays there.
        (RunsOn::Lambda, _) => RunsOn::Lambda,
        (own, wish) => wish.unwrap_or(own),
    };
    let row = snapshot.shards.get(&(key.stage.clone(), key.shard));
    let outgrew = || row.is_some_and(|row| row.value.outgrew);
    match wanted {
        RunsOn::Batch => Route::Batch,
        RunsOn::Auto if job.input.bytes >= AUTO_BATCH_BYTES || outgrew() => Route::Batch,
        RunsOn::Auto | RunsOn::Lambda => Route::Queue,
    }
}

/// How the stages ended that have ended.
pub fn ends(workflow: &Workflow, snapshot: &Snapshot) -> BTreeMap<StageName, StageEnd> {
    let mut ends = BTreeMap::new();
    for stage in workflow.stages() {
        let lacks = |need: &StageName| {
            matches!(ends.get(need), Some(StageEnd::Failed | StageEnd::Skipped)) && stage.depends_on(need)
        };
        let end = if snapshot.is_stage_complete(&stage.name) {
            Some(StageEnd::Complete)
        } else if stage.optional
            && (failures(stage, snapshot).next().is_some() || snapshot.shard_count(&stage.name).is_err())
        {
            Some(StageEnd::Failed)
        } else if stage.needs.iter().any(lacks) {
            Some(StageEnd::Skipped)
        } else {
            None
        };
        if let Some(end) = end {
            ends.insert(stage.name.clone(), end);
        }
    }
    ends
}

/// The failures of a stage's shards in this round.
fn failures<'a>(
    stage: &StageSpec,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = (jiff::Timestamp, &'a Failure)> + use<'a> {
    let round = snapshot.job.value.round;
    snapshot
        .shards_of(&stage.name)
        .filter_map(move |shard| match &shard.state {
            ShardState::Failed { at, failure } if !shard.is_left_over(round) => Some((*at, failure)),
            _ => None,
        })
}

/// What optional stages could not do, one failure for each.
fn degraded(workflow: &Workflow, snapshot: &Snapshot) -> Vec<Failure> {
    let optional = workflow.stages().iter().filter(|stage| stage.optional);
    let failure = |stage: &StageSpec| {
        let lying = || {
            snapshot
                .shard_count(&stage.name)
                .err()
                .map(|problem| no_shards(stage, &problem))
        };
        first(failures(stage, snapshot)).or_else(lying)
    };
    optional.filter_map(failure).collect()
}

/// The failure that happened first: what follows from it would mislead.
fn first_failure(workflow: &Workflow, snapshot: &Snapshot) -> Option<Failure> {
    let vital = workflow.stages().iter().filter(|stage| !stage.optional);
    first(vital.flat_map(|stage| failures(stage, snapshot)))
}

fn first<'a>(failures: impl Iterator<Item = (jiff::Timestamp, &'a Failure)>) -> Option<Failure> {
    failures.min_by_key(|(at, _)| *at).map(|(_, failure)| failure.clone())
}

/// A job made by another version of the workflow than the one that is deployed now.
fn missing_stage(workflow: &Workflow, stage: &str) -> Failure {
    Failure {
        code: "WORKFLOW_CHANGED".to_owned(),
        message: format!(
            "The workflow {} has gained the stage {stage} since this job began.",
            workflow.name()
        ),
        hint: "Submit the video again.".to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

/// A stage did not leave the number that a later one needs.
fn no_shards(stage: &StageSpec, problem: &NoShardCount) -> Failure {
    Failure {
        code: "SHARDS_UNKNOWN".to_owned(),
        message: format!(
            "It cannot be told into how many pieces {} is cut: {problem}.",
            stage.name
        ),
        hint: "This is a fault of Marey's own: report it with the job's trace.".to_owned(),
        stage: Some(stage.name.clone()),
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

#[cfg(test)]
pub(crate) mod tests;

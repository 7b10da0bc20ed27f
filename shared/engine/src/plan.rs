//! The planner: what must happen next, from a job's rows alone.

use crate::{Failure, FailureClass, ShardKey, ShardState, Snapshot, Workflow};

/// Something that must be done; doing it twice is the same as doing it once.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Send the shard's task, then write its row.
    Dispatch(ShardKey),
    /// Store the manifest, then mark the job complete.
    Complete,
    /// Mark the job failed.
    Fail(Failure),
}

/// What must happen next.
///
/// Whoever changed a row calls this on what it reads back; nobody counts and nobody remembers. A job that has ended
/// needs nothing. One failed shard ends the job, and then nothing more is dispatched.
pub fn plan(workflow: &Workflow, snapshot: &Snapshot) -> Vec<Command> {
    let job = &snapshot.job.value;
    if job.has_ended() {
        return Vec::new();
    }
    if let Some(failure) = first_failure(snapshot) {
        return vec![Command::Fail(failure)];
    }
    if let Some(missing) = workflow
        .stages()
        .iter()
        .find(|stage| !snapshot.stages.contains_key(&stage.name))
    {
        return vec![Command::Fail(missing_stage(workflow, missing.name.as_str()))];
    }
    if workflow
        .stages()
        .iter()
        .all(|stage| snapshot.is_stage_complete(&stage.name))
    {
        return vec![Command::Complete];
    }
    let ready = workflow
        .stages()
        .iter()
        .filter(|stage| stage.needs.iter().all(|need| snapshot.is_stage_complete(need)));
    ready
        .flat_map(|stage| {
            let shards = snapshot.stages.get(&stage.name).map_or(0, |row| row.shards);
            (0..shards).map(|shard| ShardKey {
                job: job.id,
                stage: stage.name.clone(),
                shard,
            })
        })
        .filter(|key| !snapshot.shards.contains_key(&(key.stage.clone(), key.shard)))
        .map(Command::Dispatch)
        .collect()
}

/// The failure that happened first: what follows from it would mislead.
fn first_failure(snapshot: &Snapshot) -> Option<Failure> {
    let failed = snapshot.shards.values().filter_map(|row| match &row.value.state {
        ShardState::Failed { at, failure } => Some((*at, failure)),
        _ => None,
    });
    failed.min_by_key(|(at, _)| *at).map(|(_, failure)| failure.clone())
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

#[cfg(test)]
pub(crate) mod tests;

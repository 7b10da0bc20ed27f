//! What happens when AWS Batch gives up on a job: EventBridge's events of the kind "Batch Job State Change".
//!
//! An array tells once for each child that fails and once for itself when the last child has ended. The child's event says which
//! shard failed, so that is the one that counts. The array's own only says that something did: it ends what still waits, as
//! when the whole array was terminated before its children began. Events come at least once, late, and in any order; what they
//! tell is weighed against the rows, which know better.

use jiff::{SignedDuration, Timestamp};
use marey_engine::{Shard, ShardKey, ShardState, Task};
use serde::Deserialize;

use super::{Verdict, settle};
use crate::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    aws::batch::BatchName,
    harness::LEASE,
    queues::SendTasks,
    store::{WriteControls, WriteJobs},
};

/// By so much may the clocks of AWS Batch and of whoever writes rows differ.
const SKEW: SignedDuration = SignedDuration::from_secs(30);

/// EventBridge's name for the kind.
const KIND: &str = "Batch Job State Change";

/// An event, as far as it concerns Marey (AWS Batch User Guide, "Job state change events").
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "detail-type")]
    kind: String,
    time: Timestamp,
    detail: Detail,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    job_name: String,
    #[serde(default)]
    job_id: String,
    status: String,
    status_reason: Option<String>,
    /// Milliseconds since 1970.
    stopped_at: Option<i64>,
    #[serde(default)]
    array_properties: ArrayProperties,
    #[serde(default)]
    container: Container,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct ArrayProperties {
    index: Option<u32>,
    size: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Container {
    exit_code: Option<i32>,
    reason: Option<String>,
}

/// A Batch job that failed for good.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failed {
    name: BatchName,
    /// The shards, and whether they are known to have failed one by one.
    shards: Vec<ShardKey>,
    is_whole_array: bool,
    stopped_at: Timestamp,
    /// What AWS Batch says of it.
    cause: String,
}

/// What a message from the queue of failures says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// It is no event of AWS Batch.
    SomethingElse,
    /// It is one that nobody can act on.
    Unreadable(String),
    /// A job came to another state; nothing is to be done.
    NotFailed,
    /// A job failed.
    Failed(Failed),
}

/// Reads a message.
pub(super) fn read(body: &str) -> Told {
    let Ok(event) = serde_json::from_str::<serde_json::Value>(body) else {
        return Told::SomethingElse;
    };
    if event.get("detail-type").and_then(|kind| kind.as_str()) != Some(KIND) {
        return Told::SomethingElse;
    }
    let event: Event = match serde_json::from_value(event) {
        Ok(event) => event,
        Err(error) => return Told::Unreadable(error.to_string()),
    };
    if event.detail.status != "FAILED" {
        return Told::NotFailed;
    }
    let name: BatchName = match event.detail.job_name.parse() {
        Ok(name) => name,
        Err(error) => return Told::Unreadable(error.to_string()),
    };
    failed(name, &event)
}

fn failed(name: BatchName, event: &Event) -> Told {
    let detail = &event.detail;
    // A child's id is its array's with the index behind a colon.
    let of_id = detail.job_id.rsplit_once(':').and_then(|(_, index)| index.parse().ok());
    let index = detail.array_properties.index.or(of_id);
    let shards = match index {
        Some(index) => name.shard(index).into_iter().collect(),
        None => name.shards().collect::<Vec<_>>(),
    };
    if shards.is_empty() {
        return Told::Unreadable(format!("the array {name} has no child of that index"));
    }
    let stopped_at = detail.stopped_at.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Told::Failed(Failed {
        is_whole_array: index.is_none() && (name.count > 1 || detail.array_properties.size.is_some()),
        shards,
        stopped_at: stopped_at.unwrap_or(event.time),
        cause: cause(&name, detail),
        name,
    })
}

fn cause(name: &BatchName, detail: &Detail) -> String {
    let mut text = format!("the Batch job {name} failed");
    for reason in [&detail.status_reason, &detail.container.reason].into_iter().flatten() {
        text = format!("{text}: {reason}");
    }
    if let Some(code) = detail.container.exit_code {
        text = format!("{text} (exit code {code})");
    }
    text
}

/// Records a failed Batch job on the shards that it leaves behind.
pub(super) async fn handle<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    failed: &Failed,
) -> Result<Verdict, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let name = &failed.name;
    let (mut must_plan, mut has_planned, mut longest_wait) = (false, false, None);
    for key in &failed.shards {
        // Read for each: when the first ends the job, nobody needs the others.
        let Some(job) = conductor.store.job(name.job).await? else {
            tracing::error!(job = %name.job, "failed Batch job of an unknown job parked");
            return Ok(Verdict::Park);
        };
        let job = job.value;
        if job.has_ended() || name.round > job.round {
            tracing::info!(batch_job = %name, "failed Batch job ignored: its job has ended or never came so far");
            return Ok(Verdict::Forget);
        }
        if name.round < job.round {
            tracing::info!(batch_job = %name, "failed Batch job of an earlier round: planned anew");
            // Whoever asked for this round may have died before it was planned.
            must_plan = true;
            break;
        }
        let row = conductor.store.shard(key).await?;
        // The job failed before whoever submitted it wrote the row, if there is none.
        if row.as_ref().is_some_and(|row| !concerns(failed, &row.value)) {
            // Its container may have died between the end of its work and the plan of what follows.
            must_plan |= row.is_some_and(|row| row.value.is_complete());
            continue;
        }
        let now = conductor.time.now();
        let task = Task::new(&job, key.clone(), name.count, &conductor.source, now);
        // Whatever becomes of the shard, the event itself is of no more use.
        let settled = settle(conductor, &task, None, &failed.cause).await?;
        if let Verdict::Wait(seconds) = settled.verdict {
            longest_wait = longest_wait.max(Some(seconds));
        }
        must_plan |= settled.must_plan;
        if settled.must_plan && !has_planned {
            conductor.advance(name.job).await?;
            (must_plan, has_planned) = (false, true);
        }
    }
    if must_plan {
        conductor.advance(name.job).await?;
    }
    Ok(longest_wait.map_or(Verdict::Forget, Verdict::Wait))
}

/// Whether the failure says something about a shard that its row does not know already.
fn concerns(failed: &Failed, shard: &Shard) -> bool {
    let after_stop = |time| failed.stopped_at.checked_add(SKEW + time).unwrap_or(Timestamp::MAX);
    match &shard.state {
        // It waits for this Batch job, unless it was sent again since.
        ShardState::Queued => shard.waiting_since <= after_stop(SignedDuration::ZERO),
        // The lease is that of the attempt that died, or of one that was begun since, or the attempt has said since that it lives: it
        // will be seen when it ends. Of a whole array it is not known which.
        ShardState::Running { since, lease } => {
            let may_be_dead = *since <= after_stop(SignedDuration::ZERO) && lease.until <= after_stop(LEASE);
            !failed.is_whole_array && may_be_dead
        }
        // What should have followed from the failure may not have been done.
        ShardState::Failed { .. } => true,
        // What ended has ended; what is held the planner sends again when the stage goes on.
        ShardState::Held | ShardState::Completed { .. } | ShardState::Cancelled { .. } => false,
    }
}

#[cfg(test)]
mod tests;

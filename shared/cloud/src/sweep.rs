//! The sweeper: makes good what should have happened and did not.
//!
//! What a job needs is decided by `marey_engine::repairs`; here it is done. Every repair is a write against the version that
//! was read, or a message that does no harm when it comes twice, so two sweepers at once repair like one.

use marey_engine::{
    JobEvent, JobId, Refusal, RepairReason, Route, Shard, ShardEvent, ShardKey, Snapshot, Versioned, Workflow,
    plan::route,
    repair::{Action, Backlog, Repair, lease_expired, repairs},
};

use crate::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    dead_letter,
    queues::SendTasks,
    store::{ReadControls, WriteControls, WriteJobs},
};

/// A repair that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The job.
    pub job: JobId,
    /// The shard, if it was one shard's.
    pub shard: Option<ShardKey>,
    /// Why.
    pub reason: RepairReason,
}

/// So many running jobs are read in one call.
const PAGE: u32 = 100;

/// Makes every repair that the running jobs need. One job that cannot be repaired does not keep the others from it.
///
/// # Errors
/// The list of running jobs could not be read.
pub async fn sweep<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    backlog: &Backlog,
) -> Result<Vec<Repaired>, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let mut repaired = Vec::new();
    for express in [true, false] {
        let mut cursor = None;
        loop {
            let page = conductor.store.running(express, PAGE, cursor.as_deref()).await?;
            for job in page.jobs {
                match repair_job(conductor, job, backlog).await {
                    Ok(some) => repaired.extend(some),
                    Err(error) => tracing::warn!(%job, error = error.chain(), "job not repaired"),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(repaired)
}

/// Lets stages try again whose breaker has cooled down, and says which.
///
/// # Errors
/// A service failed.
pub async fn cool_down<S: WriteControls>(store: &S, time: &impl Time) -> Result<Vec<String>, CloudError> {
    let mut resumed = Vec::new();
    for row in store.control_rows().await? {
        let Some(next) = row.value.after_cool_down(time.now()) else {
            continue;
        };
        match store.put_control(&next, Some(row.version)).await {
            Ok(_) => resumed.push(next.scope.to_string()),
            // Somebody decided something else in the meantime.
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(resumed)
}

/// Makes the repairs that one job needs.
///
/// # Errors
/// A service failed; what was repaired before stays repaired.
pub async fn repair_job<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    id: JobId,
    backlog: &Backlog,
) -> Result<Vec<Repaired>, CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let Some(snapshot) = conductor.store.snapshot(id).await? else {
        return Ok(Vec::new());
    };
    let Some(workflow) = Workflow::shipped(&snapshot.job.value.workflow) else {
        conductor.advance(id).await?;
        return Ok(Vec::new());
    };
    let controls = conductor.store.controls().await?;
    let mut repaired = Vec::new();
    for repair in repairs(&workflow, &snapshot, &controls, backlog, conductor.time.now()) {
        if let Some(done) = carry_out(conductor, &workflow, &snapshot, repair).await? {
            tracing::warn!(job = %id, shard = ?done.shard, reason = %done.reason, "repaired");
            repaired.push(done);
        }
    }
    Ok(repaired)
}

async fn carry_out<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    workflow: &Workflow,
    snapshot: &Snapshot,
    repair: Repair,
) -> Result<Option<Repaired>, CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let job = snapshot.job.value.id;
    let reason = repair.reason;
    let of_job = Repaired {
        job,
        shard: None,
        reason,
    };
    match repair.action {
        Action::Advance => {
            conductor.advance(job).await?;
            Ok(Some(of_job))
        }
        Action::Fail(failure) => {
            let Ok(failed) = snapshot
                .job
                .value
                .apply(JobEvent::Fail { failure }, conductor.time.now())
            else {
                return Ok(None);
            };
            match conductor.store.put_job(&failed, snapshot.job.version).await {
                Ok(_) => Ok(Some(of_job)),
                // It ended or went on in the meantime; the next sweep looks again.
                Err(CloudError::Conflict) => Ok(None),
                Err(error) => Err(error),
            }
        }
        Action::Expire(key) | Action::Resend(key) => again(conductor, workflow, snapshot, key, reason).await,
        Action::Abandon(key) => {
            let task = task_of(conductor, snapshot, &key);
            dead_letter::abandon(conductor, &task, "its attempts are used up and no dead letter came").await?;
            let shard = Some(key);
            Ok(Some(Repaired { shard, ..of_job }))
        }
    }
}

fn task_of<S, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    snapshot: &Snapshot,
    key: &ShardKey,
) -> marey_engine::Task {
    let count = snapshot.shard_count(&key.stage).ok().flatten().unwrap_or(1);
    let now = conductor.time.now();
    marey_engine::Task::new(&snapshot.job.value, key.clone(), count, &conductor.source, now)
}

/// Sends a shard's task again. The message first, as ever: should this end before the row is written, the next sweep sends
/// one more.
async fn again<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    workflow: &Workflow,
    snapshot: &Snapshot,
    key: ShardKey,
    reason: RepairReason,
) -> Result<Option<Repaired>, CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let (Some(stage), Some(row)) = (
        workflow.stage(&key.stage),
        snapshot.shards.get(&(key.stage.clone(), key.shard)),
    ) else {
        return Ok(None);
    };
    let Ok(next) = changed(row, reason, conductor) else {
        return Ok(None);
    };
    let route = route(stage, snapshot, &key);
    if route == Route::Batch && conductor.is_in_hand(snapshot, stage, &key).await? {
        // It waits for a machine, or is begun again by AWS Batch itself.
        return Ok(None);
    }
    conductor
        .send(snapshot, stage, std::slice::from_ref(&key), route)
        .await?;
    match conductor.store.put_shard(&next, Some(row.version)).await {
        Ok(_) => Ok(Some(Repaired {
            job: key.job,
            shard: Some(key),
            reason,
        })),
        // It went on by itself; the message finds that out.
        Err(CloudError::Conflict) => Ok(None),
        Err(error) => Err(error),
    }
}

fn changed<S, A, Q, T: Time>(
    row: &Versioned<Shard>,
    reason: RepairReason,
    conductor: &Conductor<S, A, Q, T>,
) -> Result<Shard, Refusal> {
    let failure = lease_expired(&row.value);
    let event = match reason {
        RepairReason::LeaseExpired => ShardEvent::Expire { failure },
        _ => ShardEvent::Resend,
    };
    row.value.apply(event, conductor.time.now())
}

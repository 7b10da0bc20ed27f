//! The sweeper: makes good what should have happened and did not.
//!
//! What a job needs is decided by `marey_engine::repairs`; here it is done. Every repair is a write against the version that
//! was read, or a message that does no harm when it comes twice, so two sweepers at once repair like one.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    StreamExt,
    future::{Either, select},
    stream,
};
use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    JobEvent, JobId, Refusal, RepairReason, Route, Shard, ShardEvent, ShardKey, Snapshot, StageName, Versioned,
    Workflow,
    plan::route,
    repair::{Action, Backlog, Repair, lease_expired, past_deadline, repairs},
};

use crate::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    dead_letter,
    harness::tell_of_failure,
    queues::SendTasks,
    store::{Bookmark, KeepBookmarks, WriteControls, WriteJobs},
    uploads::Place,
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

/// So many running jobs are read in one call, and a sweep that is cut off goes on behind the last such page that it began.
const PAGE: u32 = 16;

/// So many jobs are looked at at once.
const AT_ONCE: usize = 8;

/// A job may take so long. A page of jobs that all do takes less than a lane's share of a run, so that every run comes to the
/// next page of each lane, whatever the jobs before it need.
const JOB_TIME: Duration = Duration::from_secs(6);

/// So many repairs are made for one job in one sweep; the next goes on, since what was repaired needs none.
const REPAIRS: usize = 50;

/// What a sweep has found so far. It is written to as the sweep goes, so that nothing is forgotten when its time is over.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many jobs were looked at.
    pub jobs: u64,
    /// The repairs that were made.
    pub repaired: Vec<Repaired>,
    /// The jobs that could not be looked at to the end, and why.
    pub troubles: Vec<(JobId, String)>,
    /// Whether jobs were left to the next sweep.
    pub is_unfinished: bool,
}

/// Makes the repairs that the running jobs need, the express ones first, and ends at `until`.
///
/// Every lane goes on where the last sweep left it and has its share of the time, every job has its own bounds, and the
/// bookmark is written before what it skips is begun. So no job keeps others from their repair, neither by failing nor by being
/// large.
///
/// # Errors
/// The list of running jobs or a bookmark could not be read or written; what was found before is kept.
pub async fn sweep<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    backlog: &Backlog,
    until: Timestamp,
    swept: &mut Swept,
) -> Result<(), CloudError>
where
    S: WriteJobs + WriteControls + KeepBookmarks,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let now = conductor.time.now();
    let half = now + until.duration_since(now).max(SignedDuration::ZERO) / 2;
    let mut end = Ok(());
    for (express, until) in [(true, half), (false, until)] {
        let found = Mutex::new(std::mem::take(swept));
        let lane = sweep_lane(conductor, express, backlog, until, &found);
        let lane = in_time(&conductor.time, until, lane).await;
        *swept = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        match lane {
            Some(Ok(())) => {}
            Some(Err(error)) => end = Err(error),
            None => swept.is_unfinished = true,
        }
    }
    end
}

/// Goes through a lane from where the last sweep left it.
async fn sweep_lane<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    express: bool,
    backlog: &Backlog,
    until: Timestamp,
    swept: &Mutex<Swept>,
) -> Result<(), CloudError>
where
    S: WriteJobs + WriteControls + KeepBookmarks,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let store = &conductor.store;
    let name = if express { "jobs-express" } else { "jobs" };
    let before = store.bookmark(name).await?.and_then(|bookmark| bookmark.after);
    let mut cursor = before.clone().map(|place| place.key);
    loop {
        let page = store.running(express, PAGE, cursor.as_deref()).await?;
        cursor = page.next;
        let after = cursor.clone().map(|key| Place { key, version: None });
        // A deployment with few jobs never writes one.
        if after.is_some() || before.is_some() {
            let bookmark = Bookmark {
                after,
                ..Bookmark::new(name)
            };
            store.put_bookmark(&bookmark).await?;
        }
        let jobs = page
            .jobs
            .iter()
            .map(|job| repair_in_time(conductor, *job, backlog, swept));
        // Boxed: the futures of SDK calls are large.
        let jobs: Vec<_> = jobs.map(Box::pin).collect();
        stream::iter(jobs).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
        if cursor.is_none() {
            return Ok(());
        }
        if conductor.time.now() >= until {
            lock(swept).is_unfinished = true;
            return Ok(());
        }
    }
}

async fn repair_in_time<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    job: JobId,
    backlog: &Backlog,
    swept: &Mutex<Swept>,
) where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let until = conductor.time.now() + JOB_TIME;
    let repair = repair_job(conductor, job, backlog, swept);
    let trouble = match in_time(&conductor.time, until, repair).await {
        Some(Ok(())) => None,
        Some(Err(error)) => Some(error.chain()),
        None => Some("its time was over".to_owned()),
    };
    let mut swept = lock(swept);
    swept.jobs += 1;
    if let Some(trouble) = trouble {
        tracing::warn!(%job, error = trouble, "job not repaired");
        swept.troubles.push((job, trouble));
    }
}

/// Does something until its time is over; `None` if it was cut off.
pub async fn in_time<R>(time: &impl Time, until: Timestamp, work: impl Future<Output = R>) -> Option<R> {
    let left = until.duration_since(time.now());
    let left = Duration::try_from(left).unwrap_or_default();
    match select(Box::pin(work), Box::pin(time.sleep(left))).await {
        Either::Left((end, _)) => Some(end),
        Either::Right(_) => None,
    }
}

fn lock(swept: &Mutex<Swept>) -> MutexGuard<'_, Swept> {
    swept.lock().unwrap_or_else(PoisonError::into_inner)
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

/// What AWS Batch has in hand of a job, by stage; asked once for each.
type InHand = BTreeMap<StageName, BTreeSet<u32>>;

/// Makes the repairs that one job needs.
async fn repair_job<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    id: JobId,
    backlog: &Backlog,
    swept: &Mutex<Swept>,
) -> Result<(), CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let snapshot = match conductor.store.snapshot(id).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return Ok(()),
        Err(error @ CloudError::Malformed { .. }) => {
            end_unreadable(conductor, id, swept).await?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    let Some(workflow) = Workflow::shipped(&snapshot.job.value.workflow) else {
        return conductor.advance(id).await.map(drop);
    };
    let controls = conductor.store.controls().await?;
    let (mut in_hand, mut made) = (InHand::new(), 0);
    let has_batch = conductor.queues.has_batch();
    for repair in repairs(
        &workflow,
        &snapshot,
        &controls,
        backlog,
        has_batch,
        conductor.time.now(),
    ) {
        let Some(done) = carry_out(conductor, &workflow, &snapshot, repair, &mut in_hand).await? else {
            continue;
        };
        tracing::warn!(job = %id, shard = ?done.shard, reason = %done.reason, "repaired");
        lock(swept).repaired.push(done);
        made += 1;
        if made == REPAIRS {
            break;
        }
    }
    Ok(())
}

/// Ends a job past its deadline of which a row cannot be read, as after the return to an older version of Marey: its own row says
/// enough for that.
async fn end_unreadable<S: WriteJobs, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    id: JobId,
    swept: &Mutex<Swept>,
) -> Result<(), CloudError> {
    let now = conductor.time.now();
    let Some(row) = conductor.store.job(id).await? else {
        return Ok(());
    };
    if row.value.deadline.is_none_or(|deadline| deadline > now) {
        return Ok(());
    }
    let failure = past_deadline();
    let Ok(failed) = row.value.apply(JobEvent::Fail { failure }, now) else {
        return Ok(());
    };
    conductor.store.put_job(&failed, row.version).await?;
    lock(swept).repaired.push(Repaired {
        job: id,
        shard: None,
        reason: RepairReason::PastDeadline,
    });
    Ok(())
}

async fn carry_out<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    workflow: &Workflow,
    snapshot: &Snapshot,
    repair: Repair,
    in_hand: &mut InHand,
) -> Result<Option<Repaired>, CloudError>
where
    S: WriteJobs + WriteControls,
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
        Action::Fail(failure) => change_job(conductor, snapshot, JobEvent::Fail { failure }, of_job).await,
        Action::Postpone(deadline) => change_job(conductor, snapshot, JobEvent::Postpone { deadline }, of_job).await,
        Action::Expire(key) | Action::Resend(key) => again(conductor, workflow, snapshot, key, reason, in_hand).await,
        Action::Abandon(key) => {
            let task = task_of(conductor, snapshot, &key);
            dead_letter::abandon(conductor, &task, "its attempts are used up and no dead letter came").await?;
            let shard = Some(key);
            Ok(Some(Repaired { shard, ..of_job }))
        }
    }
}

async fn change_job<S: WriteJobs, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    snapshot: &Snapshot,
    event: JobEvent,
    repaired: Repaired,
) -> Result<Option<Repaired>, CloudError> {
    let Ok(next) = snapshot.job.value.apply(event, conductor.time.now()) else {
        return Ok(None);
    };
    match conductor.store.put_job(&next, snapshot.job.version).await {
        Ok(_) => Ok(Some(repaired)),
        // It ended or went on in the meantime; the next sweep looks again.
        Err(CloudError::Conflict) => Ok(None),
        Err(error) => Err(error),
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
    in_hand: &mut InHand,
) -> Result<Option<Repaired>, CloudError>
where
    S: WriteJobs + WriteControls,
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
    if route == Route::Batch {
        let in_hand = match in_hand.entry(stage.name.clone()) {
            Entry::Occupied(asked) => asked.into_mut(),
            Entry::Vacant(unasked) => unasked.insert(conductor.in_hand(snapshot, stage).await?),
        };
        if in_hand.contains(&key.shard) {
            // It waits for a machine, or is begun again by AWS Batch itself.
            return Ok(None);
        }
    }
    conductor
        .send(snapshot, stage, std::slice::from_ref(&key), route)
        .await?;
    match conductor.store.put_shard(&next, Some(row.version)).await {
        Ok(_) => {
            if reason == RepairReason::LeaseExpired {
                tell_of_failure(&conductor.store, &key, conductor.time.now()).await;
            }
            Ok(Some(Repaired {
                job: key.job,
                shard: Some(key),
                reason,
            }))
        }
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
        reason => ShardEvent::Resend { reason },
    };
    row.value.apply(event, conductor.time.now())
}

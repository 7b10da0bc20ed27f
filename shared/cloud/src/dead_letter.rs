//! What happens to a message that reached a dead-letter queue.
//!
//! The failure is recorded on the job with the message as it came, the job ends if nothing else keeps it alive, and the
//! message is parked: it is never dropped, unless what it asks for has been done or cancelled. A message that names no job
//! is parked all the same. What AWS Batch gave up on comes here too, by EventBridge (`batch`).

use marey_engine::{
    Failure, FailureClass, JobState, Refusal, Shard, ShardCount, ShardEvent, ShardKey, ShardState, Snapshot, Task,
    Workflow, plan::route,
};

use crate::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    harness::{Disposal, Received, tell_of_failure},
    queues::{HoldMessages, ParkMessages, SendTasks},
    store::{FailureRecord, ReadJobs, WriteControls, WriteJobs},
};

mod batch;

/// What becomes of a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// Somebody may want to send it again.
    Park,
    /// It is a duplicate: its shard is complete or cancelled.
    Forget,
    /// An attempt is still alive; look again after so many seconds.
    Wait(u32),
}

/// A letter is parked when the rows of its job could not be read so often, as after the return to an older version of Marey.
/// Whoever goes on trying would lose it when its queue drops it.
const READS: u32 = 5;

/// Handles one dead letter. `Ok(Acknowledge)` promises that the failure and the message are durable.
///
/// # Errors
/// A service failed; the message stays in its dead-letter queue and comes back.
pub async fn handle<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, message: &Received) -> Result<Disposal, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks + HoldMessages + ParkMessages,
    T: Time,
{
    let verdict = async {
        match batch::read(&message.body) {
            batch::Told::SomethingElse => letter(conductor, message).await,
            batch::Told::Unreadable(problem) => {
                tracing::error!(problem, body = message.body, "event of AWS Batch parked");
                Ok(Verdict::Park)
            }
            batch::Told::NotFailed => Ok(Verdict::Forget),
            batch::Told::Failed(failed) => batch::handle(conductor, &failed).await,
        }
    };
    let verdict = match verdict.await {
        Err(error @ (CloudError::Malformed { .. } | CloudError::Missing { .. })) if message.receives >= READS => {
            let body = &message.body;
            tracing::error!(
                error = error.chain(),
                body,
                "dead letter whose job cannot be read parked"
            );
            Verdict::Park
        }
        other => other?,
    };
    match verdict {
        Verdict::Park => conductor.queues.park(&message.body, &message.queue).await?,
        Verdict::Forget => {}
        Verdict::Wait(seconds) => {
            let later = Disposal::Return(Some(seconds));
            message.put_back(&conductor.queues, later).await;
            return Ok(later);
        }
    }
    Ok(Disposal::Acknowledge)
}

/// A message of a dead-letter queue.
async fn letter<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, message: &Received) -> Result<Verdict, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let task = serde_json::from_str::<Task>(&message.body)
        .ok()
        .and_then(|task| task.check().ok());
    let Some(task) = task else {
        tracing::error!(
            queue = message.queue,
            body = message.body,
            "dead letter without a task parked"
        );
        return Ok(Verdict::Park);
    };
    let cause = format!("the message reached the dead-letter queue {}", message.queue);
    record(conductor, &task, Some(&message.body), &cause).await
}

/// Marks a shard failed that nobody will run again, and ends its job if nothing else keeps it alive. A shard that an attempt
/// still runs is left to it.
///
/// # Errors
/// A service failed: call it again.
pub async fn abandon<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, task: &Task, cause: &str) -> Result<(), CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    record(conductor, task, None, cause).await.map(drop)
}

/// Records a dead task on its job and plans what follows. Whatever an earlier delivery left undone is done by the next.
async fn record<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    task: &Task,
    message: Option<&str>,
    cause: &str,
) -> Result<Verdict, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let settled = settle(conductor, task, message, cause).await?;
    if settled.must_plan {
        conductor.advance(task.payload.job).await?;
    }
    Ok(settled.verdict)
}

/// What a dead task has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settled {
    verdict: Verdict,
    /// Whether something may follow from it for the job.
    must_plan: bool,
}

impl From<Verdict> for Settled {
    fn from(verdict: Verdict) -> Self {
        let must_plan = false;
        Self { verdict, must_plan }
    }
}

/// Records a dead task on its shard. It reads the job and the one shard: thousands of shards may die together.
async fn settle<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    task: &Task,
    message: Option<&str>,
    cause: &str,
) -> Result<Settled, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let key = &task.payload;
    let (shard, must_plan) = loop {
        let Some(snapshot) = rows_for(&conductor.store, key).await? else {
            tracing::error!(job = %key.job, "dead letter of an unknown job parked");
            return Ok(Verdict::Park.into());
        };
        let job_state = &snapshot.job.value.state;
        let round = snapshot.job.value.round;
        let row = snapshot.shards.get(&(key.stage.clone(), key.shard)).cloned();
        let (shard, version) = match row {
            Some(row) => (row.value, Some(row.version)),
            None => (Shard::queued(key.clone(), round, task.created_at), None),
        };
        let is_over = matches!(job_state, JobState::Completed { .. } | JobState::Cancelled { .. });
        if is_over && !shard.has_ended() {
            // Nobody waits for it any more.
            return Ok(Verdict::Forget.into());
        }
        let must_plan = *job_state == JobState::Running;
        if must_plan {
            if shard.is_left_over(round) || task.metadata.round < round {
                // The letter is of a round that is over; its shard is sent again in this one.
                let verdict = Verdict::Forget;
                return Ok(Settled { verdict, must_plan });
            }
            match revive(conductor, &snapshot, &shard, version, message).await {
                Ok(None) => {}
                Ok(Some(verdict)) => return Ok(verdict.into()),
                Err(CloudError::Conflict) => continue,
                Err(error) => return Err(error),
            }
        }
        let now = conductor.time.now();
        let failure = abandoned(&shard);
        match shard.apply(ShardEvent::Abandon { failure }, now) {
            Ok(failed) => match conductor.store.put_shard(&failed, version).await {
                Ok(row) => {
                    went_silent(conductor, &shard).await;
                    break (row.value, must_plan);
                }
                Err(CloudError::Conflict) => {}
                Err(error) => return Err(error),
            },
            Err(Refusal::Leased { until }) => {
                let left_s = until.duration_since(now).as_secs();
                return Ok(Verdict::Wait(left_s.clamp(0, 900) as u32 + 1).into());
            }
            // It has ended: its end counts.
            Err(_) => break (shard, must_plan),
        }
    };
    let ShardState::Failed { at, failure } = shard.state else {
        let verdict = Verdict::Forget;
        return Ok(Settled { verdict, must_plan });
    };
    tracing::error!(job = %key.job, stage = %key.stage, code = failure.code, "dead letter recorded");
    let record = FailureRecord {
        job: key.job,
        // The shard's moment, not this one: a second delivery writes the same record.
        at,
        failure,
        cause: cause.to_owned(),
        message: message.map(str::to_owned),
        id: format!("{key}/{}/dead", shard.attempt),
    };
    conductor.store.record_failure(&record).await?;
    let verdict = Verdict::Park;
    Ok(Settled { verdict, must_plan })
}

/// The rows that tell where a shard stands, and how many there are of its stage.
async fn rows_for(store: &impl ReadJobs, key: &ShardKey) -> Result<Option<Snapshot>, CloudError> {
    let Some(job) = store.job(key.job).await? else {
        return Ok(None);
    };
    let workflow = Workflow::shipped(&job.value.workflow);
    let stage = workflow.as_ref().and_then(|workflow| workflow.stage(&key.stage));
    let source = match stage.map(|stage| &stage.shards) {
        Some(ShardCount::From(source)) => vec![source.from.clone()],
        _ => Vec::new(),
    };
    store.snapshot_for(key, &source).await
}

/// So many messages of a shard may reach the dead-letter queue, with no attempt between them, until it is given up.
const LETTERS: u32 = 3;

/// Sends a shard's task once more whose message died although the policy allows further attempts: a duplicate uses up its
/// deliveries by waiting for the attempt that runs, and is no verdict on the shard. `None` if the shard is to be given up.
async fn revive<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    snapshot: &Snapshot,
    shard: &Shard,
    version: Option<u64>,
    message: Option<&str>,
) -> Result<Option<Verdict>, CloudError>
where
    S: WriteJobs + WriteControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    if shard.state == ShardState::Held {
        // No message is due for it: the planner sends one when its stage goes on.
        return Ok(Some(Verdict::Forget));
    }
    let workflow = Workflow::shipped(&snapshot.job.value.workflow);
    let stage = workflow.as_ref().and_then(|workflow| workflow.stage(&shard.key.stage));
    let Some(stage) = stage.filter(|stage| shard.attempts_this_round() < stage.retry.attempts) else {
        return Ok(None);
    };
    if message.is_none() || shard.dead_letters + 1 >= LETTERS {
        return Ok(None);
    }
    let Ok(revived) = shard.apply(ShardEvent::Revive, conductor.time.now()) else {
        return Ok(None);
    };
    let route = route(stage, snapshot, &shard.key);
    conductor
        .send(snapshot, stage, std::slice::from_ref(&shard.key), route)
        .await?;
    conductor.store.put_shard(&revived, version).await?;
    went_silent(conductor, shard).await;
    tracing::warn!(shard = %shard.key, "dead letter with attempts left: task sent again");
    Ok(Some(Verdict::Forget))
}

/// Tells the breaker of a stage whose attempts die, or cannot even begin, without a word. What an attempt said itself, it has
/// told the breaker.
async fn went_silent<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, shard: &Shard)
where
    S: WriteJobs + WriteControls,
    T: Time,
{
    let said = |failure: &Failure| failure.code != "LEASE_EXPIRED";
    if !shard.last_failure.as_ref().is_some_and(said) {
        tell_of_failure(&conductor.store, &shard.key, conductor.time.now()).await;
    }
}

fn abandoned(shard: &Shard) -> Failure {
    Failure {
        code: "STAGE_ABANDONED".to_owned(),
        message: format!(
            "The stage {} ended {} times without saying why.",
            shard.key.stage,
            shard.attempt.max(1)
        ),
        hint: "Its log tells more, under the job's trace. The usual reasons are too little memory and a time limit; a \
               shorter video or a lower resolution helps against both."
            .to_owned(),
        stage: Some(shard.key.stage.clone()),
        attempt: shard.attempt,
        class: FailureClass::Transient,
    }
}

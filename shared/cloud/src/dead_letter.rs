//! What happens to a message that reached a dead-letter queue.
//!
//! The failure is recorded on the job with the message as it came, the job ends if nothing else keeps it alive, and the
//! message is parked: it is never dropped. A message that names no job is parked all the same.

use marey_engine::{Failure, FailureClass, Refusal, Shard, ShardEvent, Task};

use crate::{
    CloudError, Conductor,
    artifacts::StoreArtifacts,
    harness::{Disposal, Received},
    queues::{ParkMessages, SendTasks},
    store::{FailureRecord, WriteJobs},
};

/// Handles one dead letter. `Ok(Acknowledge)` promises that the failure and the message are durable.
///
/// # Errors
/// A service failed; the message stays in its dead-letter queue and comes back.
pub async fn handle<S, A, Q>(conductor: &Conductor<S, A, Q>, message: &Received) -> Result<Disposal, CloudError>
where
    S: WriteJobs,
    A: StoreArtifacts,
    Q: SendTasks + ParkMessages,
{
    let task = serde_json::from_str::<Task>(&message.body)
        .ok()
        .and_then(|task| task.check().ok());
    match task {
        None => tracing::error!(
            queue = message.queue,
            body = message.body,
            "dead letter without a task parked"
        ),
        Some(task) => {
            if let Some(wait) = record(conductor, &task, message).await? {
                return Ok(Disposal::Return(Some(wait)));
            }
        }
    }
    conductor.queues.park(&message.body, &message.queue).await?;
    Ok(Disposal::Acknowledge)
}

/// Records a dead task on its job. Returns after how many seconds to look again, if an attempt is still alive.
async fn record<S, A, Q>(
    conductor: &Conductor<S, A, Q>,
    task: &Task,
    message: &Received,
) -> Result<Option<u32>, CloudError>
where
    S: WriteJobs,
    A: StoreArtifacts,
    Q: SendTasks + ParkMessages,
{
    let key = &task.payload;
    loop {
        let Some(snapshot) = conductor.store.snapshot(key.job).await? else {
            tracing::error!(job = %key.job, "dead letter of an unknown job parked");
            return Ok(None);
        };
        let row = snapshot.shards.get(&(key.stage.clone(), key.shard)).cloned();
        let (shard, version) = match row {
            Some(row) => (row.value, Some(row.version)),
            None => (Shard::queued(key.clone(), task.created_at), None),
        };
        let now = (conductor.now)();
        let failed = match shard.apply(
            ShardEvent::Abandon {
                failure: abandoned(&shard),
            },
            now,
        ) {
            Ok(failed) => failed,
            Err(Refusal::Leased { until }) => {
                return Ok(Some(until.duration_since(now).as_secs().clamp(0, 900) as u32 + 1));
            }
            Err(_) => {
                // A duplicate of work that has ended: its end counts.
                conductor.advance(key.job).await?;
                return Ok(None);
            }
        };
        match conductor.store.put_shard(&failed, version).await {
            Ok(_) => {}
            Err(CloudError::Conflict) => continue,
            Err(error) => return Err(error),
        }
        let failure = shard.last_failure.clone().unwrap_or_else(|| abandoned(&shard));
        tracing::error!(job = %key.job, stage = %key.stage, code = failure.code, "dead letter recorded");
        let record = FailureRecord {
            job: key.job,
            at: now,
            failure,
            cause: format!("the message reached the dead-letter queue {}", message.queue),
            message: Some(message.body.clone()),
            id: format!("{key}/dead"),
        };
        conductor.store.record_failure(&record).await?;
        conductor.advance(key.job).await?;
        return Ok(None);
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

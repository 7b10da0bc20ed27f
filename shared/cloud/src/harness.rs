//! Runs a stage for a message: lease, inputs, work under heartbeats, artifacts, the end, what follows, acknowledgement.
//!
//! *Invariant:* a message is acknowledged only when its consequences are durable. Wherever the world ends before that,
//! the message comes back and finds the rows as they are: a shard that is complete is planned on again, a lease that
//! expired is taken again, a lease that lives is waited for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    Artifact, FailureClass, LeaseToken, Refusal, Shard, ShardEvent, ShardKey, StageSpec, Task, Versioned, Workflow,
};
use tracing::Instrument;

use crate::{
    CloudError, Conductor, Stage, StageError,
    artifacts::{ReadUploads, StoreArtifacts},
    queues::{HoldMessages, SendTasks},
    store::{FailureRecord, WriteJobs},
};

mod attempt;
mod outcome;
pub(crate) mod scratch;

use attempt::Attempt;
use outcome::{causes, failure_of, random_share, report, unreadable};

/// How long an attempt may be silent before another takes its place.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How often an attempt says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long before the function's deadline an attempt must give up, to leave a clean end.
const MARGIN: SignedDuration = SignedDuration::from_secs(6);

/// A message as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The text.
    pub body: String,
    /// URL of the queue.
    pub queue: String,
    /// What names this delivery.
    pub receipt: String,
    /// How often the message was received, this time included.
    pub receives: u32,
}

impl Received {
    /// Hides a message that must come back until then. A failure is logged: it comes back all the same, at the queue's own
    /// time.
    pub async fn put_back<Q: HoldMessages>(&self, queues: &Q, disposal: Disposal) {
        if let Disposal::Return(Some(seconds)) = disposal
            && let Err(error) = queues.hide(&self.queue, &self.receipt, seconds).await
        {
            tracing::warn!(error = error.chain(), "visibility not changed");
        }
    }

    /// When to come back because a service did not answer: later each time, so that the few deliveries that a queue allows
    /// outlast minutes of trouble, not seconds.
    pub fn after_trouble(&self) -> Disposal {
        let ceiling = 15_u32 << self.receives.saturating_sub(1).min(4);
        Disposal::Return(Some(ceiling / 2 + (f64::from(ceiling / 2) * random_share()) as u32))
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposal {
    /// Its consequences are durable: the queue may forget it.
    Acknowledge,
    /// It must come back, after so many seconds at the earliest where a number is given.
    Return(Option<u32>),
}

/// Everything a stage's function needs.
#[derive(Debug)]
pub struct Harness<T, S, A, Q> {
    stage: Arc<T>,
    conductor: Conductor<S, A, Q>,
    heartbeat: Duration,
}

/// What asking for the lease led to.
enum Admission {
    Granted(Box<Attempt>),
    Refused(Disposal),
}

impl<T, S, A, Q> Harness<T, S, A, Q>
where
    T: Stage,
    S: WriteJobs,
    A: ReadUploads + StoreArtifacts,
    Q: SendTasks + HoldMessages,
{
    /// A harness for one stage.
    pub fn new(stage: T, conductor: Conductor<S, A, Q>) -> Self {
        Self {
            stage: Arc::new(stage),
            conductor,
            heartbeat: HEARTBEAT,
        }
    }

    fn now(&self) -> Timestamp {
        (self.conductor.now)()
    }

    /// Handles one message. `deadline` is when the function itself will be ended.
    ///
    /// Never fails: what goes wrong is logged here and the message comes back.
    pub async fn handle(&self, message: &Received, deadline: Timestamp) -> Disposal {
        let disposal = match self.read(&message.body) {
            Ok(task) => {
                let key = &task.payload;
                let span = tracing::info_span!("task", job = %key.job, stage = %key.stage, shard = key.shard,
                    trace = %task.metadata.trace, attempt = tracing::field::Empty);
                let outcome = Box::pin(self.run(&task, message, deadline))
                    .instrument(span.clone())
                    .await;
                outcome.unwrap_or_else(|error| {
                    span.in_scope(|| tracing::warn!(error = error.chain(), "task interrupted"));
                    message.after_trouble()
                })
            }
            Err(problem) => unreadable(&problem),
        };
        message.put_back(&self.conductor.queues, disposal).await;
        disposal
    }

    /// The task that a message carries, if it is one of this stage.
    fn read(&self, body: &str) -> Result<Task, String> {
        let task: Task = serde_json::from_str(body).map_err(|e| e.to_string())?;
        let task = task.check().map_err(|e| e.to_string())?;
        if task.payload.stage.as_str() == self.stage.name() {
            Ok(task)
        } else {
            Err(format!("it is a task of the stage {}", task.payload.stage))
        }
    }

    async fn run(&self, task: &Task, message: &Received, deadline: Timestamp) -> Result<Disposal, CloudError> {
        let attempt = match self.admit(task).await? {
            Admission::Granted(attempt) => attempt,
            Admission::Refused(disposal) => return Ok(disposal),
        };
        tracing::Span::current().record("attempt", attempt.number);
        tracing::info!("stage started");
        self.hold(message).await;
        // Boxed: the futures of SDK calls are large.
        let disposal = match Box::pin(self.work(&attempt, message, deadline)).await {
            Ok((artifacts, facts)) => self.complete(&attempt, artifacts, facts).await?,
            Err(error) => self.settle(&attempt, message, error).await?,
        };
        if disposal == Disposal::Acknowledge {
            self.conductor.advance(task.payload.job).await?;
        }
        Ok(disposal)
    }

    /// Asks for the lease, as often as somebody else writes the row in between.
    async fn admit(&self, task: &Task) -> Result<Admission, CloudError> {
        let key = &task.payload;
        loop {
            let Some(snapshot) = self.conductor.store.snapshot(key.job).await? else {
                return Ok(Admission::Refused(unreadable("its job does not exist")));
            };
            if snapshot.job.value.has_ended() {
                tracing::info!("task dropped: its job has ended");
                return Ok(Admission::Refused(Disposal::Acknowledge));
            }
            let workflow = Workflow::shipped(&snapshot.job.value.workflow);
            let Some(spec) = workflow
                .as_ref()
                .and_then(|workflow| workflow.stage(&key.stage))
                .cloned()
            else {
                return Ok(Admission::Refused(unreadable("its workflow has no such stage")));
            };
            if !spec.needs.iter().all(|need| snapshot.is_stage_complete(need)) {
                tracing::warn!("task returned: what the stage needs is not complete");
                return Ok(Admission::Refused(Disposal::Return(Some(10))));
            }
            let row = snapshot.shards.get(&(key.stage.clone(), key.shard)).cloned();
            let (shard, version) = match row {
                Some(row) => (row.value, Some(row.version)),
                // The message overtook the row that its sender writes next.
                None => (Shard::queued(key.clone(), task.created_at), None),
            };
            match self.lease(&shard, version, &spec).await {
                Ok((row, token)) => {
                    let attempt = Attempt {
                        job: snapshot.job.value.clone(),
                        snapshot,
                        spec,
                        key: key.clone(),
                        number: row.value.attempt,
                        token,
                        row: Mutex::new(row),
                    };
                    return Ok(Admission::Granted(Box::new(attempt)));
                }
                Err(LeaseError::Refused(refusal)) => return self.refuse(key, &refusal).await,
                Err(LeaseError::Cloud(CloudError::Conflict)) => {}
                Err(LeaseError::Cloud(error)) => return Err(error),
            }
        }
    }

    async fn lease(
        &self,
        shard: &Shard,
        version: Option<u64>,
        spec: &StageSpec,
    ) -> Result<(Versioned<Shard>, LeaseToken), LeaseError> {
        let token = LeaseToken(uuid::Uuid::new_v4());
        let (now, max_attempts) = (self.now(), spec.retry.attempts);
        let leased = shard.apply(
            ShardEvent::Lease {
                token,
                until: now + LEASE,
                max_attempts,
            },
            now,
        )?;
        Ok((self.conductor.store.put_shard(&leased, version).await?, token))
    }

    async fn refuse(&self, key: &ShardKey, refusal: &Refusal) -> Result<Admission, CloudError> {
        let disposal = match refusal {
            Refusal::Ended => {
                // An earlier delivery ended the shard and may have died before it planned: plan again.
                self.conductor.advance(key.job).await?;
                Disposal::Acknowledge
            }
            Refusal::Leased { until } => {
                let wait = until.duration_since(self.now()).as_secs().clamp(0, 120) as u32 + 1;
                tracing::info!(wait_s = wait, "task returned: another attempt holds the lease");
                Disposal::Return(Some(wait))
            }
            Refusal::Exhausted { .. } => {
                // The queue counts deliveries itself and moves the message to the dead-letter queue.
                tracing::warn!(%refusal, "task returned");
                Disposal::Return(Some(0))
            }
            Refusal::LeaseLost => Disposal::Return(None),
        };
        Ok(Admission::Refused(disposal))
    }

    async fn complete(
        &self,
        attempt: &Attempt,
        artifacts: Vec<Artifact>,
        facts: serde_json::Value,
    ) -> Result<Disposal, CloudError> {
        let frames = facts
            .get("frames")
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(f64::NAN);
        let event = ShardEvent::Complete {
            token: attempt.token,
            artifacts,
            facts,
        };
        match self.write(attempt, event).await {
            Ok(row) => {
                report(&attempt.job, &row.value, frames);
                Ok(Disposal::Acknowledge)
            }
            Err(LeaseError::Refused(refusal)) => self.lost(&refusal),
            Err(LeaseError::Cloud(error)) => Err(error),
        }
    }

    /// Records a failure on the shard and decides whether the message comes back.
    async fn settle(&self, attempt: &Attempt, message: &Received, error: StageError) -> Result<Disposal, CloudError> {
        let failure = failure_of(&error, &attempt.key, attempt.number);
        let cause = causes(&error);
        let token = attempt.token;
        let event = match error.class {
            FailureClass::Transient => ShardEvent::GiveBack {
                token,
                failure: failure.clone(),
            },
            FailureClass::Permanent => ShardEvent::Fail {
                token,
                failure: failure.clone(),
            },
            FailureClass::Cancelled => {
                // Whoever ended the job or took the lease has written what there is to write.
                tracing::info!("stage stopped");
                let job = self.conductor.store.job(attempt.job.id).await?;
                let ended = job.is_none_or(|job| job.value.has_ended());
                if !ended {
                    return Ok(Disposal::Return(None));
                }
                return match self.write(attempt, ShardEvent::Cancel).await {
                    Ok(_) | Err(LeaseError::Refused(_)) => Ok(Disposal::Acknowledge),
                    Err(LeaseError::Cloud(error)) => Err(error),
                };
            }
        };
        tracing::warn!(code = failure.code, cause, class = ?failure.class, "stage failed");
        match self.write(attempt, event).await {
            Ok(_) => {}
            Err(LeaseError::Refused(refusal)) => return self.lost(&refusal),
            Err(LeaseError::Cloud(error)) => return Err(error),
        }
        let id = format!("{}/{}", attempt.key, attempt.number);
        let body = Some(message.body.clone());
        let (job, at) = (attempt.key.job, self.now());
        let record = FailureRecord {
            job,
            at,
            failure,
            cause,
            message: body,
            id,
        };
        self.conductor.store.record_failure(&record).await?;
        Ok(match error.class {
            FailureClass::Transient if attempt.number < attempt.spec.retry.attempts => {
                let delay = attempt.spec.retry.delay_s(attempt.number, random_share());
                Disposal::Return(Some(delay.ceil() as u32))
            }
            FailureClass::Transient => Disposal::Return(Some(0)),
            _ => Disposal::Acknowledge,
        })
    }

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "reads as one of the ways an attempt ends"
    )]
    fn lost(&self, refusal: &Refusal) -> Result<Disposal, CloudError> {
        tracing::warn!(%refusal, "lease lost");
        Ok(Disposal::Return(None))
    }
}

/// Why a write of an attempt did not happen.
#[derive(Debug, thiserror::Error)]
enum LeaseError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

#[cfg(test)]
mod tests;

//! Runs a stage for a message: lease, inputs, work under heartbeats, artifacts, the end, what follows, acknowledgement.
//!
//! *Invariant:* a message is acknowledged only when its consequences are durable. Wherever the world ends before that,
//! the message comes back and finds the rows as they are: a shard that is complete is planned on again, a lease that
//! expired is taken again, a lease that lives is waited for.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    FailureClass, LeaseToken, Refusal, Shard, ShardEvent, ShardKey, ShardState, Snapshot, StageName, StageSpec, Task,
    Versioned, Workflow, cost::Machine, ends,
};
use tracing::Instrument;

use crate::{
    CloudError, Conductor, RealTime, Stage, StageError, Time,
    artifacts::{ReadUploads, StoreArtifacts},
    queues::{HoldMessages, SendTasks},
    store::{FailureRecord, JobsTable, Pulse},
};

mod attempt;
mod breaker;
mod interruption;
mod outcome;
mod reuse;
pub(crate) mod scratch;
mod workplace;

pub(crate) use breaker::tell_of_failure;
use interruption::Interruption;
use outcome::{Ended, causes, failure_of, report, unreadable};
pub use scratch::sweep as sweep_scratch;
pub use workplace::{Attempt, Bench, Left, Product, StageWorkplace, Workplace};

/// How long an attempt may be silent before another takes its place.
pub(crate) const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How long before the function's deadline an attempt must give up, to leave a clean end.
const MARGIN: SignedDuration = SignedDuration::from_secs(6);

/// Of a stage with at most so many shards an attempt reads all of the job's rows, in one call; of a larger one only those it
/// needs.
const SMALL_STAGE: u32 = 32;

/// A pulse is written at most this often.
const PULSE: SignedDuration = SignedDuration::from_secs(10);

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
    pub fn after_trouble(&self, time: &impl Time) -> Disposal {
        let ceiling = 15_u32 << self.receives.saturating_sub(1).min(4);
        Disposal::Return(Some(
            ceiling / 2 + (f64::from(ceiling / 2) * time.random_share()) as u32,
        ))
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

/// Everything that runs a stage's tasks needs.
#[derive(Debug)]
pub struct Harness<W, S, A, Q, T = RealTime> {
    workplace: W,
    conductor: Conductor<S, A, Q, T>,
    machine: Machine,
    /// Part of what decides an outcome: the code that runs.
    revision: String,
    pulse: Mutex<Option<Pulse>>,
    interruption: Interruption,
    /// Overrules how often an attempt says that it is alive.
    heartbeat: Option<Duration>,
}

/// What asking for the lease led to.
enum Admission {
    Granted(Box<Attempt>),
    Refused(Disposal),
}

impl<G, S, A, Q, T> Harness<StageWorkplace<G, A>, S, A, Q, T>
where
    G: Stage,
    S: JobsTable,
    A: ReadUploads + StoreArtifacts + Clone,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    /// A harness for one stage on one machine. `revision` names the code: results of other code are not reused.
    pub fn of_stage(stage: G, conductor: Conductor<S, A, Q, T>, machine: Machine, revision: &str) -> Self {
        let workplace = StageWorkplace::new(stage, conductor.artifacts.clone());
        Self::new(workplace, conductor, machine, revision)
    }
}

impl<W, S, A, Q, T> Harness<W, S, A, Q, T>
where
    W: Workplace,
    S: JobsTable,
    A: StoreArtifacts,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    /// A harness for the work that is done at a place.
    pub fn new(workplace: W, conductor: Conductor<S, A, Q, T>, machine: Machine, revision: &str) -> Self {
        Self {
            workplace,
            conductor,
            machine,
            revision: revision.to_owned(),
            pulse: Mutex::default(),
            interruption: Interruption::default(),
            heartbeat: None,
        }
    }

    fn now(&self) -> Timestamp {
        self.conductor.time.now()
    }

    /// Handles one message. `deadline` is when the function itself will be ended.
    ///
    /// Never fails: what goes wrong is logged here and the message comes back.
    pub async fn handle(&self, message: &Received, deadline: Timestamp) -> Disposal {
        let disposal = match self.read(&message.body) {
            Ok(task) => match self.traced(&task, Some(message), deadline).await {
                Ok(disposal) => disposal,
                Err(_) => message.after_trouble(&self.conductor.time),
            },
            Err(problem) => unreadable(&problem),
        };
        message.put_back(&self.conductor.queues, disposal).await;
        disposal
    }

    /// Says that the machine is being taken away: what runs is stopped within seconds and gives its lease back without using up
    /// an attempt; what is done and only has to be stored is stored. Whatever begins afterwards ends at once in the same way.
    pub fn interrupt(&self) {
        self.interruption.come();
    }

    /// Runs a shard that no message asks for, as in a container of AWS Batch. What must come back must be begun again by
    /// whoever began this; after the last attempt the shard is marked failed, since no dead letter will tell.
    ///
    /// # Errors
    /// A service failed: begin again.
    pub async fn run_task(&self, task: &Task, deadline: Timestamp) -> Result<Disposal, CloudError> {
        self.traced(task, None, deadline).await
    }

    async fn traced(
        &self,
        task: &Task,
        message: Option<&Received>,
        deadline: Timestamp,
    ) -> Result<Disposal, CloudError> {
        let key = &task.payload;
        let span = tracing::info_span!("task", job = %key.job, stage = %key.stage, shard = key.shard,
            trace = %task.metadata.trace, attempt = tracing::field::Empty);
        // Boxed: the futures of SDK calls are large.
        let outcome = Box::pin(self.run(task, message, deadline))
            .instrument(span.clone())
            .await;
        if let Err(error) = &outcome {
            span.in_scope(|| tracing::warn!(error = error.chain(), "task interrupted"));
        }
        outcome
    }

    /// The task that a message carries, if it is one of this stage.
    fn read(&self, body: &str) -> Result<Task, String> {
        let task: Task = serde_json::from_str(body).map_err(|e| e.to_string())?;
        let task = task.check().map_err(|e| e.to_string())?;
        if task.payload.stage.as_str() == self.workplace.stage() {
            Ok(task)
        } else {
            Err(format!("it is a task of the stage {}", task.payload.stage))
        }
    }

    async fn run(&self, task: &Task, message: Option<&Received>, deadline: Timestamp) -> Result<Disposal, CloudError> {
        let attempt = match self.admit(task, message).await? {
            Admission::Granted(attempt) => attempt,
            Admission::Refused(disposal) => return Ok(disposal),
        };
        tracing::Span::current().record("attempt", attempt.number);
        tracing::info!("stage started");
        self.hold(message).await;
        let began = self.now();
        // Boxed: the futures of SDK calls are large.
        let disposal = match Box::pin(self.work(&attempt, message, deadline)).await {
            Ok(ended) => self.complete(&attempt, ended, began).await?,
            Err(error) => self.settle(&attempt, message, error, began).await?,
        };
        let shard = attempt.row().value;
        if shard.is_complete() {
            self.conductor
                .advance_after(&shard.key, shard.round, attempt.shards)
                .await?;
            self.remember(&attempt, &shard).await;
            self.succeeded(&attempt, &shard).await;
        } else if disposal == Disposal::Acknowledge {
            self.conductor.advance(shard.key.job).await?;
        }
        Ok(disposal)
    }

    /// The rows that an attempt needs.
    async fn rows_for(&self, task: &Task) -> Result<Option<Snapshot>, CloudError> {
        let key = &task.payload;
        let job = match task.metadata.shards {
            0..=SMALL_STAGE => None,
            _ => self.conductor.store.job(key.job).await?,
        };
        let Some(job) = job else {
            return self.conductor.store.snapshot(key.job).await;
        };
        let upstream = upstream(&job.value.workflow, &key.stage);
        self.conductor.store.snapshot_for(key, &upstream).await
    }

    /// Asks for the lease, as often as somebody else writes the row in between.
    async fn admit(&self, task: &Task, message: Option<&Received>) -> Result<Admission, CloudError> {
        let key = &task.payload;
        loop {
            let Some(snapshot) = self.rows_for(task).await? else {
                return Ok(Admission::Refused(unreadable("its job does not exist")));
            };
            let job = &snapshot.job.value;
            if job.has_ended() {
                tracing::info!("task dropped: its job has ended");
                return Ok(Admission::Refused(Disposal::Acknowledge));
            }
            // A message is good in every round. A container is begun anew for each, and what becomes of one that was begun
            // for an earlier round no longer counts: it must not take the lease from one that does.
            if message.is_none() && task.metadata.round < job.round {
                tracing::info!("task dropped: its job was retried since");
                return Ok(Admission::Refused(Disposal::Acknowledge));
            }
            let workflow = Workflow::shipped(&job.workflow);
            let Some((workflow, spec)) = workflow
                .as_ref()
                .and_then(|it| Some((it, it.stage(&key.stage)?.clone())))
            else {
                return Ok(Admission::Refused(unreadable("its workflow has no such stage")));
            };
            let shards = snapshot.shard_count(&key.stage).ok().flatten();
            if shards.is_some_and(|shards| key.shard >= shards) {
                return Ok(Admission::Refused(unreadable("its stage has no such shard")));
            }
            let shards = shards.unwrap_or(1);
            if !self.can_begin(workflow, &spec, &snapshot).await? {
                tracing::warn!("task returned: what the stage needs has not ended");
                return Ok(Admission::Refused(Disposal::Return(Some(10))));
            }
            let row = snapshot.shards.get(&(key.stage.clone(), key.shard)).cloned();
            let (shard, version) = match row {
                Some(row) => (row.value, Some(row.version)),
                // The message overtook the row that its sender writes next.
                None => (Shard::queued(key.clone(), job.round, task.created_at), None),
            };
            // The message of a new round overtook the row, or one of an old round comes late: it is the same work.
            let shard = if shard.is_left_over(job.round) {
                let round = job.round;
                shard.apply(ShardEvent::Dispatch { round }, self.now()).unwrap_or(shard)
            } else {
                shard
            };
            if let Some(held) = self.held(&shard, version, &job.workflow).await? {
                if held {
                    return Ok(Admission::Refused(Disposal::Acknowledge));
                }
                continue;
            }
            match self.lease(&shard, version, &spec).await {
                Ok((row, token)) => {
                    if matches!(shard.state, ShardState::Running { .. }) {
                        // Its lease had expired: whoever held it died without a word.
                        tell_of_failure(&self.conductor.store, &shard.key, self.now()).await;
                    }
                    return Ok(Admission::Granted(Box::new(Attempt {
                        job: snapshot.job.value.clone(),
                        snapshot,
                        spec,
                        key: key.clone(),
                        shards,
                        number: row.value.attempt,
                        token,
                        row: Mutex::new(row),
                    })));
                }
                Err(LeaseError::Refused(refusal)) => return self.refuse(task, message, &shard, &refusal).await,
                Err(LeaseError::Cloud(CloudError::Conflict)) => {}
                Err(LeaseError::Cloud(error)) => return Err(error),
            }
        }
    }

    /// Whether everything has ended that a stage needs. Of a large stage only the stages before it were read; what became
    /// of those that are not complete, all rows tell.
    async fn can_begin(&self, workflow: &Workflow, spec: &StageSpec, seen: &Snapshot) -> Result<bool, CloudError> {
        if spec.needs.iter().all(|need| seen.is_stage_complete(need)) {
            return Ok(true);
        }
        let Some(all) = self.conductor.store.snapshot(seen.job.value.id).await? else {
            return Ok(false);
        };
        let ends = ends(workflow, &all);
        Ok(spec.needs.iter().all(|need| ends.contains_key(need)))
    }

    async fn lease(
        &self,
        shard: &Shard,
        version: Option<u64>,
        spec: &StageSpec,
    ) -> Result<(Versioned<Shard>, LeaseToken), LeaseError> {
        let token = LeaseToken(uuid::Uuid::from_u128(self.conductor.time.random()));
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

    async fn refuse(
        &self,
        task: &Task,
        message: Option<&Received>,
        shard: &Shard,
        refusal: &Refusal,
    ) -> Result<Admission, CloudError> {
        let disposal = match refusal {
            // An earlier delivery ended the shard and may have died before it planned: plan again.
            Refusal::Ended if shard.is_complete() => {
                let shards = task.metadata.shards;
                self.conductor.advance_after(&shard.key, shard.round, shards).await?;
                Disposal::Acknowledge
            }
            Refusal::Ended => {
                self.conductor.advance(shard.key.job).await?;
                Disposal::Acknowledge
            }
            // Whoever holds the lease does the work; only a message must be kept for the case that they die.
            Refusal::Leased { .. } if message.is_none() => Disposal::Acknowledge,
            Refusal::Leased { until } => {
                let wait = until.duration_since(self.now()).as_secs().clamp(0, 120) as u32 + 1;
                tracing::info!(wait_s = wait, "task returned: another attempt holds the lease");
                Disposal::Return(Some(wait))
            }
            Refusal::Exhausted { .. } if message.is_none() => {
                crate::dead_letter::abandon(&self.conductor, task, "its attempts in AWS Batch are used up").await?;
                Disposal::Acknowledge
            }
            Refusal::Exhausted { .. } => {
                // The queue counts deliveries itself and moves the message to the dead-letter queue.
                tracing::warn!(%refusal, "task returned");
                Disposal::Return(Some(0))
            }
            Refusal::LeaseLost | Refusal::OutOfPlace => Disposal::Return(None),
        };
        Ok(Admission::Refused(disposal))
    }

    async fn complete(&self, attempt: &Attempt, ended: Ended, began: Timestamp) -> Result<Disposal, CloudError> {
        let cost_usd = self.cost_usd(began, ended.left.artifacts.len());
        let event = ShardEvent::Complete {
            token: attempt.token,
            artifacts: ended.left.artifacts,
            facts: ended.left.facts,
            frames: ended.frames,
            reused: ended.reused,
            cost_usd,
        };
        match self.write(attempt, event).await {
            Ok(row) => {
                report(&attempt.job, &row.value, cost_usd);
                Ok(Disposal::Acknowledge)
            }
            Err(LeaseError::Refused(refusal)) => self.lost(&refusal),
            Err(LeaseError::Cloud(error)) => Err(error),
        }
    }

    /// Records a failure on the shard and decides whether the message comes back.
    async fn settle(
        &self,
        attempt: &Attempt,
        message: Option<&Received>,
        error: StageError,
        began: Timestamp,
    ) -> Result<Disposal, CloudError> {
        let failure = failure_of(&error, &attempt.key, attempt.number);
        let cause = causes(&error);
        let (token, cost_usd) = (attempt.token, self.cost_usd(began, 0));
        let interrupted = error.code == StageError::INTERRUPTED;
        // Without a message there is no dead letter that would end the shard.
        let is_last = !interrupted && attempt.is_last();
        let is_final = error.class == FailureClass::Permanent || (message.is_none() && is_last);
        let event = match error.class {
            FailureClass::Cancelled => return self.stopped(attempt).await,
            _ if is_final => ShardEvent::Fail {
                token,
                failure: failure.clone(),
                cost_usd,
            },
            _ if interrupted => ShardEvent::Interrupt {
                token,
                failure: failure.clone(),
                cost_usd,
            },
            _ => ShardEvent::GiveBack {
                token,
                failure: failure.clone(),
                cost_usd,
            },
        };
        tracing::warn!(code = failure.code, cause, class = ?failure.class, "stage failed");
        // First the private cause and the message: once the row is written, nobody comes back to record them.
        let record = FailureRecord {
            job: attempt.key.job,
            at: self.now(),
            failure,
            cause,
            message: message.map(|message| message.body.clone()),
            id: format!("{}/{}", attempt.key, attempt.number),
        };
        self.conductor.store.record_failure(&record).await?;
        match self.write(attempt, event).await {
            Ok(_) => {}
            Err(LeaseError::Refused(refusal)) => return self.lost(&refusal),
            Err(LeaseError::Cloud(error)) => return Err(error),
        }
        if !interrupted {
            self.failed(attempt, &error).await;
        }
        Ok(match error.class {
            _ if is_final => Disposal::Acknowledge,
            _ if interrupted || is_last => Disposal::Return(Some(0)),
            _ => {
                let attempts = attempt.row().value.attempts_this_round();
                let delay = attempt.spec.retry.delay_s(attempts, self.conductor.time.random_share());
                Disposal::Return(Some(delay.ceil() as u32))
            }
        })
    }

    /// Ends an attempt that was told to stop: whoever ended the job or took the lease has written what there is to write.
    async fn stopped(&self, attempt: &Attempt) -> Result<Disposal, CloudError> {
        tracing::info!("stage stopped");
        let job = self.conductor.store.job(attempt.job.id).await?;
        if !job.is_none_or(|job| job.value.has_ended()) {
            return Ok(Disposal::Return(None));
        }
        match self.write(attempt, ShardEvent::Cancel).await {
            Ok(_) | Err(LeaseError::Refused(_)) => Ok(Disposal::Acknowledge),
            Err(LeaseError::Cloud(error)) => Err(error),
        }
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

    fn cost_usd(&self, began: Timestamp, artifacts: usize) -> f64 {
        let seconds = self.now().duration_since(began).as_secs_f64();
        marey_engine::cost::attempt_usd(&self.machine, seconds, artifacts)
    }

    /// Writes this process's sign of life, if it has not just done so.
    async fn pulse(&self, working_on: Option<&ShardKey>) {
        let now = self.now();
        let pulse = {
            let mut pulse = self.pulse.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pulse) = pulse.as_mut().filter(|pulse| now.duration_since(pulse.at) >= PULSE) else {
                return;
            };
            pulse.at = now;
            pulse.working_on = working_on.cloned();
            pulse.clone()
        };
        if let Err(error) = self.conductor.store.put_pulse(&pulse).await {
            tracing::warn!(error = error.chain(), "pulse missed");
        }
    }
}

/// The stages whose rows decide whether a stage can begin and what it reads: those it needs, and those from which they take
/// the numbers of their shards.
fn upstream(workflow: &str, stage: &StageName) -> Vec<StageName> {
    let Some(workflow) = Workflow::shipped(workflow) else {
        return Vec::new();
    };
    let mut stages: Vec<StageName> = Vec::new();
    for need in workflow.stage(stage).iter().flat_map(|spec| &spec.needs) {
        let count = workflow.stage(need).map(|spec| &spec.shards);
        if let Some(marey_engine::ShardCount::From(source)) = count {
            stages.push(source.from.clone());
        }
        stages.push(need.clone());
    }
    stages.sort();
    stages.dedup();
    stages
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

//! Runs a stage for a message: lease, inputs, work under heartbeats, artifacts, the end, what follows, acknowledgement.
//!
//! *Invariant:* a message is acknowledged only when its consequences are durable. Wherever the world ends before that,
//! the message comes back and finds the rows as they are: a shard that is complete is planned on again, a lease that
//! expired is taken again, a lease that lives is waited for.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    Artifact, FailureClass, Job, LeaseToken, Refusal, Shard, ShardEvent, ShardKey, Snapshot, StageSpec, Task,
    Versioned, Workflow,
};
use tracing::Instrument;

use crate::{
    CloudError, Conductor, Control, Input, Output, Stage, StageError, Work,
    artifacts::{ReadUploads, StoreArtifacts, artifact_key},
    queues::{HoldMessages, SendTasks},
    stage::Stop,
    store::{FailureRecord, WriteJobs},
};

mod outcome;

use outcome::{
    causes, digest, failure_of, out_of_time, panic_text, random_share, report, service_busy, unreadable, upload_gone,
};

/// How long an attempt may be silent before another takes its place.
const LEASE: SignedDuration = SignedDuration::from_secs(60);

/// How often an attempt says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(3);

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
}

/// An attempt that holds the lease.
struct Attempt {
    job: Job,
    snapshot: Snapshot,
    spec: StageSpec,
    shard: Versioned<Shard>,
    token: LeaseToken,
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
                let outcome = self.run(&task, message, deadline).instrument(span.clone()).await;
                outcome.unwrap_or_else(|error| {
                    span.in_scope(|| tracing::warn!(error = error.chain(), "task interrupted"));
                    Disposal::Return(Some(5))
                })
            }
            Err(problem) => unreadable(&problem),
        };
        if let Disposal::Return(Some(seconds)) = disposal
            && let Err(error) = self
                .conductor
                .queues
                .hide(&message.queue, &message.receipt, seconds)
                .await
        {
            // It comes back all the same, at the queue's own time.
            tracing::warn!(error = error.chain(), "visibility not changed");
        }
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
        let mut attempt = match self.admit(task).await? {
            Admission::Granted(attempt) => attempt,
            Admission::Refused(disposal) => return Ok(disposal),
        };
        tracing::Span::current().record("attempt", attempt.shard.value.attempt);
        tracing::info!("stage started");
        // The queue may hide the message for longer than the lease; if this process dies, it should come back soon.
        self.conductor
            .queues
            .hide(&message.queue, &message.receipt, LEASE.as_secs() as u32)
            .await?;
        let scratch = tempfile::tempdir().map_err(|e| CloudError::service("make scratch folder", e))?;
        let result = self.work(&mut attempt, message, deadline, scratch.path()).await;
        let disposal = match result {
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
                Ok((shard, token)) => {
                    let job = snapshot.job.value.clone();
                    return Ok(Admission::Granted(Box::new(Attempt {
                        job,
                        snapshot,
                        spec,
                        shard,
                        token,
                    })));
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

    /// Fetches the inputs, runs the stage under heartbeats, and stores what it leaves.
    async fn work(
        &self,
        attempt: &mut Attempt,
        message: &Received,
        deadline: Timestamp,
        folder: &Path,
    ) -> Result<(Vec<Artifact>, serde_json::Value), StageError> {
        let control = Arc::new(Control::default());
        let ends = (self.now() + SignedDuration::from_secs(i64::from(attempt.spec.timeout_s))).min(deadline - MARGIN);
        let work = self.fetch(attempt, folder, control.clone()).await?;
        let stage = self.stage.clone();
        let span = tracing::Span::current();
        let mut running = tokio::task::spawn_blocking(move || {
            let _inside = span.enter();
            // The folder and files are gone with the work whatever happens, so a panic leaves nothing half done.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stage.run(&work)))
        });
        let ended = loop {
            tokio::select! {
                ended = &mut running => break ended,
                () = tokio::time::sleep(HEARTBEAT) => self.beat(attempt, message, &control, ends).await,
            }
        };
        let output = match ended {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(StageError::internal(panic_text(panic.as_ref()))),
            Err(error) => Err(StageError::internal(error)),
        };
        let output = match control.stop_reason() {
            Some(Stop::TimeUp) if output.is_err() => return Err(out_of_time(&attempt.spec)),
            _ => output?,
        };
        self.store(attempt, output).await
    }

    async fn fetch(&self, attempt: &Attempt, folder: &Path, control: Arc<Control>) -> Result<Work, StageError> {
        let inputs = folder.join("inputs");
        let scratch = folder.join("scratch");
        std::fs::create_dir(&inputs)?;
        std::fs::create_dir(&scratch)?;
        let mut work = Work {
            job: attempt.job.clone(),
            shard: attempt.shard.value.key.clone(),
            scratch,
            upload: None,
            artifacts: BTreeMap::new(),
            control,
        };
        for input in self.stage.inputs() {
            match input {
                Input::Upload => {
                    let to = inputs.join("upload");
                    self.conductor
                        .artifacts
                        .fetch_upload(&attempt.job.input, &to)
                        .await
                        .map_err(upload_gone)?;
                    work.upload = Some(to);
                }
                Input::Artifact { stage, name } => {
                    let found = attempt
                        .snapshot
                        .artifacts()
                        .find(|(of, _, a)| of.as_str() == *stage && a.name == *name);
                    let missing = || StageError::internal(format!("the stage {stage} left no {name}"));
                    let (_, _, artifact) = found.ok_or_else(missing)?;
                    let to = inputs.join(format!("{stage}-{name}"));
                    self.conductor
                        .artifacts
                        .fetch(&artifact.key, &to)
                        .await
                        .map_err(service_busy)?;
                    work.artifacts.insert(((*stage).to_owned(), (*name).to_owned()), to);
                }
            }
        }
        Ok(work)
    }

    /// Says that the attempt is alive, and notices what should end it.
    async fn beat(&self, attempt: &mut Attempt, message: &Received, control: &Control, ends: Timestamp) {
        let now = self.now();
        if now >= ends {
            control.stop(Stop::TimeUp);
            return;
        }
        let progress = control.progress();
        let event = ShardEvent::Heartbeat {
            token: attempt.token,
            until: now + LEASE,
            progress,
        };
        match self.write(attempt, event).await {
            Ok(row) => attempt.shard = row,
            Err(LeaseError::Refused(_)) => control.stop(Stop::LeaseLost),
            // A heartbeat may be missed; the lease tells how many.
            Err(LeaseError::Cloud(error)) => tracing::warn!(error = error.chain(), "heartbeat missed"),
        }
        match self.conductor.store.job(attempt.job.id).await {
            Ok(Some(job)) if job.value.has_ended() => control.stop(Stop::Cancelled),
            _ => {}
        }
        if let Err(error) = self
            .conductor
            .queues
            .hide(&message.queue, &message.receipt, LEASE.as_secs() as u32)
            .await
        {
            tracing::warn!(error = error.chain(), "visibility not extended");
        }
    }

    /// Applies an event to the attempt's shard. If somebody else wrote the row, the event is tried on what they wrote:
    /// the engine refuses it unless this attempt still holds the lease.
    async fn write(&self, attempt: &Attempt, event: ShardEvent) -> Result<Versioned<Shard>, LeaseError> {
        let mut row = attempt.shard.clone();
        loop {
            let next = row.value.apply(event.clone(), self.now())?;
            match self.conductor.store.put_shard(&next, Some(row.version)).await {
                Err(CloudError::Conflict) => {
                    let missing = || CloudError::Missing {
                        what: format!("shard {}", next.key),
                    };
                    row = self.conductor.store.shard(&next.key).await?.ok_or_else(missing)?;
                }
                other => return Ok(other?),
            }
        }
    }

    async fn store(&self, attempt: &Attempt, output: Output) -> Result<(Vec<Artifact>, serde_json::Value), StageError> {
        let shard = &attempt.shard.value;
        let promised = &attempt.spec.artifacts;
        if let Some(missing) = promised
            .iter()
            .find(|name| !output.files.iter().any(|file| file.name == **name))
        {
            return Err(StageError::internal(format!(
                "the stage promised {missing} and did not leave it"
            )));
        }
        let mut artifacts = Vec::new();
        for file in &output.files {
            let (bytes, sha256) = digest(&file.path)?;
            let key = artifact_key(&shard.key, shard.attempt, file.name);
            let (name, content_type) = (file.name.to_owned(), file.content_type.to_owned());
            let artifact = Artifact {
                name,
                key,
                content_type,
                bytes,
                sha256,
            };
            self.conductor
                .artifacts
                .store_file(&artifact, &file.path)
                .await
                .map_err(service_busy)?;
            artifacts.push(artifact);
        }
        Ok((artifacts, output.facts))
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
        let shard = &attempt.shard.value;
        let failure = failure_of(&error, &shard.key, shard.attempt);
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
        let id = format!("{}/{}", shard.key, shard.attempt);
        let body = Some(message.body.clone());
        let (job, at) = (shard.key.job, self.now());
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
            FailureClass::Transient if shard.attempt < attempt.spec.retry.attempts => {
                let delay = attempt.spec.retry.delay_s(shard.attempt, random_share());
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

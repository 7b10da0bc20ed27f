//! An attempt at work: inputs, the stage itself, artifacts, and the heartbeats beside them all.

use std::{
    collections::BTreeMap,
    path::Path,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    Artifact, FailureClass, Job, LeaseToken, Shard, ShardEvent, ShardKey, Snapshot, StageSpec, Versioned,
};

use super::{
    Disposal, Harness, LEASE, LeaseError, MARGIN, Received,
    outcome::{digest, out_of_time, panic_text, service_busy, upload_gone},
    scratch,
};
use crate::{
    CloudError, Control, Input, Output, Stage, StageError, Work,
    artifacts::{ReadUploads, StoreArtifacts, artifact_key},
    queues::{HoldMessages, SendTasks},
    stage::Stop,
    store::WriteJobs,
};

/// An attempt that holds the lease.
pub(super) struct Attempt {
    pub(super) job: Job,
    pub(super) snapshot: Snapshot,
    pub(super) spec: StageSpec,
    pub(super) key: ShardKey,
    /// Which attempt at the shard it is, from 1.
    pub(super) number: u32,
    pub(super) token: LeaseToken,
    /// The shard as this attempt wrote it last; heartbeats write it beside the work.
    pub(super) row: Mutex<Versioned<Shard>>,
}

/// What a heartbeat speaks for.
#[derive(Clone, Copy)]
struct Life<'a> {
    attempt: &'a Attempt,
    message: &'a Received,
    control: &'a Control,
    ends: Timestamp,
}

impl Life<'_> {
    /// The error of an attempt that was told to stop.
    fn stopped(&self) -> Option<StageError> {
        Some(match self.control.stop_reason()? {
            Stop::TimeUp => out_of_time(&self.attempt.spec),
            Stop::Cancelled | Stop::LeaseLost => StageError::stopped(),
        })
    }
}

impl<T, S, A, Q> Harness<T, S, A, Q>
where
    T: Stage,
    S: WriteJobs,
    A: ReadUploads + StoreArtifacts,
    Q: SendTasks + HoldMessages,
{
    /// Fetches the inputs, runs the stage and stores what it leaves, all under heartbeats.
    pub(super) async fn work(
        &self,
        attempt: &Attempt,
        message: &Received,
        deadline: Timestamp,
    ) -> Result<(Vec<Artifact>, serde_json::Value), StageError> {
        let folder = scratch::make()?;
        let control = Arc::new(Control::default());
        let last = deadline - MARGIN;
        let ends = (self.now() + SignedDuration::from_secs(i64::from(attempt.spec.timeout_s))).min(last);
        let life = Life {
            attempt,
            message,
            control: &control,
            ends,
        };
        let fetching = self.fetch(attempt, folder.path(), control.clone());
        let work = self.beside_heartbeats(life, fetching).await?;
        let output = self.run_stage(life, work).await?;
        // The work was done in its time; storing it may take what is left of the function's.
        let (control, ends) = (&Control::default(), last);
        let storing = self.store(attempt, output);
        self.beside_heartbeats(Life { control, ends, ..life }, storing).await
    }

    /// Waits for calls to services. They are dropped where they stand when the attempt must stop: what they leave is named
    /// by nobody.
    async fn beside_heartbeats<R>(
        &self,
        life: Life<'_>,
        calls: impl Future<Output = Result<R, StageError>>,
    ) -> Result<R, StageError> {
        let mut calls = pin!(calls);
        loop {
            tokio::select! {
                done = &mut calls => return done,
                () = tokio::time::sleep(self.heartbeat) => self.beat(life).await,
            }
            if let Some(stopped) = life.stopped() {
                return Err(stopped);
            }
        }
    }

    /// Runs the stage on a thread of its own.
    async fn run_stage(&self, life: Life<'_>, work: Work) -> Result<Output, StageError> {
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
                () = tokio::time::sleep(self.heartbeat) => self.beat(life).await,
            }
        };
        let output = match ended {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(StageError::internal(panic_text(panic.as_ref()))),
            Err(error) => Err(StageError::internal(error)),
        };
        // Whoever was told to stop may fail in many ways, and what came in spite of it is good if only time was up.
        match (output, life.stopped()) {
            (Err(_), Some(stopped)) => Err(stopped),
            (Ok(_), Some(stopped)) if stopped.class == FailureClass::Cancelled => Err(stopped),
            (output, _) => output,
        }
    }

    async fn fetch(&self, attempt: &Attempt, folder: &Path, control: Arc<Control>) -> Result<Work, StageError> {
        let inputs = folder.join("inputs");
        let scratch = folder.join("scratch");
        std::fs::create_dir(&inputs)?;
        std::fs::create_dir(&scratch)?;
        let mut work = Work {
            job: attempt.job.clone(),
            shard: attempt.key.clone(),
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
    async fn beat(&self, life: Life<'_>) {
        let now = self.now();
        if now >= life.ends {
            life.control.stop(Stop::TimeUp);
            return;
        }
        let event = ShardEvent::Heartbeat {
            token: life.attempt.token,
            until: now + LEASE,
            progress: life.control.progress(),
        };
        match self.write(life.attempt, event).await {
            Ok(_) => {}
            Err(LeaseError::Refused(_)) => life.control.stop(Stop::LeaseLost),
            // A heartbeat may be missed; the lease tells how many.
            Err(LeaseError::Cloud(error)) => tracing::warn!(error = error.chain(), "heartbeat missed"),
        }
        match self.conductor.store.job(life.attempt.job.id).await {
            Ok(Some(job)) if job.value.has_ended() => life.control.stop(Stop::Cancelled),
            _ => {}
        }
        self.hold(life.message).await;
    }

    /// Hides the message for as long as the lease: if this process dies, it should come back soon, and not before.
    pub(super) async fn hold(&self, message: &Received) {
        let until = Disposal::Return(Some(LEASE.as_secs() as u32));
        message.put_back(&self.conductor.queues, until).await;
    }

    /// Applies an event to the attempt's shard. If somebody else wrote the row, the event is tried on what they wrote:
    /// the engine refuses it unless this attempt still holds the lease.
    pub(super) async fn write(&self, attempt: &Attempt, event: ShardEvent) -> Result<Versioned<Shard>, LeaseError> {
        let mut row = attempt.row.lock().unwrap_or_else(PoisonError::into_inner).clone();
        loop {
            let next = row.value.apply(event.clone(), self.now())?;
            match self.conductor.store.put_shard(&next, Some(row.version)).await {
                Err(CloudError::Conflict) => {
                    let missing = || CloudError::Missing {
                        what: format!("shard {}", next.key),
                    };
                    row = self.conductor.store.shard(&next.key).await?.ok_or_else(missing)?;
                }
                Ok(row) => {
                    attempt
                        .row
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone_from(&row);
                    return Ok(row);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn store(&self, attempt: &Attempt, output: Output) -> Result<(Vec<Artifact>, serde_json::Value), StageError> {
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
            let key = artifact_key(&attempt.key, attempt.number, file.name);
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
}

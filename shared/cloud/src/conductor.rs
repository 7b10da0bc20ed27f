//! Carries out what the planner says.

use jiff::Timestamp;
use marey_engine::{Command, Failure, FailureClass, Job, JobEvent, JobId, Shard, Snapshot, Task, Workflow, plan};

use crate::{
    CloudError,
    artifacts::{Manifest, StoreArtifacts, manifest_key},
    queues::SendTasks,
    store::WriteJobs,
};

/// Reads a job's rows back, asks the planner, and does what it says.
#[derive(Debug, Clone)]
pub struct Conductor<S, A, Q> {
    /// The jobs table.
    pub store: S,
    /// The artifacts bucket.
    pub artifacts: A,
    /// The queues.
    pub queues: Q,
    /// Who sends, for the messages' metadata.
    pub source: String,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// How a call to [`Conductor::advance`] left the job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advance {
    /// There is no such job.
    NoSuchJob,
    /// It goes on; this many tasks were sent.
    Dispatched(usize),
    /// It has ended.
    Ended,
}

impl<S: WriteJobs, A: StoreArtifacts, Q: SendTasks> Conductor<S, A, Q> {
    /// Does whatever the job needs next. When it returns `Ok`, everything that follows from the rows as they were is
    /// durable; calling it again is harmless.
    ///
    /// # Errors
    /// A service failed: call it again later. Nothing is lost in between, since the rows still say what is needed.
    pub async fn advance(&self, id: JobId) -> Result<Advance, CloudError> {
        loop {
            let Some(snapshot) = self.store.snapshot(id).await? else {
                return Ok(Advance::NoSuchJob);
            };
            if snapshot.job.value.has_ended() {
                return Ok(Advance::Ended);
            }
            match self.carry_out(&snapshot).await {
                // Somebody else wrote the job's row: look again.
                Err(CloudError::Conflict) => {}
                other => return other,
            }
        }
    }

    /// Ends a job that must not run; one that has ended stays as it is.
    ///
    /// # Errors
    /// A service failed: call it again later.
    pub async fn refuse(&self, id: JobId, failure: Failure) -> Result<(), CloudError> {
        loop {
            let Some(snapshot) = self.store.snapshot(id).await? else {
                return Ok(());
            };
            let failure = failure.clone();
            match self.end(&snapshot, JobEvent::Fail { failure }).await {
                Err(CloudError::Conflict) => {}
                other => return other,
            }
        }
    }

    async fn carry_out(&self, snapshot: &Snapshot) -> Result<Advance, CloudError> {
        let job = &snapshot.job.value;
        let Some(workflow) = Workflow::shipped(&job.workflow) else {
            let failure = unknown_workflow(&job.workflow);
            self.end(snapshot, JobEvent::Fail { failure }).await?;
            return Ok(Advance::Ended);
        };
        let mut dispatched = 0;
        for command in plan(&workflow, snapshot) {
            match command {
                Command::Dispatch(key) => {
                    // The message first: a row without a message would wait for ever, a message without a row does not.
                    self.queues
                        .send(&Task::new(job, key.clone(), &self.source, (self.now)()))
                        .await?;
                    match self.store.put_shard(&Shard::queued(key, (self.now)()), None).await {
                        // A worker was faster, or another planner: the row is there.
                        Ok(_) | Err(CloudError::Conflict) => dispatched += 1,
                        Err(error) => return Err(error),
                    }
                }
                Command::Complete => {
                    let manifest = manifest_key(job.id);
                    self.store_manifest(snapshot, &manifest).await?;
                    self.end(snapshot, JobEvent::Complete { manifest }).await?;
                    return Ok(Advance::Ended);
                }
                Command::Fail(failure) => {
                    self.end(snapshot, JobEvent::Fail { failure }).await?;
                    return Ok(Advance::Ended);
                }
            }
        }
        Ok(Advance::Dispatched(dispatched))
    }

    async fn store_manifest(&self, snapshot: &Snapshot, key: &str) -> Result<(), CloudError> {
        let bytes = serde_json::to_vec_pretty(&Manifest::of(snapshot)).map_err(|e| CloudError::Malformed {
            what: "manifest".to_owned(),
            problem: e.to_string(),
        })?;
        self.artifacts.store_bytes(key, "application/json", bytes).await
    }

    async fn end(&self, snapshot: &Snapshot, event: JobEvent) -> Result<(), CloudError> {
        let job: &Job = &snapshot.job.value;
        // The snapshot's job has not ended, so the event applies; a Conflict says that somebody ended it meanwhile.
        let Ok(ended) = job.apply(event, (self.now)()) else {
            return Ok(());
        };
        self.store.put_job(&ended, snapshot.job.version).await?;
        tracing::info!(job = %job.id, trace = %job.trace, state = ?ended.state, "job ended");
        Ok(())
    }
}

/// Why a job ends whose workflow is not one of this deployment.
fn unknown_workflow(name: &str) -> Failure {
    let known: Vec<_> = Workflow::all_shipped()
        .iter()
        .map(|workflow| workflow.name().to_owned())
        .collect();
    Failure {
        code: "WORKFLOW_UNKNOWN".to_owned(),
        message: format!("There is no workflow called {name:?}."),
        hint: format!("Ask for one of these: {}.", known.join(", ")),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

//! Runs one shard.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    Time,
    artifacts::{ReadUploads, StoreArtifacts},
    aws::batch::{BatchName, CONTAINER_MARGIN_S},
    harness::{Disposal, Harness, StageWorkplace},
    lambda,
    queues::{HoldMessages, SendTasks},
    store::{JobsTable, ReadJobs},
};
use marey_engine::{Route, ShardKey, Snapshot, StageSpec, Task, Workflow};

use crate::{
    outcome::{Next, Outcome, next},
    signals::Signals,
    stages::{self, AnyStage},
};

/// No retry waits longer in a container, which costs money meanwhile.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// What is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    key: ShardKey,
    /// The job's round in which it was asked for; a person asks in whatever round it is.
    round: Option<u32>,
}

impl Asked {
    pub(crate) fn by_person(key: ShardKey) -> Self {
        Self { key, round: None }
    }

    pub(crate) fn by_batch(name: &BatchName, index: u32) -> Result<Self> {
        let Some(key) = name.shard(index) else {
            bail!("the Batch job {name} has no shard of index {index}");
        };
        Ok(Self {
            key,
            round: Some(name.round),
        })
    }
}

/// Runs a shard in the deployment that the environment names.
pub(crate) async fn run(asked: &Asked, signals: Signals) -> Result<Outcome> {
    let began = Timestamp::now();
    let (conductor, settings) = lambda::connect("worker")
        .await
        .map_err(anyhow::Error::from_boxed)
        .context("the deployment's settings cannot be read")?;
    let snapshot = match conductor.store.snapshot(asked.key.job).await {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => bail!("there is no job {}", asked.key.job),
        Err(error) => {
            tracing::warn!(error = error.chain(), "job not read");
            return Ok(Outcome::TryAgain);
        }
    };
    let Some(spec) = wanted(asked, &snapshot)? else {
        return Ok(Outcome::Done);
    };
    let stage = stages::build(asked.key.stage.as_str())?;
    let life_s = Route::Batch.timeout_s(&spec).saturating_add(CONTAINER_MARGIN_S);
    let worker = Worker {
        task: task(&snapshot, &asked.key, &conductor.source, began),
        store: conductor.store.clone(),
        harness: Harness::of_stage(stage, conductor, settings.machine, &settings.revision),
        deadline: began + SignedDuration::from_secs(i64::from(life_s)),
        signals,
    };
    Ok(Box::pin(worker.run()).await)
}

/// The stage, if there still is something to do.
fn wanted(asked: &Asked, snapshot: &Snapshot) -> Result<Option<StageSpec>> {
    let job = &snapshot.job.value;
    let workflow = Workflow::shipped(&job.workflow);
    let Some(spec) = workflow.as_ref().and_then(|workflow| workflow.stage(&asked.key.stage)) else {
        bail!("the workflow {} has no stage {}", job.workflow, asked.key.stage);
    };
    if asked.round.is_some_and(|round| round < job.round) {
        tracing::info!(job = %job.id, round = job.round, "nothing to do: the job was retried since");
        return Ok(None);
    }
    Ok(Some(spec.clone()))
}

fn task(snapshot: &Snapshot, key: &ShardKey, source: &str, now: Timestamp) -> Task {
    let shards = snapshot.shard_count(&key.stage).ok().flatten().unwrap_or(1);
    Task::new(&snapshot.job.value, key.clone(), shards, source, now)
}

/// A shard in a container.
struct Worker<S, A, Q, T> {
    task: Task,
    store: S,
    harness: Harness<StageWorkplace<AnyStage, A>, S, A, Q, T>,
    deadline: Timestamp,
    signals: Signals,
}

impl<S, A, Q, T> Worker<S, A, Q, T>
where
    S: JobsTable,
    A: ReadUploads + StoreArtifacts + Clone,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    async fn run(&self) -> Outcome {
        let mut waited = false;
        loop {
            if self.signals.has_come() {
                return Outcome::TryAgain;
            }
            match self.attempt().await {
                Next::End(outcome) => return outcome,
                Next::TryAgainAfter(seconds) => {
                    let wait = Duration::from_secs(u64::from(seconds)).min(LONGEST_WAIT);
                    tracing::info!(wait_s = wait.as_secs(), "worker ends, to be begun again");
                    self.signals.sleep(wait).await;
                    return Outcome::TryAgain;
                }
                // A lease that was extended belongs to an attempt that lives.
                Next::WaitUntil(_) if waited => return Outcome::Done,
                Next::WaitUntil(until) => {
                    waited = true;
                    tracing::info!(%until, "another attempt holds the lease: waiting to see whether it lives");
                    let wait = until.duration_since(Timestamp::now()).as_secs().clamp(0, 120) as u64 + 1;
                    if self.signals.sleep(Duration::from_secs(wait)).await {
                        return Outcome::TryAgain;
                    }
                }
            }
        }
    }

    async fn attempt(&self) -> Next {
        let work = Box::pin(self.harness.run_task(&self.task, self.deadline));
        let interrupt = || {
            tracing::warn!("told to stop: the attempt gives its lease back");
            self.harness.interrupt();
        };
        let disposal = match self.signals.during(work, interrupt).await {
            Ok(disposal) => disposal,
            // The harness has logged it.
            Err(_) => Disposal::Return(Some(5)),
        };
        match self.store.shard(&self.task.payload).await {
            Ok(row) => next(disposal, row.as_ref().map(|row| &row.value), Timestamp::now()),
            Err(error) => {
                tracing::warn!(error = error.chain(), "shard not read");
                Next::TryAgainAfter(5)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use marey_engine::JobId;

    use super::*;

    #[test]
    fn an_array_index_names_a_shard_and_no_other() {
        let name = BatchName {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "pose".parse().unwrap(),
            first: 3,
            count: 2,
            round: 1,
        };
        let asked = Asked::by_batch(&name, 1).unwrap();
        assert_eq!((asked.key.shard, asked.round), (4, Some(1)));
        assert!(
            Asked::by_batch(&name, 2)
                .unwrap_err()
                .to_string()
                .contains("no shard of index 2")
        );
    }
}

//! Carries out what the planner says.

use std::collections::BTreeSet;

use futures_util::{StreamExt, TryStreamExt, stream};
use marey_engine::{
    Command, Failure, FailureClass, Job, JobEvent, JobId, Route, Shard, ShardEvent, ShardKey, ShardState, Snapshot,
    StageSpec, Task, Workflow, plan,
};

use crate::{
    CloudError, RealTime, Time,
    artifacts::{Manifest, StoreArtifacts, manifest_key},
    queues::{BatchWork, SendTasks},
    store::{ReadControls, WriteJobs},
};

/// Reads a job's rows back, asks the planner, and does what it says.
#[derive(Debug, Clone)]
pub struct Conductor<S, A, Q, T = RealTime> {
    /// The jobs table.
    pub store: S,
    /// The artifacts bucket.
    pub artifacts: A,
    /// The queues.
    pub queues: Q,
    /// Who sends, for the messages' metadata.
    pub source: String,
    /// The clock.
    pub time: T,
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

/// So many rows are written at once. A partition of the table takes a thousand writes in a second.
const WRITES_AT_ONCE: usize = 16;

/// Tasks are sent in groups of this size, each followed by its rows: who dies on the way has sent few messages without one.
const TASKS_AT_ONCE: usize = 100;

/// A stage with at most so many shards is planned by everybody who ends one; reading all rows costs less than asking whether
/// somebody else will.
const SMALL_STAGE: u32 = 16;

/// So many siblings are looked at, at the most, for one that has not ended. Of `n` shards one in `k + 1` finds none among `k` and
/// reads all `n` rows, so with the square root of `n` all of them together read a small multiple of `n` times that root.
fn witnesses(shards: u32) -> u32 {
    shards.isqrt().max(4)
}

impl<S: WriteJobs + ReadControls, A: StoreArtifacts, Q: SendTasks, T: Time> Conductor<S, A, Q, T> {
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

    /// Does what follows from the completion of a shard, whose row is written. What follows from a failure must not wait for
    /// the siblings: see [`Conductor::advance`].
    ///
    /// A sibling that has not ended will end after this look, and whoever ends it will look too; the last of them finds no
    /// such witness. So with thousands of shards not everybody reads thousands of rows.
    ///
    /// # Errors
    /// A service failed: call it again later.
    pub async fn advance_after(&self, key: &ShardKey, round: u32, shards: u32) -> Result<(), CloudError> {
        if shards > SMALL_STAGE && self.has_witness(key, round, shards).await? {
            return Ok(());
        }
        self.advance(key.job).await.map(drop)
    }

    async fn has_witness(&self, key: &ShardKey, round: u32, shards: u32) -> Result<bool, CloudError> {
        for _ in 0..witnesses(shards) {
            let number = (self.time.random() % u128::from(shards)) as u32;
            let sibling = ShardKey {
                shard: number,
                ..key.clone()
            };
            if number == key.shard {
                continue;
            }
            // One that has no row yet, or is left over from an earlier round, is being sent by somebody whose own message is not
            // acknowledged before it is. One that is held is no witness: nobody works on it, and whoever lifted the pause may have
            // planned before it was held.
            let is_witness =
                |shard: &Shard| shard.is_left_over(round) || !(shard.has_ended() || shard.state == ShardState::Held);
            if self
                .store
                .shard(&sibling)
                .await?
                .is_none_or(|row| is_witness(&row.value))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn carry_out(&self, snapshot: &Snapshot) -> Result<Advance, CloudError> {
        let job = &snapshot.job.value;
        let Some(workflow) = Workflow::shipped(&job.workflow) else {
            let failure = unknown_workflow(&job.workflow);
            self.end(snapshot, JobEvent::Fail { failure }).await?;
            return Ok(Advance::Ended);
        };
        let controls = self.store.controls().await?;
        let mut dispatched = 0;
        for command in plan(&workflow, snapshot, &controls) {
            match command {
                Command::Dispatch { shards, route } => {
                    if let Some(stage) = shards.first().and_then(|key| workflow.stage(&key.stage)) {
                        self.dispatch(snapshot, stage, &shards, route).await?;
                    }
                    dispatched += shards.len();
                }
                Command::Complete { degraded } => {
                    let manifest = manifest_key(job.id);
                    self.store_manifest(&workflow, snapshot, &manifest).await?;
                    self.end(snapshot, JobEvent::Complete { manifest, degraded }).await?;
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

    /// Sends the tasks of some shards of a stage and writes their rows.
    ///
    /// The message first: a row without a message would wait until the sweeper comes, a message without a row does not.
    ///
    /// # Errors
    /// A service failed; some may have been sent.
    pub async fn dispatch(
        &self,
        snapshot: &Snapshot,
        stage: &StageSpec,
        shards: &[ShardKey],
        route: Route,
    ) -> Result<(), CloudError> {
        let job = &snapshot.job.value;
        for some in shards.chunks(TASKS_AT_ONCE) {
            self.send(snapshot, stage, some, route).await?;
            let rows = some.iter().map(|key| self.write_dispatched(snapshot, key, job.round));
            // Boxed: the futures of SDK calls are large.
            let rows: Vec<_> = rows.map(Box::pin).collect();
            stream::iter(rows)
                .buffer_unordered(WRITES_AT_ONCE)
                .try_collect::<Vec<()>>()
                .await?;
        }
        Ok(())
    }

    /// Sends tasks without writing rows.
    ///
    /// # Errors
    /// A service failed; some may have been sent.
    pub async fn send(
        &self,
        snapshot: &Snapshot,
        stage: &StageSpec,
        shards: &[ShardKey],
        route: Route,
    ) -> Result<(), CloudError> {
        let job = &snapshot.job.value;
        let count = snapshot.shard_count(&stage.name).ok().flatten().unwrap_or(1);
        // What a deployment without Batch is asked to run there runs where it can.
        if route == Route::Queue || !self.queues.has_batch() {
            let task = |key: &ShardKey| Task::new(job, key.clone(), count, &self.source, self.time.now());
            let tasks: Vec<_> = shards.iter().map(task).collect();
            return self.queues.send(&tasks).await;
        }
        for run in consecutive(shards) {
            if let Some(first) = run.first() {
                let work = batch_work(job, stage, first, run.len() as u32);
                self.queues.submit(&work).await?;
            }
        }
        Ok(())
    }

    /// The shards of a stage that AWS Batch has in hand.
    ///
    /// # Errors
    /// A service failed.
    pub async fn in_hand(&self, snapshot: &Snapshot, stage: &StageSpec) -> Result<BTreeSet<u32>, CloudError> {
        if !self.queues.has_batch() {
            return Ok(BTreeSet::new());
        }
        let job = &snapshot.job.value;
        let first = ShardKey {
            job: job.id,
            stage: stage.name.clone(),
            shard: 0,
        };
        self.queues.in_hand(&batch_work(job, stage, &first, 1)).await
    }

    async fn write_dispatched(&self, snapshot: &Snapshot, key: &ShardKey, round: u32) -> Result<(), CloudError> {
        let now = self.time.now();
        let row = snapshot.shards.get(&(key.stage.clone(), key.shard));
        let (shard, version) = match row {
            None => (Shard::queued(key.clone(), round, now), None),
            Some(row) => match row.value.apply(ShardEvent::Dispatch { round }, now) {
                Ok(shard) => (shard, Some(row.version)),
                Err(_) => return Ok(()),
            },
        };
        match self.store.put_shard(&shard, version).await {
            // A worker was faster, or another planner: the row is there.
            Ok(_) | Err(CloudError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn store_manifest(&self, workflow: &Workflow, snapshot: &Snapshot, key: &str) -> Result<(), CloudError> {
        let manifest = Manifest::of(workflow, snapshot);
        let bytes = serde_json::to_vec_pretty(&manifest).map_err(|e| CloudError::Malformed {
            what: "manifest".to_owned(),
            problem: e.to_string(),
        })?;
        self.artifacts.store_bytes(key, "application/json", bytes).await
    }

    async fn end(&self, snapshot: &Snapshot, event: JobEvent) -> Result<(), CloudError> {
        let job: &Job = &snapshot.job.value;
        // The snapshot's job has not ended, so the event applies; a Conflict says that somebody ended it meanwhile.
        let Ok(ended) = job.apply(event, self.time.now()) else {
            return Ok(());
        };
        self.store.put_job(&ended, snapshot.job.version).await?;
        tracing::info!(job = %job.id, trace = %job.trace, state = ?ended.state, "job ended");
        Ok(())
    }
}

/// Shards of a stage as work for AWS Batch.
fn batch_work(job: &Job, stage: &StageSpec, first: &ShardKey, count: u32) -> BatchWork {
    BatchWork {
        first: first.clone(),
        count,
        round: job.round,
        timeout_s: Route::Batch.timeout_s(stage),
        express: job.is_express(),
    }
}

/// Groups of shards that follow each other.
fn consecutive(shards: &[ShardKey]) -> impl Iterator<Item = &[ShardKey]> {
    shards.chunk_by(|a, b| a.shard + 1 == b.shard)
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

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use marey_engine::LeaseToken;

    use super::*;
    use crate::memory::Memory;

    /// A clock that stands, with a die that always falls the same.
    #[derive(Debug, Clone)]
    struct Loaded(u32);

    impl Time for Loaded {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_000)
        }

        async fn sleep(&self, _time: std::time::Duration) {}

        fn random(&self) -> u128 {
            self.0.into()
        }
    }

    /// How often all rows are read by whoever completed shard 0 of 20, when the sibling that is asked is in a state.
    async fn looks(events: &[ShardEvent]) -> u32 {
        let memory = Memory::default();
        let (job, stages) = crate::store::contract::new_job("default", 0);
        memory.create(&job, &stages).await.unwrap();
        let key = |shard| ShardKey {
            job: job.id,
            stage: "pose".parse().unwrap(),
            shard,
        };
        let time = Loaded(7);
        let mut sibling = Shard::queued(key(7), 0, time.now());
        for event in events {
            sibling = sibling.apply(event.clone(), time.now()).unwrap();
        }
        memory.put_shard(&sibling, None).await.unwrap();
        let conductor = Conductor {
            store: memory.clone(),
            artifacts: memory.clone(),
            queues: memory.clone(),
            source: "test".to_owned(),
            time,
        };
        conductor.advance_after(&key(0), 0, 20).await.unwrap();
        memory.calls("snapshot")
    }

    #[tokio::test]
    async fn planning_is_left_only_to_a_sibling_on_which_somebody_works() {
        let lease = ShardEvent::Lease {
            token: LeaseToken(uuid::Uuid::from_u128(1)),
            until: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000_060),
            max_attempts: 3,
        };
        assert_eq!(looks(&[]).await, 0, "a message asks for it");
        assert_eq!(looks(&[lease]).await, 0, "an attempt runs");
        assert!(looks(&[ShardEvent::Hold]).await > 0, "nobody works on what is held");
        assert!(looks(&[ShardEvent::Cancel]).await > 0, "nor on what has ended");
    }

    #[test]
    fn only_shards_that_follow_each_other_make_one_array() {
        let key = |shard| ShardKey {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "pose".parse().unwrap(),
            shard,
        };
        let shards: Vec<_> = [0, 1, 2, 5, 7, 8].map(key).to_vec();
        let groups: Vec<Vec<u32>> = consecutive(&shards)
            .map(|run| run.iter().map(|key| key.shard).collect())
            .collect();
        assert_eq!(groups, [vec![0, 1, 2], vec![5], vec![7, 8]]);
    }
}

//! The ports in memory: for tests of the harness and of functions, under the same contract as the real ones.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use marey_engine::{Artifact, Job, JobId, Shard, ShardKey, Snapshot, StageRow, Task, Upload, Versioned};

use crate::{
    CloudError,
    artifacts::{ReadUploads, StoreArtifacts},
    queues::{HoldMessages, ParkMessages, SendTasks},
    store::{Creation, FailureRecord, JobPage, ReadJobs, WriteJobs},
};

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<JobId, Snapshot>,
    failures: BTreeMap<(JobId, String), FailureRecord>,
    objects: BTreeMap<String, Vec<u8>>,
    sent: VecDeque<Task>,
    hidden: Vec<(String, u32)>,
    parked: Vec<String>,
    refuse: BTreeSet<&'static str>,
    slow: BTreeMap<&'static str, Duration>,
}

/// Table, buckets and queues in one value; clones share their content.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<State>>);

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every later call of an operation fail until [`Memory::recover`]: `put_shard`, `put_job`, `send`,
    /// `store_file`, `snapshot` or `fetch`.
    pub fn break_down(&self, operation: &'static str) {
        self.state().refuse.insert(operation);
    }

    /// Lets every operation succeed again.
    pub fn recover(&self) {
        self.state().refuse.clear();
    }

    /// Makes every later call of `fetch` or `store_file` take this long.
    pub fn slow_down(&self, operation: &'static str, time: Duration) {
        self.state().slow.insert(operation, time);
    }

    async fn pause(&self, operation: &'static str) {
        let time = self.state().slow.get(operation).copied();
        if let Some(time) = time {
            tokio::time::sleep(time).await;
        }
    }

    fn working(&self, operation: &'static str) -> Result<MutexGuard<'_, State>, CloudError> {
        let state = self.state();
        if state.refuse.contains(operation) {
            return Err(CloudError::service(operation, "broken down on purpose"));
        }
        Ok(state)
    }

    /// Takes the oldest task that was sent.
    pub fn receive(&self) -> Option<Task> {
        self.state().sent.pop_front()
    }

    /// Puts an object where uploads and artifacts are read from.
    pub fn put_object(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.state().objects.insert(key.to_owned(), bytes.into());
    }

    /// An object's content.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.state().objects.get(key).cloned()
    }

    /// The receipts that were hidden, and for how many seconds.
    pub fn hidden(&self) -> Vec<(String, u32)> {
        self.state().hidden.clone()
    }

    /// The messages that were parked.
    pub fn parked(&self) -> Vec<String> {
        self.state().parked.clone()
    }
}

impl ReadJobs for Memory {
    async fn job(&self, id: JobId) -> Result<Option<Versioned<Job>>, CloudError> {
        Ok(self.working("job")?.jobs.get(&id).map(|rows| rows.job.clone()))
    }

    async fn snapshot(&self, id: JobId) -> Result<Option<Snapshot>, CloudError> {
        Ok(self.working("snapshot")?.jobs.get(&id).cloned())
    }

    async fn list(&self, owner: &str, limit: u32, cursor: Option<&str>) -> Result<JobPage, CloudError> {
        let state = self.working("list")?;
        let mut jobs: Vec<_> = state
            .jobs
            .values()
            .map(|rows| rows.job.value.clone())
            .filter(|job| job.owner == owner)
            .collect();
        jobs.sort_by_key(|job| std::cmp::Reverse((job.created_at, job.id)));
        let start = match cursor {
            Some(id) => jobs
                .iter()
                .position(|job| job.id.to_string() == id)
                .map_or(jobs.len(), |at| at + 1),
            None => 0,
        };
        let mut page = jobs.split_off(start.min(jobs.len()));
        let more = page.len() > limit as usize;
        page.truncate(limit as usize);
        let next = page.last().filter(|_| more).map(|job| job.id.to_string());
        Ok(JobPage { jobs: page, next })
    }

    async fn failures(&self, id: JobId) -> Result<Vec<FailureRecord>, CloudError> {
        let state = self.working("failures")?;
        let mut found: Vec<_> = state
            .failures
            .values()
            .filter(|record| record.job == id)
            .cloned()
            .collect();
        found.sort_by_key(|record| record.at);
        Ok(found)
    }
}

/// The next version of a row, if the write was decided on the row as it is.
fn next_version(current: Option<u64>, expected: Option<u64>) -> Result<u64, CloudError> {
    if current == expected {
        Ok(expected.unwrap_or(0) + 1)
    } else {
        Err(CloudError::Conflict)
    }
}

impl WriteJobs for Memory {
    async fn create(&self, job: &Job, stages: &[StageRow]) -> Result<Creation, CloudError> {
        let mut state = self.working("create")?;
        if state.jobs.contains_key(&job.id) {
            return Ok(Creation::Existed);
        }
        let stages = stages.iter().map(|row| (row.stage.clone(), row.clone())).collect();
        let job_row = Versioned {
            value: job.clone(),
            version: 1,
        };
        state.jobs.insert(
            job.id,
            Snapshot {
                job: job_row,
                stages,
                shards: BTreeMap::new(),
            },
        );
        Ok(Creation::Created)
    }

    async fn shard(&self, key: &ShardKey) -> Result<Option<Versioned<Shard>>, CloudError> {
        let state = self.working("shard")?;
        let rows = state.jobs.get(&key.job);
        Ok(rows.and_then(|rows| rows.shards.get(&(key.stage.clone(), key.shard)).cloned()))
    }

    async fn put_shard(&self, shard: &Shard, version: Option<u64>) -> Result<Versioned<Shard>, CloudError> {
        let mut state = self.working("put_shard")?;
        let missing = || CloudError::Missing {
            what: format!("job {}", shard.key.job),
        };
        let rows = state.jobs.get_mut(&shard.key.job).ok_or_else(missing)?;
        let place = (shard.key.stage.clone(), shard.key.shard);
        let version = next_version(rows.shards.get(&place).map(|row| row.version), version)?;
        let row = Versioned {
            value: shard.clone(),
            version,
        };
        rows.shards.insert(place, row.clone());
        Ok(row)
    }

    async fn put_job(&self, job: &Job, version: u64) -> Result<Versioned<Job>, CloudError> {
        let mut state = self.working("put_job")?;
        let missing = || CloudError::Missing {
            what: format!("job {}", job.id),
        };
        let rows = state.jobs.get_mut(&job.id).ok_or_else(missing)?;
        let version = next_version(Some(rows.job.version), Some(version))?;
        rows.job = Versioned {
            value: job.clone(),
            version,
        };
        Ok(rows.job.clone())
    }

    async fn record_failure(&self, record: &FailureRecord) -> Result<(), CloudError> {
        let key = (record.job, record.id.clone());
        self.working("record_failure")?
            .failures
            .entry(key)
            .or_insert_with(|| record.clone());
        Ok(())
    }
}

impl ReadUploads for Memory {
    async fn fetch_upload(&self, upload: &Upload, to: &Path) -> Result<(), CloudError> {
        self.fetch(&upload.key, to).await
    }
}

impl StoreArtifacts for Memory {
    async fn fetch(&self, key: &str, to: &Path) -> Result<(), CloudError> {
        self.pause("fetch").await;
        let bytes = self.working("fetch")?.objects.get(key).cloned();
        let bytes = bytes.ok_or_else(|| CloudError::Missing { what: key.to_owned() })?;
        std::fs::write(to, bytes).map_err(|e| CloudError::service("write file", e))
    }

    async fn store_file(&self, artifact: &Artifact, from: &Path) -> Result<(), CloudError> {
        self.pause("store_file").await;
        let bytes = std::fs::read(from).map_err(|e| CloudError::service("read file", e))?;
        self.working("store_file")?.objects.insert(artifact.key.clone(), bytes);
        Ok(())
    }

    async fn store_bytes(&self, key: &str, _content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        self.working("store_bytes")?.objects.insert(key.to_owned(), bytes);
        Ok(())
    }
}

impl SendTasks for Memory {
    async fn send(&self, task: &Task) -> Result<(), CloudError> {
        self.working("send")?.sent.push_back(task.clone());
        Ok(())
    }
}

impl HoldMessages for Memory {
    async fn hide(&self, _queue: &str, receipt: &str, seconds: u32) -> Result<(), CloudError> {
        self.working("hide")?.hidden.push((receipt.to_owned(), seconds));
        Ok(())
    }
}

impl ParkMessages for Memory {
    async fn park(&self, body: &str, _from_queue: &str) -> Result<(), CloudError> {
        self.working("park")?.parked.push(body.to_owned());
        Ok(())
    }
}

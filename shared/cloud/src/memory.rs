//! The ports in memory: for tests of the harness and of functions, under the same contract as the real ones.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use marey_engine::{
    Artifact, Control, Job, JobId, Scope, Shard, ShardKey, Snapshot, StageName, StageRow, Task, Upload, Versioned,
};

use crate::{
    CloudError,
    artifacts::{DeleteArtifacts, ReadUploads, StoreArtifacts},
    aws::batch::BatchName,
    queues::{BatchWork, EndBatchJobs, HoldMessages, ParkMessages, SendTasks, WaitingBatchJob},
    store::{
        ApiKey, Batch, BatchItem, Bookmark, Creation, FailureRecord, JobPage, KeepBookmarks, KeepMemos, KeepPulses,
        Memo, Pulse, ReadControls, ReadJobs, RunningPage, WriteControls, WriteJobs, place,
    },
    uploads::{not_unpacked, unpacking},
};

mod operators;
mod records;

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<JobId, Snapshot>,
    failures: BTreeMap<(JobId, String), FailureRecord>,
    objects: BTreeMap<String, Vec<u8>>,
    sent: VecDeque<Task>,
    submitted: Option<Vec<BatchWork>>,
    /// What was submitted to AWS Batch, and the shards whose containers have not ended.
    batch_jobs: Vec<(BatchName, BTreeSet<u32>)>,
    batch_asked: u32,
    resting: BTreeMap<String, Vec<String>>,
    calls: BTreeMap<&'static str, u32>,
    controls: BTreeMap<Scope, Versioned<Control>>,
    pulses: BTreeMap<String, Pulse>,
    memos: BTreeMap<String, Memo>,
    bookmarks: BTreeMap<String, Bookmark>,
    deleted: BTreeSet<JobId>,
    hidden: Vec<(String, u32)>,
    parked: Vec<String>,
    /// Parked messages with the queue each came from; those that were forgotten leave a gap.
    parked_from: Vec<Option<(String, String)>>,
    received_parked: usize,
    sent_back: Vec<(String, String)>,
    limits: BTreeMap<StageName, Option<u32>>,
    batches: BTreeMap<marey_engine::BatchId, (Versioned<Batch>, Vec<BatchItem>)>,
    keys: BTreeMap<String, Versioned<ApiKey>>,
    refuse: BTreeSet<&'static str>,
    garbled: BTreeSet<&'static str>,
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

    /// Makes every later call of an operation find what a newer version wrote, until [`Memory::recover`].
    pub fn garble(&self, operation: &'static str) {
        self.state().garbled.insert(operation);
    }

    /// Lets every operation succeed again.
    pub fn recover(&self) {
        let mut state = self.state();
        state.refuse.clear();
        state.garbled.clear();
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
        let mut state = self.state();
        *state.calls.entry(operation).or_default() += 1;
        if state.refuse.contains(operation) {
            return Err(CloudError::service(operation, "broken down on purpose"));
        }
        if state.garbled.contains(operation) {
            return Err(CloudError::Malformed {
                what: "row".to_owned(),
                problem: "garbled on purpose".to_owned(),
            });
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

    /// Lets work be submitted to AWS Batch from now on.
    pub fn offer_batch(&self) {
        self.state().submitted.get_or_insert_default();
    }

    /// The work that was submitted to AWS Batch.
    pub fn submitted(&self) -> Vec<BatchWork> {
        self.state().submitted.clone().unwrap_or_default()
    }

    /// Lets the containers of a shard end, as far as AWS Batch is concerned.
    pub fn end_containers(&self, key: &ShardKey) {
        for (name, shards) in &mut self.state().batch_jobs {
            if name.job == key.job && name.stage == key.stage {
                shards.remove(&key.shard);
            }
        }
    }

    /// How often AWS Batch was asked what it has in hand.
    pub fn batch_asked(&self) -> u32 {
        self.state().batch_asked
    }

    /// How often an operation was asked for.
    pub fn calls(&self, operation: &str) -> u32 {
        self.state().calls.get(operation).copied().unwrap_or_default()
    }

    /// The keys of all objects.
    pub fn object_keys(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
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

    async fn snapshot_for(&self, key: &ShardKey, stages: &[StageName]) -> Result<Option<Snapshot>, CloudError> {
        let mut found = self.working("snapshot")?.jobs.get(&key.job).cloned();
        if let Some(snapshot) = &mut found {
            let own = (key.stage.clone(), key.shard);
            snapshot
                .shards
                .retain(|place, _| *place == own || stages.contains(&place.0));
        }
        Ok(found)
    }

    async fn running(&self, express: bool, limit: u32, cursor: Option<&str>) -> Result<RunningPage, CloudError> {
        let state = self.working("running")?;
        let mut places: Vec<_> = running(&state.jobs, express).collect();
        places.sort();
        places.retain(|place| cursor.is_none_or(|cursor| place.0.as_str() > cursor));
        let more = places.len() > limit as usize;
        places.truncate(limit as usize);
        let next = places.last().filter(|_| more).map(|place| place.0.clone());
        let jobs = places.into_iter().map(|place| place.1).collect();
        Ok(RunningPage { jobs, next })
    }

    async fn ahead_of(&self, job: &Job) -> Result<u64, CloudError> {
        let state = self.working("ahead_of")?;
        let own = place(job.created_at, job.id);
        Ok(running(&state.jobs, job.is_express())
            .filter(|place| place.0 < own)
            .count() as u64)
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

fn running(jobs: &BTreeMap<JobId, Snapshot>, express: bool) -> impl Iterator<Item = (String, JobId)> {
    let jobs = jobs.values().map(|rows| &rows.job.value);
    jobs.filter(move |job| !job.has_ended() && job.is_express() == express)
        .map(|job| (place(job.created_at, job.id), job.id))
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

    async fn delete_job(&self, id: JobId) -> Result<(), CloudError> {
        let mut state = self.working("delete_job")?;
        if state.jobs.remove(&id).is_some() {
            state.deleted.insert(id);
        }
        state.failures.retain(|(job, _), _| *job != id);
        Ok(())
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

impl ReadControls for Memory {
    async fn control_rows(&self) -> Result<Vec<Versioned<Control>>, CloudError> {
        Ok(self.working("control_rows")?.controls.values().cloned().collect())
    }
}

impl WriteControls for Memory {
    async fn put_control(&self, control: &Control, version: Option<u64>) -> Result<Versioned<Control>, CloudError> {
        let mut state = self.working("put_control")?;
        let version = next_version(state.controls.get(&control.scope).map(|row| row.version), version)?;
        let row = Versioned {
            value: control.clone(),
            version,
        };
        state.controls.insert(control.scope.clone(), row.clone());
        Ok(row)
    }
}

impl KeepPulses for Memory {
    async fn put_pulse(&self, pulse: &Pulse) -> Result<(), CloudError> {
        let mut state = self.working("put_pulse")?;
        state.pulses.insert(pulse.worker.clone(), pulse.clone());
        Ok(())
    }

    async fn pulses(&self, stage: &StageName) -> Result<Vec<Pulse>, CloudError> {
        let state = self.working("pulses")?;
        Ok(state
            .pulses
            .values()
            .filter(|pulse| pulse.stage == *stage)
            .cloned()
            .collect())
    }
}

impl KeepMemos for Memory {
    async fn memo(&self, inputs: &str) -> Result<Option<Memo>, CloudError> {
        Ok(self.working("memo")?.memos.get(inputs).cloned())
    }

    async fn put_memo(&self, memo: &Memo) -> Result<(), CloudError> {
        self.working("put_memo")?
            .memos
            .insert(memo.inputs.clone(), memo.clone());
        Ok(())
    }
}

impl KeepBookmarks for Memory {
    async fn bookmark(&self, name: &str) -> Result<Option<Bookmark>, CloudError> {
        Ok(self.working("bookmark")?.bookmarks.get(name).cloned())
    }

    async fn put_bookmark(&self, bookmark: &Bookmark) -> Result<(), CloudError> {
        self.working("put_bookmark")?
            .bookmarks
            .insert(bookmark.name.clone(), bookmark.clone());
        Ok(())
    }

    async fn was_deleted(&self, job: JobId) -> Result<bool, CloudError> {
        Ok(self.working("was_deleted")?.deleted.contains(&job))
    }
}

impl DeleteArtifacts for Memory {
    async fn delete_some(&self, job: JobId) -> Result<u64, CloudError> {
        let mut state = self.working("delete_some")?;
        let prefix = crate::artifacts::job_prefix(job);
        let keys = state.objects.keys().filter(|key| key.starts_with(&prefix));
        let keys: Vec<_> = keys.take(1000).cloned().collect();
        for key in &keys {
            state.objects.remove(key);
        }
        Ok(keys.len() as u64)
    }
}

impl ReadUploads for Memory {
    async fn fetch_upload(&self, upload: &Upload, to: &Path) -> Result<(), CloudError> {
        self.fetch(&upload.key, to).await?;
        let Some(member) = &upload.member else { return Ok(()) };
        let archive = std::fs::read(to).map_err(|e| CloudError::service("read file", e))?;
        let (range, mut unpacker) = unpacking(member, upload.bytes);
        let packed = archive
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default();
        let pushed = unpacker.push(packed).and_then(|()| unpacker.finish());
        let video = pushed.map_err(|error| not_unpacked(upload, error))?;
        std::fs::write(to, video).map_err(|e| CloudError::service("write file", e))
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

    async fn copy(&self, from: &Artifact, to: &str) -> Result<(), CloudError> {
        let mut state = self.working("copy")?;
        let missing = || CloudError::Missing { what: from.key.clone() };
        let bytes = state.objects.get(&from.key).cloned().ok_or_else(missing)?;
        state.objects.insert(to.to_owned(), bytes);
        Ok(())
    }

    async fn store_bytes(&self, key: &str, _content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        self.working("store_bytes")?.objects.insert(key.to_owned(), bytes);
        Ok(())
    }
}

impl SendTasks for Memory {
    async fn send(&self, tasks: &[Task]) -> Result<(), CloudError> {
        self.working("send")?.sent.extend(tasks.iter().cloned());
        Ok(())
    }

    async fn submit(&self, work: &BatchWork) -> Result<(), CloudError> {
        let mut state = self.working("submit")?;
        let missing = || CloudError::Missing {
            what: "a Batch queue".to_owned(),
        };
        state.submitted.as_ref().ok_or_else(missing)?;
        let name = BatchName::of(work);
        for part in name.but(&batch_shards(&state.batch_jobs, &name)) {
            let work = BatchWork {
                count: part.count,
                first: ShardKey {
                    shard: part.first,
                    ..work.first.clone()
                },
                ..work.clone()
            };
            state
                .batch_jobs
                .push((part.clone(), part.shards().map(|key| key.shard).collect()));
            state.submitted.get_or_insert_default().push(work);
        }
        Ok(())
    }

    fn has_batch(&self) -> bool {
        self.state().submitted.is_some()
    }

    async fn in_hand(&self, work: &BatchWork) -> Result<BTreeSet<u32>, CloudError> {
        let mut state = self.working("in_hand")?;
        state.batch_asked += 1;
        Ok(batch_shards(&state.batch_jobs, &BatchName::of(work)))
    }
}

/// The shards whose containers have not ended, of the job, stage and round of a Batch job.
fn batch_shards(jobs: &[(BatchName, BTreeSet<u32>)], name: &BatchName) -> BTreeSet<u32> {
    let same = jobs.iter().filter(|(other, _)| other.is_of_the_same_stage(name));
    same.flat_map(|(_, shards)| shards.iter().copied()).collect()
}

impl EndBatchJobs for Memory {
    async fn batch_jobs(&self) -> Result<Vec<WaitingBatchJob>, CloudError> {
        let state = self.working("batch_jobs")?;
        let jobs = state.batch_jobs.iter().filter(|(_, shards)| !shards.is_empty());
        Ok(jobs
            .map(|(name, _)| WaitingBatchJob {
                id: name.to_string(),
                name: name.clone(),
            })
            .collect())
    }

    async fn end_batch_job(&self, id: &str, _reason: &str) -> Result<(), CloudError> {
        let mut state = self.working("end_batch_job")?;
        let ended = state.batch_jobs.iter_mut().filter(|(name, _)| name.to_string() == id);
        ended.for_each(|(_, shards)| shards.clear());
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
    async fn park(&self, body: &str, from_queue: &str) -> Result<(), CloudError> {
        let mut state = self.working("park")?;
        state.parked.push(body.to_owned());
        state.parked_from.push(Some((body.to_owned(), from_queue.to_owned())));
        Ok(())
    }
}

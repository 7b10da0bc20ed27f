//! The jobs table as the world has it: strongly consistent rows with versions, an index that is seconds old, and the
//! invariants that every write must keep.

use std::collections::BTreeMap;

use marey_cloud::{
    CloudError,
    store::{
        Bookmark, Creation, FailureRecord, JobPage, KeepBookmarks, KeepMemos, KeepPulses, Memo, Pulse, ReadControls,
        ReadJobs, RunningPage, WriteControls, WriteJobs, place,
    },
};
use marey_engine::{
    Control, Job, JobId, JobState, Shard, ShardKey, ShardState, Snapshot, StageName, StageRow, Versioned,
};

use crate::{
    clock::TaskId,
    fault::Planted,
    invariants,
    ledger::JobRows,
    world::{Call, Caller, State, World},
};

/// The index of running jobs shows a change after so long, at the most.
const INDEX_LAG_US: u64 = 2_000_000;

/// The version after a write, if it was decided on the row as it is.
fn next_version(current: Option<u64>, expected: Option<u64>, is_fenced: bool) -> Result<u64, CloudError> {
    if current == expected || !is_fenced {
        Ok(current.unwrap_or(0) + 1)
    } else {
        Err(CloudError::Conflict)
    }
}

fn missing(what: &str) -> CloudError {
    CloudError::Missing { what: what.to_owned() }
}

impl State {
    /// All of a job's rows as a reader sees them.
    fn seen(&mut self, id: JobId, caller: &Caller) -> Option<Snapshot> {
        let skips = self.has(Planted::SkipPlan);
        let (stale, dirty) = (self.has(Planted::StaleSnapshot), self.has(Planted::DirtyReads));
        let process = self.processes.get_mut(&caller.task);
        if let Some(process) = process {
            process.looked = Some((id, caller.now_us));
            if skips && process.has_completed {
                return None;
            }
        }
        let job = self.jobs.get_mut(&id)?;
        job.looks += 1;
        self.tally.row_reads += 1 + job.rows.stages.len() as u64 + job.shards();
        let mut rows = job.rows.clone();
        if stale
            && let Some((at_us, old)) = &job.old
            && at_us + 3_000_000 > caller.now_us
        {
            rows = old.clone();
        }
        if dirty {
            for row in rows.shards.values_mut() {
                if let ShardState::Running { since, .. } = &row.value.state {
                    row.value.state = ShardState::Completed {
                        at: *since,
                        run_ms: 0,
                        artifacts: Vec::new(),
                        reused: false,
                    };
                    row.value.facts = serde_json::json!({"shards": 1});
                }
            }
        }
        Some(rows)
    }

    /// Whether a process runs a stage.
    fn runs_stage(&self, task: TaskId) -> bool {
        self.processes
            .get(&task)
            .is_some_and(|process| process.name.starts_with("stage"))
    }

    fn settle_index(&mut self, now_us: u64) {
        let changes = std::mem::take(&mut self.index_changes);
        for (at_us, id, runs) in changes {
            if at_us > now_us {
                self.index_changes.push((at_us, id, runs));
            } else if runs {
                self.index.insert(id);
            } else {
                self.index.remove(&id);
            }
        }
    }

    /// An index follows late, and comes to what the table says in the end: no change of a row overtakes a later one of it.
    fn change_index(&mut self, id: JobId, runs: bool, caller: &Caller) {
        let lag_us = caller.world.clock.roll(|chance| chance.below(INDEX_LAG_US));
        let earlier = self.index_changes.iter().filter(|(_, of, _)| *of == id);
        let earlier_us = earlier.map(|(at_us, ..)| *at_us).max().unwrap_or(0);
        let at_us = earlier_us.max(caller.now_us + lag_us);
        self.index_changes.push((at_us, id, runs));
    }

    /// Writes a shard's row and looks whether that was right.
    fn write_shard(&mut self, shard: &Shard, version: u64, caller: &Caller) -> Versioned<Shard> {
        let place = (shard.key.stage.clone(), shard.key.shard);
        let old = self
            .jobs
            .get(&shard.key.job)
            .and_then(|job| job.rows.shards.get(&place).cloned());
        invariants::on_shard_write(self, old.as_ref().map(|row| &row.value), shard, caller);
        let keeps_old = self.has(Planted::StaleSnapshot);
        let row = Versioned {
            value: shard.clone(),
            version,
        };
        if let Some(job) = self.jobs.get_mut(&shard.key.job) {
            if keeps_old {
                job.old = Some((caller.now_us, job.rows.clone()));
            }
            job.change = (caller.now_us, caller.task);
            job.rows.shards.insert(place, row.clone());
        }
        row
    }
}

impl ReadJobs for World {
    async fn job(&self, id: JobId) -> Result<Option<Versioned<Job>>, CloudError> {
        self.call(
            Call::Job,
            || id.to_string(),
            |state, caller| {
                state.tally.row_reads += 1;
                let blind = state.has(Planted::CancelUnseen) && state.runs_stage(caller.task);
                let mut found = state.jobs.get(&id).map(|job| job.rows.job.clone());
                if blind && let Some(job) = &mut found {
                    job.value.state = JobState::Running;
                }
                Ok(found)
            },
        )
        .await
    }

    async fn snapshot(&self, id: JobId) -> Result<Option<Snapshot>, CloudError> {
        self.call(
            Call::Snapshot,
            || id.to_string(),
            |state, caller| Ok(state.seen(id, caller)),
        )
        .await
    }

    async fn snapshot_for(&self, key: &ShardKey, stages: &[StageName]) -> Result<Option<Snapshot>, CloudError> {
        self.call(
            Call::SnapshotFor,
            || key.to_string(),
            |state, _| {
                let Some(job) = state.jobs.get(&key.job) else {
                    return Ok(None);
                };
                let rows = &job.rows;
                let own = (key.stage.clone(), key.shard);
                let mut shards = BTreeMap::new();
                for stage in stages {
                    let range = (stage.clone(), 0)..=(stage.clone(), u32::MAX);
                    shards.extend(
                        rows.shards
                            .range(range)
                            .map(|(place, row)| (place.clone(), row.clone())),
                    );
                }
                if let Some(row) = rows.shards.get(&own) {
                    shards.insert(own, row.clone());
                }
                state.tally.row_reads += 1 + rows.stages.len() as u64 + shards.len() as u64;
                let (job, stages) = (rows.job.clone(), rows.stages.clone());
                Ok(Some(Snapshot { job, stages, shards }))
            },
        )
        .await
    }

    async fn running(&self, express: bool, limit: u32, cursor: Option<&str>) -> Result<RunningPage, CloudError> {
        self.call(Call::Running, String::new, |state, caller| {
            state.settle_index(caller.now_us);
            let places = state.index.iter().filter_map(|id| {
                let job = &state.jobs.get(id)?.rows.job.value;
                (job.is_express() == express).then(|| (place(job.created_at, id), *id))
            });
            let mut places: Vec<_> = places.collect();
            places.sort();
            places.retain(|place| cursor.is_none_or(|cursor| place.0.as_str() > cursor));
            let more = places.len() > limit as usize;
            places.truncate(limit as usize);
            let next = places.last().filter(|_| more).map(|place| place.0.clone());
            let jobs = places.into_iter().map(|place| place.1).collect();
            Ok(RunningPage { jobs, next })
        })
        .await
    }

    async fn ahead_of(&self, _job: &Job) -> Result<u64, CloudError> {
        Ok(0)
    }

    async fn list(&self, owner: &str, _limit: u32, _cursor: Option<&str>) -> Result<JobPage, CloudError> {
        let state = self.state();
        let jobs = state.jobs.values().map(|job| job.rows.job.value.clone());
        let jobs = jobs.filter(|job| job.owner == owner).collect();
        Ok(JobPage { jobs, next: None })
    }

    async fn failures(&self, _id: JobId) -> Result<Vec<FailureRecord>, CloudError> {
        Ok(Vec::new())
    }
}

impl WriteJobs for World {
    async fn create(&self, job: &Job, stages: &[StageRow]) -> Result<Creation, CloudError> {
        self.call(
            Call::Create,
            || job.id.to_string(),
            |state, caller| {
                if state.jobs.contains_key(&job.id) {
                    return Ok(Creation::Existed);
                }
                let stages = stages.iter().map(|row| (row.stage.clone(), row.clone())).collect();
                let rows = Snapshot {
                    job: Versioned {
                        value: job.clone(),
                        version: 1,
                    },
                    stages,
                    shards: BTreeMap::new(),
                };
                state
                    .jobs
                    .insert(job.id, JobRows::new(rows, caller.now_us, caller.task));
                state.change_index(job.id, true, caller);
                Ok(Creation::Created)
            },
        )
        .await
    }

    async fn shard(&self, key: &ShardKey) -> Result<Option<Versioned<Shard>>, CloudError> {
        self.call(
            Call::Shard,
            || key.to_string(),
            |state, _| {
                state.tally.row_reads += 1;
                let rows = state.jobs.get(&key.job).map(|job| &job.rows);
                Ok(rows.and_then(|rows| rows.shards.get(&(key.stage.clone(), key.shard)).cloned()))
            },
        )
        .await
    }

    async fn put_shard(&self, shard: &Shard, version: Option<u64>) -> Result<Versioned<Shard>, CloudError> {
        let what = || format!("{} {} over {version:?}", shard.key, invariants::told(shard));
        self.call(Call::PutShard, what, |state, caller| {
            put_shard(state, shard, version, caller)
        })
        .await
    }

    async fn put_job(&self, job: &Job, version: u64) -> Result<Versioned<Job>, CloudError> {
        let what = || format!("{} round {} {:?} over {version}", job.id, job.round, job.state);
        self.call(Call::PutJob, what, |state, caller| {
            let fenced = !state.has(Planted::SkipJobFence);
            let rows = state.jobs.get(&job.id).ok_or_else(|| missing("job"))?;
            let old = rows.rows.job.clone();
            if old.value == *job && old.version == version + 1 {
                return Ok(old);
            }
            let version = next_version(Some(old.version), Some(version), fenced)?;
            invariants::on_job_write(state, &old.value, job, caller);
            let row = Versioned {
                value: job.clone(),
                version,
            };
            if let Some(rows) = state.jobs.get_mut(&job.id) {
                rows.change = (caller.now_us, caller.task);
                rows.ended_us = job.has_ended().then_some(caller.now_us);
                if job.has_ended() {
                    rows.ends.push(job.state.clone());
                }
                rows.rows.job = row.clone();
            }
            if old.value.has_ended() != job.has_ended() {
                state.change_index(job.id, !job.has_ended(), caller);
            }
            Ok(row)
        })
        .await
    }

    async fn delete_job(&self, _id: JobId) -> Result<(), CloudError> {
        Ok(())
    }

    async fn record_failure(&self, record: &FailureRecord) -> Result<(), CloudError> {
        let what = || format!("{} {}", record.id, record.failure.code);
        self.call(Call::RecordFailure, what, |_, _| Ok(())).await
    }
}

fn put_shard(
    state: &mut State,
    shard: &Shard,
    version: Option<u64>,
    caller: &Caller,
) -> Result<Versioned<Shard>, CloudError> {
    let place = (shard.key.stage.clone(), shard.key.shard);
    let fenced = !state.has(Planted::SkipFence);
    let rows = state.jobs.get(&shard.key.job).ok_or_else(|| missing("job"))?;
    let old = rows.rows.shards.get(&place);
    if let Some(old) = old
        && old.value == *shard
        && Some(old.version) == version.map(|version| version + 1)
    {
        return Ok(old.clone());
    }
    let version = next_version(old.map(|row| row.version), version, fenced)?;
    let mut shard = shard.clone();
    let completes = shard.is_complete();
    if completes && let Some(process) = state.processes.get_mut(&caller.task) {
        process.has_completed = true;
    }
    match state.options.planted {
        Some(Planted::ForgetCompletion) if completes && caller.world.clock.roll(|chance| chance.happens(0.2)) => {
            let value = shard;
            return Ok(Versioned { value, version });
        }
        Some(Planted::PlanBeforeCommit) if completes => {
            let (world, later, value) = (caller.clone(), caller.now_us + 4_000_000, shard.clone());
            caller.world.clock.at(later, move || {
                let mut state = world.world.state();
                let now = Caller {
                    now_us: later,
                    ..world.clone()
                };
                state.write_shard(&value, version, &now);
            });
            let value = shard;
            return Ok(Versioned { value, version });
        }
        Some(Planted::ForgetAttempts) => shard.earlier_attempts = shard.attempt,
        Some(Planted::OrphanRows) if shard.attempt == 1 => shard.key.shard += 7,
        Some(Planted::EternalLease) => {
            if let ShardState::Running { lease, .. } = &mut shard.state {
                lease.until += jiff::SignedDuration::from_hours(48);
            }
        }
        _ => {}
    }
    Ok(state.write_shard(&shard, version, caller))
}

impl ReadControls for World {
    async fn control_rows(&self) -> Result<Vec<Versioned<Control>>, CloudError> {
        self.call(Call::Controls, String::new, |state, caller| {
            let works = state.runs_stage(caller.task);
            let mut rows: Vec<_> = state.controls.values().cloned().collect();
            if works && state.has(Planted::PauseUnseen) {
                for row in &mut rows {
                    row.value.pause = None;
                }
            }
            Ok(rows)
        })
        .await
    }
}

impl WriteControls for World {
    async fn put_control(&self, control: &Control, version: Option<u64>) -> Result<Versioned<Control>, CloudError> {
        let what = || {
            format!(
                "{} {:?} failing {}",
                control.scope,
                control.pause,
                control.failing.len()
            )
        };
        self.call(Call::PutControl, what, |state, caller| {
            let old = state.controls.get(&control.scope);
            let version = next_version(old.map(|row| row.version), version, true)?;
            let tripped = control.is_tripped() && !old.is_some_and(|row| row.value.is_tripped());
            let lifted = control.pause.is_none() && old.is_some_and(|row| row.value.pause.is_some());
            let mut value = control.clone();
            if lifted && state.has(Planted::PauseForever) {
                value.pause = old.and_then(|row| row.value.pause.clone());
            }
            let row = Versioned { value, version };
            state.tally.trips += u64::from(tripped);
            if lifted {
                state.tally.resumes += 1;
                state.jobs.values_mut().for_each(|job| job.resumes += 1);
            }
            if control.pause.is_none() {
                state.paused_us.remove(&control.scope);
            } else {
                state.paused_us.entry(control.scope.clone()).or_insert(caller.now_us);
            }
            state.control_change = (caller.now_us, caller.task);
            state.controls.insert(control.scope.clone(), row.clone());
            Ok(row)
        })
        .await
    }
}

impl KeepPulses for World {
    async fn put_pulse(&self, pulse: &Pulse) -> Result<(), CloudError> {
        self.call(Call::PutPulse, || pulse.stage.to_string(), |_, _| Ok(()))
            .await
    }

    async fn pulses(&self, _stage: &StageName) -> Result<Vec<Pulse>, CloudError> {
        Ok(Vec::new())
    }
}

impl KeepBookmarks for World {
    async fn bookmark(&self, name: &str) -> Result<Option<Bookmark>, CloudError> {
        self.call(
            Call::Bookmark,
            || name.to_owned(),
            |state, _| Ok(state.bookmarks.get(name).cloned()),
        )
        .await
    }

    async fn put_bookmark(&self, bookmark: &Bookmark) -> Result<(), CloudError> {
        self.call(
            Call::PutBookmark,
            || format!("{bookmark:?}"),
            |state, _| {
                state.bookmarks.insert(bookmark.name.clone(), bookmark.clone());
                Ok(())
            },
        )
        .await
    }

    async fn was_deleted(&self, _job: JobId) -> Result<bool, CloudError> {
        Ok(false)
    }
}

impl KeepMemos for World {
    async fn memo(&self, inputs: &str) -> Result<Option<Memo>, CloudError> {
        self.call(
            Call::Memo,
            || inputs[..8].to_owned(),
            |state, _| Ok(state.memos.get(inputs).cloned()),
        )
        .await
    }

    async fn put_memo(&self, memo: &Memo) -> Result<(), CloudError> {
        self.call(
            Call::PutMemo,
            || memo.shard.to_string(),
            |state, _| {
                state.memos.insert(memo.inputs.clone(), memo.clone());
                Ok(())
            },
        )
        .await
    }
}

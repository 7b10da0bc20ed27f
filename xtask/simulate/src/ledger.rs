//! What is counted and remembered beside the rows, so that invariants can be told.

use std::collections::BTreeMap;

use marey_engine::{JobState, Snapshot, StageName};

use crate::{clock::TaskId, world::Call};

/// A job's rows, and what the invariants remember of it.
#[derive(Debug, Clone)]
pub struct JobRows {
    /// The rows.
    pub rows: Snapshot,
    /// The rows as they were some seconds ago, where a planted fault shows them.
    pub old: Option<(u64, Snapshot)>,
    /// When a row was last written, and by whom.
    pub change: (u64, TaskId),
    /// When the job ended last, in its present round.
    pub ended_us: Option<u64>,
    /// When each shard failed last, and by whose word.
    pub failed: BTreeMap<(StageName, u32), (u64, TaskId)>,
    /// Leases of each shard in each round.
    pub leases: BTreeMap<(StageName, u32, u32), u32>,
    /// Writes of shards' rows without heartbeats.
    pub writes: u64,
    /// Heartbeats.
    pub beats: u64,
    /// Reads of all rows.
    pub looks: u64,
    /// Tasks that were sent or submitted.
    pub dispatches: u64,
    /// How often a pause was lifted while the job ran.
    pub resumes: u64,
    /// How it ended each time.
    pub ends: Vec<JobState>,
}

impl JobRows {
    /// The rows of a new job.
    pub fn new(rows: Snapshot, now_us: u64, task: TaskId) -> Self {
        Self {
            rows,
            old: None,
            change: (now_us, task),
            ended_us: None,
            failed: BTreeMap::new(),
            leases: BTreeMap::new(),
            writes: 0,
            beats: 0,
            looks: 0,
            dispatches: 0,
            resumes: 0,
            ends: Vec::new(),
        }
    }

    /// How many shards have a row.
    pub fn shards(&self) -> u64 {
        self.rows.shards.len() as u64
    }
}

/// Faults that the world injected, by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Injected {
    /// Processes that ended before or after a call.
    pub crashes: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// Calls whose answer was lost.
    pub lost_answers: u64,
    /// Writes that were told to have lost a race that they won.
    pub conflicts: u64,
    /// Processes that stood still.
    pub stalls: u64,
    /// Messages that were lost.
    pub lost_messages: u64,
    /// Messages that came twice.
    pub duplicates: u64,
    /// Messages that came late.
    pub delays: u64,
    /// Functions that ran into their deadline.
    pub deadlines: u64,
    /// Attempts that failed in their work.
    pub failures: u64,
    /// Attempts that hung.
    pub hangs: u64,
    /// Batch jobs that failed for good, each told at least once.
    pub batch_failures: u64,
    /// Those that were told late or again.
    pub late_events: u64,
}

impl Injected {
    /// All that can cost a job another write or message.
    pub fn total(&self) -> u64 {
        let one = [
            self.crashes,
            self.refused,
            self.lost_answers,
            self.conflicts,
            self.stalls,
        ];
        let two = [
            self.lost_messages,
            self.duplicates,
            self.delays,
            self.deadlines,
            self.failures,
        ];
        let three = [self.hangs, self.batch_failures, self.late_events];
        one.iter().chain(&two).chain(&three).sum()
    }

    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.refused += other.refused;
        self.lost_answers += other.lost_answers;
        self.conflicts += other.conflicts;
        self.stalls += other.stalls;
        self.lost_messages += other.lost_messages;
        self.duplicates += other.duplicates;
        self.delays += other.delays;
        self.deadlines += other.deadlines;
        self.failures += other.failures;
        self.hangs += other.hangs;
        self.batch_failures += other.batch_failures;
        self.late_events += other.late_events;
    }
}

/// What happened in people's and machines' own time.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Faults.
    pub faults: Injected,
    /// Calls that took effect, by kind.
    pub calls: BTreeMap<Call, u64>,
    /// Writes of the table in each second, if they are to be counted.
    pub writes_in_second: Option<BTreeMap<u64, u64>>,
    /// Strongly consistent row reads, in units of one row.
    pub row_reads: u64,
    /// Messages that were sent in each second.
    pub sent_in_second: BTreeMap<u64, u64>,
    /// Cancels that were acknowledged.
    pub cancels: u64,
    /// Retries that were acknowledged.
    pub retries: u64,
    /// Pauses that were lifted.
    pub resumes: u64,
    /// Repairs that the sweeper made.
    pub repairs: BTreeMap<String, u64>,
    /// Breakers that tripped.
    pub trips: u64,
    /// Messages that reached a dead-letter queue.
    pub dead_letters: u64,
    /// Parked messages that were sent back.
    pub redriven: u64,
    /// Shards that took over earlier results.
    pub reused: u64,
    /// Leases that were taken.
    pub leases: u64,
}

impl Tally {
    /// A call took effect.
    pub fn count(&mut self, call: Call, now_us: u64) {
        *self.calls.entry(call).or_default() += 1;
        let is_row = matches!(call, Call::PutShard | Call::PutJob | Call::RecordFailure | Call::Create);
        if is_row && let Some(seconds) = &mut self.writes_in_second {
            *seconds.entry(now_us / 1_000_000).or_default() += 1;
        }
    }
}

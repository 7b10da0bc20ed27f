//! The simulated cloud: everything that outlives a process, and the calls that reach it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError, Time,
    store::{Bookmark, Memo},
};
use marey_engine::{Control, JobId, Scope, ShardKey, Versioned};
use uuid::Uuid;

use crate::{
    clock::{Clock, TaskId, moment},
    fault::Planted,
    ledger::{JobRows, Tally},
    queues::Queues,
    scenario::{Options, Rates, Scenario},
    trace::Trace,
};

/// A call that reaches the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// A job's row.
    Job,
    /// All of a job's rows.
    Snapshot,
    /// The rows that an attempt needs.
    SnapshotFor,
    /// The list of running jobs.
    Running,
    /// A new job.
    Create,
    /// A shard's row.
    Shard,
    /// A shard is written.
    PutShard,
    /// A job is written.
    PutJob,
    /// A failure is recorded.
    RecordFailure,
    /// The control rows.
    Controls,
    /// A control row is written.
    PutControl,
    /// A sign of life.
    PutPulse,
    /// How far a sweep came.
    Bookmark,
    /// How far a sweep came is written.
    PutBookmark,
    /// What is remembered.
    Memo,
    /// Something is remembered.
    PutMemo,
    /// An object is read.
    Fetch,
    /// An object is stored.
    Store,
    /// Tasks are sent.
    Send,
    /// Work is submitted to AWS Batch.
    Submit,
    /// AWS Batch is asked what it has in hand.
    InHand,
    /// A message is hidden.
    Hide,
    /// A message is parked.
    Park,
    /// A message is deleted.
    Acknowledge,
}

impl Call {
    /// Whether it changes something.
    pub fn writes(self) -> bool {
        use Call::{
            Acknowledge, Create, Hide, Park, PutBookmark, PutControl, PutJob, PutMemo, PutPulse, PutShard,
            RecordFailure, Send, Store, Submit,
        };
        matches!(
            self,
            Create
                | PutShard
                | PutJob
                | RecordFailure
                | PutBookmark
                | PutControl
                | PutPulse
                | PutMemo
                | Store
                | Send
                | Submit
                | Hide
                | Park
                | Acknowledge
        )
    }

    fn is_conditional(self) -> bool {
        matches!(self, Self::PutShard | Self::PutJob | Self::PutControl)
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Done,
    DiesBefore,
    DiesAfter,
    Refused,
    AnswerLost,
    ToldConflict,
}

/// One run of one process.
#[derive(Debug, Clone, Default)]
pub struct Process {
    /// What it is, for people.
    pub name: String,
    /// How far its clock is from the exact one.
    pub skew_us: i64,
    /// How long it has stood still.
    pub stalled_us: u64,
    /// How many of its calls failed or were slow.
    pub troubles: u32,
    /// When it last read all rows of a job, and of which.
    pub looked: Option<(JobId, u64)>,
    /// Whether it completed a shard.
    pub has_completed: bool,
    /// When it began.
    pub born_us: u64,
}

/// An object in the artifacts bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// SHA-256 of its content, or something that differs as it would.
    pub sha256: String,
    /// Its content, where somebody reads it.
    pub bytes: Vec<u8>,
    /// Which process stored it.
    pub by: TaskId,
}

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Name of the function that says what must hold.
    pub invariant: &'static str,
    /// What was seen.
    pub seen: String,
    /// When.
    pub at_us: u64,
}

/// Everything that outlives a process.
pub struct State {
    /// The scenario.
    pub scenario: Scenario,
    /// How the run is set up.
    pub options: Options,
    /// Whether the trouble has ended.
    pub is_calm: bool,
    /// Jobs, with what the invariants remember of them.
    pub jobs: BTreeMap<JobId, JobRows>,
    /// Which plan made which job.
    pub plans: BTreeMap<JobId, usize>,
    /// Changes of the index of running jobs that are not to be seen yet: when, which, whether it runs.
    pub index_changes: Vec<(u64, JobId, bool)>,
    /// The index of running jobs.
    pub index: BTreeSet<JobId>,
    /// Control rows.
    pub controls: BTreeMap<Scope, Versioned<Control>>,
    /// When a control row was last written, and by whom.
    pub control_change: (u64, TaskId),
    /// Since when what is paused.
    pub paused_us: BTreeMap<Scope, u64>,
    /// How many retries and pauses people may still ask for.
    pub wishes: u32,
    /// How far sweeps came.
    pub bookmarks: BTreeMap<String, Bookmark>,
    /// Memos.
    pub memos: BTreeMap<String, Memo>,
    /// The artifacts bucket.
    pub objects: BTreeMap<String, Object>,
    /// Messages and Batch jobs.
    pub queues: Queues,
    /// Processes that live.
    pub processes: BTreeMap<TaskId, Process>,
    /// Which process holds which lease.
    pub holders: BTreeMap<Uuid, TaskId>,
    /// Shards whose message the world itself lost, and their jobs.
    pub robbed: BTreeSet<ShardKey>,
    /// What is counted.
    pub tally: Tally,
    /// The first invariant that did not hold.
    pub violation: Option<Violation>,
    /// What happened.
    pub trace: Trace,
}

impl State {
    /// Whether this fault is planted.
    pub fn has(&self, fault: Planted) -> bool {
        self.options.planted == Some(fault)
    }

    /// Takes note of what an invariant says.
    pub fn hold(&mut self, invariant: &'static str, now_us: u64, verdict: Result<(), String>) {
        if let Err(seen) = verdict
            && self.violation.is_none()
        {
            self.violation = Some(Violation {
                invariant,
                seen,
                at_us: now_us,
            });
        }
    }

    /// What goes wrong now.
    pub fn rates(&self) -> Rates {
        if self.is_calm {
            Rates::default()
        } else {
            self.scenario.rates
        }
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The world, for what happens later.
    pub world: World,
    /// The task.
    pub task: TaskId,
    /// The exact time.
    pub now_us: u64,
}

/// The simulated cloud. Clones are the same cloud; it is every port of `marey-cloud` at once.
#[derive(Clone)]
pub struct World {
    /// The time, and the dice.
    pub clock: Clock,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

impl World {
    /// A world in which nothing has happened.
    pub fn new(clock: Clock, scenario: Scenario, options: Options) -> Self {
        let state = State {
            queues: Queues::new(scenario.concurrency),
            trace: Trace::new(options.keep_trace),
            scenario,
            options,
            is_calm: false,
            jobs: BTreeMap::new(),
            plans: BTreeMap::new(),
            index_changes: Vec::new(),
            index: BTreeSet::new(),
            controls: BTreeMap::new(),
            control_change: (0, 0),
            paused_us: BTreeMap::new(),
            wishes: 0,
            bookmarks: BTreeMap::new(),
            memos: BTreeMap::new(),
            objects: BTreeMap::new(),
            processes: BTreeMap::new(),
            holders: BTreeMap::new(),
            robbed: BTreeSet::new(),
            tally: Tally::default(),
            violation: None,
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Everything that outlives a process. Never held across a wait.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call: it takes its time, and then does what it should, or what its fate is.
    ///
    /// # Errors
    /// What the effect says, or the service does not answer.
    pub async fn call<R: Send>(
        &self,
        call: Call,
        what: impl Fn() -> String + Send,
        effect: impl FnOnce(&mut State, &Caller) -> Result<R, CloudError> + Send,
    ) -> Result<R, CloudError> {
        let (fate, takes_us) = self.fate(call);
        self.clock.sleep_us(takes_us).await;
        let task = self.clock.current();
        let now_us = self.clock.now_us();
        if matches!(fate, Fate::DiesBefore | Fate::Refused) {
            let code = call as u64 | (fate as u64) << 8;
            let told = || format!("{call:?} {} → {fate:?}", what());
            self.state().trace.event(now_us, task, code, told);
            if fate == Fate::Refused {
                return Err(CloudError::service("simulated call", "throttled"));
            }
            return self.die(task).await;
        }
        let result = {
            let caller = Caller {
                world: self.clone(),
                task,
                now_us,
            };
            let mut state = self.state();
            state.tally.count(call, now_us);
            let result = effect(&mut state, &caller);
            let code = call as u64 | (fate as u64) << 8 | u64::from(result.is_ok()) << 16;
            let told = |result: &Result<R, CloudError>| match result {
                Ok(_) => String::new(),
                Err(error) => format!(": {error}"),
            };
            state.trace.event(now_us, task, code, || {
                let fate = if fate == Fate::Done {
                    String::new()
                } else {
                    format!(" → {fate:?}")
                };
                format!("{call:?} {}{}{fate}", what(), told(&result))
            });
            result
        };
        match fate {
            Fate::DiesAfter => self.die(task).await,
            Fate::AnswerLost => Err(CloudError::service("simulated call", "no answer")),
            Fate::ToldConflict if result.is_ok() => Err(CloudError::Conflict),
            _ => result,
        }
    }

    /// The process ends here; nothing of it goes on.
    async fn die<R>(&self, task: TaskId) -> R {
        self.clock.kill(task);
        std::future::pending().await
    }

    fn fate(&self, call: Call) -> (Fate, u64) {
        let task = self.clock.current();
        let mut state = self.state();
        let rates = state.rates();
        let late = call == Call::PutJob && state.has(Planted::SkipJobFence);
        let (fate, takes_us, stalls) = self.clock.roll(|chance| {
            let quick = if call.writes() { (2_000, 14_000) } else { (1_000, 8_000) };
            let mut takes_us = match chance.below(100) {
                0 => chance.between(100_000, 1_500_000),
                _ => chance.between(quick.0, quick.1),
            };
            if late {
                takes_us += chance.between(0, 60_000_000);
            }
            let stalls = chance.happens(rates.stall);
            if stalls {
                takes_us += chance.between(20_000_000, 240_000_000);
            }
            let mut dice = chance.share();
            let mut falls = |probability: f64| {
                dice -= probability;
                dice < 0.0
            };
            let fate = if falls(rates.crash) {
                if chance.happens(0.5) {
                    Fate::DiesBefore
                } else {
                    Fate::DiesAfter
                }
            } else if falls(rates.refuse) {
                Fate::Refused
            } else if call.writes() && falls(rates.lose_answer) {
                Fate::AnswerLost
            } else if call.is_conditional() && falls(rates.conflict) {
                Fate::ToldConflict
            } else {
                Fate::Done
            };
            (fate, takes_us, stalls)
        });
        let tally = &mut state.tally;
        match fate {
            Fate::Done => {}
            Fate::DiesBefore | Fate::DiesAfter => tally.faults.crashes += 1,
            Fate::Refused => tally.faults.refused += 1,
            Fate::AnswerLost => tally.faults.lost_answers += 1,
            Fate::ToldConflict => tally.faults.conflicts += 1,
        }
        tally.faults.stalls += u64::from(stalls);
        if let Some(process) = state.processes.get_mut(&task) {
            if takes_us > 90_000 {
                process.stalled_us += takes_us;
            }
            process.troubles += u32::from(fate != Fate::Done);
        }
        (fate, takes_us)
    }

    /// Takes note of a process that begins as the running task; its clock goes wrong by up to some seconds.
    pub fn begin_process(&self, name: String, skew_us: i64) -> Living {
        let task = self.clock.current();
        let born_us = self.clock.now_us();
        let process = Process {
            name,
            skew_us,
            born_us,
            ..Process::default()
        };
        let mut state = self.state();
        state
            .trace
            .event(born_us, task, 200, || format!("begins: {}", process.name));
        state.processes.insert(task, process);
        drop(state);
        Living {
            world: self.clone(),
            task,
        }
    }
}

/// A process that lives; it is forgotten when this value goes.
#[derive(Debug)]
pub struct Living {
    world: World,
    task: TaskId,
}

impl Drop for Living {
    fn drop(&mut self) {
        let now_us = self.world.clock.now_us();
        let mut state = self.world.state();
        state.processes.remove(&self.task);
        state.trace.event(now_us, self.task, 201, || "ends".to_owned());
    }
}

/// A machine's clock and dice.
#[derive(Debug, Clone)]
pub struct MachineTime {
    clock: Clock,
    skew_us: i64,
    /// Waits are shorter by this factor.
    haste: u32,
}

impl MachineTime {
    /// A clock that is wrong by so much.
    pub fn new(world: &World, skew_us: i64) -> Self {
        Self {
            clock: world.clock.clone(),
            skew_us,
            haste: if world.state().has(Planted::HeartbeatStorm) {
                20
            } else {
                1
            },
        }
    }
}

impl Time for MachineTime {
    fn now(&self) -> Timestamp {
        moment(self.clock.now_us()) + SignedDuration::from_micros(self.skew_us)
    }

    async fn sleep(&self, time: Duration) {
        self.clock.sleep(time / self.haste).await;
    }

    fn random(&self) -> u128 {
        self.clock
            .roll(|chance| u128::from(chance.bits()) << 64 | u128::from(chance.bits()))
    }
}

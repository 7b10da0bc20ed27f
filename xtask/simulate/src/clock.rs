//! A virtual clock and the executor that lives on it: one thread, no real time.
//!
//! Time stands still while anything can run, and jumps to the next moment at which something waits. Whoever is woken at the
//! same moment runs in the order in which it began to wait, so a run is a function of its seed.

use std::{
    collections::{BTreeMap, BinaryHeap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::chance::Chance;

/// Names a task of the executor: one run of one process.
pub type TaskId = u64;

/// A task's future.
type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something to do at a moment.
enum Due {
    Wake { slot: usize, turn: u64 },
    Call(Box<dyn FnOnce() + Send>),
}

struct Entry {
    at_us: u64,
    turn: u64,
    due: Due,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at_us, self.turn) == (other.at_us, other.turn)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    /// The earliest is the greatest, as a heap gives the greatest first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at_us, other.turn).cmp(&(self.at_us, self.turn))
    }
}

struct State {
    now_us: u64,
    turns: u64,
    heap: BinaryHeap<Entry>,
    sleepers: Vec<Option<(u64, Waker)>>,
    free: Vec<usize>,
    chance: Chance,
    current: TaskId,
    tasks: u64,
    spawned: Vec<(TaskId, Work)>,
    killed: Vec<TaskId>,
}

/// The clock; clones show the same time.
#[derive(Clone)]
pub struct Clock(Arc<Mutex<State>>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Clock").field(&self.now_us()).finish()
    }
}

/// When every simulation begins.
const BEGINNING_S: i64 = 1_800_000_000;

/// A moment of the simulation on an exact clock.
pub fn moment(at_us: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(BEGINNING_S) + SignedDuration::from_micros(at_us as i64)
}

impl Clock {
    /// A clock at its beginning, with the dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            now_us: 0,
            turns: 0,
            heap: BinaryHeap::new(),
            sleepers: Vec::new(),
            free: Vec::new(),
            chance: Chance::new(seed),
            current: 0,
            tasks: 0,
            spawned: Vec::new(),
            killed: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Microseconds since the beginning.
    pub fn now_us(&self) -> u64 {
        self.state().now_us
    }

    /// The task that runs; 0 outside of tasks.
    pub fn current(&self) -> TaskId {
        self.state().current
    }

    /// Throws the dice.
    pub fn roll<R>(&self, throw: impl FnOnce(&mut Chance) -> R) -> R {
        throw(&mut self.state().chance)
    }

    /// Waits for so many microseconds.
    pub fn sleep_us(&self, time_us: u64) -> Sleep {
        let clock = self.clone();
        Sleep {
            until_us: self.now_us() + time_us,
            clock,
            slot: None,
        }
    }

    /// Waits.
    pub fn sleep(&self, time: Duration) -> Sleep {
        self.sleep_us(time.as_micros() as u64)
    }

    /// Does something at a moment.
    pub fn at(&self, at_us: u64, call: impl FnOnce() + Send + 'static) {
        let mut state = self.state();
        state.turns += 1;
        let entry = Entry {
            at_us: at_us.max(state.now_us),
            turn: state.turns,
            due: Due::Call(Box::new(call)),
        };
        state.heap.push(entry);
    }

    /// Begins a task.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> TaskId {
        let mut state = self.state();
        state.tasks += 1;
        let id = state.tasks;
        state.spawned.push((id, Box::pin(work)));
        id
    }

    /// Ends a task where it stands, as a machine that loses its power does; one that has ended stays ended.
    pub fn kill(&self, task: TaskId) {
        self.state().killed.push(task);
    }
}

/// Waits until a moment.
#[derive(Debug)]
pub struct Sleep {
    clock: Clock,
    until_us: u64,
    slot: Option<(usize, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.state();
        if state.now_us >= self.until_us {
            return Poll::Ready(());
        }
        if let Some((slot, turn)) = self.slot {
            state.sleepers[slot] = Some((turn, context.waker().clone()));
            return Poll::Pending;
        }
        state.turns += 1;
        let turn = state.turns;
        let sleeper = Some((turn, context.waker().clone()));
        let slot = if let Some(slot) = state.free.pop() {
            state.sleepers[slot] = sleeper;
            slot
        } else {
            state.sleepers.push(sleeper);
            state.sleepers.len() - 1
        };
        state.heap.push(Entry {
            at_us: self.until_us,
            turn,
            due: Due::Wake { slot, turn },
        });
        self.slot = Some((slot, turn));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some((slot, turn)) = self.slot {
            let mut state = self.clock.state();
            let is_own = state.sleepers[slot].as_ref().is_some_and(|(of, _)| *of == turn);
            if is_own {
                state.sleepers[slot] = None;
            }
            state.free.push(slot);
        }
    }
}

/// Tasks that can run.
type Ready = Arc<Mutex<VecDeque<TaskId>>>;

struct TaskWaker {
    task: TaskId,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.push_back(self.task);
    }
}

/// Runs the tasks of a clock.
pub struct Executor {
    clock: Clock,
    tasks: BTreeMap<TaskId, (Work, Waker)>,
    ready: Ready,
}

impl Executor {
    /// The executor of a clock.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            tasks: BTreeMap::new(),
            ready: Ready::default(),
        }
    }

    /// Lets everything happen that can happen now, then goes on to the next moment. `false` when nothing is left to wait for.
    pub fn step(&mut self) -> bool {
        loop {
            self.admit();
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match next {
                Some(task) => self.poll(task),
                None => break,
            }
        }
        let entry = {
            let mut state = self.clock.state();
            let Some(entry) = state.heap.pop() else { return false };
            state.now_us = entry.at_us;
            entry
        };
        match entry.due {
            Due::Wake { slot, turn } => {
                let waker = {
                    let mut state = self.clock.state();
                    let is_own = state.sleepers[slot].as_ref().is_some_and(|(of, _)| *of == turn);
                    if is_own { state.sleepers[slot].take() } else { None }
                };
                if let Some((_, waker)) = waker {
                    waker.wake();
                }
            }
            Due::Call(call) => call(),
        }
        true
    }

    /// Takes in the tasks that were begun and drops those that were killed, outside of every lock.
    fn admit(&mut self) {
        let (spawned, killed) = {
            let mut state = self.clock.state();
            if state.spawned.is_empty() && state.killed.is_empty() {
                return;
            }
            (std::mem::take(&mut state.spawned), std::mem::take(&mut state.killed))
        };
        for (id, work) in spawned {
            let ready = self.ready.clone();
            let waker = Waker::from(Arc::new(TaskWaker { task: id, ready }));
            waker.wake_by_ref();
            self.tasks.insert(id, (work, waker));
        }
        for id in killed {
            drop(self.tasks.remove(&id));
        }
    }

    fn poll(&mut self, id: TaskId) {
        let Some((work, waker)) = self.tasks.get_mut(&id) else {
            return;
        };
        self.clock.state().current = id;
        let polled = work.as_mut().poll(&mut Context::from_waker(waker));
        self.clock.state().current = 0;
        if polled.is_ready() {
            drop(self.tasks.remove(&id));
        }
    }
}

impl Drop for Executor {
    /// Everything that waits holds the clock; it is let go, so that a run leaves nothing behind.
    fn drop(&mut self) {
        self.tasks.clear();
        let (heap, spawned) = {
            let mut state = self.clock.state();
            (std::mem::take(&mut state.heap), std::mem::take(&mut state.spawned))
        };
        drop((heap, spawned));
    }
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

//! Queues as SQS has them: at least once, in any order, late, twice, hidden for a while, moved to a dead-letter queue after
//! too many receives. And the count of what is on its way, by which the invariants know what a message was good for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use marey_cloud::{
    CloudError,
    harness::Received,
    queues::{BatchWork, HoldMessages, ParkMessages, SendTasks},
};
use marey_engine::{JobId, ShardKey, Task};

use crate::{
    batch,
    fault::Planted,
    functions, invariants,
    scenario::SECOND,
    world::{Call, Caller, State, World},
};

/// A message is moved to the dead-letter queue when it was received so often (`maxReceiveCount` of the template).
const MOST_RECEIVES: u32 = 5;

/// Which function reads a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reader {
    /// A stage's function.
    Stage(String),
    /// Makes jobs of uploads.
    Intake,
    /// Handles dead letters.
    DeadLetters,
    /// Handles what AWS Batch tells of failures.
    BatchFailures,
}

/// What a message is about, as far as the invariants care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A shard.
    Shard(ShardKey),
    /// A job that is to be made.
    Job(JobId),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shard(key) => key.fmt(f),
            Self::Job(id) => id.fmt(f),
        }
    }
}

impl About {
    fn job(&self) -> JobId {
        match self {
            Self::Shard(key) => key.job,
            Self::Job(id) => *id,
        }
    }
}

/// A message in a queue.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its text.
    pub body: Arc<str>,
    /// What it is about.
    pub about: About,
    /// How often it was received.
    pub receives: u32,
    /// Names its last delivery.
    pub receipt: u64,
    /// Counts what changed when it is seen again.
    turn: u64,
    is_hidden: bool,
}

/// One queue.
#[derive(Debug)]
pub struct Queue {
    /// Its name, which is its URL too.
    pub name: String,
    /// Who reads it.
    pub reader: Reader,
    /// Where a message goes that was received too often.
    pub dead: Option<usize>,
    /// For how long a message is hidden when it is received.
    pub visibility_us: u64,
    /// How many messages its function works on.
    pub busy: u32,
    /// How many at most.
    pub limit: u32,
    messages: BTreeMap<u64, Message>,
    visible: Vec<u64>,
}

/// All queues, and what is on its way.
#[derive(Debug)]
pub struct Queues {
    /// The queues.
    pub all: Vec<Queue>,
    by_name: BTreeMap<String, usize>,
    next: u64,
    limit: u32,
    /// Messages and Batch jobs that ask for a shard, dead letters included.
    pub on_the_way: BTreeMap<ShardKey, u32>,
    /// The same of a job.
    pub on_the_way_of: BTreeMap<JobId, u32>,
    /// What was parked, and from where.
    pub parked: Vec<(Arc<str>, String)>,
    /// Containers that wait or run, by shard and round.
    pub containers: BTreeMap<(ShardKey, u32), u32>,
    /// Names of Batch jobs that have not ended.
    pub under_way: BTreeSet<String>,
}

impl Queues {
    /// No queues yet; each is made when it is first used.
    pub fn new(limit: u32) -> Self {
        Self {
            all: Vec::new(),
            by_name: BTreeMap::new(),
            next: 1,
            limit,
            on_the_way: BTreeMap::new(),
            on_the_way_of: BTreeMap::new(),
            parked: Vec::new(),
            containers: BTreeMap::new(),
            under_way: BTreeSet::new(),
        }
    }

    fn make(&mut self, name: &str, reader: Reader, dead: Option<usize>, visibility_s: u64) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let limit = if reader == Reader::DeadLetters { 2 } else { self.limit };
        self.all.push(Queue {
            name: name.to_owned(),
            reader,
            dead,
            visibility_us: visibility_s * SECOND,
            busy: 0,
            limit,
            messages: BTreeMap::new(),
            visible: Vec::new(),
        });
        let at = self.all.len() - 1;
        self.by_name.insert(name.to_owned(), at);
        at
    }

    /// The queue of a stage, standard or express, with its dead-letter queue. Functions run for 15 minutes at the most, and
    /// a queue's visibility timeout has to be longer.
    pub fn of_stage(&mut self, stage: &str, express: bool) -> usize {
        let dead = self.make(&format!("{stage}-dead"), Reader::DeadLetters, None, 360);
        let name = if express {
            format!("{stage}-express")
        } else {
            stage.to_owned()
        };
        self.make(&name, Reader::Stage(stage.to_owned()), Some(dead), 960)
    }

    /// The queue of uploads.
    pub fn of_intake(&mut self) -> usize {
        let dead = self.make("intake-dead", Reader::DeadLetters, None, 360);
        self.make("intake", Reader::Intake, Some(dead), 360)
    }

    /// The queue of what AWS Batch tells of failures.
    pub fn of_batch_failures(&mut self) -> usize {
        let dead = self.make("batch-failures-dead", Reader::DeadLetters, None, 360);
        self.make("batch-failures", Reader::BatchFailures, Some(dead), 360)
    }

    /// A queue by name.
    pub fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// How many messages a stage's queues hold.
    pub fn depth_of(&self, stage: &str) -> u64 {
        let of_stage = |queue: &&Queue| queue.reader == Reader::Stage(stage.to_owned());
        self.all
            .iter()
            .filter(of_stage)
            .map(|queue| queue.messages.len() as u64)
            .sum()
    }

    /// The messages of all dead-letter queues.
    pub fn dead(&self) -> impl Iterator<Item = (&Queue, &Message)> {
        let dead = self.all.iter().filter(|queue| queue.reader == Reader::DeadLetters);
        dead.flat_map(|queue| queue.messages.values().map(move |message| (queue, message)))
    }

    /// Something that asks for work begins or ends to be on its way.
    pub fn count(&mut self, about: &About, change: i32) {
        let add = |count: u32| count.saturating_add_signed(change);
        if let About::Shard(key) = about {
            let count = self.on_the_way.entry(key.clone()).or_default();
            *count = add(*count);
        }
        let count = self.on_the_way_of.entry(about.job()).or_default();
        *count = add(*count);
    }

    /// What asks for a shard.
    pub fn asking_for(&self, key: &ShardKey) -> u32 {
        self.on_the_way.get(key).copied().unwrap_or(0)
    }

    /// What is on its way for a job.
    pub fn asking_for_job(&self, id: JobId) -> u32 {
        self.on_the_way_of.get(&id).copied().unwrap_or(0)
    }
}

impl State {
    /// Puts a message into a queue, to be seen after a while.
    fn put_message(&mut self, queue: usize, body: Arc<str>, about: About, delay_us: u64, caller: &Caller) {
        let id = self.queues.next;
        self.queues.next += 1;
        self.queues.count(&about, 1);
        let message = Message {
            body,
            about,
            receives: 0,
            receipt: 0,
            turn: 0,
            is_hidden: true,
        };
        self.queues.all[queue].messages.insert(id, message);
        show_at(&caller.world, queue, id, 0, caller.now_us + delay_us);
    }

    /// Sends a message as the network does: late, twice, or not at all.
    pub fn send_message(&mut self, queue: usize, body: &Arc<str>, about: &About, caller: &Caller) {
        let rates = self.rates();
        let (is_lost, copies, delays) = caller.world.clock.roll(|chance| {
            let is_lost = chance.happens(rates.lose_message);
            let copies = 1 + u64::from(chance.happens(rates.duplicate));
            let delays: Vec<_> = (0..copies)
                .map(|_| {
                    if chance.happens(rates.delay) {
                        chance.between(SECOND, 90 * SECOND)
                    } else {
                        chance.between(5_000, 200_000)
                    }
                })
                .collect();
            (is_lost, copies, delays)
        });
        self.tally.faults.duplicates += copies - 1;
        self.tally.faults.delays += delays.iter().filter(|delay| **delay >= SECOND).count() as u64;
        if is_lost {
            self.tally.faults.lost_messages += 1;
            if let About::Shard(key) = about {
                self.robbed.insert(key.clone());
            }
            return;
        }
        for delay_us in delays {
            self.put_message(queue, body.clone(), about.clone(), delay_us, caller);
        }
    }

    /// Takes a visible message out of a queue, and hides it. What was received too often goes to the dead-letter queue.
    fn receive(&mut self, queue: usize, world: &World) -> Option<(u64, Received)> {
        let now_us = world.clock.now_us();
        loop {
            let at = &mut self.queues.all[queue];
            if at.visible.is_empty() || at.busy >= at.limit {
                return None;
            }
            let pick = world.clock.roll(|chance| chance.below(at.visible.len() as u64)) as usize;
            let id = at.visible.swap_remove(pick);
            let Some(message) = at.messages.get_mut(&id) else {
                continue;
            };
            if let Some(dead) = at.dead.filter(|_| message.receives >= MOST_RECEIVES) {
                let message = at.messages.remove(&id)?;
                self.queues.count(&message.about, -1);
                self.tally.dead_letters += 1;
                let task = 0;
                self.trace
                    .event(now_us, task, 300, || format!("dead letter: {}", message.about));
                let world = world.clone();
                let caller = Caller { world, task, now_us };
                self.put_message(dead, message.body, message.about, 50_000, &caller);
                continue;
            }
            message.receives += 1;
            self.queues.next += 1;
            message.receipt = self.queues.next;
            message.is_hidden = true;
            message.turn += 1;
            let (turn, until_us) = (message.turn, now_us + at.visibility_us);
            let received = Received {
                body: message.body.to_string(),
                queue: at.name.clone(),
                receipt: format!("{id}/{}", message.receipt),
                receives: message.receives,
            };
            at.busy += 1;
            show_at(world, queue, id, turn, until_us);
            return Some((id, received));
        }
    }

    /// The message that a receipt names, if it was not received again since.
    fn held(&mut self, queue: &str, receipt: &str) -> Option<(usize, u64)> {
        let at = self.queues.named(queue)?;
        let (id, number) = receipt.split_once('/')?;
        let (id, number): (u64, u64) = (id.parse().ok()?, number.parse().ok()?);
        let message = self.queues.all[at].messages.get(&id)?;
        (message.receipt == number && message.is_hidden).then_some((at, id))
    }

    /// Deletes a message.
    pub fn forget_message(&mut self, queue: &str, receipt: &str) -> Option<Message> {
        let (at, id) = self.held(queue, receipt)?;
        let message = self.queues.all[at].messages.remove(&id)?;
        self.queues.count(&message.about, -1);
        Some(message)
    }
}

/// Lets a message be seen at a moment, unless something else was decided meanwhile.
fn show_at(world: &World, queue: usize, id: u64, turn: u64, at_us: u64) {
    let later = world.clone();
    world.clock.at(at_us, move || {
        let shown = {
            let mut state = later.state();
            let at = &mut state.queues.all[queue];
            match at.messages.get_mut(&id) {
                Some(message) if message.turn == turn && message.is_hidden => {
                    message.is_hidden = false;
                    at.visible.push(id);
                    true
                }
                _ => false,
            }
        };
        if shown {
            pump(&later, queue);
        }
    });
}

/// Starts a function for each message that can be worked on now.
pub fn pump(world: &World, queue: usize) {
    loop {
        let mut state = world.state();
        let Some((_, received)) = state.receive(queue, world) else {
            return;
        };
        if state.has(Planted::AcknowledgeEarly) {
            acknowledged(&mut state, &received, 0, world);
        }
        let reader = state.queues.all[queue].reader.clone();
        drop(state);
        let work = functions::invoked(world.clone(), queue, reader, received);
        world.clock.spawn(work);
    }
}

/// A message is deleted: now everything that it asked for must be durable, or on its way in another one.
pub fn acknowledged(state: &mut State, message: &Received, task: u64, world: &World) {
    let now_us = world.clock.now_us();
    let Some(deleted) = state.forget_message(&message.queue, &message.receipt) else {
        return;
    };
    let queue = state.queues.named(&message.queue);
    let reader = queue.map(|queue| state.queues.all[queue].reader.clone());
    let verdict = match reader {
        Some(Reader::DeadLetters) if serde_json::from_str::<Task>(&deleted.body).is_ok() => {
            let verdict = invariants::dead_letters_are_kept(state, &deleted, task);
            state.hold("dead_letters_are_kept", now_us, verdict);
            return;
        }
        _ => invariants::acknowledged_only_when_durable(state, &deleted.about, task),
    };
    state.hold("acknowledged_only_when_durable", now_us, verdict);
}

impl SendTasks for World {
    async fn send(&self, tasks: &[Task]) -> Result<(), CloudError> {
        let Some(first) = tasks.first() else { return Ok(()) };
        self.call(
            Call::Send,
            || format!("{} × {}", first.task_id, tasks.len()),
            |state, caller| {
                let copies = if state.has(Planted::DispatchStorm) { 20 } else { 1 };
                let queue = state.queues.of_stage(first.payload.stage.as_str(), first.is_express());
                let second = caller.now_us / SECOND;
                for task in tasks {
                    let body = serde_json::to_string(task).map_err(|e| CloudError::service("write task", e))?;
                    let body: Arc<str> = body.into();
                    for _ in 0..copies {
                        state.send_message(queue, &body, &About::Shard(task.payload.clone()), caller);
                    }
                    if let Some(job) = state.jobs.get_mut(&task.payload.job) {
                        job.dispatches += copies;
                    }
                    *state.tally.sent_in_second.entry(second).or_default() += copies;
                }
                Ok(())
            },
        )
        .await
    }

    async fn submit(&self, work: &BatchWork) -> Result<(), CloudError> {
        self.call(
            Call::Submit,
            || format!("{} × {}", work.first, work.count),
            |state, caller| {
                batch::submit(state, work, caller);
                Ok(())
            },
        )
        .await
    }

    fn has_batch(&self) -> bool {
        self.state().scenario.has_batch
    }

    async fn in_hand(&self, work: &BatchWork) -> Result<BTreeSet<u32>, CloudError> {
        self.call(
            Call::InHand,
            || work.first.to_string(),
            |state, _| {
                let of_work = |key: &ShardKey, round: u32| {
                    key.job == work.first.job && key.stage == work.first.stage && round == work.round
                };
                let containers = state.queues.containers.iter().filter(|(_, count)| **count > 0);
                let shards = containers.filter(|((key, round), _)| of_work(key, *round));
                Ok(shards.map(|((key, _), _)| key.shard).collect())
            },
        )
        .await
    }
}

impl HoldMessages for World {
    async fn hide(&self, queue: &str, receipt: &str, seconds: u32) -> Result<(), CloudError> {
        self.call(
            Call::Hide,
            || format!("{queue} {receipt} for {seconds} s"),
            |state, caller| {
                let seconds = if state.has(Planted::HiddenForever) {
                    43_000
                } else {
                    u64::from(seconds)
                };
                let Some((at, id)) = state.held(queue, receipt) else {
                    return Err(CloudError::service("change visibility", "the receipt is too old"));
                };
                if let Some(message) = state.queues.all[at].messages.get_mut(&id) {
                    message.turn += 1;
                    show_at(&caller.world, at, id, message.turn, caller.now_us + seconds * SECOND);
                }
                Ok(())
            },
        )
        .await
    }
}

impl ParkMessages for World {
    async fn park(&self, body: &str, from_queue: &str) -> Result<(), CloudError> {
        self.call(
            Call::Park,
            || body.to_owned(),
            |state, _| {
                if !state.has(Planted::DropDeadLetters) {
                    state.queues.parked.push((body.into(), from_queue.to_owned()));
                }
                Ok(())
            },
        )
        .await
    }
}

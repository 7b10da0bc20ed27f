//! AWS Batch as far as Marey needs it: arrays of containers by name, tried again by Batch itself, whose failures are told
//! late and more than once.

use std::sync::Arc;

use marey_cloud::{dead_letter, harness::Disposal, queues::BatchWork, store::ReadJobs};
use marey_engine::{ShardKey, Task};
use serde::{Deserialize, Serialize};

use crate::{
    functions,
    queues::About,
    scenario::SECOND,
    world::{Caller, State, World},
};

/// Batch tries a container so often (`retryStrategy` of the job definition).
const ATTEMPTS: u32 = 3;

/// What the rule on failed Batch jobs tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureEvent {
    /// The shard.
    pub key: ShardKey,
    /// The job's round when it was submitted.
    pub round: u32,
}

/// The name of a Batch job.
pub fn name_of(work: &BatchWork) -> String {
    format!("{}+{} round {}", work.first, work.count, work.round)
}

/// Takes work, unless a Batch job of this name has not ended.
pub fn submit(state: &mut State, work: &BatchWork, name: &str, caller: &Caller) {
    if !state.queues.under_way.insert(name.to_owned()) {
        return;
    }
    if let Some(job) = state.jobs.get_mut(&work.first.job) {
        job.dispatches += u64::from(work.count);
    }
    let left = Arc::new(std::sync::atomic::AtomicU32::new(work.count));
    for index in 0..work.count {
        let child = Child {
            key: ShardKey {
                shard: work.first.shard + index,
                ..work.first.clone()
            },
            round: work.round,
            timeout_s: work.timeout_s,
            name: name.to_owned(),
            left: left.clone(),
        };
        state.queues.count(&About::Shard(child.key.clone()), 1);
        start(&caller.world, child, 1);
    }
}

/// One container of an array.
#[derive(Debug, Clone)]
struct Child {
    key: ShardKey,
    round: u32,
    timeout_s: u32,
    name: String,
    left: Arc<std::sync::atomic::AtomicU32>,
}

fn start(world: &World, child: Child, attempt: u32) {
    let delay_us = world.clock.roll(|chance| chance.between(SECOND, 20 * SECOND));
    let world = world.clone();
    world.clock.clone().spawn(async move {
        world.clock.sleep_us(delay_us).await;
        let mut end = End {
            world: world.clone(),
            child: Some(child.clone()),
            attempt,
            is_good: false,
        };
        end.is_good = run(&world, &child).await;
    });
}

/// Runs one container to its end, good or bad.
async fn run(world: &World, child: &Child) -> bool {
    let timeout_us = (u64::from(child.timeout_s) + 120) * SECOND;
    let (machine, _living) = functions::machine(world, child.key.stage.as_str(), "container");
    let task = world.clock.current();
    let killer = world.clone();
    let born_us = world.clock.now_us();
    world.clock.at(born_us + timeout_us, move || killer.clock.kill(task));
    let Ok(Some(row)) = world.job(child.key.job).await else {
        return false;
    };
    let shards = world
        .state()
        .jobs
        .get(&child.key.job)
        .and_then(|job| job.rows.shard_count(&child.key.stage).ok().flatten())
        .unwrap_or(1);
    let now = machine.now();
    let work = Task::new(&row.value, child.key.clone(), shards, "batch", now);
    let deadline = now + jiff::SignedDuration::from_micros(timeout_us as i64);
    matches!(machine.harness.run_task(&work, deadline).await, Ok(Disposal::Acknowledge))
}

/// The end of a container, however it came.
struct End {
    world: World,
    child: Option<Child>,
    attempt: u32,
    is_good: bool,
}

impl Drop for End {
    fn drop(&mut self) {
        let Some(child) = self.child.take() else { return };
        if !self.is_good && self.attempt < ATTEMPTS {
            start(&self.world, child, self.attempt + 1);
            return;
        }
        let now_us = self.world.clock.now_us();
        let caller = Caller {
            world: self.world.clone(),
            task: 0,
            now_us,
        };
        let about = About::Shard(child.key.clone());
        let mut state = self.world.state();
        if !self.is_good {
            state.tally.faults.batch_failures += 1;
            tell_failure(&mut state, &child, &about, &caller);
        }
        state.queues.count(&about, -1);
        if child.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) == 1 {
            state.queues.under_way.remove(&child.name);
        }
    }
}

fn tell_failure(state: &mut State, child: &Child, about: &About, caller: &Caller) {
    let event = FailureEvent {
        key: child.key.clone(),
        round: child.round,
    };
    let Ok(body) = serde_json::to_string(&event) else { return };
    let body: Arc<str> = body.into();
    let queue = state.queues.of_batch_failures();
    let rates = state.rates();
    let (again, late_us) = caller.world.clock.roll(|chance| {
        (chance.happens(rates.late_event), chance.between(SECOND, 600 * SECOND))
    });
    state.send_message(queue, &body, about, caller);
    if again {
        state.tally.faults.late_events += 1;
        let (later, about) = (caller.world.clone(), about.clone());
        caller.world.clock.at(caller.now_us + late_us, move || {
            let caller = Caller {
                now_us: later.clock.now_us(),
                task: 0,
                world: later.clone(),
            };
            later.state().send_message(queue, &body, &about, &caller);
        });
    }
}

/// Handles what the rule told: a shard of the job's present round that nobody will run again is given up.
pub async fn handle_failure(
    conductor: &functions::SimConductor,
    body: &str,
) -> Result<(), marey_cloud::CloudError> {
    let Ok(event) = serde_json::from_str::<FailureEvent>(body) else {
        return Ok(());
    };
    let Some(row) = conductor.store.job(event.key.job).await? else {
        return Ok(());
    };
    if row.value.round != event.round {
        return Ok(());
    }
    let now = marey_cloud::Time::now(&conductor.time);
    let task = Task::new(&row.value, event.key, 1, "batch-failures", now);
    dead_letter::abandon(conductor, &task, "its container failed").await
}

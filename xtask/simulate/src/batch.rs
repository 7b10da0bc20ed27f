//! AWS Batch as far as Marey needs it: arrays of containers by name, tried again by Batch itself, whose failures are told
//! late and more than once.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use marey_cloud::{aws::batch::BatchName, harness::Disposal, queues::BatchWork, store::ReadJobs};
use marey_engine::{ShardKey, Task};
use serde_json::json;

use crate::{
    clock::moment,
    functions,
    queues::About,
    scenario::SECOND,
    world::{Caller, State, World},
};

/// Batch tries a container so often (`retryStrategy` of the job definition).
const ATTEMPTS: u32 = 3;

/// Takes work, unless a Batch job of this name has not ended.
pub fn submit(state: &mut State, work: &BatchWork, caller: &Caller) {
    let name = BatchName::of(work);
    if !state.queues.under_way.insert(name.to_string()) {
        return;
    }
    if let Some(job) = state.jobs.get_mut(&work.first.job) {
        job.dispatches += u64::from(work.count);
    }
    let array = Arc::new(Array {
        name,
        left: AtomicU32::new(work.count),
        has_failed: AtomicBool::new(false),
    });
    for index in 0..work.count {
        let child = Child {
            key: ShardKey {
                shard: work.first.shard + index,
                ..work.first.clone()
            },
            index,
            timeout_s: work.timeout_s,
            array: array.clone(),
        };
        state.queues.count(&About::Shard(child.key.clone()), 1);
        *state
            .queues
            .containers
            .entry((child.key.clone(), work.round))
            .or_default() += 1;
        start(&caller.world, child, 1);
    }
}

/// One container of an array.
#[derive(Debug, Clone)]
struct Child {
    key: ShardKey,
    index: u32,
    timeout_s: u32,
    array: Arc<Array>,
}

/// Containers that were submitted together.
#[derive(Debug)]
struct Array {
    name: BatchName,
    left: AtomicU32,
    has_failed: AtomicBool,
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
    if row.value.round != child.array.name.round {
        return true;
    }
    // Like every program it looks at the rows before it begins.
    let shards = world
        .state()
        .jobs
        .get(&child.key.job)
        .and_then(|job| job.rows.shard_count(&child.key.stage).ok()?);
    let now = machine.now();
    let work = Task::new(&row.value, child.key.clone(), shards.unwrap_or(1), "batch", now);
    let deadline = now + jiff::SignedDuration::from_micros(timeout_us as i64);
    matches!(
        machine.harness.run_task(&work, deadline).await,
        Ok(Disposal::Acknowledge)
    )
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
            child.array.has_failed.store(true, Ordering::Relaxed);
            let index = (child.array.name.count > 1).then_some(child.index);
            tell_failure(&mut state, &child.array, index, &about, &caller);
        }
        state.queues.count(&about, -1);
        let container = (child.key.clone(), child.array.name.round);
        if let Some(count) = state.queues.containers.get_mut(&container) {
            *count -= 1;
        }
        if child.array.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            state.queues.under_way.remove(&child.array.name.to_string());
            if child.array.name.count > 1 && child.array.has_failed.load(Ordering::Relaxed) {
                tell_failure(&mut state, &child.array, None, &about, &caller);
            }
        }
    }
}

/// EventBridge's event of a child of an array by its index, or of a whole job.
fn tell_failure(state: &mut State, array: &Array, index: Option<u32>, about: &About, caller: &Caller) {
    let suffix = index.map(|index| format!(":{index}")).unwrap_or_default();
    let stopped_at = moment(caller.now_us);
    let size = (array.name.count > 1 && index.is_none()).then_some(array.name.count);
    let event = json!({
        "detail-type": "Batch Job State Change",
        "time": stopped_at,
        "detail": {
            "jobName": array.name.to_string(),
            "jobId": format!("simulated{suffix}"),
            "status": "FAILED",
            "stoppedAt": stopped_at.as_millisecond(),
            "arrayProperties": {"index": index, "size": size},
        },
    });
    let body: Arc<str> = event.to_string().into();
    let queue = state.queues.of_batch_failures();
    let rates = state.rates();
    let (again, late_us) = caller
        .world
        .clock
        .roll(|chance| (chance.happens(rates.late_event), chance.between(SECOND, 600 * SECOND)));
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

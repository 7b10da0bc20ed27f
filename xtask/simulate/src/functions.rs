//! The functions: what reads the queues, one message at a time on each machine, until it ends, is killed or runs out of time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    CloudError, Conductor, Time, dead_letter,
    harness::{Disposal, Harness, Received},
    store::WriteJobs,
};
use marey_engine::{Job, JobId, JobState, StageRow, Upload, Wishes, Workflow, cost::Machine};
use serde_json::json;

use crate::{
    bucket::Workshop,
    clock::moment,
    queues::{Reader, acknowledged, pump},
    scenario::SECOND,
    world::{Call, Living, MachineTime, World},
};

/// The real conductor in the simulated world.
pub type SimConductor = Conductor<World, World, World, MachineTime>;

/// The real harness in the simulated world.
pub type SimHarness = Harness<Workshop, World, World, World, MachineTime>;

/// Clocks of machines are wrong by up to so much.
const SKEW_US: u64 = 4 * SECOND;

/// A function's time limit; the longest that AWS allows.
const FUNCTION_S: u64 = 900;

/// A machine with a harness.
pub struct SimMachine {
    /// The harness.
    pub harness: SimHarness,
    time: MachineTime,
}

impl SimMachine {
    /// The time on it.
    pub fn now(&self) -> Timestamp {
        self.time.now()
    }
}

/// The conductor of a process whose clock is wrong by so much.
pub fn conductor(world: &World, source: &str, skew_us: i64) -> SimConductor {
    Conductor {
        store: world.clone(),
        artifacts: world.clone(),
        queues: world.clone(),
        source: source.to_owned(),
        time: MachineTime::new(world, skew_us),
    }
}

/// A clock error.
pub fn skew(world: &World) -> i64 {
    world
        .clock
        .roll(|chance| chance.between(0, 2 * SKEW_US) as i64 - SKEW_US as i64)
}

/// A machine for a stage, and the process that lives on it.
pub fn machine(world: &World, stage: &str, kind: &str) -> (SimMachine, Living) {
    let skew_us = skew(world);
    let living = world.begin_process(format!("stage {stage} in a {kind}"), skew_us);
    let conductor = conductor(world, stage, skew_us);
    let time = conductor.time.clone();
    let harness = Harness::new(Workshop::new(world, stage), conductor, Machine::Own, "simulated");
    (SimMachine { harness, time }, living)
}

/// One more or less message that a function works on.
struct Busy {
    world: World,
    queue: usize,
}

impl Drop for Busy {
    fn drop(&mut self) {
        let (world, queue) = (self.world.clone(), self.queue);
        world.state().queues.all[queue].busy -= 1;
        // The machine is free for the next message; not within this call, which may hold what that one needs.
        let now_us = world.clock.now_us();
        world.clock.clone().at(now_us + 1_000, move || pump(&world, queue));
    }
}

/// A function is called with a message.
pub async fn invoked(world: World, queue: usize, reader: Reader, message: Received) {
    let _busy = Busy {
        world: world.clone(),
        queue,
    };
    let begins_us = world.clock.roll(|chance| chance.between(2_000, 400_000));
    world.clock.sleep_us(begins_us).await;
    let task = world.clock.current();
    let deadline_us = world.clock.now_us() + FUNCTION_S * SECOND;
    let killer = world.clone();
    world.clock.at(deadline_us, move || {
        // Whoever has ended is not there any more.
        let mut state = killer.state();
        if state.processes.contains_key(&task) {
            state.tally.faults.deadlines += 1;
            drop(state);
            killer.clock.kill(task);
        }
    });
    if let Reader::Stage(stage) = &reader {
        let (machine, _living) = machine(&world, stage, "function");
        let deadline = machine.now() + SignedDuration::from_secs(FUNCTION_S as i64);
        let disposal = machine.harness.handle(&message, deadline).await;
        acknowledge(&world, &message, disposal).await;
    } else {
        let skew_us = skew(&world);
        let _living = world.begin_process(format!("{reader:?}"), skew_us);
        let conductor = conductor(&world, "simulation", skew_us);
        let disposal = glue(&conductor, &reader, &message).await;
        acknowledge(&world, &message, disposal).await;
    }
}

/// The functions that run no stage.
async fn glue(conductor: &SimConductor, reader: &Reader, message: &Received) -> Disposal {
    let handled = match reader {
        Reader::DeadLetters | Reader::BatchFailures => match dead_letter::handle(conductor, message).await {
            Ok(disposal) => return disposal,
            Err(error) => Err(error),
        },
        _ => intake(conductor, &message.body).await,
    };
    let disposal = match handled {
        Ok(()) => Disposal::Acknowledge,
        Err(_) => message.after_trouble(&conductor.time),
    };
    message.put_back(&conductor.queues, disposal).await;
    disposal
}

async fn acknowledge(world: &World, message: &Received, disposal: Disposal) {
    if disposal != Disposal::Acknowledge {
        return;
    }
    let what = || format!("{} {}", message.queue, message.receipt);
    // That a message could not be deleted is the queue's trouble: it comes again.
    let _ = world
        .call(Call::Acknowledge, what, |state, caller| {
            acknowledged(state, message, caller.task, &caller.world);
            Ok(())
        })
        .await;
}

/// Makes the job of an upload, and begins it: what the function `intake` does.
///
/// # Errors
/// A service failed.
pub async fn intake(conductor: &SimConductor, body: &str) -> Result<(), CloudError> {
    let Ok(plan) = body.parse::<usize>() else { return Ok(()) };
    let (job, stages) = job_of(&conductor.store, plan);
    conductor.store.create(&job, &stages).await?;
    conductor.advance(job.id).await.map(drop)
}

/// The id of the job that a plan makes.
pub fn id_of(plan: usize) -> JobId {
    JobId::of_object("uploads", &format!("uploads/{plan}.mp4"), None, "etag")
}

fn job_of(world: &World, plan: usize) -> (Job, Vec<StageRow>) {
    let mut state = world.state();
    let asked = state.scenario.jobs[plan].clone();
    let id = id_of(plan);
    state.plans.insert(id, plan);
    drop(state);
    let workflow = Workflow::shipped(asked.workflow);
    let stages = workflow.iter().flat_map(Workflow::stages).map(StageRow::of).collect();
    let created_at = moment(asked.at_us);
    let deadline_s = workflow.map_or(86_400, |workflow| workflow.deadline_s());
    let job = Job {
        id,
        owner: "default".to_owned(),
        workflow: asked.workflow.to_owned(),
        input: Upload {
            bucket: "uploads".to_owned(),
            key: format!("uploads/{plan}.mp4"),
            version: None,
            etag: format!("etag {}", asked.content),
            bytes: 1_000_000,
            name: "video.mp4".to_owned(),
            member: None,
        },
        priority: asked.priority,
        created_at,
        deadline: Some(created_at + SignedDuration::from_secs(i64::from(deadline_s))),
        round: 0,
        forgotten: false,
        wishes: Wishes {
            params: [("shards".to_owned(), json!(asked.shards))].into(),
            runs_on: asked.runs_on,
            reuse: asked.reuse,
            ..Wishes::default()
        },
        trace: String::new(),
        state: JobState::Running,
    };
    (job, stages)
}

/// The body of the message that announces an upload.
pub fn announcement(plan: usize) -> Arc<str> {
    plan.to_string().into()
}

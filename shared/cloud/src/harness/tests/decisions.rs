//! Pauses, the breaker, retries, earlier results, work without a message, the sweeper.

use marey_engine::{
    Control, JobEvent, Pause, RepairReason, Scope, Wishes, control::BREAKER_THRESHOLD, repair::Backlog,
};

use super::*;
use crate::{
    store::{KeepPulses, ReadControls, WriteControls},
    sweep::{Repaired, Swept},
};

async fn sweep(world: &World, backlog: &Backlog) -> Vec<Repaired> {
    let (mut swept, until) = (Swept::default(), Timestamp::now() + SignedDuration::from_secs(60));
    crate::sweep::sweep(&world.conductor(), backlog, until, &mut swept)
        .await
        .unwrap();
    assert_eq!(swept.troubles, []);
    swept.repaired
}

fn busy(_: &Work) -> Result<Output, StageError> {
    Err(StageError::transient("BUSY", "m", "h"))
}

async fn pause(memory: &Memory, scope: Scope) {
    let pause = Pause {
        since: Timestamp::now(),
        by: "ann".into(),
        reason: "maintenance".into(),
    };
    let control = Control {
        pause: Some(pause),
        ..Control::new(scope)
    };
    memory.put_control(&control, None).await.unwrap();
}

async fn resume(memory: &Memory) {
    for row in memory.control_rows().await.unwrap() {
        let control = Control {
            pause: None,
            ..row.value
        };
        memory.put_control(&control, Some(row.version)).await.unwrap();
    }
}

fn probe() -> Scope {
    Scope::Stage("probe".parse().unwrap())
}

#[tokio::test]
async fn a_paused_stage_uses_up_no_delivery_and_goes_on_where_it_was() {
    let world = World::new().await;
    let message = world.message();
    pause(&world.memory, probe()).await;
    assert_eq!(
        world.probe(&message, good).await,
        Disposal::Acknowledge,
        "the message leaves the queue"
    );
    assert_eq!(world.shard("probe").await.state, ShardState::Held);
    assert_eq!(
        world.conductor().advance(world.job.id).await.unwrap(),
        Advance::Dispatched(0)
    );
    resume(&world.memory).await;
    assert_eq!(
        world.conductor().advance(world.job.id).await.unwrap(),
        Advance::Dispatched(1)
    );
    assert_eq!(world.probe(&world.message(), good).await, Disposal::Acknowledge);
    let shard = world.shard("probe").await;
    assert!(shard.is_complete());
    assert_eq!((shard.attempt, world.runs.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn a_drain_lets_run_what_was_sent() {
    let world = World::new().await;
    let message = world.message();
    pause(&world.memory, Scope::System).await;
    assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
    assert!(world.shard("probe").await.is_complete());
    assert_eq!(
        world.memory.receive().unwrap().payload.stage.as_str(),
        "pose",
        "what has begun is ended"
    );
}

#[tokio::test]
async fn a_stage_that_fails_every_job_is_paused_and_keeps_its_messages() {
    let memory = Memory::default();
    let mut worlds = Vec::new();
    for _ in 0..=BREAKER_THRESHOLD {
        let world = World::within(&memory).await;
        let message = world.message();
        worlds.push((world, message));
    }
    let (last, rest) = worlds.split_last().unwrap();
    for (world, message) in rest {
        assert!(matches!(world.probe(message, busy).await, Disposal::Return(_)));
    }
    let controls = memory.controls().await.unwrap();
    assert!(controls.get(&probe()).unwrap().is_tripped());
    // From now on nothing is tried, nothing is used up, nothing reaches a dead-letter queue.
    assert_eq!(last.0.probe(&last.1, good).await, Disposal::Acknowledge);
    assert_eq!(last.0.shard("probe").await.state, ShardState::Held);
    assert_eq!(last.0.runs.load(Ordering::Relaxed), 0);
    assert_eq!(rest[0].0.probe(&rest[0].1, good).await, Disposal::Acknowledge);
    assert_eq!(rest[0].0.shard("probe").await.state, ShardState::Held);
}

#[tokio::test]
async fn bad_videos_do_not_trip_the_breaker() {
    let memory = Memory::default();
    for _ in 0..2 * BREAKER_THRESHOLD {
        let world = World::within(&memory).await;
        let bad = |_: &Work| Err(StageError::permanent("MEDIA_EMPTY", "m", "h"));
        assert_eq!(world.probe(&world.message(), bad).await, Disposal::Acknowledge);
    }
    assert!(memory.controls().await.unwrap().get(&probe()).is_none());
}

#[tokio::test]
async fn a_retry_resumes_from_what_failed_and_an_old_message_does_no_harm() {
    let world = World::new().await;
    let first = world.message();
    let bad = |_: &Work| Err(StageError::permanent("MEDIA_EMPTY", "m", "h"));
    world.probe(&first, bad).await;
    let row = world.memory.job(world.job.id).await.unwrap().unwrap();
    let deadline = Timestamp::now() + SignedDuration::from_hours(1);
    let again = row.value.apply(JobEvent::Retry { deadline }, Timestamp::now()).unwrap();
    world.memory.put_job(&again, row.version).await.unwrap();
    // Whoever asked may die here: the old message alone is enough to go on.
    assert_eq!(world.probe(&first, good).await, Disposal::Acknowledge);
    let shard = world.shard("probe").await;
    assert!(shard.is_complete());
    assert_eq!((shard.attempt, shard.round, shard.attempts_this_round()), (2, 1, 1));
    assert_eq!(world.memory.receive().unwrap().payload.stage.as_str(), "pose");
}

#[tokio::test]
async fn a_job_that_asks_for_it_takes_over_what_an_earlier_one_left() {
    let world = World::new().await;
    world.probe(&world.message(), good).await;
    let reuse = |name: &str| {
        let mut job = world.job.clone();
        job.id = marey_engine::JobId::of_object("again", name, None, "e");
        job.wishes = Wishes {
            reuse: true,
            ..Wishes::default()
        };
        job
    };
    let again = |job: Job| {
        let world = World {
            memory: world.memory.clone(),
            job,
            runs: Arc::default(),
        };
        async move {
            let stages = Workflow::shipped("motion").unwrap();
            let stages: Vec<_> = stages.stages().iter().map(marey_engine::StageRow::of).collect();
            while world.memory.receive().is_some() {}
            world.memory.create(&world.job, &stages).await.unwrap();
            world.conductor().advance(world.job.id).await.unwrap();
            assert_eq!(world.probe(&world.message(), good).await, Disposal::Acknowledge);
            let runs = world.runs.load(Ordering::Relaxed);
            let ShardState::Completed { artifacts, reused, .. } = world.shard("probe").await.state else {
                panic!("it is complete")
            };
            assert_eq!(reused, runs == 0);
            for artifact in &artifacts {
                assert!(
                    artifact.key.contains(&world.job.id.to_string()),
                    "its own copy: {}",
                    artifact.key
                );
                assert!(world.memory.object(&artifact.key).is_some());
            }
            runs
        }
    };
    assert_eq!(again(reuse("same")).await, 0);
    let mut other_content = reuse("content");
    other_content.input.etag = "other".into();
    assert_eq!(again(other_content).await, 1);
    let mut other_owner = reuse("owner");
    other_owner.owner = "eve".into();
    assert_eq!(again(other_owner).await, 1, "nobody learns what somebody else uploaded");
    let mut not_asked = reuse("not asked");
    not_asked.wishes.reuse = false;
    assert_eq!(again(not_asked).await, 1);
}

#[tokio::test]
async fn results_that_are_gone_are_made_again() {
    let world = World::new().await;
    world.probe(&world.message(), good).await;
    let mut job = world.job.clone();
    job.id = marey_engine::JobId::of_object("again", "gone", None, "e");
    job.wishes.reuse = true;
    let second = World {
        memory: world.memory.clone(),
        job,
        runs: Arc::default(),
    };
    while second.memory.receive().is_some() {}
    let stages = Workflow::shipped("motion").unwrap();
    let stages: Vec<_> = stages.stages().iter().map(marey_engine::StageRow::of).collect();
    second.memory.create(&second.job, &stages).await.unwrap();
    second.conductor().advance(second.job.id).await.unwrap();
    second.memory.break_down("copy");
    assert_eq!(second.probe(&second.message(), good).await, Disposal::Acknowledge);
    assert_eq!(second.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn work_without_a_message_ends_its_shard_itself() {
    let world = World::new().await;
    let task: Task = serde_json::from_str(&world.message().body).unwrap();
    let deadline = Timestamp::now() + SignedDuration::from_secs(100);
    let run = |run: fn(&Work) -> Result<Output, StageError>| {
        let stage = Scripted {
            name: "probe",
            run,
            runs: world.runs.clone(),
        };
        let (harness, task) = (harness(stage, world.conductor()), task.clone());
        async move { harness.run_task(&task, deadline).await.unwrap() }
    };
    assert!(matches!(run(busy).await, Disposal::Return(Some(_))));
    assert!(matches!(run(busy).await, Disposal::Return(Some(_))));
    assert_eq!(run(busy).await, Disposal::Acknowledge, "no dead letter will come");
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "BUSY"));
    assert_eq!(run(good).await, Disposal::Acknowledge);
    assert_eq!(world.runs.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_worker_shows_signs_of_life() {
    let world = World::new().await;
    world.probe(&world.message(), good).await;
    let pulses = world.memory.pulses(&"probe".parse().unwrap()).await.unwrap();
    assert_eq!(pulses.len(), 1);
    assert_eq!((pulses[0].completed, pulses[0].failed, pulses[0].frames), (1, 0, 3));
}

#[tokio::test]
async fn the_sweeper_sends_again_what_lost_its_message() {
    let world = World::new().await;
    drop(world.message());
    let backlog = [("probe".parse().unwrap(), 0)].into();
    assert_eq!(sweep(&world, &backlog).await, [], "not before its time");
    let mut row = world
        .memory
        .shard(&world.shard("probe").await.key)
        .await
        .unwrap()
        .unwrap();
    row.value.waiting_since -= SignedDuration::from_mins(5);
    world.memory.put_shard(&row.value, Some(row.version)).await.unwrap();
    let repaired = sweep(&world, &backlog).await;
    assert_eq!(repaired.len(), 1);
    assert_eq!(repaired[0].reason, RepairReason::MessageLost);
    assert_eq!(sweep(&world, &backlog).await, [], "once is enough");
    assert_eq!(world.probe(&world.message(), good).await, Disposal::Acknowledge);
}

#[tokio::test]
async fn the_sweeper_carries_out_what_a_dead_planner_left() {
    let world = World::new().await;
    let message = world.message();
    world.memory.break_down("send");
    assert!(matches!(world.probe(&message, good).await, Disposal::Return(_)));
    world.memory.recover();
    let repaired = sweep(&world, &Backlog::new()).await;
    assert_eq!(repaired[0].reason, RepairReason::PlanNotCarriedOut);
    assert_eq!(world.memory.receive().unwrap().payload.stage.as_str(), "pose");
}

/// A world whose probe has found so many shards, with the messages of pose.
async fn cut_into(shards: u32) -> (World, Vec<Received>) {
    let world = World::new().await;
    let found = move |work: &Work| {
        let output = good(work)?;
        Ok(Output {
            facts: json!({"shards": shards}),
            ..output
        })
    };
    assert_eq!(world.probe(&world.message(), found).await, Disposal::Acknowledge);
    let messages = std::iter::from_fn(|| world.memory.receive())
        .map(|task| received(&task))
        .collect();
    (world, messages)
}

async fn pose(world: &World, message: &Received, run: fn(&Work) -> Result<Output, StageError>) -> Disposal {
    let stage = Scripted {
        name: "pose",
        run,
        runs: world.runs.clone(),
    };
    let deadline = Timestamp::now() + SignedDuration::from_secs(100);
    harness(stage, world.conductor()).handle(message, deadline).await
}

#[tokio::test]
async fn a_permanent_failure_does_not_wait_for_its_siblings() {
    let (world, messages) = cut_into(40).await;
    assert_eq!(messages.len(), 40);
    let bad = |_: &Work| Err(StageError::permanent("MEDIA_EMPTY", "m", "h"));
    assert_eq!(pose(&world, &messages[7], bad).await, Disposal::Acknowledge);
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "MEDIA_EMPTY"));
}

#[tokio::test]
async fn the_last_of_many_shards_starts_the_next_stage_once() {
    let (world, messages) = cut_into(40).await;
    for message in &messages {
        assert_eq!(pose(&world, message, promised_only).await, Disposal::Acknowledge);
    }
    let next: Vec<_> = std::iter::from_fn(|| world.memory.receive())
        .map(|task| task.payload.stage.to_string())
        .collect();
    assert_eq!(next, ["biomechanics"]);
}

fn promised_only(work: &Work) -> Result<Output, StageError> {
    let files = promised(work)?;
    let facts = json!({});
    Ok(Output { files, facts })
}

#[tokio::test]
async fn a_shard_that_its_stage_has_not_got_is_not_run() {
    let (world, messages) = cut_into(2).await;
    let task: Task = serde_json::from_str(&messages[0].body).unwrap();
    let key = ShardKey {
        shard: 99,
        ..task.payload
    };
    let odd = received(&Task::new(&world.job, key, 2, "x", Timestamp::now()));
    assert_eq!(pose(&world, &odd, promised_only).await, Disposal::Return(Some(0)));
}

#[tokio::test]
async fn attempts_that_are_killed_trip_the_breaker_too() {
    let memory = Memory::default();
    for _ in 0..BREAKER_THRESHOLD {
        let world = World::within(&memory).await;
        let message = world.message();
        // Whoever took the lease was killed, and its message comes back when it has expired.
        let row = world
            .memory
            .shard(&world.shard("probe").await.key)
            .await
            .unwrap()
            .unwrap();
        let lease = ShardEvent::Lease {
            token: LeaseToken(uuid::Uuid::new_v4()),
            until: Timestamp::now() - SignedDuration::from_secs(1),
            max_attempts: 3,
        };
        let killed = row
            .value
            .apply(lease, Timestamp::now() - SignedDuration::from_secs(60))
            .unwrap();
        world.memory.put_shard(&killed, Some(row.version)).await.unwrap();
        world.probe(&message, busy).await;
    }
    assert!(memory.controls().await.unwrap().get(&probe()).unwrap().is_tripped());
}

/// A job whose `pose` has 60 shards on AWS Batch, submitted and waiting for hours.
async fn on_batch() -> (World, marey_engine::Snapshot) {
    let world = World::new().await;
    world.memory.offer_batch();
    let mut row = world.memory.job(world.job.id).await.unwrap().unwrap();
    row.value.wishes.runs_on = Some(marey_engine::RunsOn::Batch);
    world.memory.put_job(&row.value, row.version).await.unwrap();
    let snapshot = world.memory.snapshot(world.job.id).await.unwrap().unwrap();
    let workflow = Workflow::shipped("motion").unwrap();
    let pose = workflow.stage(&"pose".parse().unwrap()).unwrap();
    let shards: Vec<_> = (0..60).map(|shard| pose_shard(&world, shard)).collect();
    let route = marey_engine::Route::Batch;
    world
        .conductor()
        .dispatch(&snapshot, pose, &shards, route)
        .await
        .unwrap();
    for key in &shards {
        let mut row = world.memory.shard(key).await.unwrap().unwrap();
        row.value.waiting_since -= SignedDuration::from_hours(3);
        world.memory.put_shard(&row.value, Some(row.version)).await.unwrap();
    }
    (world, snapshot)
}

fn pose_shard(world: &World, shard: u32) -> ShardKey {
    ShardKey {
        job: world.job.id,
        stage: "pose".parse().unwrap(),
        shard,
    }
}

#[tokio::test]
async fn a_sweep_asks_batch_once_for_a_stage_and_makes_so_many_repairs_for_one_job() {
    let (world, _) = on_batch().await;
    assert_eq!(sweep(&world, &Backlog::new()).await, [], "all of them are in hand");
    assert_eq!(world.memory.batch_asked(), 1);
    for shard in 0..60 {
        world.memory.end_containers(&pose_shard(&world, shard));
    }
    assert_eq!(sweep(&world, &Backlog::new()).await.len(), 50);
    assert_eq!(sweep(&world, &Backlog::new()).await.len(), 10);
}

#[tokio::test]
async fn children_that_ended_are_submitted_again_and_their_siblings_are_not() {
    let (world, snapshot) = on_batch().await;
    for shard in 5..=20 {
        world.memory.end_containers(&pose_shard(&world, shard));
    }
    let workflow = Workflow::shipped("motion").unwrap();
    let pose = workflow.stage(&"pose".parse().unwrap()).unwrap();
    let wanted: Vec<_> = (0..30).map(|shard| pose_shard(&world, shard)).collect();
    let route = marey_engine::Route::Batch;
    world.conductor().send(&snapshot, pose, &wanted, route).await.unwrap();
    let submitted: Vec<_> = world
        .memory
        .submitted()
        .iter()
        .map(|work| (work.first.shard, work.count))
        .collect();
    assert_eq!(submitted, [(0, 60), (5, 16)]);
}

#[tokio::test]
async fn a_job_that_cannot_be_read_ends_at_its_deadline() {
    let world = World::new().await;
    let mut row = world.memory.job(world.job.id).await.unwrap().unwrap();
    row.value.deadline = Some(Timestamp::now() - SignedDuration::from_secs(1));
    world.memory.put_job(&row.value, row.version).await.unwrap();
    world.memory.garble("snapshot");
    let (mut swept, until) = (Swept::default(), Timestamp::now() + SignedDuration::from_secs(60));
    crate::sweep::sweep(&world.conductor(), &Backlog::new(), until, &mut swept)
        .await
        .unwrap();
    assert_eq!(swept.repaired.len(), 1);
    assert_eq!(swept.troubles.len(), 1, "whoever operates Marey is told");
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "JOB_DEADLINE"));
}

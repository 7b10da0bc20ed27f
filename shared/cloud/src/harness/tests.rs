use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use marey_engine::{Job, JobState, ShardState};
use serde_json::json;

use super::*;
use crate::{
    Output, OutputFile, Work,
    artifacts::Manifest,
    conductor::Advance,
    memory::Memory,
    store::{ReadJobs, WriteJobs},
};

mod decisions;
mod trouble;

/// A stage whose behaviour a test chooses.
struct Scripted<F> {
    name: &'static str,
    run: F,
    runs: Arc<AtomicU32>,
}

impl<F: Fn(&Work) -> Result<Output, StageError> + Send + Sync + 'static> Stage for Scripted<F> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        (self.run)(work)
    }
}

struct World {
    memory: Memory,
    job: Job,
    runs: Arc<AtomicU32>,
}

impl World {
    async fn new() -> Self {
        Self::within(&Memory::default()).await
    }

    /// A job of its own in a memory that others share.
    async fn within(memory: &Memory) -> Self {
        let memory = memory.clone();
        let (job, stages) = crate::store::contract::new_job("default", 0);
        memory.create(&job, &stages).await.unwrap();
        memory.put_object(&job.input.key, "video");
        let world = Self {
            memory,
            job,
            runs: Arc::default(),
        };
        assert_eq!(
            world.conductor().advance(world.job.id).await.unwrap(),
            Advance::Dispatched(1)
        );
        world
    }

    fn conductor(&self) -> Conductor<Memory, Memory, Memory> {
        let memory = || self.memory.clone();
        let source = "test".to_owned();
        Conductor {
            store: memory(),
            artifacts: memory(),
            queues: memory(),
            source,
            time: RealTime,
        }
    }

    fn message(&self) -> Received {
        let task = self.memory.receive().expect("a task was sent");
        received(&task)
    }

    async fn probe(
        &self,
        message: &Received,
        run: impl Fn(&Work) -> Result<Output, StageError> + Send + Sync + 'static,
    ) -> Disposal {
        let stage = Scripted {
            name: "probe",
            run,
            runs: self.runs.clone(),
        };
        let deadline = Timestamp::now() + SignedDuration::from_secs(100);
        let harness = Harness {
            heartbeat: Some(Duration::from_millis(20)),
            ..harness(stage, self.conductor())
        };
        harness.handle(message, deadline).await
    }

    async fn shard(&self, stage: &str) -> Shard {
        let key = ShardKey {
            job: self.job.id,
            stage: stage.parse().unwrap(),
            shard: 0,
        };
        self.memory
            .shard(&key)
            .await
            .unwrap()
            .expect("the shard is there")
            .value
    }

    async fn job(&self) -> Job {
        self.memory.job(self.job.id).await.unwrap().unwrap().value
    }
}

fn harness<G: Stage>(stage: G, conductor: Conductor<Memory, Memory, Memory>) -> StageHarness<G> {
    Harness::of_stage(stage, conductor, Machine::Own, "test")
}

type StageHarness<G> = Harness<StageWorkplace<G, Memory>, Memory, Memory, Memory>;

fn received(task: &Task) -> Received {
    Received {
        body: serde_json::to_string(task).unwrap(),
        queue: "q".into(),
        receipt: "r".into(),
        receives: 1,
    }
}

fn good(work: &Work) -> Result<Output, StageError> {
    assert_eq!(std::fs::read(work.upload()?)?, b"video");
    let path = work.scratch.join("out");
    std::fs::write(&path, "result")?;
    let file = OutputFile {
        name: "video.json".into(),
        content_type: "application/json",
        path,
    };
    Ok(Output {
        files: promised(work)?.into_iter().chain([file]).collect(),
        facts: json!({"frames": 3, "shards": 1}),
    })
}

/// Whatever else the stage promises.
fn promised(work: &Work) -> Result<Vec<OutputFile>, StageError> {
    let workflow = Workflow::shipped(&work.job.workflow).expect("the workflow is shipped");
    let spec = workflow.stage(&work.shard.stage).expect("the stage is one of it");
    let path = work.scratch.join("promised");
    std::fs::write(&path, "x")?;
    let others = spec.artifacts.iter().filter(|name| *name != "video.json");
    let file = |name: &String| OutputFile {
        name: name.clone().into(),
        content_type: "text/plain",
        path: path.clone(),
    };
    Ok(others.map(file).collect())
}

#[tokio::test]
async fn a_stage_that_ends_well_leaves_artifacts_and_starts_the_next() {
    let world = World::new().await;
    let message = world.message();
    assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
    let shard = world.shard("probe").await;
    let ShardState::Completed { artifacts, .. } = &shard.state else {
        panic!("{:?}", shard.state)
    };
    let result = artifacts.iter().find(|artifact| artifact.name == "video.json").unwrap();
    assert_eq!(world.memory.object(&result.key).unwrap(), b"result");
    assert_eq!(
        result.sha256, "f6a214f7a5fcda0c2cee9660b7fc29f5649e3c68aad48e20e950137c98913a68",
        "`printf result | sha256sum`"
    );
    assert_eq!(world.memory.receive().unwrap().payload.stage.as_str(), "pose");
    assert!(world.memory.receive().is_none(), "one task follows");
}

#[tokio::test]
async fn a_duplicate_does_nothing_but_plan_again() {
    let world = World::new().await;
    let message = world.message();
    world.probe(&message, good).await;
    assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
    assert_eq!(world.runs.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_message_comes_back_while_another_attempt_works() {
    let world = World::new().await;
    let message = world.message();
    let inner = received(&serde_json::from_str(&message.body).unwrap());
    let memory = world.memory.clone();
    let second = World {
        memory,
        job: world.job.clone(),
        runs: Arc::default(),
    };
    let handle = tokio::runtime::Handle::current();
    let disposal = world.probe(&message, move |work| {
        let again = handle.block_on(second.probe(&inner, good));
        assert!(matches!(again, Disposal::Return(Some(1..=61))), "{again:?}");
        assert_eq!(second.runs.load(Ordering::Relaxed), 0);
        good(work)
    });
    assert_eq!(disposal.await, Disposal::Acknowledge);
}

#[tokio::test]
async fn transient_failures_come_back_later_and_stop_at_the_policy() {
    let world = World::new().await;
    let message = world.message();
    let busy = |_: &Work| Err(StageError::transient("BUSY", "m", "h"));
    for attempt in 1..=3 {
        let disposal = world.probe(&message, busy).await;
        assert!(matches!(disposal, Disposal::Return(Some(_))), "{disposal:?}");
        let shard = world.shard("probe").await;
        assert_eq!((shard.attempt, shard.state), (attempt, ShardState::Queued));
    }
    assert_eq!(world.probe(&message, good).await, Disposal::Return(Some(0)));
    assert_eq!(world.runs.load(Ordering::Relaxed), 3, "no attempt beyond the policy");
    assert_eq!(
        world.job().await.state,
        JobState::Running,
        "the dead-letter queue decides"
    );
    assert_eq!(world.memory.failures(world.job.id).await.unwrap().len(), 3);

    let dead = crate::dead_letter::handle(&world.conductor(), &message).await.unwrap();
    assert_eq!(dead, Disposal::Acknowledge);
    assert!(matches!(world.job().await.state, JobState::Failed { failure, .. } if failure.code == "BUSY"));
    assert_eq!(
        world.memory.parked(),
        std::slice::from_ref(&message.body),
        "the message is kept"
    );
}

#[tokio::test]
async fn a_permanent_failure_ends_the_job_at_once() {
    let world = World::new().await;
    let message = world.message();
    let disposal = world
        .probe(&message, |_| Err(StageError::permanent("MEDIA_EMPTY", "m", "h")))
        .await;
    assert_eq!(disposal, Disposal::Acknowledge);
    let JobState::Failed { failure, .. } = world.job().await.state else {
        panic!("the job goes on")
    };
    assert_eq!((failure.code.as_str(), failure.attempt), ("MEDIA_EMPTY", 1));
    assert_eq!(failure.stage.unwrap().as_str(), "probe");
}

#[tokio::test]
async fn a_panic_costs_one_attempt() {
    let world = World::new().await;
    let message = world.message();
    let disposal = world.probe(&message, |_| panic!("index out of bounds")).await;
    assert!(matches!(disposal, Disposal::Return(Some(_))));
    let recorded = world.memory.failures(world.job.id).await.unwrap();
    assert!(recorded[0].cause.contains("index out of bounds"));
    assert!(
        !recorded[0].failure.message.contains("index"),
        "users are not shown the inside"
    );
    assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge);
}

#[tokio::test]
async fn a_broken_promise_is_not_a_result() {
    let world = World::new().await;
    let message = world.message();
    assert!(matches!(
        world.probe(&message, |_| Ok(Output::default())).await,
        Disposal::Return(_)
    ));
    assert!(!world.shard("probe").await.is_complete());
}

/// The world ends after the named operation's predecessor and comes back: nothing may be lost or done twice.
#[tokio::test]
async fn a_crash_at_any_step_is_healed_by_the_next_delivery() {
    for step in ["snapshot", "put_shard", "fetch", "store_file", "send", "put_job"] {
        let world = World::new().await;
        let message = world.message();
        let memory = world.memory.clone();
        if step == "fetch" || step == "snapshot" {
            memory.break_down(step);
        }
        let during = memory.clone();
        let first = world
            .probe(&message, move |work| {
                if !matches!(step, "fetch" | "snapshot") {
                    during.break_down(step);
                }
                good(work)
            })
            .await;
        memory.recover();
        if step == "put_job" {
            assert_eq!(
                first,
                Disposal::Acknowledge,
                "the job's row is not written between stages"
            );
            continue;
        }
        assert!(matches!(first, Disposal::Return(_)), "{step}: {first:?}");
        expire_lease(&world).await;
        assert_eq!(world.probe(&message, good).await, Disposal::Acknowledge, "{step}");
        assert!(world.shard("probe").await.is_complete(), "{step}");
        assert_eq!(world.memory.receive().expect(step).payload.stage.as_str(), "pose");
    }
}

/// Lets the time of a lease that a dead attempt left pass.
async fn expire_lease(world: &World) {
    let key = ShardKey {
        job: world.job.id,
        stage: "probe".parse().unwrap(),
        shard: 0,
    };
    let Some(mut row) = world.memory.shard(&key).await.unwrap() else {
        return;
    };
    if let ShardState::Running { lease, .. } = &mut row.value.state {
        lease.until = Timestamp::UNIX_EPOCH;
        world.memory.put_shard(&row.value, Some(row.version)).await.unwrap();
    }
}

#[tokio::test]
async fn a_cancelled_job_stops_its_stage() {
    let world = World::new().await;
    let message = world.message();
    let (memory, id) = (world.memory.clone(), world.job.id);
    let handle = tokio::runtime::Handle::current();
    let disposal = world.probe(&message, move |work| {
        let row = handle.block_on(memory.job(id)).unwrap().unwrap();
        let cancelled = row
            .value
            .apply(marey_engine::JobEvent::Cancel, Timestamp::now())
            .unwrap();
        handle.block_on(memory.put_job(&cancelled, row.version)).unwrap();
        while work.control.check().is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(StageError::stopped())
    });
    assert_eq!(disposal.await, Disposal::Acknowledge);
    assert!(matches!(world.shard("probe").await.state, ShardState::Cancelled { .. }));
    assert!(matches!(world.job().await.state, JobState::Cancelled { .. }));
}

#[tokio::test]
async fn a_slow_attempt_that_lost_its_lease_changes_nothing() {
    let world = World::new().await;
    let message = world.message();
    let key = world.shard("probe").await.key;
    let memory = world.memory.clone();
    let handle = tokio::runtime::Handle::current();
    let disposal = world.probe(&message, move |work| {
        // Somebody else takes the lease and completes while this attempt is still at it.
        let row = handle.block_on(memory.shard(&key)).unwrap().unwrap();
        let token = LeaseToken(uuid::Uuid::new_v4());
        let later = Timestamp::now() + SignedDuration::from_secs(500);
        let lease = ShardEvent::Lease {
            token,
            until: later + LEASE,
            max_attempts: 9,
        };
        let theirs = row.value.apply(lease, later).unwrap();
        handle.block_on(memory.put_shard(&theirs, Some(row.version))).unwrap();
        good(work)
    });
    assert_eq!(disposal.await, Disposal::Return(None));
    let shard = world.shard("probe").await;
    assert_eq!(shard.attempt, 2);
    assert!(matches!(shard.state, ShardState::Running { .. }), "{:?}", shard.state);
}

#[tokio::test]
async fn messages_that_nobody_can_act_on_come_back_and_are_parked() {
    let world = World::new().await;
    let task = serde_json::from_str::<Task>(&world.message().body).unwrap();
    let other_stage = Task::new(
        &world.job,
        ShardKey {
            stage: "pose".parse().unwrap(),
            ..task.payload.clone()
        },
        1,
        "x",
        Timestamp::now(),
    );
    let newer = Task {
        schema_version: 99,
        ..task.clone()
    };
    let ghost = marey_engine::JobId::of_object("no", "such", None, "job");
    let ghost = Task::new(
        &Job {
            id: ghost,
            ..world.job.clone()
        },
        ShardKey {
            job: ghost,
            ..task.payload
        },
        1,
        "x",
        Timestamp::now(),
    );
    let bodies = [&other_stage, &newer, &ghost].map(|task| received(task).body);
    for body in bodies.into_iter().chain(["not json".to_owned(), String::new()]) {
        let message = Received {
            body,
            ..received(&task_of(&world))
        };
        assert_eq!(
            world.probe(&message, good).await,
            Disposal::Return(Some(0)),
            "{}",
            message.body
        );
    }
    assert_eq!(
        world.memory.hidden(),
        vec![("r".to_owned(), 0); 5],
        "each comes back at once, to be moved on"
    );
    assert_eq!(world.runs.load(Ordering::Relaxed), 0);
    for body in ["not json", &received(&newer).body, &received(&ghost).body] {
        let message = Received {
            body: body.to_owned(),
            queue: "dead".into(),
            receipt: "r".into(),
            receives: 1,
        };
        assert_eq!(
            crate::dead_letter::handle(&world.conductor(), &message).await.unwrap(),
            Disposal::Acknowledge
        );
    }
    assert_eq!(world.memory.parked().len(), 3);
}

fn task_of(world: &World) -> Task {
    let key = ShardKey {
        job: world.job.id,
        stage: "probe".parse().unwrap(),
        shard: 0,
    };
    Task::new(&world.job, key, 1, "test", Timestamp::now())
}

#[tokio::test]
async fn the_last_stage_leaves_a_manifest_and_ends_the_job() {
    let world = World::new().await;
    let workflow = Workflow::shipped("motion").unwrap();
    for spec in workflow.stages() {
        let message = world.message();
        let run = |work: &Work| {
            let path = work.scratch.join("video.json");
            std::fs::write(&path, "x")?;
            let file = OutputFile {
                name: "video.json".into(),
                content_type: "text/plain",
                path,
            };
            let files = promised(work)?.into_iter().chain([file]).collect();
            let facts = json!({"shards": 1});
            Ok(Output { files, facts })
        };
        let name = &*spec.name.to_string().leak();
        let stage = Scripted {
            name,
            run,
            runs: world.runs.clone(),
        };
        let deadline = Timestamp::now() + SignedDuration::from_secs(100);
        let disposal = harness(stage, world.conductor()).handle(&message, deadline).await;
        assert_eq!(disposal, Disposal::Acknowledge, "{name}");
    }
    let JobState::Completed { manifest, .. } = world.job().await.state else {
        panic!("the job has not ended")
    };
    let manifest: Manifest = serde_json::from_slice(&world.memory.object(&manifest).unwrap()).unwrap();
    // Some results may be missing; the stages here left just what must be there.
    let left = |spec: &StageSpec| spec.results.iter().filter(|name| spec.artifacts.contains(name)).count();
    assert_eq!(
        manifest.artifacts.len(),
        workflow.stages().iter().map(left).sum::<usize>()
    );
}

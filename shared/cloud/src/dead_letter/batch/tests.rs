use marey_engine::{Failure, FailureClass, Job, JobEvent, JobState, LeaseToken, ShardEvent};
use serde_json::{Value, json};

use super::*;
use crate::{
    RealTime,
    harness::{Disposal, Received},
    memory::Memory,
    store::ReadJobs,
};

/// When the Batch job of the tests ended, in seconds since 1970.
const STOPPED: i64 = 1_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn name(job: &Job, count: u32, round: u32) -> BatchName {
    BatchName {
        job: job.id,
        stage: "pose".parse().unwrap(),
        first: 0,
        count,
        round,
    }
}

/// The event of a job that failed; `array` as the service writes it.
fn event(name: &BatchName, array: &Value) -> Value {
    json!({
        "version": "0", "id": "c8f9c4b5-76e5-d76a-f980-7011e206042b", "detail-type": KIND, "source": "aws.batch",
        "account": "123456789012", "time": at(STOPPED + 1).to_string(), "region": "eu-west-1", "resources": [],
        "detail": {
            "jobName": name.to_string(), "jobId": "4c7599ae-0a82-49aa-ba5a-4727fcce14a8", "jobQueue": "q",
            "status": "FAILED", "statusReason": "Essential container in task exited",
            "stoppedAt": STOPPED * 1000, "arrayProperties": array,
            "container": {"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},
            "somethingNew": true,
        },
    })
}

struct World {
    memory: Memory,
    job: Job,
}

impl World {
    async fn new() -> Self {
        let memory = Memory::default();
        let (job, stages) = crate::store::contract::new_job("default", 0);
        memory.create(&job, &stages).await.unwrap();
        Self { memory, job }
    }

    fn key(&self, shard: u32) -> ShardKey {
        name(&self.job, 10_000, 0).shard(shard).unwrap()
    }

    fn queued(&self, shard: u32, since: i64) -> Shard {
        Shard::queued(self.key(shard), 0, at(since))
    }

    fn running(&self, shard: u32, since: i64, until: i64) -> Shard {
        let token = LeaseToken(uuid::Uuid::from_u128(1));
        let (until, max_attempts) = (at(until), 3);
        let lease = ShardEvent::Lease {
            token,
            until,
            max_attempts,
        };
        self.queued(shard, since).apply(lease, at(since)).unwrap()
    }

    async fn put(&self, shard: &Shard) {
        self.memory.put_shard(shard, None).await.unwrap();
    }

    async fn tell(&self, event: &Value) -> Disposal {
        self.handle(event.to_string(), 1).await.unwrap()
    }

    /// The message of a shard reaches its dead-letter queue.
    async fn letter(&self, shard: u32, receives: u32) -> Result<Disposal, CloudError> {
        let task = Task::new(&self.job, self.key(shard), 3, "test", at(10));
        self.handle(serde_json::to_string(&task).unwrap(), receives).await
    }

    async fn handle(&self, body: String, receives: u32) -> Result<Disposal, CloudError> {
        let memory = || self.memory.clone();
        let conductor = Conductor {
            store: memory(),
            artifacts: memory(),
            queues: memory(),
            source: "deadletter".to_owned(),
            time: RealTime,
        };
        let message = Received {
            body,
            queue: "batch-failures".into(),
            receipt: "r".into(),
            receives,
        };
        crate::dead_letter::handle(&conductor, &message).await
    }

    async fn state(&self, shard: u32) -> ShardState {
        self.memory.shard(&self.key(shard)).await.unwrap().unwrap().value.state
    }

    async fn job(&self) -> Job {
        self.memory.job(self.job.id).await.unwrap().unwrap().value
    }
}

#[tokio::test]
async fn a_childs_failure_fails_its_shard_and_the_job() {
    let world = World::new().await;
    for shard in 0..3 {
        world.put(&world.queued(shard, 10)).await;
    }
    let told = event(&name(&world.job, 3, 0), &json!({"index": 1}));
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(matches!(world.state(1).await, ShardState::Failed { failure, .. } if failure.code == "STAGE_ABANDONED"));
    assert_eq!(world.state(0).await, ShardState::Queued);
    assert!(matches!(world.job().await.state, JobState::Failed { .. }));
    let failures = world.memory.failures(world.job.id).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert!(failures[0].cause.contains("OutOfMemoryError") && failures[0].cause.contains("exit code 137"));
    assert!(
        world.memory.parked().is_empty(),
        "a retry submits anew: there is nothing to keep"
    );
    // Once more, and late.
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert_eq!(world.memory.failures(world.job.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_index_is_read_off_the_id_too() {
    let world = World::new().await;
    let mut told = event(&name(&world.job, 3, 0), &Value::Null);
    told["detail"].as_object_mut().unwrap().remove("arrayProperties");
    told["detail"]["jobId"] = json!("4c7599ae-0a82-49aa-ba5a-4727fcce14a8:2");
    let Told::Failed(failed) = read(&told.to_string()) else {
        panic!("it says that a job failed")
    };
    assert_eq!(failed.shards, [world.key(2)]);
    assert!(!failed.is_whole_array);
}

#[tokio::test]
async fn a_whole_array_ends_only_what_still_waits_for_it() {
    let world = World::new().await;
    world.put(&world.queued(0, 10)).await;
    world.put(&world.running(1, 10, STOPPED + 50)).await;
    world.put(&world.queued(2, STOPPED + 400)).await;
    let told = event(
        &name(&world.job, 3, 0),
        &json!({"size": 3, "statusSummary": {"FAILED": 1, "SUCCEEDED": 2}}),
    );
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(matches!(world.state(0).await, ShardState::Failed { .. }));
    assert!(matches!(world.state(1).await, ShardState::Running { .. }));
    assert_eq!(
        world.state(2).await,
        ShardState::Queued,
        "it was sent again after the array had ended"
    );
}

#[tokio::test]
async fn an_attempt_that_lives_is_waited_for_and_one_that_began_later_is_not_concerned() {
    let world = World::new().await;
    let now = Timestamp::now().as_second();
    world.put(&world.running(0, 10, now + 40)).await;
    let mut told = event(&name(&world.job, 1, 0), &json!({}));
    told["detail"]["stoppedAt"] = json!((now - 1) * 1000);
    let waits = world.tell(&told).await;
    assert!(matches!(waits, Disposal::Return(Some(35..=41))), "{waits:?}");
    assert!(matches!(world.state(0).await, ShardState::Running { .. }));

    let world = World::new().await;
    world.put(&world.running(0, STOPPED + 200, now + 40)).await;
    let told = event(&name(&world.job, 1, 0), &json!({}));
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(matches!(world.state(0).await, ShardState::Running { .. }));
}

#[tokio::test]
async fn a_duplicate_that_failed_does_not_wait_for_an_attempt_that_has_shown_life_since() {
    let world = World::new().await;
    let now = Timestamp::now().as_second();
    world.put(&world.running(0, 10, now + 40)).await;
    let told = event(&name(&world.job, 1, 0), &json!({}));
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(matches!(world.state(0).await, ShardState::Running { .. }));
}

#[tokio::test]
async fn an_array_that_was_terminated_reads_no_more_once_its_job_has_ended() {
    let world = World::new().await;
    for shard in 0..50 {
        world.put(&world.queued(shard, 10)).await;
    }
    let told = event(&name(&world.job, 50, 0), &json!({"size": 50}));
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(world.job().await.has_ended());
    assert_eq!(
        world.memory.failures(world.job.id).await.unwrap().len(),
        1,
        "one is enough to end it"
    );
    // Its children tell too. Nobody reads all rows of a job that has ended.
    world.memory.break_down("snapshot");
    for index in 0..50 {
        let told = event(&name(&world.job, 50, 0), &json!({"index": index}));
        assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    }
    assert_eq!(world.state(49).await, ShardState::Queued);
}

#[tokio::test]
async fn a_failure_at_the_end_of_time_is_weighed_like_any_other() {
    let world = World::new().await;
    world.put(&world.queued(0, 10)).await;
    let mut told = event(&name(&world.job, 1, 0), &json!({}));
    told["detail"]["stoppedAt"] = json!(Timestamp::MAX.as_millisecond());
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert!(matches!(world.state(0).await, ShardState::Failed { .. }));
}

#[tokio::test]
async fn what_ended_or_is_held_or_belongs_to_another_round_stays() {
    let world = World::new().await;
    let failure = Failure {
        code: "BUSY".into(),
        message: "m".into(),
        hint: "h".into(),
        stage: None,
        attempt: 1,
        class: FailureClass::Transient,
    };
    let held = world.queued(0, 10).apply(ShardEvent::Hold, at(20)).unwrap();
    world.put(&held).await;
    let cancelled = world.queued(1, 10).apply(ShardEvent::Cancel, at(20)).unwrap();
    world.put(&cancelled).await;
    let mut waiting = world.queued(2, 10);
    waiting.last_failure = Some(failure);
    world.put(&waiting).await;
    for index in 0..2 {
        let told = event(&name(&world.job, 3, 0), &json!({"index": index}));
        assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    }
    let old = event(&name(&world.job, 3, 1), &json!({"index": 2}));
    assert_eq!(world.tell(&old).await, Disposal::Acknowledge);
    assert_eq!(world.state(0).await, ShardState::Held);
    assert!(matches!(world.state(1).await, ShardState::Cancelled { .. }));
    assert_eq!(world.state(2).await, ShardState::Queued);
    // The attempt said why, which counts for more than what AWS Batch knows.
    let told = event(&name(&world.job, 3, 0), &json!({"index": 2}));
    world.tell(&told).await;
    assert!(matches!(world.state(2).await, ShardState::Failed { failure, .. } if failure.code == "BUSY"));
}

#[tokio::test]
async fn whoever_hears_of_an_earlier_round_plans_the_one_that_nobody_planned() {
    let world = World::new().await;
    let failed = world
        .job
        .apply(JobEvent::Cancel, at(20))
        .and_then(|job| job.apply(JobEvent::Retry { deadline: at(9_000) }, at(30)));
    // The program that wrote this died before it sent anything.
    world.memory.put_job(&failed.unwrap(), 1).await.unwrap();
    let told = event(&name(&world.job, 3, 0), &json!({"index": 1}));
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    let task = world.memory.receive().expect("the first stage is sent");
    assert_eq!((task.payload.stage.as_str(), task.metadata.round), ("probe", 1));
    assert!(world.memory.failures(world.job.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_nobody_can_act_on_is_parked() {
    let world = World::new().await;
    let mut strange = event(&name(&world.job, 3, 0), &json!({"index": 1}));
    strange["detail"]["jobName"] = json!("somebody-elses-job");
    let beyond = event(&name(&world.job, 3, 0), &json!({"index": 3}));
    let mut unknown = name(&world.job, 1, 0);
    unknown.job = marey_engine::JobId::of_object("no", "such", None, "job");
    let unknown = event(&unknown, &json!({}));
    let broken = json!({"detail-type": KIND, "detail": 7});
    for told in [&strange, &beyond, &unknown, &broken] {
        assert_eq!(world.tell(told).await, Disposal::Acknowledge);
    }
    let parked: Vec<Value> = world
        .memory
        .parked()
        .iter()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    assert_eq!(parked, [strange, beyond, unknown, broken]);
}

#[tokio::test]
async fn other_states_are_passed_over() {
    let world = World::new().await;
    world.put(&world.queued(0, 10)).await;
    let mut told = event(&name(&world.job, 1, 0), &json!({}));
    told["detail"]["status"] = json!("SUCCEEDED");
    assert_eq!(world.tell(&told).await, Disposal::Acknowledge);
    assert_eq!(world.state(0).await, ShardState::Queued);
    assert!(world.memory.parked().is_empty());
}

#[tokio::test]
async fn a_letter_of_a_job_that_nobody_waits_for_is_forgotten() {
    let complete = JobEvent::Complete {
        manifest: "m".into(),
        degraded: vec![],
    };
    for end in [JobEvent::Cancel, complete] {
        let world = World::new().await;
        world.put(&world.queued(0, 10)).await;
        let ended = world.job().await.apply(end, at(20)).unwrap();
        world.memory.put_job(&ended, 1).await.unwrap();
        for shard in 0..2 {
            assert_eq!(world.letter(shard, 1).await.unwrap(), Disposal::Acknowledge);
        }
        assert_eq!(world.state(0).await, ShardState::Queued);
        assert_eq!(world.memory.shard(&world.key(1)).await.unwrap(), None);
        assert!(world.memory.parked().is_empty());
        assert!(world.memory.failures(world.job.id).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_letter_whose_job_cannot_be_read_is_parked_after_some_patience() {
    let world = World::new().await;
    world.put(&world.queued(0, 10)).await;
    world.memory.garble("snapshot");
    assert!(world.letter(0, 4).await.is_err(), "a newer version may be back soon");
    assert!(world.memory.parked().is_empty());
    assert_eq!(world.letter(0, 5).await.unwrap(), Disposal::Acknowledge);
    assert_eq!(world.memory.parked().len(), 1);
    world.memory.recover();
    world.memory.break_down("snapshot");
    assert!(world.letter(0, 99).await.is_err(), "a service that fails is no reason");
}

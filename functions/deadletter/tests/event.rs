//! The sample events in `events/deadletter.json` and `events/deadletter-batch.json`, replayed on ports in memory.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

use aws_lambda_events::event::sqs::SqsEvent;
use marey_cloud::{
    Conductor, RealTime, Settings, dead_letter,
    harness::Disposal,
    lambda,
    memory::Memory,
    store::{ReadJobs, WriteJobs},
};
use marey_engine::{Job, JobState, Shard, ShardKey, ShardState, StageRow, Task, Upload, Wishes, Workflow};

const EVENT: &str = include_str!("../../../events/deadletter.json");
const BATCH_EVENT: &str = include_str!("../../../events/deadletter-batch.json");

fn event() -> SqsEvent {
    serde_json::from_str(EVENT).unwrap()
}

/// The task in the message, and the message.
fn task() -> (Task, String) {
    let body = event().records.remove(0).body.unwrap();
    let task: Task = serde_json::from_str(&body).unwrap();
    (task.check().unwrap(), body)
}

fn conductor(memory: &Memory) -> Conductor<Memory, Memory, Memory> {
    Conductor {
        store: memory.clone(),
        artifacts: memory.clone(),
        queues: memory.clone(),
        source: "deadletter".to_owned(),
        time: RealTime,
    }
}

/// Replays the event; answers the messages that must come back.
async fn replay(memory: &Memory) -> Vec<String> {
    replay_of(event(), memory).await
}

async fn replay_of(event: SqsEvent, memory: &Memory) -> Vec<String> {
    let queue = |name: &str| (!name.ends_with("BYTES")).then(|| format!("https://queues/123456789012/{name}"));
    let settings = Settings::from_lookup(queue).unwrap();
    let conductor = &conductor(memory);
    let handle = |message| async move {
        let outcome = dead_letter::handle(conductor, &message).await;
        outcome.unwrap_or(Disposal::Return(None))
    };
    let answer = lambda::for_each_message(event, &settings, "eu-west-1", handle).await;
    let failures = answer.unwrap().batch_item_failures;
    failures.into_iter().map(|failure| failure.item_identifier).collect()
}

/// The job that the sample task belongs to, as it is before anything ran.
async fn sample_job(memory: &Memory) -> Job {
    let (task, _) = task();
    let job = Job {
        id: task.payload.job,
        owner: "ann".into(),
        workflow: "motion".into(),
        input: Upload {
            bucket: "up".into(),
            key: "uploads/ann/motion/a.mp4".into(),
            version: None,
            etag: "e".into(),
            bytes: 5,
            name: "a.mp4".into(),
            member: None,
        },
        priority: task.priority,
        created_at: task.created_at,
        deadline: None,
        round: 0,
        forgotten: false,
        wishes: Wishes::default(),
        trace: task.metadata.trace,
        state: JobState::Running,
    };
    let workflow = Workflow::shipped("motion").unwrap();
    let rows: Vec<_> = workflow.stages().iter().map(StageRow::of).collect();
    memory.create(&job, &rows).await.unwrap();
    // The task has been sent again twice already.
    let shard = Shard {
        dead_letters: 2,
        ..Shard::queued(task.payload, 0, job.created_at)
    };
    memory.put_shard(&shard, None).await.unwrap();
    job
}

#[tokio::test]
async fn the_sample_dead_letter_ends_its_job_and_is_parked() {
    let memory = Memory::default();
    let job = sample_job(&memory).await;
    assert!(replay(&memory).await.is_empty());
    let JobState::Failed { failure, .. } = memory.job(job.id).await.unwrap().unwrap().value.state else {
        panic!("it runs")
    };
    assert_eq!(failure.code, "STAGE_ABANDONED");
    assert_eq!(failure.stage.unwrap().as_str(), "pose");
    let (_, body) = task();
    assert_eq!(memory.parked(), std::slice::from_ref(&body));
    let failures = memory.failures(job.id).await.unwrap();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].message.as_deref(), Some(body.as_str()), "kept as it came");
    assert!(
        failures[0].cause.contains("marey-pose-dead-letter"),
        "{}",
        failures[0].cause
    );
}

#[tokio::test]
async fn the_sample_dead_letter_comes_back_while_the_table_is_away() {
    let memory = Memory::default();
    let job = sample_job(&memory).await;
    memory.break_down("put_shard");
    assert_eq!(replay(&memory).await.len(), 1);
    assert!(memory.parked().is_empty());
    memory.recover();
    assert!(replay(&memory).await.is_empty());
    assert_eq!(memory.parked().len(), 1);
    assert_eq!(memory.failures(job.id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_dead_letter_of_no_known_job_is_parked_all_the_same() {
    let memory = Memory::default();
    assert!(replay(&memory).await.is_empty());
    assert_eq!(memory.parked().len(), 1);
}

#[tokio::test]
async fn the_sample_of_a_failed_batch_job_fails_its_shard_alone() {
    let memory = Memory::default();
    let job = sample_job(&memory).await;
    let key = |shard| ShardKey {
        job: job.id,
        stage: "pose".parse().unwrap(),
        shard,
    };
    for shard in 1..4 {
        let row = Shard::queued(key(shard), 0, job.created_at);
        memory.put_shard(&row, None).await.unwrap();
    }
    let event: SqsEvent = serde_json::from_str(BATCH_EVENT).unwrap();
    assert!(replay_of(event, &memory).await.is_empty());
    for shard in 0..4 {
        let state = memory.shard(&key(shard)).await.unwrap().unwrap().value.state;
        assert_eq!(
            matches!(state, ShardState::Failed { .. }),
            shard == 2,
            "{shard}: {state:?}"
        );
    }
    let failures = memory.failures(job.id).await.unwrap();
    assert!(failures[0].cause.contains("OutOfMemoryError"), "{}", failures[0].cause);
    assert!(memory.parked().is_empty());
}

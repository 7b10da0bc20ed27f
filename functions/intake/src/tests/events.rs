//! The sample events in `events/`, replayed as Lambda would hand them over.

use aws_lambda_events::event::sqs::SqsEvent;
use marey_cloud::{Settings, lambda};
use marey_engine::Task;

use super::*;

/// The `ETag` of the object in `events/intake.json`.
const ETAG: &str = "5d41402abc4b2a76b9719d911017c592";

/// Its key, decoded.
const KEY: &str = "uploads/ann/motion/squat 2×5+1.mp4";

fn event(json: &str) -> SqsEvent {
    serde_json::from_str(json).unwrap()
}

/// Replays an event; answers the messages that must come back.
async fn replay(world: &World, json: &str) -> Vec<String> {
    let queue = |name: &str| (!name.ends_with("BYTES")).then(|| format!("https://queues/123456789012/{name}"));
    let settings = Settings::from_lookup(queue).unwrap();
    let handle = |message| async move { handle(world, MAX_BYTES, &message).await };
    let answer = lambda::for_each_message(event(json), &settings, "eu-west-1", handle).await;
    let failures = answer.unwrap().batch_item_failures;
    failures.into_iter().map(|failure| failure.item_identifier).collect()
}

#[tokio::test]
async fn the_sample_upload_becomes_the_job_whose_first_task_is_the_sample_task() {
    let (mut world, memory) = world(Metadata::default());
    world.artifacts.etag = ETAG;
    memory.put_object(KEY, "video");
    for _ in 0..2 {
        let returned = replay(&world, include_str!("../../../../events/intake.json")).await;
        assert!(returned.is_empty(), "{returned:?}");
    }
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 1, "the second delivery makes no job");
    let input = &found[0].input;
    assert_eq!((input.key.as_str(), input.name.as_str()), (KEY, "squat 2×5+1.mp4"));
    assert_eq!(input.bucket, "marey-uploads-1f0c3a52");
    assert_eq!(input.version.as_deref(), Some("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"));

    let probe = event(include_str!("../../../../events/probe.json"));
    let expected: Task = serde_json::from_str(probe.records[0].body.as_deref().unwrap()).unwrap();
    let sent = memory.receive().expect("a task was sent");
    let created_at = sent.created_at;
    assert_eq!(sent, Task { created_at, ..expected });
    assert!(memory.receive().is_none(), "and only one");
}

#[tokio::test]
async fn the_sample_archive_becomes_a_batch_that_bears_its_name() {
    let (mut world, memory) = world(Metadata::default());
    world.artifacts.etag = "9b2cf535f27731c974343645a3985328-88";
    memory.put_object(
        "uploads/ann/motion/patients of Monday.zip",
        super::archives::two_videos(),
    );
    let returned = replay(&world, include_str!("../../../../events/intake-archive.json")).await;
    assert!(returned.is_empty(), "{returned:?}");
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 2);
    let id = found[0].wishes.batch.unwrap();
    let batch = marey_cloud::store::KeepBatches::batch(&memory, id)
        .await
        .unwrap()
        .unwrap()
        .value;
    assert_eq!(batch.name, "patients of Monday");
    let version = Some("L4kqtJlcpXroDTDmpUMLUo.rmSpXd3dIbr");
    assert!(found.iter().all(|job| job.input.version.as_deref() == version));
}

#[tokio::test]
async fn the_sample_upload_that_is_gone_is_acknowledged() {
    let (world, memory) = world(Metadata::default());
    let returned = replay(&world, include_str!("../../../../events/intake.json")).await;
    assert!(returned.is_empty(), "{returned:?}");
    assert!(jobs(&memory, "ann").await.is_empty());
}

#[tokio::test]
async fn the_buckets_test_event_makes_no_job() {
    let (world, memory) = world(Metadata::default());
    memory.put_object(KEY, "video");
    let returned = replay(&world, include_str!("../../../../events/intake-test.json")).await;
    assert!(returned.is_empty(), "{returned:?}");
    assert!(memory.receive().is_none());
}

#[tokio::test]
async fn a_task_that_strays_into_the_intake_queue_comes_back() {
    let (world, memory) = world(Metadata::default());
    let stray = include_str!("../../../../events/probe.json");
    let expected = event(stray).records[0].message_id.clone().unwrap();
    assert_eq!(replay(&world, stray).await, [expected], "a message is never dropped");
    assert!(memory.receive().is_none());
}

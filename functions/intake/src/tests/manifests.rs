//! Manifests of batches.

use marey_cloud::store::KeepBatches;
use marey_engine::BatchId;

use super::*;

const MANIFEST: &str = "uploads/ann/motion/monday.manifest.jsonl";

fn videos(memory: &Memory, keys: &[&str]) {
    for key in keys {
        memory.put_object(key, "abc");
    }
}

/// The id of the batch, which is that of the job that the manifest would make.
fn id() -> JobId {
    JobId::of_object("up", MANIFEST, None, "e")
}

fn batch_id() -> BatchId {
    id().to_string().parse().unwrap()
}

async fn put(world: &World, memory: &Memory, lines: &[&str]) -> Disposal {
    memory.put_object(MANIFEST, lines.join("\n"));
    handle(world, MAX_BYTES, &message(&[MANIFEST])).await
}

#[tokio::test]
async fn every_line_makes_a_job_of_the_batch() {
    let (world, memory) = world(Metadata {
        params: Some(r#"{"cutoff_hz": 7, "filter_order": 3}"#.into()),
        ..Metadata::default()
    });
    videos(&memory, &["uploads/ann/motion/a.mp4", "uploads/ann/motion/b.mp4"]);
    let lines = [
        r#"{"key": "uploads/ann/motion/a.mp4", "name": "Squat, Monday", "params": {"cutoff_hz": 8}, "priority": 7}"#,
        "",
        r#"{"key": "uploads/ann/motion/b.mp4"}"#,
    ];
    for _ in 0..2 {
        assert_eq!(put(&world, &memory, &lines).await, Disposal::Acknowledge);
    }
    let batch = memory.batch(batch_id()).await.unwrap().unwrap().value;
    assert_eq!(
        (batch.items, batch.owner.as_str(), batch.name.as_str()),
        (2, "ann", "monday")
    );
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 2, "and none of the manifest itself");
    let job = |number| found.iter().find(|job| job.id == batch.job_of(number)).unwrap();
    let (first, second) = (job(0), job(1));
    assert_eq!((first.input.name.as_str(), first.priority), ("Squat, Monday", 7));
    assert_eq!((second.input.name.as_str(), second.priority), ("b.mp4", 5));
    for (job, cutoff_hz) in [(first, 8.0), (second, 7.0)] {
        assert_eq!(job.wishes.batch, Some(batch_id()));
        assert!(job.wishes.reuse, "the video was worked on when it arrived");
        assert_eq!(job.wishes.params["cutoff_hz"].as_f64(), Some(cutoff_hz));
        assert_eq!(job.wishes.params["filter_order"].as_f64(), Some(3.0));
        assert_eq!(job.state, JobState::Running);
    }
    assert_eq!(std::iter::from_fn(|| memory.receive()).count(), 2);
}

#[tokio::test]
async fn wrong_lines_are_listed_at_once_and_nothing_is_begun() {
    let (world, memory) = world(Metadata::default());
    videos(
        &memory,
        &["uploads/ann/motion/a.mp4", "uploads/bob/motion/b.mp4", "uploads/c.mp4"],
    );
    let huge = "uploads/ann/motion/huge.mp4";
    memory.put_object(huge, vec![0; 101]);
    let too_long = format!(
        r#"{{"key": "uploads/ann/motion/a.mp4", "name": "{}"}}"#,
        "x".repeat(256)
    );
    let lines = [
        r#"{"key": "uploads/ann/motion/a.mp4"}"#,
        r#"{"key": "uploads/bob/motion/b.mp4"}"#,
        r#"{"key": "uploads/ann/motion/gone.mp4"}"#,
        r#"{"key": "uploads/ann/motion/a.mp4", "priority": 10}"#,
        r#"{"key": "uploads/ann/motion/a.mp4", "params": {"cutoff_hz": "high"}}"#,
        r#"{"key": "artifacts/x/manifest.json"}"#,
        r#"{"key": "uploads/c.mp4"}"#,
        r#"{"key": "uploads/ann/motion/huge.mp4"}"#,
        r#"{"key": "uploads/ann/motion/monday.manifest.jsonl"}"#,
        &too_long,
        "nonsense",
    ];
    for _ in 0..2 {
        assert_eq!(put(&world, &memory, &lines).await, Disposal::Acknowledge);
    }
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id, found[0].wishes.batch), (id(), None));
    let JobState::Failed { failure, .. } = &found[0].state else {
        panic!("it runs")
    };
    assert_eq!(failure.code, "MANIFEST_INVALID");
    assert!(!failure.message.contains("line 1:"), "{}", failure.message);
    for line in 2..=lines.len() {
        assert!(
            failure.message.contains(&format!("line {line}: ")),
            "{line}: {}",
            failure.message
        );
    }
    assert!(memory.batch(batch_id()).await.unwrap().is_none());
    assert!(memory.receive().is_none());
}

#[tokio::test]
async fn lines_that_are_no_json_empty_manifests_and_too_long_ones_are_refused() {
    let many = vec![r#"{"key": "uploads/ann/motion/a.mp4"}"#; 1001];
    let cases: [(&[&str], &str); 5] = [
        (
            &["nonsense", r#"{"key": 7}"#, r#"{"key": "k", "prio": 1}"#],
            "line 3: it is not as it should be: unknown field",
        ),
        (&["", "  "], "it names no video"),
        (&[r#"{"name": "a"}"#], "missing field `key`"),
        (&many, "it has 1001 lines, allowed are 1000"),
        (&["[]"], "line 1: it is not as it should be"),
    ];
    for (lines, expected) in cases {
        let (world, memory) = world(Metadata::default());
        videos(&memory, &["uploads/ann/motion/a.mp4"]);
        // The bucket's limit for videos is that of these tests; a manifest has its own.
        assert_eq!(put(&world, &memory, lines).await, Disposal::Acknowledge);
        let found = jobs(&memory, "ann").await;
        let JobState::Failed { failure, .. } = &found[0].state else {
            panic!("it runs")
        };
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_crash_in_the_middle_goes_on_with_the_next_delivery_even_if_a_video_is_gone_since() {
    let (mut world, memory) = world(Metadata::default());
    let keys = [
        "uploads/ann/motion/a.mp4",
        "uploads/ann/motion/b.mp4",
        "uploads/ann/motion/c.mp4",
    ];
    videos(&memory, &keys);
    let lines: Vec<_> = keys.iter().map(|key| format!(r#"{{"key": "{key}"}}"#)).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    for operation in ["create_batch", "create", "send"] {
        if operation == "send" {
            // The batch is there and its jobs are not.
            world.artifacts.gone = Some("uploads/ann/motion/c.mp4");
        }
        memory.break_down(operation);
        assert!(
            matches!(put(&world, &memory, &lines).await, Disposal::Return(_)),
            "{operation}"
        );
        memory.recover();
    }
    assert_eq!(put(&world, &memory, &lines).await, Disposal::Acknowledge);
    let batch = memory.batch(batch_id()).await.unwrap().unwrap().value;
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 3);
    let ended = found.iter().filter_map(|job| match &job.state {
        JobState::Failed { failure, .. } => Some(failure.code.as_str()),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), ["INPUT_GONE"]);
    assert!((0..batch.items).all(|number| found.iter().any(|job| job.id == batch.job_of(number))));
}

#[tokio::test]
async fn a_batch_is_made_when_every_line_has_its_job_and_not_before() {
    let (world, memory) = world(Metadata::default());
    videos(&memory, &["uploads/ann/motion/a.mp4"]);
    let lines = [r#"{"key": "uploads/ann/motion/a.mp4"}"#];
    memory.break_down("create");
    put(&world, &memory, &lines).await;
    let made_at = async || memory.batch(batch_id()).await.unwrap().unwrap().value.made_at;
    assert_eq!(made_at().await, None, "somebody must go on with it");
    memory.recover();
    put(&world, &memory, &lines).await;
    assert!(made_at().await.is_some());
}

#[tokio::test]
async fn a_message_has_an_end_whatever_the_lines_say() {
    let (world, memory) = world(Metadata::default());
    let field = "\\u0001\\\"\u{1F3C3}".repeat(120);
    let lines: Vec<String> = (0..1000).map(|_| format!(r#"{{"{field}": 1}}"#)).collect();
    let long = format!(r#"{{"key": "uploads/ann/motion/{}"}}"#, "x".repeat(100_000));
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .chain([long.as_str()])
        .skip(1)
        .collect();
    assert_eq!(put(&world, &memory, &lines).await, Disposal::Acknowledge);
    let found = jobs(&memory, "ann").await;
    let JobState::Failed { failure, .. } = &found[0].state else {
        panic!("it runs")
    };
    let written = serde_json::to_string(failure).unwrap();
    assert!(written.len() < 20 << 10, "{}", written.len());
    assert!(failure.message.contains("line 1: ") && failure.message.ends_with("more lines."));
}

#[tokio::test]
async fn a_key_that_no_object_can_have_is_a_wrong_line() {
    let (world, memory) = world(Metadata::default());
    let long = format!(r#"{{"key": "uploads/ann/motion/{}"}}"#, "x".repeat(1100));
    assert_eq!(put(&world, &memory, &[&long]).await, Disposal::Acknowledge);
    let found = jobs(&memory, "ann").await;
    let JobState::Failed { failure, .. } = &found[0].state else {
        panic!("it runs")
    };
    assert!(failure.message.contains("S3 takes 1024"), "{}", failure.message);
}

#[tokio::test]
async fn a_text_of_that_name_without_owner_or_workflow_is_taken_for_a_video() {
    for key in [
        "uploads/x.manifest.jsonl",
        "uploads/ann/x.manifest.jsonl",
        "uploads/ann/dance/x.manifest.jsonl",
        "uploads//motion/x.manifest.jsonl",
        "uploads/ann/motion/x.jsonl",
    ] {
        assert!(!is_manifest(key), "{key}");
    }
    assert!(is_manifest(MANIFEST));
    assert!(is_manifest("uploads/ann/motion/2026/x.manifest.jsonl"));
}

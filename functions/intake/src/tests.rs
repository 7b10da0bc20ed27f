use std::{
    ops::Range,
    path::Path,
    sync::{Arc, Mutex},
};

use marey_cloud::{
    CloudError, RealTime,
    memory::Memory,
    store::ReadJobs,
    uploads::{ReadTexts, UploadHead},
};
use marey_engine::{
    Artifact, Job, JobId, JobState, Upload,
    upload::{Metadata, Request},
};
use serde_json::json;

use super::*;

mod archives;
mod events;
mod manifests;

/// A bucket in memory whose objects can be looked at.
#[derive(Clone)]
struct Bucket {
    memory: Memory,
    etag: &'static str,
    /// A key that is not there any more.
    gone: Option<&'static str>,
    /// Bytes of pieces that were read.
    read: Arc<Mutex<u64>>,
    metadata: Metadata,
}

impl LookAtUploads for Bucket {
    async fn look(&self, _: &str, key: &str, version: Option<&str>) -> Result<Option<UploadHead>, CloudError> {
        let Some(content) = self.memory.object(key).filter(|_| self.gone != Some(key)) else {
            return Ok(None);
        };
        let (etag, version) = (self.etag.to_owned(), version.map(str::to_owned));
        Ok(Some(UploadHead {
            bytes: content.len() as u64,
            etag,
            version,
            metadata: self.metadata.clone(),
        }))
    }
}

impl ReadTexts for Bucket {
    async fn read(&self, _: &str, key: &str, _: Option<&str>, most: u64) -> Result<Vec<u8>, CloudError> {
        let missing = || CloudError::Missing { what: key.to_owned() };
        let mut content = self.memory.object(key).ok_or_else(missing)?;
        content.truncate(most as usize);
        Ok(content)
    }

    async fn piece(&self, upload: &Upload, range: Range<u64>) -> Result<Vec<u8>, CloudError> {
        let missing = || CloudError::Missing {
            what: upload.key.clone(),
        };
        let content = self.memory.object(&upload.key).ok_or_else(missing)?;
        *self.read.lock().unwrap() += range.end - range.start;
        Ok(content[range.start as usize..range.end as usize].to_vec())
    }
}

impl StoreArtifacts for Bucket {
    async fn fetch(&self, key: &str, to: &Path) -> Result<(), CloudError> {
        self.memory.fetch(key, to).await
    }

    async fn store_file(&self, artifact: &Artifact, from: &Path) -> Result<(), CloudError> {
        self.memory.store_file(artifact, from).await
    }

    async fn copy(&self, from: &Artifact, to: &str) -> Result<(), CloudError> {
        self.memory.copy(from, to).await
    }

    async fn store_bytes(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        self.memory.store_bytes(key, content_type, bytes).await
    }
}

/// More than any upload of these tests but one.
const MAX_BYTES: u64 = 100;

type World = Conductor<Memory, Bucket, Memory>;

fn world(metadata: Metadata) -> (World, Memory) {
    let memory = Memory::default();
    let artifacts = Bucket {
        memory: memory.clone(),
        etag: "e",
        gone: None,
        read: Arc::default(),
        metadata,
    };
    let (store, queues) = (memory.clone(), memory.clone());
    (
        Conductor {
            store,
            artifacts,
            queues,
            source: "intake".into(),
            time: RealTime,
        },
        memory,
    )
}

fn message(keys: &[&str]) -> Received {
    let record = |key: &&str| {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-west-1", "eventName": "ObjectCreated:Put",
            "eventTime": "2026-11-21T00:00:00.000Z", "userIdentity": {}, "requestParameters": {}, "responseElements": {},
            "s3": {"bucket": {"name": "up"}, "object": {"key": key, "size": 3, "eTag": "ignored"}},
        })
    };
    let body = json!({"Records": keys.iter().map(record).collect::<Vec<_>>()}).to_string();
    Received {
        body,
        queue: "q".into(),
        receipt: "r".into(),
        receives: 1,
    }
}

async fn jobs(memory: &Memory, owner: &str) -> Vec<Job> {
    memory.list(owner, 100, None).await.unwrap().jobs
}

#[tokio::test]
async fn an_upload_becomes_a_job_whose_first_task_is_sent() {
    let (world, memory) = world(Metadata::default());
    memory.put_object("uploads/my clip+1.mp4", "abc");
    assert_eq!(
        handle(&world, MAX_BYTES, &message(&["uploads/my+clip%2B1.mp4"])).await,
        Disposal::Acknowledge
    );
    let found = jobs(&memory, "default").await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].input.name.as_str(), found[0].input.bytes),
        ("my clip+1.mp4", 3)
    );
    let task = memory.receive().unwrap();
    assert_eq!((task.payload.stage.as_str(), task.payload.job), ("probe", found[0].id));
}

#[tokio::test]
async fn the_same_event_twice_makes_one_job_and_two_records_make_two() {
    let (world, memory) = world(Metadata::default());
    memory.put_object("uploads/a.mp4", "a");
    memory.put_object("uploads/b.mp4", "b");
    for _ in 0..2 {
        assert_eq!(
            handle(&world, MAX_BYTES, &message(&["uploads/a.mp4", "uploads/b.mp4"])).await,
            Disposal::Acknowledge
        );
    }
    assert_eq!(jobs(&memory, "default").await.len(), 2);
    let sent = std::iter::from_fn(|| memory.receive()).count();
    assert_eq!(sent, 2, "the second delivery sends nothing that is there");
}

#[tokio::test]
async fn a_crash_between_the_job_and_its_task_is_healed_by_the_next_delivery() {
    let (world, memory) = world(Metadata::default());
    memory.put_object("uploads/a.mp4", "a");
    memory.break_down("send");
    let disposal = handle(&world, MAX_BYTES, &message(&["uploads/a.mp4"])).await;
    assert!(matches!(disposal, Disposal::Return(Some(7..=15))), "{disposal:?}");
    assert_eq!(memory.hidden().len(), 1, "and not after the queue's six minutes");
    assert_eq!(jobs(&memory, "default").await.len(), 1);
    memory.recover();
    assert_eq!(
        handle(&world, MAX_BYTES, &message(&["uploads/a.mp4"])).await,
        Disposal::Acknowledge
    );
    assert_eq!(memory.receive().unwrap().payload.stage.as_str(), "probe");
}

#[tokio::test]
async fn a_reserved_id_is_kept_and_other_content_under_it_is_another_job() {
    let (mut world, memory) = world(Metadata::default());
    let reserved = JobId::of_object("r", "r", None, "r");
    let key = Request::key("ann", "motion", reserved, "clip.mp4");
    memory.put_object(&key, "first");
    handle(&world, MAX_BYTES, &message(&[&key])).await;
    assert_eq!(jobs(&memory, "ann").await[0].id, reserved);
    world.artifacts.etag = "other";
    memory.put_object(&key, "second!");
    handle(&world, MAX_BYTES, &message(&[&key])).await;
    handle(&world, MAX_BYTES, &message(&[&key])).await;
    assert_eq!(
        jobs(&memory, "ann").await.len(),
        2,
        "neither content is lost, and none is run twice"
    );
}

#[tokio::test]
async fn an_unknown_workflow_ends_its_job_with_a_reason() {
    let (world, memory) = world(Metadata {
        workflow: Some("dance".into()),
        ..Metadata::default()
    });
    memory.put_object("uploads/a.mp4", "a");
    assert_eq!(
        handle(&world, MAX_BYTES, &message(&["uploads/a.mp4"])).await,
        Disposal::Acknowledge
    );
    let JobState::Failed { failure, .. } = &jobs(&memory, "default").await[0].state else {
        panic!("it runs")
    };
    assert_eq!(failure.code, "WORKFLOW_UNKNOWN");
    assert!(failure.hint.contains("motion"));
    assert!(memory.receive().is_none());
}

#[tokio::test]
async fn what_is_gone_makes_no_job_and_what_is_no_event_comes_back() {
    let (world, memory) = world(Metadata::default());
    assert_eq!(
        handle(&world, MAX_BYTES, &message(&["uploads/gone.mp4"])).await,
        Disposal::Acknowledge
    );
    assert!(jobs(&memory, "default").await.is_empty());
    let nonsense = Received {
        body: "nonsense".into(),
        queue: "q".into(),
        receipt: "r".into(),
        receives: 1,
    };
    assert_eq!(handle(&world, MAX_BYTES, &nonsense).await, Disposal::Return(Some(0)));
    let test = Received {
        body: r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#.into(),
        ..nonsense
    };
    assert_eq!(handle(&world, MAX_BYTES, &test).await, Disposal::Acknowledge);
}

#[tokio::test]
async fn an_upload_that_nobody_signed_for_and_is_too_large_is_not_even_fetched() {
    let (world, memory) = world(Metadata::default());
    memory.put_object("uploads/huge.mp4", vec![0; 101]);
    for _ in 0..2 {
        assert_eq!(
            handle(&world, MAX_BYTES, &message(&["uploads/huge.mp4"])).await,
            Disposal::Acknowledge
        );
    }
    let JobState::Failed { failure, .. } = &jobs(&memory, "default").await[0].state else {
        panic!("it runs")
    };
    assert_eq!(failure.code, "MEDIA_TOO_LARGE");
    assert!(memory.receive().is_none());
}

#[tokio::test]
async fn what_was_asked_for_is_granted_with_every_parameter_at_its_value() {
    let (world, memory) = world(Metadata {
        params: Some(r#"{"cutoff_hz": 8}"#.into()),
        notify: Some("https://example.org/hook".into()),
        ..Metadata::default()
    });
    memory.put_object("uploads/a.mp4", "a");
    handle(&world, MAX_BYTES, &message(&["uploads/a.mp4"])).await;
    let job = jobs(&memory, "default").await.remove(0);
    assert_eq!(job.state, JobState::Running);
    assert_eq!(job.wishes.params["cutoff_hz"].as_f64(), Some(8.0));
    let workflow = marey_engine::Workflow::shipped("motion").unwrap();
    assert_eq!(job.wishes.params.len(), workflow.parameters().len());
    let time_s = job.deadline.unwrap().duration_since(job.created_at).as_secs();
    assert_eq!(time_s, i64::from(workflow.deadline_s()));
    let snapshot = memory.snapshot(job.id).await.unwrap().unwrap();
    assert_eq!(snapshot.stages.len(), workflow.stages().len());
}

#[tokio::test]
async fn what_cannot_be_granted_fails_at_once_and_says_what() {
    let asked = |params: &str, notify: Option<&str>| Metadata {
        params: Some(params.into()),
        notify: notify.map(str::to_owned),
        ..Metadata::default()
    };
    let cases = [
        (asked(r#"{"cutoff_hz": -1}"#, None), "cutoff_hz is -1"),
        (asked(r#"{"tempo": 3}"#, None), "tempo is not a parameter"),
        (asked("nonsense", None), "no JSON object"),
        (asked("{}", Some("ftp://x")), "does not begin with https://"),
    ];
    for (metadata, expected) in cases {
        let (world, memory) = world(metadata);
        memory.put_object("uploads/a.mp4", "a");
        for _ in 0..2 {
            let disposal = handle(&world, MAX_BYTES, &message(&["uploads/a.mp4"])).await;
            assert_eq!(disposal, Disposal::Acknowledge);
        }
        let JobState::Failed { failure, .. } = &jobs(&memory, "default").await[0].state else {
            panic!("it runs: {expected}")
        };
        assert_eq!(failure.code, "PARAMETER_INVALID");
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert!(memory.receive().is_none());
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_read_comes_back_and_its_siblings_have_their_jobs() {
    let (world, memory) = world(Metadata::default());
    memory.put_object("uploads/a.mp4", "a");
    memory.put_object("uploads/b.mp4", "b");
    let mut body: serde_json::Value = serde_json::from_str(&message(&["uploads/a.mp4", "uploads/b.mp4"]).body).unwrap();
    body["Records"].as_array_mut().unwrap().insert(1, json!({"s3": "?"}));
    let message = Received {
        body: body.to_string(),
        ..message(&[])
    };
    for _ in 0..2 {
        let disposal = handle(&world, MAX_BYTES, &message).await;
        assert_eq!(disposal, Disposal::Return(Some(0)), "it is never dropped");
    }
    assert_eq!(jobs(&memory, "default").await.len(), 2);
    assert_eq!(std::iter::from_fn(|| memory.receive()).count(), 2);
}

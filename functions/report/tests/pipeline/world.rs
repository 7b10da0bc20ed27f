//! One job of the sample events, on ports in memory.

use std::{collections::BTreeMap, path::Path};

use aws_lambda_events::event::sqs::SqsEvent;
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    Conductor, RealTime, Settings, Stage,
    artifacts::Manifest,
    conductor::Advance,
    harness::{Disposal, Harness, Received, StageWorkplace},
    lambda,
    memory::Memory,
    store::{FailureRecord, ReadJobs, WriteJobs},
};
use marey_engine::{
    Job, JobEvent, JobId, JobState, Shard, ShardKey, Snapshot, StageRow, Task, Upload, Wishes, Workflow, cost::Machine,
    parameter::settle, upload,
};
use serde_json::Value;

/// The stages that have a sample event, in the order of the workflow.
pub(crate) const STAGES: [&str; 5] = ["probe", "pose", "biomechanics", "visualize", "report"];

/// The sample event of a function.
fn event(function: &str) -> SqsEvent {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let text = std::fs::read_to_string(folder.join(format!("{function}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The task that the sample event of a stage carries.
pub(crate) fn sample_task(stage: &str) -> Task {
    let event = event(stage);
    assert_eq!(event.records.len(), 1);
    let record = &event.records[0];
    let queue = record.event_source_arn.as_deref().unwrap_or_default();
    assert!(queue.ends_with(&format!(":marey-{stage}")), "{queue}");
    serde_json::from_str(record.body.as_deref().unwrap()).unwrap()
}

/// The upload that `events/intake.json` announces.
pub(crate) fn upload(bytes: u64) -> Upload {
    let key = "uploads/ann/motion/squat 2×5+1.mp4";
    Upload {
        bucket: "marey-uploads-1f0c3a52".into(),
        key: key.into(),
        version: Some("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY".into()),
        etag: "5d41402abc4b2a76b9719d911017c592".into(),
        bytes,
        name: Upload::name_of(key).into(),
        member: None,
    }
}

type StageHarness<T> = Harness<StageWorkplace<T, Memory>, Memory, Memory, Memory>;

/// The job, and the table, buckets and queues in which it lives.
pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) id: JobId,
}

impl World {
    /// The job as `intake` leaves it, its first task sent.
    pub(crate) async fn new(video: Vec<u8>) -> Self {
        Self::with(video, "motion", &[]).await
    }

    /// The same for another workflow or with parameters. Those of numbers may lie outside the bounds for people: short clips are cut into
    /// short ranges.
    pub(crate) async fn with(video: Vec<u8>, workflow: &str, params: &[(&str, Value)]) -> Self {
        let memory = Memory::default();
        let input = upload(video.len() as u64);
        memory.put_object(&input.key, video);
        let request = upload::Request::read(&input.key, &upload::Metadata::default());
        let workflow = Workflow::shipped(workflow).unwrap();
        let mut settled = settle(&workflow, &BTreeMap::new()).unwrap();
        for (name, value) in params {
            assert!(settled.insert((*name).to_owned(), value.clone()).is_some(), "{name}");
        }
        let job = Job {
            id: input.job_id(),
            owner: request.owner,
            workflow: workflow.name().to_owned(),
            input,
            priority: request.priority,
            created_at: Timestamp::now(),
            deadline: None,
            round: 0,
            forgotten: false,
            wishes: Wishes {
                params: settled,
                ..Wishes::default()
            },
            trace: sample_task("probe").metadata.trace,
            state: JobState::Running,
        };
        let rows: Vec<StageRow> = workflow.stages().iter().map(StageRow::of).collect();
        memory.create(&job, &rows).await.unwrap();
        let world = Self { memory, id: job.id };
        let advanced = world.conductor("intake").advance(job.id).await.unwrap();
        assert_eq!(advanced, Advance::Dispatched(1));
        world
    }

    fn conductor(&self, source: &str) -> Conductor<Memory, Memory, Memory> {
        Conductor {
            store: self.memory.clone(),
            artifacts: self.memory.clone(),
            queues: self.memory.clone(),
            source: source.to_owned(),
            time: RealTime,
        }
    }

    /// Takes the task that was sent, which must be the sample's but for its moment.
    pub(crate) fn expect_task(&self, stage: &str) {
        let sent = self
            .memory
            .receive()
            .unwrap_or_else(|| panic!("no task was sent to {stage}"));
        let created_at = sent.created_at;
        assert_eq!(
            sent,
            Task {
                created_at,
                ..sample_task(stage)
            }
        );
    }

    /// Replays the sample event of a stage twice, for the task that was sent: the second delivery changes nothing.
    pub(crate) async fn replay<T: Stage>(&self, stage: T) {
        let name = stage.name();
        self.expect_task(name);
        let harness = self.harness(stage);
        assert_eq!(self.hand_over(&harness, name).await, Vec::<String>::new());
        let after = self.snapshot().await;
        assert_eq!(self.hand_over(&harness, name).await, Vec::<String>::new());
        assert_eq!(
            self.snapshot().await,
            after,
            "the second delivery of {name} changed something"
        );
    }

    /// Replays the sample event of a stage; answers the messages that must come back.
    pub(crate) async fn deliver<T: Stage>(&self, stage: T) -> Vec<String> {
        let name = stage.name();
        self.hand_over(&self.harness(stage), name).await
    }

    /// Runs a task that was sent.
    pub(crate) async fn run<T: Stage>(&self, stage: T, task: &Task) -> Disposal {
        let message = Received {
            body: serde_json::to_string(task).unwrap(),
            queue: "queue".to_owned(),
            receipt: "receipt".to_owned(),
            receives: 1,
        };
        let deadline = Timestamp::now() + SignedDuration::from_mins(15);
        Box::pin(self.harness(stage).handle(&message, deadline)).await
    }

    fn harness<T: Stage>(&self, stage: T) -> StageHarness<T> {
        let conductor = self.conductor(stage.name());
        Harness::of_stage(stage, conductor, Machine::Own, "test")
    }

    async fn hand_over<T: Stage>(&self, harness: &StageHarness<T>, name: &str) -> Vec<String> {
        let queue = |name: &str| (!name.ends_with("BYTES")).then(|| format!("https://queues/123456789012/{name}"));
        let settings = Settings::from_lookup(queue).unwrap();
        let deadline = Timestamp::now() + SignedDuration::from_mins(15);
        let handle = |message| async move { Box::pin(harness.handle(&message, deadline)).await };
        let answer = lambda::for_each_message(event(name), &settings, "eu-west-1", handle).await;
        let failures = answer.unwrap().batch_item_failures;
        failures.into_iter().map(|failure| failure.item_identifier).collect()
    }

    /// What `POST /jobs/{id}/cancel` does.
    pub(crate) async fn cancel(&self) {
        let row = self.memory.job(self.id).await.unwrap().unwrap();
        let cancelled = row.value.apply(JobEvent::Cancel, Timestamp::now()).unwrap();
        self.memory.put_job(&cancelled, row.version).await.unwrap();
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        self.memory.snapshot(self.id).await.unwrap().unwrap()
    }

    pub(crate) async fn job(&self) -> Job {
        self.snapshot().await.job.value
    }

    pub(crate) async fn failures(&self) -> Vec<FailureRecord> {
        self.memory.failures(self.id).await.unwrap()
    }

    pub(crate) async fn shard(&self, stage: &str) -> Shard {
        let key = ShardKey {
            job: self.id,
            stage: stage.parse().unwrap(),
            shard: 0,
        };
        self.memory
            .shard(&key)
            .await
            .unwrap()
            .expect("the stage has begun")
            .value
    }

    /// What a stage found.
    pub(crate) async fn facts(&self, stage: &str) -> Value {
        self.shard(stage).await.facts
    }

    /// An object's content.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        self.memory.object(key).unwrap_or_else(|| panic!("{key} is not there"))
    }

    /// What people get to see of a job that has completed.
    pub(crate) async fn manifest(&self) -> Manifest {
        let JobState::Completed { manifest, .. } = self.job().await.state else {
            panic!("it did not complete: {:#?}", self.snapshot().await)
        };
        serde_json::from_slice(&self.object(&manifest)).unwrap()
    }

    /// The content of the result of this name.
    pub(crate) async fn result(&self, name: &str) -> Vec<u8> {
        let manifest = self.manifest().await;
        let mut named = manifest.artifacts.iter().filter(|entry| entry.artifact.name == name);
        let entry = named
            .next()
            .unwrap_or_else(|| panic!("{name} is not among the results"));
        assert!(named.next().is_none(), "{name} is there twice");
        self.object(&entry.artifact.key)
    }

    /// The content of an artifact of a stage with one shard, also before the job has ended.
    pub(crate) async fn artifact(&self, stage: &str, name: &str) -> Vec<u8> {
        let snapshot = self.snapshot().await;
        let stage = stage.parse().unwrap();
        let artifact = snapshot.artifacts_of(&stage, name).next().unwrap();
        self.object(&artifact.key)
    }
}

//! Batches of the stream on ports in memory, the sample event in `events/events.json` among them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use marey_cloud::{CloudError, memory::Memory, publish::Unpublished, store::WriteJobs};
use marey_engine::{
    Failure, FailureClass, Job, JobEvent, LeaseToken, Shard, ShardEvent, StageRow, Workflow,
    event::{Change, Delivery, Event},
};
use serde_json::json;

use super::*;

const SAMPLE: &str = include_str!("../../../events/events.json");
const WEBHOOK_SAMPLE: &str = include_str!("../../../events/webhook.json");

/// Bus, topic and queue in one; refuses what it is told to refuse.
#[derive(Debug, Default, Clone)]
struct Outside(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bus: Vec<Event>,
    notices: Vec<Event>,
    deliveries: Vec<Delivery>,
    refuse: BTreeSet<&'static str>,
}

impl Outside {
    fn refuse(&self, what: &'static str) {
        self.0.lock().unwrap().refuse.insert(what);
    }

    fn recover(&self) {
        self.0.lock().unwrap().refuse.clear();
    }

    fn refuses(&self, what: &str) -> bool {
        self.0.lock().unwrap().refuse.contains(what)
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().bus.iter().map(Event::kind).collect()
    }

    fn notices(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().notices.iter().map(Event::kind).collect()
    }

    fn deliveries(&self) -> Vec<Delivery> {
        self.0.lock().unwrap().deliveries.clone()
    }
}

fn refused() -> CloudError {
    CloudError::service("tell", "refused on purpose")
}

impl PutEvents for Outside {
    async fn put(&self, events: &[Event]) -> Result<(), Unpublished> {
        for (first, event) in events.iter().enumerate() {
            if self.refuses(event.kind()) {
                let error = refused();
                return Err(Unpublished { first, error });
            }
            self.0.lock().unwrap().bus.push(event.clone());
        }
        Ok(())
    }
}

impl PublishNotices for Outside {
    async fn publish(&self, event: &Event) -> Result<(), CloudError> {
        if self.refuses("notices") {
            return Err(refused());
        }
        self.0.lock().unwrap().notices.push(event.clone());
        Ok(())
    }
}

impl SendDeliveries for Outside {
    async fn send_delivery(&self, delivery: &Delivery) -> Result<(), CloudError> {
        if self.refuses("deliveries") {
            return Err(refused());
        }
        self.0.lock().unwrap().deliveries.push(delivery.clone());
        Ok(())
    }
}

type TestPublisher = Publisher<Memory, Outside, Outside, Outside, Memory>;

fn publisher(memory: &Memory) -> (TestPublisher, Outside) {
    let outside = Outside::default();
    let publisher = Publisher {
        store: memory.clone(),
        bus: outside.clone(),
        notices: outside.clone(),
        webhooks: Some(outside.clone()),
        parked: memory.clone(),
    };
    (publisher, outside)
}

fn sample() -> Value {
    serde_json::from_str(SAMPLE).unwrap()
}

fn sequence(event: &Value, index: usize) -> String {
    event["Records"][index]["dynamodb"]["SequenceNumber"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The job that a record of the sample tells of, made in the store as it was at first.
async fn known_job(memory: &Memory) -> Job {
    let record = read_record(&sample()["Records"][0]).unwrap();
    let marey_cloud::publish::Content::Change {
        new: marey_engine::event::Row::Job(row),
        ..
    } = record.content
    else {
        panic!("the sample begins with a job")
    };
    let stages: Vec<_> = Workflow::shipped("motion")
        .unwrap()
        .stages()
        .iter()
        .map(StageRow::of)
        .collect();
    memory.create(&row.value, &stages).await.unwrap();
    row.value
}

/// The first shard of `probe` in the store, complete.
async fn completed_probe(memory: &Memory, job: &Job) {
    let key = marey_engine::ShardKey {
        job: job.id,
        stage: "probe".parse().unwrap(),
        shard: 0,
    };
    let token = LeaseToken("6f1f0b0e-4b39-4f0a-9c31-3d4f6a0a7b52".parse().unwrap());
    let now = job.created_at;
    let lease = ShardEvent::Lease {
        token,
        until: now + SignedDuration::from_secs(60),
        max_attempts: 3,
    };
    let complete = ShardEvent::Complete {
        token,
        artifacts: vec![],
        facts: json!({"shards": 1}),
        frames: 0,
        reused: false,
        cost_usd: 0.0,
    };
    let shard = Shard::queued(key, 0, now).apply(lease, now).unwrap();
    let shard = shard.apply(complete, now).unwrap();
    memory.put_shard(&shard, None).await.unwrap();
}

const ALL: [&str; 6] = [
    "marey.job.created",
    "marey.shard.queued",
    "marey.shard.started",
    "marey.shard.completed",
    "marey.stage.completed",
    "marey.job.completed",
];

#[tokio::test]
async fn the_sample_batch_is_told() {
    let memory = Memory::default();
    let job = known_job(&memory).await;
    completed_probe(&memory, &job).await;
    let (publisher, outside) = publisher(&memory);
    let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
    assert_eq!(serde_json::to_value(answer).unwrap(), json!({"batchItemFailures": []}));
    assert_eq!(outside.kinds(), ALL);
    assert_eq!(outside.notices(), ["marey.job.completed"]);

    let deliveries = outside.deliveries();
    let message: Value = serde_json::from_str(WEBHOOK_SAMPLE).unwrap();
    let body: Delivery = serde_json::from_str(message["Records"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(deliveries, [body], "the sample event of `webhook` is what this sends");
}

#[tokio::test]
async fn told_again_it_is_the_same() {
    let memory = Memory::default();
    let job = known_job(&memory).await;
    completed_probe(&memory, &job).await;
    let (publisher, outside) = publisher(&memory);
    for _ in 0..2 {
        handle(&publisher, Answering::Partially, &sample()).await.unwrap();
    }
    let events = outside.0.lock().unwrap().bus.clone();
    let ids: BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!((events.len(), ids.len()), (2 * ALL.len(), ALL.len()));
    assert_eq!(events[..ALL.len()], events[ALL.len()..]);
}

#[tokio::test]
async fn what_the_bus_refuses_comes_back_with_all_that_follows() {
    let memory = Memory::default();
    known_job(&memory).await;
    let (publisher, outside) = publisher(&memory);
    for (kind, index) in [
        ("marey.job.created", 0),
        ("marey.shard.started", 2),
        ("marey.job.completed", 5),
    ] {
        outside.refuse(kind);
        let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
        let failed: Vec<_> = answer
            .batch_item_failures
            .into_iter()
            .map(|failed| failed.item_identifier)
            .collect();
        assert_eq!(failed, [sequence(&sample(), index)], "{kind}");
        assert!(
            outside.notices().is_empty(),
            "nothing is told of an end that is not on the bus"
        );
        let whole = handle(&publisher, Answering::Whole, &sample()).await;
        assert!(matches!(whole, Err(ComeBack::Untold(_))), "{kind}");
        outside.recover();
    }
}

#[tokio::test]
async fn an_end_that_cannot_be_told_comes_back() {
    let memory = Memory::default();
    known_job(&memory).await;
    for what in ["notices", "deliveries"] {
        let (publisher, outside) = publisher(&memory);
        outside.refuse(what);
        let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
        assert_eq!(
            answer.batch_item_failures[0].item_identifier,
            sequence(&sample(), 5),
            "{what}"
        );
        assert!(outside.deliveries().is_empty());
        outside.recover();
        handle(&publisher, Answering::Partially, &sample()).await.unwrap();
        assert_eq!(outside.deliveries().len(), 1);
    }
}

#[tokio::test]
async fn while_the_table_is_away_records_come_back_from_the_one_that_needs_it() {
    let memory = Memory::default();
    known_job(&memory).await;
    let (publisher, outside) = publisher(&memory);
    memory.break_down("job");
    let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
    assert_eq!(answer.batch_item_failures[0].item_identifier, sequence(&sample(), 1));
    assert_eq!(outside.kinds(), ["marey.job.created"], "what came before is told");
}

#[tokio::test]
async fn where_nothing_is_posted_a_job_that_asks_for_it_ends_all_the_same() {
    let memory = Memory::default();
    known_job(&memory).await;
    let (mut publisher, outside) = publisher(&memory);
    publisher.webhooks = None;
    let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
    assert_eq!(answer.batch_item_failures, []);
    assert_eq!(outside.notices(), ["marey.job.completed"]);
    assert!(outside.deliveries().is_empty());
}

#[tokio::test]
async fn a_job_that_was_purged_holds_nothing_up() {
    let (publisher, outside) = publisher(&Memory::default());
    let answer = handle(&publisher, Answering::Partially, &sample()).await.unwrap();
    assert_eq!(answer.batch_item_failures, []);
    assert_eq!(outside.kinds(), ["marey.job.created", "marey.job.completed"]);
}

#[tokio::test]
async fn a_row_with_an_endless_story_stops_nobody() {
    let memory = Memory::default();
    known_job(&memory).await;
    let (publisher, outside) = publisher(&memory);
    let mut event = sample();
    let failure = json!({"M": {
        "code": {"S": "MANIFEST_INVALID"}, "message": {"S": "\u{1}".repeat(60_000)}, "hint": {"S": "h"},
        "stage": {"NULL": true}, "attempt": {"N": "0"}, "class": {"S": "permanent"},
    }});
    let row = &mut event["Records"][5]["dynamodb"]["NewImage"]["data"]["M"];
    let at = row["state"]["M"]["at"].clone();
    row["state"] = json!({"M": {"status": {"S": "failed"}, "at": at, "failure": failure}});
    let answer = handle(&publisher, Answering::Partially, &event).await.unwrap();
    assert_eq!(answer.batch_item_failures, []);
    let told = outside.0.lock().unwrap().bus.last().cloned().unwrap();
    assert_eq!(told.kind(), "marey.job.failed");
    assert!(serde_json::to_string(&told).unwrap().len() < 128 << 10);
    assert!(matches!(told.change, Change::JobFailed { failure, .. } if failure.code == "MANIFEST_INVALID"));
}

/// The sample with a second record that nobody can read, written so long ago.
fn with_unreadable(age: SignedDuration) -> Value {
    let mut event = sample();
    let written = (Timestamp::now() - age).as_second();
    event["Records"][1]["dynamodb"]["NewImage"]["schema_version"] = json!({"N": "99"});
    event["Records"][1]["dynamodb"]["ApproximateCreationDateTime"] = json!(written);
    event
}

#[tokio::test]
async fn a_row_of_a_newer_marey_waits_for_the_deployment_and_not_for_ever() {
    let memory = Memory::default();
    known_job(&memory).await;
    let (publisher, outside) = publisher(&memory);
    let fresh = with_unreadable(SignedDuration::from_mins(2));
    let answer = handle(&publisher, Answering::Partially, &fresh).await.unwrap();
    assert_eq!(answer.batch_item_failures[0].item_identifier, sequence(&fresh, 1));
    assert!(memory.parked().is_empty());

    let old = with_unreadable(SignedDuration::from_hours(2));
    let answer = handle(&publisher, Answering::Partially, &old).await.unwrap();
    assert_eq!(answer.batch_item_failures, []);
    let parked: Vec<Value> = memory
        .parked()
        .iter()
        .map(|body| serde_json::from_str(body).unwrap())
        .collect();
    assert_eq!(parked, [old["Records"][1].clone()], "as it came");
    assert!(
        outside.kinds().ends_with(&["marey.job.completed"]),
        "what follows goes on"
    );

    memory.break_down("park");
    let answer = handle(&publisher, Answering::Partially, &old).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1, "it is not dropped");
}

#[tokio::test]
async fn what_cannot_be_named_brings_the_batch_back() {
    let (publisher, outside) = publisher(&Memory::default());
    let mut nameless = sample();
    nameless["Records"][3]["dynamodb"]
        .as_object_mut()
        .unwrap()
        .remove("SequenceNumber");
    for event in [nameless, json!({}), json!({"Records": [1]})] {
        assert!(
            handle(&publisher, Answering::Partially, &event).await.is_err(),
            "{event}"
        );
    }
    assert!(outside.kinds().is_empty());
    let empty = handle(&publisher, Answering::Whole, &json!({"Records": []}))
        .await
        .unwrap();
    assert_eq!(empty.batch_item_failures, []);
}

#[tokio::test]
async fn a_failed_job_is_told_with_its_reason() {
    let memory = Memory::default();
    let job = known_job(&memory).await;
    let failure = Failure {
        code: "MEDIA_UNREADABLE".into(),
        message: "The file is damaged.".into(),
        hint: "Export it again.".into(),
        stage: Some("probe".parse().unwrap()),
        attempt: 1,
        class: FailureClass::Permanent,
    };
    let failed = job
        .apply(
            JobEvent::Fail {
                failure: failure.clone(),
            },
            job.created_at,
        )
        .unwrap();
    let mut event = sample();
    let records = event["Records"].as_array_mut().unwrap();
    records.drain(..5);
    let state = serde_json::to_value(&failed.state).unwrap();
    records[0]["dynamodb"]["NewImage"]["data"]["M"]["state"] = as_attribute(&state);
    let (publisher, outside) = publisher(&memory);
    handle(&publisher, Answering::Partially, &event).await.unwrap();
    let events = outside.0.lock().unwrap().notices.clone();
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert!(
        matches!(&event.change, Change::JobFailed { failure: told, .. } if *told == failure),
        "{event:?}"
    );
}

/// JSON as DynamoDB has it.
fn as_attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(truth) => json!({"BOOL": truth}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(items) => json!({"L": items.iter().map(as_attribute).collect::<Vec<_>>()}),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, field)| (name.clone(), as_attribute(field)));
            json!({"M": fields.collect::<serde_json::Map<_, _>>()})
        }
    }
}

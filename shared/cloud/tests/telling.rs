//! The bus, the topic and the queue of deliveries on a local cloud.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use jiff::{SignedDuration, Timestamp};
use marey_cloud::{
    aws::{EventBus, Topic, WebhookQueue, sdk_config},
    publish::{PublishNotices, PutEvents, SendDeliveries},
};
use marey_engine::{
    JobId, RepairReason,
    event::{About, Delivery, Event, of_repair},
};
use serde_json::Value;
use uuid::Uuid;

/// The configuration of the local cloud, if one is up.
async fn local_cloud() -> Option<SdkConfig> {
    if std::env::var_os("AWS_ENDPOINT_URL").is_none() || std::env::var_os("MAREY_JOBS_TABLE").is_none() {
        eprintln!("skipped: no local cloud (AWS_ENDPOINT_URL and MAREY_JOBS_TABLE); `cargo xtask test` starts one");
        return None;
    }
    Some(sdk_config().await)
}

/// Different events of one job, in order.
fn events(count: i64) -> Vec<Event> {
    let about = About {
        job: JobId::of_object("b", &Uuid::new_v4().to_string(), None, "e"),
        owner: "läufer".into(),
        workflow: "motion".into(),
        trace: "t".into(),
    };
    let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_795_255_200 + second);
    (0..count)
        .filter_map(|second| of_repair(&about, RepairReason::PastDeadline, None, at(second)))
        .collect()
}

/// A queue of this test's own.
struct Queue {
    client: aws_sdk_sqs::Client,
    url: String,
    arn: String,
}

impl Queue {
    async fn new(config: &SdkConfig, name: &str) -> Self {
        let client = aws_sdk_sqs::Client::new(config);
        let created = client.create_queue().queue_name(name).send().await.unwrap();
        let url = created.queue_url.unwrap();
        let call = client.get_queue_attributes().queue_url(&url);
        let found = call.attribute_names(QueueAttributeName::QueueArn).send().await.unwrap();
        let arn = found.attributes.unwrap().remove(&QueueAttributeName::QueueArn).unwrap();
        Self { client, url, arn }
    }

    /// Receives so many messages, or those that came when nothing more comes.
    async fn receive(&self, count: usize) -> Vec<Message> {
        let mut received = Vec::new();
        while received.len() < count {
            let call = self.client.receive_message().queue_url(&self.url).wait_time_seconds(5);
            let call = call.max_number_of_messages(10).message_attribute_names("All");
            let some = call.send().await.unwrap().messages.unwrap_or_default();
            if some.is_empty() {
                break;
            }
            for message in some {
                let receipt = message.receipt_handle.clone().unwrap();
                let call = self.client.delete_message().queue_url(&self.url);
                call.receipt_handle(receipt).send().await.unwrap();
                received.push(message);
            }
        }
        received
    }

    async fn remove(self) {
        self.client.delete_queue().queue_url(self.url).send().await.unwrap();
    }
}

fn body(message: &Message) -> Value {
    serde_json::from_str(message.body.as_deref().unwrap()).unwrap()
}

#[tokio::test]
async fn every_event_reaches_the_bus() {
    let Some(config) = local_cloud().await else { return };
    let name = format!("telling-{}", Uuid::new_v4().simple());
    let queue = Queue::new(&config, &name).await;
    let client = aws_sdk_eventbridge::Client::new(&config);
    client.create_event_bus().name(&name).send().await.unwrap();
    let pattern = r#"{"source": ["marey"], "detail-type": [{"prefix": "marey.job."}]}"#;
    let rule = client
        .put_rule()
        .name(&name)
        .event_bus_name(&name)
        .event_pattern(pattern);
    rule.send().await.unwrap();
    let target = aws_sdk_eventbridge::types::Target::builder()
        .id("queue")
        .arn(&queue.arn)
        .build()
        .unwrap();
    client
        .put_targets()
        .rule(&name)
        .event_bus_name(&name)
        .targets(target)
        .send()
        .await
        .unwrap();

    let events = events(23);
    EventBus::new(&config, &name).put(&events).await.unwrap();
    let received: BTreeMap<String, Value> = queue
        .receive(events.len())
        .await
        .iter()
        .map(body)
        .map(|envelope| (envelope["detail"]["id"].as_str().unwrap().to_owned(), envelope))
        .collect();
    assert_eq!(received.len(), events.len());
    for event in &events {
        let envelope = &received[&event.id.to_string()];
        assert_eq!(envelope["detail-type"], event.kind());
        assert_eq!(
            serde_json::from_value::<Event>(envelope["detail"].clone()).unwrap(),
            *event
        );
    }

    client
        .remove_targets()
        .rule(&name)
        .event_bus_name(&name)
        .ids("queue")
        .send()
        .await
        .unwrap();
    client
        .delete_rule()
        .name(&name)
        .event_bus_name(&name)
        .send()
        .await
        .unwrap();
    client.delete_event_bus().name(&name).send().await.unwrap();
    queue.remove().await;
}

#[tokio::test]
async fn a_notice_reaches_those_whose_filter_lets_it() {
    let Some(config) = local_cloud().await else { return };
    let name = format!("telling-{}", Uuid::new_v4().simple());
    let queue = Queue::new(&config, &name).await;
    let client = aws_sdk_sns::Client::new(&config);
    let topic = client
        .create_topic()
        .name(&name)
        .send()
        .await
        .unwrap()
        .topic_arn
        .unwrap();
    let call = client
        .subscribe()
        .topic_arn(&topic)
        .protocol("sqs")
        .endpoint(&queue.arn);
    let call = call.attributes("RawMessageDelivery", "true");
    call.attributes("FilterPolicy", r#"{"owner": ["läufer"]}"#)
        .send()
        .await
        .unwrap();

    let mut events = events(2);
    events[0].owner = "somebody else".into();
    for event in &events {
        Topic::new(&config, &topic).publish(event).await.unwrap();
    }
    let received = queue.receive(2).await;
    let [message] = received.as_slice() else {
        panic!("{received:?}")
    };
    assert_eq!(serde_json::from_value::<Event>(body(message)).unwrap(), events[1]);
    let attributes = message.message_attributes.as_ref().unwrap();
    assert_eq!(attributes["type"].string_value.as_deref(), Some(events[1].kind()));
    assert_eq!(attributes["workflow"].string_value.as_deref(), Some("motion"));

    client.delete_topic().topic_arn(topic).send().await.unwrap();
    queue.remove().await;
}

#[tokio::test]
async fn a_delivery_reaches_its_queue() {
    let Some(config) = local_cloud().await else { return };
    let queue = Queue::new(&config, &format!("telling-{}", Uuid::new_v4().simple())).await;
    let delivery = Delivery::new(&events(1)[0], "https://example.com/hook").unwrap();
    WebhookQueue::new(&config, &queue.url)
        .send_delivery(&delivery)
        .await
        .unwrap();
    let received = queue.receive(1).await;
    assert_eq!(
        serde_json::from_value::<Delivery>(body(&received[0])).unwrap(),
        delivery
    );
    queue.remove().await;
}

#[tokio::test]
async fn a_bus_that_is_not_there_takes_nothing() {
    // Not of the environment, whose endpoint would count for more than the one that is set here.
    let config = SdkConfig::builder().behavior_version(aws_config::BehaviorVersion::v2026_01_12());
    let config = config
        .endpoint_url("http://127.0.0.1:9")
        .region(aws_config::Region::new("eu-west-1"));
    let credentials = aws_credential_types::Credentials::new("a", "s", None, None, "test");
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
    let bus = EventBus::new(&config.credentials_provider(provider).build(), "bus");
    let events = events(12);
    let unpublished = bus.put(&events).await.unwrap_err();
    assert_eq!(unpublished.first, 0);
    assert!(bus.put(&[]).await.is_ok(), "nothing is asked for nothing");
}

//! Wires a handler to the Lambda runtime.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{self, Poll},
};

use aws_lambda_events::{
    event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent},
    sqs::SqsMessage,
};
use jiff::Timestamp;
use lambda_runtime::{Context, Error, LambdaEvent, service_fn};

use crate::{
    Conductor, RealTime, Settings, Stage,
    aws::{Buckets, Queues, Table, sdk_config},
    harness::{Disposal, Harness, Received, scratch},
    telemetry,
};

/// The conductor of a deployment.
pub type CloudConductor = Conductor<Table, Buckets, Queues>;

/// Reads the settings and makes the clients: once per process.
///
/// # Errors
/// A setting is missing or malformed.
pub async fn connect(source: &str) -> Result<(CloudConductor, Settings), Error> {
    let settings = Settings::from_env()?;
    let config = sdk_config().await;
    let conductor = Conductor {
        store: Table::new(&config, &settings),
        artifacts: Buckets::new(&config, &settings),
        queues: Queues::new(&config, &settings),
        source: source.to_owned(),
        time: RealTime,
    };
    Ok((conductor, settings))
}

/// Runs a stage as a Lambda function until the process is ended.
///
/// # Errors
/// The function could not start.
pub async fn run_stage<T: Stage>(stage: T) -> Result<(), Error> {
    telemetry::init();
    scratch::sweep();
    let (conductor, settings) = connect(stage.name()).await?;
    let harness = Harness::of_stage(stage, conductor, settings.machine, &settings.revision);
    let region = region();
    let (harness, settings, region) = (&harness, &settings, region.as_str());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let deadline = deadline(&event.context);
        for_each_message(event.payload, settings, region, |message| async move {
            Box::pin(harness.handle(&message, deadline)).await
        })
        .await
    }))
    .await
}

/// When Lambda ends the invocation.
pub fn deadline(context: &Context) -> Timestamp {
    Timestamp::from_millisecond(context.deadline as i64).unwrap_or(Timestamp::MAX)
}

/// The region that the function runs in.
pub fn region() -> String {
    std::env::var("AWS_REGION")
        .or_else(|_| std::env::var("AWS_DEFAULT_REGION"))
        .unwrap_or_else(|_| "us-east-1".into())
}

/// Handles every message of a batch by itself and answers which ones must come back.
///
/// # Errors
/// A message has no id: it could not be named in the answer, so the whole batch must come back.
pub async fn for_each_message<F, R>(
    event: SqsEvent,
    settings: &Settings,
    region: &str,
    handle: F,
) -> Result<SqsBatchResponse, Error>
where
    F: Fn(Received) -> R,
    R: Future<Output = Disposal>,
{
    let mut response = SqsBatchResponse::default();
    if event
        .records
        .iter()
        .any(|record| record.message_id.as_deref().unwrap_or_default().is_empty())
    {
        return Err("a message of the batch has no id".into());
    }
    for record in event.records {
        let id = record.message_id.clone().unwrap_or_default();
        // Boxed: the futures of SDK calls are deeply nested types.
        let handled = caught(Box::pin(handle(received(record, settings, region)))).await;
        let disposal = handled.unwrap_or_else(|| {
            tracing::error!(message = id, "message handler panicked");
            Disposal::Return(None)
        });
        if disposal != Disposal::Acknowledge {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    Ok(response)
}

/// Runs a future to its end; `None` if it panics, which must cost one message and not its batch.
async fn caught<R>(mut future: Pin<Box<impl Future<Output = R>>>) -> Option<R> {
    // A future that panicked is dropped and never polled again, so nobody sees what it left half done.
    let poll = |context: &mut task::Context<'_>| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)))
    {
        Ok(poll) => poll.map(Some),
        Err(_) => Poll::Ready(None),
    };
    std::future::poll_fn(poll).await
}

fn received(record: SqsMessage, settings: &Settings, region: &str) -> Received {
    let receives = record.attributes.get("ApproximateReceiveCount");
    let receives = receives.and_then(|count| count.parse().ok()).unwrap_or(1);
    Received {
        body: record.body.unwrap_or_default(),
        queue: queue_url(record.event_source_arn.as_deref().unwrap_or_default(), settings, region),
        receipt: record.receipt_handle.unwrap_or_default(),
        receives,
    }
}

/// The URL of the queue that an ARN names: one of the settings if it is there, else built from the ARN.
fn queue_url(arn: &str, settings: &Settings, region: &str) -> String {
    let mut parts = arn.rsplit(':');
    let name = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    let known = settings
        .queues
        .values()
        .flat_map(|pair| [&pair.standard, &pair.express]);
    let ending = format!("/{account}/{name}");
    if let Some(url) = known.into_iter().find(|url| url.ends_with(&ending)) {
        return url.clone();
    }
    match std::env::var("AWS_ENDPOINT_URL") {
        Ok(endpoint) => format!("{}{ending}", endpoint.trim_end_matches('/')),
        Err(_) => format!("https://sqs.{region}.amazonaws.com{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings::from_lookup(|name| {
            Some(format!("http://q/000/{}", name.to_lowercase())).filter(|_| !name.ends_with("BYTES"))
        })
        .unwrap()
    }

    fn event(ids: &[&str]) -> SqsEvent {
        let records: Vec<_> = ids
            .iter()
            .map(|id| {
                serde_json::json!({"messageId": id, "body": id, "receiptHandle": "r",
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:000:marey_queue_pose", "awsRegion": "eu-west-1",
                "attributes": {}, "messageAttributes": {}})
            })
            .collect();
        serde_json::from_value(serde_json::json!({ "Records": records })).unwrap()
    }

    #[tokio::test]
    async fn only_the_messages_that_failed_come_back() {
        let settings = settings();
        let answer = for_each_message(event(&["a", "b", "c"]), &settings, "eu-west-1", |message| async move {
            assert_eq!(message.queue, "http://q/000/marey_queue_pose");
            if message.body == "b" {
                Disposal::Return(None)
            } else {
                Disposal::Acknowledge
            }
        });
        let failed: Vec<_> = answer
            .await
            .unwrap()
            .batch_item_failures
            .into_iter()
            .map(|failure| failure.item_identifier)
            .collect();
        assert_eq!(failed, ["b"]);
    }

    #[tokio::test]
    async fn a_panic_costs_one_message() {
        let settings = settings();
        let answer = for_each_message(event(&["a", "b", "c"]), &settings, "eu-west-1", |message| async move {
            tokio::task::yield_now().await;
            assert_ne!(message.body, "b", "a bug that one message meets");
            Disposal::Acknowledge
        });
        let failed = answer.await.unwrap().batch_item_failures;
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].item_identifier, "b");
    }

    #[tokio::test]
    async fn a_message_without_an_id_brings_the_whole_batch_back() {
        let settings = settings();
        let answer = for_each_message(event(&["a", ""]), &settings, "eu-west-1", |_| async {
            Disposal::Acknowledge
        });
        assert!(
            answer.await.is_err(),
            "an empty identifier would acknowledge what nobody handled"
        );
    }
}

//! The function `events`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use marey_cloud::{
    Settings,
    aws::{EventBus, Queues, Table, Topic, WebhookQueue, sdk_config},
    publish::{Destinations, Publisher},
    telemetry,
};
use marey_fn_events::{Answering, handle};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Settings::from_env()?;
    let destinations = Destinations::from_env()?;
    let config = sdk_config().await;
    let publisher = Publisher {
        store: Table::new(&config, &settings),
        bus: EventBus::new(&config, &destinations.bus),
        notices: Topic::new(&config, &destinations.topic),
        webhooks: destinations.webhooks.map(|url| WebhookQueue::new(&config, &url)),
        parked: Queues::new(&config, &settings),
    };
    let answering = Answering::of_environment();
    let publisher = &publisher;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        Box::pin(handle(publisher, answering, &event.payload))
            .await
            .map_err(Error::from)
    }))
    .await
}

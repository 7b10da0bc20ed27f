//! The function `sweep`.

use jiff::SignedDuration;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use marey_cloud::{
    aws::{EventBus, sdk_config},
    lambda,
    publish::BUS_SETTING,
    telemetry,
};
use marey_fn_sweep::{Policy, Sweeper};
use serde_json::Value;

/// The function ends itself so long before Lambda would.
const MARGIN: SignedDuration = SignedDuration::from_secs(3);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let (conductor, settings) = lambda::connect("sweep").await?;
    let bus = std::env::var(BUS_SETTING).ok().filter(|bus| !bus.is_empty());
    let bus = match bus {
        Some(bus) => Some(EventBus::new(&sdk_config().await, &bus)),
        None => None,
    };
    let sweeper = Sweeper {
        conductor,
        bus,
        uploads: settings.uploads,
        upload_max_bytes: settings.upload_max_bytes,
        policy: Policy::from_env()?,
    };
    let sweeper = &sweeper;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let until = lambda::deadline(&event.context) - MARGIN;
        let policy = sweeper.policy.asked_otherwise(&event.payload);
        Ok::<_, Error>(Box::pin(sweeper.sweep(&policy, until)).await)
    }))
    .await
}

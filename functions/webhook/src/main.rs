//! The function `webhook`.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use marey_cloud::{
    Settings,
    aws::{Queues, sdk_config},
    lambda, telemetry,
};
use marey_fn_webhook::{LOOPBACK_SETTING, Poster, SECRET_SETTING, Secrets, Webhook};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Settings::from_env()?;
    let secrets = Secrets::from_setting(&std::env::var(SECRET_SETTING).unwrap_or_default())?;
    let allow_loopback = std::env::var(LOOPBACK_SETTING).is_ok_and(|value| value == "true");
    let webhook = Webhook {
        poster: Poster::new(secrets, allow_loopback)?,
        queue: Queues::new(&sdk_config().await, &settings),
    };
    let (webhook, settings, region) = (&webhook, &settings, &lambda::region());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let handle = |message| async move { webhook.handle(&message).await };
        lambda::for_each_message(event.payload, settings, region, handle).await
    }))
    .await
}

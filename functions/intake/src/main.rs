//! The function `intake`.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use marey_cloud::{lambda, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let (conductor, settings) = lambda::connect("intake").await?;
    let (conductor, settings, region) = (&conductor, &settings, &lambda::region());
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let handle =
            |message| async move { marey_fn_intake::handle(conductor, settings.upload_max_bytes, &message).await };
        lambda::for_each_message(event.payload, settings, region, handle).await
    }))
    .await
}

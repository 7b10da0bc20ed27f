//! The function `api`.

use std::sync::Arc;

use jiff::Timestamp;
use lambda_http::Error;
use marey_cloud::{
    Settings,
    aws::{Buckets, Table, form::FormSigner, sdk_config},
    telemetry,
};
use marey_fn_api::{Api, router};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Settings::from_env()?;
    let config = sdk_config().await;
    let api = Api {
        store: Table::new(&config, &settings),
        links: Buckets::new(&config, &settings),
        forms: FormSigner::new(&config, &settings),
        max_bytes: settings.upload_max_bytes,
        now: Timestamp::now,
    };
    lambda_http::run(router(Arc::new(api))).await
}

//! The function `api`.

use std::sync::Arc;

use lambda_http::Error;
use marey_cloud::{
    Conductor, RealTime, Settings,
    aws::{Buckets, Queues, Table, form::FormSigner, sdk_config},
    telemetry,
};
use marey_fn_api::{Access, Api, Ports, router};

/// The ports on AWS.
struct Cloud;

impl Ports for Cloud {
    type Store = Table;
    type Artifacts = Buckets;
    type Queues = Queues;
    type Forms = FormSigner;
    type Time = RealTime;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let settings = Settings::from_env()?;
    let access = Access::from_lookup(|name| std::env::var(name).ok())?;
    let config = sdk_config().await;
    let api: Api<Cloud> = Api {
        conductor: Conductor {
            store: Table::new(&config, &settings),
            artifacts: Buckets::new(&config, &settings),
            queues: Queues::new(&config, &settings),
            source: "api".to_owned(),
            time: RealTime,
        },
        forms: FormSigner::new(&config, &settings),
        max_bytes: settings.upload_max_bytes,
        access,
    };
    lambda_http::run(router(Arc::new(api))).await
}

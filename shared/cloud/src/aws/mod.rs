//! The ports on AWS, or on anything that speaks its protocols.

pub mod batch;
pub mod bucket;
pub mod bus;
pub mod deliveries;
pub mod form;
mod mappings;
pub mod notices;
pub mod queue;
pub mod table;

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};

pub use batch::BatchQueues;
pub use bucket::Buckets;
pub use bus::EventBus;
pub use deliveries::WebhookQueue;
pub use notices::Topic;
pub use queue::Queues;
pub use table::Table;

/// The one SDK configuration of a process. The endpoint, region and credentials come from the environment
/// (`AWS_ENDPOINT_URL` among it), so that the same binary runs on AWS and on a laptop.
///
/// The SDK retries a failed call twice; everything slower is retried by the queue that delivered the message.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::standard())
        .load()
        .await
}

/// Time limits of calls that carry a few kilobytes. Without them, a service that takes a call and never answers would hold
/// up heartbeats until the function's own end; calls that carry videos take as long as they move.
fn short_calls() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(8))
        .build()
}

/// Whether the environment names an endpoint, so that buckets cannot be host names.
fn has_custom_endpoint(config: &SdkConfig) -> bool {
    config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some()
}

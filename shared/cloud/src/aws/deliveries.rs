//! SQS: what is to be posted to somebody's address.

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use marey_engine::event::Delivery;

use crate::{CloudError, publish::SendDeliveries};

/// The queue of the function `webhook`.
#[derive(Debug, Clone)]
pub struct WebhookQueue {
    client: Client,
    url: String,
}

impl WebhookQueue {
    /// The queue of a URL.
    pub fn new(config: &SdkConfig, url: &str) -> Self {
        let builder = aws_sdk_sqs::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            url: url.to_owned(),
        }
    }
}

impl SendDeliveries for WebhookQueue {
    async fn send_delivery(&self, delivery: &Delivery) -> Result<(), CloudError> {
        let body = serde_json::to_string(delivery).map_err(|e| CloudError::service("write delivery", e))?;
        let call = self.client.send_message().queue_url(&self.url).message_body(body);
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service("send delivery", e))
    }
}

//! SQS.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_sqs::{Client, types::MessageAttributeValue};
use marey_engine::{StageName, Task};

use crate::{
    CloudError, Settings,
    queues::{HoldMessages, ParkMessages, SendTasks},
    settings::QueuePair,
};

/// The queues of a deployment.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    of_stages: BTreeMap<StageName, QueuePair>,
    parked: Option<String>,
}

impl Queues {
    /// The queues that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let builder = aws_sdk_sqs::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            of_stages: settings.queues.clone(),
            parked: settings.parked.clone(),
        }
    }
}

impl SendTasks for Queues {
    async fn send(&self, task: &Task) -> Result<(), CloudError> {
        let stage = &task.payload.stage;
        let pair = self.of_stages.get(stage).ok_or_else(|| CloudError::Missing {
            what: format!("a queue for the stage {stage} in the settings"),
        })?;
        let url = if task.is_express() {
            &pair.express
        } else {
            &pair.standard
        };
        let body = serde_json::to_string(task).map_err(|e| CloudError::service("write task", e))?;
        let sent = self
            .client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .send()
            .await;
        sent.map(drop).map_err(|e| CloudError::service("send task", e))
    }
}

impl HoldMessages for Queues {
    async fn hide(&self, queue: &str, receipt: &str, seconds: u32) -> Result<(), CloudError> {
        // The longest visibility timeout that SQS takes is 12 hours.
        let seconds = seconds.min(43_200) as i32;
        let call = self
            .client
            .change_message_visibility()
            .queue_url(queue)
            .receipt_handle(receipt);
        let changed = call.visibility_timeout(seconds).send().await;
        changed
            .map(drop)
            .map_err(|e| CloudError::service("change visibility", e))
    }
}

impl ParkMessages for Queues {
    async fn park(&self, body: &str, from_queue: &str) -> Result<(), CloudError> {
        let missing = || CloudError::Missing {
            what: "the parked queue in the settings".to_owned(),
        };
        let url = self.parked.as_ref().ok_or_else(missing)?;
        let attribute = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(from_queue)
            .build();
        let attribute = attribute.map_err(|e| CloudError::service("park message", e))?;
        let call = self.client.send_message().queue_url(url).message_body(body);
        let sent = call.message_attributes("from_queue", attribute).send().await;
        sent.map(drop).map_err(|e| CloudError::service("park message", e))
    }
}

//! SNS: the ends of jobs.

use aws_config::SdkConfig;
use aws_sdk_sns::{Client, types::MessageAttributeValue};
use marey_engine::event::Event;

use crate::{CloudError, publish::PublishNotices};

/// A topic.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// The topic of an ARN.
    pub fn new(config: &SdkConfig, arn: &str) -> Self {
        let builder = aws_sdk_sns::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            arn: arn.to_owned(),
        }
    }
}

impl PublishNotices for Topic {
    async fn publish(&self, event: &Event) -> Result<(), CloudError> {
        let body = serde_json::to_string(event).map_err(|e| CloudError::service("write event", e))?;
        let status = event.outcome().unwrap_or("changed");
        let mut call = self
            .client
            .publish()
            .topic_arn(&self.arn)
            .subject(format!("Marey: job {} {status}", event.job))
            .message(body);
        let attributes = [
            ("type", event.kind()),
            ("status", status),
            ("owner", event.owner.as_str()),
            ("workflow", event.workflow.as_str()),
        ];
        // An attribute without a value would be refused, and the notice with it.
        for (name, value) in attributes.into_iter().filter(|(_, value)| !value.is_empty()) {
            let attribute = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            let attribute = attribute.map_err(|e| CloudError::service("publish notice", e))?;
            call = call.message_attributes(name, attribute);
        }
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service("publish notice", e))
    }
}

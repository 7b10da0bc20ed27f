//! SQS.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use marey_engine::{StageName, Task};

use super::{BatchQueues, mappings::Mappings};
use crate::{
    CloudError, Settings,
    queues::{BatchWork, EndBatchJobs, HoldMessages, ParkMessages, SendTasks, WaitingBatchJob},
    settings::QueuePair,
};

mod operators;

/// The queues of a deployment.
#[derive(Debug, Clone)]
pub struct Queues {
    client: Client,
    of_stages: BTreeMap<StageName, QueuePair>,
    parked: Option<String>,
    intake: Option<String>,
    webhook: Option<String>,
    batch_failures: Option<String>,
    mappings: Mappings,
    batch: Option<BatchQueues>,
}

impl Queues {
    /// The queues that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let builder = aws_sdk_sqs::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            of_stages: settings.queues.clone(),
            parked: settings.parked.clone(),
            intake: settings.intake.clone(),
            webhook: settings.webhook.clone(),
            batch_failures: settings.batch_failures.clone(),
            mappings: Mappings::new(config),
            batch: settings.batch.as_ref().map(|names| BatchQueues::new(config, names)),
        }
    }
}

/// `SendMessageBatch` takes so many messages.
const BATCH: usize = 10;

impl Queues {
    async fn send_batch(&self, url: &str, tasks: &[Task]) -> Result<(), CloudError> {
        if let [task] = tasks {
            let sent = self
                .client
                .send_message()
                .queue_url(url)
                .message_body(body(task)?)
                .send()
                .await;
            return sent.map(drop).map_err(|e| CloudError::service("send task", e));
        }
        let mut call = self.client.send_message_batch().queue_url(url);
        for (number, task) in tasks.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .message_body(body(task)?);
            call = call.entries(entry.build().map_err(|e| CloudError::service("send tasks", e))?);
        }
        let sent = call.send().await.map_err(|e| CloudError::service("send tasks", e))?;
        match sent.failed().first() {
            None => Ok(()),
            Some(failed) => {
                let problem = failed.message().unwrap_or(failed.code()).to_owned();
                Err(CloudError::service("send tasks", problem))
            }
        }
    }
}

fn body(task: &Task) -> Result<String, CloudError> {
    serde_json::to_string(task).map_err(|e| CloudError::service("write task", e))
}

impl SendTasks for Queues {
    async fn send(&self, tasks: &[Task]) -> Result<(), CloudError> {
        let Some(first) = tasks.first() else { return Ok(()) };
        let stage = &first.payload.stage;
        let pair = self.of_stages.get(stage).ok_or_else(|| CloudError::Missing {
            what: format!("a queue for the stage {stage} in the settings"),
        })?;
        let url = if first.is_express() {
            &pair.express
        } else {
            &pair.standard
        };
        let calls: Vec<_> = tasks
            .chunks(BATCH)
            .map(|some| Box::pin(self.send_batch(url, some)))
            .collect();
        futures_util::future::try_join_all(calls).await.map(drop)
    }

    async fn submit(&self, work: &BatchWork) -> Result<(), CloudError> {
        let missing = || CloudError::Missing {
            what: "an AWS Batch queue in the settings".to_owned(),
        };
        self.batch.as_ref().ok_or_else(missing)?.submit(work).await
    }

    fn has_batch(&self) -> bool {
        self.batch.is_some()
    }

    async fn in_hand(&self, work: &BatchWork) -> Result<BTreeSet<u32>, CloudError> {
        match &self.batch {
            Some(batch) => batch.in_hand(work).await,
            None => Ok(BTreeSet::new()),
        }
    }
}

impl EndBatchJobs for Queues {
    async fn batch_jobs(&self) -> Result<Vec<WaitingBatchJob>, CloudError> {
        match &self.batch {
            Some(batch) => batch.waiting().await,
            None => Ok(Vec::new()),
        }
    }

    async fn end_batch_job(&self, id: &str, reason: &str) -> Result<(), CloudError> {
        match &self.batch {
            Some(batch) => batch.terminate(id, reason).await,
            None => Ok(()),
        }
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

//! What operators do with queues: look at them, take parked messages back.
//!
//! Dead-letter queues are found through the redrive policy of the queue that they serve, so that no function's environment,
//! which has 4 KB, needs to name them.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::{Message, QueueAttributeName};
use marey_engine::StageName;
use serde::Deserialize;

use super::Queues;
use crate::{
    CloudError,
    queues::{CountMessages, Depth, LimitStages, Parked, TakeParked},
};

/// `ReceiveMessage` gives so many messages.
const MOST_RECEIVED: i32 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
}

/// What a queue says of itself.
struct Look {
    depth: Depth,
    dead_letters: Option<String>,
}

/// URL of the queue that an ARN names. It is in the same account and region as the queue that it serves, as SQS demands.
fn sibling(url: &str, arn: &str) -> Option<String> {
    let (base, _) = url.rsplit_once('/')?;
    let name = arn.rsplit(':').next().filter(|name| !name.is_empty())?;
    Some(format!("{base}/{name}"))
}

/// A queue's name: one queue may be reached under several URLs.
fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

impl Queues {
    /// The queues that have a dead-letter queue, by name.
    fn served(&self) -> impl Iterator<Item = (String, &str)> {
        let stages = self.of_stages.iter().flat_map(|(stage, pair)| {
            [
                (stage.to_string(), pair.standard.as_str()),
                (format!("{stage}-express"), pair.express.as_str()),
            ]
        });
        let others = [
            ("intake", &self.intake),
            ("webhook", &self.webhook),
            ("batch-failures", &self.batch_failures),
        ];
        stages.chain(
            others
                .into_iter()
                .filter_map(|(name, url)| Some((name.to_owned(), url.as_deref()?))),
        )
    }

    async fn look(&self, url: &str) -> Result<Look, CloudError> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
            QueueAttributeName::RedrivePolicy,
        ];
        let call = self
            .client
            .get_queue_attributes()
            .queue_url(url)
            .set_attribute_names(Some(names.to_vec()));
        let found = call.send().await.map_err(|e| CloudError::service("look at queue", e))?;
        let attributes = found.attributes.unwrap_or_default();
        let [waiting, in_flight, delayed, policy] = names.map(|name| attributes.get(&name));
        let number = |text: Option<&String>| text.and_then(|text| text.parse().ok()).unwrap_or(0);
        let policy = policy.and_then(|text| serde_json::from_str::<RedrivePolicy>(text).ok());
        Ok(Look {
            depth: Depth {
                waiting: number(waiting),
                in_flight: number(in_flight),
                delayed: number(delayed),
            },
            dead_letters: policy.and_then(|policy| sibling(url, &policy.dead_letter_target_arn)),
        })
    }

    /// The URL of a queue that has a dead-letter queue.
    fn url_of(&self, queue: &str) -> Result<&str, CloudError> {
        let found = self.served().find(|(name, _)| name == queue);
        found.map(|(_, url)| url).ok_or_else(|| CloudError::Missing {
            what: format!("the queue {queue} in the settings"),
        })
    }

    /// Receives messages of a queue where they rest.
    async fn receive(&self, url: &str, hide_s: u32) -> Result<Vec<Message>, CloudError> {
        let call = self
            .client
            .receive_message()
            .queue_url(url)
            .max_number_of_messages(MOST_RECEIVED)
            .message_attribute_names("from_queue")
            // Asks every server that may hold messages, where a call that does not wait asks some of them.
            .wait_time_seconds(1)
            .visibility_timeout(hide_s as i32);
        let found = call.send().await;
        let found = found.map_err(|e| CloudError::service("receive messages", e))?;
        Ok(found.messages.unwrap_or_default())
    }

    async fn forget(&self, url: &str, receipt: &str) -> Result<(), CloudError> {
        let call = self.client.delete_message().queue_url(url).receipt_handle(receipt);
        let deleted = call.send().await;
        deleted.map(drop).map_err(|e| CloudError::service("forget message", e))
    }

    fn parked_url(&self) -> Result<&str, CloudError> {
        self.parked.as_deref().ok_or_else(|| CloudError::Missing {
            what: "the parked queue in the settings".to_owned(),
        })
    }
}

/// What was seen of a queue; a queue that does not answer, or may not be looked at, does not hide the others.
fn seen(name: &str, look: Result<Look, CloudError>) -> Option<Look> {
    look.inspect_err(|error| tracing::warn!(name, error = error.chain(), "queue not measured"))
        .ok()
}

impl CountMessages for Queues {
    async fn depths(&self) -> Result<BTreeMap<String, Depth>, CloudError> {
        let parked = self.parked.as_deref().map(|url| ("parked".to_owned(), url));
        let served: Vec<_> = self.served().chain(parked).collect();
        let looks = served.iter().map(|(_, url)| Box::pin(self.look(url)));
        let looks = futures_util::future::join_all(looks).await;
        let mut depths = BTreeMap::new();
        // A stage's two queues share one dead-letter queue.
        let mut dead = BTreeMap::new();
        for ((name, _), look) in served.iter().zip(looks) {
            let Some(look) = seen(name, look) else { continue };
            depths.insert(name.clone(), look.depth);
            if let Some(url) = look.dead_letters {
                let of = name.strip_suffix("-express").unwrap_or(name);
                dead.insert(url, format!("{of}-dead"));
            }
        }
        let looks = dead.keys().map(|url| Box::pin(self.look(url)));
        let looks = futures_util::future::join_all(looks).await;
        for (name, look) in dead.values().zip(looks) {
            let Some(look) = seen(name, look) else { continue };
            let depth: &mut Depth = depths.entry(name.clone()).or_default();
            depth.waiting += look.depth.waiting;
            depth.in_flight += look.depth.in_flight;
            depth.delayed += look.depth.delayed;
        }
        Ok(depths)
    }
}

impl TakeParked for Queues {
    async fn parked(&self, hide_s: u32) -> Result<Vec<Parked>, CloudError> {
        let found = self.receive(self.parked_url()?, hide_s).await?;
        let parked = found.into_iter().map(|message| {
            let from_queue = message
                .message_attributes
                .as_ref()
                .and_then(|attributes| attributes.get("from_queue"))
                .and_then(|value| value.string_value.clone());
            Parked {
                body: message.body.unwrap_or_default(),
                from_queue: from_queue.unwrap_or_default(),
                receipt: message.receipt_handle.unwrap_or_default(),
            }
        });
        Ok(parked.collect())
    }

    async fn forget_parked(&self, receipt: &str) -> Result<(), CloudError> {
        self.forget(self.parked_url()?, receipt).await
    }

    async fn resting(&self, queue: &str, hide_s: u32) -> Result<Vec<Parked>, CloudError> {
        let look = self.look(self.url_of(queue)?).await?;
        let url = look.dead_letters.ok_or_else(|| CloudError::Missing {
            what: format!("a dead-letter queue of {queue}"),
        })?;
        let found = self.receive(&url, hide_s).await?;
        let resting = found.into_iter().map(|message| Parked {
            body: message.body.unwrap_or_default(),
            from_queue: url.clone(),
            receipt: message.receipt_handle.unwrap_or_default(),
        });
        Ok(resting.collect())
    }

    async fn wake(&self, queue: &str, message: &Parked) -> Result<(), CloudError> {
        let call = self.client.send_message().queue_url(self.url_of(queue)?);
        let sent = call.message_body(&message.body).send().await;
        sent.map_err(|e| CloudError::service("send back", e))?;
        self.forget(&message.from_queue, &message.receipt).await
    }

    async fn send_back(&self, body: &str, dead_letter_queue: &str) -> Result<(), CloudError> {
        let wanted = name_of(dead_letter_queue);
        for (_, url) in self.served() {
            let dead_letters = Box::pin(self.look(url)).await?.dead_letters;
            if dead_letters.is_some_and(|found| name_of(&found) == wanted) {
                let sent = self
                    .client
                    .send_message()
                    .queue_url(url)
                    .message_body(body)
                    .send()
                    .await;
                return sent.map(drop).map_err(|e| CloudError::service("send back", e));
            }
        }
        Err(CloudError::Missing {
            what: format!("a queue whose dead letters go to {wanted}"),
        })
    }
}

impl LimitStages for Queues {
    async fn limit(&self, stage: &StageName, tasks: Option<u32>) -> Result<(), CloudError> {
        let missing = || CloudError::Missing {
            what: format!("a queue for the stage {stage}"),
        };
        let pair = self.of_stages.get(stage).ok_or_else(missing)?;
        let call = self
            .client
            .get_queue_attributes()
            .queue_url(&pair.standard)
            .attribute_names(QueueAttributeName::QueueArn);
        let found = call.send().await.map_err(|e| CloudError::service("look at queue", e))?;
        let arn = found
            .attributes
            .and_then(|mut all| all.remove(&QueueAttributeName::QueueArn));
        self.mappings.limit(&arn.ok_or_else(missing)?, tasks).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_queue_lies_beside_the_queue_it_serves() {
        let url = "https://sqs.eu-west-1.amazonaws.com/123/marey-PoseQueue-1";
        let arn = "arn:aws:sqs:eu-west-1:123:marey-PoseDead-2";
        assert_eq!(
            sibling(url, arn).as_deref(),
            Some("https://sqs.eu-west-1.amazonaws.com/123/marey-PoseDead-2")
        );
        assert_eq!(sibling(url, ""), None);
        assert_eq!(
            name_of("http://127.0.0.1:4566/000/marey-PoseDead-2"),
            "marey-PoseDead-2"
        );
    }

    #[test]
    fn a_redrive_policy_is_read_as_sqs_writes_it() {
        let text = r#"{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:123:dead","maxReceiveCount":5}"#;
        let policy: RedrivePolicy = serde_json::from_str(text).unwrap();
        assert_eq!(policy.dead_letter_target_arn, "arn:aws:sqs:eu-west-1:123:dead");
    }
}

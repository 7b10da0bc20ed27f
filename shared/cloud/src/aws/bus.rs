//! EventBridge.

use std::{collections::BTreeMap, ops::Range, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{
    Client,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use aws_smithy_types::DateTime;
use marey_engine::event::Event;

use crate::{
    CloudError,
    publish::{PutEvents, Unpublished},
};

/// What is said to be the source of every event.
pub const SOURCE: &str = "marey";

/// `PutEvents` takes so many entries in one call.
const MOST_ENTRIES: usize = 10;

/// `PutEvents` takes 256 KiB in one call; some of it goes to what the service counts beside the detail.
const MOST_BYTES: usize = 240 << 10;

/// How often entries that the bus did not take are put again in one go.
const TRIES: u32 = 3;

/// An event bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    bus: String,
}

impl EventBus {
    /// The bus of a name or ARN.
    pub fn new(config: &SdkConfig, bus: &str) -> Self {
        let builder = aws_sdk_eventbridge::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            bus: bus.to_owned(),
        }
    }

    fn entry(&self, event: &Event, detail: &str) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(SOURCE)
            .detail_type(event.kind())
            .detail(detail)
            .time(DateTime::from_millis(event.at.as_millisecond()))
            .resources(format!("job/{}", event.job))
            .build()
    }

    /// Puts the events of a range, and again those that the bus did not take.
    async fn put_some(&self, events: &[Event], details: &[String], range: Range<usize>) -> Result<(), Unpublished> {
        // A service may take the second entry of a call and not the first.
        let mut open: BTreeMap<usize, &Event> = range.map(|index| (index, &events[index])).collect();
        let mut error = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(Duration::from_millis(200 << attempt)).await;
            }
            let entries = open.iter().map(|(index, event)| self.entry(event, &details[*index]));
            let call = self.client.put_events().set_entries(Some(entries.collect()));
            let first = || open.keys().next().copied().unwrap_or_default();
            let answer = call.send().await.map_err(|e| Unpublished {
                first: first(),
                error: CloudError::service("put events", e),
            })?;
            let refused = refused(&open.keys().copied().collect::<Vec<_>>(), answer.entries());
            open.retain(|index, _| refused.contains_key(index));
            match refused.into_values().next() {
                None => return Ok(()),
                Some(problem) => error = problem,
            }
        }
        Err(Unpublished {
            first: open.keys().next().copied().unwrap_or_default(),
            error: CloudError::service("put events", error),
        })
    }
}

/// Which of the entries that were sent the bus did not take, and why. An entry without an answer was not taken.
fn refused(sent: &[usize], answers: &[PutEventsResultEntry]) -> BTreeMap<usize, String> {
    let mut refused = BTreeMap::new();
    for (place, index) in sent.iter().enumerate() {
        let answer = answers.get(place);
        if answer.is_some_and(|answer| answer.event_id().is_some() && answer.error_code().is_none()) {
            continue;
        }
        let code = answer.and_then(|answer| answer.error_code()).unwrap_or("no answer");
        let message = answer.and_then(|answer| answer.error_message()).unwrap_or_default();
        refused.insert(*index, format!("{code} {message}"));
    }
    refused
}

impl PutEvents for EventBus {
    async fn put(&self, events: &[Event]) -> Result<(), Unpublished> {
        let mut details = Vec::with_capacity(events.len());
        for (first, event) in events.iter().enumerate() {
            let error = |e| Unpublished {
                first,
                error: CloudError::service("write event", e),
            };
            details.push(serde_json::to_string(event).map_err(error)?);
        }
        for range in calls(&details) {
            self.put_some(events, &details, range).await?;
        }
        Ok(())
    }
}

/// Cuts events into calls, in order.
fn calls(details: &[String]) -> Vec<Range<usize>> {
    let (mut calls, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (index, detail) in details.iter().enumerate() {
        let is_full = index - begin == MOST_ENTRIES || bytes + detail.len() > MOST_BYTES;
        if is_full && index > begin {
            calls.push(begin..index);
            (begin, bytes) = (index, 0);
        }
        bytes += detail.len();
    }
    if begin < details.len() {
        calls.push(begin..details.len());
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_keep_the_order_and_the_services_limits() {
        let sizes = |sizes: &[usize]| -> Vec<(usize, usize)> {
            let details: Vec<_> = sizes.iter().map(|size| "x".repeat(*size)).collect();
            calls(&details).into_iter().map(|call| (call.start, call.end)).collect()
        };
        assert_eq!(sizes(&[]), []);
        assert_eq!(sizes(&[1; 10]), [(0, 10)]);
        assert_eq!(sizes(&[1; 21]), [(0, 10), (10, 20), (20, 21)]);
        assert_eq!(sizes(&[1, MOST_BYTES, 1]), [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(sizes(&[MOST_BYTES - 1, 1, 1]), [(0, 2), (2, 3)]);
        assert_eq!(sizes(&[MOST_BYTES + 1]), [(0, 1)], "the service says no, not this");
    }

    #[test]
    fn only_an_entry_with_an_id_was_taken() {
        let taken = PutEventsResultEntry::builder().event_id("e").build();
        let throttled = PutEventsResultEntry::builder()
            .error_code("ThrottlingException")
            .build();
        let found = refused(&[4, 5, 9], &[taken.clone(), throttled]);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [5, 9]);
        assert!(found[&5].starts_with("ThrottlingException"));
        assert!(refused(&[4], &[taken]).is_empty());
    }
}

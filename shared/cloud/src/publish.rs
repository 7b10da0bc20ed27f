//! Telling the world: changes of rows in, events out.
//!
//! The jobs table's stream brings every change of a row at least once and in order per job. What a change means is said by
//! `marey_engine::event`; here it goes to the bus, and the ends of jobs to the topic and to whoever asked to be told.
//! Nothing is decided by an event and nothing waits for one.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{
    JobId, ShardCount, ShardKey, ShardState, Snapshot, StageName, Workflow,
    event::{About, Delivery, Event, Row, between, of_repair, of_stages},
};

use crate::{CloudError, queues::ParkMessages, settings::SettingsError, store::ReadJobs, sweep::Repaired};

/// A row that cannot be read waits so long for a deployment that can read it, and what follows it in the stream waits
/// with it. Then it is parked.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Some events are not on the bus.
#[derive(Debug)]
pub struct Unpublished {
    /// The first of those that were given which is not there; those before it are.
    pub first: usize,
    /// Why.
    pub error: CloudError,
}

/// The event bus.
pub trait PutEvents: Send + Sync {
    /// Puts events on the bus, in order. `Ok` promises that all are there; each may be there twice.
    fn put(&self, events: &[Event]) -> impl Future<Output = Result<(), Unpublished>> + Send;
}

/// The topic of those who want to know of the ends of jobs.
pub trait PublishNotices: Send + Sync {
    /// Publishes an event. `Ok` promises that the topic has it.
    fn publish(&self, event: &Event) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// The queue of what is to be posted to somebody's address.
pub trait SendDeliveries: Send + Sync {
    /// Sends a delivery. `Ok` promises that it is durable.
    fn send_delivery(&self, delivery: &Delivery) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destinations {
    /// Name or ARN of the event bus.
    pub bus: String,
    /// ARN of the topic.
    pub topic: String,
    /// URL of the queue of deliveries, where the deployment posts any.
    pub webhooks: Option<String>,
}

/// The setting that names the event bus.
pub const BUS_SETTING: &str = "MAREY_EVENT_BUS";

impl Destinations {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads settings from any source of variables.
    ///
    /// # Errors
    /// Names the first variable that is missing.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let required = |name: &str| {
            optional(name).ok_or_else(|| SettingsError {
                name: name.to_owned(),
                problem: "is not set".to_owned(),
            })
        };
        Ok(Self {
            bus: required(BUS_SETTING)?,
            topic: required("MAREY_COMPLETION_TOPIC")?,
            webhooks: optional("MAREY_QUEUE_WEBHOOK"),
        })
    }
}

/// One record of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Names it in the stream.
    pub sequence: String,
    /// When the row was written, to the second.
    pub written_at: Timestamp,
    /// What it says.
    pub content: Content,
}

/// What a record of the stream says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A row whose changes are events was written.
    Change {
        /// As it was, if it was there.
        old: Option<Row>,
        /// As it is.
        new: Row,
    },
    /// Another row, or none.
    Other,
    /// A row that this version of Marey cannot read.
    Unreadable {
        /// The record as it came.
        body: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// What became of some records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Told {
    /// Events on the bus.
    pub events: usize,
    /// Notices and deliveries.
    pub notices: usize,
    /// The first record of which not everything was told; it and those behind it must come back.
    pub back_from: Option<String>,
}

/// Everything that is needed to tell.
#[derive(Debug)]
pub struct Publisher<S, B, N, W, P> {
    /// The jobs table.
    pub store: S,
    /// The event bus.
    pub bus: B,
    /// The completion topic.
    pub notices: N,
    /// The queue of deliveries, where the deployment posts any.
    pub webhooks: Option<W>,
    /// Where records rest that nobody can read.
    pub parked: P,
}

/// What was read of jobs while a batch is told. Every record was written before, so what is read now covers them all.
#[derive(Default)]
struct Known {
    about: BTreeMap<JobId, Option<About>>,
    stages: BTreeMap<(JobId, StageName), Option<Snapshot>>,
}

/// An event, and which record it is of.
struct Telling {
    record: usize,
    event: Event,
    notify: Option<String>,
}

impl<S, B, N, W, P> Publisher<S, B, N, W, P>
where
    S: ReadJobs,
    B: PutEvents,
    N: PublishNotices,
    W: SendDeliveries,
    P: ParkMessages,
{
    /// Tells of some records of the stream, in order.
    pub async fn tell(&self, records: &[Record], now: Timestamp) -> Told {
        let (tellings, mut failed) = self.tellings(records, now).await;
        let events: Vec<Event> = tellings.iter().map(|telling| telling.event.clone()).collect();
        let mut told = Told {
            events: events.len(),
            ..Told::default()
        };
        if let Err(Unpublished { first, error }) = self.bus.put(&events).await {
            tracing::error!(error = error.chain(), "events not on the bus");
            told.events = first;
            failed = tellings.get(first).map(|telling| telling.record).or(failed);
        }
        for telling in tellings
            .iter()
            .take(told.events)
            .filter(|t| t.event.outcome().is_some())
        {
            // What comes back is told again anyway.
            if failed.is_some_and(|failed| telling.record >= failed) {
                break;
            }
            match self.notify(telling).await {
                Ok(notices) => told.notices += notices,
                Err(error) => {
                    tracing::error!(error = error.chain(), event = %telling.event.id, "end of job not told");
                    failed = Some(telling.record);
                }
            }
        }
        told.back_from = failed
            .and_then(|index| records.get(index))
            .map(|record| record.sequence.clone());
        told
    }

    /// The events of records up to the first of which they cannot be told, and that record's place.
    async fn tellings(&self, records: &[Record], now: Timestamp) -> (Vec<Telling>, Option<usize>) {
        let (mut known, mut seen, mut tellings) = (Known::default(), BTreeSet::new(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            let events = match self.events_of(record, &mut known, now).await {
                Ok(events) => events,
                Err(error) => {
                    let sequence = record.sequence.as_str();
                    tracing::error!(error = error.chain(), sequence, "record not told");
                    return (tellings, Some(index));
                }
            };
            let notify = match &record.content {
                Content::Change { new: Row::Job(job), .. } => job.value.wishes.notify.clone(),
                _ => None,
            };
            for event in events.into_iter().filter(|event| seen.insert(event.id)) {
                tellings.push(Telling {
                    record: index,
                    // One that is too heavy would be refused for ever, and everybody's events wait behind it.
                    event: event.bounded(),
                    notify: notify.clone(),
                });
            }
        }
        (tellings, None)
    }

    async fn events_of(&self, record: &Record, known: &mut Known, now: Timestamp) -> Result<Vec<Event>, CloudError> {
        let (old, new) = match &record.content {
            Content::Change { old, new } => (old.as_ref(), new),
            Content::Other => return Ok(Vec::new()),
            Content::Unreadable { body, problem } => {
                return self.set_aside(record, body, problem, now).await.map(|()| Vec::new());
            }
        };
        let about = match new {
            Row::Job(job) => Some(About::from(&job.value)),
            Row::Shard(shard) => self.about(shard.value.key.job, known).await?,
        };
        let Some(about) = about else {
            // Its rows were purged since.
            tracing::warn!(sequence = record.sequence, "a change of an unknown job is not told");
            return Ok(Vec::new());
        };
        let mut events = between(&about, old, new, record.written_at);
        if let Row::Shard(shard) = new
            && matches!(
                shard.value.state,
                ShardState::Completed { .. } | ShardState::Failed { .. }
            )
            && !events.is_empty()
        {
            events.extend(self.stage_events(&about, &shard.value.key, known).await?);
        }
        Ok(events)
    }

    /// Waits for a version that can read the record; after [`PATIENCE`] there is none, and the record is parked.
    async fn set_aside(&self, record: &Record, body: &str, problem: &str, now: Timestamp) -> Result<(), CloudError> {
        if now.duration_since(record.written_at) < PATIENCE {
            return Err(CloudError::Malformed {
                what: format!("the record {}", record.sequence),
                problem: problem.to_owned(),
            });
        }
        tracing::error!(sequence = record.sequence, problem, "record parked");
        self.parked.park(body, "stream").await
    }

    async fn about(&self, job: JobId, known: &mut Known) -> Result<Option<About>, CloudError> {
        if let Some(about) = known.about.get(&job) {
            return Ok(about.clone());
        }
        let about = self.store.job(job).await?.map(|row| About::from(&row.value));
        known.about.insert(job, about.clone());
        Ok(about)
    }

    /// The ends of stages that follow from the end of a shard.
    async fn stage_events(&self, about: &About, key: &ShardKey, known: &mut Known) -> Result<Vec<Event>, CloudError> {
        let Some(workflow) = Workflow::shipped(&about.workflow) else {
            return Ok(Vec::new());
        };
        let place = (key.job, key.stage.clone());
        if !known.stages.contains_key(&place) {
            let snapshot = self
                .store
                .snapshot_for(key, &with_source(&workflow, &key.stage))
                .await?;
            known.stages.insert(place.clone(), snapshot);
        }
        let snapshot = known.stages.get(&place).and_then(Option::as_ref);
        Ok(snapshot.map_or_else(Vec::new, |snapshot| of_stages(&workflow, snapshot, &key.stage)))
    }

    /// Tells of the end of a job; answers how many were told.
    async fn notify(&self, telling: &Telling) -> Result<usize, CloudError> {
        self.notices.publish(&telling.event).await?;
        match (&telling.notify, &self.webhooks) {
            (None, _) => Ok(1),
            (Some(_), None) => {
                let job = telling.event.job;
                tracing::warn!(%job, "the job asks for a notice, and this deployment posts none");
                Ok(1)
            }
            (Some(url), Some(webhooks)) => {
                let delivery = Delivery::new(&telling.event, url);
                let delivery = delivery.map_err(|e| CloudError::service("write delivery", e))?;
                webhooks.send_delivery(&delivery).await?;
                Ok(2)
            }
        }
    }
}

/// A stage, and the stage that finds out how many shards it has.
fn with_source(workflow: &Workflow, stage: &StageName) -> Vec<StageName> {
    let source = workflow.stage(stage).and_then(|spec| match &spec.shards {
        ShardCount::From(source) => Some(source.from.clone()),
        ShardCount::Fixed(_) => None,
    });
    std::iter::once(stage.clone()).chain(source).collect()
}

/// Puts those repairs on the bus that no row tells.
///
/// # Errors
/// A job could not be read, or the bus did not take them; the repairs are made all the same.
pub async fn tell_repairs(
    store: &impl ReadJobs,
    bus: &impl PutEvents,
    repaired: &[Repaired],
    now: Timestamp,
) -> Result<usize, CloudError> {
    let mut events = Vec::new();
    for repair in repaired {
        let Some(row) = store.job(repair.job).await? else {
            continue;
        };
        let about = About::from(&row.value);
        events.extend(of_repair(&about, repair.reason, repair.shard.as_ref(), now));
    }
    bus.put(&events).await.map_err(|unpublished| unpublished.error)?;
    Ok(events.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bus_and_topic_are_needed_and_the_queue_is_not() {
        let read = |without: &str| Destinations::from_lookup(|name| (name != without).then(|| name.to_lowercase()));
        assert_eq!(read("").unwrap().topic, "marey_completion_topic");
        assert_eq!(read("MAREY_QUEUE_WEBHOOK").unwrap().webhooks, None);
        for name in ["MAREY_EVENT_BUS", "MAREY_COMPLETION_TOPIC"] {
            assert_eq!(read(name).unwrap_err().name, name);
        }
    }
}

//! What happened, for whoever listens: changes of rows as versioned events.
//!
//! An event is made from two versions of one row ([`between`]) or, for a stage, from all of a job's rows
//! ([`of_stages`]). Nothing is stored to make one and nobody has to remember to send one: whoever writes a row has said
//! everything. Only repairs that leave no trace in a row are told by the sweeper itself ([`of_repair`]). Progress is no
//! event; neither is a heartbeat.
//!
//! The same change always makes the same event, with the same id, so whoever receives it twice can tell. The form is
//! described in docs/EVENTS.md. It only ever grows: fields and types are added, and none changes its meaning.

mod change;
mod delivery;
mod rows;
mod stage;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use change::{Change, Reason};
pub use delivery::{DELIVERY_VERSION, Delivery, UnfitAddress, check_notify};
pub use rows::{Row, between};
pub use stage::of_stages;

use crate::{Job, JobId, RepairReason, ShardKey};

/// The newest form of events that this code reads and the one it writes.
pub const EVENT_VERSION: u32 = 1;

/// Namespace of event ids: the `UUIDv5` of `marey.event` in the DNS namespace of RFC 9562, §6.6.
const EVENT_NAMESPACE: Uuid = Uuid::from_u128(0x966e_b15d_995d_5c84_926a_aea8_c551_7301);

/// Something that happened to a job, one of its stages or one of its shards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Form of this event.
    pub schema_version: u32,
    /// The same change has the same id, however often it is told.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// The job.
    pub job: JobId,
    /// The tenant that the job belongs to.
    pub owner: String,
    /// The workflow that the job runs.
    pub workflow: String,
    /// The job's trace, as in every log line.
    pub trace: String,
    /// `type` and `detail`.
    #[serde(flatten)]
    pub change: Change,
}

/// What every event of a job says and only the job's own row knows. It never changes during the job's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// The job.
    pub job: JobId,
    /// The tenant it belongs to.
    pub owner: String,
    /// The workflow it runs.
    pub workflow: String,
    /// Its trace.
    pub trace: String,
}

impl From<&Job> for About {
    fn from(job: &Job) -> Self {
        Self {
            job: job.id,
            owner: job.owner.clone(),
            workflow: job.workflow.clone(),
            trace: job.trace.clone(),
        }
    }
}

/// What an event may weigh in JSON, in bytes. `PutEvents`, `Publish` and `SendMessage` take 256 KiB with everything around it, and
/// JSON within JSON takes more than by itself.
const MOST_BYTES: usize = 120 << 10;

/// An event that this code cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the event has schema version {found}, this program reads {EVENT_VERSION}: install the newer version")]
pub struct NewerEvent {
    /// Its version.
    pub found: u32,
}

impl Event {
    /// The event of a change; `of` names what changed and at which version of it, so that the id does too.
    fn new(about: &About, of: &str, at: Timestamp, change: Change) -> Self {
        let name = [of, change.kind()].join("\u{1f}");
        Self {
            schema_version: EVENT_VERSION,
            id: Uuid::new_v5(&EVENT_NAMESPACE, name.as_bytes()),
            at,
            job: about.job,
            owner: about.owner.clone(),
            workflow: about.workflow.clone(),
            trace: about.trace.clone(),
            change,
        }
    }

    /// The event, without what makes it heavier than buses, topics and queues take: the ends of long sentences and the list
    /// of artifacts, which the job's manifest and the API have whole.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        let weight = serde_json::to_string(&self).map_or(usize::MAX, |text| text.len());
        if weight > MOST_BYTES {
            self.change.lighten();
        }
        self
    }

    /// The event's `type`, such as `marey.job.completed`.
    pub fn kind(&self) -> &'static str {
        self.change.kind()
    }

    /// How the job ended, if this event says that it ended: `completed`, `failed` or `cancelled`.
    pub fn outcome(&self) -> Option<&'static str> {
        match self.change {
            Change::JobCompleted { .. } => Some("completed"),
            Change::JobFailed { .. } => Some("failed"),
            Change::JobCancelled { .. } => Some("cancelled"),
            _ => None,
        }
    }

    /// Accepts an event that this code understands whole.
    ///
    /// # Errors
    /// It was written in a newer form.
    pub fn check(self) -> Result<Self, NewerEvent> {
        if self.schema_version > EVENT_VERSION {
            return Err(NewerEvent {
                found: self.schema_version,
            });
        }
        Ok(self)
    }
}

/// The event of a repair of a job, or of one of its shards. Nothing for a repair that the shard's row tells by itself
/// ([`between`] then makes the event), so that none is told twice.
pub fn of_repair(about: &About, reason: RepairReason, shard: Option<&ShardKey>, at: Timestamp) -> Option<Event> {
    match reason {
        RepairReason::LeaseExpired | RepairReason::MessageLost | RepairReason::MessageOverdue => None,
        RepairReason::AttemptsUsedUp
        | RepairReason::PlanNotCarriedOut
        | RepairReason::PastDeadline
        | RepairReason::OnHold
        | RepairReason::UploadUnannounced
        | RepairReason::ArtifactsOrphaned => {
            let subject = shard.map_or_else(|| about.job.to_string(), ToString::to_string);
            let of = format!("{subject}@{at}/{reason}");
            let change = Change::JobRepaired {
                reason,
                stage: shard.map(|key| key.stage.clone()),
                shard: shard.map(|key| key.shard),
            };
            Some(Event::new(about, &of, at, change))
        }
    }
}

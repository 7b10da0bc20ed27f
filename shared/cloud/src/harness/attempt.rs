//! An attempt at work: inputs, the stage itself, artifacts, and the heartbeats beside them all.

use std::{
    pin::pin,
    sync::{Arc, PoisonError},
    time::Duration,
};

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use marey_engine::{FailureClass, Refusal, Route, Shard, ShardEvent, Versioned};

use super::{
    Disposal, Harness, LEASE, LeaseError, MARGIN, Received,
    outcome::{Ended, out_of_time},
    workplace::{Attempt, Left, Workplace},
};
use crate::{
    CloudError, Control, StageError, Time,
    artifacts::StoreArtifacts,
    queues::{HoldMessages, SendTasks},
    stage::Stop,
    store::JobsTable,
};

/// How often an attempt says that it is alive, at the least and at the most.
pub(super) const HEARTBEATS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(20));

/// The shards of one job share a partition of the table, which takes a thousand writes in a second. So the more shards a
/// stage has, the longer the pause: five hundred writes in a second at the most, since every beat is one.
pub(super) fn heartbeat(shards: u32) -> Duration {
    Duration::from_millis(2 * u64::from(shards)).clamp(HEARTBEATS.0, HEARTBEATS.1)
}

/// What a heartbeat speaks for.
#[derive(Clone, Copy)]
struct Life<'a> {
    attempt: &'a Attempt,
    message: Option<&'a Received>,
    control: &'a Control,
    ends: Timestamp,
    timeout_s: u32,
}

impl Life<'_> {
    /// The error of an attempt that was told to stop.
    fn stopped(&self) -> Option<StageError> {
        Some(match self.control.stop_reason()? {
            Stop::TimeUp => out_of_time(&self.attempt.spec, self.timeout_s),
            Stop::Interrupted => StageError::interrupted(),
            Stop::Cancelled | Stop::LeaseLost => StageError::stopped(),
        })
    }
}

/// What may happen to a step that must stop.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is dropped where it stands.
    Droppable,
    /// It is told, and ends by itself.
    MustEnd,
}

impl<W, S, A, Q, T> Harness<W, S, A, Q, T>
where
    W: Workplace,
    S: JobsTable,
    A: StoreArtifacts,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    /// Takes over what an earlier job left, or fetches the inputs, runs the stage and stores what it leaves: all under
    /// heartbeats.
    pub(super) async fn work(
        &self,
        attempt: &Attempt,
        message: Option<&Received>,
        deadline: Timestamp,
    ) -> Result<Ended, StageError> {
        let control = Arc::new(Control::default());
        let last = deadline - MARGIN;
        let route = if message.is_some() { Route::Queue } else { Route::Batch };
        let timeout_s = route.timeout_s(&attempt.spec);
        let life = Life {
            attempt,
            message,
            control: &control,
            ends: (self.now() + SignedDuration::from_secs(i64::from(timeout_s))).min(last),
            timeout_s,
        };
        let _watched = self.interruption.watch(&control);
        let remembered = async { Ok(self.remembered(attempt).await) };
        if let Some(ended) = self.beside_heartbeats(life, Step::Droppable, remembered).await? {
            return Ok(ended);
        }
        let left = self.steps(life, control.clone(), last).await?;
        Ok(Ended::worked(left, control.frames()))
    }

    async fn steps(&self, life: Life<'_>, control: Arc<Control>, last: Timestamp) -> Result<Left, StageError> {
        let fetching = self.workplace.fetch(life.attempt, control);
        let bench = self.beside_heartbeats(life, Step::Droppable, fetching).await?;
        let performing = self.workplace.perform(bench);
        let product = self.beside_heartbeats(life, Step::MustEnd, performing).await;
        // Whoever was told to stop may fail in many ways, and what came in spite of it is good if only time was up.
        let product = match (product, life.stopped()) {
            (Err(_), Some(stopped)) => return Err(stopped),
            (Ok(_), Some(stopped)) if stopped.class == FailureClass::Cancelled => return Err(stopped),
            (product, _) => product?,
        };
        // The work was done in its time; storing it may take what is left of the function's.
        let done = Control::done(life.control);
        let (control, ends) = (&done, last);
        let storing = self.workplace.store(life.attempt, product);
        let life = Life { control, ends, ..life };
        self.beside_heartbeats(life, Step::Droppable, storing).await
    }

    /// Waits for a step of the work, and beats meanwhile.
    async fn beside_heartbeats<R>(
        &self,
        life: Life<'_>,
        step: Step,
        work: impl Future<Output = Result<R, StageError>>,
    ) -> Result<R, StageError> {
        let mut work = pin!(work);
        let pause = self.heartbeat.unwrap_or_else(|| heartbeat(life.attempt.shards));
        loop {
            let beat = pin!(self.conductor.time.sleep(pause));
            match select(work.as_mut(), beat).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => self.beat(life).await,
            }
            if step == Step::Droppable
                && let Some(stopped) = life.stopped()
            {
                return Err(stopped);
            }
        }
    }

    /// Says that the attempt is alive, and notices what should end it.
    async fn beat(&self, life: Life<'_>) {
        let now = self.now();
        if now >= life.ends {
            life.control.stop(Stop::TimeUp);
            return;
        }
        let event = ShardEvent::Heartbeat {
            token: life.attempt.token,
            until: now + LEASE,
            progress: life.control.progress(),
            frames: life.control.frames(),
        };
        match self.write(life.attempt, event).await {
            Ok(_) => {}
            Err(LeaseError::Refused(_)) => life.control.stop(Stop::LeaseLost),
            // A heartbeat may be missed; the lease tells how many.
            Err(LeaseError::Cloud(error)) => tracing::warn!(error = error.chain(), "heartbeat missed"),
        }
        match self.conductor.store.job(life.attempt.job.id).await {
            Ok(Some(job)) if job.value.has_ended() => life.control.stop(Stop::Cancelled),
            _ => {}
        }
        self.hold(life.message).await;
        self.pulse(Some(&life.attempt.key)).await;
    }

    /// Hides the message for as long as the lease: if this process dies, it should come back soon, and not before.
    pub(super) async fn hold(&self, message: Option<&Received>) {
        if let Some(message) = message {
            let until = Disposal::Return(Some(LEASE.as_secs() as u32));
            message.put_back(&self.conductor.queues, until).await;
        }
    }

    /// Applies an event to the attempt's shard. If somebody else wrote the row, the event is tried on what they wrote:
    /// the engine refuses it unless this attempt still holds the lease.
    pub(super) async fn write(&self, attempt: &Attempt, event: ShardEvent) -> Result<Versioned<Shard>, LeaseError> {
        let mut row = attempt.row();
        loop {
            // A cancel names no lease; it is for the shard as this attempt holds it, not for its successor in a later round.
            if event == ShardEvent::Cancel && !row.value.is_held_by(attempt.token) {
                return Err(Refusal::LeaseLost.into());
            }
            let next = row.value.apply(event.clone(), self.now())?;
            match self.conductor.store.put_shard(&next, Some(row.version)).await {
                Err(CloudError::Conflict) => {
                    let missing = || CloudError::Missing {
                        what: format!("shard {}", next.key),
                    };
                    row = self.conductor.store.shard(&next.key).await?.ok_or_else(missing)?;
                }
                Ok(row) => {
                    attempt
                        .row
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .clone_from(&row);
                    return Ok(row);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

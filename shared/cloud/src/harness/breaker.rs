//! Pauses and the circuit breaker, as an attempt meets them, and the process's pulse.

use jiff::Timestamp;
use marey_engine::{
    Control, FailureClass, Scope, Shard, ShardEvent, ShardKey, ShardState, StageName, plan::is_too_large,
};

use super::{Attempt, Harness, Pulse, Workplace};
use crate::{
    CloudError, StageError, Time,
    artifacts::StoreArtifacts,
    queues::{HoldMessages, SendTasks},
    store::{JobsTable, WriteControls},
    telemetry::{Record, Unit},
};

impl<W, S, A, Q, T> Harness<W, S, A, Q, T>
where
    W: Workplace,
    S: JobsTable,
    A: StoreArtifacts,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    /// Takes a task out of the queue whose stage is paused: its shard is held, and sent again when the stage goes on, so that
    /// no delivery is used up by waiting. `None` if it is not paused; `Some(false)` if somebody else wrote the row.
    pub(super) async fn held(
        &self,
        shard: &Shard,
        version: Option<u64>,
        workflow: &str,
    ) -> Result<Option<bool>, CloudError> {
        let controls = self.conductor.store.controls().await?;
        let Some(pause) = controls.hold_attempt(workflow, &shard.key.stage) else {
            return Ok(None);
        };
        // Whoever runs it goes on; what has ended has ended.
        let Ok(held) = shard.apply(ShardEvent::Hold, self.now()) else {
            return Ok(None);
        };
        match self.conductor.store.put_shard(&held, version).await {
            Ok(_) => {
                tracing::info!(reason = pause.reason, by = pause.by, "task held: its stage is paused");
                Ok(Some(true))
            }
            Err(CloudError::Conflict) => Ok(Some(false)),
            Err(error) => Err(error),
        }
    }

    /// After an attempt that ended well. What was taken over from an earlier job says nothing about the stage.
    pub(super) async fn succeeded(&self, attempt: &Attempt, shard: &Shard) {
        if matches!(shard.state, ShardState::Completed { reused: true, .. }) {
            return;
        }
        self.count(attempt, |pulse| {
            if let ShardState::Completed { run_ms, .. } = &shard.state {
                pulse.completed += 1;
                pulse.frames += shard.frames;
                pulse.run_ms += run_ms.unsigned_abs();
            }
        });
        self.pulse(None).await;
        tell_breaker(&self.conductor.store, &attempt.key.stage, Control::after_success).await;
    }

    /// After an attempt that did not. What is the input's fault says nothing about the stage: a video that cannot be read,
    /// and one that is too large for a function.
    pub(super) async fn failed(&self, attempt: &Attempt, error: &StageError) {
        Record::of_stage(attempt.key.stage.as_str())
            .metric("Failures", Unit::Count, 1.0)
            .property("job", attempt.key.job.to_string())
            .property("trace", attempt.job.trace.clone())
            .emit();
        self.count(attempt, |pulse| pulse.failed += 1);
        self.pulse(None).await;
        if error.class == FailureClass::Transient && !is_too_large(&error.code) {
            tell_of_failure(&self.conductor.store, &attempt.key, self.now()).await;
        }
    }

    fn count(&self, attempt: &Attempt, change: impl FnOnce(&mut Pulse)) {
        let mut pulse = self.pulse.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let pulse = pulse.get_or_insert_with(|| Pulse {
            stage: attempt.key.stage.clone(),
            worker: uuid::Uuid::from_u128(self.conductor.time.random()).to_string(),
            started_at: self.now(),
            // Due at once.
            at: jiff::Timestamp::UNIX_EPOCH,
            working_on: None,
            completed: 0,
            failed: 0,
            frames: 0,
            run_ms: 0,
        });
        change(pulse);
    }
}

/// Tells a stage's breaker that it failed on a shard's job, whoever noticed it: the attempt itself, or who found it dead.
pub(crate) async fn tell_of_failure<S: WriteControls>(store: &S, key: &ShardKey, now: Timestamp) {
    tell_breaker(store, &key.stage, |control| control.after_failure(key.job, now)).await;
}

/// Changes a stage's control row, if there is something to change. A breaker that hears of an outcome too late, or not at
/// all, hears of the next one: nothing fails because of it.
async fn tell_breaker<S: WriteControls>(store: &S, stage: &StageName, change: impl Fn(&Control) -> Option<Control>) {
    let scope = Scope::Stage(stage.clone());
    loop {
        let rows = match store.control_rows().await {
            Ok(rows) => rows,
            Err(error) => return tracing::warn!(error = error.chain(), "breaker not told"),
        };
        let row = rows.into_iter().find(|row| row.value.scope == scope);
        let (control, version) = match row {
            Some(row) => (row.value, Some(row.version)),
            None => (Control::new(scope.clone()), None),
        };
        let Some(next) = change(&control) else { return };
        match store.put_control(&next, version).await {
            Ok(_) => {
                if next.is_tripped() && !control.is_tripped() {
                    tracing::error!(%stage, "circuit breaker tripped: the stage is paused");
                    Record::of_stage(stage.as_str())
                        .metric("BreakerTripped", Unit::Count, 1.0)
                        .emit();
                }
                return;
            }
            Err(CloudError::Conflict) => {}
            Err(error) => return tracing::warn!(error = error.chain(), "breaker not told"),
        }
    }
}

//! How a container ends, and what that says to whoever began it.

use std::process::ExitCode;

use jiff::Timestamp;
use marey_cloud::harness::Disposal;
use marey_engine::{Shard, ShardState};

/// How a container ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The shard is complete, cancelled, held, or somebody else's.
    Done,
    /// It has to be tried again.
    TryAgain,
    /// It has failed for good, and its row says so; or the container cannot run at all.
    Failed,
}

impl Outcome {
    /// The exit code. 75 is `EX_TEMPFAIL` of `sysexits.h`: "temporary failure; user is invited to retry".
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::TryAgain => 75,
            Self::Failed => 1,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// End.
    End(Outcome),
    /// Another attempt holds the lease. If it is dead, the lease ends then.
    WaitUntil(Timestamp),
    /// End after so many seconds: whoever begins this again does so at once.
    TryAgainAfter(u32),
}

/// What follows from the harness's answer and the shard's row after it.
pub(crate) fn next(disposal: Disposal, shard: Option<&Shard>, now: Timestamp) -> Next {
    match (shard.map(|shard| &shard.state), disposal) {
        (Some(ShardState::Failed { .. }), _) => Next::End(Outcome::Failed),
        (Some(ShardState::Running { lease, .. }), _) if lease.until > now => Next::WaitUntil(lease.until),
        (_, Disposal::Acknowledge) => Next::End(Outcome::Done),
        (_, Disposal::Return(seconds)) => Next::TryAgainAfter(seconds.unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use marey_engine::{Failure, FailureClass, JobId, LeaseToken, ShardEvent, ShardKey};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn queued() -> Shard {
        let key = ShardKey {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "pose".parse().unwrap(),
            shard: 0,
        };
        Shard::queued(key, 0, at(0))
    }

    #[test]
    fn the_row_decides_how_the_container_ends() {
        let lease = ShardEvent::Lease {
            token: LeaseToken(uuid::Uuid::from_u128(1)),
            until: at(60),
            max_attempts: 3,
        };
        let failure = Failure {
            code: "C".into(),
            message: "m".into(),
            hint: "h".into(),
            stage: None,
            attempt: 1,
            class: FailureClass::Permanent,
        };
        let running = queued().apply(lease, at(0)).unwrap();
        let cancelled = queued().apply(ShardEvent::Cancel, at(1)).unwrap();
        let held = queued().apply(ShardEvent::Hold, at(1)).unwrap();
        let failed = queued().apply(ShardEvent::Abandon { failure }, at(1)).unwrap();
        let (done, again) = (Disposal::Acknowledge, Disposal::Return(Some(7)));
        for (shard, disposal, now, expected) in [
            (Some(&cancelled), done, 5, Next::End(Outcome::Done)),
            (Some(&held), done, 5, Next::End(Outcome::Done)),
            (None, done, 5, Next::End(Outcome::Done)),
            (Some(&failed), done, 5, Next::End(Outcome::Failed)),
            (Some(&failed), again, 5, Next::End(Outcome::Failed)),
            (Some(&running), done, 5, Next::WaitUntil(at(60))),
            (Some(&running), Disposal::Return(None), 60, Next::TryAgainAfter(0)),
            (Some(&queued()), again, 5, Next::TryAgainAfter(7)),
        ] {
            assert_eq!(next(disposal, shard, at(now)), expected, "{shard:?}");
        }
    }

    #[test]
    fn the_exit_codes_are_those_that_the_job_definition_knows() {
        let codes = [Outcome::Done, Outcome::TryAgain, Outcome::Failed].map(Outcome::code);
        assert_eq!(codes, [0, 75, 1]);
    }
}

//! What operators decide: pauses, limits, and the circuit breaker that pauses a stage by itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{JobId, StageName, StageSpec};

/// So many different jobs that fail one after the other, with no success between them, trip a stage's breaker.
pub const BREAKER_THRESHOLD: usize = 5;

/// After this time a tripped breaker lets the stage try again; the next failure trips it once more.
pub const BREAKER_COOL_DOWN: SignedDuration = SignedDuration::from_mins(5);

/// What a control row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// New jobs: a pause lets the running ones end and begins no other (a drain).
    System,
    /// Every stage of a workflow.
    Workflow(String),
    /// A stage, in every workflow.
    Stage(StageName),
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Workflow(name) => write!(f, "workflow/{name}"),
            Self::Stage(name) => write!(f, "stage/{name}"),
        }
    }
}

/// A pause, and who made it why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Who: an owner, or `breaker`.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The name under which the circuit breaker pauses.
pub const BREAKER: &str = "breaker";

/// One control row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// What it is about.
    pub scope: Scope,
    /// The pause, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// Tasks of the stage that run at once in its standard queue, if an operator set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The jobs on which the stage failed since it last succeeded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<JobId>,
    /// Whether it tries again after its breaker tripped: one more failure trips it.
    #[serde(default)]
    pub on_probation: bool,
    /// How often its breaker has tripped.
    #[serde(default)]
    pub trips: u32,
}

impl Control {
    /// Nothing decided yet.
    pub fn new(scope: Scope) -> Self {
        Self {
            scope,
            pause: None,
            concurrency: None,
            failing: Vec::new(),
            on_probation: false,
            trips: 0,
        }
    }

    /// After a stage failed on a job for a reason that is not the job's own; `None` if nothing changes.
    #[must_use]
    pub fn after_failure(&self, job: JobId, now: Timestamp) -> Option<Self> {
        if self.pause.is_some() || (self.failing.contains(&job) && !self.on_probation) {
            return None;
        }
        let mut next = self.clone();
        next.failing.retain(|known| *known != job);
        next.failing.push(job);
        if next.failing.len() > BREAKER_THRESHOLD {
            next.failing.remove(0);
        }
        if self.on_probation || next.failing.len() >= BREAKER_THRESHOLD {
            next.on_probation = false;
            next.trips += 1;
            next.pause = Some(Pause {
                since: now,
                by: BREAKER.to_owned(),
                reason: format!("it failed on {} jobs one after the other", next.failing.len()),
            });
        }
        Some(next)
    }

    /// After a success of the stage; `None` if nothing changes.
    #[must_use]
    pub fn after_success(&self) -> Option<Self> {
        if self.failing.is_empty() && !self.on_probation {
            return None;
        }
        let mut next = self.clone();
        next.failing.clear();
        next.on_probation = false;
        // A task that was running when the breaker tripped shows that the stage works.
        if next.is_tripped() {
            next.pause = None;
        }
        Some(next)
    }

    /// After the cool-down of a tripped breaker: the stage may try again, and one more failure trips it; `None` if it is not
    /// time for that.
    #[must_use]
    pub fn after_cool_down(&self, now: Timestamp) -> Option<Self> {
        let pause = self.pause.as_ref().filter(|_| self.is_tripped())?;
        if pause.since + BREAKER_COOL_DOWN > now {
            return None;
        }
        let mut next = self.clone();
        next.pause = None;
        next.on_probation = true;
        Some(next)
    }

    /// Whether the circuit breaker made the pause.
    pub fn is_tripped(&self) -> bool {
        self.pause.as_ref().is_some_and(|pause| pause.by == BREAKER)
    }
}

/// Every control row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Controls(BTreeMap<Scope, Control>);

impl FromIterator<Control> for Controls {
    fn from_iter<I: IntoIterator<Item = Control>>(rows: I) -> Self {
        Self(rows.into_iter().map(|row| (row.scope.clone(), row)).collect())
    }
}

impl Controls {
    /// The row of a scope.
    pub fn get(&self, scope: &Scope) -> Option<&Control> {
        self.0.get(scope)
    }

    /// Every row.
    pub fn iter(&self) -> impl Iterator<Item = &Control> {
        self.0.values()
    }

    /// Why no attempt at a stage may begin, if none may. A drain lets run what was sent.
    pub fn hold_attempt(&self, workflow: &str, stage: &StageName) -> Option<&Pause> {
        let pause = |scope: &Scope| self.0.get(scope).and_then(|row| row.pause.as_ref());
        pause(&Scope::Stage(stage.clone())).or_else(|| pause(&Scope::Workflow(workflow.to_owned())))
    }

    /// Why nothing of a stage may be sent, if nothing may. A drain holds back the stages with which jobs begin.
    pub fn hold(&self, workflow: &str, stage: &StageSpec) -> Option<&Pause> {
        let drain = self.0.get(&Scope::System).and_then(|row| row.pause.as_ref());
        self.hold_attempt(workflow, &stage.name)
            .or_else(|| drain.filter(|_| stage.needs.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn job(n: u32) -> JobId {
        JobId::of_object("b", &n.to_string(), None, "e")
    }

    fn stage() -> Control {
        Control::new(Scope::Stage("pose".parse().unwrap()))
    }

    #[test]
    fn five_jobs_in_a_row_trip_the_breaker_and_one_job_does_not() {
        let mut it = stage();
        for _ in 0..20 {
            it = it.after_failure(job(1), at(0)).unwrap_or(it);
        }
        assert_eq!(
            (it.failing.len(), it.is_tripped()),
            (1, false),
            "one broken job is not a broken stage"
        );
        for n in 2..=5 {
            assert!(!it.is_tripped());
            it = it.after_failure(job(n), at(n.into())).unwrap();
        }
        assert!(it.is_tripped());
        assert_eq!(it.trips, 1);
        assert_eq!(
            it.after_failure(job(6), at(9)),
            None,
            "a tripped breaker counts no further"
        );
    }

    #[test]
    fn a_success_forgets_what_failed_before() {
        let it = stage().after_failure(job(1), at(0)).unwrap();
        assert!(it.after_success().unwrap().failing.is_empty());
        assert_eq!(stage().after_success(), None, "nothing to write on every success");
    }

    #[test]
    fn after_the_cool_down_one_more_failure_trips_it_again() {
        let mut it = stage();
        for n in 1..=5 {
            it = it.after_failure(job(n), at(0)).unwrap();
        }
        assert_eq!(it.after_cool_down(at(299)), None);
        let trying = it.after_cool_down(at(300)).unwrap();
        assert!(trying.pause.is_none());
        for failing in [1, 9] {
            let again = trying.after_failure(job(failing), at(301)).unwrap();
            assert!(again.is_tripped(), "whichever job it is");
            assert_eq!(again.trips, 2);
        }
        assert!(trying.after_success().unwrap().failing.is_empty());
    }

    #[test]
    fn a_scope_is_told_by_what_it_is_about() {
        let told = [
            Scope::System,
            Scope::Workflow("motion".to_owned()),
            Scope::Stage("pose".parse().unwrap()),
        ]
        .map(|scope| scope.to_string());
        assert_eq!(told, ["system", "workflow/motion", "stage/pose"]);
    }

    #[test]
    fn an_operators_pause_is_not_lifted_by_the_cool_down() {
        let mut it = stage();
        it.pause = Some(Pause {
            since: at(0),
            by: "ann".into(),
            reason: "maintenance".into(),
        });
        assert_eq!(it.after_cool_down(at(9_999)), None);
    }
}

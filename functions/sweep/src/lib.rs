//! Makes good, every minute, what should have happened and did not.
//!
//! A run has parts: the running jobs, the uploads bucket, the artifacts bucket. Each has its share of the run's time and goes
//! on where the last run left it, so that none keeps another from its turn; what fails is logged, and tried again in a minute. Every
//! repair is harmless when it is made twice, so a run may be cut off anywhere, and two may run at once.

mod artifacts;
mod containers;
mod jobs;
mod policy;
mod tell;
mod uploads;

use std::{future::Future, time::Duration};

use jiff::Timestamp;
use marey_cloud::{
    CloudError, Conductor, RealTime, Time,
    artifacts::{ListArtifacts, StoreArtifacts},
    publish::PutEvents,
    queues::{CountMessages, EndBatchJobs, SendTasks},
    store::{KeepBatches, KeepBookmarks, WriteControls, WriteJobs},
    sweep::{Repaired, cool_down, in_time},
    uploads::{ListUploads, LookAtUploads, ReadTexts},
};
use serde::Serialize;

pub use policy::{ARTIFACTS_SETTING, Policy};

/// The sweeper of a deployment.
#[derive(Debug, Clone)]
pub struct Sweeper<S, A, Q, B, T = RealTime> {
    /// The jobs table, the buckets and the queues.
    pub conductor: Conductor<S, A, Q, T>,
    /// The event bus, where the deployment has one.
    pub bus: Option<B>,
    /// Name of the uploads bucket.
    pub uploads: String,
    /// The largest upload in bytes.
    pub upload_max_bytes: u64,
    /// What it waits for.
    pub policy: Policy,
}

/// What a run has done: the answer to its invocation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Running jobs that were looked at.
    pub jobs: u64,
    /// Uploads that were looked at.
    pub uploads: u64,
    /// Artifacts that were looked at.
    pub artifacts: u64,
    /// Every repair: `<job>/<stage>/<shard>` or `<job>`, and why.
    pub repairs: Vec<Repair>,
    /// What may run again because its circuit breaker has cooled down.
    pub resumed: Vec<String>,
    /// The parts that failed, in words for the log.
    pub failed: Vec<String>,
    /// The parts whose time was over before they were done; they go on in the next run.
    pub unfinished: Vec<&'static str>,
}

/// A repair, as the summary shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// What was repaired.
    pub subject: String,
    /// Why.
    pub reason: String,
}

impl From<&Repaired> for Repair {
    fn from(repaired: &Repaired) -> Self {
        let shard = repaired.shard.as_ref().map(ToString::to_string);
        Self {
            subject: shard.unwrap_or_else(|| repaired.job.to_string()),
            reason: repaired.reason.to_string(),
        }
    }
}

/// What a run has found so far. Parts write here as they go, so that nothing is forgotten when their time is over.
#[derive(Debug, Default)]
struct Findings {
    looked_at: u64,
    repaired: Vec<Repaired>,
    troubles: Vec<String>,
    is_unfinished: bool,
}

impl Findings {
    fn trouble(&mut self, what: &str, error: &CloudError) {
        let text = format!("{what}: {}", error.chain());
        tracing::warn!(error = text, "not repaired");
        self.note(text);
    }

    fn note(&mut self, text: String) {
        // The log has all of them.
        if self.troubles.len() < 10 {
            self.troubles.push(text);
        }
    }
}

/// Shares of a run's time after which a part is cut off; what one leaves, the next has.
const JOBS_UNTIL: f64 = 0.5;
const CONTAINERS_UNTIL: f64 = 0.6;
const UPLOADS_UNTIL: f64 = 0.75;
const ARTIFACTS_UNTIL: f64 = 0.85;

impl<S, A, Q, B, T> Sweeper<S, A, Q, B, T>
where
    S: WriteJobs + WriteControls + KeepBatches + KeepBookmarks,
    A: StoreArtifacts + LookAtUploads + ReadTexts + ListUploads + ListArtifacts,
    Q: SendTasks + CountMessages + EndBatchJobs,
    B: PutEvents,
    T: Time,
{
    /// One run, which ends before `until`.
    pub async fn sweep(&self, policy: &Policy, until: Timestamp) -> Summary {
        let began = self.conductor.time.now();
        let share = |share: f64| {
            let all = until.duration_since(began).as_secs_f64().max(0.0);
            began + Duration::from_secs_f64(all * share)
        };
        let (mut summary, mut repaired) = (Summary::default(), Vec::new());
        match cool_down(&self.conductor.store, &self.conductor.time).await {
            Ok(resumed) => summary.resumed = resumed,
            Err(error) => summary.failed.push(format!("cool down: {}", error.chain())),
        }
        let mut findings = Findings::default();
        // It keeps to its time itself, and says what it has found when it is over.
        let end = Some(self.repair_jobs(share(JOBS_UNTIL), &mut findings).await);
        summary.jobs = summary.take("jobs", end, findings, &mut repaired);

        let mut findings = Findings::default();
        let part = self.end_containers(&mut findings);
        let end = self.in_time(share(CONTAINERS_UNTIL), part).await;
        summary.take("containers", end, findings, &mut repaired);

        let mut findings = Findings::default();
        let part = self.reconcile_uploads(policy, share(UPLOADS_UNTIL), &mut findings);
        let end = self.in_time(share(UPLOADS_UNTIL), part).await;
        summary.uploads = summary.take("uploads", end, findings, &mut repaired);

        let mut findings = Findings::default();
        let part = self.clear_artifacts(policy, share(ARTIFACTS_UNTIL), &mut findings);
        let end = self.in_time(share(ARTIFACTS_UNTIL), part).await;
        summary.artifacts = summary.take("artifacts", end, findings, &mut repaired);

        summary.repairs = repaired.iter().map(Repair::from).collect();
        let end = self.in_time(until, self.tell(&repaired)).await;
        summary.take("events", end, Findings::default(), &mut repaired);
        tracing::info!(
            jobs = summary.jobs,
            uploads = summary.uploads,
            artifacts = summary.artifacts,
            repairs = summary.repairs.len(),
            failed = summary.failed.len(),
            "swept"
        );
        summary
    }

    /// Runs a part until its time is over; `None` if it was cut off.
    async fn in_time<R>(&self, until: Timestamp, part: impl Future<Output = R>) -> Option<R> {
        in_time(&self.conductor.time, until, part).await
    }
}

impl Summary {
    /// Takes what a part has found; answers how much it looked at.
    fn take(
        &mut self,
        part: &'static str,
        end: Option<Result<(), CloudError>>,
        findings: Findings,
        repaired: &mut Vec<Repaired>,
    ) -> u64 {
        match end {
            Some(Ok(())) if !findings.is_unfinished => {}
            Some(Err(error)) => {
                tracing::error!(part, error = error.chain(), "part of the sweep failed");
                self.failed.push(format!("{part}: {}", error.chain()));
            }
            Some(Ok(())) | None => {
                tracing::info!(part, "part of the sweep goes on in the next run");
                self.unfinished.push(part);
            }
        }
        self.failed.extend(findings.troubles);
        repaired.extend(findings.repaired);
        findings.looked_at
    }
}

#[cfg(test)]
mod tests;

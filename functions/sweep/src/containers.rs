//! Containers that nobody needs any more.

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::{SignedDuration, Timestamp};
use marey_cloud::{CloudError, Time, queues::EndBatchJobs, store::ReadJobs};
use marey_engine::Job;

use crate::{Findings, Sweeper};

/// So long after the end of its job a container may run: it notices the end by itself within seconds, and ends in good order.
const PATIENCE: SignedDuration = SignedDuration::from_mins(1);

impl<S: ReadJobs, A, Q: EndBatchJobs, B, T: Time> Sweeper<S, A, Q, B, T> {
    /// Ends the Batch jobs of jobs that have ended, however they did, and those of earlier rounds. Each would start a container
    /// only to find that there is nothing to do, and keeps the queue from others until then.
    pub(crate) async fn end_containers(&self, findings: &mut Findings) -> Result<(), CloudError> {
        let (store, queues) = (&self.conductor.store, &self.conductor.queues);
        let now = self.conductor.time.now();
        let mut jobs = BTreeMap::new();
        for waiting in queues.batch_jobs().await? {
            let id = waiting.name.job;
            let job = match jobs.entry(id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(store.job(id).await?.map(|row| row.value)),
            };
            findings.looked_at += 1;
            if !job.as_ref().is_none_or(|job| needs_none(job, waiting.name.round, now)) {
                continue;
            }
            tracing::info!(batch_job = %waiting.name, "Batch job ended that nobody needs");
            if let Err(error) = queues.end_batch_job(&waiting.id, "Its job has ended.").await {
                findings.trouble(&format!("Batch job {}", waiting.name), &error);
            }
        }
        Ok(())
    }
}

/// Whether a job has no use for a Batch job of some round.
fn needs_none(job: &Job, round: u32, now: Timestamp) -> bool {
    round < job.round || job.ended_at().is_some_and(|at| now.duration_since(at) >= PATIENCE)
}

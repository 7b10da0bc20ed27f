//! AWS Batch: work for containers, named by what it is.
//!
//! The name of a Batch job is its work, so that whatever runs it needs nothing but the name and the table:
//! `marey_<job>_<stage>_<first shard>_<count>_<round>`. Several shards are one array job, whose index says which of them a container
//! runs.

use aws_config::SdkConfig;
use aws_sdk_batch::{
    Client,
    types::{ArrayProperties, JobTimeout, KeyValuesPair},
};
use marey_engine::{JobId, ShardKey, StageName};

use crate::{CloudError, queues::BatchWork, settings::BatchNames};

/// An array job has at most so many children (AWS Batch User Guide, "Array jobs").
const LARGEST_ARRAY: u32 = 10_000;

/// The Batch queues of a deployment.
#[derive(Debug, Clone)]
pub struct BatchQueues {
    client: Client,
    names: BatchNames,
}

/// Work as a Batch job's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchName {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: StageName,
    /// The first shard.
    pub first: u32,
    /// How many shards follow each other from there.
    pub count: u32,
    /// The job's round: a retry submits anew, and what a Batch job of an earlier round tells no longer counts.
    pub round: u32,
}

impl std::fmt::Display for BatchName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "marey_{}_{}_{:04}_{}_{}",
            self.job, self.stage, self.first, self.count, self.round
        )
    }
}

impl std::str::FromStr for BatchName {
    type Err = marey_engine::ids::Malformed;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || marey_engine::ids::Malformed {
            what: "name of a Batch job of Marey",
            text: text.to_owned(),
        };
        let parts: Vec<_> = text.split('_').collect();
        let ["marey", job, stage, first, count, round] = parts[..] else {
            return Err(malformed());
        };
        let (job, stage) = (job.parse()?, stage.parse()?);
        let first = first.parse().map_err(|_| malformed())?;
        let count = count
            .parse()
            .ok()
            .filter(|count| (1..=LARGEST_ARRAY).contains(count))
            .ok_or_else(malformed)?;
        let round = round.parse().map_err(|_| malformed())?;
        Ok(Self {
            job,
            stage,
            first,
            count,
            round,
        })
    }
}

impl BatchName {
    /// The name of some work.
    pub fn of(work: &BatchWork) -> Self {
        Self {
            job: work.first.job,
            stage: work.first.stage.clone(),
            first: work.first.shard,
            count: work.count,
            round: work.round,
        }
    }

    /// The shard that a child of the array runs; `None` beyond its end.
    pub fn shard(&self, index: u32) -> Option<ShardKey> {
        (index < self.count).then(|| ShardKey {
            job: self.job,
            stage: self.stage.clone(),
            shard: self.first + index,
        })
    }
}

impl BatchQueues {
    /// The queues that the settings name.
    pub fn new(config: &SdkConfig, names: &BatchNames) -> Self {
        let builder = aws_sdk_batch::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: Client::from_conf(builder.build()),
            names: names.clone(),
        }
    }

    /// Submits work, unless a Batch job of this name is waiting or running.
    ///
    /// # Errors
    /// The service failed; it may have taken the work.
    pub async fn submit(&self, work: &BatchWork) -> Result<(), CloudError> {
        let name = BatchName::of(work).to_string();
        let queue = if work.express {
            &self.names.express
        } else {
            &self.names.standard
        };
        if self.is_under_way(queue, &name).await? {
            tracing::info!(name, "Batch job is under way already");
            return Ok(());
        }
        let mut call = self.client.submit_job().job_name(&name).job_queue(queue);
        call = call.job_definition(&self.names.definition);
        // Batch itself ends what outlives the stage's time and its heartbeats' patience.
        let timeout_s = work.timeout_s.saturating_add(120).max(60);
        call = call.timeout(JobTimeout::builder().attempt_duration_seconds(timeout_s as i32).build());
        if work.count > 1 {
            call = call.array_properties(ArrayProperties::builder().size(work.count as i32).build());
        }
        let id = call
            .send()
            .await
            .map_err(|e| CloudError::service("submit Batch job", e))?;
        tracing::info!(name, id = id.job_id(), shards = work.count, "Batch job submitted");
        Ok(())
    }

    /// Whether a Batch job of this name has not ended. A filter by name ignores the status, so the answer carries it.
    async fn is_under_way(&self, queue: &str, name: &str) -> Result<bool, CloudError> {
        let filter = KeyValuesPair::builder().name("JOB_NAME").values(name).build();
        let call = self.client.list_jobs().job_queue(queue).filters(filter);
        let found = call
            .send()
            .await
            .map_err(|e| CloudError::service("list Batch jobs", e))?;
        let ended = |status: &str| matches!(status, "SUCCEEDED" | "FAILED");
        let jobs = found.job_summary_list();
        Ok(jobs
            .iter()
            .filter(|job| job.job_name() == Some(name))
            .any(|job| job.status().is_some_and(|status| !ended(status.as_str()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_to_run_and_batch_takes_it() {
        let name = BatchName {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "lip-sync".parse().unwrap(),
            first: 7,
            count: 200,
            round: 2,
        };
        let text = name.to_string();
        assert_eq!(text.parse(), Ok(name.clone()));
        assert!(
            text.len() <= 128 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)),
            "{text}"
        );
        assert_eq!(name.shard(199).unwrap().shard, 206);
        assert_eq!(name.shard(200), None);
    }

    #[test]
    fn nothing_else_is_a_name() {
        let id = JobId::of_object("b", "k", None, "e");
        for wrong in [
            "marey".to_owned(),
            format!("marey_{id}_pose_0000_0_0"),
            format!("marey_{id}_pose_0000_10001_0"),
            format!("other_{id}_pose_0000_1_0"),
            format!("marey_{id}_Pose_0000_1_0"),
            "marey_x_pose_0000_1_0".to_owned(),
        ] {
            assert!(wrong.parse::<BatchName>().is_err(), "{wrong}");
        }
    }
}

//! AWS Batch: work for containers, named by what it is.
//!
//! The name of a Batch job is its work, so that whatever runs it needs nothing but the name and the table:
//! `marey_<job>_<stage>_<first shard>_<count>_<round>`. Several shards are one array job, whose index says which of them a container
//! runs. AWS Batch tells a container its job's id and not its name, so the name travels in an environment variable besides,
//! [`TASK_VARIABLE`].

use std::collections::BTreeSet;

use aws_config::SdkConfig;
use aws_sdk_batch::{
    Client,
    types::{ArrayProperties, ContainerOverrides, JobStatus, JobTimeout, KeyValuePair, KeyValuesPair},
};
use marey_engine::{JobId, ShardKey, StageName};

use crate::{
    CloudError,
    queues::{BatchWork, WaitingBatchJob},
    settings::BatchNames,
};

/// The environment variable in which a container finds the name of its Batch job.
pub const TASK_VARIABLE: &str = "MAREY_TASK";

/// So much longer than the stage itself may a container live: it is started, may have to wait for the lease of a dead attempt,
/// fetches and stores. In seconds.
pub const CONTAINER_MARGIN_S: u32 = 300;

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

    /// Begins the names of all Batch jobs of a stage of a job.
    fn prefix(&self) -> String {
        format!("marey_{}_{}_", self.job, self.stage)
    }

    /// Whether a Batch job of this name works on the same job, stage and round as another.
    pub fn is_of_the_same_stage(&self, other: &Self) -> bool {
        (self.job, &self.stage, self.round) == (other.job, &other.stage, other.round)
    }

    /// The work without some shards: one name for each run of shards that follow each other.
    pub fn but(&self, done: &BTreeSet<u32>) -> Vec<Self> {
        let left: Vec<_> = self
            .shards()
            .map(|key| key.shard)
            .filter(|shard| !done.contains(shard))
            .collect();
        let runs = left.chunk_by(|a, b| a.checked_add(1) == Some(*b));
        runs.map(|run| Self {
            first: run.first().copied().unwrap_or_default(),
            count: run.len() as u32,
            ..self.clone()
        })
        .collect()
    }

    /// The shards.
    pub fn shards(&self) -> impl Iterator<Item = ShardKey> {
        (0..self.count).filter_map(|index| self.shard(index))
    }

    /// The shard that a child of the array runs; `None` beyond its end.
    pub fn shard(&self, index: u32) -> Option<ShardKey> {
        let shard = self.first.checked_add(index).filter(|_| index < self.count)?;
        Some(ShardKey {
            job: self.job,
            stage: self.stage.clone(),
            shard,
        })
    }
}

/// A Batch job as the service lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it stands, in the service's words.
    pub status: String,
}

/// The statuses of Batch jobs that wait or run, in the service's words.
const WAITING: [JobStatus; 5] = [
    JobStatus::Submitted,
    JobStatus::Pending,
    JobStatus::Runnable,
    JobStatus::Starting,
    JobStatus::Running,
];

/// `DescribeJobs` takes so many ids.
const DESCRIBED_AT_ONCE: usize = 100;

fn has_ended(status: &str) -> bool {
    matches!(status, "SUCCEEDED" | "FAILED")
}

impl Listed {
    /// Whether it will not run any more.
    pub fn has_ended(&self) -> bool {
        has_ended(&self.status)
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

    fn queue(&self, express: bool) -> &str {
        if express {
            &self.names.express
        } else {
            &self.names.standard
        }
    }

    /// Submits work, as far as no Batch job that does it is waiting or running.
    ///
    /// # Errors
    /// The service failed; it may have taken some of the work.
    pub async fn submit(&self, work: &BatchWork) -> Result<(), CloudError> {
        let name = BatchName::of(work);
        let left = name.but(&self.in_hand(work).await?);
        if left.is_empty() {
            tracing::info!(%name, "Batch job is under way already");
        }
        for name in left {
            self.submit_as(&name, work).await?;
        }
        Ok(())
    }

    async fn submit_as(&self, name: &BatchName, work: &BatchWork) -> Result<(), CloudError> {
        let name_text = name.to_string();
        let task = KeyValuePair::builder().name(TASK_VARIABLE).value(&name_text).build();
        let mut call = self
            .client
            .submit_job()
            .job_name(&name_text)
            .job_queue(self.queue(work.express))
            .job_definition(&self.names.definition)
            .container_overrides(ContainerOverrides::builder().environment(task).build());
        let timeout_s = work.timeout_s.saturating_add(CONTAINER_MARGIN_S);
        call = call.timeout(JobTimeout::builder().attempt_duration_seconds(timeout_s as i32).build());
        if name.count > 1 {
            call = call.array_properties(ArrayProperties::builder().size(name.count as i32).build());
        }
        let id = call
            .send()
            .await
            .map_err(|e| CloudError::service("submit Batch job", e))?;
        tracing::info!(
            name = name_text,
            id = id.job_id(),
            shards = name.count,
            "Batch job submitted"
        );
        Ok(())
    }

    /// The shards whose Batch job has not ended, of the job, stage and round of some work. An array goes on until its last
    /// child has ended; a child may have ended long before.
    ///
    /// # Errors
    /// The service failed.
    pub async fn in_hand(&self, work: &BatchWork) -> Result<BTreeSet<u32>, CloudError> {
        let wanted = BatchName::of(work);
        let beginning = format!("{}*", wanted.prefix());
        let mut shards = BTreeSet::new();
        for found in self.listed(work.express, Some(&beginning)).await? {
            let name = found.name.parse::<BatchName>().ok();
            let Some(name) = name.filter(|name| name.is_of_the_same_stage(&wanted) && !found.has_ended()) else {
                continue;
            };
            let ended = if name.count > 1 {
                self.ended_children(&found.id, name.count).await?
            } else {
                BTreeSet::new()
            };
            let children = (0..name.count).filter(|index| !ended.contains(index));
            shards.extend(children.filter_map(|index| name.shard(index)).map(|key| key.shard));
        }
        Ok(shards)
    }

    /// The children of an array that will not run any more, by their index. A child that the service does not know yet has
    /// not ended.
    async fn ended_children(&self, parent: &str, count: u32) -> Result<BTreeSet<u32>, CloudError> {
        let ids: Vec<_> = (0..count).map(|index| format!("{parent}:{index}")).collect();
        let mut ended = BTreeSet::new();
        for some in ids.chunks(DESCRIBED_AT_ONCE) {
            let call = self.client.describe_jobs().set_jobs(Some(some.to_vec()));
            let found = call
                .send()
                .await
                .map_err(|e| CloudError::service("describe Batch jobs", e))?;
            let over = found
                .jobs()
                .iter()
                .filter(|job| job.status().is_some_and(|status| has_ended(status.as_str())));
            let indices = over.filter_map(|job| job.job_id()?.rsplit_once(':')?.1.parse::<u32>().ok());
            ended.extend(indices);
        }
        Ok(ended)
    }

    /// The Batch jobs of both queues that wait or run.
    ///
    /// # Errors
    /// The service failed.
    pub async fn waiting(&self) -> Result<Vec<WaitingBatchJob>, CloudError> {
        let mut waiting = Vec::new();
        for express in [true, false] {
            for status in WAITING {
                let found = self.list(express, None, Some(status)).await?;
                waiting.extend(found.into_iter().filter_map(|found| {
                    let name = found.name.parse().ok()?;
                    Some(WaitingBatchJob { id: found.id, name })
                }));
            }
        }
        Ok(waiting)
    }

    /// Ends a Batch job, an array with all its children.
    ///
    /// # Errors
    /// The service failed.
    pub async fn terminate(&self, id: &str, reason: &str) -> Result<(), CloudError> {
        let call = self.client.terminate_job().job_id(id).reason(reason);
        let ended = call.send().await;
        ended
            .map(drop)
            .map_err(|e| CloudError::service("terminate Batch job", e))
    }

    /// The Batch jobs of a queue whose name is this one, or begins like it if it ends in `*`. With a name the service lists jobs of
    /// every status; without one only those that run.
    ///
    /// # Errors
    /// The service failed.
    pub async fn listed(&self, express: bool, name: Option<&str>) -> Result<Vec<Listed>, CloudError> {
        self.list(express, name, None).await
    }

    async fn list(
        &self,
        express: bool,
        name: Option<&str>,
        status: Option<JobStatus>,
    ) -> Result<Vec<Listed>, CloudError> {
        let filter = |name| KeyValuesPair::builder().name("JOB_NAME").values(name).build();
        let (mut found, mut next) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .list_jobs()
                .job_queue(self.queue(express))
                .set_filters(name.map(|name| vec![filter(name)]))
                .set_job_status(status.clone())
                .set_next_token(next);
            let page = call
                .send()
                .await
                .map_err(|e| CloudError::service("list Batch jobs", e))?;
            found.extend(page.job_summary_list().iter().map(|job| {
                Listed {
                    id: job.job_id().unwrap_or_default().to_owned(),
                    name: job.job_name().unwrap_or_default().to_owned(),
                    status: job
                        .status()
                        .map(|status| status.as_str().to_owned())
                        .unwrap_or_default(),
                }
            }));
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Where AWS Batch's failures are told, for whoever plays AWS Batch.
#[derive(Debug, Clone)]
pub struct FailureQueue {
    client: aws_sdk_sqs::Client,
    url: String,
}

impl FailureQueue {
    /// The queue of a URL.
    pub fn new(config: &SdkConfig, url: &str) -> Self {
        let builder = aws_sdk_sqs::config::Builder::from(config).timeout_config(super::short_calls());
        Self {
            client: aws_sdk_sqs::Client::from_conf(builder.build()),
            url: url.to_owned(),
        }
    }

    /// Puts an event into the queue, as EventBridge does.
    ///
    /// # Errors
    /// The service failed; the event may be in the queue.
    pub async fn tell(&self, event: &serde_json::Value) -> Result<(), CloudError> {
        let call = self.client.send_message().queue_url(&self.url);
        let sent = call.message_body(event.to_string()).send().await;
        sent.map(drop).map_err(|e| CloudError::service("tell Batch failure", e))
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

    fn name(first: u32, count: u32, round: u32) -> BatchName {
        BatchName {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "pose".parse().unwrap(),
            first,
            count,
            round,
        }
    }

    #[test]
    fn what_is_in_hand_is_not_submitted_again() {
        let array = name(2, 6, 1);
        let shards: Vec<_> = array.shards().map(|key| key.shard).collect();
        assert_eq!(shards, [2, 3, 4, 5, 6, 7]);
        assert_eq!(array.but(&BTreeSet::new()), [name(2, 6, 1)]);
        assert_eq!(array.but(&(0..9).collect()), []);
        assert_eq!(array.but(&[0, 3, 4, 7].into()), [name(2, 1, 1), name(5, 2, 1)]);
        let elsewhere = BatchName {
            stage: "visualize".parse().unwrap(),
            ..name(2, 6, 1)
        };
        assert!(array.is_of_the_same_stage(&name(9, 1, 1)));
        assert!(!array.is_of_the_same_stage(&name(2, 6, 0)) && !array.is_of_the_same_stage(&elsewhere));
    }

    #[test]
    fn a_name_beyond_all_shards_names_only_those_that_can_be() {
        let last: BatchName = name(u32::MAX, 3, 0).to_string().parse().unwrap();
        assert_eq!(last.shards().map(|key| key.shard).collect::<Vec<_>>(), [u32::MAX]);
        assert_eq!(last.but(&BTreeSet::new()), [name(u32::MAX, 1, 0)]);
    }
}

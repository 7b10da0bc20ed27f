//! Taking parked messages up again.
//!
//! A stage's message is not sent again as it is: its job has failed, and a message for a job that has ended does nothing.
//! The job is retried, which sends its failed shards again, and then the message has done what it was kept for. What rests in
//! the dead-letter queue of `webhook` or `batch-failures` goes back to its queue as it is.

use std::collections::BTreeSet;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use jiff::Timestamp;
use marey_cloud::{
    CloudError,
    aws::batch::BatchName,
    queues::{Parked, RESTING, TakeParked},
    store::{ReadJobs, WriteJobs},
};
use marey_contract::{ErrorAnswer, RedriveAnswer, RedriveRequest};
use marey_engine::{JobId, JobState, ShardKey, StageName, Task};

use super::{Answer, Shared, again, is_late, system::stages, together};
use crate::{
    Api, Ports,
    access::Admin,
    answer::{Refusal, parse_or_default},
};

/// Received messages are hidden from other redrives for so long; what is kept shows again then.
const HIDE_S: u32 = 60;

/// The queue of the bucket's events.
const INTAKE: &str = "intake";

/// So many receives run at once: all stages share the parked queue, and what is one stage's may lie behind thousands of
/// messages of others.
const RECEIVES: usize = 8;

/// What became of a message.
enum Fate {
    /// Its job is tried again.
    Retried(String),
    /// It was sent back as it was.
    SentBack,
    /// What it asks for is done, running or cancelled.
    Forgotten,
    /// It stays parked.
    Kept,
}

/// What is asked for.
enum Source {
    /// Parked messages of a stage.
    Stage(StageName),
    /// Parked events of the bucket.
    Intake,
    /// What rests in the dead-letter queue of this queue.
    Resting(&'static str),
}

impl Source {
    fn named(name: &str) -> Result<Self, Refusal> {
        let stages = stages();
        if let Some(stage) = stages.iter().find(|stage| stage.as_str() == name) {
            return Ok(Self::Stage(stage.clone()));
        }
        if name == INTAKE {
            return Ok(Self::Intake);
        }
        if let Some(queue) = RESTING.into_iter().find(|queue| *queue == name) {
            return Ok(Self::Resting(queue));
        }
        let known: Vec<_> = stages.iter().map(StageName::as_str).chain(RESTING).collect();
        let hint = format!("There are {INTAKE}, {}.", known.join(", "));
        Err(no_queue(name, hint))
    }
}

fn no_queue(name: &str, hint: String) -> Refusal {
    Refusal::not_found("QUEUE_NOT_FOUND", format!("There is no queue called {name:?}."), hint)
}

/// Takes parked messages of a stage, of `intake`, `webhook` or `batch-failures`, up again; for administrators
#[utoipa::path(post, path = "/queues/{name}/redrive", request_body = RedriveRequest,
    params(("name" = String, Path, description = "a stage's name, `intake`, `webhook` or `batch-failures`")),
    responses((status = 200, body = RedriveAnswer), (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer),
        (status = 404, body = ErrorAnswer)))]
pub(crate) async fn redrive<P: Ports>(
    State(api): Shared<P>,
    Admin(_): Admin,
    Path(name): Path<String>,
    body: Bytes,
) -> Answer<RedriveAnswer> {
    let request: RedriveRequest = parse_or_default(&body, "{\"limit\": 100}")?;
    let limit = request.limit.unwrap_or(100);
    if !(1..=500).contains(&limit) {
        return Err(Refusal::bad_request(format!("The limit is {limit}."), "Give 1 to 500."));
    }
    let source = Source::named(&name)?;
    let mut redrive = Redrive {
        api: &api,
        began: api.now(),
        limit,
        seen: 0,
        jobs: BTreeSet::new(),
        answer: RedriveAnswer {
            queue: name,
            jobs: Vec::new(),
            sent_back: 0,
            forgotten: 0,
            kept: 0,
            more: false,
        },
    };
    redrive.answer.more = match &source {
        Source::Resting(queue) => redrive.wake(queue).await?,
        Source::Stage(_) | Source::Intake => redrive.unpark(&source).await?,
    };
    Ok(Json(redrive.answer))
}

/// A redrive under way.
struct Redrive<'a, P: Ports> {
    api: &'a Api<P>,
    began: Timestamp,
    limit: u32,
    /// Messages that were meant; those of other queues do not count.
    seen: u32,
    /// Jobs of which a message was taken: whatever their other messages ask for is under way.
    jobs: BTreeSet<JobId>,
    answer: RedriveAnswer,
}

impl<P: Ports> Redrive<'_, P> {
    fn is_over(&self) -> bool {
        self.seen >= self.limit || is_late(self.began, self.api.now())
    }

    /// Sends resting messages back; whether there may be more.
    async fn wake(&mut self, queue: &'static str) -> Result<bool, Refusal> {
        let queues = &self.api.conductor.queues;
        while !self.is_over() {
            let some = match queues.resting(queue, HIDE_S).await {
                Err(CloudError::Missing { .. }) => {
                    return Err(no_queue(queue, "This deployment is made without it.".to_owned()));
                }
                some => some?,
            };
            if some.is_empty() {
                return Ok(false);
            }
            for message in some {
                queues.wake(queue, &message).await?;
                self.seen += 1;
                self.answer.sent_back += 1;
            }
        }
        Ok(true)
    }

    /// Takes parked messages up; whether there may be more.
    async fn unpark(&mut self, source: &Source) -> Result<bool, Refusal> {
        let queues = &self.api.conductor.queues;
        while !self.is_over() {
            let mut some = Vec::new();
            for received in together((0..RECEIVES).map(|_| queues.parked(HIDE_S))).await {
                some.extend(received?);
            }
            if some.is_empty() {
                return Ok(false);
            }
            for message in some {
                // What is not looked at shows again in a minute.
                if self.is_over() {
                    return Ok(true);
                }
                match self.take(source, &message).await? {
                    Fate::Retried(job) => self.answer.jobs.push(job),
                    Fate::Forgotten => self.answer.forgotten += 1,
                    Fate::SentBack => self.answer.sent_back += 1,
                    Fate::Kept => {
                        self.answer.kept += 1;
                        continue;
                    }
                }
                // Last of all: if this ends before, the message shows again, and finds that what it asks for is under way.
                queues.forget_parked(&message.receipt).await?;
            }
        }
        Ok(true)
    }

    async fn take(&mut self, source: &Source, message: &Parked) -> Result<Fate, Refusal> {
        match (source, shard_of(&message.body)) {
            (Source::Stage(stage), Some(key)) if key.stage == *stage => {
                self.seen += 1;
                if self.jobs.contains(&key.job) {
                    return Ok(Fate::Forgotten);
                }
                let fate = take_shard(self.api, &key).await?;
                if matches!(fate, Fate::Retried(_) | Fate::Forgotten) {
                    self.jobs.insert(key.job);
                }
                Ok(fate)
            }
            // Whatever of the bucket's events was in the way, intake looks again; a second time does no harm.
            (Source::Intake, None) if is_of_bucket(&message.body) => {
                self.seen += 1;
                let queues = &self.api.conductor.queues;
                match queues.send_back(&message.body, &message.from_queue).await {
                    Ok(()) => Ok(Fate::SentBack),
                    Err(CloudError::Missing { .. }) => Ok(Fate::Kept),
                    Err(error) => Err(error.into()),
                }
            }
            _ => Ok(Fate::Kept),
        }
    }
}

/// The shard that a parked message is about: a task, or AWS Batch's word that a task's container failed.
fn shard_of(body: &str) -> Option<ShardKey> {
    if let Ok(task) = serde_json::from_str::<Task>(body) {
        return task.check().ok().map(|task| task.payload);
    }
    let event: serde_json::Value = serde_json::from_str(body).ok()?;
    let name: BatchName = event["detail"]["jobName"].as_str()?.parse().ok()?;
    let index = event["detail"]["arrayProperties"]["index"].as_u64().unwrap_or(0);
    Some(ShardKey {
        job: name.job,
        stage: name.stage,
        shard: name.first.checked_add(u32::try_from(index).ok()?)?,
    })
}

/// Whether a message is one of S3's events.
fn is_of_bucket(body: &str) -> bool {
    let event = serde_json::from_str::<serde_json::Value>(body).ok();
    event.is_some_and(|event| {
        event["Records"]
            .as_array()
            .is_some_and(|records| records.iter().any(|r| r["s3"].is_object()))
    })
}

async fn take_shard<P: Ports>(api: &Api<P>, key: &ShardKey) -> Result<Fate, Refusal> {
    let Some(row) = api.conductor.store.job(key.job).await? else {
        return Ok(Fate::Kept);
    };
    match &row.value.state {
        JobState::Failed { .. } => match again::retry(api, key.job).await {
            Ok(()) => Ok(Fate::Retried(key.job.to_string())),
            Err(refusal) if refusal.code() == "JOB_RUNNING" => Ok(Fate::Forgotten),
            Err(refusal) if matches!(refusal.code(), "JOB_NOT_RETRYABLE" | "JOB_COMPLETE") => Ok(Fate::Kept),
            Err(refusal) => Err(refusal),
        },
        JobState::Running => {
            // An earlier redrive has retried the job; what follows is done again, in case that one died before it.
            api.conductor.advance(key.job).await?;
            Ok(Fate::Forgotten)
        }
        JobState::Cancelled { .. } => Ok(Fate::Forgotten),
        JobState::Completed { .. } => {
            let shard = api.conductor.store.shard(key).await?;
            let is_done = shard.is_some_and(|row| row.value.is_complete());
            Ok(if is_done { Fate::Forgotten } else { Fate::Kept })
        }
    }
}

//! Taking parked messages up again.
//!
//! A stage's message is not sent again as it is: its job has failed, and a message for a job that has ended does nothing.
//! The job is retried, which sends its failed shards again, and then the message has done what it was kept for.

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use marey_cloud::{
    CloudError,
    queues::{Parked, TakeParked},
    store::ReadJobs,
};
use marey_contract::{ErrorAnswer, RedriveAnswer, RedriveRequest};
use marey_engine::{JobState, StageName, Task};

use super::{Answer, Shared, again, is_late, system::stages};
use crate::{
    Api, Ports,
    access::Admin,
    answer::{Refusal, parse_or_default},
};

/// Received messages are hidden from other redrives for so long; what is kept shows again then.
const HIDE_S: u32 = 60;

/// The queue of the bucket's events.
const INTAKE: &str = "intake";

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

/// Takes parked messages of a stage, or of `intake`, up again; for administrators
#[utoipa::path(post, path = "/queues/{name}/redrive", request_body = RedriveRequest,
    params(("name" = String, Path, description = "a stage's name, or `intake`")),
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
    let stages = stages();
    let stage = stages.iter().find(|stage| stage.as_str() == name);
    if stage.is_none() && name != INTAKE {
        let known: Vec<_> = stages.iter().map(StageName::as_str).collect();
        let hint = format!("There are {INTAKE}, {}.", known.join(", "));
        return Err(Refusal::not_found(
            "QUEUE_NOT_FOUND",
            format!("There is no queue called {name:?}."),
            hint,
        ));
    }
    let began = api.now();
    let mut answer = RedriveAnswer {
        queue: name.clone(),
        jobs: Vec::new(),
        sent_back: 0,
        forgotten: 0,
        kept: 0,
        more: false,
    };
    let mut seen = 0;
    while seen < limit && !is_late(began, api.now()) {
        let some = api.conductor.queues.parked(HIDE_S).await?;
        if some.is_empty() {
            return Ok(Json(answer));
        }
        seen += some.len() as u32;
        for message in some {
            match take(&api, stage, &message).await? {
                Fate::Retried(job) if !answer.jobs.contains(&job) => answer.jobs.push(job),
                Fate::Retried(_) | Fate::Forgotten => answer.forgotten += 1,
                Fate::SentBack => answer.sent_back += 1,
                Fate::Kept => {
                    answer.kept += 1;
                    continue;
                }
            }
            // Last of all: if this ends before, the message shows again, and finds that what it asks for is under way.
            api.conductor.queues.forget_parked(&message.receipt).await?;
        }
    }
    answer.more = true;
    Ok(Json(answer))
}

async fn take<P: Ports>(api: &Api<P>, stage: Option<&StageName>, message: &Parked) -> Result<Fate, Refusal> {
    let task = serde_json::from_str::<Task>(&message.body)
        .ok()
        .and_then(|task| task.check().ok());
    match (stage, task) {
        (Some(stage), Some(task)) if task.payload.stage == *stage => take_task(api, &task).await,
        // Whatever of the bucket's events was in the way, intake looks again; a second time does no harm.
        (None, None) if is_of_bucket(&message.body) => {
            match api.conductor.queues.send_back(&message.body, &message.from_queue).await {
                Ok(()) => Ok(Fate::SentBack),
                Err(CloudError::Missing { .. }) => Ok(Fate::Kept),
                Err(error) => Err(error.into()),
            }
        }
        _ => Ok(Fate::Kept),
    }
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

async fn take_task<P: Ports>(api: &Api<P>, task: &Task) -> Result<Fate, Refusal> {
    let id = task.payload.job;
    let Some(snapshot) = api.conductor.store.snapshot(id).await? else {
        return Ok(Fate::Kept);
    };
    match &snapshot.job.value.state {
        JobState::Failed { .. } => match again::retry(api, id).await {
            Ok(()) => Ok(Fate::Retried(id.to_string())),
            Err(refusal) if refusal.code() == "JOB_RUNNING" => Ok(Fate::Forgotten),
            Err(refusal) if matches!(refusal.code(), "JOB_NOT_RETRYABLE" | "JOB_COMPLETE") => Ok(Fate::Kept),
            Err(refusal) => Err(refusal),
        },
        JobState::Running => {
            // An earlier redrive has retried the job; what follows is done again, in case that one died before it.
            api.conductor.advance(id).await?;
            Ok(Fate::Forgotten)
        }
        JobState::Cancelled { .. } => Ok(Fate::Forgotten),
        JobState::Completed { .. } => {
            let place = (task.payload.stage.clone(), task.payload.shard);
            let is_done = snapshot.shards.get(&place).is_some_and(|row| row.value.is_complete());
            Ok(if is_done { Fate::Forgotten } else { Fate::Kept })
        }
    }
}

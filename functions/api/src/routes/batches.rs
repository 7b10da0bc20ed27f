//! Batches.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use marey_cloud::{
    CloudError,
    store::{Batch, BatchItem, Creation, KeepBatches, MOST_ITEMS, ReadJobs, WriteJobs},
};
use marey_contract::{
    BatchDetail, BatchList, BatchRequest, BatchTicket, BatchTickets, Changed, ErrorAnswer, NewBatch, VideoRequest,
};
use marey_engine::{BatchId, Job, JobEvent, JobId, JobState, RunsOn, Snapshot, Wishes, upload::DEFAULT_PRIORITY};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Answer, Shared, again, is_late, jobs::ListQuery, together, videos::ticket};
use crate::{
    Api, Ports,
    access::{Caller, Reader, Writer},
    answer::{Refusal, parse},
    form, view,
};

/// So many tickets are in one answer: a ticket weighs up to 9 KB, and Lambda answers with 6 MB at most. They end after an
/// hour, so nobody wants all thousand at once.
const TICKETS_PER_PAGE: usize = 100;

/// Longest name of a batch, and longest token.
const LONGEST_NAME: usize = 200;
const LONGEST_TOKEN: usize = 100;

/// Namespace of the ids of batches with a token: the `UUIDv5` of `marey.batch` in the DNS namespace of RFC 9562.
const NAMESPACE: Uuid = Uuid::from_u128(0x42fb_24a6_3535_524d_a3f1_3092_b377_2ddf);

/// Announces up to 1,000 videos that belong together
///
/// The answer holds leave to upload the first hundred; `GET /batches/{id}/tickets` gives the rest.
#[utoipa::path(post, path = "/batches", request_body = BatchRequest, responses(
    (status = 201, body = NewBatch), (status = 200, body = NewBatch, description = "the batch was there"),
    (status = 400, body = ErrorAnswer)))]
pub(crate) async fn announce<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    body: Bytes,
) -> Result<(StatusCode, Json<NewBatch>), Refusal> {
    let example = "{\"name\": \"squats\", \"items\": [{\"name\": \"squat.mp4\"}]}";
    let request: BatchRequest = parse(&body, example)?;
    let (batch, items) = check(&api, &caller, &request)?;
    let creation = api.conductor.store.create_batch(&batch, &items).await?;
    // A batch that was there was announced earlier, with the same videos: its id says so.
    let stored = api.conductor.store.batch(batch.id).await?;
    let batch = stored.map_or(batch, |row| row.value);
    let tickets = page_of_tickets(&api, &batch, &items, 0).await?;
    let batch = view::batch::summary(&batch);
    let status = match creation {
        Creation::Created => StatusCode::CREATED,
        Creation::Existed => StatusCode::OK,
    };
    Ok((status, Json(NewBatch { batch, tickets })))
}

/// A sound batch and its items. Every item is checked before anything is stored.
fn check<P: Ports>(api: &Api<P>, caller: &Caller, request: &BatchRequest) -> Result<(Batch, Vec<BatchItem>), Refusal> {
    let name = request.name.trim();
    if name.is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        let hint = format!("Give a name of 1 to {LONGEST_NAME} bytes.");
        return Err(Refusal::bad_request(
            "The batch's name is empty, too long, or has control characters.",
            hint,
        ));
    }
    if request.token.as_ref().is_some_and(|token| token.len() > LONGEST_TOKEN) {
        return Err(Refusal::bad_request(
            "The token is too long.",
            format!("Give at most {LONGEST_TOKEN} bytes."),
        ));
    }
    if request.items.is_empty() || request.items.len() > MOST_ITEMS {
        let message = format!("The batch has {} videos.", request.items.len());
        return Err(Refusal::bad_request(
            message,
            format!("Give 1 to {MOST_ITEMS}; make several batches of more."),
        ));
    }
    let id = id_of(&caller.owner, request)?;
    let workflow = form::check_workflow(request.workflow.as_deref())?;
    let wishes = Wishes {
        params: request.params.clone(),
        runs_on: request.runs_on.map(|place| match place {
            marey_contract::RunsOn::Lambda => RunsOn::Lambda,
            marey_contract::RunsOn::Batch => RunsOn::Batch,
            marey_contract::RunsOn::Auto => RunsOn::Auto,
        }),
        reuse: request.reuse,
        notify: request.notify.clone(),
        batch: Some(id),
    };
    let batch = Batch {
        id,
        owner: caller.owner.clone(),
        name: name.to_owned(),
        workflow: workflow.name().to_owned(),
        priority: request.priority.unwrap_or(DEFAULT_PRIORITY),
        created_at: api.now(),
        wishes,
        items: request.items.len() as u32,
        cancelled_at: None,
        made_at: None,
    };
    form::check_priority(request.priority)?;
    let items: Vec<_> = request
        .items
        .iter()
        .map(|item| BatchItem {
            name: item.name.clone(),
            params: item.params.clone(),
        })
        .collect();
    for item in &items {
        form::check(&wish_of(&batch, item), Some(id))?;
    }
    Ok((batch, items))
}

/// With a token, the same request by the same owner has the same id; without, every request has its own.
fn id_of(owner: &str, request: &BatchRequest) -> Result<BatchId, Refusal> {
    let Some(token) = &request.token else {
        return Ok(BatchId(Uuid::new_v4()));
    };
    let content = serde_json::to_vec(request)
        .map_err(|error| Refusal::bad_request(format!("The request cannot be read: {error}."), "Send it as JSON."))?;
    let mut name = [owner, token, ""].join("\u{1f}").into_bytes();
    name.extend(Sha256::digest(content));
    Ok(BatchId(Uuid::new_v5(&NAMESPACE, &name)))
}

/// The request for an upload that an item of a batch amounts to.
fn wish_of(batch: &Batch, item: &BatchItem) -> VideoRequest {
    let mut params = batch.wishes.params.clone();
    params.extend(item.params.clone());
    VideoRequest {
        name: item.name.clone(),
        workflow: Some(batch.workflow.clone()),
        priority: Some(batch.priority),
        params,
        runs_on: batch.wishes.runs_on.map(view::runs_on),
        reuse: batch.wishes.reuse,
        notify: batch.wishes.notify.clone(),
        batch: Some(batch.id.to_string()),
    }
}

/// Leave to upload the videos that have not arrived, from an item on.
async fn page_of_tickets<P: Ports>(
    api: &Api<P>,
    batch: &Batch,
    items: &[BatchItem],
    from: usize,
) -> Result<BatchTickets, Refusal> {
    if batch.cancelled_at.is_some() {
        let hint = "Announce another batch.";
        return Err(Refusal::conflict("BATCH_CANCELLED", "The batch was cancelled.", hint));
    }
    let mut tickets = Vec::new();
    let mut at = from.min(items.len());
    while at < items.len() && tickets.len() < TICKETS_PER_PAGE {
        let upto = (at + TICKETS_PER_PAGE - tickets.len()).min(items.len());
        let some: Vec<_> = (at..upto).collect();
        let jobs = together(
            some.iter()
                .map(|item| api.conductor.store.job(batch.job_of(*item as u32))),
        )
        .await;
        for (item, job) in some.into_iter().zip(jobs) {
            // Another content under the key of a job that is there would make another job.
            if job?.is_some() {
                continue;
            }
            let (number, item) = (item as u32, &items[item]);
            let wish = form::check(&wish_of(batch, item), Some(batch.id))?;
            let ticket = ticket(api, &batch.owner, batch.job_of(number), &wish).await?;
            tickets.push(BatchTicket {
                item: number,
                name: item.name.clone(),
                ticket,
            });
        }
        at = upto;
    }
    let next_cursor = (at < items.len()).then(|| at.to_string());
    Ok(BatchTickets { tickets, next_cursor })
}

async fn find<P: Ports>(api: &Api<P>, caller: &Caller, id: &str) -> Result<Batch, Refusal> {
    let parsed: BatchId = id.parse().map_err(|_| Refusal::no_batch(id))?;
    let row = api.conductor.store.batch(parsed).await?;
    row.map(|row| row.value)
        .filter(|batch| caller.sees(&batch.owner))
        .ok_or_else(|| Refusal::no_batch(id))
}

fn place(query: Result<Query<ListQuery>, QueryRejection>) -> Result<(usize, usize), Refusal> {
    let Query(query) = query.map_err(|e| Refusal::bad_request(e.body_text(), "Give limit and cursor as numbers."))?;
    let limit = query.limit.unwrap_or(100);
    if !(1..=200).contains(&limit) {
        return Err(Refusal::bad_request(format!("The limit is {limit}."), "Give 1 to 200."));
    }
    let cursor = query
        .cursor
        .as_deref()
        .filter(|cursor| !cursor.is_empty())
        .unwrap_or("0");
    let from = cursor.parse().map_err(|_| {
        Refusal::bad_request(
            format!("The cursor is {cursor:?}."),
            "Give the next_cursor of the answer before.",
        )
    })?;
    Ok((from, limit as usize))
}

/// Gives leave to upload those videos of a batch that have not arrived
#[utoipa::path(get, path = "/batches/{id}/tickets", params(("id" = String, Path, description = "the batch's id"),
    ("cursor" = Option<String>, Query, description = "the `next_cursor` of the answer before")),
    responses((status = 200, body = BatchTickets), (status = 404, body = ErrorAnswer),
        (status = 409, body = ErrorAnswer, description = "the batch was cancelled")))]
pub(crate) async fn tickets<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<BatchTickets> {
    let (from, _) = place(query)?;
    let batch = find(&api, &caller, &id).await?;
    let items = api.conductor.store.batch_items(batch.id).await?;
    page_of_tickets(&api, &batch, &items, from).await.map(Json)
}

/// Lists batches, the newest first
#[utoipa::path(get, path = "/batches", params(
    ("limit" = Option<u32>, Query, description = "1 to 100; 20 if absent"),
    ("cursor" = Option<String>, Query, description = "the `next_cursor` of the page before"),
    ("owner" = Option<String>, Query, description = "the caller's own if absent")),
    responses((status = 200, body = BatchList), (status = 400, body = ErrorAnswer)))]
pub(crate) async fn list<P: Ports>(
    State(api): Shared<P>,
    Reader(caller): Reader,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<BatchList> {
    let Query(query) = query.map_err(|e| Refusal::bad_request(e.body_text(), "Ask for /batches?limit=20&cursor=…"))?;
    let (limit, cursor) = query.page()?;
    let owner = query.owner.as_deref().unwrap_or(&caller.owner);
    let (batches, next_cursor) = if caller.sees(owner) {
        let page = api.conductor.store.batches(owner, limit, cursor).await?;
        (page.batches, page.next)
    } else {
        (Vec::new(), None)
    };
    let batches = batches.iter().map(view::batch::summary).collect();
    Ok(Json(BatchList { batches, next_cursor }))
}

/// The jobs of a batch, in order; none where the video has not arrived.
async fn jobs_of<P: Ports>(api: &Api<P>, batch: &Batch) -> Result<Vec<Option<Job>>, Refusal> {
    let found = together((0..batch.items).map(|item| api.conductor.store.job(batch.job_of(item)))).await;
    let jobs: Result<Vec<_>, CloudError> = found.into_iter().collect();
    Ok(jobs?.into_iter().map(|row| row.map(|row| row.value)).collect())
}

/// Shows a batch: how many videos stand where, and a table of them
#[utoipa::path(get, path = "/batches/{id}", params(("id" = String, Path, description = "the batch's id"),
    ("limit" = Option<u32>, Query, description = "lines of the table, 1 to 200; 100 if absent"),
    ("cursor" = Option<String>, Query, description = "the `next_cursor` of the answer before")),
    responses((status = 200, body = BatchDetail), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn show<P: Ports>(
    State(api): Shared<P>,
    Reader(caller): Reader,
    Path(id): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Answer<BatchDetail> {
    let (from, limit) = place(query)?;
    let batch = find(&api, &caller, &id).await?;
    let items = api.conductor.store.batch_items(batch.id).await?;
    let jobs = jobs_of(&api, &batch).await?;
    // All rows are read of jobs that run, for their progress, and of those in the table, for their figures.
    let upto = from.saturating_add(limit);
    let wanted: Vec<(usize, JobId)> = jobs
        .iter()
        .enumerate()
        .filter_map(|(at, job)| {
            let job = job.as_ref()?;
            (!job.has_ended() || (from..upto).contains(&at)).then_some((at, job.id))
        })
        .collect();
    let found = together(wanted.iter().map(|(_, id)| api.conductor.store.snapshot(*id))).await;
    let mut rows: BTreeMap<usize, Snapshot> = BTreeMap::new();
    for ((at, _), snapshot) in wanted.iter().zip(found) {
        if let Some(snapshot) = snapshot? {
            rows.insert(*at, snapshot);
        }
    }
    Ok(Json(view::batch::detail(&batch, &items, &jobs, &rows, from..upto)))
}

/// Cancels a batch: its jobs that run, and leave to upload what has not arrived
///
/// A video that is uploaded with leave given before becomes a job all the same; send the request again to cancel that one.
#[utoipa::path(post, path = "/batches/{id}/cancel", params(("id" = String, Path, description = "the batch's id")),
    responses((status = 200, body = Changed), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn cancel<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Answer<Changed> {
    let began = api.now();
    let batch = find(&api, &caller, &id).await?;
    // First nobody gets leave to upload any more, then what has arrived is cancelled.
    mark_cancelled(&api, batch.id).await?;
    let running = |job: &Job| !job.has_ended();
    change(&api, &batch, running, began, |api, id| async move {
        cancel_one(api, id).await
    })
    .await
}

async fn mark_cancelled<P: Ports>(api: &Api<P>, id: BatchId) -> Result<(), Refusal> {
    loop {
        let Some(row) = api.conductor.store.batch(id).await? else {
            return Ok(());
        };
        if row.value.cancelled_at.is_some() {
            return Ok(());
        }
        let next = Batch {
            cancelled_at: Some(api.now()),
            ..row.value
        };
        match api.conductor.store.put_batch(&next, row.version).await {
            Err(CloudError::Conflict) => {}
            other => return Ok(other.map(drop)?),
        }
    }
}

/// Whether a job was cancelled by this.
async fn cancel_one<P: Ports>(api: &Api<P>, id: JobId) -> Result<bool, Refusal> {
    loop {
        let Some(row) = api.conductor.store.job(id).await? else {
            return Ok(false);
        };
        let Ok(cancelled) = row.value.apply(JobEvent::Cancel, api.now()) else {
            return Ok(false);
        };
        match api.conductor.store.put_job(&cancelled, row.version).await {
            Ok(_) => return Ok(true),
            Err(CloudError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Tries the failed jobs of a batch again; those that were cancelled stay so
#[utoipa::path(post, path = "/batches/{id}/retry", params(("id" = String, Path, description = "the batch's id")),
    responses((status = 200, body = Changed), (status = 404, body = ErrorAnswer)))]
pub(crate) async fn retry<P: Ports>(
    State(api): Shared<P>,
    Writer(caller): Writer,
    Path(id): Path<String>,
) -> Answer<Changed> {
    let began = api.now();
    let batch = find(&api, &caller, &id).await?;
    let failed = |job: &Job| matches!(job.state, JobState::Failed { .. });
    change(&api, &batch, failed, began, |api, id| async move {
        retry_one(api, id).await
    })
    .await
}

/// Whether a job is tried again by this.
async fn retry_one<P: Ports>(api: &Api<P>, id: JobId) -> Result<bool, Refusal> {
    match again::retry(api, id).await {
        Ok(()) => Ok(true),
        // It can never succeed, or somebody else was faster: the others are tried all the same.
        Err(refusal) if matches!(refusal.code(), "JOB_NOT_RETRYABLE" | "JOB_RUNNING" | "JOB_COMPLETE") => Ok(false),
        Err(refusal) => Err(refusal),
    }
}

/// Changes those jobs of a batch that are meant, until the time is up. Each job is one write; what was changed stays changed
/// if a later one fails, and the request can be sent again.
async fn change<'a, P: Ports, F: Future<Output = Result<bool, Refusal>>>(
    api: &'a Api<P>,
    batch: &Batch,
    is_meant: impl Fn(&Job) -> bool,
    began: jiff::Timestamp,
    one: impl Fn(&'a Api<P>, JobId) -> F,
) -> Answer<Changed> {
    let meant: Vec<JobId> = jobs_of(api, batch)
        .await?
        .into_iter()
        .flatten()
        .filter(is_meant)
        .map(|job| job.id)
        .collect();
    let mut changed = Vec::new();
    for some in meant.chunks(super::AT_ONCE) {
        if is_late(began, api.now()) {
            return Ok(Json(Changed {
                jobs: changed,
                more: true,
            }));
        }
        let done = together(some.iter().map(|id| one(api, *id))).await;
        for (id, done) in some.iter().zip(done) {
            if done? {
                changed.push(id.to_string());
            }
        }
    }
    Ok(Json(Changed {
        jobs: changed,
        more: false,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_one_it_says() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marey.batch"));
    }
}

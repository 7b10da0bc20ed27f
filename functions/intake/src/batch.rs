//! A batch whose videos lie in the bucket already: its row, and a job for each video.

use std::fmt::Write;

use futures_util::{StreamExt, TryStreamExt, stream};
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{Batch, BatchItem, KeepBatches, ReadControls, WriteJobs},
};
use marey_engine::{
    BatchId, Failure, JobId, Upload,
    failure::{MOST_MESSAGE, weight},
    upload::Request,
};

use crate::admit::make_job;

/// So many jobs are made at once.
const AT_ONCE: usize = 16;

/// So many problems are listed, if they fit into the message; a row of the table and an event have an end.
const MOST_LISTED: usize = 200;

/// What is said of one problem weighs less than this, in bytes.
const LONGEST_PROBLEM: usize = 2048;

/// The batch of a manifest or an archive, whose job this would be if it were a video.
pub fn batch_of(job: JobId) -> Option<BatchId> {
    job.to_string().parse().ok()
}

/// The same where there must be one.
pub(crate) fn id_of(job: JobId) -> Result<BatchId, CloudError> {
    batch_of(job).ok_or_else(|| CloudError::Malformed {
        what: format!("job id {job}"),
        problem: "it is no batch id".to_owned(),
    })
}

/// A video of a batch, and what is asked for it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) upload: Upload,
    pub(crate) request: Request,
    pub(crate) item: BatchItem,
}

/// Stores the row of a batch that `source` announces, whose name is its own without `ending`.
pub(crate) async fn create<S: KeepBatches, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
    request: &Request,
    source: &Upload,
    ending: &str,
    items: &[BatchItem],
) -> Result<(), CloudError> {
    let stem_bytes = source.name.len().saturating_sub(ending.len());
    let stem = source.name.get(..stem_bytes).filter(|stem| !stem.is_empty());
    let batch = Batch {
        id,
        owner: request.owner.clone(),
        name: stem.unwrap_or(&source.name).to_owned(),
        workflow: request.workflow.clone(),
        priority: request.priority,
        created_at: conductor.time.now(),
        wishes: request.wishes.clone(),
        items: items.len() as u32,
        cancelled_at: None,
        made_at: None,
    };
    let creation = conductor.store.create_batch(&batch, items).await?;
    tracing::info!(batch = %id, owner = batch.owner, key = source.key, items = items.len(), ?creation, "batch of an upload");
    Ok(())
}

/// Makes the jobs of a batch that are not there yet, then notes that all are: until then somebody must go on with it, whoever began
/// it. A video that cannot be used any more has a job that has failed.
pub(crate) async fn complete<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
    request: &Request,
    videos: Vec<Result<Wanted, Failure>>,
) -> Result<(), CloudError>
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    make_jobs(conductor, id, request, videos).await?;
    mark_made(conductor, id).await
}

async fn make_jobs<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
    request: &Request,
    videos: Vec<Result<Wanted, Failure>>,
) -> Result<(), CloudError>
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let Some(batch) = conductor.store.batch(id).await?.map(|row| row.value) else {
        return Ok(());
    };
    if batch.cancelled_at.is_some() {
        tracing::info!(batch = %id, "batch was cancelled");
        return Ok(());
    }
    let items = conductor.store.batch_items(id).await?;
    let jobs = items
        .into_iter()
        .zip(videos)
        .enumerate()
        .map(|(number, (item, video))| {
            let job = batch.job_of(number as u32);
            Box::pin(make_one(conductor, job, request, item, video))
        });
    let jobs: Vec<_> = jobs.collect();
    stream::iter(jobs).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

async fn mark_made<S: KeepBatches, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
) -> Result<(), CloudError> {
    loop {
        let Some(row) = conductor
            .store
            .batch(id)
            .await?
            .filter(|row| row.value.made_at.is_none())
        else {
            return Ok(());
        };
        let made = Batch {
            made_at: Some(conductor.time.now()),
            ..row.value
        };
        match conductor.store.put_batch(&made, row.version).await {
            // Somebody cancelled it in the same moment.
            Err(CloudError::Conflict) => {}
            other => return other.map(drop),
        }
    }
}

async fn make_one<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    job: JobId,
    request: &Request,
    item: BatchItem,
    video: Result<Wanted, Failure>,
) -> Result<(), CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    if conductor.store.job(job).await?.is_some() {
        return conductor.advance(job).await.map(drop);
    }
    let (upload, request, failure) = match video {
        Ok(wanted) => (wanted.upload, wanted.request, None),
        Err(failure) => (nothing(&item), request.clone(), Some(failure)),
    };
    let request = Request {
        reserved: Some(job),
        ..request
    };
    make_job(conductor, request, upload, failure).await.map(drop)
}

/// The input of a job whose upload is gone.
fn nothing(item: &BatchItem) -> Upload {
    Upload {
        bucket: String::new(),
        key: String::new(),
        version: None,
        etag: String::new(),
        bytes: 0,
        name: item.name.clone(),
        member: None,
    }
}

/// A sentence that lists problems, as many as fit; how many more `things` there are is told.
pub(crate) fn listed(head: &str, problems: impl ExactSizeIterator<Item = String>, things: &str) -> String {
    let (mut message, total, mut told) = (head.to_owned(), problems.len(), 0);
    for problem in problems.take(MOST_LISTED) {
        if weight(&message) > MOST_MESSAGE - LONGEST_PROBLEM {
            break;
        }
        told += 1;
        let problem: String = problem.chars().filter(|c| !c.is_control()).take(320).collect();
        // Writing to a text does not fail.
        let _ = write!(message, " {problem};");
    }
    message.pop();
    if total > told {
        let _ = write!(message, "; and {} more {things}", total - told);
    }
    message.push('.');
    message
}

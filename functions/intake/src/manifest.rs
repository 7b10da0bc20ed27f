//! A batch of videos that are in the bucket: a text with one JSON object per line, stored as
//! `uploads/<owner>/<workflow>/….manifest.jsonl`.
//!
//! ```text
//! {"key": "uploads/ann/motion/squat.mp4", "name": "Squat, Monday", "params": {"cutoff_hz": 8}, "priority": 7}
//! {"key": "uploads/ann/motion/lunge.mp4"}
//! ```
//!
//! Every line is checked before anything is made. If one is wrong, there is no batch but one failed job, under the id that the
//! batch would have, which lists every wrong line. The metadata of the manifest is that of all its jobs. Each video was worked
//! on when it arrived, so the jobs take what has not changed since from there, unless the manifest says `reuse: false`.

use std::{collections::BTreeMap, fmt::Write};

use futures_util::{StreamExt, TryStreamExt, stream};
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{Batch, BatchItem, Creation, KeepBatches, MOST_ITEMS, ReadControls, WriteJobs},
    uploads::{LookAtUploads, ReadTexts},
};
use marey_engine::{
    BatchId, Failure, FailureClass, JobId, Upload, Workflow,
    failure::{MOST_MESSAGE, weight},
    upload::{DEFAULT_OWNER, MANIFEST_ENDING, Metadata, Request, UPLOADS_PREFIX, is_manifest},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Admitted,
    admit::{make_job, settled},
};

/// The largest manifest in bytes.
const MOST_BYTES: u64 = 2 << 20;

/// The longest name of a video in bytes, as in the API.
const LONGEST_NAME: usize = 255;

/// The longest key of an object in bytes.
const LONGEST_KEY: usize = 1024;

/// So many wrong lines are listed, if they fit into the message; a row of the table and an event have an end.
const MOST_LISTED: usize = 200;

/// What is said of one line weighs less than this, in bytes.
const LONGEST_PROBLEM: usize = 2048;

/// So many lines are worked on at once.
const AT_ONCE: usize = 16;

/// The batch of a manifest, whose job this would be if it were a video.
pub fn batch_of(job: JobId) -> Option<BatchId> {
    job.to_string().parse().ok()
}

/// One line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    key: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    params: BTreeMap<String, Value>,
    #[serde(default)]
    priority: Option<u8>,
}

/// A line that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wrong {
    /// Counted from 1; 0 for the manifest as a whole.
    line: usize,
    problem: String,
}

/// A line that is right, and what it asks for.
#[derive(Debug, Clone)]
struct Wanted {
    upload: Upload,
    request: Request,
    item: BatchItem,
}

/// Makes the batch of a manifest, or goes on with it.
pub(crate) async fn admit<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    max_bytes: u64,
    mut request: Request,
    manifest: Upload,
) -> Result<Admitted, CloudError>
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts + LookAtUploads + ReadTexts,
    Q: SendTasks,
    T: Time,
{
    // A reserved id is one of a video.
    request.reserved = None;
    let own = manifest.job_id();
    let id = batch_of(own).ok_or_else(|| CloudError::Malformed {
        what: format!("job id {own}"),
        problem: "it is no batch id".to_owned(),
    })?;
    request.wishes.batch = Some(id);
    if conductor.store.job(own).await?.is_some() {
        return Ok(Admitted::Existed(own));
    }
    let version = manifest.version.as_deref();
    let bytes = conductor
        .artifacts
        .read(&manifest.bucket, &manifest.key, version, MOST_BYTES + 1)
        .await?;
    let lines = match parse(&bytes) {
        Ok(lines) => lines,
        Err(wrong) => return refuse(conductor, request, manifest, &[wrong]).await,
    };
    let is_known = conductor.store.batch(id).await?.is_some();
    let checks = lines
        .iter()
        .map(|line| Box::pin(check(conductor, max_bytes, &request, &manifest, line)));
    let checks: Vec<_> = checks.collect();
    let checked: Vec<_> = stream::iter(checks).buffered(AT_ONCE).try_collect().await?;
    if !is_known {
        let wrong: Vec<_> = checked.iter().filter_map(|line| line.as_ref().err().cloned()).collect();
        if !wrong.is_empty() {
            return refuse(conductor, request, manifest, &wrong).await;
        }
        let items: Vec<_> = checked.iter().flatten().map(|wanted| wanted.item.clone()).collect();
        let batch = batch(conductor, id, &request, &manifest, items.len());
        let creation = conductor.store.create_batch(&batch, &items).await?;
        tracing::info!(batch = %id, owner = batch.owner, key = manifest.key, items = items.len(), ?creation, "batch of a manifest");
    }
    make_jobs(conductor, id, &request, checked).await?;
    mark_made(conductor, id).await?;
    Ok(Admitted::Batch(id))
}

/// The job that a manifest makes of which something is wrong.
async fn refuse<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    request: Request,
    manifest: Upload,
    wrong: &[Wrong],
) -> Result<Admitted, CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let mut request = request;
    // There is no such batch.
    request.wishes.batch = None;
    let (id, creation) = make_job(conductor, request, manifest, Some(invalid(wrong))).await?;
    Ok(match creation {
        Creation::Created => Admitted::Created(id),
        Creation::Existed => Admitted::Existed(id),
    })
}

/// A line with its number, or what is wrong with its form.
type Read = Result<(usize, Line), Wrong>;

/// The lines that are not empty; or what is wrong with the whole.
fn parse(bytes: &[u8]) -> Result<Vec<Read>, Wrong> {
    let whole = |problem: String| Wrong { line: 0, problem };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(whole(format!("it has more than {MOST_BYTES} bytes")));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| whole("it is not UTF-8".to_owned()))?;
    let read = |(index, text): (usize, &str)| {
        let line = index + 1;
        let problem = |error| format!("it is not as it should be: {error}");
        serde_json::from_str(text)
            .map(|read| (line, read))
            .map_err(|error| Wrong {
                line,
                problem: problem(error),
            })
    };
    let written = text.trim_start_matches('\u{feff}').lines().enumerate();
    let lines: Vec<Read> = written.filter(|(_, text)| !text.trim().is_empty()).map(read).collect();
    match lines.len() {
        0 => Err(whole("it names no video".to_owned())),
        count if count > MOST_ITEMS => Err(whole(format!("it has {count} lines, allowed are {MOST_ITEMS}"))),
        _ => Ok(lines),
    }
}

/// What a line asks for, or what is wrong with it.
async fn check<S, A: LookAtUploads, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    max_bytes: u64,
    request: &Request,
    manifest: &Upload,
    line: &Read,
) -> Result<Result<Wanted, Wrong>, CloudError> {
    let (number, line) = match line {
        Ok(line) => line,
        Err(wrong) => return Ok(Err(wrong.clone())),
    };
    let wrong = |problem: String| Ok(Err(Wrong { line: *number, problem }));
    let (item, request) = match asked(request, line) {
        Ok(asked) => asked,
        Err(problem) => return wrong(problem),
    };
    let Some(head) = conductor.artifacts.look(&manifest.bucket, &line.key, None).await? else {
        return wrong(format!("there is no {:?} in the bucket", line.key));
    };
    if head.bytes > max_bytes {
        return wrong(format!("the file has {} bytes, allowed are {max_bytes}", head.bytes));
    }
    let upload = Upload {
        bucket: manifest.bucket.clone(),
        key: line.key.clone(),
        version: head.version,
        etag: head.etag,
        bytes: head.bytes,
        name: item.name.clone(),
    };
    Ok(Ok(Wanted { upload, request, item }))
}

/// What a line asks for, as far as that can be said without looking at the bucket.
fn asked(batch: &Request, line: &Line) -> Result<(BatchItem, Request), String> {
    let key = &line.key;
    if key.len() > LONGEST_KEY {
        return Err(format!("the key has {} bytes, S3 takes {LONGEST_KEY}", key.len()));
    }
    let is_own = key.starts_with(&format!("{UPLOADS_PREFIX}{}/", batch.owner));
    let owner = Request::read(key, &Metadata::default()).owner;
    if !key.starts_with(UPLOADS_PREFIX) || !(is_own || owner == DEFAULT_OWNER && batch.owner == DEFAULT_OWNER) {
        return Err(format!("{key:?} is not one of the owner's uploads"));
    }
    if is_manifest(key) {
        return Err(format!("{key:?} is a manifest"));
    }
    let name = line.name.clone().unwrap_or_else(|| Upload::name_of(key).to_owned());
    if name.trim().is_empty() || name.len() > LONGEST_NAME || name.contains(char::is_control) {
        return Err(format!(
            "the name is empty, longer than {LONGEST_NAME} bytes, or has control characters"
        ));
    }
    if line.priority.is_some_and(|priority| priority > 9) {
        return Err("the priority is not one of 0 to 9".to_owned());
    }
    let mut request = batch.clone();
    request.wishes.params.extend(line.params.clone());
    request.priority = line.priority.unwrap_or(batch.priority);
    let workflow = Workflow::shipped(&request.workflow);
    let (wishes, problem) = settled(&request, workflow.as_ref());
    if let Some(problem) = problem {
        return Err(problem);
    }
    request.wishes = wishes;
    let params = line.params.clone();
    Ok((BatchItem { name, params }, request))
}

fn batch<S, A, Q, T: Time>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
    request: &Request,
    manifest: &Upload,
    items: usize,
) -> Batch {
    Batch {
        id,
        owner: request.owner.clone(),
        name: manifest
            .name
            .strip_suffix(MANIFEST_ENDING)
            .unwrap_or(&manifest.name)
            .to_owned(),
        workflow: request.workflow.clone(),
        priority: request.priority,
        created_at: conductor.time.now(),
        wishes: request.wishes.clone(),
        items: items as u32,
        cancelled_at: None,
        made_at: None,
    }
}

/// Makes the jobs of a batch that are not there yet.
async fn make_jobs<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    id: BatchId,
    request: &Request,
    checked: Vec<Result<Wanted, Wrong>>,
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
        .zip(checked)
        .enumerate()
        .map(|(number, (item, line))| {
            let job = batch.job_of(number as u32);
            Box::pin(make_one(conductor, job, request, item, line))
        });
    let jobs: Vec<_> = jobs.collect();
    stream::iter(jobs).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// Notes that every line has its job: until then somebody must go on with the batch, whoever began it.
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
    line: Result<Wanted, Wrong>,
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
    let (upload, request, failure) = match line {
        Ok(wanted) => (wanted.upload, wanted.request, None),
        // It was right when the batch was made: an earlier delivery ended in the middle, and the object is gone since.
        Err(wrong) => (nothing(&item), request.clone(), Some(gone(&wrong))),
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
    }
}

fn gone(wrong: &Wrong) -> Failure {
    Failure {
        code: "INPUT_GONE".to_owned(),
        message: format!(
            "The video of line {} cannot be used any more: {}.",
            wrong.line, wrong.problem
        ),
        hint: "Upload it again, and a manifest that names it.".to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

fn invalid(wrong: &[Wrong]) -> Failure {
    let mut message = "The manifest makes no batch:".to_owned();
    let mut listed = 0;
    for Wrong { line, problem } in wrong.iter().take(MOST_LISTED) {
        if weight(&message) > MOST_MESSAGE - LONGEST_PROBLEM {
            break;
        }
        listed += 1;
        let problem: String = problem.chars().filter(|c| !c.is_control()).take(300).collect();
        // Writing to a text does not fail.
        let _ = match line {
            0 => write!(message, " {problem};"),
            line => write!(message, " line {line}: {problem};"),
        };
    }
    message.pop();
    if wrong.len() > listed {
        let _ = write!(message, "; and {} more lines", wrong.len() - listed);
    }
    message.push('.');
    Failure {
        code: "MANIFEST_INVALID".to_owned(),
        message,
        hint: "Correct every line that is named, and upload the manifest again: nothing was begun.".to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

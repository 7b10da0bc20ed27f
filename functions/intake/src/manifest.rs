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

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{BatchItem, Creation, KeepBatches, MOST_ITEMS, ReadControls, WriteJobs},
    uploads::{LookAtUploads, ReadTexts},
};
use marey_engine::{
    Failure, FailureClass, Upload, Workflow,
    upload::{DEFAULT_OWNER, MANIFEST_ENDING, Metadata, Request, UPLOADS_PREFIX, is_manifest},
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Admitted,
    admit::{make_job, settled},
    batch::{self, Wanted},
};

/// The largest manifest in bytes.
const MOST_BYTES: u64 = 2 << 20;

/// The longest name of a video in bytes, as in the API.
const LONGEST_NAME: usize = 255;

/// The longest key of an object in bytes.
const LONGEST_KEY: usize = 1024;

/// So many lines are worked on at once.
const AT_ONCE: usize = 16;

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
    let id = batch::id_of(own)?;
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
        batch::create(conductor, id, &request, &manifest, MANIFEST_ENDING, &items).await?;
    }
    // It was right when the batch was made: an earlier delivery ended in the middle, and the object is gone since.
    let lines = checked.into_iter().map(|line| line.map_err(|wrong| gone(&wrong)));
    batch::complete(conductor, id, &request, lines.collect()).await?;
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
        member: None,
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
    let told = wrong.iter().map(|Wrong { line, problem }| match line {
        0 => problem.clone(),
        line => format!("line {line}: {problem}"),
    });
    Failure {
        code: "MANIFEST_INVALID".to_owned(),
        message: batch::listed("The manifest makes no batch:", told, "lines"),
        hint: "Correct every line that is named, and upload the manifest again: nothing was begun.".to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

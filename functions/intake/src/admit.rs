//! An upload's job.

use jiff::SignedDuration;
use marey_cloud::{
    CloudError, Conductor, Time,
    artifacts::StoreArtifacts,
    queues::SendTasks,
    store::{Creation, KeepBatches, ReadControls, WriteJobs},
    uploads::{LookAtUploads, ReadTexts, UploadHead},
};
use marey_engine::{
    BatchId, Failure, FailureClass, Job, JobId, JobState, StageRow, Upload, Wishes, Workflow,
    event::check_notify,
    upload::{Request, is_archive, is_manifest},
};

use crate::{Announced, archive, manifest};

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It made this job now.
    Created(JobId),
    /// Its job was there.
    Existed(JobId),
    /// It is the manifest or the archive of this batch, which was made now or gone on with.
    Batch(BatchId),
    /// It was deleted before it was seen.
    Gone,
}

/// Makes the job of an upload, unless it is there, and dispatches what needs nothing. A job whose wishes cannot be granted,
/// or whose upload has more than `max_bytes`, fails at once. A manifest or an archive makes a batch instead, with a job for
/// each line or video.
///
/// # Errors
/// A service failed; try again.
pub async fn admit<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    max_bytes: u64,
    object: &Announced,
) -> Result<Admitted, CloudError>
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts + LookAtUploads + ReadTexts,
    Q: SendTasks,
    T: Time,
{
    let version = object.version.as_deref();
    let seen = conductor.artifacts.look(&object.bucket, &object.key, version).await?;
    let Some(head) = seen else {
        tracing::warn!(key = object.key, "upload was deleted before it was seen");
        return Ok(Admitted::Gone);
    };
    let mut request = Request::read(&object.key, &head.metadata);
    if is_manifest(&object.key) {
        request.wishes.reuse |= head.metadata.reuse.is_none();
        let upload = upload_of(object, head);
        return manifest::admit(conductor, max_bytes, request, upload).await;
    }
    let upload = upload_of(object, head);
    if is_archive(&object.key)
        && let Some(admitted) = archive::admit(conductor, max_bytes, &request, &upload).await?
    {
        return Ok(admitted);
    }
    let workflow = Workflow::shipped(&request.workflow);
    let (wishes, problem) = settled(&request, workflow.as_ref());
    let failure = if upload.bytes > max_bytes {
        Some(too_large(upload.bytes, max_bytes))
    } else {
        problem.map(|problem| not_granted(&problem))
    };
    let request = Request { wishes, ..request };
    Ok(match make_job(conductor, request, upload, failure).await? {
        (id, Creation::Created) => Admitted::Created(id),
        (id, Creation::Existed) => Admitted::Existed(id),
    })
}

/// The upload that was seen where one was announced.
fn upload_of(object: &Announced, head: UploadHead) -> Upload {
    Upload {
        bucket: object.bucket.clone(),
        key: object.key.clone(),
        version: object.version.clone().or(head.version),
        etag: head.etag,
        bytes: head.bytes,
        name: Upload::name_of(&object.key).to_owned(),
        member: None,
    }
}

/// Makes a job whose wishes are settled, unless it is there, and dispatches what needs nothing. One that must not run is made
/// as one that has failed: between two writes somebody would find it running.
pub(crate) async fn make_job<S, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    request: Request,
    upload: Upload,
    failure: Option<Failure>,
) -> Result<(JobId, Creation), CloudError>
where
    S: WriteJobs + ReadControls,
    A: StoreArtifacts,
    Q: SendTasks,
    T: Time,
{
    let workflow = Workflow::shipped(&request.workflow);
    let now = conductor.time.now();
    let state = failure.map_or(JobState::Running, |failure| JobState::Failed {
        at: now,
        failure: failure.bounded(),
    });
    let deadline = workflow
        .as_ref()
        .map(|workflow| now + SignedDuration::from_secs(workflow.deadline_s().into()));
    let job = Job {
        id: request.reserved.unwrap_or_else(|| upload.job_id()),
        owner: request.owner,
        workflow: request.workflow,
        input: upload,
        priority: request.priority,
        created_at: now,
        deadline,
        round: 0,
        forgotten: false,
        wishes: request.wishes,
        trace: String::new(),
        state,
    };
    let (id, creation) = create_job(conductor, workflow.as_ref(), job).await?;
    // Also for a job that was there: whoever made it may have died before it dispatched.
    conductor.advance(id).await?;
    Ok((id, creation))
}

/// What the job gets of what was asked for, and what is wrong with it. An unknown workflow is told by the planner.
pub(crate) fn settled(request: &Request, workflow: Option<&Workflow>) -> (Wishes, Option<String>) {
    let raw = || request.wishes.clone();
    let Some(workflow) = workflow else {
        return (raw(), None);
    };
    let wishes = request.settled(workflow).and_then(|wishes| {
        let address = wishes.notify.as_deref().map(check_notify).transpose();
        address.map(|_| wishes).map_err(|unfit| unfit.to_string())
    });
    match wishes {
        Ok(wishes) => (wishes, None),
        Err(problem) => (raw(), Some(problem)),
    }
}

/// Stores the job of an upload. A reserved id counts for the first content that arrives under it; if another content
/// follows, it is another job, so that neither is lost.
async fn create_job<S: WriteJobs, A, Q, T>(
    conductor: &Conductor<S, A, Q, T>,
    workflow: Option<&Workflow>,
    mut job: Job,
) -> Result<(JobId, Creation), CloudError> {
    let own = job.input.job_id();
    let stages: Vec<_> = workflow
        .into_iter()
        .flat_map(Workflow::stages)
        .map(StageRow::of)
        .collect();
    loop {
        job.trace = trace_of(job.id);
        let creation = conductor.store.create(&job, &stages).await?;
        let outcome = match creation {
            Creation::Created => "job created",
            Creation::Existed => {
                let row = conductor.store.job(job.id).await?;
                if job.id != own && row.is_some_and(|row| row.value.input != job.input) {
                    job.id = own;
                    continue;
                }
                "upload announced again"
            }
        };
        tracing::info!(job = %job.id, owner = job.owner, workflow = job.workflow, key = job.input.key, trace = job.trace, outcome);
        return Ok((job.id, creation));
    }
}

/// Why the job of an upload ends that nobody signed for: a form says how much it takes, a plain upload to the bucket does
/// not ask.
fn too_large(bytes: u64, max_bytes: u64) -> Failure {
    Failure {
        code: "MEDIA_TOO_LARGE".to_owned(),
        message: format!("The file has {bytes} bytes, allowed are {max_bytes}."),
        hint: "Export it with a smaller picture or a lower bit rate, or cut it into shorter pieces.".to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

/// Why a job ends that asks for what its workflow does not grant.
pub(crate) fn not_granted(problem: &str) -> Failure {
    Failure {
        code: "PARAMETER_INVALID".to_owned(),
        message: format!("What was asked for cannot be done: {problem}."),
        hint: "`marey workflows` lists what each workflow can be given. Correct it and upload the file again."
            .to_owned(),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    }
}

/// One trace per job, so that a repeated event does not begin a second one.
fn trace_of(id: JobId) -> String {
    id.to_string().replace('-', "")
}

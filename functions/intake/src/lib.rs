//! S3 event in, job out.
//!
//! An event may come twice, late, with several records, or be S3's own test. Every record is handled by itself; the job's
//! id follows from the object, so the same object makes the same job however often it is announced.

mod event;

use marey_cloud::{
    CloudError, Conductor,
    artifacts::StoreArtifacts,
    aws::{Buckets, bucket::UploadHead},
    harness::{Disposal, Received},
    queues::{HoldMessages, SendTasks},
    store::{Creation, WriteJobs},
};
use marey_engine::{Failure, FailureClass, Job, JobId, JobState, StageRow, Upload, Workflow, upload::Request};

pub use event::{Announced, Announcement, Unreadable};

/// Looking at an upload without reading it.
pub trait LookAtUploads: Send + Sync {
    /// What is known of an object; `None` if it is gone.
    fn look(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<Option<UploadHead>, CloudError>> + Send;
}

impl LookAtUploads for Buckets {
    async fn look(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<UploadHead>, CloudError> {
        self.head(bucket, key, version).await
    }
}

/// Handles one message of the intake queue. It is acknowledged when every record in it has its job. A job of an upload of
/// more than `max_bytes` fails at once.
pub async fn handle<S, A, Q>(conductor: &Conductor<S, A, Q>, max_bytes: u64, message: &Received) -> Disposal
where
    S: WriteJobs,
    A: StoreArtifacts + LookAtUploads,
    Q: SendTasks + HoldMessages,
{
    let disposal = take(conductor, max_bytes, message).await;
    message.put_back(&conductor.queues, disposal).await;
    disposal
}

async fn take<S, A, Q>(conductor: &Conductor<S, A, Q>, max_bytes: u64, message: &Received) -> Disposal
where
    S: WriteJobs,
    A: StoreArtifacts + LookAtUploads,
    Q: SendTasks,
{
    let announced = match event::read(&message.body) {
        Ok(Announcement::Test) => {
            tracing::info!("test event of the bucket discarded");
            return Disposal::Acknowledge;
        }
        Ok(Announcement::Objects(objects)) => objects,
        Err(problem) => {
            // It comes back until the queue moves it to the dead-letter queue: a message is never dropped.
            tracing::error!(%problem, body = message.body, "message refused");
            return Disposal::Return(Some(0));
        }
    };
    let mut disposal = Disposal::Acknowledge;
    for object in announced {
        if let Err(error) = admit(conductor, max_bytes, &object).await {
            tracing::warn!(key = object.key, error = error.chain(), "upload not admitted yet");
            disposal = message.after_trouble();
        }
    }
    disposal
}

/// Makes the job of an upload, unless it is there, and dispatches what needs nothing.
///
/// # Errors
/// A service failed; try again.
pub async fn admit<S, A, Q>(
    conductor: &Conductor<S, A, Q>,
    max_bytes: u64,
    object: &Announced,
) -> Result<(), CloudError>
where
    S: WriteJobs,
    A: StoreArtifacts + LookAtUploads,
    Q: SendTasks,
{
    let seen = conductor
        .artifacts
        .look(&object.bucket, &object.key, object.version.as_deref())
        .await?;
    let Some(head) = seen else {
        tracing::warn!(key = object.key, "upload was deleted before it was seen");
        return Ok(());
    };
    let request = Request::read(&object.key, &head.metadata);
    let upload = Upload {
        bucket: object.bucket.clone(),
        key: object.key.clone(),
        version: object.version.clone().or(head.version),
        etag: head.etag,
        bytes: head.bytes,
        name: Upload::name_of(&object.key).to_owned(),
    };
    let job = create_job(conductor, request, upload).await?;
    if job.input.bytes > max_bytes {
        return conductor.refuse(job.id, too_large(job.input.bytes, max_bytes)).await;
    }
    // Also for a job that was there: whoever made it may have died before it dispatched.
    conductor.advance(job.id).await.map(drop)
}

fn stage_row(spec: &marey_engine::StageSpec) -> StageRow {
    StageRow {
        stage: spec.name.clone(),
        shards: 1,
    }
}

/// Makes the job of an upload. A reserved id counts for the first content that arrives under it; if another content
/// follows, it is another job, so that neither is lost.
async fn create_job<S: WriteJobs, A, Q>(
    conductor: &Conductor<S, A, Q>,
    request: Request,
    upload: Upload,
) -> Result<Job, CloudError> {
    let own = upload.job_id();
    let mut job = Job {
        id: request.reserved.unwrap_or(own),
        owner: request.owner,
        workflow: request.workflow,
        input: upload,
        priority: request.priority,
        created_at: (conductor.now)(),
        trace: String::new(),
        state: JobState::Running,
    };
    loop {
        job.trace = trace_of(job.id);
        let workflow = Workflow::shipped(&job.workflow);
        let stages: Vec<_> = workflow.iter().flat_map(Workflow::stages).map(stage_row).collect();
        let outcome = match conductor.store.create(&job, &stages).await? {
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
        return Ok(job);
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

/// One trace per job, so that a repeated event does not begin a second one.
fn trace_of(id: JobId) -> String {
    id.to_string().replace('-', "")
}

#[cfg(test)]
mod tests;

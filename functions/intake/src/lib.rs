//! S3 event in, job out.
//!
//! An event may come twice, late, with several records, or be S3's own test. Every record is handled by itself; the job's
//! id follows from the object, so the same object makes the same job however often it is announced.

mod event;

use jiff::Timestamp;
use marey_cloud::{
    CloudError, Conductor,
    artifacts::StoreArtifacts,
    aws::{Buckets, bucket::UploadHead},
    harness::{Disposal, Received},
    queues::SendTasks,
    store::{Creation, WriteJobs},
};
use marey_engine::{
    Failure, FailureClass, Job, JobEvent, JobId, JobState, StageRow, Upload, Workflow, upload::Request,
};

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

/// Handles one message of the intake queue. It is acknowledged when every record in it has its job.
pub async fn handle<S, A, Q>(conductor: &Conductor<S, A, Q>, message: &Received) -> Disposal
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
            return Disposal::Return(None);
        }
    };
    let mut disposal = Disposal::Acknowledge;
    for object in announced {
        if let Err(error) = admit(conductor, &object).await {
            tracing::warn!(key = object.key, error = error.chain(), "upload not admitted yet");
            disposal = Disposal::Return(None);
        }
    }
    disposal
}

/// Makes the job of an upload, unless it is there, and dispatches what needs nothing.
///
/// # Errors
/// A service failed; try again.
pub async fn admit<S, A, Q>(conductor: &Conductor<S, A, Q>, object: &Announced) -> Result<(), CloudError>
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
    let job = choose_job(conductor, request, upload).await?;
    let workflow = Workflow::shipped(&job.workflow);
    let stages: Vec<_> = workflow.iter().flat_map(Workflow::stages).map(stage_row).collect();
    let creation = conductor.store.create(&job, &stages).await?;
    let outcome = match creation {
        Creation::Created => "job created",
        Creation::Existed => "upload announced again",
    };
    tracing::info!(job = %job.id, owner = job.owner, workflow = job.workflow, key = object.key, trace = job.trace, outcome);
    if workflow.is_none() {
        return refuse_workflow(conductor, &job).await;
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

/// The job of an upload. A reserved id counts for the first content that arrives under it; if another content follows,
/// it is another job, so that neither is lost.
async fn choose_job<S: WriteJobs, A, Q>(
    conductor: &Conductor<S, A, Q>,
    request: Request,
    upload: Upload,
) -> Result<Job, CloudError> {
    let id: JobId = match request.reserved {
        Some(reserved) => match conductor.store.job(reserved).await? {
            Some(row) if row.value.input != upload => upload.job_id(),
            _ => reserved,
        },
        None => upload.job_id(),
    };
    Ok(Job {
        id,
        owner: request.owner,
        workflow: request.workflow,
        input: upload,
        priority: request.priority,
        created_at: (conductor.now)(),
        trace: trace_of(id),
        state: JobState::Running,
    })
}

/// One trace per job, so that a repeated event does not begin a second one.
fn trace_of(id: JobId) -> String {
    id.to_string().replace('-', "")
}

/// Ends the job of an upload that asks for a workflow which does not exist.
async fn refuse_workflow<S: WriteJobs, A, Q>(conductor: &Conductor<S, A, Q>, job: &Job) -> Result<(), CloudError> {
    let known: Vec<_> = Workflow::all_shipped()
        .iter()
        .map(|workflow| workflow.name().to_owned())
        .collect();
    let failure = Failure {
        code: "WORKFLOW_UNKNOWN".to_owned(),
        message: format!("There is no workflow called {:?}.", job.workflow),
        hint: format!("Ask for one of these: {}.", known.join(", ")),
        stage: None,
        attempt: 0,
        class: FailureClass::Permanent,
    };
    let now: Timestamp = (conductor.now)();
    let Some(row) = conductor.store.job(job.id).await? else {
        return Ok(());
    };
    let Ok(failed) = row.value.apply(JobEvent::Fail { failure }, now) else {
        return Ok(());
    };
    match conductor.store.put_job(&failed, row.version).await {
        Ok(_) | Err(CloudError::Conflict) => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;

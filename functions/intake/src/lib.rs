//! S3 event in, job out.
//!
//! An event may come twice, late, with several records, or be S3's own test. Every record is handled by itself; the job's
//! id follows from the object, so the same object makes the same job however often it is announced.

mod admit;
mod archive;
mod batch;
mod event;
mod manifest;

use marey_cloud::{
    Conductor, Time,
    artifacts::StoreArtifacts,
    harness::{Disposal, Received},
    queues::{HoldMessages, SendTasks},
    store::{KeepBatches, ReadControls, WriteJobs},
    uploads::{LookAtUploads, ReadTexts},
};

pub use admit::{Admitted, admit};
pub use batch::batch_of;
pub use event::{Announced, Announcement, Unreadable};
pub use marey_engine::upload::{is_archive, is_manifest};

/// Handles one message of the intake queue. It is acknowledged when every record in it has its job. A job of an upload of
/// more than `max_bytes` fails at once.
pub async fn handle<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, max_bytes: u64, message: &Received) -> Disposal
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts + LookAtUploads + ReadTexts,
    Q: SendTasks + HoldMessages,
    T: Time,
{
    let disposal = take(conductor, max_bytes, message).await;
    message.put_back(&conductor.queues, disposal).await;
    disposal
}

async fn take<S, A, Q, T>(conductor: &Conductor<S, A, Q, T>, max_bytes: u64, message: &Received) -> Disposal
where
    S: WriteJobs + ReadControls + KeepBatches,
    A: StoreArtifacts + LookAtUploads + ReadTexts,
    Q: SendTasks,
    T: Time,
{
    // What cannot be read comes back until the queue moves it to the dead-letter queue: a message is never dropped.
    let refused = Disposal::Return(Some(0));
    let announced = match event::read(&message.body) {
        Ok(Announcement::Test) => {
            tracing::info!("test event of the bucket discarded");
            return Disposal::Acknowledge;
        }
        Ok(Announcement::Objects(objects)) => objects,
        Err(problem) => {
            tracing::error!(%problem, body = message.body, "message refused");
            return refused;
        }
    };
    let (mut is_troubled, mut is_refused) = (false, false);
    for object in announced {
        match object {
            Ok(object) => {
                if let Err(error) = admit(conductor, max_bytes, &object).await {
                    tracing::warn!(key = object.key, error = error.chain(), "upload not admitted yet");
                    is_troubled = true;
                }
            }
            Err(problem) => {
                tracing::error!(%problem, body = message.body, "record refused");
                is_refused = true;
            }
        }
    }
    if is_troubled {
        message.after_trouble(&conductor.time)
    } else if is_refused {
        refused
    } else {
        Disposal::Acknowledge
    }
}

#[cfg(test)]
mod tests;

//! Records on its job what failed for good, and parks the message. The work is done by `marey_cloud::dead_letter`; this
//! crate only connects it to the dead-letter queues and to the queue in which EventBridge puts what AWS Batch gave up on.

use marey_cloud::{
    CloudError, dead_letter,
    harness::{Disposal, Received},
    lambda::CloudConductor,
};

/// Handles one dead letter; what fails leaves the message in its queue.
pub async fn handle(conductor: &CloudConductor, message: &Received) -> Disposal {
    let outcome: Result<Disposal, CloudError> = dead_letter::handle(conductor, message).await;
    outcome.unwrap_or_else(|error| {
        tracing::error!(error = error.chain(), queue = message.queue, "dead letter not recorded");
        Disposal::Return(None)
    })
}

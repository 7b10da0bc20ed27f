//! Queues as a port.

use std::future::Future;

use marey_engine::Task;

use crate::CloudError;

/// Sending tasks to the queue of their stage.
pub trait SendTasks: Send + Sync {
    /// Sends a task to its stage's queue, express if its priority asks for it. `Ok` promises that it is durable; it may
    /// be delivered more than once and in any order.
    fn send(&self, task: &Task) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Holding a message that was received.
pub trait HoldMessages: Send + Sync {
    /// Hides a received message for so many seconds from now, so that nobody else receives it.
    fn hide(&self, queue: &str, receipt: &str, seconds: u32) -> impl Future<Output = Result<(), CloudError>> + Send;
}

/// Keeping messages that nobody can act on.
pub trait ParkMessages: Send + Sync {
    /// Puts a message, as it came, where it stays until somebody looks at it.
    fn park(&self, body: &str, from_queue: &str) -> impl Future<Output = Result<(), CloudError>> + Send;
}

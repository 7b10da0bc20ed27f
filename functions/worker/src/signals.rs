//! The orders to stop.

use std::{future::Future, io, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Whether the process has been told to stop: SIGTERM from AWS Batch, SIGINT from a person.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    stop: watch::Receiver<bool>,
}

impl Signals {
    /// Listens from now on.
    pub(crate) fn listen() -> io::Result<Self> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let (sender, stop) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                _ = term.recv() => {}
                _ = int.recv() => {}
            }
            // Nobody waits for it any more: the process ends anyway.
            let _ = sender.send(true);
            // Kept until the end of the process, so that a second signal does not kill it half-way.
            std::future::pending::<()>().await;
        });
        Ok(Self { stop })
    }

    /// Whether the order has come.
    pub(crate) fn has_come(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits for the order.
    pub(crate) async fn order(&self) {
        // The sender lives as long as the process.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }

    /// Waits so long, or until the order comes; says whether it came.
    pub(crate) async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => self.has_come(),
            () = self.order() => true,
        }
    }

    /// Waits for `work` to its end, and calls `act` if the order comes before it.
    pub(crate) async fn during<R>(&self, work: impl Future<Output = R>, act: impl FnOnce()) -> R {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.order() => act(),
        }
        work.await
    }
}

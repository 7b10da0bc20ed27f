//! Time and chance as a port, so that a simulation can run the real harness and planner on a clock and dice of its own.

use std::{future::Future, time::Duration};

use jiff::Timestamp;

/// A clock that can be waited on, and dice.
pub trait Time: Clone + Send + Sync + 'static {
    /// The time of day on this machine. Other machines may disagree by seconds.
    fn now(&self) -> Timestamp;

    /// Waits.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// 128 bits that nobody can guess: lease tokens and jitter are made of them.
    fn random(&self) -> u128;

    /// Drawn evenly from `0..1`.
    fn random_share(&self) -> f64 {
        // The upper half of a random UUID has 58 random bits, more than a float can hold.
        (self.random() >> 64) as u64 as f64 / u64::MAX as f64
    }
}

/// The machine's own clock and dice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RealTime;

impl Time for RealTime {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> u128 {
        uuid::Uuid::new_v4().as_u128()
    }
}

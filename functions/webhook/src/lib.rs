//! Posts events to the addresses that asked for them, signed, and tries again for hours where it must.
//!
//! What is posted, how it is signed and when it is tried again is said in docs/EVENTS.md. Whoever submits a job names an
//! address, so an address is as hostile as an upload: [`address`] says where nothing is ever sent, and [`post`] connects
//! to no other address than the one that was checked.

pub mod address;
pub mod post;
pub mod signature;

use marey_cloud::{
    harness::{Disposal, Received},
    queues::HoldMessages,
};
use marey_engine::event::{DELIVERY_VERSION, Delivery};

pub use post::{Answer, Poster, Undelivered};
pub use signature::Secrets;

/// Delay before the second try, in seconds; it doubles with every further one.
const FIRST_DELAY_S: u32 = 30;

/// The longest delay before another try, in seconds.
const LONGEST_DELAY_S: u32 = 2 * 60 * 60;

/// The setting with the secret, or with two of them while one replaces the other.
pub const SECRET_SETTING: &str = "MAREY_WEBHOOK_SECRET";

/// The setting that allows addresses on this machine itself.
pub const LOOPBACK_SETTING: &str = "MAREY_WEBHOOK_LOOPBACK";

/// The function.
#[derive(Debug)]
pub struct Webhook<Q> {
    /// Posts.
    pub poster: Poster,
    /// Hides the message until the next try.
    pub queue: Q,
}

impl<Q: HoldMessages> Webhook<Q> {
    /// Delivers one message.
    ///
    /// It is acknowledged when the receiver took it, or said that it never wants it (410). Everything else comes back
    /// later, and rests in the dead-letter queue after the last try.
    pub async fn handle(&self, message: &Received) -> Disposal {
        let delivery = match read(&message.body) {
            Ok(delivery) => delivery,
            Err(problem) => {
                tracing::error!(problem, "delivery not readable");
                return Disposal::Return(None);
            }
        };
        let (id, try_number) = (delivery.id, message.receives);
        let problem = match self.poster.post(&delivery).await {
            Ok(Answer::Taken { status }) => {
                tracing::info!(delivery = %id, try_number, status, "webhook delivered");
                return Disposal::Acknowledge;
            }
            Ok(Answer::Gone) => {
                tracing::warn!(delivery = %id, try_number, "webhook given up: the receiver answered 410");
                return Disposal::Acknowledge;
            }
            Err(problem) => problem,
        };
        let delay_s = delay_s(try_number, problem.retry_after_s(), random_share());
        tracing::warn!(delivery = %id, try_number, delay_s, code = problem.code(), problem = %problem, "webhook not delivered");
        if let Err(error) = self.queue.hide(&message.queue, &message.receipt, delay_s).await {
            tracing::warn!(delivery = %id, error = error.chain(), "visibility not changed");
        }
        Disposal::Return(Some(delay_s))
    }
}

fn read(body: &str) -> Result<Delivery, String> {
    let delivery: Delivery = serde_json::from_str(body).map_err(|error| error.to_string())?;
    if delivery.schema_version > DELIVERY_VERSION {
        let found = delivery.schema_version;
        return Err(format!(
            "the message has schema version {found}, this function reads {DELIVERY_VERSION}: deploy the newer version"
        ));
    }
    Ok(delivery)
}

/// Seconds until the next try after so many: exponential, the upper half of it by chance so that receivers that were
/// down are not met by everything at once, and never sooner than the receiver asked for.
fn delay_s(tries: u32, asked_s: Option<u32>, random: f64) -> u32 {
    let doublings = tries.saturating_sub(1).min(16);
    let ceiling = FIRST_DELAY_S.saturating_mul(1 << doublings).min(LONGEST_DELAY_S);
    let half = ceiling / 2;
    let delay = half + (f64::from(half) * random.clamp(0.0, 1.0)) as u32;
    delay.max(asked_s.unwrap_or(0)).min(LONGEST_DELAY_S)
}

/// Drawn evenly from `0..1`; the randomness of a random UUID is enough for jitter.
fn random_share() -> f64 {
    let bits = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;

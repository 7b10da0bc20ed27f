//! The message that asks for an event to be posted to somebody's address.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Event;

/// The newest message that this code reads and the one it writes.
pub const DELIVERY_VERSION: u32 = 1;

/// Namespace of delivery ids: the `UUIDv5` of `marey.delivery` in the DNS namespace of RFC 9562, §6.6.
pub(super) const DELIVERY_NAMESPACE: Uuid = Uuid::from_u128(0x0a47_0e33_ec2a_5b94_b607_b93f_7b54_bcca);

/// The longest address that is taken.
const LONGEST_ADDRESS: usize = 2000;

/// One event for one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Layout of this message.
    pub schema_version: u32,
    /// The same event for the same address has the same id, on every attempt.
    pub id: Uuid,
    /// Where the event is to be posted.
    pub url: String,
    /// When the event happened.
    pub created_at: Timestamp,
    /// The event, as it is posted. Not read: one that a newer Marey wrote is delivered too.
    pub event: Value,
}

impl Delivery {
    /// The message that brings an event to an address.
    ///
    /// # Errors
    /// The event cannot be written, which none does that was made by this code.
    pub fn new(event: &Event, url: &str) -> Result<Self, serde_json::Error> {
        Ok(Self {
            schema_version: DELIVERY_VERSION,
            id: Uuid::new_v5(&DELIVERY_NAMESPACE, format!("{}\u{1f}{url}", event.id).as_bytes()),
            url: url.to_owned(),
            created_at: event.at,
            event: serde_json::to_value(event)?,
        })
    }
}

/// An address to which Marey posts nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the address for notices {problem}")]
pub struct UnfitAddress {
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Checks the form of the address that a job is submitted with. Where its host's name leads is looked up when something
/// is posted there, each time.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_notify(url: &str) -> Result<(), UnfitAddress> {
    let unfit = |problem| Err(UnfitAddress { problem });
    if url.len() > LONGEST_ADDRESS {
        return unfit("is longer than 2000 bytes");
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return unfit("has a space, a backslash or a character that is not ASCII: percent-encode it");
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| loopback_rest(url)) else {
        return unfit("does not begin with https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return unfit("carries a user name or a password");
    }
    if authority.is_empty() || authority.starts_with(':') {
        return unfit("names no host");
    }
    Ok(())
}

/// Plain HTTP is for trying things out on one machine; whether a deployment posts there at all is its own decision.
fn loopback_rest(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("http://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    matches!(host, "127.0.0.1" | "localhost" | "[::1]").then_some(rest)
}

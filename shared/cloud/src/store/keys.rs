//! Keys of the API. What is kept is the SHA-256 of a key, never the key.

use std::{collections::BTreeSet, future::Future};

use jiff::Timestamp;
use marey_engine::Versioned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::CloudError;

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// To look at the owner's jobs.
    Read,
    /// To submit, cancel and retry.
    Write,
    /// Everything, for every owner.
    Admin,
}

/// A key's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// SHA-256 of the key, lower-case hexadecimal.
    pub hash: String,
    /// Whose jobs it is for.
    pub owner: String,
    /// What it allows.
    pub scopes: BTreeSet<KeyScope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it stopped working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl ApiKey {
    /// Names the key without telling it: 64 bits of its hash.
    pub fn id(&self) -> &str {
        self.hash.get(..16).unwrap_or(&self.hash)
    }
}

/// What is kept of a key. A key is 244 random bits, so its hash needs neither salt nor stretching.
pub fn hash_of(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Keeping keys.
pub trait KeepKeys: Send + Sync {
    /// The key with a hash, strongly consistent: a revoked key works no more.
    fn key(&self, hash: &str) -> impl Future<Output = Result<Option<Versioned<ApiKey>>, CloudError>> + Send;

    /// Writes a key if it still has the version given, or does not exist where none is given.
    ///
    /// # Errors
    /// [`CloudError::Conflict`] if the row has moved on; nothing was written.
    fn put_key(
        &self,
        key: &ApiKey,
        version: Option<u64>,
    ) -> impl Future<Output = Result<Versioned<ApiKey>, CloudError>> + Send;

    /// Every key, oldest first.
    fn keys(&self) -> impl Future<Output = Result<Vec<ApiKey>, CloudError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            hash_of("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}

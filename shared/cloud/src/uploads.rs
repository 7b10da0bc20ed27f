//! Looking at the uploads bucket without fetching what lies there, as ports.

use std::{future::Future, ops::Range};

use jiff::Timestamp;
use marey_archive::{ExtractError, Packed, Unpacker};
use marey_engine::{
    Upload,
    upload::{Member, Metadata},
};
use serde::{Deserialize, Serialize};

use crate::CloudError;

/// What is known of an upload without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadHead {
    /// Size in bytes.
    pub bytes: u64,
    /// The `ETag` without quotes.
    pub etag: String,
    /// The version, where the bucket keeps versions.
    pub version: Option<String>,
    /// What the uploader asked for.
    pub metadata: Metadata,
}

/// Looking at an upload.
pub trait LookAtUploads: Send + Sync {
    /// What is known of an object; `None` if it, or the version asked for, is gone.
    fn look(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
    ) -> impl Future<Output = Result<Option<UploadHead>, CloudError>> + Send;
}

/// Reading small uploads, such as manifests, and pieces of large ones, such as an archive's directory.
pub trait ReadTexts: Send + Sync {
    /// The content of an object; its first `most` bytes if it is larger.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if it, or the version asked for, is gone.
    fn read(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        most: u64,
    ) -> impl Future<Output = Result<Vec<u8>, CloudError>> + Send;

    /// A piece of exactly the version and content that an upload names, as long as the range, which must not be empty and lie
    /// within the object.
    ///
    /// # Errors
    /// [`CloudError::Missing`] if that content is gone or was replaced.
    fn piece(&self, upload: &Upload, range: Range<u64>) -> impl Future<Output = Result<Vec<u8>, CloudError>> + Send;
}

/// So many packed bytes are unpacked at once: what comes out of them is held in memory, up to a thousand times as much.
pub const UNPACKED_AT_ONCE: usize = 4 << 10;

/// Where the packed bytes of a video lie in its archive, and what unpacks them.
pub fn unpacking(member: &Member, bytes: u64) -> (Range<u64>, Unpacker<Vec<u8>>) {
    let range = member.at..member.at.saturating_add(member.packed_bytes);
    let packed = Packed::kept(range, bytes, member.deflated, member.crc32);
    (packed.range(), packed.unpack(Vec::new()))
}

/// Why a video of an archive could not be unpacked.
pub fn not_unpacked(upload: &Upload, error: ExtractError) -> CloudError {
    match error {
        ExtractError::Damaged(problem) => CloudError::Damaged {
            what: format!("{} in {}", upload.name, upload.key),
            problem,
        },
        other => CloudError::service("unpack upload", other),
    }
}

/// One version of one object, as the bucket lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUpload {
    /// The key.
    pub key: String,
    /// The version, where the bucket keeps versions.
    pub version: Option<String>,
    /// The `ETag` without quotes.
    pub etag: String,
    /// When it was stored; of an upload in parts, when it was begun.
    pub stored_at: Timestamp,
}

/// A place in the listing of a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The listing goes on behind this key,
    pub key: String,
    /// or behind this version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A page of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPage {
    /// In the order of their keys.
    pub uploads: Vec<StoredUpload>,
    /// Where the next page begins.
    pub next: Option<Place>,
}

/// Listing uploads.
pub trait ListUploads: Send + Sync {
    /// The versions of all objects under `uploads/` behind a place, without those that were deleted; at most a thousand.
    fn uploads(
        &self,
        bucket: &str,
        after: Option<&Place>,
    ) -> impl Future<Output = Result<UploadPage, CloudError>> + Send;
}

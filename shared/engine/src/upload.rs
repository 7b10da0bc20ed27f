//! An upload and what its key asks for.

use serde::{Deserialize, Serialize};

use crate::{JobId, Workflow};

/// One version of one object in the uploads bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, where the bucket keeps versions.
    pub version: Option<String>,
    /// The `ETag` without quotes.
    pub etag: String,
    /// Size in bytes.
    pub bytes: u64,
    /// File name for people: the key's last part.
    pub name: String,
}

/// Where uploads lie in their bucket.
pub const UPLOADS_PREFIX: &str = "uploads/";

/// The workflow of an upload that asks for none.
pub const DEFAULT_WORKFLOW: &str = "motion";

/// The owner of an upload whose key names none.
pub const DEFAULT_OWNER: &str = "default";

/// Priority of an upload that asks for none.
pub const DEFAULT_PRIORITY: u8 = 5;

/// What an upload asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The tenant.
    pub owner: String,
    /// The workflow's name; it may not exist.
    pub workflow: String,
    /// An id that was handed out before the upload.
    pub reserved: Option<JobId>,
    /// 0 to 9.
    pub priority: u8,
}

/// User metadata of the object that Marey reads (`x-amz-meta-…`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `x-amz-meta-workflow`.
    pub workflow: Option<String>,
    /// `x-amz-meta-priority`.
    pub priority: Option<String>,
}

impl Request {
    /// Reads a key of the form `uploads/<owner>/<workflow>/[<reserved id>/]<name>`, or `uploads/<name>`, with the object's
    /// metadata. A workflow in the key wins over one in the metadata; a priority that is not 0 to 9 counts as none.
    pub fn read(key: &str, metadata: &Metadata) -> Self {
        let parts: Vec<&str> = key.strip_prefix(UPLOADS_PREFIX).unwrap_or(key).split('/').collect();
        let named = parts.len() >= 3 && !parts[0].is_empty() && Workflow::shipped(parts[1]).is_some();
        let reserved = if named && parts.len() >= 4 {
            parts[2].parse().ok()
        } else {
            None
        };
        let (owner, workflow) = if named {
            (parts[0].to_owned(), parts[1].to_owned())
        } else {
            (
                DEFAULT_OWNER.to_owned(),
                metadata.workflow.clone().unwrap_or_else(|| DEFAULT_WORKFLOW.to_owned()),
            )
        };
        let asked = metadata
            .priority
            .as_deref()
            .and_then(|text| text.parse().ok())
            .filter(|&p: &u8| p <= 9);
        Self {
            owner,
            workflow,
            reserved,
            priority: asked.unwrap_or(DEFAULT_PRIORITY),
        }
    }

    /// The key under which an upload with a reserved id is stored.
    pub fn key(owner: &str, workflow: &str, reserved: JobId, name: &str) -> String {
        format!("{UPLOADS_PREFIX}{owner}/{workflow}/{reserved}/{name}")
    }
}

impl Upload {
    /// The file name at the end of a key.
    pub fn name_of(key: &str) -> &str {
        key.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(key)
    }

    /// The id of the job that this upload makes.
    pub fn job_id(&self) -> JobId {
        JobId::of_object(&self.bucket, &self.key, self.version.as_deref(), &self.etag)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(key: &str) -> Request {
        Request::read(key, &Metadata::default())
    }

    #[test]
    fn a_bare_key_is_the_default_owners_motion() {
        let expected = Request {
            owner: "default".into(),
            workflow: "motion".into(),
            reserved: None,
            priority: 5,
        };
        assert_eq!(read("uploads/clip.mp4"), expected);
        assert_eq!(read("uploads/my holiday/some/clip.mp4"), expected);
        assert_eq!(read("uploads//motion/clip.mp4"), expected);
    }

    #[test]
    fn a_full_key_names_owner_workflow_and_reserved_id() {
        let id = JobId::of_object("b", "k", None, "e");
        let request = read(&Request::key("ann", "motion", id, "clip.mp4"));
        assert_eq!(request.owner, "ann");
        assert_eq!(request.reserved, Some(id));
        assert_eq!(read("uploads/ann/motion/day 1/clip.mp4").reserved, None);
        assert_eq!(
            read(&format!("uploads/ann/motion/{id}")).reserved,
            None,
            "an id alone is a file name"
        );
    }

    #[test]
    fn metadata_speaks_where_the_key_is_silent() {
        let metadata = Metadata {
            workflow: Some("other".into()),
            priority: Some("8".into()),
        };
        assert_eq!(Request::read("uploads/clip.mp4", &metadata).workflow, "other");
        let full = Request::read("uploads/ann/motion/clip.mp4", &metadata);
        assert_eq!((full.workflow.as_str(), full.priority), ("motion", 8));
        for wrong in ["10", "-1", "high", ""] {
            let metadata = Metadata {
                priority: Some(wrong.into()),
                ..Metadata::default()
            };
            assert_eq!(Request::read("uploads/a", &metadata).priority, 5, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_key_has_an_owner_and_a_name(key in "\\PC{1,80}") {
            let request = read(&key);
            prop_assert!(!request.owner.is_empty());
            prop_assert!(!Upload::name_of(&key).is_empty());
        }
    }
}

//! An upload and what its key asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{BadParameter, JobId, Wishes, Workflow, parameter};

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
    /// Where the video lies in the object, if that is an archive; size and name are then the video's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Member>,
}

/// A video within an archive that lies in the bucket as one object. Its bytes are never stored a second time: whoever needs the video
/// reads this range of the object and unpacks it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its path in the archive.
    pub path: String,
    /// Where its packed bytes begin in the object.
    pub at: u64,
    /// How many there are.
    pub packed_bytes: u64,
    /// Whether they are deflated; else they are the video as it is.
    pub deflated: bool,
    /// CRC-32 of the video.
    pub crc32: u32,
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
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The tenant.
    pub owner: String,
    /// The workflow's name; it may not exist.
    pub workflow: String,
    /// An id that was handed out before the upload.
    pub reserved: Option<JobId>,
    /// 0 to 9.
    pub priority: u8,
    /// What else is asked for; the parameters as they were given.
    pub wishes: Wishes,
    /// What was asked for that cannot be understood, in a sentence.
    pub problem: Option<String>,
}

/// User metadata of the object that Marey reads (`x-amz-meta-…`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `x-amz-meta-workflow`.
    pub workflow: Option<String>,
    /// `x-amz-meta-priority`.
    pub priority: Option<String>,
    /// `x-amz-meta-params`: a JSON object.
    pub params: Option<String>,
    /// `x-amz-meta-runs-on`: `lambda`, `batch` or `auto`.
    pub runs_on: Option<String>,
    /// `x-amz-meta-reuse`: `true` or `false`.
    pub reuse: Option<String>,
    /// `x-amz-meta-notify`: an https address.
    pub notify: Option<String>,
    /// `x-amz-meta-batch`: a batch's id.
    pub batch: Option<String>,
}

impl Metadata {
    /// Picks what Marey reads out of an object's metadata.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            workflow: lookup("workflow"),
            priority: lookup("priority"),
            params: lookup("params"),
            runs_on: lookup("runs-on"),
            reuse: lookup("reuse"),
            notify: lookup("notify"),
            batch: lookup("batch"),
        }
    }

    fn wishes(&self) -> (Wishes, Option<String>) {
        let mut problem = None;
        let mut note = |text: String| problem = Some(problem.take().unwrap_or(text));
        let params = self
            .params
            .as_deref()
            .map(serde_json::from_str::<BTreeMap<String, Value>>);
        let params = params.transpose().unwrap_or_else(|error| {
            note(format!("the parameters are no JSON object: {error}"));
            None
        });
        let word = |text: &Option<String>| text.clone().map(Value::String);
        let runs_on = word(&self.runs_on)
            .map(serde_json::from_value)
            .transpose()
            .unwrap_or_else(|_| {
                note("runs-on is none of lambda, batch and auto".to_owned());
                None
            });
        let batch = self
            .batch
            .as_deref()
            .map(str::parse)
            .transpose()
            .unwrap_or_else(|error| {
                note(format!("{error}"));
                None
            });
        let reuse = match self.reuse.as_deref() {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(_) => {
                note("reuse is neither true nor false".to_owned());
                false
            }
        };
        let wishes = Wishes {
            params: params.unwrap_or_default(),
            runs_on,
            reuse,
            notify: self.notify.clone(),
            batch,
        };
        (wishes, problem)
    }
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
        let (wishes, problem) = metadata.wishes();
        Self {
            owner,
            workflow,
            reserved,
            priority: asked.unwrap_or(DEFAULT_PRIORITY),
            wishes,
            problem,
        }
    }

    /// What is wished of a workflow, with every parameter at a value that it admits.
    ///
    /// # Errors
    /// What was asked for cannot be understood, or the workflow does not grant it.
    pub fn settled(&self, workflow: &Workflow) -> Result<Wishes, String> {
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
        let params =
            parameter::settle(workflow, &self.wishes.params).map_err(|error: BadParameter| error.to_string())?;
        Ok(Wishes {
            params,
            ..self.wishes.clone()
        })
    }

    /// The key under which an upload with a reserved id is stored.
    pub fn key(owner: &str, workflow: &str, reserved: JobId, name: &str) -> String {
        format!("{UPLOADS_PREFIX}{owner}/{workflow}/{reserved}/{name}")
    }
}

/// How the key of a batch's manifest ends.
pub const MANIFEST_ENDING: &str = ".manifest.jsonl";

/// Whether a key is that of a batch's manifest. One that names no owner and no known workflow is not.
pub fn is_manifest(key: &str) -> bool {
    let mut parts = key.strip_prefix(UPLOADS_PREFIX).unwrap_or_default().split('/');
    let owner = parts.next().unwrap_or_default();
    let workflow = parts.next().unwrap_or_default();
    key.ends_with(MANIFEST_ENDING)
        && !owner.is_empty()
        && parts.next().is_some()
        && Workflow::shipped(workflow).is_some()
}

/// How the key of an archive of videos ends.
pub const ARCHIVE_ENDING: &str = ".zip";

/// Whether a key may be that of an archive of videos; its first bytes have the last word.
pub fn is_archive(key: &str) -> bool {
    let ending = key.len().checked_sub(ARCHIVE_ENDING.len()).and_then(|at| key.get(at..));
    key.starts_with(UPLOADS_PREFIX) && ending.is_some_and(|ending| ending.eq_ignore_ascii_case(ARCHIVE_ENDING))
}

impl Upload {
    /// The file name at the end of a key.
    pub fn name_of(key: &str) -> &str {
        key.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(key)
    }

    /// The id of the job that this upload makes.
    pub fn job_id(&self) -> JobId {
        let version = self.version.as_deref();
        match &self.member {
            None => JobId::of_object(&self.bucket, &self.key, version, &self.etag),
            // A unit separator cannot occur in the path of a member that was admitted.
            Some(member) => {
                let key = format!("{}\u{1f}{}", self.key, member.path);
                JobId::of_object(&self.bucket, &key, version, &self.etag)
            }
        }
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
            wishes: Wishes::default(),
            problem: None,
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
            ..Metadata::default()
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

    #[test]
    fn wishes_are_read_and_what_cannot_be_understood_is_told() {
        let metadata = Metadata {
            params: Some(r#"{"cutoff_hz": 4}"#.into()),
            runs_on: Some("batch".into()),
            reuse: Some("true".into()),
            ..Metadata::default()
        };
        let request = Request::read("uploads/clip.mp4", &metadata);
        assert_eq!(request.wishes.params["cutoff_hz"], serde_json::json!(4));
        assert_eq!(request.wishes.runs_on, Some(crate::RunsOn::Batch));
        assert!(request.wishes.reuse);
        let probe = Workflow::shipped("probe").unwrap();
        assert!(
            request
                .settled(&probe)
                .unwrap_err()
                .contains("cutoff_hz is not a parameter")
        );
        let motion = Workflow::shipped("motion").unwrap();
        let settled = request.settled(&motion).unwrap();
        assert_eq!(settled.params["cutoff_hz"], serde_json::json!(4));
        // What was not wished is at its default, and stays so if a later version has another.
        assert_eq!(settled.params["filter"], "butterworth");
        assert!(settled.reuse && settled.runs_on == Some(crate::RunsOn::Batch));
        for (name, wrong) in [
            ("params", "[]"),
            ("runs-on", "mars"),
            ("reuse", "perhaps"),
            ("batch", "7"),
        ] {
            let metadata = Metadata::read(|asked| (asked == name).then(|| wrong.to_owned()));
            let request = Request::read("uploads/clip.mp4", &metadata);
            assert!(request.settled(&probe).is_err(), "{name}");
        }
    }

    #[test]
    fn a_manifest_is_told_by_its_ending_an_owner_and_a_workflow() {
        assert!(is_manifest("uploads/ann/motion/trials.manifest.jsonl"));
        assert!(is_manifest("uploads/ann/motion/day/trials.manifest.jsonl"));
        for other in [
            "uploads/ann/motion/trials.jsonl",
            "uploads/ann/motion.manifest.jsonl",
            "uploads//motion/trials.manifest.jsonl",
            "uploads/ann/knitting/trials.manifest.jsonl",
            "ann/motion/trials.manifest.jsonl",
            "trials.manifest.jsonl",
        ] {
            assert!(!is_manifest(other), "{other}");
        }
        let names = ["uploads/ann/a b.mp4", "clip.mp4", "uploads/", ""].map(Upload::name_of);
        assert_eq!(names, ["a b.mp4", "clip.mp4", "uploads/", ""]);
    }

    #[test]
    fn archives_are_known_by_the_end_of_their_key() {
        for key in ["uploads/a.zip", "uploads/ann/motion/day 1/a.ZIP"] {
            assert!(is_archive(key), "{key}");
        }
        for key in [
            "a.zip",
            "artifacts/a.zip",
            "uploads/a.zip.mp4",
            "uploads/zip",
            "uploads/üip",
        ] {
            assert!(!is_archive(key), "{key}");
        }
    }

    #[test]
    fn videos_of_one_archive_have_jobs_of_their_own() {
        let archive = Upload {
            bucket: "b".into(),
            key: "uploads/a.zip".into(),
            version: None,
            etag: "e".into(),
            bytes: 9,
            name: "a.zip".into(),
            member: None,
        };
        let video = |path: &str| Upload {
            member: Some(Member {
                path: path.into(),
                at: 40,
                packed_bytes: 3,
                deflated: false,
                crc32: 7,
            }),
            ..archive.clone()
        };
        let ids = [archive.job_id(), video("a.mp4").job_id(), video("b.mp4").job_id()];
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        let written = serde_json::to_value(&archive).unwrap();
        assert!(written.get("member").is_none(), "older versions read it as it was");
        let read: Upload = serde_json::from_value(serde_json::to_value(video("a.mp4")).unwrap()).unwrap();
        assert_eq!(read, video("a.mp4"));
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

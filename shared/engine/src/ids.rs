//! Names that cannot be mixed up or malformed.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A job's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(Uuid);

/// Namespace of job ids: the `UUIDv5` of `marey.job` in the DNS namespace of RFC 9562, §6.6.
const JOB_NAMESPACE: Uuid = Uuid::from_u128(0x9159_29b7_a4e1_521d_86a6_012d_d575_8e03);

impl JobId {
    /// The id of the job that one version of one object makes: the same event always names the same job.
    pub fn of_object(bucket: &str, key: &str, version: Option<&str>, etag: &str) -> Self {
        // A unit separator cannot occur in a bucket's name and keeps `a/b` + `c` apart from `a` + `b/c`.
        let name = [bucket, key, version.unwrap_or(""), etag.trim_matches('"')].join("\u{1f}");
        Self(Uuid::new_v5(&JOB_NAMESPACE, name.as_bytes()))
    }

    /// An id handed out before its object exists, such as by a presigned upload.
    pub fn reserved(uuid: Uuid) -> Self {
        Self(uuid)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// A batch's identity: some jobs that somebody submitted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub Uuid);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        canonical(text).map(Self).ok_or_else(|| Malformed {
            what: "batch id",
            text: text.to_owned(),
        })
    }
}

/// A UUID in its canonical form only: `{…}`, URN and bare hexadecimal forms would make two spellings of one id.
fn canonical(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|uuid| uuid.hyphenated().to_string() == text)
}

/// A text that is not an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a {what}")]
pub struct Malformed {
    /// What was expected.
    pub what: &'static str,
    /// What was given.
    pub text: String,
}

impl FromStr for JobId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        canonical(text).map(Self).ok_or_else(|| Malformed {
            what: "job id",
            text: text.to_owned(),
        })
    }
}

/// A stage's name: lower-case letters, digits and hyphens, beginning with a letter, at most 40 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StageName(String);

impl StageName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for StageName {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let sound = text.len() <= 40 && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(inner);
        if sound {
            Ok(Self(text))
        } else {
            Err(Malformed {
                what: "stage name",
                text,
            })
        }
    }
}

impl FromStr for StageName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::try_from(text.to_owned())
    }
}

impl From<StageName> for String {
    fn from(name: StageName) -> Self {
        name.0
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One parallel piece of one stage of one job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardKey {
    /// The job.
    pub job: JobId,
    /// The stage.
    pub stage: StageName,
    /// The piece, from 0.
    pub shard: u32,
}

impl fmt::Display for ShardKey {
    /// The task's id: `<job>/<stage>/<shard>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{:04}", self.job, self.stage, self.shard)
    }
}

impl FromStr for ShardKey {
    type Err = Malformed;

    /// Reads `<job>/<stage>/<shard>`; the shard may be written without leading zeros.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            what: "shard (<job>/<stage>/<number>)",
            text: text.to_owned(),
        };
        let mut parts = text.splitn(3, '/');
        let mut next = || parts.next().ok_or_else(malformed);
        let (job, stage, shard) = (next()?, next()?, next()?);
        Ok(Self {
            job: job.parse()?,
            stage: stage.parse()?,
            shard: shard.parse().map_err(|_| malformed())?,
        })
    }
}

/// Names one attempt: whoever holds it holds the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseToken(pub Uuid);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_batch_is_written_as_it_is_read() {
        let batch = BatchId(Uuid::from_u128(0x1234_5678_9abc_def0));
        assert_eq!(batch.to_string(), "00000000-0000-0000-1234-56789abcdef0");
        assert_eq!(batch.to_string().parse(), Ok(batch));
    }

    #[test]
    fn the_namespace_is_the_one_it_says() {
        assert_eq!(JOB_NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"marey.job"));
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        let key = ShardKey {
            job: JobId::of_object("b", "k", None, "e"),
            stage: "lip-sync".parse().unwrap(),
            shard: 7,
        };
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert_eq!(format!("{}/lip-sync/7", key.job).parse(), Ok(key.clone()));
        for wrong in [
            "",
            "a/b",
            "a/pose/0",
            &format!("{}/pose/x", key.job),
            &format!("{}/pose/1/2", key.job),
        ] {
            assert!(wrong.parse::<ShardKey>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_object_names_its_job_and_every_part_counts() {
        let id = |b: &str, k: &str, v: Option<&str>, e: &str| JobId::of_object(b, k, v, e);
        let base = id("bucket", "uploads/a.mp4", Some("v1"), "\"etag\"");
        assert_eq!(
            base,
            id("bucket", "uploads/a.mp4", Some("v1"), "etag"),
            "quotes of an ETag do not count"
        );
        assert_ne!(base, id("bucket", "uploads/a.mp4", Some("v2"), "etag"));
        assert_ne!(base, id("bucket", "uploads/a.mp4", None, "etag"));
        assert_ne!(base, id("bucket", "uploads/b.mp4", Some("v1"), "etag"));
        assert_ne!(base, id("other", "uploads/a.mp4", Some("v1"), "etag"));
        assert_ne!(base, id("bucket", "uploads/a.mp4", Some("v1"), "etag2"));
    }

    #[test]
    fn only_the_canonical_form_is_an_id() {
        let id = JobId::of_object("b", "k", None, "e");
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [
            "",
            "nope",
            &id.to_string().to_uppercase(),
            &id.to_string().replace('-', ""),
        ] {
            assert!(other.parse::<JobId>().is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_stage_name_survives_and_nothing_else_does(text in "\\PC{0,50}") {
            if let Ok(name) = text.parse::<StageName>() {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(!text.contains(['/', '#', ' ', '.']));
            }
        }
    }
}

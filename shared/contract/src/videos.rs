//! Leave to upload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a job's heavy stages run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RunsOn {
    /// In functions.
    Lambda,
    /// In containers of AWS Batch.
    Batch,
    /// In functions, unless the work is too large for one.
    Auto,
}

/// `POST /videos`: asks for leave to upload a video.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct VideoRequest {
    /// File name, with its extension; for people.
    pub name: String,
    /// The workflow to run; `motion` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<String>,
    /// 0 to 9; 5 if absent, 7 and above is express.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// The workflow's parameters; those that are absent have their defaults.
    #[cfg_attr(feature = "openapi", schema(value_type = Object))]
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, Value>,
    /// Where heavy stages run; where the workflow says, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs_on: Option<RunsOn>,
    /// Whether stages whose inputs did not change since an earlier job take that job's results.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reuse: bool,
    /// Where to tell of the job's end: an https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<String>,
    /// The batch that the video belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

/// Leave to upload one video: a form to post to the bucket itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UploadTicket {
    /// The job that the upload will begin.
    pub job_id: String,
    /// Where to post the form (`multipart/form-data`).
    pub url: String,
    /// The form's fields, to be sent before the field `file`.
    pub fields: BTreeMap<String, String>,
    /// The largest file that the bucket takes.
    pub max_bytes: u64,
    /// When the leave ends.
    pub expires_at: String,
}

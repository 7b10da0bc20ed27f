//! Keys of the API; for administrators.

use serde::{Deserialize, Serialize};

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// To look at the owner's jobs and batches.
    Read,
    /// To submit, cancel and retry.
    Write,
    /// Everything, for every owner.
    Admin,
}

/// `POST /keys`: asks for a key.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// Whose jobs it is for: lower-case letters, digits and hyphens, at most 40.
    pub owner: String,
    /// What it allows; read and write if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<KeyScope>,
    /// What it is for; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A key, without the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyDetail {
    /// Names it: the beginning of its SHA-256.
    pub id: String,
    /// Whose jobs it is for.
    pub owner: String,
    /// What it allows.
    pub scopes: Vec<KeyScope>,
    /// When it was made.
    pub created_at: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When it stopped working.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<String>,
}

/// A key that was just made. The secret is shown here and never again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewKey {
    /// The secret, to be sent as `Authorization: Bearer …`, or as `X-Marey-Key: …` where requests are signed.
    pub key: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub detail: KeyDetail,
}

/// `GET /keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeyList {
    /// Every key, those that were revoked too.
    pub keys: Vec<KeyDetail>,
}

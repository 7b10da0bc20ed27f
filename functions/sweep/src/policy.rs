//! What the sweeper waits for.

use jiff::SignedDuration;
use marey_cloud::settings::SettingsError;
use serde::Deserialize;
use serde_json::Value;

/// How long things may take before the sweeper takes them for lost or forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// An upload without a job for so long was not announced. S3 announces within seconds, and `intake` tries for minutes.
    pub uploads_after: SignedDuration,
    /// An upload older than this makes no job. It must be less than the table keeps rows for: a job that was forgotten must
    /// not be taken for one that never was.
    pub uploads_until: SignedDuration,
    /// Artifacts of unknown jobs are kept for so long.
    pub artifacts_kept: SignedDuration,
}

/// The setting that says for how many days artifacts are kept.
pub const ARTIFACTS_SETTING: &str = "MAREY_ARTIFACT_RETENTION_DAYS";

const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Default for Policy {
    fn default() -> Self {
        Self {
            uploads_after: SignedDuration::from_mins(5),
            // The table keeps rows for 90 days.
            uploads_until: DAY * 80,
            artifacts_kept: DAY * 90,
        }
    }
}

/// What an invocation may ask for; a schedule asks for nothing.
#[derive(Deserialize)]
struct Asked {
    uploads_after_s: Option<u32>,
}

impl Policy {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// A setting is malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads settings from any source of variables.
    ///
    /// # Errors
    /// A setting is malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut policy = Self::default();
        if let Some(text) = lookup(ARTIFACTS_SETTING).filter(|text| !text.is_empty()) {
            let days: Option<u16> = text.parse().ok().filter(|days| *days > 0);
            let days = days.ok_or_else(|| SettingsError {
                name: ARTIFACTS_SETTING.to_owned(),
                problem: format!("is {text:?}, not a number of days"),
            })?;
            policy.artifacts_kept = DAY * i32::from(days);
        }
        Ok(policy)
    }

    /// The policy of one run. Somebody who invokes the function by hand may say `{"uploads_after_s": 0}` to have the bucket
    /// reconciled at once.
    #[must_use]
    pub fn asked_otherwise(&self, payload: &Value) -> Self {
        let asked = Asked::deserialize(payload).ok().and_then(|asked| asked.uploads_after_s);
        let uploads_after = asked.map_or(self.uploads_after, |s| SignedDuration::from_secs(s.into()));
        Self { uploads_after, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn retention_is_read_in_days_and_nonsense_is_refused() {
        let read = |text: &str| Policy::from_lookup(|name| (name == ARTIFACTS_SETTING).then(|| text.to_owned()));
        assert_eq!(read("7").unwrap().artifacts_kept, DAY * 7);
        assert_eq!(read("").unwrap(), Policy::default());
        for wrong in ["0", "-1", "a week", "1.5"] {
            assert_eq!(read(wrong).unwrap_err().name, ARTIFACTS_SETTING);
        }
    }

    #[test]
    fn a_schedules_event_asks_for_nothing() {
        let policy = Policy::default();
        let scheduled: Value = serde_json::from_str(include_str!("../../../events/sweep.json")).unwrap();
        for payload in [scheduled, json!(null), json!([])] {
            assert_eq!(policy.asked_otherwise(&payload), policy);
        }
        let now = policy.asked_otherwise(&json!({"uploads_after_s": 0}));
        assert_eq!(now.uploads_after, SignedDuration::ZERO);
    }
}

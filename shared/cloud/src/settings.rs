//! Settings, read once when a function starts: a wrong one fails the start, never the seventeenth message.

use std::collections::BTreeMap;

use marey_engine::{
    StageName,
    cost::{Machine, Processor},
};

/// A setting that is missing or malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} {problem}")]
pub struct SettingsError {
    /// The variable.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A stage's two queues, by URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePair {
    /// For priorities 0 to 6.
    pub standard: String,
    /// For priorities 7 to 9.
    pub express: String,
}

/// Where work for containers goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchNames {
    /// Queue for priorities 0 to 6.
    pub standard: String,
    /// Queue for priorities 7 to 9.
    pub express: String,
    /// The job definition.
    pub definition: String,
}

/// Where a function finds what it works on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Name of the jobs table.
    pub table: String,
    /// Name of the uploads bucket.
    pub uploads: String,
    /// Name of the artifacts bucket.
    pub artifacts: String,
    /// The queues of the stages to which this function may send.
    pub queues: BTreeMap<StageName, QueuePair>,
    /// URL of the queue where messages rest that nobody can act on.
    pub parked: Option<String>,
    /// URL of the queue of the uploads bucket's events, for those who look at it.
    pub intake: Option<String>,
    /// URL of the queue of webhooks, for those who look at it.
    pub webhook: Option<String>,
    /// URL of the queue of failed Batch jobs, for those who look at it.
    pub batch_failures: Option<String>,
    /// AWS Batch, where the deployment has it.
    pub batch: Option<BatchNames>,
    /// Names the code that runs: results of other code are not reused.
    pub revision: String,
    /// What this process runs on, for estimates of its cost.
    pub machine: Machine,
    /// The largest upload in bytes.
    pub upload_max_bytes: u64,
}

/// What an upload may weigh unless the deployment says otherwise: 2 GiB.
const UPLOAD_MAX_BYTES: u64 = 2 << 30;

impl Settings {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads settings from any source of variables. `MAREY_QUEUE_<STAGE>` and `MAREY_QUEUE_<STAGE>_EXPRESS` come in pairs.
    ///
    /// # Errors
    /// Names the first variable that is missing or malformed.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let optional = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let required = |name: &str| {
            optional(name).ok_or_else(|| SettingsError {
                name: name.to_owned(),
                problem: "is not set".to_owned(),
            })
        };
        let mut queues = BTreeMap::new();
        for workflow in marey_engine::Workflow::all_shipped() {
            for stage in workflow.stages() {
                let name = format!("MAREY_QUEUE_{}", stage.name.as_str().to_uppercase().replace('-', "_"));
                if let Some(standard) = optional(&name) {
                    let express = required(&format!("{name}_EXPRESS"))?;
                    queues.insert(stage.name.clone(), QueuePair { standard, express });
                }
            }
        }
        let batch = match optional("MAREY_BATCH_QUEUE") {
            None => None,
            Some(standard) => Some(BatchNames {
                standard,
                express: required("MAREY_BATCH_QUEUE_EXPRESS")?,
                definition: required("MAREY_BATCH_DEFINITION")?,
            }),
        };
        let upload_max_bytes = match optional("MAREY_UPLOAD_MAX_BYTES") {
            None => UPLOAD_MAX_BYTES,
            Some(text) => text.parse().map_err(|_| SettingsError {
                name: "MAREY_UPLOAD_MAX_BYTES".to_owned(),
                problem: format!("is {text:?}, not a number of bytes"),
            })?,
        };
        Ok(Self {
            table: required("MAREY_JOBS_TABLE")?,
            uploads: required("MAREY_UPLOADS_BUCKET")?,
            artifacts: required("MAREY_ARTIFACTS_BUCKET")?,
            queues,
            parked: optional("MAREY_QUEUE_PARKED"),
            intake: optional("MAREY_QUEUE_INTAKE"),
            webhook: optional("MAREY_QUEUE_WEBHOOK"),
            batch_failures: optional("MAREY_QUEUE_BATCH_FAILURES"),
            batch,
            revision: optional("MAREY_REVISION").unwrap_or_else(|| env!("CARGO_PKG_VERSION").to_owned()),
            machine: machine(&lookup),
            upload_max_bytes,
        })
    }
}

/// A function knows its memory; a container is told its price, or it is somebody's own machine.
fn machine(lookup: &impl Fn(&str) -> Option<String>) -> Machine {
    let number = |name: &str| {
        lookup(name)
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|n| n.is_finite())
    };
    let processor = Processor::OWN;
    if let Some(memory) = number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE") {
        let memory_mib = memory as u32;
        return Machine::Lambda { memory_mib, processor };
    }
    if let Some(usd_per_hour) = number("MAREY_USD_PER_HOUR") {
        return Machine::Hourly { usd_per_hour };
    }
    match (number("MAREY_FARGATE_VCPUS"), number("MAREY_FARGATE_MEMORY")) {
        (Some(vcpus), Some(memory)) => Machine::Fargate {
            vcpus,
            memory_mib: memory as u32,
            processor,
        },
        _ => Machine::Own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [(&str, &str); 6] = [
        ("MAREY_JOBS_TABLE", "jobs"),
        ("MAREY_UPLOADS_BUCKET", "up"),
        ("MAREY_ARTIFACTS_BUCKET", "art"),
        ("MAREY_QUEUE_POSE", "q"),
        ("MAREY_QUEUE_POSE_EXPRESS", "qx"),
        ("MAREY_UPLOAD_MAX_BYTES", "1000"),
    ];

    fn read(change: (&str, Option<&str>)) -> Result<Settings, SettingsError> {
        let pairs: BTreeMap<_, _> = FULL.into_iter().collect();
        Settings::from_lookup(|name| {
            if name == change.0 {
                change.1.map(str::to_owned)
            } else {
                pairs.get(name).map(ToString::to_string)
            }
        })
    }

    #[test]
    fn a_full_environment_is_read() {
        let settings = read(("", None)).unwrap();
        assert_eq!(settings.queues.len(), 1);
        assert_eq!(settings.upload_max_bytes, 1000);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for name in ["MAREY_JOBS_TABLE", "MAREY_QUEUE_POSE_EXPRESS"] {
            assert_eq!(
                read((name, None)).unwrap_err().to_string(),
                format!("the environment variable {name} is not set")
            );
        }
        assert_eq!(
            read(("MAREY_JOBS_TABLE", Some(""))).unwrap_err().name,
            "MAREY_JOBS_TABLE"
        );
        assert_eq!(
            read(("MAREY_UPLOAD_MAX_BYTES", Some("2G"))).unwrap_err().name,
            "MAREY_UPLOAD_MAX_BYTES"
        );
    }
}

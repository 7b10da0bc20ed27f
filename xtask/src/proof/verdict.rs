//! Whether everything ended right, judged from the table and the bucket themselves.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use marey_engine::{JobId, Workflow};
use serde::Serialize;
use serde_json::Value;

use super::local::Local;

/// How the jobs stand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Standing {
    pub(super) running: usize,
    pub(super) completed: usize,
    pub(super) failed: usize,
    pub(super) cancelled: usize,
    /// Uploads without a job.
    pub(super) missing: usize,
    /// The jobs that failed, with their codes.
    pub(super) failures: BTreeMap<String, String>,
    /// Jobs that needed more than one attempt at some shard.
    pub(super) tried_again: usize,
}

/// The rows of the jobs, by job and sort key.
pub(super) struct Rows(BTreeMap<String, BTreeMap<String, Value>>);

impl Rows {
    pub(super) fn read(local: &Local) -> Result<Self> {
        let mut jobs: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
        for row in local.rows()? {
            let text = |name: &str| row[name]["S"].as_str().unwrap_or_default().to_owned();
            if let Some(job) = text("PK").strip_prefix("JOB#") {
                jobs.entry(job.to_owned())
                    .or_default()
                    .insert(text("SK"), plain(&row["data"]));
            }
        }
        Ok(Self(jobs))
    }

    pub(super) fn standing(&self, jobs: &[JobId]) -> Standing {
        let mut standing = Standing::default();
        for job in jobs {
            let rows = self.0.get(&job.to_string());
            let Some(row) = rows.and_then(|rows| rows.get("JOB")) else {
                standing.missing += 1;
                continue;
            };
            match row["state"]["status"].as_str() {
                Some("completed") => standing.completed += 1,
                Some("cancelled") => standing.cancelled += 1,
                Some("failed") => {
                    standing.failed += 1;
                    let code = row["state"]["failure"]["code"].as_str().unwrap_or("?");
                    standing.failures.insert(job.to_string(), code.to_owned());
                }
                _ => standing.running += 1,
            }
            let attempts = rows.into_iter().flatten().filter(|(key, _)| key.starts_with("SHARD#"));
            if attempts
                .filter_map(|(_, row)| row["attempt"].as_f64())
                .any(|attempt| attempt > 1.0)
            {
                standing.tried_again += 1;
            }
        }
        standing
    }

    /// What is wrong: a completed job without what it promised, a row that belongs to nothing, a shard that is still waiting.
    pub(super) fn faults(&self, jobs: &[JobId], artifacts: &[String]) -> Vec<String> {
        let stored: BTreeSet<&str> = artifacts.iter().map(String::as_str).collect();
        let known: BTreeSet<String> = jobs.iter().map(ToString::to_string).collect();
        let mut faults = Vec::new();
        for (job, rows) in &self.0 {
            let Some(row) = rows.get("JOB") else {
                faults.push(format!(
                    "{job}: rows without a job: {:?}",
                    rows.keys().collect::<Vec<_>>()
                ));
                continue;
            };
            if !known.contains(job) {
                faults.push(format!("{job}: a job that nobody uploaded"));
            }
            if row["state"]["status"] == "completed" {
                faults.extend(missing(job, row, rows, &stored));
            }
        }
        faults
    }

    /// The shards that a task could ask for again: job, stage, number and the job's trace.
    pub(super) fn shards(&self) -> Vec<(String, String, u64, String)> {
        let mut shards = Vec::new();
        for (job, rows) in &self.0 {
            let trace = rows
                .get("JOB")
                .and_then(|row| row["trace"].as_str())
                .unwrap_or_default();
            for key in rows.keys() {
                if let ["SHARD", stage, number] = key.split('#').collect::<Vec<_>>()[..] {
                    let number = number.parse().unwrap_or_default();
                    shards.push((job.clone(), stage.to_owned(), number, trace.to_owned()));
                }
            }
        }
        shards
    }
}

/// What a completed job promised and has not got, or has got twice.
fn missing(job: &str, row: &Value, rows: &BTreeMap<String, Value>, stored: &BTreeSet<&str>) -> Vec<String> {
    let mut faults = Vec::new();
    let name = row["workflow"].as_str().unwrap_or_default();
    let Some(workflow) = Workflow::shipped(name) else {
        return vec![format!("{job}: no workflow {name}")];
    };
    if !stored.contains(format!("artifacts/{job}/manifest.json").as_str()) {
        faults.push(format!("{job}: no manifest"));
    }
    for stage in workflow.stages() {
        let prefix = format!("SHARD#{}#", stage.name);
        let shards: Vec<_> = rows.iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
        if shards.is_empty() {
            faults.push(format!("{job}: no shard of {}", stage.name));
        }
        for (key, shard) in shards {
            let status = shard["state"]["status"].as_str().unwrap_or("?");
            if status != "completed" {
                if !stage.optional {
                    faults.push(format!("{job}: complete, but {key} is {status}"));
                }
                continue;
            }
            for promised in &stage.artifacts {
                let left = shard["state"]["artifacts"].as_array();
                let left: Vec<_> = left
                    .into_iter()
                    .flatten()
                    .filter(|left| left["name"] == promised.as_str())
                    .collect();
                if left.len() != 1 {
                    faults.push(format!("{job}: {key} left {promised} {} times", left.len()));
                }
                let keys = left.iter().filter_map(|left| left["key"].as_str());
                faults.extend(
                    keys.filter(|key| !stored.contains(key))
                        .map(|key| format!("{job}: {key} is not stored")),
                );
            }
        }
    }
    faults
}

/// A value in DynamoDB's notation as plain JSON.
fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|object| object.iter().next()) else {
        return Value::Null;
    };
    match (kind.as_str(), inner) {
        ("N", Value::String(number)) => number.parse::<f64>().map_or(Value::Null, Value::from),
        ("L", Value::Array(list)) => list.iter().map(plain).collect(),
        ("M", Value::Object(map)) => map.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        ("NULL", _) => Value::Null,
        (_, inner) => inner.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn job() -> JobId {
        JobId::of_object("b", "k", None, "e")
    }

    /// A completed job of the workflow `probe`, with what it left.
    fn rows(artifacts: &Value) -> Rows {
        let shard = json!({"attempt": 2.0, "state": {"status": "completed", "artifacts": artifacts}});
        let row = json!({"workflow": "probe", "trace": "t", "state": {"status": "completed"}});
        let rows = BTreeMap::from([("JOB".to_owned(), row), ("SHARD#probe#0000".to_owned(), shard)]);
        Rows(BTreeMap::from([(job().to_string(), rows)]))
    }

    #[test]
    fn what_a_completed_job_lacks_is_a_fault() {
        let workflow = Workflow::shipped("probe").unwrap();
        let promised = &workflow.stages()[0].artifacts;
        let left: Value = promised
            .iter()
            .map(|name| json!({"name": name, "key": format!("artifacts/{name}")}))
            .collect();
        let manifest = format!("artifacts/{}/manifest.json", job());
        let mut stored: Vec<String> = promised.iter().map(|name| format!("artifacts/{name}")).collect();
        stored.push(manifest.clone());
        assert_eq!(rows(&left).faults(&[job()], &stored), [""; 0]);
        assert!(rows(&json!([])).faults(&[job()], &stored)[0].contains("0 times"));
        assert!(rows(&left).faults(&[job()], &[manifest])[0].contains("is not stored"));
        assert!(rows(&left).faults(&[job()], &stored[..stored.len() - 1])[0].contains("no manifest"));
        assert!(rows(&left).faults(&[], &stored)[0].contains("nobody uploaded"));
        let standing = rows(&left).standing(&[job()]);
        assert_eq!((standing.completed, standing.tried_again), (1, 1));
    }

    #[test]
    fn rows_without_a_job_are_a_fault() {
        let mut rows = rows(&json!([]));
        rows.0.values_mut().next().unwrap().remove("JOB");
        assert!(rows.faults(&[job()], &[])[0].contains("rows without a job"));
        assert_eq!(rows.standing(&[job()]).missing, 1);
    }

    #[test]
    fn dynamodbs_notation_becomes_plain_json() {
        let value = json!({"M": {"a": {"L": [{"N": "1.5"}, {"BOOL": true}, {"NULL": true}]}, "b": {"S": "x"}}});
        assert_eq!(plain(&value), json!({"a": [1.5, true, null], "b": "x"}));
    }
}

//! Logs and metrics.
//!
//! Logs are JSON lines on standard output, as CloudWatch reads them. Metrics are lines in CloudWatch's embedded metric
//! format (Amazon CloudWatch User Guide, "Specification: Embedded metric format"), written to the same stream, so that a
//! function needs neither a client nor a permission to be measured. The format is one JSON object per line; the crates
//! that write it bring procedural macros and a background queue, which a function that lives for one message does not
//! need.

use std::{
    io::Write,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Map, Value, json};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Marey";

/// Whether this process is watched: then it writes metrics.
static IS_WATCHED: AtomicBool = AtomicBool::new(false);

/// Begins logging and measuring; the level comes from `RUST_LOG` (`debug`, or `info,marey_cloud=debug`) and is `info` without it.
/// Calling it again changes nothing.
pub fn init() {
    IS_WATCHED.store(true, Ordering::Relaxed);
    let asked = std::env::var("RUST_LOG")
        .ok()
        .and_then(|text| text.parse::<Targets>().ok());
    let levels = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_target(false)
        .with_current_span(true)
        .with_span_list(false);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(levels).try_init();
}

/// 1 when it is asked for the first time in a process, 0 afterwards: the first unit of work of a process had to wait for its
/// start.
pub fn cold_start() -> f64 {
    static IS_WARM: AtomicBool = AtomicBool::new(false);
    if IS_WARM.swap(true, Ordering::Relaxed) {
        0.0
    } else {
        1.0
    }
}

/// Unit of a metric, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// A number of things.
    Count,
    /// A size.
    Bytes,
    /// Something that CloudWatch has no unit for, such as dollars.
    None,
}

impl Unit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Milliseconds => "Milliseconds",
            Self::Count => "Count",
            Self::Bytes => "Bytes",
            Self::None => "None",
        }
    }
}

/// One unit of work, measured.
#[derive(Debug, Clone)]
pub struct Record {
    dimension: (&'static str, String),
    metrics: Vec<(&'static str, Unit, f64)>,
    properties: Map<String, Value>,
}

impl Record {
    /// A record of a stage's work.
    pub fn of_stage(stage: &str) -> Self {
        Self::of("Stage", stage)
    }

    /// A record whose metrics have another dimension.
    pub fn of(dimension: &'static str, value: &str) -> Self {
        Self {
            dimension: (dimension, value.to_owned()),
            metrics: Vec::new(),
            properties: Map::new(),
        }
    }

    /// Adds a metric; a value that is not a number is left out.
    #[must_use]
    pub fn metric(mut self, name: &'static str, unit: Unit, value: f64) -> Self {
        if value.is_finite() {
            self.metrics.push((name, unit, value));
        }
        self
    }

    /// Adds something to search for, such as the job's id.
    #[must_use]
    pub fn property(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.properties.insert(name.to_owned(), value.into());
        self
    }

    /// The record as a line of the embedded metric format.
    pub fn to_line(&self, now: jiff::Timestamp) -> String {
        let definitions: Vec<_> = self
            .metrics
            .iter()
            .map(|(name, unit, _)| json!({"Name": name, "Unit": unit.as_str()}))
            .collect();
        let directive = json!({"Namespace": NAMESPACE, "Dimensions": [[self.dimension.0]], "Metrics": definitions});
        let mut line = self.properties.clone();
        line.insert(
            "_aws".to_owned(),
            json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": [directive]}),
        );
        line.insert(self.dimension.0.to_owned(), json!(self.dimension.1));
        for (name, _, value) in &self.metrics {
            line.insert((*name).to_owned(), json!(value));
        }
        Value::Object(line).to_string()
    }

    /// Writes the record to standard output, if [`init`] was called in this process: what tests and simulations do is no
    /// measurement.
    pub fn emit(&self) {
        if !IS_WATCHED.load(Ordering::Relaxed) {
            return;
        }
        let line = self.to_line(jiff::Timestamp::now());
        // A lost metric is no reason to fail the work that it measured.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_in_the_embedded_metric_format() {
        let record = Record::of_stage("pose")
            .metric("StageDuration", Unit::Milliseconds, 12.5)
            .metric("Frames", Unit::Count, f64::NAN)
            .property("job", "j");
        let line: Value = serde_json::from_str(&record.to_line(jiff::Timestamp::UNIX_EPOCH)).unwrap();
        assert_eq!(
            line,
            json!({
                "_aws": {
                    "Timestamp": 0,
                    "CloudWatchMetrics": [{
                        "Namespace": "Marey",
                        "Dimensions": [["Stage"]],
                        "Metrics": [{"Name": "StageDuration", "Unit": "Milliseconds"}],
                    }],
                },
                "Stage": "pose",
                "StageDuration": 12.5,
                "job": "j",
            })
        );
    }
}

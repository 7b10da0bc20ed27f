//! How an attempt's end is told: to users, to developers, to the metrics.

use std::path::Path;

use marey_engine::{Failure, Job, Shard, ShardKey, StageSpec};
use sha2::{Digest, Sha256};

use super::{Disposal, Left};
use crate::{
    CloudError, StageError,
    telemetry::{self, Record, Unit},
};

/// Longest private cause that is kept, in bytes; the end of a long story is in the log.
const LONGEST_CAUSE: usize = 8192;

/// A message that nobody can act on comes back until the queue moves it to the dead-letter queue.
pub(super) fn unreadable(problem: &str) -> Disposal {
    tracing::error!(problem, "task refused");
    Disposal::Return(Some(0))
}

pub(super) fn failure_of(error: &StageError, key: &ShardKey, attempt: u32) -> Failure {
    Failure {
        code: error.code.clone(),
        message: error.message.clone(),
        hint: error.hint.clone(),
        stage: Some(key.stage.clone()),
        attempt,
        class: error.class,
    }
    .bounded()
}

/// The private causes of an error in one line.
pub(super) fn causes(error: &StageError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    // The record must fit into a row of the table, whatever a tool or a panic had to say.
    text.truncate(text.floor_char_boundary(LONGEST_CAUSE));
    text
}

pub(super) fn upload_gone(error: CloudError) -> StageError {
    match error {
        CloudError::Missing { .. } => StageError::permanent(
            "INPUT_GONE",
            "The uploaded video was deleted or replaced before it could be read.",
            "Upload the video again and leave it in place until the job has ended.",
        )
        .because(error),
        CloudError::Damaged { .. } => StageError::permanent(
            "ARCHIVE_DAMAGED",
            "The video is damaged in its archive: what is packed there is not what the archive's directory says.",
            "Pack this video again and upload it; the others of the archive are not concerned.",
        )
        .because(error),
        other => service_busy(other),
    }
}

pub(super) fn service_busy(error: CloudError) -> StageError {
    StageError::transient(
        "STORAGE_BUSY",
        "The storage did not answer in time.",
        "Marey tries again by itself.",
    )
    .because(error)
}

pub(super) fn out_of_time(spec: &StageSpec, timeout_s: u32) -> StageError {
    StageError::transient(
        "STAGE_TIMEOUT",
        format!("The stage {} was not done within {timeout_s} s.", spec.name),
        "Cut the video into shorter pieces, or lower its resolution.",
    )
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panic: {}", text.unwrap_or("without a message"))
}

/// Size and SHA-256 of a file.
pub(super) fn digest(path: &Path) -> Result<(u64, String), StageError> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let bytes = std::io::copy(&mut file, &mut hasher)?;
    Ok((bytes, hex::encode(hasher.finalize())))
}

/// How an attempt ended that ended well.
pub(super) struct Ended {
    pub(super) left: Left,
    pub(super) frames: u64,
    /// Whether nothing ran, since an earlier job had the same inputs.
    pub(super) reused: bool,
}

impl Ended {
    pub(super) fn worked(left: Left, frames: u64) -> Self {
        // A stage that counts nothing itself may have found a number.
        let found = left.facts.get("frames").and_then(serde_json::Value::as_u64);
        let frames = if frames > 0 { frames } else { found.unwrap_or(0) };
        Self {
            left,
            frames,
            reused: false,
        }
    }
}

/// One record per unit of work.
pub(super) fn report(job: &Job, shard: &Shard, cost_usd: f64) {
    let marey_engine::ShardState::Completed {
        run_ms,
        artifacts,
        reused,
        ..
    } = &shard.state
    else {
        return;
    };
    tracing::info!(
        run_ms,
        queue_ms = shard.queue_ms,
        artifacts = artifacts.len(),
        frames = shard.frames,
        cost_usd,
        reused,
        "stage completed"
    );
    let bytes: u64 = artifacts.iter().map(|artifact| artifact.bytes).sum();
    let queue_ms = shard.queue_ms.map_or(f64::NAN, |ms| ms as f64);
    let frames = if shard.frames > 0 {
        shard.frames as f64
    } else {
        f64::NAN
    };
    Record::of_stage(shard.key.stage.as_str())
        .metric("StageDuration", Unit::Milliseconds, *run_ms as f64)
        .metric("QueueTime", Unit::Milliseconds, queue_ms)
        .metric("Attempts", Unit::Count, f64::from(shard.attempts_this_round()))
        .metric("Frames", Unit::Count, frames)
        .metric("ArtifactBytes", Unit::Bytes, bytes as f64)
        .metric("CostUsd", Unit::None, cost_usd)
        .metric("ColdStart", Unit::Count, telemetry::cold_start())
        .metric("Reused", Unit::Count, f64::from(u8::from(*reused)))
        .property("job", shard.key.job.to_string())
        .property("shard", shard.key.shard)
        .property("owner", job.owner.clone())
        .property("trace", job.trace.clone())
        .emit();
}

//! Batches as the API shows them. Where a batch stands follows from its jobs.

use std::{collections::BTreeMap, ops::Range};

use marey_cloud::store::{Batch, BatchItem};
use marey_contract::{self as say, BatchCounts, BatchStatus, VideoStatus};
use marey_engine::{Job, JobState, Snapshot, Workflow, progress};
use serde_json::Value;

/// Most numbers of one video in the table.
const MOST_FIGURES: usize = 40;

/// A batch as lists show it.
pub(crate) fn summary(batch: &Batch) -> say::BatchSummary {
    say::BatchSummary {
        id: batch.id.to_string(),
        name: batch.name.clone(),
        workflow: batch.workflow.clone(),
        priority: batch.priority,
        created_at: batch.created_at.to_string(),
        videos: batch.items,
        owner: batch.owner.clone(),
        cancelled_at: batch.cancelled_at.map(|at| at.to_string()),
    }
}

/// A batch with a part of its table. `rows` holds all rows of the jobs that run, and of those in that part.
pub(crate) fn detail(
    batch: &Batch,
    items: &[BatchItem],
    jobs: &[Option<Job>],
    rows: &BTreeMap<usize, Snapshot>,
    part: Range<usize>,
) -> say::BatchDetail {
    let statuses: Vec<_> = jobs
        .iter()
        .enumerate()
        .map(|(at, job)| video_status(batch, job.as_ref(), rows.get(&at)))
        .collect();
    let done = statuses
        .iter()
        .enumerate()
        .map(|(at, status)| share(*status, rows.get(&at)));
    let progress = done.sum::<f64>() / jobs.len().max(1) as f64;
    let counts = counts(&statuses);
    let upto = part.end.min(items.len());
    let table = (part.start.min(upto)..upto)
        .map(|at| {
            line(
                batch,
                &items[at],
                at,
                statuses.get(at).copied(),
                jobs.get(at),
                rows.get(&at),
            )
        })
        .collect();
    say::BatchDetail {
        summary: summary(batch),
        status: status(batch, &counts),
        progress,
        counts,
        table,
        next_cursor: (upto < items.len()).then(|| upto.to_string()),
    }
}

fn video_status(batch: &Batch, job: Option<&Job>, rows: Option<&Snapshot>) -> VideoStatus {
    match job.map(|job| &job.state) {
        None if batch.cancelled_at.is_some() => VideoStatus::Cancelled,
        None => VideoStatus::AwaitingUpload,
        Some(JobState::Running) if rows.is_some_and(super::is_queued) => VideoStatus::Queued,
        Some(JobState::Running) => VideoStatus::Running,
        Some(JobState::Completed { .. }) => VideoStatus::Completed,
        Some(JobState::Failed { .. }) => VideoStatus::Failed,
        Some(JobState::Cancelled { .. }) => VideoStatus::Cancelled,
    }
}

fn share(status: VideoStatus, rows: Option<&Snapshot>) -> f64 {
    match status {
        VideoStatus::AwaitingUpload => 0.0,
        VideoStatus::Queued | VideoStatus::Running => rows.map_or(0.0, share_of),
        VideoStatus::Completed | VideoStatus::Failed | VideoStatus::Cancelled => 1.0,
    }
}

fn share_of(rows: &Snapshot) -> f64 {
    Workflow::shipped(&rows.job.value.workflow).map_or(0.0, |workflow| progress(&workflow, rows).share)
}

fn counts(statuses: &[VideoStatus]) -> BatchCounts {
    let count = |wanted: VideoStatus| statuses.iter().filter(|status| **status == wanted).count() as u32;
    BatchCounts {
        awaiting_upload: count(VideoStatus::AwaitingUpload),
        queued: count(VideoStatus::Queued),
        running: count(VideoStatus::Running),
        completed: count(VideoStatus::Completed),
        failed: count(VideoStatus::Failed),
        cancelled: count(VideoStatus::Cancelled),
    }
}

/// Where a batch stands.
fn status(batch: &Batch, counts: &BatchCounts) -> BatchStatus {
    if counts.queued + counts.running > 0 {
        BatchStatus::Running
    } else if counts.awaiting_upload > 0 {
        BatchStatus::Uploading
    } else if counts.failed + counts.cancelled == 0 {
        BatchStatus::Completed
    } else if counts.completed > 0 {
        BatchStatus::PartlyCompleted
    } else if batch.cancelled_at.is_some() || counts.failed == 0 {
        BatchStatus::Cancelled
    } else {
        BatchStatus::Failed
    }
}

fn line(
    batch: &Batch,
    item: &BatchItem,
    at: usize,
    status: Option<VideoStatus>,
    job: Option<&Option<Job>>,
    rows: Option<&Snapshot>,
) -> say::BatchVideo {
    let job = job.and_then(Option::as_ref);
    let ended_at = job.and_then(Job::ended_at);
    let took = job
        .zip(ended_at)
        .map(|(job, at)| at.duration_since(job.created_at).as_millis() as i64);
    let error = job.and_then(|job| match &job.state {
        JobState::Failed { failure, .. } => Some(super::error(failure)),
        _ => None,
    });
    let status = status.unwrap_or(VideoStatus::AwaitingUpload);
    let mut line = say::BatchVideo {
        item: at as u32,
        name: item.name.clone(),
        job_id: batch.job_of(at as u32).to_string(),
        status,
        progress: match status {
            VideoStatus::Completed => 1.0,
            _ => rows.map_or(0.0, share_of),
        },
        took_ms: took,
        duration_s: None,
        frames: None,
        people: None,
        figures: BTreeMap::new(),
        error,
        cost_usd: rows.map_or(0.0, Snapshot::cost_usd),
    };
    if let Some(rows) = rows {
        figures(rows, &mut line);
    }
    line
}

/// Numbers out of what the stages with one shard found; what a later stage says counts.
fn figures(rows: &Snapshot, line: &mut say::BatchVideo) {
    for row in rows.shards.values() {
        let shard = &row.value;
        let is_whole = rows.shard_count(&shard.key.stage).ok().flatten() == Some(1);
        let Some(facts) = shard.facts.as_object().filter(|_| is_whole && shard.is_complete()) else {
            continue;
        };
        let stage = shard.key.stage.as_str();
        for (name, value) in facts.iter().filter(|(_, value)| value.is_number()) {
            match name.as_str() {
                "duration_s" => line.duration_s = line.duration_s.or(value.as_f64()),
                "frames" if stage != "report" => line.frames = value.as_u64().or(line.frames),
                "people" | "people_found" => line.people = value.as_u64().or(line.people),
                _ => note(line, format!("{stage}.{name}"), value),
            }
        }
        // The range of each angle of the person who was seen most.
        let person = facts.get("people").and_then(|people| people.get(0));
        for angle in person
            .and_then(|person| person["angles"].as_array())
            .into_iter()
            .flatten()
        {
            if let Some(id) = angle["id"].as_str() {
                note(
                    line,
                    format!("{stage}.{id}.range_of_motion_deg"),
                    &angle["range_of_motion_deg"],
                );
            }
        }
    }
}

fn note(line: &mut say::BatchVideo, name: String, value: &Value) {
    if let Some(value) = value.as_f64()
        && line.figures.len() < MOST_FIGURES
    {
        line.figures.insert(name, value);
    }
}

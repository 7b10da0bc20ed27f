//! Jobs and results that never change, so that what is printed of them does not.

use marey_contract::{ErrorBody, JobDetail, JobStatus, JobSummary, ResultFile, StageDetail, StageStatus};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The id of the job in most tests.
pub(crate) const ID: &str = "7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11";

pub(crate) fn summary(status: JobStatus) -> JobSummary {
    JobSummary {
        id: ID.to_owned(),
        name: "squat.mp4".to_owned(),
        workflow: "motion".to_owned(),
        status,
        priority: 5,
        created_at: "2026-11-21T10:00:00Z".to_owned(),
        ended_at: status.has_ended().then(|| "2026-11-21T10:00:34.25Z".to_owned()),
        error: None,
        batch: None,
        owner: "default".to_owned(),
    }
}

pub(crate) fn stage(name: &str, title: &str, status: StageStatus, progress: f64) -> StageDetail {
    let is_begun = !matches!(status, StageStatus::Waiting | StageStatus::Queued);
    StageDetail {
        name: name.to_owned(),
        title: title.to_owned(),
        status,
        progress,
        attempts: u32::from(is_begun),
        queue_ms: is_begun.then_some(55),
        run_ms: (status == StageStatus::Completed).then_some(1234),
        error: None,
        facts: Value::Null,
        shards: Some(1),
        shards_done: u32::from(status == StageStatus::Completed),
        pieces: Vec::new(),
        reused: 0,
        frames: 0,
        frames_per_s: None,
        cost_usd: if is_begun { 0.000_12 } else { 0.0 },
        optional: false,
        held: None,
    }
}

/// A job in whose four stages so much is done.
pub(crate) fn job(status: JobStatus, done: [(StageStatus, f64); 4]) -> JobDetail {
    let names = [
        ("probe", "Look at the file"),
        ("pose", "Estimate the pose"),
        ("biomechanics", "Compute the angles"),
        ("visualize", "Draw the results"),
    ];
    let stages: Vec<_> = names
        .iter()
        .zip(done)
        .map(|((name, title), (status, progress))| stage(name, title, status, progress))
        .collect();
    JobDetail {
        summary: summary(status),
        progress: done.iter().map(|(_, progress)| progress).sum::<f64>() / 4.0,
        input_bytes: 12_345_678,
        trace: "1-6742c1b0-0123456789abcdef01234567".to_owned(),
        stages,
        params: std::collections::BTreeMap::new(),
        runs_on: None,
        reuse: false,
        round: 0,
        deadline: Some("2026-11-22T10:00:00Z".to_owned()),
        cost_usd: 0.000_48,
        degraded: Vec::new(),
        failures: Vec::new(),
        ahead: None,
        time_left: None,
    }
}

pub(crate) fn running() -> JobDetail {
    use StageStatus::{Completed, Running, Waiting};
    job(
        JobStatus::Running,
        [(Completed, 1.0), (Running, 0.43), (Waiting, 0.0), (Waiting, 0.0)],
    )
}

pub(crate) fn completed() -> JobDetail {
    let mut job = job(JobStatus::Completed, [(StageStatus::Completed, 1.0); 4]);
    job.stages[0].facts = json!({
        "duration_s": 12.345, "frames": 370, "size": {"width_px": 1920, "height_px": 1080}, "codec": "h264",
    });
    job.stages[2].facts = json!({
        "people": [{
            "id": 0, "frames_seen": 360, "view": "side", "deviation_deg": 5.2,
            "angles": [
                {"id": "left_knee_flexion_image", "label": "Left knee flexion", "minimum_deg": 10.8,
                 "maximum_deg": 91.5, "range_of_motion_deg": 80.7, "coverage": 0.533},
                {"id": "right_hip_flexion_image", "label": "Right hip flexion", "minimum_deg": 6.0,
                 "maximum_deg": 112.1, "range_of_motion_deg": 106.1, "coverage": 1.0},
            ],
        }],
        "repetitions": [
            {"begin_s": 0.5, "end_s": 2.25, "depth_deg": 92.126},
            {"begin_s": 2.25, "end_s": 4.0, "depth_deg": 90.0},
        ],
        "seen_share": 0.976,
    });
    job
}

pub(crate) fn failed() -> JobDetail {
    use StageStatus::{Cancelled, Completed, Failed};
    let error = ErrorBody {
        code: "NO_PERSON_FOUND".to_owned(),
        message: "Nobody was found in the video.".to_owned(),
        hint: "Film the whole body, in good light.".to_owned(),
        stage: Some("pose".to_owned()),
        attempt: Some(1),
    };
    let mut job = job(
        JobStatus::Failed,
        [(Completed, 1.0), (Failed, 0.2), (Cancelled, 0.0), (Cancelled, 0.0)],
    );
    job.stages[1].error = Some(error.clone());
    job.failures = vec![marey_contract::FailureEntry {
        at: "2026-11-21T10:00:30Z".to_owned(),
        error: error.clone(),
        shard: Some(3),
        transient: false,
        cause: None,
        message_body: None,
    }];
    job.summary.error = Some(error);
    job
}

/// A long job at work: shards in every state, a failed attempt behind it, an optional stage that failed.
pub(crate) fn sharded() -> JobDetail {
    use StageStatus::{Completed, Failed, Held, Queued, Running, Waiting};
    let mut job = job(
        JobStatus::Running,
        [(Completed, 1.0), (Running, 0.43), (Waiting, 0.0), (Failed, 0.0)],
    );
    let piece = |shard: u32| marey_contract::ShardDetail {
        shard,
        status: match shard {
            0..17 => Completed,
            17..19 => Running,
            19 => Held,
            _ => Queued,
        },
        attempt: if shard == 18 { 2 } else { u32::from(shard < 19) },
        progress: if shard < 17 {
            1.0
        } else {
            0.34 - f64::from(shard) / 1000.0
        },
        frames_per_s: (17..19).contains(&shard).then_some(31.46),
        reused: shard < 3,
        error: (shard == 18).then(|| "STAGE_TIMEOUT".to_owned()),
    };
    let pose = &mut job.stages[1];
    (pose.shards, pose.shards_done, pose.reused) = (Some(40), 17, 3);
    pose.pieces = (0..40).map(piece).collect();
    (pose.frames_per_s, pose.cost_usd, pose.attempts) = (Some(62.92), 0.0456, 2);
    pose.held = Some("the stage is paused: maintenance".to_owned());
    let error = |code: &str, message: &str, stage: &str| ErrorBody {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: "Cut the video into shorter pieces, or lower its resolution.".to_owned(),
        stage: Some(stage.to_owned()),
        attempt: Some(1),
    };
    let late = error("STAGE_TIMEOUT", "The stage was not done in 880 s.", "pose");
    let lost = error("MEDIA_NO_SPACE", "The disk is full.", "visualize");
    job.stages[3].optional = true;
    job.degraded = vec![lost.clone()];
    let entry = |at: &str, error: &ErrorBody, shard| marey_contract::FailureEntry {
        at: at.to_owned(),
        error: error.clone(),
        shard,
        transient: true,
        cause: Some("deadline of the attempt".to_owned()),
        message_body: None,
    };
    job.failures = vec![
        entry("2026-11-21T10:05:34.25Z", &late, Some(18)),
        entry("2026-11-21T10:06:02Z", &lost, None),
    ];
    job.params = [
        ("cutoff_hz", json!(8.0)),
        ("filter", json!("loess")),
        ("longest_gap_s", json!(0.2)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    job.runs_on = Some(marey_contract::RunsOn::Batch);
    (job.round, job.cost_usd, job.reuse) = (1, 0.0512, true);
    job.summary.batch = Some("2f1c6a0e-5b1d-4c39-8d53-0a9f4f6f2b11".to_owned());
    job.time_left = Some(marey_contract::TimeLeft {
        least_ms: 95_000,
        most_ms: 260_000,
    });
    job
}

/// A result with this content, behind this link.
pub(crate) fn file(stage: &str, name: &str, content: &[u8], url: String) -> ResultFile {
    ResultFile {
        stage: stage.to_owned(),
        name: name.to_owned(),
        content_type: "text/plain".to_owned(),
        bytes: content.len() as u64,
        sha256: hex::encode(Sha256::digest(content)),
        url,
    }
}

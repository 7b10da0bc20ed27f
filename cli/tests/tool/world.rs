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
    job.summary.error = Some(error);
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

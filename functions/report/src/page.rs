//! Fills in the report.

use marey_cloud::Work;
use marey_media::VideoInfo;
use marey_motion::Analysis;
use marey_picture::report::{Download, Photo, ReportInput, VideoFacts, VideoLink, html};

use crate::{ANNOTATED, PHOTO};

/// The page for a job. Its links are file names: the results of a job lie in one folder. The annotated video, if there is one, starts at a
/// time of the analysis.
pub(crate) fn page(
    work: &Work,
    info: &VideoInfo,
    analysis: &Analysis,
    video_starts_at_s: Option<f64>,
    photo: Option<&[u8]>,
) -> String {
    let facts = VideoFacts {
        duration_s: info.duration_s,
        width_px: info.width_px,
        height_px: info.height_px,
        codec: Some(info.codec.clone()),
        frame_rate: Some((info.frame_rate.num as u32, info.frame_rate.den as u32)),
        variable_rate: info.variable_frame_rate,
        rotation_deg: info.rotation_deg.round() as i32,
        size_bytes: Some(info.file_bytes),
    };
    let link = video_starts_at_s.map(|starts_at_s| VideoLink {
        href: ANNOTATED.to_owned(),
        media_type: "video/mp4".to_owned(),
        starts_at_s,
    });
    let mut warnings = Vec::new();
    if video_starts_at_s.is_none() {
        warnings.push(
            "Drawing on the video failed, so this report has no annotated video and no chronophotograph. The measurements are \
             complete: they do not depend on it."
                .to_owned(),
        );
    }
    let input = ReportInput {
        job_id: Some(work.job.id.to_string()),
        // The upload's time, not the drawing's: the same job makes the same page.
        created: Some(work.job.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        marey_version: env!("CARGO_PKG_VERSION").to_owned(),
        annotated_video: link,
        chronophotograph: photo.map(|photo| Photo {
            media_type: "image/jpeg".to_owned(),
            bytes: photo.to_vec(),
        }),
        chronogram: true,
        downloads: downloads(video_starts_at_s.is_some(), photo.is_some()),
        warnings,
        ..ReportInput::new(analysis, facts)
    };
    html(&input)
}

fn downloads(has_video: bool, has_photo: bool) -> Vec<Download> {
    let files = [
        (ANNOTATED, "Annotated video", "H.264 with skeleton, angles and time"),
        (
            "angles.csv",
            "Angles (CSV)",
            "one column per angle in degrees and one for its velocity, one row per frame",
        ),
        (
            "angles.parquet",
            "Angles (Parquet)",
            "long form, with units in the schema",
        ),
        (
            "kinematics.csv",
            "Kinematics (CSV)",
            "position, velocity and acceleration of the joints and of the centre of mass, one row per frame",
        ),
        (
            "kinematics.parquet",
            "Kinematics (Parquet)",
            "the same, with units in the schema",
        ),
        (
            "recording.parquet",
            "Landmarks (Parquet)",
            "as the model saw them: 33 per frame, in pixels and metres",
        ),
        (
            "poses.parquet",
            "Cleaned landmarks (Parquet)",
            "short gaps filled, filtered; what the angles are made of",
        ),
        (
            "analysis.json",
            "Analysis (JSON)",
            "every angle with its range, and the settings that made it",
        ),
        ("angles.svg", "Plots (SVG)", "angle curves for print"),
        (PHOTO, "Chronophotograph (JPEG)", "the movement in one picture"),
    ];
    let download = |(href, label, detail): (&str, &str, &str)| Download {
        label: label.to_owned(),
        href: href.to_owned(),
        detail: detail.to_owned(),
    };
    let is_there = |name: &str| (has_video || name != ANNOTATED) && (has_photo || name != PHOTO);
    files
        .into_iter()
        .filter(|file| is_there(file.0))
        .map(download)
        .collect()
}

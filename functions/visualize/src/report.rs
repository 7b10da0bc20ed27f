//! Fills in the report.

use marey_cloud::Work;
use marey_media::{EncodedVideo, VideoInfo};
use marey_motion::Analysis;
use marey_picture::report::{Download, Photo, ReportInput, VideoFacts, VideoLink, html};

/// The page for a job. Its links are file names: the results of a job lie in one folder.
pub(crate) fn page(work: &Work, info: &VideoInfo, analysis: &Analysis, encoded: &EncodedVideo, photo: &[u8]) -> String {
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
    let starts_at_s = info.first_timestamp_s;
    let link = VideoLink {
        href: "annotated.mp4".to_owned(),
        media_type: "video/mp4".to_owned(),
        starts_at_s,
    };
    let input = ReportInput {
        job_id: Some(work.job.id.to_string()),
        // The upload's time, not the drawing's: the same job makes the same page.
        created: Some(work.job.created_at.strftime("%Y-%m-%d %H:%M UTC").to_string()),
        marey_version: env!("CARGO_PKG_VERSION").to_owned(),
        annotated_video: (encoded.frames > 0).then_some(link),
        chronophotograph: Some(Photo {
            media_type: "image/jpeg".to_owned(),
            bytes: photo.to_vec(),
        }),
        chronogram: true,
        downloads: downloads(),
        ..ReportInput::new(analysis, facts)
    };
    html(&input)
}

fn downloads() -> Vec<Download> {
    let files = [
        (
            "annotated.mp4",
            "Annotated video",
            "H.264 with skeleton, angles and time",
        ),
        (
            "angles.csv",
            "Angles (CSV)",
            "one column per angle in degrees, one row per frame",
        ),
        (
            "angles.parquet",
            "Angles (Parquet)",
            "long form, with units in the schema",
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
        (
            "chronophotograph.jpg",
            "Chronophotograph (JPEG)",
            "the movement in one picture",
        ),
    ];
    let download = |(href, label, detail): (&str, &str, &str)| Download {
        label: label.to_owned(),
        href: href.to_owned(),
        detail: detail.to_owned(),
    };
    files.into_iter().map(download).collect()
}

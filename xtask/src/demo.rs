//! The first minute: everything from nothing to results, in one command.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use marey_contract::JobDetail;
use marey_engine::JobId;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    build, home, sample,
    shell::{Program, step},
    stack::{self, Stack},
};

/// What to show.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// A video of a moving person; the project's own sample if absent
    video: Option<PathBuf>,
    #[command(flatten)]
    stack: stack::StackOptions,
}

/// What `put-object` says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stored {
    e_tag: String,
    version_id: Option<String>,
}

/// `cargo xtask demo`.
pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(video) = &options.video
        && !video.is_file()
    {
        bail!("{} is not a file", video.display());
    }
    let stack = stack::up(&options.stack)?;
    let video = match &options.video {
        Some(video) => video.canonicalize()?,
        None => sample::default_video()?,
    };
    let started = Instant::now();
    let id = upload(&stack, &video)?;
    marey(&stack)?
        .args(["watch", &id])
        .progress()
        .context("the job did not complete; its error and hint stand above")?;
    let seconds = started.elapsed().as_secs_f64();
    let folder = home().join("results").join(&id);
    step("download the results", || {
        marey(&stack)?
            .args(["results", &id, "--force", "--download"])
            .arg(&folder)
            .quiet()
    })?;
    let detail = marey(&stack)?.args(["--json", "status", &id]).text()?;
    let detail: JobDetail = serde_json::from_str(&detail).context("the job's description cannot be read")?;
    show(&stack, &detail, &folder, seconds)
}

fn marey(stack: &Stack) -> Result<Program> {
    Ok(Program::new(build::marey()).envs(stack.environment()?))
}

/// A plain S3 PUT, as any program could do it. The object names its job.
fn upload(stack: &Stack, video: &Path) -> Result<String> {
    let name = video
        .file_name()
        .context("the video has no name")?
        .to_string_lossy()
        .into_owned();
    let (bucket, key) = (stack.output("UploadsBucketName")?, format!("uploads/{name}"));
    let stored = step(&format!("upload {name} to s3://{bucket}/{key}"), || {
        let aws = Program::new(home().join("venv/bin/aws")).envs(stack.cloud.environment());
        aws.args([
            "s3api",
            "put-object",
            "--output",
            "json",
            "--bucket",
            bucket,
            "--key",
            &key,
            "--body",
        ])
        .arg(video)
        .text()
    })?;
    let stored: Stored = serde_json::from_str(&stored).context("the answer to the upload cannot be read")?;
    let version = stored.version_id.as_deref().filter(|version| *version != "null");
    Ok(JobId::of_object(bucket, &key, version, &stored.e_tag).to_string())
}

fn show(stack: &Stack, job: &JobDetail, folder: &Path, seconds: f64) -> Result<()> {
    let facts = |stage: &str| {
        job.stages
            .iter()
            .find(|s| s.name == stage)
            .map_or(&Value::Null, |s| &s.facts)
    };
    let (video, pose, motion) = (facts("probe"), facts("pose"), facts("biomechanics"));
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let rows = [
        ("report", format!("{}", folder.join("report.html").display())),
        ("all results", format!("{}", folder.display())),
        ("job over HTTP", format!("{}/jobs/{}", stack.api()?, job.summary.id)),
        (
            "video",
            format!(
                "{:.2} s, {} frames of {} × {} px, {}",
                number(&video["duration_s"]),
                video["frames"],
                video["width_px"],
                video["height_px"],
                video["codec"].as_str().unwrap_or("?")
            ),
        ),
        (
            "people",
            format!(
                "{}, seen in {} of {} frames",
                pose["people"], pose["frames_with_person"], pose["frames"]
            ),
        ),
        (
            "pose",
            format!(
                "{:.1} frames/s, {:.0} % of the time in inference",
                number(&pose["frames_per_second"]),
                100.0 * number(&pose["inference_share"])
            ),
        ),
        ("upload to results", format!("{seconds:.1} s")),
    ];
    println!();
    for (name, value) in rows {
        println!("  {name:<18} {value}");
    }
    show_angles(motion);
    println!("\nOpen the report in a browser. `cargo xtask down` stops the local cloud.");
    Ok(())
}

/// The main angles of each person with their ranges.
fn show_angles(motion: &Value) {
    for person in motion["people"].as_array().into_iter().flatten() {
        let view = person["view"].as_str().unwrap_or("unknown");
        println!(
            "\n  person {}, {view} view {:>18} {:>9} {:>9}",
            person["id"], "min", "max", "range"
        );
        for angle in person["angles"].as_array().into_iter().flatten() {
            let degrees = |name: &str| {
                angle[name]
                    .as_f64()
                    .map_or_else(|| "–".to_owned(), |value| format!("{value:.1}°"))
            };
            println!(
                "  {:<30} {:>8} {:>9} {:>9}",
                angle["label"].as_str().unwrap_or("?"),
                degrees("minimum_deg"),
                degrees("maximum_deg"),
                degrees("range_of_motion_deg")
            );
        }
    }
}

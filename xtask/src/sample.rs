//! Renders the sample and writes it as a video with its true angles beside it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};
use marey_media::{EncodeOptions, Encoder, Rational, Tools};
use marey_sample::{Scene, render, truth};

use crate::home;

/// What the person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Motion {
    /// Repeated squats on the spot
    Squat,
    /// A walk through the picture
    Walk,
    /// Two people whose ways cross
    Crossing,
    /// The same, in the same clothes
    Twins,
}

/// What to render.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// What the person does
    #[arg(long, value_enum, default_value = "walk")]
    motion: Motion,
    /// From where: 0 is the front, 90 the side
    #[arg(long, default_value_t = 90.0)]
    yaw: f64,
    /// Where to write the video; its true angles go beside it as .json
    #[arg(long)]
    out: Option<PathBuf>,
}

impl Motion {
    fn scene(self) -> Scene {
        match self {
            Self::Squat => Scene::squat(),
            Self::Walk => Scene::walk(),
            Self::Crossing => Scene::crossing(),
            Self::Twins => Scene::twins(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Squat => "squat",
            Self::Walk => "walk",
            Self::Crossing => "crossing",
            Self::Twins => "twins",
        }
    }
}

/// `cargo xtask sample`.
pub(crate) fn run(options: &Options) -> Result<()> {
    let name = format!("{}-{:.0}.mp4", options.motion.name(), options.yaw);
    let out = options.out.clone().unwrap_or_else(|| home().join("samples").join(name));
    write(&options.motion.scene().seen_from(options.yaw), &out)?;
    println!("{}\n{}", out.display(), out.with_extension("json").display());
    Ok(())
}

/// The demo's video, rendered once.
pub(crate) fn default_video() -> Result<PathBuf> {
    let out = home().join("samples/walk.mp4");
    if !out.is_file() {
        write(&Motion::Walk.scene(), &out)?;
    }
    Ok(out)
}

/// Renders a scene into a video, and writes its truth beside it.
pub(crate) fn write(scene: &Scene, out: &Path) -> Result<()> {
    let folder = out
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let tools = Tools::from_env()?;
    let (num, den) = (u64::from(scene.frame_rate.0), u64::from(scene.frame_rate.1));
    let frame_rate = Rational::new(num, den).context("the sample's frame rate is not a fraction")?;
    let options = EncodeOptions {
        quality: 17,
        frame_rate,
        ..EncodeOptions::new(scene.width, scene.height)
    };
    let mut encoder = Encoder::create(&tools, out, options)?;
    let style = "render the sample {wide_bar} {pos}/{len} frames {eta}";
    let bar = ProgressBar::new(scene.frame_count() as u64).with_style(ProgressStyle::with_template(style)?);
    for frame in render(scene, |_, _| {})? {
        encoder.write(&frame.rgb, frame.time_s)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    encoder.finish()?;
    std::fs::write(out.with_extension("json"), serde_json::to_vec_pretty(&truth(scene)?)?)?;
    Ok(())
}

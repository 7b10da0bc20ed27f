//! Videos for tests, made by Marey's own renderer and ffmpeg, each once.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use marey_media::{EncodeOptions, Encoder, Tools};
use marey_sample::{Scene, render};

/// Where they are kept between tests.
fn folder() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.marey/test-videos");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Makes a file once: whoever is first writes it under another name and renames it.
fn once(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let path = folder()?.join(name);
    if !path.is_file() {
        let part = path.with_file_name(format!("{}-{name}", uuid::Uuid::new_v4()));
        make(&part).with_context(|| format!("cannot make {name}"))?;
        std::fs::rename(&part, &path)?;
    }
    Ok(path)
}

/// One second of a squat from the side: enough for every stage.
pub fn short_scene() -> Scene {
    Scene {
        duration_s: 1.0,
        ..Scene::squat()
    }
}

/// The project's own sample.
pub fn sample_scene() -> Scene {
    Scene::squat()
}

/// Renders a scene into an MP4.
///
/// # Errors
/// ffmpeg is missing or failed.
pub fn rendered(name: &str, scene: &Scene) -> Result<PathBuf> {
    once(name, |path| {
        let tools = Tools::from_env()?;
        let mut encoder = Encoder::create(&tools, path, EncodeOptions::new(scene.width, scene.height))?;
        for frame in render(scene, |_, _| {})? {
            encoder.write(&frame.rgb, frame.time_s)?;
        }
        encoder.finish()?;
        Ok(())
    })
}

/// The short squat.
///
/// # Errors
/// ffmpeg is missing or failed.
pub fn short() -> Result<PathBuf> {
    rendered("short.mp4", &short_scene())
}

/// A walk through the picture.
///
/// # Errors
/// ffmpeg is missing or failed.
pub fn walk() -> Result<PathBuf> {
    rendered(
        "walk.mp4",
        &Scene {
            duration_s: 1.5,
            ..Scene::walk()
        },
    )
}

/// Makes a video with ffmpeg; `{short}` stands for the short squat.
///
/// # Errors
/// ffmpeg is missing or failed.
pub fn converted(name: &str, arguments: &[&str]) -> Result<PathBuf> {
    let short = short()?;
    once(name, |path| {
        let mut command = std::process::Command::new(Tools::from_env()?.ffmpeg);
        command.args(["-v", "error", "-nostdin", "-y"]);
        for argument in arguments {
            command.arg(argument.replace("{short}", &short.to_string_lossy()));
        }
        let output = command.arg(path).output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    })
}

//! Renders a scene to PNG files, with its truth as JSON: `frames <squat|walk|crossing|twins> <yaw> <folder> [every] [width height]`.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use marey_sample::{Frame, Scene, render, truth};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [motion, yaw, folder, rest @ ..] = arguments.as_slice() else {
        bail!("usage: frames <squat|walk|crossing|twins> <yaw in degrees> <folder> [every nth frame] [width height]");
    };
    let scene = match motion.as_str() {
        "squat" => Scene::squat(),
        "walk" => Scene::walk(),
        "crossing" => Scene::crossing(),
        "twins" => Scene::twins(),
        other => bail!("no motion is called {other:?}: use squat, walk, crossing or twins"),
    };
    let mut scene = scene.seen_from(yaw.parse().context("the yaw is a number of degrees")?);
    if let [_, width, height] = rest {
        scene = scene.sized(width.parse()?, height.parse()?);
    }
    let every: usize = rest.first().map_or(Ok(1), |every| every.parse())?;
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("truth.json"), serde_json::to_string(&truth(&scene)?)?)?;
    let start = Instant::now();
    let mut writing = std::time::Duration::ZERO;
    let mut count = 0;
    for frame in render(&scene, |_, _| {})? {
        count += 1;
        if frame.index % every.max(1) == 0 {
            let start = Instant::now();
            write(&folder.join(format!("{:04}.png", frame.index)), &frame)?;
            writing += start.elapsed();
        }
    }
    let milliseconds = start.elapsed().saturating_sub(writing).as_secs_f64() * 1e3;
    eprintln!(
        "{count} frames, {milliseconds:.0} ms, {:.1} ms per frame",
        milliseconds / f64::from(count)
    );
    Ok(())
}

fn write(path: &Path, frame: &Frame) -> Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), frame.width, frame.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    encoder.write_header()?.write_image_data(&frame.rgb)?;
    Ok(())
}

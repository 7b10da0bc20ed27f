//! How far angles are from the truth, on rendered videos whose joints are known.

use std::path::Path;

use anyhow::{Context, Result, bail};
use marey_sample::Scene;
use serde::Serialize;

use super::{
    pose::{build_example, decode},
    table::Table,
};
use crate::{
    home, sample,
    shell::{Program, step},
};

/// Who does what, and the direction from where it is seen in degrees, 90 from the side.
type Clip = (&'static str, fn() -> Scene, f64);

/// What is measured.
const CLIPS: [Clip; 4] = [
    ("walk", Scene::walk, 90.0),
    ("squat", Scene::squat, 90.0),
    ("squat", Scene::squat, 45.0),
    ("squat", Scene::squat, 0.0),
];

/// The errors on one video.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// What the person does and the direction of the view in degrees, 90 from the side.
    clip: String,
    angles: Vec<AngleFigures>,
    /// The body's height as its segments add up to in the picture, in metres by the true scale.
    height_m: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct AngleFigures {
    angle: String,
    image: Option<Error>,
    world: Option<Error>,
}

/// Mean absolute error over both sides and all frames.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Error {
    mean_deg: f64,
    /// Share of the frames that have a value, in `0..=1`.
    coverage: f64,
}

/// Renders what is not there yet, and measures each.
pub(crate) fn measure() -> Result<Vec<Figures>> {
    let program = build_example("accuracy")?;
    CLIPS
        .iter()
        .map(|&(name, scene, yaw_deg)| {
            let clip = format!("{name}-{yaw_deg:.0}");
            let video = home().join("samples").join(&clip).with_extension("mp4");
            if !video.is_file() {
                sample::write(&scene().seen_from(yaw_deg), &video)?;
            }
            step(&format!("measure the angles of {clip}"), || {
                measure_video(&program, clip.clone(), &video)
            })
        })
        .collect()
}

fn measure_video(program: &Path, clip: String, video: &Path) -> Result<Figures> {
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(home())?;
    let frames = decode(video, folder.path().join("frames.rgb"))?;
    let said = Program::new(program)
        .arg(home().join("lib/libonnxruntime.so"))
        .arg(home().join("models"))
        .arg(&frames.file)
        .args([frames.width.to_string(), frames.height.to_string()])
        .arg(video.with_extension("json"))
        .text()?;
    read(clip, &said)
}

/// Reads what the example printed.
fn read(clip: String, said: &str) -> Result<Figures> {
    let (mut angles, mut height_m) = (Vec::new(), None);
    for line in said.lines() {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["height_m", value] => height_m = value.parse().ok(),
            [angle, image, world] => angles.push(AngleFigures {
                angle: (*angle).to_owned(),
                image: error(image)?,
                world: error(world)?,
            }),
            _ => bail!("a line of errors cannot be read: {line}"),
        }
    }
    Ok(Figures { clip, angles, height_m })
}

fn error(text: &str) -> Result<Option<Error>> {
    if text == "-" {
        return Ok(None);
    }
    let (mean_deg, coverage) = text.split_once('/').context("an error has no coverage")?;
    Ok(Some(Error {
        mean_deg: mean_deg.parse()?,
        coverage: coverage.parse()?,
    }))
}

/// A row for each angle, and for each clip the errors in the image and in the world.
pub(crate) fn table(figures: &[Figures]) -> Table {
    let heads: Vec<String> = figures
        .iter()
        .flat_map(|figures| [format!("{} 2D", figures.clip), "3D".to_owned()])
        .collect();
    let head: Vec<&str> = ["angle"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let mut table = Table::new("accuracy: mean absolute error of each angle in degrees", &head);
    let angles = figures.first().map_or(&[][..], |figures| &figures.angles);
    for (row, angle) in angles.iter().enumerate() {
        let cells = figures.iter().filter_map(|figures| figures.angles.get(row));
        let cells = cells.flat_map(|angle| [cell(angle.image), cell(angle.world)]);
        table.row([angle.angle.clone()].into_iter().chain(cells));
    }
    let heights: Vec<String> = figures
        .iter()
        .filter_map(|figures| Some(format!("{:.2} m in {}", figures.height_m?, figures.clip)))
        .collect();
    table.note(format!(
        "Against the angle in space of the true joints, over both sides and all frames, filtered as analyses are; 90 is a view from the \
         side, 0 one from the front. In brackets the share of the frames that have a value, where it is not all. The body's height, by \
         its segments and the true scale: {}.",
        heights.join(", ")
    ));
    table
}

fn cell(error: Option<Error>) -> String {
    match error {
        None => "-".to_owned(),
        Some(Error { mean_deg, coverage }) if coverage < 0.995 => format!("{mean_deg:.1} ({:.0} %)", 100.0 * coverage),
        Some(Error { mean_deg, .. }) => format!("{mean_deg:.1}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_lines_are_read() {
        let figures = read(
            "walk-90".to_owned(),
            "knee_flexion 2.5/1.000 7.25/0.5\npelvis - 3/1\nheight_m 1.71\n",
        )
        .unwrap();
        let knee = &figures.angles[0];
        assert_eq!(
            (cell(knee.image), cell(knee.world)),
            ("2.5".to_owned(), "7.2 (50 %)".to_owned())
        );
        assert_eq!(figures.angles[1].image, None);
        assert_eq!(figures.height_m, Some(1.71));
        assert!(table(&[figures]).to_string().contains("1.71 m in walk-90"));
        assert!(read(String::new(), "knee_flexion 2.5 7\n").is_err());
        assert!(read(String::new(), "knee_flexion\n").is_err());
    }
}

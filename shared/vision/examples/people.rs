//! Follows several people through a video and draws who is who, to be looked at.
//!
//! ```text
//! people LIBRARY MODELS FRAMES WIDTH HEIGHT FRAMES_PER_SECOND MOST_PEOPLE [DRAWN]
//! ```
//!
//! FRAMES is a file of raw RGB frames, DRAWN another one that is written. For each person a line tells when he was seen, and how he moved.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{BufWriter, Read, Write},
    path::Path,
};

use marey_motion::{Analysis, Observations, Recording, Settings, Sighting, Skeleton, Source, Spaces, analyze};
use marey_picture::{Annotator, AnnotatorOptions, RgbFrame};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [library, models, frames, width, height, rate, most_people, drawn @ ..] = arguments.as_slice() else {
        return Err("usage: people LIBRARY MODELS FRAMES WIDTH HEIGHT FRAMES_PER_SECOND MOST_PEOPLE [DRAWN]".into());
    };
    let (width, height, rate): (u32, u32, f64) = (width.parse()?, height.parse()?, rate.parse()?);
    let options = PoseOptions {
        smooth: false,
        most_people: most_people.parse()?,
        ..PoseOptions::default()
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let mut estimator = PoseEstimator::new(&runtime, &Models::open(Path::new(models))?, options)?;
    let mut input = File::open(frames)?;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let mut seen = Observations::default();
    while input.read_exact(&mut pixels).is_ok() {
        let time_s = seen.time_s().len() as f64 / rate;
        seen.add_frame(
            time_s,
            estimator.process_all(ImageView::rgb(&pixels, width, height)?, time_s)?,
        );
    }
    let time_s = seen.time_s().to_vec();
    let crowd = seen.crowd();
    for person in &crowd.people {
        let sightings = person.poses.iter().zip(&time_s).enumerate();
        let sightings =
            sightings.filter_map(|(frame, (pose, &time_s))| Some((frame, Sighting::of(pose.as_ref()?, time_s)?)));
        let seen: Vec<(usize, Sighting)> = sightings.collect();
        let places = seen.iter().step_by((seen.len() / 12).max(1));
        let places: Vec<String> = places
            .map(|(frame, sighting)| format!("{frame}: {:.0},{:.0}", sighting.centre_px()[0], sighting.centre_px()[1]))
            .collect();
        println!("person {} in {} frames: {}", person.id, seen.len(), places.join("  "));
    }
    for (id, looks) in crowd.appearances.iter().enumerate() {
        let distance = |other: &Option<_>| looks.as_ref().zip(other.as_ref()).and_then(|(a, b)| a.distance(b));
        let distances: Vec<String> = crowd
            .appearances
            .iter()
            .map(|other| distance(other).map_or("-".to_owned(), |distance| format!("{distance:.2}")))
            .collect();
        println!("clothes of {id} against all: {}", distances.join(" "));
    }
    let timings = estimator.timings();
    println!(
        "frames={} frames_per_second={:.1} detector_runs={}",
        timings.frames,
        timings.frames as f64 / timings.total.as_secs_f64(),
        timings.detector_runs
    );
    let recording = Recording {
        source: Source {
            name: "frames".to_owned(),
            width_px: width,
            height_px: height,
        },
        skeleton: Skeleton::BlazePose33,
        spaces: Spaces::Both,
        model: estimator.model(),
        time_s,
        people: crowd.people,
    };
    let analysis = analyze(&recording, &Settings::default())?;
    for note in &analysis.notes {
        println!("{note}");
    }
    match drawn.first() {
        Some(drawn) => draw(&analysis, Path::new(frames), Path::new(drawn)),
        None => Ok(()),
    }
}

fn draw(analysis: &Analysis, frames: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    let (width, height) = (analysis.source.width_px, analysis.source.height_px);
    let annotator = Annotator::new(analysis, AnnotatorOptions::default());
    let mut out = BufWriter::new(File::create(to)?);
    for (index, frame) in fs::read(frames)?
        .chunks_exact_mut(width as usize * height as usize * 3)
        .enumerate()
    {
        annotator.draw(&mut RgbFrame::new(width, height, frame)?, index);
        out.write_all(frame)?;
    }
    Ok(out.flush()?)
}

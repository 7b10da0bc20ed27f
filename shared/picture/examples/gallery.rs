//! Makes every picture once, to be looked at: `gallery FOLDER` for a synthetic person, or
//! `gallery FOLDER RECORDING.json FRAMES.rgb` for a recording and its frames as raw RGB.

use std::fs;
use std::io::Read;
use std::path::Path;

use marey_motion::{Analysis, Person, Pose, Recording, Settings, Space, analyze};
use marey_picture::chronogram::{self, ChronogramOptions};
use marey_picture::plot::{PlotOptions, angle_svg};
use marey_picture::report::{Download, Photo, ReportInput, VideoFacts, VideoLink};
use marey_picture::{Annotator, AnnotatorOptions, Chronophotograph, RgbFrame, arrangement, report, select_instants};

#[path = "../tests/pictures/findings.rs"]
mod findings;
#[path = "../tests/pictures/support.rs"]
mod support;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(
        arguments
            .first()
            .ok_or("usage: gallery FOLDER [RECORDING.json FRAMES.rgb]")?,
    );
    fs::create_dir_all(folder)?;
    if let [_, recording, frames] = arguments.as_slice() {
        let recording: Recording = serde_json::from_slice(&fs::read(recording)?)?;
        let mut file = fs::File::open(frames)?;
        return gallery(folder, &recording, None, |_, frame| Ok(file.read_exact(frame)?));
    }
    for (name, movement) in [("walk", support::Movement::Walk), ("squat", support::Movement::Squat)] {
        let recording = support::recording(movement, 120);
        let person = recording.people[0].clone();
        gallery(&folder.join(name), &recording, Some(movement), |index, frame| {
            paint(frame, &person, index);
            Ok(())
        })?;
    }
    Ok(())
}

/// Makes everything for one recording, whose frames come one after another.
fn gallery(
    folder: &Path,
    recording: &Recording,
    movement: Option<support::Movement>,
    mut next_frame: impl FnMut(usize, &mut [u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    fs::create_dir_all(folder)?;
    let mut analysis = analyze(recording, &Settings::default())?;
    if let Some(movement) = movement {
        findings::put_findings(&mut analysis, movement);
    }
    let analysis = analysis;
    let (width, height) = (analysis.source.width_px, analysis.source.height_px);
    let person = &analysis.people[0];
    let annotator = Annotator::new(&analysis, AnnotatorOptions::default());
    let instants = select_instants(person, &analysis.time_s, 9);
    let mut chronophotograph =
        Chronophotograph::builder(width, height, analysis.skeleton, arrangement(person, &analysis.time_s));
    let mut data = vec![0; width as usize * height as usize * 3];
    for index in 0..analysis.time_s.len() {
        next_frame(index, &mut data)?;
        chronophotograph.offer(&data)?;
        if let Some(pose) = person.poses[index].clone().filter(|_| instants.contains(&index)) {
            chronophotograph.add_figure(&data, pose, analysis.time_s[index])?;
        }
        if index % 20 == 5 {
            annotator.draw(&mut RgbFrame::new(width, height, &mut data)?, index);
            let picture = marey_picture::RgbImage::from_rgb(width, height, data.clone())?;
            fs::write(folder.join(format!("frame-{index:04}.png")), picture.to_png()?)?;
        }
    }
    let photo = chronophotograph.finish()?;
    fs::write(folder.join("chronophotograph.png"), photo.to_png()?)?;
    for space in [Space::Image, Space::World] {
        let options = PlotOptions {
            space,
            ..PlotOptions::default()
        };
        fs::write(
            folder.join(format!("angles-{}.svg", space.id())),
            angle_svg(&analysis, 0, &options),
        )?;
    }
    let lines = chronogram::svg(
        person,
        &analysis.time_s,
        analysis.skeleton,
        &ChronogramOptions::default(),
    );
    fs::write(folder.join("chronogram.svg"), lines)?;
    let page = page(&analysis, photo.fitted(1600, 1600).to_jpeg(86)?);
    fs::write(folder.join("report.html"), page)?;
    Ok(())
}

fn page(analysis: &Analysis, photo: Vec<u8>) -> String {
    let mut input = ReportInput::new(
        analysis,
        VideoFacts {
            duration_s: analysis.time_s.last().copied().unwrap_or(0.0),
            width_px: analysis.source.width_px,
            height_px: analysis.source.height_px,
            codec: Some("h264".to_owned()),
            frame_rate: Some((30000, 1001)),
            variable_rate: false,
            rotation_deg: 0,
            size_bytes: Some(3_482_112),
        },
    );
    input.job_id = Some("8d1f0a52-6c1e-5c3b-9a57-0f3c6a7c1b11".to_owned());
    input.created = Some("21 November 2026, 10:42 UTC".to_owned());
    input.annotated_video = Some(VideoLink {
        href: "annotated.mp4".to_owned(),
        media_type: "video/mp4".to_owned(),
        starts_at_s: 0.0,
    });
    input.chronophotograph = Some(Photo {
        media_type: "image/jpeg".to_owned(),
        bytes: photo,
    });
    input.downloads = vec![Download {
        label: "angles.csv".to_owned(),
        href: "angles.csv".to_owned(),
        detail: "every angle of every frame".to_owned(),
    }];
    report::html(&input)
}

/// A floor, a wall, and a body of grey limbs.
fn paint(frame: &mut [u8], person: &Person, index: usize) {
    let (width, height) = (support::WIDTH as usize, support::HEIGHT as usize);
    let limbs = person.poses[index].as_ref().map(limbs).unwrap_or_default();
    for (at, pixel) in frame.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((at % width) as f32, (at / width) as f32);
        let near = limbs.iter().map(|limb| limb.depth(x, y)).fold(0.0, f32::max);
        let scenery = if at / width > height * 8 / 9 {
            [122.0, 112.0, 98.0]
        } else {
            [176.0 - y * 0.06, 182.0 - y * 0.06, 186.0 - y * 0.05]
        };
        let body = [82.0, 74.0, 88.0];
        for channel in 0..3 {
            let grain = ((at * 7919 + index * 104_729) % 13) as f32 * 0.5 - 3.0;
            let value: f32 = scenery[channel] + (body[channel] - scenery[channel]) * near + grain;
            pixel[channel] = value as u8;
        }
    }
}

struct Limb {
    from: (f32, f32),
    to: (f32, f32),
    radius: f32,
}

impl Limb {
    fn depth(&self, x: f32, y: f32) -> f32 {
        let along = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let place = (x - self.from.0, y - self.from.1);
        let squared = (along.0 * along.0 + along.1 * along.1).max(1.0);
        let share = ((place.0 * along.0 + place.1 * along.1) / squared).clamp(0.0, 1.0);
        let distance = (place.0 - along.0 * share).hypot(place.1 - along.1 * share);
        (self.radius - distance + 0.5).clamp(0.0, 1.0)
    }
}

fn limbs(pose: &Pose) -> Vec<Limb> {
    let at = |index: usize| (pose.points[index].x_px, pose.points[index].y_px);
    let pairs = [
        (11, 23, 42.0),
        (11, 13, 19.0),
        (13, 15, 15.0),
        (15, 19, 13.0),
        (23, 25, 31.0),
        (25, 27, 22.0),
        (29, 31, 13.0),
    ];
    let sides = pairs
        .into_iter()
        .flat_map(|(from, to, radius)| [(from, to, radius), (from + 1, to + 1, radius)]);
    sides
        .chain([(7, 0, 33.0)])
        .map(|(from, to, radius)| Limb {
            from: at(from),
            to: at(to),
            radius,
        })
        .collect()
}

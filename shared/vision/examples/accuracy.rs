//! How far the angles of an analysis are from the truth, on a rendered video.
//!
//! ```text
//! accuracy LIBRARY MODELS FRAMES WIDTH HEIGHT TRUTH
//! ```
//!
//! FRAMES is a file of raw RGB frames, TRUTH what `cargo xtask sample` writes beside a video. The truth of every angle, in
//! the image too, is the one in space of the true landmarks: an angle in the picture of a turned body is wrong, though
//! every landmark be right. For each angle a line is printed: its name, the mean absolute error in degrees in the image and in the world
//! over both sides and all frames, and the share of the frames that have a value in either, or `-` where there is none.
//! Then the body's height in metres as its segments add up to, were the true scale known.

use std::{env, error::Error, ffi::OsString, fs, io::Read, path::Path};

use marey_motion::{
    Analysis, Angle, Filter, Model, Person, PersonAnalysis, Point, Pose, Recording, Settings, Skeleton, Source, Space,
    Subject, analyze,
};
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};
use serde::Deserialize;

/// What the example needs of the truth.
#[derive(Deserialize)]
struct Truth {
    frames: Vec<TruthFrame>,
}

#[derive(Deserialize)]
struct TruthFrame {
    time_s: f64,
    people: Vec<TruthPerson>,
}

#[derive(Deserialize)]
struct TruthPerson {
    joints: Vec<TruthJoint>,
}

#[derive(Deserialize)]
struct TruthJoint {
    x_px: f64,
    y_px: f64,
    x_m: f64,
    y_m: f64,
    z_m: f64,
}

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, models, frames, width, height, truth] = arguments.as_slice() else {
        return Err("usage: accuracy LIBRARY MODELS FRAMES WIDTH HEIGHT TRUTH".into());
    };
    let number = |argument: &OsString| argument.to_string_lossy().parse::<u32>();
    let (width, height) = (number(width)?, number(height)?);
    let truth: Truth = serde_json::from_slice(&fs::read(truth)?)?;
    let time_s: Vec<f64> = truth.frames.iter().map(|frame| frame.time_s).collect();
    let recorded = |poses| recording(&time_s, [width, height], poses);
    let poses = estimated(
        Path::new(library),
        Path::new(models),
        Path::new(frames),
        [width, height],
        &time_s,
    )?;
    // As analyses are made: filtered, and here as if the person were a metre tall.
    let settings = Settings {
        subject: Subject {
            height_m: Some(1.0),
            ..Subject::default()
        },
        ..Settings::default()
    };
    let measured = analyze(&recorded(poses), &settings)?;
    let unfiltered = Settings {
        filter: Filter::None,
        ..Settings::default()
    };
    let known = analyze(&recorded(truth.frames.iter().map(true_pose).collect()), &unfiltered)?;
    for angle in Angle::ALL {
        let errors = Space::ALL.map(|space| error(&measured, &known, angle, space));
        let [image, world] = errors.map(|error| error.map_or_else(|| "-".to_owned(), |error| error.to_string()));
        println!("{} {image} {world}", angle.id());
    }
    let height_m = height_m(&measured.people[0], &truth);
    println!(
        "height_m {}",
        height_m.map_or_else(|| "-".to_owned(), |height_m| format!("{height_m:.3}"))
    );
    Ok(())
}

fn estimated(
    library: &Path,
    models: &Path,
    frames: &Path,
    [width, height]: [u32; 2],
    time_s: &[f64],
) -> Result<Vec<Option<Pose>>, Box<dyn Error>> {
    // The analysis filters without lag; a filter that only knows the past would add its own.
    let options = PoseOptions {
        smooth: false,
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&OnnxRuntime::load(library)?, &Models::open(models)?, options)?;
    let mut input = fs::File::open(frames)?;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let mut poses = Vec::with_capacity(time_s.len());
    for &time_s in time_s {
        input.read_exact(&mut pixels)?;
        poses.push(estimator.process(ImageView::rgb(&pixels, width, height)?, time_s)?);
    }
    Ok(poses)
}

/// The one person of a frame as a model would see it that never errs.
fn true_pose(frame: &TruthFrame) -> Option<Pose> {
    let joints = &frame.people.first()?.joints;
    let [left, right] =
        [marey_motion::Landmark::LeftHip, marey_motion::Landmark::RightHip].map(|hip| &joints[hip.index()]);
    let middle = [left.x_m + right.x_m, left.y_m + right.y_m, left.z_m + right.z_m].map(|sum| sum / 2.0);
    let point = |joint: &TruthJoint| Point {
        x_px: joint.x_px as f32,
        y_px: joint.y_px as f32,
        z_px: 0.0,
        x_m: (joint.x_m - middle[0]) as f32,
        y_m: (joint.y_m - middle[1]) as f32,
        z_m: (joint.z_m - middle[2]) as f32,
        visibility: 1.0,
        presence: 1.0,
    };
    Some(Pose {
        score: 1.0,
        points: joints.iter().map(point).collect(),
    })
}

fn recording(time_s: &[f64], [width_px, height_px]: [u32; 2], poses: Vec<Option<Pose>>) -> Recording {
    Recording {
        source: Source {
            name: "sample".to_owned(),
            width_px,
            height_px,
        },
        skeleton: Skeleton::BlazePose33,
        spaces: marey_motion::Spaces::Both,
        model: Model {
            name: "sample".to_owned(),
            sha256: "0".repeat(64),
        },
        time_s: time_s.to_vec(),
        people: vec![Person { id: 0, poses }],
    }
}

/// Mean absolute error in degrees, and the share of the frames that have a value.
struct AngleError {
    mean_deg: f64,
    coverage: f64,
}

impl std::fmt::Display for AngleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3}/{:.3}", self.mean_deg, self.coverage)
    }
}

fn error(measured: &Analysis, known: &Analysis, angle: Angle, space: Space) -> Option<AngleError> {
    let is_turn = angle.bounds(space).is_turn();
    let (mut sum_deg, mut count, mut possible) = (0.0, 0_usize, 0_usize);
    for &side in angle.sides() {
        let value_deg = &measured.people[0].series(angle, side, space)?.value_deg;
        let true_deg = &known.people[0].series(angle, side, Space::World)?.value_deg;
        for (value_deg, true_deg) in value_deg.iter().zip(true_deg) {
            let Some(true_deg) = true_deg else { continue };
            possible += 1;
            if let Some(value_deg) = value_deg {
                let off_deg = value_deg - true_deg;
                let turns = if is_turn { (off_deg / 360.0).round() } else { 0.0 };
                sum_deg += (off_deg - 360.0 * turns).abs();
                count += 1;
            }
        }
    }
    (count > 0).then(|| AngleError {
        mean_deg: sum_deg / count as f64,
        coverage: count as f64 / possible as f64,
    })
}

/// What the scale took for the height of the body, in true metres: pixels by the scale of the true thighs, shanks and trunk.
fn height_m(measured: &PersonAnalysis, truth: &Truth) -> Option<f64> {
    use marey_motion::Landmark as L;
    let pairs = [
        (L::LeftHip, L::LeftKnee),
        (L::RightHip, L::RightKnee),
        (L::LeftKnee, L::LeftAnkle),
        (L::RightKnee, L::RightAnkle),
        (L::LeftShoulder, L::LeftHip),
        (L::RightShoulder, L::RightHip),
    ];
    let (mut px, mut m) = (0.0, 0.0);
    for person in truth.frames.iter().filter_map(|frame| frame.people.first()) {
        for (from, to) in pairs.map(|(from, to)| (&person.joints[from.index()], &person.joints[to.index()])) {
            px += (from.x_px - to.x_px).hypot(from.y_px - to.y_px);
            m += (from.x_m - to.x_m).hypot(from.y_m - to.y_m);
        }
    }
    let height_px = 1.0 / measured.findings.scale.as_ref()?.m_per_px;
    Some(height_px * m / px)
}

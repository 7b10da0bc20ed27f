//! How long a recording takes from landmarks to angles. `tests/reference/pipeline_speed.py` runs this next to `SciPy` and
//! prints the ratio:
//!
//! ```text
//! cargo build -p marey-motion --example pipeline_speed
//! venv/bin/python shared/motion/tests/reference/pipeline_speed.py target/debug/examples/pipeline_speed
//! ```
//!
//! With a folder as its argument it writes there what it works on (`landmarks.f32`: for each frame and landmark
//! `x_px, y_px, z_px, x_m, y_m, z_m, visibility`) and what it finds, so that the peer has the same task and can be checked: all
//! angles, one series after the other (`raw_deg.f64`, `value_deg.f64`), and how fast the centre of mass goes to the right
//! (`centre_px_per_s.f64`). Then it prints the milliseconds of each analysis as `ms=…`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;
use std::time::Instant;

use marey_motion::kinematics::CENTRE_OF_MASS;
use marey_motion::{
    Filter, Model, Person, PersonAnalysis, Point, Pose, Recording, Settings, Skeleton, Source, analyze,
};

/// Ten minutes at 30 frames per second.
const FRAMES: usize = 18_000;
const RATE_HZ: f64 = 30.0;

/// Analyses for each run of the program.
const ROUNDS: usize = 5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recording = recording();
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next();
    let filter = arguments
        .next()
        .map_or_else(|| Ok(Filter::default()), |json| serde_json::from_str(&json))?;
    let settings = Settings {
        filter,
        ..Settings::default()
    };
    for round in 0..ROUNDS {
        let began = Instant::now();
        let analysis = analyze(&recording, &settings)?;
        println!("ms={:.3}", 1000.0 * began.elapsed().as_secs_f64());
        if let (0, Some(folder)) = (round, &folder) {
            write_task(Path::new(folder), &recording)?;
            write_found(Path::new(folder), &analysis.people[0])?;
        }
    }
    Ok(())
}

fn write_task(folder: &Path, recording: &Recording) -> std::io::Result<()> {
    let points = recording.people[0].poses.iter().flatten().flat_map(|pose| &pose.points);
    let numbers = points.flat_map(|point| {
        let Point {
            x_px,
            y_px,
            z_px,
            x_m,
            y_m,
            z_m,
            visibility,
            ..
        } = *point;
        [x_px, y_px, z_px, x_m, y_m, z_m, visibility]
    });
    let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
    std::fs::write(folder.join("landmarks.f32"), bytes)
}

fn write_found(folder: &Path, person: &PersonAnalysis) -> std::io::Result<()> {
    let write = |name: &str, values: &mut dyn Iterator<Item = Option<f64>>| {
        let bytes: Vec<u8> = values
            .flat_map(|value| value.unwrap_or(f64::NAN).to_le_bytes())
            .collect();
        std::fs::write(folder.join(name), bytes)
    };
    let angles = || person.angles.iter();
    write(
        "raw_deg.f64",
        &mut angles().flat_map(|series| series.raw_deg.iter().copied()),
    )?;
    write(
        "value_deg.f64",
        &mut angles().flat_map(|series| series.value_deg.iter().copied()),
    )?;
    let m_per_px = person.findings.scale.as_ref().map_or(1.0, |scale| scale.m_per_px);
    let tracks = person
        .findings
        .kinematics
        .iter()
        .flat_map(|kinematics| &kinematics.tracks);
    let centre = tracks
        .filter(|track| track.id == CENTRE_OF_MASS)
        .flat_map(|track| &track.velocity);
    let to_the_right = &mut centre.map(|velocity| Some((*velocity)?[0] / m_per_px));
    write("centre_px_per_s.f64", to_the_right)
}

/// One person whose landmarks swing about places of their own, with noise, each hidden for three frames in a hundred.
fn recording() -> Recording {
    let mut noise = Noise(1);
    let poses = (0..FRAMES).map(|frame| {
        let points = (0..Skeleton::BlazePose33.len()).map(|landmark| point(frame, landmark, &mut noise));
        Some(Pose {
            score: 0.9,
            points: points.collect(),
        })
    });
    Recording {
        source: Source {
            name: "pipeline_speed".to_owned(),
            width_px: 1920,
            height_px: 1080,
        },
        skeleton: Skeleton::BlazePose33,
        spaces: marey_motion::Spaces::Both,
        model: Model {
            name: "none".to_owned(),
            sha256: "0".repeat(64),
        },
        time_s: (0..FRAMES).map(|frame| frame as f64 / RATE_HZ).collect(),
        people: vec![Person {
            id: 0,
            poses: poses.collect(),
        }],
    }
}

fn point(frame: usize, landmark: usize, noise: &mut Noise) -> Point {
    let phase = frame as f64 / RATE_HZ * (4.0 + landmark as f64 / 20.0);
    let place = landmark as f64 * 0.7;
    let m = [
        0.4 * place.sin() + 0.1 * phase.sin(),
        0.8 * (1.7 * place).cos() + 0.1 * phase.cos(),
        0.2 * (2.3 * place).sin() + 0.05 * (2.0 * phase).sin(),
    ];
    let m = m.map(|value| value + 0.005 * noise.next());
    let px = m.map(|value| 220.0 * value);
    let is_hidden = (frame + 7 * landmark) % 100 < 3;
    Point {
        x_px: (960.0 + px[0]) as f32,
        y_px: (540.0 + px[1]) as f32,
        z_px: px[2] as f32,
        x_m: m[0] as f32,
        y_m: m[1] as f32,
        z_m: m[2] as f32,
        visibility: if is_hidden { 0.1 } else { 0.9 },
        presence: 0.95,
    }
}

/// Evenly spread numbers in `-1..1` (Steele, Lea and Flood 2014, `SplitMix64`).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64 * 2.0 - 1.0
    }
}

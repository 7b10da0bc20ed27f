//! How long a recording takes from landmarks to angles. `tests/reference/pipeline_speed.py` runs this next to `SciPy` and
//! prints the ratio:
//!
//! ```text
//! cargo build -p marey-motion --example pipeline_speed
//! venv/bin/python shared/motion/tests/reference/pipeline_speed.py target/debug/examples/pipeline_speed
//! ```
//!
//! With a folder as its argument it writes there what it works on (`landmarks.f32`: for each frame and landmark
//! `x_px, y_px, z_px, x_m, y_m, z_m, visibility`) and one of the angles that it finds (`elbow_deg.f64`), so that the peer has
//! the same task and can be checked. Then it prints the milliseconds of each analysis as `ms=…`.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;
use std::time::Instant;

use marey_motion::{
    Angle, Filter, Model, Person, Point, Pose, Recording, Settings, Side, Skeleton, Source, Space, analyze,
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
            let elbow = analysis.people[0].series(Angle::ElbowFlexion, Some(Side::Left), Space::Image);
            let elbow_deg = elbow.map_or(&[][..], |series| &series.value_deg);
            write(Path::new(folder), &recording, elbow_deg)?;
        }
    }
    Ok(())
}

fn write(folder: &Path, recording: &Recording, elbow_deg: &[Option<f64>]) -> std::io::Result<()> {
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
    std::fs::write(folder.join("landmarks.f32"), bytes)?;
    let angles = elbow_deg.iter().map(|value| value.unwrap_or(f64::NAN));
    let bytes: Vec<u8> = angles.flat_map(f64::to_le_bytes).collect();
    std::fs::write(folder.join("elbow_deg.f64"), bytes)
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

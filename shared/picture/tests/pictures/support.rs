//! A person made of formulas: walks or squats, seen from the side, with a short loss in the middle.

use marey_motion::{Landmark as L, Model, Person, Point, Pose, Recording, Skeleton, Source, Spaces};

pub(crate) const WIDTH: u32 = 1280;
pub(crate) const HEIGHT: u32 = 720;

/// What the person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    /// From left to right through the picture.
    Walk,
    /// Up and down in the middle of it.
    Squat,
}

/// Frames at 30 per second with nobody in frames 50 to 61.
pub(crate) fn recording(movement: Movement, frames: usize) -> Recording {
    let time_s: Vec<f64> = (0..frames).map(|index| index as f64 / 30.0).collect();
    let poses = time_s
        .iter()
        .enumerate()
        .map(|(index, &time_s)| (!(50..62).contains(&index)).then(|| pose(movement, time_s, frames as f64 / 30.0)))
        .collect();
    Recording {
        source: Source {
            name: "Synthetic walk <side view> & more.mp4".to_owned(),
            width_px: WIDTH,
            height_px: HEIGHT,
        },
        skeleton: Skeleton::BlazePose33,
        model: Model {
            name: "blazepose_full".to_owned(),
            sha256: "5f".repeat(32),
        },
        spaces: Spaces::Both,
        time_s,
        people: vec![Person { id: 0, poses }],
    }
}

/// Segment angles in degrees at a moment: trunk lean, then for left and right the hip, knee, shoulder and elbow.
fn angles(movement: Movement, time_s: f64) -> (f64, [[f64; 4]; 2]) {
    match movement {
        Movement::Walk => {
            let phase = time_s * std::f64::consts::TAU * 0.95;
            let leg = |phase: f64| {
                [
                    10.0 + 26.0 * phase.sin(),
                    32.0 - 28.0 * (phase + 0.9).sin(),
                    -22.0 * phase.sin(),
                    28.0,
                ]
            };
            (4.0, [leg(phase), leg(phase + std::f64::consts::PI)])
        }
        Movement::Squat => {
            let depth = 0.5 - 0.5 * (time_s * std::f64::consts::TAU / 2.4).cos();
            let side = [105.0 * depth + 4.0, 112.0 * depth + 4.0, 85.0 * depth, 12.0];
            (32.0 * depth + 2.0, [side, side])
        }
    }
}

/// Lengths in shares of the body's height: trunk, thigh, shank, upper arm, forearm.
const LENGTHS: [f64; 5] = [0.29, 0.245, 0.246, 0.18, 0.15];
const TALL_PX: f64 = 470.0;
const FLOOR_PX: f64 = 640.0;

/// A step from a place: `down_deg` from straight down, forward being to the right.
fn step(from: (f64, f64), down_deg: f64, share: f64) -> (f64, f64) {
    let (sin, cos) = down_deg.to_radians().sin_cos();
    (from.0 + sin * share * TALL_PX, from.1 + cos * share * TALL_PX)
}

fn pose(movement: Movement, time_s: f64, duration_s: f64) -> Pose {
    let (lean, sides) = angles(movement, time_s);
    let x = match movement {
        Movement::Walk => 120.0 + (f64::from(WIDTH) - 240.0) * time_s / duration_s,
        Movement::Squat => f64::from(WIDTH) / 2.0,
    };
    let mut places = [(x, 0.0); 33];
    let hips = (x, 0.0);
    let shoulders = step(hips, 180.0 - lean, LENGTHS[0]);
    for (side, [hip, knee, shoulder, elbow]) in sides.into_iter().enumerate() {
        let thigh = hip - lean;
        let shank = thigh - knee;
        let foot = movement_foot(movement, shank);
        let knee_at = step(hips, thigh, LENGTHS[1]);
        let ankle = step(knee_at, shank, LENGTHS[2]);
        let heel = step(ankle, foot - 150.0, 0.035);
        let elbow_at = step(shoulders, shoulder - lean, LENGTHS[3]);
        let wrist = step(elbow_at, shoulder - lean + elbow, LENGTHS[4]);
        for (landmark, place) in [
            (L::LeftHip, hips),
            (L::LeftKnee, knee_at),
            (L::LeftAnkle, ankle),
            (L::LeftHeel, heel),
            (L::LeftFootIndex, step(heel, foot, 0.14)),
            (L::LeftShoulder, shoulders),
            (L::LeftElbow, elbow_at),
            (L::LeftWrist, wrist),
            (L::LeftIndex, step(wrist, shoulder - lean + elbow, 0.08)),
            (L::LeftPinky, step(wrist, shoulder - lean + elbow - 10.0, 0.07)),
            (L::LeftThumb, step(wrist, shoulder - lean + elbow + 25.0, 0.05)),
        ] {
            places[landmark.index() + side] = (place.0 + 8.0 * side as f64, place.1);
        }
    }
    let neck = step(shoulders, 180.0 - lean, 0.12);
    for (index, place) in places.iter_mut().enumerate().take(11) {
        *place = step(neck, 80.0 + 4.0 * index as f64, 0.05);
    }
    places[L::LeftEar.index()] = neck;
    places[L::RightEar.index()] = neck;
    let lowest = places.iter().map(|place| place.1).fold(f64::NEG_INFINITY, f64::max);
    let points = places
        .iter()
        .enumerate()
        .map(|(index, &(x, y))| point(index, x, y + FLOOR_PX - lowest, (hips.0, FLOOR_PX - lowest), time_s))
        .collect();
    Pose { score: 0.98, points }
}

fn movement_foot(movement: Movement, shank_deg: f64) -> f64 {
    match movement {
        Movement::Walk => (shank_deg + 92.0).clamp(60.0, 105.0),
        Movement::Squat => 90.0,
    }
}

fn point(index: usize, x: f64, y: f64, hips: (f64, f64), time_s: f64) -> Point {
    // The left side is the far one: half a body's width away, and less surely seen.
    let far = L::LeftShoulder.index() <= index && index % 2 == 1;
    let metre = TALL_PX / 1.8;
    let depth_m = if far { 0.16 } else { -0.16 };
    let tremor = 1.2 * (time_s * 71.0 + index as f64 * 2.1).sin();
    let visibility = if far { 0.55 + 0.4 * (time_s * 3.0).sin() } else { 0.97 };
    Point {
        x_px: (x + tremor) as f32,
        y_px: (y + tremor * 0.7) as f32,
        z_px: (depth_m * metre) as f32,
        x_m: ((x - hips.0) / metre) as f32,
        y_m: ((y - hips.1) / metre) as f32,
        z_m: depth_m as f32,
        visibility: visibility as f32,
        presence: 0.99,
    }
}

//! Analyses of movements that nobody makes: postures, gaps and times at random. Whatever moves, an analysis can be stored, drawn from and
//! compared with itself.

use std::sync::OnceLock;

use marey_motion::compare::{ComparisonSettings, compare};
use marey_motion::formats::{analysis_to_json, angles_to_csv, comparison_to_json, kinematics_to_csv};
use marey_motion::{
    Filter, GaitMethod, GapCurve, Hampel, Person, Point, Pose, Recording, Settings, Spaces, Subject, Summary, analyze,
};

use super::motion::moving;

/// Steps from a frame to the next in seconds: usual ones, those of times that lie together by chance, and pauses.
const STEPS_S: [f64; 8] = [1.0 / 30.0, 1.0 / 60.0, 0.04, 0.1, 0.19, 1e-9, 0.5, 6.0];

/// Longer inputs say nothing new and take long.
const MOST_FRAMES: usize = 200;

/// Movements.
pub fn movement(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut next = || bytes.next().map(usize::from);
    let Some(settings) = settings(&mut next) else { return };
    let spaces = [Spaces::Both, Spaces::Image, Spaces::World][next().unwrap_or(0) % 3];
    let recording = recording(&mut next, spaces);
    let analysis = analyze(&recording, &settings).expect("the settings and the recording are sound");
    analysis.validate().expect("an analysis is sound");
    analysis_to_json(&analysis).expect("an analysis can be stored");
    angles_to_csv(&analysis).expect("angles can be written");
    kinematics_to_csv(&analysis).expect("kinematics can be written");
    Summary::of(&analysis);
    if let Ok(comparison) = compare(&analysis, &analysis, &ComparisonSettings::default()) {
        comparison_to_json(&comparison).expect("a comparison can be stored");
        assert!(!comparison.turned, "nobody faces the other way than himself");
    }
}

fn settings(next: &mut impl FnMut() -> Option<usize>) -> Option<Settings> {
    let flags = next()?;
    let is = |bit: usize| flags >> bit & 1 == 1;
    Some(Settings {
        filter: Filter::all()[next()? % 8],
        gap_curve: [GapCurve::Linear, GapCurve::Cubic, GapCurve::Pchip][next()? % 3],
        gait_events: GaitMethod::ALL[next()? % 3],
        outliers: is(0).then(Hampel::default),
        repair_swaps: is(1),
        minimum_visibility: if is(2) { 0.0 } else { 0.3 },
        px_per_m: is(3).then_some(if is(4) { 0.1 } else { 240.0 }),
        subject: Subject {
            height_m: is(5).then_some(1.8),
            ..Subject::default()
        },
        longest_gap_s: if is(6) { 2.0 } else { 0.2 },
        ..Settings::default()
    })
}

fn recording(next: &mut impl FnMut() -> Option<usize>, spaces: Spaces) -> Recording {
    static MOVING: OnceLock<Recording> = OnceLock::new();
    let usual = MOVING.get_or_init(moving);
    let (mut time_s, mut poses, mut now_s) = (Vec::new(), Vec::new(), 0.0);
    while let (Some(step), true) = (next(), poses.len() < MOST_FRAMES) {
        time_s.push(now_s);
        now_s += STEPS_S[step % STEPS_S.len()];
        let is_seen = step < 0xe0;
        let usual = usual.people[0].poses[poses.len() % usual.time_s.len()].as_ref();
        let changed = usual.map(|pose| changed(pose, next, spaces));
        poses.push(changed.filter(|_| is_seen));
    }
    Recording {
        spaces,
        time_s,
        people: vec![Person { id: 0, poses }],
        ..usual.clone()
    }
}

/// A pose turned in the picture, and with one landmark elsewhere, less visible, or missing.
fn changed(pose: &Pose, next: &mut impl FnMut() -> Option<usize>, spaces: Spaces) -> Pose {
    let mut next = || next().unwrap_or(0);
    let (sin, cos) = (next() as f32 / 256.0 * std::f32::consts::TAU).sin_cos();
    let mut pose = pose.clone();
    for point in &mut pose.points {
        let turned = |x: f32, y: f32| (cos * x + sin * y, cos * y - sin * x);
        (point.x_px, point.y_px) = turned(point.x_px, point.y_px);
        (point.x_m, point.y_m) = turned(point.x_m, point.y_m);
    }
    let landmark = next() % pose.points.len();
    let place = &mut pose.points[landmark];
    let by = [next(), next()].map(|way| way as f32 - 128.0);
    *place = Point {
        x_px: place.x_px + 8.0 * by[0],
        y_px: place.y_px + 8.0 * by[1],
        z_m: place.z_m + by[0] / 64.0,
        visibility: next() as f32 / 255.0,
        ..*place
    };
    for point in &mut pose.points {
        match spaces {
            Spaces::Both => {}
            Spaces::Image => (point.z_px, point.x_m, point.y_m, point.z_m) = (0.0, 0.0, 0.0, 0.0),
            Spaces::World => (point.x_px, point.y_px, point.z_px) = (0.0, 0.0, 0.0),
        }
    }
    pose
}

//! Which repetitions are found in a movement of which nothing was said.

use marey_motion::findings::{Event, EventKind};
use marey_motion::repetitions::{Movement, choose};
use marey_motion::{Analysis, Point, Pose, Recording, Repetitions, Settings, Side, analyze};
use marey_sample::{Motion, Scene, Squat, truth};

use crate::support::{Figure, Joints, even_s, recording};
use crate::walker::true_pose;

fn found(analysis: &Analysis) -> Repetitions {
    let person = &analysis.people[0];
    choose(&Movement::of(analysis, person), &person.findings.events)
}

fn chosen(recording: &Recording) -> Repetitions {
    found(&analyze(recording, &Settings::default()).unwrap())
}

/// A squat: how deep, in 0 to 1, at a time, from the times at which each begins and how long it lasts.
fn depth(time_s: f64, squats: &[(f64, f64)]) -> f64 {
    let inside = squats
        .iter()
        .find(|(from_s, lasts_s)| (*from_s..from_s + lasts_s).contains(&time_s));
    inside.map_or(0.0, |(from_s, lasts_s)| {
        (std::f64::consts::PI * (time_s - from_s) / lasts_s).sin().powi(2)
    })
}

fn squatting(depth: f64) -> Figure {
    let joints = Joints {
        ankle_deg: 25.0 * depth,
        knee_deg: 5.0 + 95.0 * depth,
        hip_deg: 90.0 * depth,
        shoulder_deg: 60.0 * depth,
        ..Joints::default()
    };
    Figure {
        trunk_deg: 30.0 * depth,
        ..Figure::symmetric(joints)
    }
}

/// Shakes every landmark by up to so many pixels, always in the same way.
fn shaken(mut pose: Pose, frame: usize, px: f32) -> Pose {
    for (index, point) in pose.points.iter_mut().enumerate() {
        let noise = |salt: usize| ((frame * 7919 + index * 104_729 + salt * 1_299_709) % 2003) as f32 / 1001.0 - 1.0;
        *point = Point {
            x_px: point.x_px + px * noise(1),
            y_px: point.y_px + px * noise(2),
            ..*point
        };
    }
    pose
}

fn squats(time_s: Vec<f64>, squats: &[(f64, f64)], noise_px: f32) -> Recording {
    let pose = |(frame, &time): (usize, &f64)| Some(shaken(squatting(depth(time, squats)).pose(), frame, noise_px));
    let poses = time_s.iter().enumerate().map(pose).collect();
    recording(time_s, poses)
}

#[test]
fn squats_of_any_tempo_are_counted() {
    let uneven: Vec<f64> = (0..330)
        .filter(|frame| frame % 7 != 3)
        .map(|frame| f64::from(frame) / 30.0)
        .collect();
    // Five squats with rests of different lengths.
    let true_squats = [(0.5, 1.6), (2.4, 1.4), (4.6, 1.9), (6.5, 1.5), (9.0, 1.7)];
    for (time_s, noise_px) in [(even_s(330, 30.0), 0.0), (even_s(330, 30.0), 4.0), (uneven, 2.0)] {
        let found = chosen(&squats(time_s, &true_squats, noise_px));
        assert_eq!(found.segments.len(), 5, "{found:?}");
        assert!(
            ["knee", "hip"].iter().any(|joint| found.signal.contains(joint)),
            "{}",
            found.signal
        );
        for (one, (from_s, lasts_s)) in found.segments.iter().zip(true_squats) {
            assert!((one.peak_s - from_s - lasts_s / 2.0).abs() < 0.1, "{one:?}");
            assert!((one.duration_s() - lasts_s).abs() < 0.55, "{one:?}");
        }
        assert!(found.notes[0].contains("5 cycles") && found.withheld.is_none());
        assert!(
            found
                .curves
                .iter()
                .any(|curve| curve.series == "left_knee_flexion_image" && curve.count == 5)
        );
    }
}

#[test]
fn a_recording_that_begins_and_ends_within_a_squat_has_only_the_whole_ones() {
    let found = chosen(&squats(
        even_s(240, 30.0),
        &[(-0.3, 2.0), (1.9, 2.0), (4.1, 2.0), (7.0, 2.0)],
        1.0,
    ));
    assert_eq!(found.segments.len(), 2, "{found:?}");
    assert_eq!(found.partial, 1);
}

#[test]
fn the_projects_own_squats_are_found_from_every_side() {
    for (repetitions, view_yaw_deg) in [(3, 90.0), (2, 90.0), (6, 90.0), (4, 45.0), (4, 0.0)] {
        let mut scene = Scene::squat();
        scene.figures[0].motion = Motion::Squat(Squat {
            repetitions,
            ..Squat::default()
        });
        scene.view_yaw_deg = view_yaw_deg;
        scene.duration_s = 2.5 * f64::from(repetitions);
        let truth = truth(&scene).unwrap();
        let times = truth.frames.iter().map(|frame| frame.time_s).collect();
        let poses = truth.frames.iter().map(|frame| Some(true_pose(frame)));
        let found = chosen(&recording(times, poses.collect()));
        assert_eq!(
            found.segments.len(),
            repetitions as usize,
            "from {view_yaw_deg}: {} {:?}",
            found.signal,
            found.segments
        );
        for (index, one) in found.segments.iter().enumerate() {
            // A squat takes 2.5 s, stands for a tenth of it, and is deepest at 0.56.
            let begins_s = 2.5 * index as f64;
            assert!((one.peak_s - begins_s - 0.56 * 2.5).abs() < 0.15, "{one:?}");
            assert!((one.duration_s() - 0.9 * 2.5).abs() < 0.6, "{one:?}");
        }
    }
}

#[test]
fn a_movement_that_rests_at_the_top_is_turned_over() {
    // Somebody who sits and stands up three times: the knee rests bent.
    let risen = |time: f64| depth(time, &[(1.5, 1.5), (4.5, 1.5), (7.5, 1.5)]);
    let time_s = even_s(300, 30.0);
    let sitting = |time: f64| {
        let joints = Joints {
            knee_deg: 90.0 - 88.0 * risen(time),
            hip_deg: 85.0 - 83.0 * risen(time),
            ..Joints::default()
        };
        Some(Figure::symmetric(joints).pose())
    };
    let poses = time_s.iter().map(|&time| sitting(time)).collect();
    let found = chosen(&recording(time_s, poses));
    assert_eq!(found.segments.len(), 3);
    assert!(found.signal.ends_with(":inverted"), "{}", found.signal);
}

#[test]
fn a_body_that_bobs_without_bending_is_cut_by_a_landmark() {
    let time_s = even_s(240, 30.0);
    let bobbing = |(frame, &time): (usize, &f64)| {
        let mut pose = shaken(Figure::default().pose(), frame, 0.5);
        let rise_px = 40.0 * (std::f64::consts::PI * time / 1.6).sin().powi(4);
        pose.points.iter_mut().for_each(|point| point.y_px -= rise_px as f32);
        Some(pose)
    };
    let poses = time_s.iter().enumerate().map(bobbing).collect();
    let found = chosen(&recording(time_s, poses));
    assert!(found.signal.starts_with("joint_axis:"), "{}", found.signal);
    assert_eq!((found.segments.len(), found.unit.as_str()), (5, "px"));
}

#[test]
fn somebody_who_walks_is_cut_by_heel_strikes() {
    let recording = squats(even_s(330, 30.0), &[(0.5, 1.6), (2.4, 1.4), (4.6, 1.9)], 0.0);
    let mut analysis = analyze(&recording, &Settings::default()).unwrap();
    let strike = |index: u32| Event {
        kind: EventKind::HeelStrike,
        side: Some(Side::Right),
        time_s: 1.0 + 1.1 * f64::from(index),
        confidence: 0.9,
    };
    analysis.people[0].findings.events = (0..4).map(strike).collect();
    let walked = found(&analysis);
    assert_eq!(
        (walked.signal.as_str(), walked.segments.len()),
        ("heel_strikes:right", 3)
    );
    analysis.people[0].findings.events.truncate(2);
    assert!(found(&analysis).signal.starts_with("joint_angle:"));
}

/// Random numbers of a seed, the same on every machine.
struct Random(u64);

impl Random {
    /// In -1 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
    }
}

/// So many joints wander, each by itself, about once a second, by some 30 degrees.
fn wandering(seed: u64, frames: usize, moving: usize) -> Recording {
    let mut random = Random(seed);
    let mut state = [[0.0_f64; 2]; 8];
    let pose = |_: usize| {
        for [value, speed] in &mut state[..moving] {
            *speed += 0.2 * (4.5 * random.next() * 6.0 - 0.35 * *value - 0.5 * *speed);
            *value += 0.2 * *speed;
        }
        let at = |joint: usize| state[joint][0];
        let joints = |first: usize| Joints {
            knee_deg: 60.0 + at(first),
            hip_deg: 30.0 + at(first + 1),
            shoulder_deg: 40.0 + at(first + 2),
            elbow_deg: 60.0 + at(first + 3),
            ..Joints::default()
        };
        Some(
            Figure {
                left: joints(0),
                right: joints(4),
                ..Figure::default()
            }
            .pose(),
        )
    };
    recording(even_s(frames, 30.0), (0..frames).map(pose).collect())
}

#[test]
fn wandering_about_is_no_repetition() {
    // Measured: 3, 6 and 5 of these hundred.
    for (moving, most) in [(8, 4), (4, 7), (1, 7)] {
        let is_taken = |seed: &u64| chosen(&wandering(*seed, 300, moving)).withheld.is_none();
        let taken = (0..100).filter(is_taken).count();
        eprintln!("{taken} of 100 random movements of {moving} joints, 10 s long, were taken for repetitions");
        assert!(taken <= most, "{taken}");
    }
}

#[test]
fn somebody_who_stands_has_none_and_is_told_why() {
    let found = chosen(&squats(even_s(150, 30.0), &[], 1.0));
    assert!(found.segments.is_empty() && found.configuration.is_none());
    assert!(found.withheld.unwrap().contains("15 degrees"));
    // One squat is no repetition.
    let once = chosen(&squats(even_s(150, 30.0), &[(1.5, 2.0)], 0.5));
    assert!(once.segments.is_empty() && once.withheld.is_some());
}

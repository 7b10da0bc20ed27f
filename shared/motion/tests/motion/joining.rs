//! Recordings of overlapping parts become one.

use marey_motion::{Part, Person, Pose, Recording, join};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

const RATE_HZ: f64 = 25.0;

/// Somebody who walks to the right at so many pixels per second.
fn walker(start_px: f32, speed_px: f32, time_s: f64) -> Pose {
    let knee_deg = 30.0 + 25.0 * (time_s * 6.0).sin();
    let joints = Joints {
        knee_deg,
        hip_deg: knee_deg / 2.0,
        ..Joints::default()
    };
    moved(&Figure::symmetric(joints).pose(), start_px + speed_px * time_s as f32)
}

fn moved(pose: &Pose, x_px: f32) -> Pose {
    let mut pose = pose.clone();
    for point in &mut pose.points {
        point.x_px += x_px;
    }
    pose
}

/// Noise as a model has it, the same for the same frame and seed.
fn noisy(pose: &Pose, frame: usize, seed: u64) -> Pose {
    let mut pose = pose.clone();
    let mut state = (frame as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed;
    for point in &mut pose.points {
        for value in [&mut point.x_px, &mut point.y_px] {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *value += ((state >> 33) as f32 / (1_u64 << 31) as f32 - 0.5) * 1.6;
        }
    }
    pose
}

/// Several people, each with a pose for the frames in which he is there.
fn crowd(time_s: &[f64], people: &[&dyn Fn(usize, f64) -> Option<Pose>]) -> Recording {
    let people = people.iter().enumerate().map(|(id, pose)| Person {
        id: id as u32,
        poses: time_s
            .iter()
            .enumerate()
            .map(|(frame, &time_s)| pose(frame, time_s))
            .collect(),
    });
    Recording {
        people: people.collect(),
        ..recording(time_s.to_vec(), vec![None; time_s.len()])
    }
}

/// The part of a recording that reads from a frame on and owns the frames from another one up to a third, its people in another order.
fn part(whole: &Recording, (read_from, start, end): (usize, usize, usize), seed: u64) -> Part {
    let at = |frame: usize| {
        whole
            .time_s
            .get(frame)
            .copied()
            .unwrap_or(whole.time_s[whole.time_s.len() - 1] + 0.04)
    };
    let mut people: Vec<Person> = Vec::new();
    for person in &whole.people {
        let poses: Vec<Option<Pose>> = (read_from..end)
            .map(|frame| Some(noisy(person.poses[frame].as_ref()?, frame, seed)))
            .collect();
        if poses.iter().any(Option::is_some) {
            people.push(Person { id: 0, poses });
        }
    }
    if seed % 2 == 1 {
        people.reverse();
    }
    for (id, person) in people.iter_mut().enumerate() {
        person.id = id as u32;
    }
    Part {
        recording: Recording {
            time_s: whole.time_s[read_from..end].to_vec(),
            people,
            ..whole.clone()
        },
        start_s: at(start),
        end_s: at(end),
        appearances: Vec::new(),
    }
}

/// The greatest distance between the poses of the same person in two recordings, px; everybody must be in the same frames.
fn greatest_distance_px(a: &Recording, b: &Recording) -> f64 {
    assert_eq!(a.time_s, b.time_s);
    assert_eq!(a.people.len(), b.people.len());
    let mut greatest = 0.0_f64;
    for (a, b) in a.people.iter().zip(&b.people) {
        assert_eq!(a.id, b.id);
        for (a, b) in a.poses.iter().zip(&b.poses) {
            assert_eq!(a.is_some(), b.is_some());
            if let (Some(a), Some(b)) = (a, b) {
                greatest = greatest.max(a.distance_px(b));
            }
        }
    }
    greatest
}

#[test]
fn people_keep_their_identity_whatever_the_parts_call_them() {
    // Two pass each other at the second cut.
    let first = |_, time_s| Some(walker(0.0, 60.0, time_s));
    let second = |_, time_s| Some(walker(700.0, -60.0, time_s));
    let whole = crowd(&even_s(300, RATE_HZ), &[&first, &second]);
    let parts = vec![
        part(&whole, (0, 0, 100), 2),
        part(&whole, (75, 100, 170), 3),
        part(&whole, (145, 170, 300), 5),
    ];
    let joined = join(parts).unwrap();
    assert!(greatest_distance_px(&joined, &whole) < 1.6);
}

#[test]
fn the_first_second_of_a_part_is_taken_from_the_part_before() {
    let whole = crowd(&even_s(200, RATE_HZ), &[&|_, time_s| Some(walker(0.0, 40.0, time_s))]);
    let first = part(&whole, (0, 0, 100), 0);
    let mut second = part(&whole, (75, 100, 200), 0);
    // Whatever follows people needs some frames to find them.
    second.recording.people[0].poses[0] = None;
    for frame in 1..6 {
        let pose = second.recording.people[0].poses[frame].as_mut().unwrap();
        *pose = moved(pose, 160.0);
    }
    let joined = join(vec![first, second]).unwrap();
    assert!(greatest_distance_px(&joined, &whole) < 1.6);
}

#[test]
fn a_part_of_nobody_is_a_gap() {
    let there = |frame: usize, time_s: f64| (!(90..170).contains(&frame)).then(|| walker(0.0, 20.0, time_s));
    let whole = crowd(&even_s(300, RATE_HZ), &[&there]);
    let middle = part(&whole, (75, 100, 160), 0);
    assert!(middle.recording.people[0].poses[25..].iter().all(Option::is_none));
    let parts = vec![part(&whole, (0, 0, 100), 0), middle, part(&whole, (135, 160, 300), 0)];
    assert!(
        greatest_distance_px(&join(parts).unwrap(), &whole) < 1.6,
        "the same person as before"
    );
    let empty = crowd(&even_s(300, RATE_HZ), &[]);
    let parts = vec![part(&empty, (0, 0, 100), 0), part(&empty, (75, 100, 300), 0)];
    assert_eq!(join(parts).unwrap(), empty);
}

#[test]
fn somebody_elsewhere_at_once_is_somebody_else() {
    // The first leaves at the cut; the second is there from the cut on, at the other end of the picture.
    let first = |frame: usize, time_s: f64| (frame < 100).then(|| walker(0.0, 20.0, time_s));
    let second = |frame: usize, time_s: f64| (frame >= 100).then(|| walker(1500.0, 20.0, time_s));
    let whole = crowd(&even_s(200, RATE_HZ), &[&first, &second]);
    let parts = vec![part(&whole, (0, 0, 100), 0), part(&whole, (75, 100, 200), 1)];
    assert!(greatest_distance_px(&join(parts).unwrap(), &whole) < 1.6);
    // A part follows another one of two people than the part before: both are there, and both are in the result.
    let both = crowd(
        &even_s(200, RATE_HZ),
        &[&|_, time_s| Some(walker(0.0, 20.0, time_s)), &|_, time_s| {
            Some(walker(900.0, 20.0, time_s))
        }],
    );
    let (mut one, mut other) = (part(&both, (0, 0, 100), 0), part(&both, (75, 100, 200), 0));
    one.recording.people.truncate(1);
    other.recording.people.remove(0);
    let joined = join(vec![one, other]).unwrap();
    let seen: Vec<usize> = joined
        .people
        .iter()
        .map(|person| person.poses.iter().flatten().count())
        .collect();
    assert_eq!(seen, [100, 100]);
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let whole = crowd(&even_s(200, RATE_HZ), &[&|_, time_s| Some(walker(0.0, 20.0, time_s))]);
    let parts = || vec![part(&whole, (0, 0, 100), 0), part(&whole, (75, 100, 200), 0)];
    let code = |parts: Vec<Part>| join(parts).unwrap_err().code();
    assert_eq!(code(Vec::new()), "MOTION_PARTS_DISAGREE");
    let mut late = parts();
    late[1].start_s += 0.1;
    assert_eq!(code(late), "MOTION_PARTS_DISAGREE");
    let mut swapped = parts();
    swapped.swap(0, 1);
    assert_eq!(code(swapped), "MOTION_PARTS_DISAGREE");
    let mut other = parts();
    other[1].recording.model.sha256 = "1".repeat(64);
    assert_eq!(code(other), "MOTION_PARTS_DISAGREE");
    let mut video = parts();
    video[1].recording.source.width_px = 9;
    assert_eq!(code(video), "MOTION_PARTS_DISAGREE");
    let mut broken = parts();
    broken[1].recording.people[0].poses.pop();
    assert_eq!(code(broken), "MOTION_INVALID_RECORDING");
    let mut nan = parts();
    nan[1].start_s = f64::NAN;
    assert_eq!(code(nan), "MOTION_PARTS_DISAGREE");
}

#[test]
fn a_pose_is_scaled_with_its_picture() {
    let pose = Figure::default().pose();
    let scaled = pose.clone().scaled(2.0, 3.0);
    for (before, after) in pose.points.iter().zip(&scaled.points) {
        let wanted = [before.x_px * 2.0, before.y_px * 3.0, before.z_px * 2.0].map(f32::to_bits);
        assert_eq!([after.x_px, after.y_px, after.z_px].map(f32::to_bits), wanted);
        assert_eq!(before.x_m.to_bits(), after.x_m.to_bits());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn wherever_it_is_cut_the_whole_comes_back(
        cuts in prop::collection::btree_set(30..270_usize, 0..6),
        seed in any::<u64>(),
        speeds in prop::collection::vec(-30.0..30.0_f32, 1..4),
    ) {
        let people: Vec<_> = speeds.iter().enumerate()
            .map(|(index, &speed)| move |_: usize, time_s: f64| Some(walker(index as f32 * 900.0, speed, time_s)))
            .collect();
        let people: Vec<&dyn Fn(usize, f64) -> Option<Pose>> = people.iter().map(|pose| pose as _).collect();
        let whole = crowd(&even_s(300, RATE_HZ), &people);
        let mut bounds: Vec<usize> = cuts.into_iter().collect();
        bounds.insert(0, 0);
        bounds.push(300);
        let parts = bounds.windows(2).enumerate().map(|(index, bound)| {
            let read_from = bound[0].saturating_sub(25);
            part(&whole, (read_from, bound[0], bound[1]), if index == 0 { seed & !1 } else { seed.rotate_left(index as u32) })
        });
        let joined = join(parts.collect()).unwrap();
        prop_assert!(greatest_distance_px(&joined, &whole) < 1.6);
    }
}

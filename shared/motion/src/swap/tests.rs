use proptest::prelude::*;

use super::*;
use crate::Point;

const RATE_HZ: f64 = 30.0;

/// Somebody who walks on the spot, seen obliquely: his sides are `apart_px` from each other, and his legs swing by 60 px in turn.
fn walking(frame: usize, apart_px: f32, noise: f32) -> Pose {
    let phase = 5.0 * frame as f32 / RATE_HZ as f32;
    let mut state = frame as u64 ^ 0x9e37_79b9;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        noise * ((state >> 33) as f32 / (1_u64 << 31) as f32 - 0.5)
    };
    let mut points = Vec::new();
    for landmark in Landmark::ALL {
        let index = landmark.index();
        let side = if index % 2 == 1 { 1.0 } else { -1.0 };
        let (y_px, swing) = match index {
            0..=10 => (60.0, 0.0),
            11 | 12 => (100.0, 0.0),
            13..=22 => (150.0, -30.0),
            23 | 24 => (200.0, 0.0),
            25 | 26 => (280.0, 30.0),
            _ => (360.0, 60.0),
        };
        points.push(Point {
            x_px: 300.0 + side * (apart_px / 2.0 + swing * phase.sin()) + noise(),
            y_px: y_px + noise(),
            z_px: 0.0,
            x_m: 0.0,
            y_m: 0.0,
            z_m: 0.0,
            visibility: 0.9,
            presence: 0.9,
        });
    }
    Pose { score: 1.0, points }
}

fn walk(frames: usize, apart_px: f32, noise: f32) -> (Vec<Option<Pose>>, Vec<f64>) {
    let poses = (0..frames).map(|frame| Some(walking(frame, apart_px, noise)));
    (
        poses.collect(),
        (0..frames).map(|frame| frame as f64 / RATE_HZ).collect(),
    )
}

#[test]
fn legs_that_were_exchanged_are_put_right_and_told() {
    let (mut poses, time_s) = walk(90, 40.0, 3.0);
    let sound = poses.clone();
    for pose in poses[40..46].iter_mut().flatten() {
        exchange(pose, Limbs::Legs);
    }
    let swaps = find(&poses, &time_s);
    assert_eq!(swaps.len(), 1);
    assert_eq!((swaps[0].limbs, swaps[0].start, swaps[0].end), (Limbs::Legs, 40, 46));
    assert_eq!((swaps[0].start_s, swaps[0].end_s), (time_s[40], time_s[45]));
    repair(&mut poses, &swaps);
    assert_eq!(poses, sound);
    assert_eq!(
        note(3, &swaps).unwrap(),
        "Person 3: the model took left for right, and that was put right: legs in 6 frames (41 to 46)."
    );
    assert_eq!(note(3, &[]), None);
}

#[test]
fn legs_that_pass_each_other_are_no_exchange() {
    // From the side both legs are in the same place twice in each stride.
    for noise in [0.0, 2.0, 5.0] {
        let (poses, time_s) = walk(300, 0.0, noise);
        assert_eq!(find(&poses, &time_s), [], "noise {noise}");
    }
}

#[test]
fn a_change_that_is_not_taken_back_stays() {
    let (mut poses, time_s) = walk(120, 60.0, 2.0);
    for pose in poses[70..].iter_mut().flatten() {
        exchange(pose, Limbs::Legs);
    }
    assert_eq!(find(&poses, &time_s), [], "either half may be right");
}

#[test]
fn too_little_tells_nothing() {
    for frames in 0..4 {
        let (poses, time_s) = walk(frames, 40.0, 0.0);
        assert_eq!(find(&poses, &time_s), []);
    }
    let (_, time_s) = walk(9, 40.0, 0.0);
    assert_eq!(find(&vec![None; 9], &time_s), []);
    let few = Pose {
        score: 1.0,
        points: walking(0, 0.0, 0.0).points[..12].to_vec(),
    };
    assert_eq!(find(&vec![Some(few); 9], &time_s), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_right_stays_untouched(
        frames in 0..200_usize,
        apart_px in 0.0..80.0_f32,
        noise in 0.0..5.0_f32,
        gaps in prop::collection::vec((0..200_usize, 1..20_usize), 0..4),
    ) {
        let (mut poses, time_s) = walk(frames, apart_px, noise);
        for (from, count) in gaps {
            for pose in poses.iter_mut().skip(from).take(count) {
                *pose = None;
            }
        }
        prop_assert_eq!(find(&poses, &time_s), []);
    }

    /// Half a second at most, and neither of the first and last frames, where nothing tells what was before or after.
    #[test]
    fn any_short_exchange_is_put_right(
        start in 3..80_usize,
        count in 1..15_usize,
        apart_px in 70.0..120.0_f32,
        noise in 0.0..4.0_f32,
        legs in any::<bool>(),
    ) {
        let (mut poses, time_s) = walk(100, apart_px, noise);
        let sound = poses.clone();
        let limbs = if legs { Limbs::Legs } else { Limbs::Arms };
        for pose in poses[start..start + count].iter_mut().flatten() {
            exchange(pose, limbs);
        }
        let swaps = find(&poses, &time_s);
        prop_assert_eq!(swaps.len(), 1, "{:?}", swaps);
        repair(&mut poses, &swaps);
        prop_assert!(poses == sound, "{:?} for {}..{}", swaps, start, start + count);
    }
}

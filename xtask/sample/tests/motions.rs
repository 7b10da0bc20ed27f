//! The motions are those of people: feet that stand do not slide, knees bend as far as they were asked to, arms swing against legs.

use marey_sample::motion::STRIDE_M;
use marey_sample::{Motion, Scene, Truth, Walk, truth};

fn known(scene: &Scene) -> Truth {
    truth(scene).expect("the scene can be rendered")
}

/// Frames at a rate at which every event of a stride is seen.
fn fine_walk() -> Truth {
    known(&Scene {
        frame_rate: (240, 1),
        ..Scene::walk()
    })
}

fn series(truth: &Truth, value: impl Fn(&marey_sample::truth::TruthPerson) -> f64) -> Vec<f64> {
    truth.frames.iter().map(|frame| value(&frame.people[0])).collect()
}

fn place(truth: &Truth, name: &str) -> Vec<[f64; 3]> {
    let joint = |person: &marey_sample::truth::TruthPerson| person.joint(name).expect("the name of a joint").clone();
    truth
        .frames
        .iter()
        .map(|frame| joint(&frame.people[0]))
        .map(|j| [j.x_m, j.y_m, j.z_m])
        .collect()
}

fn range(values: &[f64]) -> (f64, f64) {
    values
        .iter()
        .fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)))
}

#[test]
fn squats_reach_their_depth_every_time() {
    let truth = known(&Scene::squat());
    let knees = series(&truth, |p| p.right.knee_flexion_deg);
    let (least, greatest) = range(&knees);
    assert!((greatest - 100.0).abs() < 1.0, "deepest {greatest}");
    assert!((least - 5.0).abs() < 3.0, "standing {least}");
    let third = knees.len() / 3;
    for repetition in knees.chunks(third) {
        assert!((range(repetition).1 - greatest).abs() < 0.5);
    }
    for (left, right) in series(&truth, |p| p.left.knee_flexion_deg).iter().zip(&knees) {
        assert!((left - right).abs() < 1e-9, "a squat is symmetric");
    }
}

#[test]
fn squats_are_smooth() {
    let truth = known(&Scene {
        frame_rate: (240, 1),
        ..Scene::squat()
    });
    let knees = series(&truth, |p| p.right.knee_flexion_deg);
    let speed: Vec<f64> = knees.windows(2).map(|w| (w[1] - w[0]) * 240.0).collect();
    let (_, fastest) = range(&speed);
    assert!(fastest < 260.0, "{fastest} degrees per second");
    let acceleration: Vec<f64> = speed.windows(2).map(|w| (w[1] - w[0]) * 240.0).collect();
    let jump = acceleration.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
    assert!(
        jump < 120.0,
        "the acceleration jumps by {jump} degrees per second squared"
    );
}

#[test]
fn the_feet_of_a_squat_stay_where_they_are() {
    let truth = known(&Scene::squat());
    for name in [
        "left_heel",
        "right_heel",
        "left_foot_index",
        "right_foot_index",
        "left_ankle",
        "right_ankle",
    ] {
        let places = place(&truth, name);
        for axis in 0..3 {
            let (low, high) = range(&places.iter().map(|p| p[axis]).collect::<Vec<_>>());
            assert!(high - low < 1e-9, "{name} moves by {} m", high - low);
        }
    }
}

#[test]
fn planted_feet_do_not_slide() {
    let truth = fine_walk();
    for side in ["left", "right"] {
        // Whatever of the foot is lowest bears the weight while the other foot swings.
        let heel = place(&truth, &format!("{side}_heel"));
        let toes = place(&truth, &format!("{side}_foot_index"));
        let ground = truth.camera.height_m - 0.03;
        let mut planted = 0;
        for i in 1..heel.len() {
            let mut slides = Vec::new();
            for part in [&heel, &toes] {
                let on_ground = (part[i][1] - ground).abs() < 1e-9 && (part[i - 1][1] - ground).abs() < 1e-9;
                if on_ground {
                    slides.push((part[i][0] - part[i - 1][0]).hypot(part[i][2] - part[i - 1][2]));
                }
            }
            if let Some(slide) = slides.into_iter().reduce(f64::min) {
                planted += 1;
                assert!(slide < 1e-9, "{side} foot slides {slide} m at frame {i}");
            }
        }
        let share = f64::from(planted) / heel.len() as f64;
        assert!(
            (0.52..0.70).contains(&share),
            "the {side} foot stands {share} of the time"
        );
    }
}

#[test]
fn feet_stay_above_the_ground() {
    let truth = fine_walk();
    let ground = truth.camera.height_m;
    for name in ["left_heel", "right_heel", "left_foot_index", "right_foot_index"] {
        let lowest = place(&truth, name)
            .iter()
            .map(|p| ground - p[1])
            .fold(f64::MAX, f64::min);
        assert!(
            lowest > 0.015,
            "{name} comes to {lowest} m above the ground; the sole is 0.03 m thick"
        );
    }
}

#[test]
fn walking_knees_follow_normal_gait() {
    let truth = fine_walk();
    for side in [0, 1] {
        let knees = series(&truth, |p| [&p.left, &p.right][side].knee_flexion_deg);
        let (least, greatest) = range(&knees);
        // Winter (natural cadence): 0.5 to 65 degrees, with a second, lower peak of 21 degrees in stance.
        assert!(
            (0.5..9.0).contains(&least) && (57.0..68.0).contains(&greatest),
            "{least} to {greatest}"
        );
        let peaks: Vec<f64> = knees
            .windows(3)
            .filter(|w| w[1] > w[0] && w[1] >= w[2])
            .map(|w| w[1])
            .collect();
        let lower = peaks.iter().filter(|&&p| p < 40.0).count();
        let strides = 4.0 / Walk::default().stride_time_s;
        assert!((lower as f64 - strides).abs() <= 1.5, "stance peaks: {peaks:?}");
        assert!(
            peaks.iter().filter(|&&p| p < 40.0).all(|p| (14.0..26.0).contains(p)),
            "{peaks:?}"
        );
        let fastest = knees
            .windows(2)
            .map(|w| (w[1] - w[0]).abs() * 240.0)
            .fold(0.0, f64::max);
        assert!(fastest < 500.0, "{fastest} degrees per second");
    }
}

#[test]
fn arms_swing_against_the_legs() {
    let truth = fine_walk();
    let ahead = |upper: &str, lower: &str| -> Vec<f64> {
        place(&truth, upper)
            .iter()
            .zip(place(&truth, lower))
            .map(|(u, l)| l[0] - u[0])
            .collect()
    };
    let correlation = |a: &[f64], b: &[f64]| {
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let (ma, mb) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(b).map(|(a, b)| f(a - ma, b - mb)).sum::<f64>();
        sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt()
    };
    let (arm, same) = (
        ahead("right_shoulder", "right_wrist"),
        ahead("right_hip", "right_ankle"),
    );
    let other = ahead("left_hip", "left_ankle");
    assert!(correlation(&arm, &other) > 0.8 && correlation(&arm, &same) < -0.8);
}

#[test]
fn the_walk_travels_at_its_speed_and_passes_the_middle_at_half_time() {
    let truth = fine_walk();
    let hips: Vec<f64> = place(&truth, "left_hip")
        .iter()
        .zip(place(&truth, "right_hip"))
        .map(|(l, r)| 0.5 * (l[0] + r[0]))
        .collect();
    let walk = Walk::default();
    assert!((walk.speed_m_s() - STRIDE_M / walk.stride_time_s).abs() < 1e-12);
    let whole_strides = 3.0 * walk.stride_time_s;
    let frames = (whole_strides * 240.0).round() as usize;
    assert!(
        (hips[frames] - hips[0] - 3.0 * STRIDE_M).abs() < 0.01,
        "to the right in a side view"
    );
    assert!(hips[480].abs() < 0.03);
    let heights: Vec<f64> = place(&truth, "left_hip").iter().map(|p| -p[1]).collect();
    let (low, high) = range(&heights);
    assert!(
        (0.015..0.05).contains(&(high - low)),
        "the pelvis rises and falls by {} m",
        high - low
    );
}

#[test]
fn a_figure_turned_around_walks_the_other_way() {
    let truth = known(&Scene::crossing());
    let (first, last) = (&truth.frames[0].people, &truth.frames[truth.frames.len() - 1].people);
    let x = |people: &[marey_sample::truth::TruthPerson], i: usize| {
        people[i].joint("nose").expect("the name of a joint").x_px
    };
    assert!(x(first, 0) < x(last, 0) && x(first, 1) > x(last, 1));
    assert!(
        x(first, 0) < x(first, 1) && x(last, 0) > x(last, 1),
        "they pass each other"
    );
}

#[test]
fn trunks_lean_forward_whichever_way_they_face() {
    for yaw in [0.0, 90.0, 180.0, 270.0] {
        let truth = known(&Scene::squat().seen_from(yaw));
        let (_, greatest) = range(&series(&truth, |p| p.trunk_deg));
        assert!((greatest - 42.0).abs() < 1.0, "{greatest} at {yaw}");
    }
    assert!(matches!(Scene::squat().figures[0].motion, Motion::Squat(_)));
}

#[test]
fn walking_hips_go_from_extension_to_flexion() {
    let truth = fine_walk();
    let (least, greatest) = range(&series(&truth, |p| p.right.hip_flexion_deg));
    // Winter: -11 to 22 degrees against the pelvis; here against the trunk, which leans forward by 3.
    assert!(
        (-18.0..-4.0).contains(&least) && (20.0..34.0).contains(&greatest),
        "{least} to {greatest}"
    );
    // Winter: -20 to 10 degrees against a rigid foot; here the line from heel to toes, which the bend of the toes lifts.
    let (least, greatest) = range(&series(&truth, |p| p.right.ankle_dorsiflexion_deg));
    assert!(
        (-25.0..-6.0).contains(&least) && (8.0..22.0).contains(&greatest),
        "{least} to {greatest}"
    );
    let (behind, ahead) = range(&series(&truth, |p| p.left.shoulder_flexion_deg));
    assert!(
        (-30.0..-10.0).contains(&behind) && (10.0..35.0).contains(&ahead),
        "{behind} to {ahead}"
    );
}

#[test]
fn the_squatter_does_not_fall_over() {
    let truth = known(&Scene::squat());
    // Masses of the segments and places of their centres from the proximal end (Winter, table 4.1), both sides together.
    let segments = [
        ("hip", "knee", 0.200, 0.433),
        ("knee", "ankle", 0.093, 0.433),
        ("heel", "foot_index", 0.029, 0.5),
        ("shoulder", "elbow", 0.056, 0.436),
        ("elbow", "wrist", 0.044, 0.682),
        ("shoulder", "hip", 0.497, 0.5),
        ("ear", "ear", 0.081, 0.0),
    ];
    for frame in &truth.frames {
        let x = |part: &str| {
            let of = |side: &str| {
                frame.people[0]
                    .joint(&format!("{side}_{part}"))
                    .expect("the name of a joint")
                    .x_m
            };
            0.5 * (of("left") + of("right"))
        };
        let centre: f64 = segments
            .iter()
            .map(|(from, to, mass, share)| mass * (x(from) + share * (x(to) - x(from))))
            .sum();
        let (heel, toes) = (x("heel"), x("foot_index"));
        let share = (centre - heel) / (toes - heel);
        assert!(
            (0.15..0.75).contains(&share),
            "the centre of mass is at {share} of the foot at {} s",
            frame.time_s
        );
    }
}

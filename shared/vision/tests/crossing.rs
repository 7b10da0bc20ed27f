//! Two rendered people walk past each other, and everybody keeps his identity. Where the models are missing the tests say `skipped`.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

#[expect(dead_code, reason = "these tests need no footage")]
mod common;

use common::models;
use marey_motion::{Crowd, Landmark, Limbs, Observations, Pose, swap};
use marey_sample::{Scene, Truth, TruthJoint, render, truth};
use marey_vision::{ImageView, PoseEstimator, PoseOptions};

/// A pose belongs to the figure whose trunk it is nearest to, and to none if that is further away than this share of its length.
const NEAR: f64 = 0.35;

/// A scene small and short enough for every change: 3 s, 20 frames per second.
fn small(scene: Scene) -> Scene {
    Scene {
        frame_rate: (20, 1),
        ..scene.sized(640, 360)
    }
}

fn followed(scene: &Scene, test: &str) -> Option<Crowd> {
    let (runtime, models) = models(test)?;
    let options = PoseOptions {
        smooth: false,
        most_people: 4,
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&runtime, &models, options).unwrap();
    let mut seen = Observations::default();
    for frame in render(scene, |_, _| {}).unwrap() {
        let image = ImageView::rgb(&frame.rgb, frame.width, frame.height).unwrap();
        seen.add_frame(frame.time_s, estimator.process_all(image, frame.time_s).unwrap());
    }
    Some(seen.crowd())
}

/// The middle of the trunk, and its length, in pixels.
fn trunk(at: impl Fn(Landmark) -> [f64; 2]) -> ([f64; 2], f64) {
    let middle = |a: Landmark, b: Landmark| {
        let (a, b) = (at(a), at(b));
        [f64::midpoint(a[0], b[0]), f64::midpoint(a[1], b[1])]
    };
    let hips = middle(Landmark::LeftHip, Landmark::RightHip);
    let shoulders = middle(Landmark::LeftShoulder, Landmark::RightShoulder);
    let centre = [
        f64::midpoint(hips[0], shoulders[0]),
        f64::midpoint(hips[1], shoulders[1]),
    ];
    (centre, (hips[0] - shoulders[0]).hypot(hips[1] - shoulders[1]))
}

fn of_pose(pose: &Pose) -> [f64; 2] {
    trunk(|landmark| [pose.points[landmark.index()].x_px, pose.points[landmark.index()].y_px].map(f64::from)).0
}

fn of_figure(truth: &Truth, frame: usize, figure: usize) -> ([f64; 2], f64) {
    let joints = &truth.frames[frame].people[figure].joints;
    trunk(|landmark| [joints[landmark.index()].x_px, joints[landmark.index()].y_px])
}

/// What became of the identities of two figures.
#[derive(Debug, Default)]
struct Kept {
    /// For each figure in how many frames the trunk is in sight.
    visible: [usize; 2],
    /// In how many of these the person who stands for the figure has a pose there.
    held: [usize; 2],
    /// Frames in which a person is where the figure is that another person stands for.
    swapped: usize,
    people: usize,
}

fn kept(crowd: &Crowd, scene: &Scene) -> Kept {
    let truth = truth(scene).unwrap();
    let frames = truth.frames.len();
    let mut kept = Kept {
        people: crowd.people.len(),
        ..Kept::default()
    };
    let place = |frame: usize, figure: usize| of_figure(&truth, frame, figure);
    let is_at = |pose: &Pose, frame: usize, figure: usize| {
        let ([x, y], trunk_px) = place(frame, figure);
        let at = of_pose(pose);
        (at[0] - x).hypot(at[1] - y) < NEAR * trunk_px
    };
    // The trunks are as deep as they are apart when the one behind is hidden.
    let are_apart = |frame: usize| {
        let ((a, trunk_px), (b, _)) = (place(frame, 0), place(frame, 1));
        (a[0] - b[0]).abs() > 0.45 * trunk_px
    };
    for figure in 0..2 {
        let stands_for = |id: usize| {
            let poses = crowd.people[id].poses.iter().enumerate();
            poses
                .filter(|(frame, pose)| {
                    pose.as_ref()
                        .is_some_and(|pose| are_apart(*frame) && is_at(pose, *frame, figure))
                })
                .count()
        };
        let Some(own) = (0..crowd.people.len()).max_by_key(|&id| stands_for(id)) else {
            continue;
        };
        for frame in 0..frames {
            // The first figure is the nearer one, and always in sight.
            if figure == 1 && !are_apart(frame) {
                continue;
            }
            kept.visible[figure] += 1;
            let Some(pose) = &crowd.people[own].poses[frame] else {
                continue;
            };
            if is_at(pose, frame, figure) {
                kept.held[figure] += 1;
            } else if are_apart(frame) && is_at(pose, frame, 1 - figure) {
                kept.swapped += 1;
            }
        }
    }
    kept
}

fn check(scene: Scene, name: &str) {
    let scene = small(scene);
    let Some(crowd) = followed(&scene, name) else { return };
    let kept = kept(&crowd, &scene);
    eprintln!("{name}: {kept:?}");
    let sides = sides(&crowd, &scene);
    eprintln!("{name}: {sides:?}");
    assert!(sides.wrong_after <= sides.wrong_before, "{sides:?}");
    assert_eq!(kept.people, 2, "{kept:?}");
    assert_eq!(kept.swapped, 0, "{kept:?}");
    for figure in 0..2 {
        assert!(
            kept.held[figure] * 100 >= kept.visible[figure] * 95,
            "figure {figure}: {kept:?}"
        );
    }
}

#[test]
fn two_in_different_clothes_pass_each_other() {
    check(Scene::crossing(), "a crossing");
}

#[test]
fn two_in_the_same_clothes_pass_each_other() {
    check(Scene::twins(), "a crossing of twins");
}

/// Sides that the model had wrong, in frames of one limb: before the repair and after it.
#[derive(Debug, Default, PartialEq)]
struct Sides {
    wrong_before: usize,
    wrong_after: usize,
    repaired: usize,
}

/// Whether the limbs are nearer to the figure's with their sides exchanged, by more than the model's own error.
fn is_exchanged(pose: &Pose, joints: &[TruthJoint], limbs: Limbs, trunk_px: f64) -> bool {
    let left: &[Landmark] = match limbs {
        Limbs::Legs => &[Landmark::LeftKnee, Landmark::LeftAnkle, Landmark::LeftFootIndex],
        Limbs::Arms => &[Landmark::LeftElbow, Landmark::LeftWrist],
    };
    let off_px = |seen: usize, joint: usize| {
        let (point, joint) = (&pose.points[seen], &joints[joint]);
        (f64::from(point.x_px) - joint.x_px).hypot(f64::from(point.y_px) - joint.y_px)
    };
    let (mut own, mut other) = (0.0, 0.0);
    for left in left.iter().map(|landmark| landmark.index()) {
        own += off_px(left, left) + off_px(left + 1, left + 1);
        other += off_px(left, left + 1) + off_px(left + 1, left);
    }
    other + 0.3 * trunk_px < own
}

fn sides(crowd: &Crowd, scene: &Scene) -> Sides {
    let truth = truth(scene).unwrap();
    let time_s: Vec<f64> = truth.frames.iter().map(|frame| frame.time_s).collect();
    let mut sides = Sides::default();
    for person in &crowd.people {
        let swaps = swap::find(&person.poses, &time_s);
        let mut repaired = person.poses.clone();
        swap::repair(&mut repaired, &swaps);
        sides.repaired += swaps.iter().map(|swap| swap.end - swap.start).sum::<usize>();
        for (frame, (before, after)) in person.poses.iter().zip(&repaired).enumerate() {
            let (Some(before), Some(after)) = (before, after) else {
                continue;
            };
            // Whoever is nearest is meant.
            let at = of_pose(before);
            let away = |figure: usize| {
                let ([x, y], _) = of_figure(&truth, frame, figure);
                (x - at[0]).hypot(y - at[1])
            };
            let figures = 0..truth.frames[frame].people.len();
            let Some(figure) = figures.min_by(|&a, &b| away(a).total_cmp(&away(b))) else {
                continue;
            };
            let joints = &truth.frames[frame].people[figure].joints;
            let (_, trunk_px) = of_figure(&truth, frame, figure);
            for limbs in [Limbs::Legs, Limbs::Arms] {
                sides.wrong_before += usize::from(is_exchanged(before, joints, limbs, trunk_px));
                sides.wrong_after += usize::from(is_exchanged(after, joints, limbs, trunk_px));
            }
        }
    }
    sides
}

fn check_sides(scene: Scene, name: &str) {
    let scene = small(scene);
    let Some(crowd) = followed(&scene, name) else { return };
    let sides = sides(&crowd, &scene);
    eprintln!("{name}: {} people, {sides:?}", crowd.people.len());
    assert_eq!(crowd.people.len(), 1, "nobody else is there");
    assert!(sides.wrong_after <= sides.wrong_before, "{name}: {sides:?}");
}

#[test]
fn sides_in_a_walk_from_the_side() {
    check_sides(Scene::walk(), "walk");
}

#[test]
fn sides_in_a_walk_at_45_degrees() {
    check_sides(Scene::walk().seen_from(45.0), "walk at 45 degrees");
}

#[test]
fn sides_in_a_walk_from_the_front() {
    check_sides(Scene::walk().seen_from(0.0), "walk from the front");
}

#[test]
fn sides_in_a_squat_from_the_side() {
    check_sides(Scene::squat(), "squat");
}

#[test]
fn sides_in_a_squat_from_the_front() {
    check_sides(Scene::squat().seen_from(0.0), "squat from the front");
}

//! Skeletons and what one says in the terms of another.

#![expect(clippy::float_cmp, reason = "what a format keeps it keeps to the bit")]

use std::collections::HashSet;

use marey_motion::{Conversion, Landmark, Person, Point, Pose, Settings, Skeleton, Space, Spaces, analyze};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

/// The source landmark of a target's landmark, if it is one and no middle.
fn single(conversion: &Conversion, target: usize) -> Option<usize> {
    match conversion.sources()[target][..] {
        [source] => Some(source),
        _ => None,
    }
}

fn point(number: usize, visibility: f32) -> Point {
    let base = number as f32;
    Point {
        x_px: base,
        y_px: 2.0 * base + 1.0,
        z_px: -base,
        x_m: base / 100.0,
        y_m: -base / 50.0,
        z_m: base / 25.0,
        visibility,
        presence: visibility,
    }
}

fn numbered(skeleton: Skeleton) -> Pose {
    Pose {
        score: 0.75,
        points: (0..skeleton.len()).map(|index| point(index, 0.9)).collect(),
    }
}

#[test]
fn skeletons_are_sound() {
    let lengths: HashSet<usize> = Skeleton::ALL.iter().map(|skeleton| skeleton.len()).collect();
    assert_eq!(
        lengths.len(),
        Skeleton::ALL.len(),
        "a number of landmarks tells the skeleton"
    );
    for skeleton in Skeleton::ALL {
        assert_eq!(Skeleton::from_name(skeleton.name()), Some(skeleton));
        assert_eq!(Skeleton::of_len(skeleton.len()), Some(skeleton));
        assert_eq!(
            serde_json::to_string(&skeleton).unwrap(),
            format!("{:?}", skeleton.name())
        );
        assert!(skeleton.name().ends_with(&skeleton.len().to_string()));
        let names: HashSet<_> = skeleton.landmark_names().iter().collect();
        assert_eq!(names.len(), skeleton.len(), "{} has a name twice", skeleton.name());
        for (index, name) in skeleton.landmark_names().iter().enumerate() {
            assert_eq!(skeleton.index_of(name), Some(index));
        }
        let mut bones = HashSet::new();
        for &(from, to) in skeleton.bones() {
            assert!(
                from < skeleton.len() && to < skeleton.len() && from != to,
                "{}",
                skeleton.name()
            );
            assert!(
                bones.insert((from.min(to), from.max(to))),
                "{} has a bone twice",
                skeleton.name()
            );
        }
        // Left and right are mirrored: what one side has, the other has.
        for name in skeleton.landmark_names() {
            let mirrored = name.replace("left", "right");
            assert!(
                skeleton.index_of(&mirrored).is_some(),
                "{} has no {mirrored}",
                skeleton.name()
            );
        }
    }
    assert_eq!(Skeleton::from_name("coco"), None);
}

#[test]
fn conversions_take_the_landmark_of_the_same_place() {
    let same = |from: Skeleton, to: Skeleton, pairs: &[(&str, &str)]| {
        let conversion = Conversion::new(from, to);
        for (target, source) in pairs {
            let target = to.index_of(target).unwrap();
            assert_eq!(
                single(&conversion, target),
                from.index_of(source),
                "{} to {}: {source}",
                from.name(),
                to.name()
            );
        }
    };
    same(
        Skeleton::BlazePose33,
        Skeleton::Coco17,
        &[("left_knee", "left_knee"), ("nose", "nose")],
    );
    same(
        Skeleton::Body25,
        Skeleton::BlazePose33,
        &[
            ("left_foot_index", "left_big_toe"),
            ("right_heel", "right_heel"),
            ("left_eye", "left_eye"),
        ],
    );
    same(
        Skeleton::Halpe26,
        Skeleton::Body25,
        &[
            ("neck", "neck"),
            ("mid_hip", "mid_hip"),
            ("left_small_toe", "left_small_toe"),
        ],
    );
    same(
        Skeleton::BerkeleyMhad43,
        Skeleton::Halpe26,
        &[("left_big_toe", "lfoo"), ("right_knee", "rkne"), ("left_heel", "lhee")],
    );
    same(
        Skeleton::Body25,
        Skeleton::BerkeleyMhad43,
        &[("lfoo", "left_big_toe"), ("rwri", "right_wrist")],
    );
}

#[test]
fn middles_are_middles_and_nothing_else_is_made_up() {
    let pose = numbered(Skeleton::BlazePose33);
    let converted = Conversion::new(Skeleton::BlazePose33, Skeleton::Body25).pose(&pose);
    let (left, right) = (Landmark::LeftShoulder.index(), Landmark::RightShoulder.index());
    let neck = converted.points[Skeleton::Body25.index_of("neck").unwrap()];
    assert_eq!(
        neck.x_px,
        f32::midpoint(pose.points[left].x_px, pose.points[right].x_px)
    );
    assert_eq!(neck.y_m, f32::midpoint(pose.points[left].y_m, pose.points[right].y_m));
    let mut half = pose.clone();
    half.points[left].visibility = 0.0;
    let half = Conversion::new(Skeleton::BlazePose33, Skeleton::Body25).pose(&half);
    assert_eq!(half.points[1], Point::MISSING, "a middle of what is not there");
    let missing = |from, to| Conversion::new(from, to).missing();
    assert_eq!(
        missing(Skeleton::BlazePose33, Skeleton::Body25),
        ["left_small_toe", "right_small_toe"]
    );
    assert_eq!(missing(Skeleton::BlazePose33, Skeleton::Coco17), [""; 0]);
    assert_eq!(
        missing(Skeleton::BlazePose33, Skeleton::Halpe26),
        ["head", "left_small_toe", "right_small_toe"]
    );
    assert!(
        missing(Skeleton::BerkeleyMhad43, Skeleton::Halpe26).contains(&"head"),
        "a marker is not the top of the head"
    );
    assert_eq!(missing(Skeleton::Coco17, Skeleton::BlazePose33).len(), 33 - 17);
    // From 43 markers to neck: the middle of the middles of two markers each.
    let markers = numbered(Skeleton::BerkeleyMhad43);
    let neck = Conversion::new(Skeleton::BerkeleyMhad43, Skeleton::Body25)
        .pose(&markers)
        .points[1];
    let mean = ["lsho1", "lsho2", "rsho1", "rsho2"].map(|name| Skeleton::BerkeleyMhad43.index_of(name).unwrap() as f32);
    assert_eq!(neck.x_px, mean.iter().sum::<f32>() / 4.0);
    let lost = Conversion::new(Skeleton::BlazePose33, Skeleton::Coco17).lost();
    assert!(lost.contains(&"left_heel") && lost.contains(&"mouth_left") && !lost.contains(&"left_knee"));
}

#[test]
fn a_recording_of_another_skeleton_is_analysed_as_blazepose_with_a_note() {
    let poses = (0..30).map(|frame| {
        let knee_deg = f64::from(frame);
        Some(
            Figure::symmetric(Joints {
                knee_deg,
                ..Joints::default()
            })
            .pose(),
        )
    });
    let blazepose = recording(even_s(30, 30.0), poses.collect());
    let halpe = blazepose.converted(Skeleton::Halpe26);
    let own = analyze(&blazepose, &Settings::default()).unwrap();
    let other = analyze(&halpe, &Settings::default()).unwrap();
    assert_eq!(
        (other.skeleton, other.people[0].poses[0].as_ref().unwrap().points.len()),
        (Skeleton::BlazePose33, 33)
    );
    assert!(
        other.notes[0].contains("halpe_26") && other.notes[0].contains("left_index"),
        "{:?}",
        other.notes
    );
    assert!(own.notes.iter().all(|note| !note.contains("converted")));
    for (own, other) in own.people[0].angles.iter().zip(&other.people[0].angles) {
        let needs_hand = own.id().contains("wrist") || own.id().contains("hand");
        assert_eq!(
            other.value_deg,
            if needs_hand {
                vec![None; 30]
            } else {
                own.value_deg.clone()
            },
            "{}",
            own.id()
        );
    }
}

#[test]
fn angles_in_a_space_that_is_not_there_have_no_values() {
    let poses = vec![
        Some(
            Figure::symmetric(Joints {
                knee_deg: 40.0,
                ..Joints::default()
            })
            .pose()
        );
        20
    ];
    let both = recording(even_s(20, 30.0), poses);
    for (spaces, id, word) in [
        (Spaces::Image, "image", "picture only"),
        (Spaces::World, "world", "world only"),
    ] {
        let mut one = both.clone();
        one.spaces = spaces;
        // What stands in the other space must not matter.
        let analysis = analyze(&one, &Settings::default()).unwrap();
        assert_eq!(analysis.spaces, spaces);
        assert!(
            analysis.notes.iter().any(|note| note.contains(word)),
            "{:?}",
            analysis.notes
        );
        assert_eq!(analysis.people[0].camera_plane, None);
        assert_eq!(analysis.people[0].findings.scale.is_some(), spaces.has(Space::Image));
        let knee = |space: &str| {
            let series = analysis.people[0]
                .angles
                .iter()
                .find(|series| series.id() == format!("left_knee_flexion_{space}"));
            series.unwrap().value_deg[10]
        };
        for space in ["image", "world"] {
            assert_eq!(knee(space).is_some(), space == id, "{space} of {id}");
        }
    }
}

fn any_skeleton() -> impl Strategy<Value = Skeleton> {
    prop::sample::select(Skeleton::ALL.to_vec())
}

proptest! {
    #[test]
    fn there_and_back_keeps_what_both_have(
        from in any_skeleton(),
        to in any_skeleton(),
        visibilities in prop::collection::vec(0.0_f32..1.0, 43),
    ) {
        let points = (0..from.len()).map(|index| point(index, visibilities[index])).collect();
        let pose = Pose { score: 0.5, points };
        let (there, back) = (Conversion::new(from, to), Conversion::new(to, from));
        let converted = there.pose(&pose);
        prop_assert_eq!(converted.points.len(), to.len());
        prop_assert_eq!(converted.score, pose.score);
        let returned = back.pose(&converted);
        for index in 0..from.len() {
            // A place that both have comes back as it was.
            if let Some(target) = single(&back, index) && single(&there, target) == Some(index) {
                prop_assert_eq!(returned.points[index], pose.points[index]);
            }
        }
        for (target, sources) in there.sources().iter().enumerate() {
            prop_assert!(sources.iter().all(|&source| source < from.len()));
            if sources.is_empty() {
                prop_assert_eq!(converted.points[target], Point::MISSING);
            }
            // Nobody is surer of a middle than of its parts.
            let least = sources.iter().map(|&source| pose.points[source].visibility).fold(1.0, f32::min);
            prop_assert!(converted.points[target].visibility <= least);
        }
        if from == to {
            prop_assert_eq!(returned, pose);
        }
    }

    #[test]
    fn a_converted_recording_is_sound(from in any_skeleton(), to in any_skeleton(), frames in 0_usize..5) {
        let mut original = recording(even_s(frames, 30.0), vec![None; frames]);
        original.skeleton = from;
        let poses = (0..frames).map(|frame| (frame != 1).then(|| numbered(from))).collect();
        original.people = vec![Person { id: 3, poses }];
        let converted = original.converted(to);
        prop_assert!(converted.validate().is_ok());
        prop_assert_eq!(converted.skeleton, to);
        prop_assert_eq!(converted.people[0].poses.iter().map(Option::is_some).collect::<Vec<_>>(), (0..frames).map(|frame| frame != 1).collect::<Vec<_>>());
    }
}

//! The overlay marks what it should, where it should, and survives whatever a model puts out.

use marey_motion::{Analysis, Angle, Landmark as L, View};
use marey_picture::{Annotator, AnnotatorOptions, RgbFrame, RgbImage};
use proptest::prelude::*;

use crate::analysis;
use crate::support::{HEIGHT, Movement, WIDTH};

const GREY: [u8; 3] = [128, 128, 128];

/// Bones and joints alone.
fn bare() -> AnnotatorOptions {
    AnnotatorOptions {
        frame_size_px: None,
        frames: None,
        angles: Vec::new(),
        time_stamp: false,
        legend: false,
    }
}

fn drawn(analysis: &Analysis, options: AnnotatorOptions, (width, height): (u32, u32), index: usize) -> RgbImage {
    let mut image = RgbImage::filled(width, height, GREY);
    Annotator::new(analysis, options).draw(&mut image.as_frame(), index);
    image
}

fn changed(image: &RgbImage) -> impl Iterator<Item = (f32, f32)> + '_ {
    (0..image.height())
        .flat_map(|y| (0..image.width()).map(move |x| (x, y)))
        .filter(|&(x, y)| image.pixel(x, y) != Some(GREY))
        .map(|(x, y)| (x as f32, y as f32))
}

#[test]
fn several_people_have_tags_of_their_own_and_one_has_none() {
    let one = analysis(Movement::Walk, 30);
    let mut two = one.clone();
    let mut second = two.people[0].clone();
    second.id = 1;
    for point in second.poses.iter_mut().flatten().flat_map(|pose| &mut pose.points) {
        point.x_px += 500.0;
    }
    two.people.push(second);
    let yellow = |image: &RgbImage, from: u32, to: u32| {
        let places = (0..image.height()).flat_map(|y| (from..to).map(move |x| (x, y)));
        places
            .filter(|&(x, y)| image.pixel(x, y) == Some([0xf0, 0xe4, 0x42]))
            .count()
    };
    let size = (WIDTH, HEIGHT);
    assert_eq!(yellow(&drawn(&one, bare(), size, 10), 0, WIDTH), 0);
    let image = drawn(&two, bare(), size, 10);
    let x = two.people[0].poses[10].as_ref().unwrap().points[0].x_px as u32;
    assert!(
        yellow(&image, x - 80, x + 80) > 50,
        "the first person's tag is over the first"
    );
    assert_eq!(
        yellow(&image, x + 250, WIDTH),
        0,
        "the second person's has another colour"
    );
}

#[test]
fn bones_change_pixels_along_them_and_nowhere_far_away() {
    let analysis = analysis(Movement::Walk, 30);
    let image = drawn(&analysis, bare(), (WIDTH, HEIGHT), 10);
    let points = &analysis.people[0].poses[10].as_ref().unwrap().points;
    let at = |landmark: L| (points[landmark.index()].x_px, points[landmark.index()].y_px);
    for (from, to) in [
        (L::RightHip, L::RightKnee),
        (L::LeftKnee, L::LeftAnkle),
        (L::RightShoulder, L::RightElbow),
    ] {
        for share in [0.2_f32, 0.5, 0.8] {
            let x = at(from).0 + (at(to).0 - at(from).0) * share;
            let y = at(from).1 + (at(to).1 - at(from).1) * share;
            assert_ne!(
                image.pixel(x.round() as u32, y.round() as u32),
                Some(GREY),
                "{from:?} {to:?} {share}"
            );
        }
    }
    let left = points.iter().map(|point| point.x_px).fold(f32::INFINITY, f32::min);
    let right = points.iter().map(|point| point.x_px).fold(f32::NEG_INFINITY, f32::max);
    let top = points.iter().map(|point| point.y_px).fold(f32::INFINITY, f32::min);
    let bottom = points.iter().map(|point| point.y_px).fold(f32::NEG_INFINITY, f32::max);
    let margin = 12.0;
    for (x, y) in changed(&image) {
        assert!(
            x > left - margin && x < right + margin && y > top - margin && y < bottom + margin,
            "({x}, {y})"
        );
    }
}

#[test]
fn left_is_blue_and_right_is_orange() {
    let analysis = analysis(Movement::Walk, 30);
    let image = drawn(&analysis, bare(), (WIDTH, HEIGHT), 12);
    let points = &analysis.people[0].poses[12].as_ref().unwrap().points;
    let middle = |from: L, to: L| {
        let (from, to) = (&points[from.index()], &points[to.index()]);
        let x = f32::midpoint(from.x_px, to.x_px).round() as u32;
        image
            .pixel(x, f32::midpoint(from.y_px, to.y_px).round() as u32)
            .unwrap()
    };
    let [red, _, blue] = middle(L::LeftKnee, L::LeftAnkle);
    assert!(blue > red, "left shank {red} {blue}");
    let [red, _, blue] = middle(L::RightKnee, L::RightAnkle);
    assert!(red > blue, "right shank {red} {blue}");
}

#[test]
fn angles_add_arcs_and_labels() {
    let analysis = analysis(Movement::Squat, 60);
    let with = AnnotatorOptions {
        angles: vec![Angle::KneeFlexion],
        ..bare()
    };
    let plain = changed(&drawn(&analysis, bare(), (WIDTH, HEIGHT), 20)).count();
    let labelled = changed(&drawn(&analysis, with, (WIDTH, HEIGHT), 20)).count();
    assert!(labelled > plain + 1500, "{labelled} against {plain}");
}

#[test]
fn a_part_of_a_video_gets_labels_in_its_own_frames() {
    let analysis = analysis(Movement::Squat, 40);
    let part = AnnotatorOptions {
        frames: Some(10..20),
        angles: vec![Angle::KneeFlexion],
        ..bare()
    };
    let count = |options: AnnotatorOptions, index| changed(&drawn(&analysis, options, (WIDTH, HEIGHT), index)).count();
    let whole = AnnotatorOptions {
        frames: None,
        ..part.clone()
    };
    assert!(count(part.clone(), 15) * 20 > count(whole.clone(), 15) * 19);
    assert!(count(part.clone(), 9) < count(whole.clone(), 9));
    assert!(
        count(
            AnnotatorOptions {
                frames: Some(38..900),
                ..part
            },
            39
        ) * 20
            > count(whole, 39) * 19
    );
}

#[test]
fn uncertain_joints_are_weaker_than_certain_ones() {
    let mut analysis = analysis(Movement::Walk, 5);
    let strength = |analysis: &Analysis| -> u64 {
        let image = drawn(analysis, bare(), (WIDTH, HEIGHT), 2);
        image.as_rgb().iter().map(|&value| u64::from(value.abs_diff(128))).sum()
    };
    let certain = strength(&analysis);
    for point in &mut analysis.people[0].poses[2].as_mut().unwrap().points {
        point.visibility = 0.05;
    }
    assert!(strength(&analysis) * 3 < certain * 2);
}

#[test]
fn says_when_nobody_is_found_or_the_view_is_bad() {
    let mut analysis = analysis(Movement::Walk, 120);
    let seen = drawn(&analysis, bare(), (WIDTH, HEIGHT), 20);
    assert!(changed(&seen).all(|(x, y)| x > 80.0 || y > 80.0));
    let lost = drawn(&analysis, bare(), (WIDTH, HEIGHT), 56);
    assert!(changed(&lost).count() > 500);
    assert!(changed(&lost).all(|(_, y)| y < 60.0));
    let plane = analysis.people[0].camera_plane.as_mut().unwrap();
    plane.view = View::Frontal;
    let frontal = drawn(&analysis, bare(), (WIDTH, HEIGHT), 20);
    assert!(changed(&frontal).any(|(x, y)| x < 80.0 && y < 60.0));
}

#[test]
fn smaller_frames_are_drawn_to_scale() {
    let analysis = analysis(Movement::Walk, 30);
    let half = drawn(&analysis, bare(), (WIDTH / 2, HEIGHT / 2), 10);
    let knee = analysis.people[0].poses[10].as_ref().unwrap().points[L::RightKnee.index()];
    let pixel = half.pixel((knee.x_px / 2.0).round() as u32, (knee.y_px / 2.0).round() as u32);
    assert_ne!(pixel, Some(GREY));
}

#[test]
fn every_frame_size_and_index_is_drawn_without_harm() {
    let analysis = analysis(Movement::Squat, 40);
    let annotator = Annotator::new(&analysis, AnnotatorOptions::default());
    for (width, height) in [
        (0, 0),
        (0, 9),
        (1, 1),
        (1, 500),
        (500, 1),
        (7, 13),
        (320, 180),
        (2000, 40),
        (1081, 1921),
    ] {
        let mut data = vec![128; width as usize * height as usize * 3];
        for index in [0, 20, 39, 40, usize::MAX] {
            annotator.draw(&mut RgbFrame::new(width, height, &mut data).unwrap(), index);
        }
    }
    for size in [(0, 0), (1, 1), (3, 900), (4096, 2160)] {
        let options = AnnotatorOptions {
            frame_size_px: Some(size),
            ..AnnotatorOptions::default()
        };
        drawn(&analysis, options, (64, 48), 10);
    }
}

/// Coordinates as a broken model might give them.
fn coordinate() -> impl Strategy<Value = f32> {
    prop_oneof![
        -200.0_f32..1500.0,
        any::<f32>(),
        Just(f32::NAN),
        Just(f32::INFINITY),
        Just(-1e30),
        Just(99_999.0),
        Just(0.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_coordinates_do_harm(
        places in proptest::collection::vec((coordinate(), coordinate(), any::<f32>()), 33),
        points in 0_usize..=33,
        value in proptest::option::of(any::<f64>()),
        width in 1_u32..300,
        height in 1_u32..300,
    ) {
        let mut analysis = analysis(Movement::Squat, 3);
        let pose = analysis.people[0].poses[1].as_mut().unwrap();
        for (point, (x, y, visibility)) in pose.points.iter_mut().zip(places) {
            point.x_px = x;
            point.y_px = y;
            point.visibility = visibility;
        }
        pose.points.truncate(points);
        for series in &mut analysis.people[0].angles {
            series.value_deg[1] = value;
        }
        drawn(&analysis, AnnotatorOptions::default(), (width, height), 1);
    }
}

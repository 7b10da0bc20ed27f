//! Side-by-side frames and curves of differences.

use marey_motion::compare::{Comparison, ComparisonSettings, compare};
use marey_motion::{Analysis, Repetition, Repetitions};
use marey_picture::RgbImage;
use marey_picture::comparison::{Board, Picture, difference_svg};

use crate::support::{HEIGHT, Movement, WIDTH};

fn both() -> (Analysis, Analysis, Comparison) {
    let (a, mut b) = (
        crate::analysis(Movement::Squat, 50),
        crate::analysis(Movement::Squat, 72),
    );
    // The left knee of the other one stays half a step behind.
    for pose in b.people[0].poses.iter_mut().flatten() {
        for landmark in [25, 27, 29, 31] {
            pose.points[landmark].x_px += 60.0;
        }
    }
    for series in &mut b.people[0].angles {
        if series.id() == "left_knee_flexion_image" {
            series.value_deg.iter_mut().flatten().for_each(|deg| *deg += 30.0);
        }
    }
    let settings = ComparisonSettings {
        repetitions: Some(vec![0..25, 25..50]),
        ..ComparisonSettings::default()
    };
    let comparison = compare(&a, &b, &settings).expect("both are squats");
    (a, b, comparison)
}

/// How many pixels have the colour with which differences are lit, more or less.
fn lit(image: &RgbImage, from: u32, to: u32, height: u32) -> usize {
    // More yellow than the orange of the right side with the light of a joint's ring in it.
    let is_lit = |[r, g, b]: [u8; 3]| r > 190 && g > 215 && b < 110;
    (from..to)
        .flat_map(|x| (0..height).map(move |y| (x, y)))
        .filter(|&(x, y)| image.pixel(x, y).is_some_and(is_lit))
        .count()
}

#[test]
fn joints_that_differ_are_lit_in_both_pictures() {
    let (a, b, comparison) = both();
    let board = Board::new(&comparison, &a, &b, 360).expect("both have poses");
    let (width, height) = board.size_px();
    assert_eq!((width % 2, height % 2), (0, 0));
    let (first, tall) = board.picture_px(false);
    assert_eq!((first, tall), (640, 360));
    let moment = comparison
        .moments
        .iter()
        .position(|moment| !moment.most_different.is_empty())
        .expect("the leg differs");
    let image = board.draw(moment, [Picture::Plain, Picture::Plain]);
    assert_eq!((image.width(), image.height()), (width, height));
    assert!(lit(&image, 0, first, tall) > 20, "in the first");
    assert!(lit(&image, first + 4, width, tall) > 20, "in the second");

    let same = compare(&a, &a, &ComparisonSettings::default()).expect("a squat is a squat");
    let board = Board::new(&same, &a, &a, 360).expect("both have poses");
    let image = board.draw(moment, [Picture::Plain, Picture::Plain]);
    assert_eq!(lit(&image, 0, width, tall), 0, "nothing differs");
}

#[test]
fn videos_stand_behind_the_figures_whatever_their_size() {
    let (a, b, comparison) = both();
    let board = Board::new(&comparison, &a, &b, 360).expect("both have poses");
    let green = [0, 200, 0];
    let (exact, large) = (
        RgbImage::filled(640, 360, green),
        RgbImage::filled(WIDTH, HEIGHT, green),
    );
    let small = RgbImage::filled(320, 180, green);
    let image = board.draw(3, [Picture::Video(&exact), Picture::Video(&large)]);
    assert_eq!(
        (image.pixel(2, 300), image.pixel(1280, 300)),
        (Some(green), Some(green))
    );
    assert_eq!(image, board.draw(3, [Picture::Video(&large), Picture::Video(&exact)]));
    let image = board.draw(3, [Picture::Video(&small), Picture::Plain]);
    assert_ne!(image.pixel(2, 300), Some(green), "a small picture is not blown up");
    assert_eq!(image.pixel(170, 250), Some(green));
}

#[test]
fn every_moment_can_be_drawn_gaps_and_small_pictures_too() {
    let (a, mut b, mut comparison) = both();
    b.people[0].poses[10..20].fill(None);
    let board = Board::new(&comparison, &a, &b, 10).expect("both have poses");
    for moment in [0, 12, comparison.moments.len(), usize::MAX] {
        let image = board.draw(moment, [Picture::Plain, Picture::Plain]);
        assert_eq!((image.width(), image.height()), board.size_px());
    }
    b.people[0].poses.fill(None);
    assert!(
        Board::new(&comparison, &a, &b, 360).is_err(),
        "there is nothing to show"
    );
    comparison.a.person = 9;
    assert!(Board::new(&comparison, &a, &b, 360).is_err(), "there is no such person");
}

#[test]
fn the_curves_tell_the_differences() {
    let (_, _, comparison) = both();
    let svg = difference_svg(&comparison, 980);
    let document = roxmltree::Document::parse(&svg).expect("it is XML");
    let text: String = document
        .descendants()
        .filter_map(|node| node.text())
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        text.contains("Knee flexion") && text.contains("L mean 27°, greatest −3"),
        "{text}"
    );
    assert!(
        text.contains("Synthetic walk <side view> & more.mp4 compared with"),
        "{text}"
    );
    let count = |class: &str| {
        document
            .descendants()
            .filter(|node| node.attribute("class") == Some(class))
            .count()
    };
    let panels = document
        .descendants()
        .filter(|node| node.tag_name().name() == "g")
        .count();
    assert_eq!(
        count("d-tolerance"),
        panels + 1,
        "one for each panel and one in the key"
    );
    assert!(count("d-worst") >= 2, "the greatest difference is shaded");
    assert_eq!(count("d-rep"), 2 * panels + 1);
    let mut nothing = comparison;
    nothing.angles.clear();
    assert!(difference_svg(&nothing, 980).contains("No angle is known in both."));
}

#[test]
fn repetitions_found_in_an_analysis_are_parted() {
    let (mut a, b, _) = both();
    let segment = |start: usize, end: usize| Repetition {
        start,
        peak: start + 10,
        end,
        start_s: 0.0,
        peak_s: 0.1,
        end_s: 0.2,
        prominence: 50.0,
        whole: true,
    };
    a.people[0].findings.repetitions = Some(Repetitions {
        signal: "joint_angle:left_knee_flexion_image".to_owned(),
        unit: "deg".to_owned(),
        segments: vec![segment(0, 20), segment(20, 50)],
        curves: Vec::new(),
        configuration: None,
        partial: 0,
        notes: Vec::new(),
        withheld: None,
    });
    let comparison = compare(&a, &b, &ComparisonSettings::default()).expect("both are squats");
    assert_eq!(comparison.repetitions.len(), 2);
    assert!(difference_svg(&comparison, 400).contains("repetitions"));
}

#[test]
fn no_line_is_drawn_across_half_a_turn() {
    let (_, _, mut comparison) = both();
    comparison.angles.truncate(1);
    let moments = comparison.moments.len();
    let differences = (0..moments).map(|moment| Some(if moment < moments / 2 { 170.0 } else { -170.0 }));
    comparison.angles[0].difference_deg = differences.collect();
    let svg = difference_svg(&comparison, 980);
    let document = roxmltree::Document::parse(&svg).expect("it is XML");
    let mut curves = document.descendants().filter(|node| node.tag_name().name() == "path");
    let data = curves
        .next()
        .and_then(|node| node.attribute("d"))
        .expect("there is a curve");
    assert_eq!(data.matches('M').count(), 2, "{data}");
}

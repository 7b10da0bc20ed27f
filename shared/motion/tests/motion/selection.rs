//! Whom an analysis is about, and what it says of exchanged sides.

use marey_motion::formats::{analysis_from_json, analysis_to_json};
use marey_motion::{Landmark, MotionError, Person, Point, Pose, Recording, Selection, Settings, analyze};
use proptest::prelude::*;

use crate::support::{Figure, Joints, even_s, recording};

const FRAMES: usize = 60;

/// Somebody `size` times as large as the figure of the tests, whose hips are at `x_px` and move by so many pixels per frame.
fn somebody(frame: usize, x_px: f32, size: f32, pace_px: f32) -> Pose {
    let knee_deg = 20.0 + 15.0 * (frame as f64 / 5.0).sin();
    let joints = Joints {
        knee_deg,
        ..Joints::default()
    };
    let mut pose = Figure::symmetric(joints).pose();
    let (hip_x, hip_y) = (
        pose.points[Landmark::LeftHip.index()].x_px,
        pose.points[Landmark::LeftHip.index()].y_px,
    );
    for point in &mut pose.points {
        point.x_px = x_px + pace_px * frame as f32 + (point.x_px - hip_x) * size;
        point.y_px = 300.0 + (point.y_px - hip_y) * size;
    }
    pose
}

/// 7 is large and on the left, 3 in the middle and there the whole time, 5 hurries on the right.
fn three() -> Recording {
    let people = [
        (7, 100.0, 1.6, 0.0, 10..50),
        (3, 330.0, 1.0, 0.0, 0..60),
        (5, 480.0, 0.8, 2.0, 20..60),
    ];
    let people = people.into_iter().map(|(id, x_px, size, pace_px, frames)| Person {
        id,
        poses: (0..FRAMES)
            .map(|frame| frames.contains(&frame).then(|| somebody(frame, x_px, size, pace_px)))
            .collect(),
    });
    Recording {
        people: people.collect(),
        ..recording(even_s(FRAMES, 30.0), vec![None; FRAMES])
    }
}

fn chosen(person: &str) -> Result<Vec<u32>, MotionError> {
    let settings = Settings {
        person: person.parse()?,
        ..Settings::default()
    };
    Ok(analyze(&three(), &settings)?
        .people
        .iter()
        .map(|person| person.id)
        .collect())
}

#[test]
fn each_choice_gives_the_one_who_was_meant() {
    for (person, ids) in [
        ("all", &[7, 3, 5][..]),
        ("largest", &[7]),
        ("central", &[3]),
        ("longest", &[3]),
        ("most_moving", &[5]),
        ("order:1", &[7]),
        ("order:2", &[3]),
        ("order:3", &[5]),
        ("click:100,250@1.0", &[7]),
        ("click:540,300@1.0", &[5]),
        // Not there yet, but within half a second.
        ("click:520,300@0.4", &[5]),
    ] {
        assert_eq!(chosen(person).unwrap(), ids, "{person}");
    }
}

#[test]
fn nobody_is_not_somebody_else() {
    for person in ["order:4", "click:220,300@1.0", "click:480,300@0.0", "click:100,250@9"] {
        let error = chosen(person).unwrap_err();
        assert_eq!(error.code(), "MOTION_NO_SUCH_PERSON", "{person}: {error}");
    }
    let nobody = Recording {
        people: Vec::new(),
        ..three()
    };
    let settings = |person| Settings {
        person,
        ..Settings::default()
    };
    assert!(analyze(&nobody, &settings(Selection::All)).unwrap().people.is_empty());
    assert_eq!(
        analyze(&nobody, &settings(Selection::Largest)).unwrap_err().code(),
        "MOTION_NO_SUCH_PERSON"
    );
}

#[test]
fn hips_behind_a_desk_make_nobody_large() {
    let mut recording = three();
    // As OpenPose writes what it does not find.
    for pose in recording.people[2].poses.iter_mut().flatten() {
        for hip in [Landmark::LeftHip, Landmark::RightHip] {
            pose.points[hip.index()] = Point::MISSING;
        }
    }
    let largest = Settings {
        person: Selection::Largest,
        ..Settings::default()
    };
    assert_eq!(analyze(&recording, &largest).unwrap().people[0].id, 7);
}

#[test]
fn without_the_pictures_size_nobody_is_in_its_middle() {
    let mut recording = three();
    (recording.source.width_px, recording.source.height_px) = (0, 0);
    let central = Settings {
        person: Selection::MostCentral,
        ..Settings::default()
    };
    let error = analyze(&recording, &central).unwrap_err();
    assert_eq!(error.code(), "MOTION_INVALID_SETTINGS");
    assert!(error.to_string().contains("picture's size"), "{error}");
}

#[test]
fn what_means_nothing_is_refused() {
    for text in [
        "",
        "biggest",
        "order:0",
        "order:x",
        "order:-1",
        "click:1,2",
        "click:1@2",
        "click:nan,2@3",
        "click:1,2@inf",
    ] {
        let error = text.parse::<Selection>().unwrap_err();
        assert_eq!(error.code(), "MOTION_INVALID_SETTINGS", "{text}");
    }
}

#[test]
fn an_analysis_tells_who_was_chosen() {
    let settings = Settings {
        person: Selection::Largest,
        ..Settings::default()
    };
    let analysis = analyze(&three(), &settings).unwrap();
    let note = "Person 7 of 3 people was analysed: the largest (person = largest).";
    assert!(analysis.notes.iter().any(|told| told == note), "{:?}", analysis.notes);
    let read = analysis_from_json(&analysis_to_json(&analysis).unwrap()).unwrap();
    assert_eq!(read.settings.person, Selection::Largest);
    assert!(
        analyze(&three(), &Settings::default())
            .unwrap()
            .notes
            .iter()
            .all(|note| !note.contains("was analysed"))
    );
}

#[test]
fn exchanged_legs_are_put_right_unless_that_is_unwanted() {
    let stride = |frame: usize| {
        let swing_deg = 25.0 * (frame as f64 / 6.0).sin();
        let leg = |hip_deg: f64| Joints {
            hip_deg,
            ..Joints::default()
        };
        Figure {
            left: leg(swing_deg),
            right: leg(-swing_deg),
            yaw_deg: 50.0,
            ..Figure::default()
        }
        .pose()
    };
    let sound = recording(
        even_s(FRAMES, 30.0),
        (0..FRAMES).map(|frame| Some(stride(frame))).collect(),
    );
    let mut exchanged = sound.clone();
    for pose in exchanged.people[0].poses[26..31].iter_mut().flatten() {
        for left in (Landmark::LeftHip.index()..=Landmark::LeftFootIndex.index()).step_by(2) {
            pose.points.swap(left, left + 1);
        }
    }
    let analysed = |recording: &Recording, repair_swaps: bool| {
        let settings = Settings {
            repair_swaps,
            ..Settings::default()
        };
        analyze(recording, &settings).unwrap()
    };
    let (wanted, repaired) = (analysed(&sound, true), analysed(&exchanged, true));
    assert_eq!(wanted.people[0].findings.swaps, []);
    assert_eq!(repaired.people[0].poses, wanted.people[0].poses);
    assert_eq!(repaired.people[0].angles, wanted.people[0].angles);
    let swaps = &repaired.people[0].findings.swaps;
    assert_eq!(
        swaps.iter().map(|swap| (swap.start, swap.end)).collect::<Vec<_>>(),
        [(26, 31)]
    );
    assert!(
        repaired.notes.iter().any(|note| note.contains("took left for right")),
        "{:?}",
        repaired.notes
    );
    let left = analysed(&exchanged, false);
    assert_eq!(left.people[0].findings.swaps, []);
    assert_ne!(left.people[0].poses, wanted.people[0].poses);
}

proptest! {
    #[test]
    fn a_choice_comes_back_from_its_text(x_px in -1e4..1e4_f64, y_px in -1e4..1e4_f64, time_s in 0.0..1e5_f64, place in 1..99_u32) {
        let choices = [
            Selection::All, Selection::Largest, Selection::MostCentral, Selection::LongestSeen, Selection::MostMoving,
            Selection::InOrder(place), Selection::At { x_px, y_px, time_s },
        ];
        for choice in choices {
            prop_assert_eq!(choice.to_string().parse::<Selection>().unwrap(), choice);
        }
    }
}

//! Walking: events and measures of the sample's walker, whose contacts are known, and what is not walking.

use std::collections::BTreeMap;

use marey_motion::events::{Context, find};
use marey_motion::findings::Scale;
use marey_motion::{
    Analysis, Event, EventKind, GaitMethod, Landmark, Measure, Outcome, Pose, Recording, Settings, Side, Spaces, View,
    analyze,
};
use marey_sample::motion::STRIDE_M;
use marey_sample::{Motion, Squat, Walk};
use proptest::prelude::*;
use serde::Deserialize;

use crate::support::{Figure, even_s, recording};
use crate::walker::{Filmed, TOE_OFF, errors_s, moments_s, speed_m_s};

const SIDES: [Side; 2] = [Side::Left, Side::Right];
const DURATION_S: f64 = 4.5;

/// Walkers of different paces, in both directions.
fn walkers() -> Vec<(Walk, Filmed)> {
    let paces = [(0.9, 90.0), (1.0, 270.0), (1.1, 90.0), (1.25, 270.0), (1.4, 90.0)];
    let film = |(index, (stride_time_s, yaw_deg)): (usize, (f64, f64))| {
        let walk = Walk {
            stride_time_s,
            start_phase: 0.1 + 0.17 * index as f64,
        };
        (walk, Filmed::new(Motion::Walk(walk), yaw_deg, DURATION_S))
    };
    paces.into_iter().enumerate().map(film).collect()
}

fn times(rate_hz: f64) -> Vec<f64> {
    even_s((DURATION_S * rate_hz) as usize, rate_hz)
}

fn events(analysis: &Analysis) -> &[Event] {
    &analysis.people[0].findings.events
}

pub(crate) fn measure<'a>(measures: &'a [Measure], id: &str, side: Option<Side>) -> &'a Measure {
    let found = measures.iter().find(|measure| measure.id == id && measure.side == side);
    found.unwrap_or_else(|| panic!("there is no {id}"))
}

pub(crate) fn given(measures: &[Measure], id: &str, side: Option<Side>) -> f64 {
    match &measure(measures, id, side).outcome {
        Outcome::Given { value, .. } => *value,
        Outcome::Withheld { reason } => panic!("{id} is withheld: {reason}"),
    }
}

pub(crate) fn reason<'a>(measures: &'a [Measure], id: &str, side: Option<Side>) -> &'a str {
    match &measure(measures, id, side).outcome {
        Outcome::Given { value, .. } => panic!("{id} is {value}"),
        Outcome::Withheld { reason } => reason,
    }
}

/// Events and measures of a recording's poses as they are, without a filter.
pub(crate) fn found(recording: &Recording, scale: Option<&Scale>, settings: &Settings) -> (Vec<Event>, Vec<Measure>) {
    let context = Context {
        scale,
        kinematics: None,
        camera_plane: None,
        angles: &[],
        settings,
    };
    find(&recording.people[0].poses, &recording.time_s, &context)
}

pub(crate) fn scale(m_per_px: f64) -> Scale {
    Scale {
        m_per_px,
        source: "known_length".to_owned(),
        floor_angle_deg: None,
        floor_at_left_px: None,
        confidence: 1.0,
    }
}

/// Mean, standard deviation and number of the errors of a kind of event over all walkers, in milliseconds.
fn errors_ms(
    walkers: &[(Walk, Filmed)],
    times_s: &[f64],
    method: GaitMethod,
    kind: EventKind,
) -> (f64, f64, usize, usize) {
    let settings = Settings {
        gait_events: method,
        ..Settings::default()
    };
    let (mut errors, mut truths) = (Vec::new(), 0);
    for (walk, filmed) in walkers {
        let analysis = analyze(&filmed.recording(times_s), &settings).unwrap();
        for side in SIDES {
            let moments_s = moments_s(walk, DURATION_S, kind, side);
            truths += moments_s.len();
            errors.extend(errors_s(events(&analysis), kind, side, &moments_s));
        }
    }
    let count = errors.len() as f64;
    let mean = errors.iter().sum::<f64>() / count;
    let sd = (errors.iter().map(|error| (error - mean).powi(2)).sum::<f64>() / count).sqrt();
    (1e3 * mean, 1e3 * sd, errors.len(), truths)
}

#[test]
fn every_method_finds_the_contacts_of_known_walks_as_the_documentation_says() {
    let walkers = walkers();
    for rate_hz in [25.0, 30.0, 60.0, 120.0] {
        for (method, kind, mean_ms, sd_ms) in [
            (GaitMethod::OConnor2007, EventKind::HeelStrike, 5.0..25.0, 3.0),
            (GaitMethod::OConnor2007, EventKind::ToeOff, 15.0..55.0, 22.0),
            (GaitMethod::Zeni2008, EventKind::HeelStrike, -55.0..-25.0, 12.0),
            (GaitMethod::Zeni2008, EventKind::ToeOff, 50.0..90.0, 22.0),
            (GaitMethod::HreljacMarshall2000, EventKind::ToeOff, 90.0..140.0, 30.0),
        ] {
            let (mean, sd, found, truths) = errors_ms(&walkers, &times(rate_hz), method, kind);
            eprintln!(
                "{rate_hz} Hz {} {kind:?}: {found} of {truths}, {mean:.1} ± {sd:.1} ms",
                method.id()
            );
            assert!(mean_ms.contains(&mean) && sd < sd_ms, "{mean} ± {sd} ms");
            // The first and last of a clip may lie in a step that is cut off.
            assert!(found <= truths && found + 2 * 2 * walkers.len() >= truths);
        }
        let (mean, sd, found, truths) = errors_ms(
            &walkers,
            &times(rate_hz),
            GaitMethod::HreljacMarshall2000,
            EventKind::HeelStrike,
        );
        eprintln!("{rate_hz} Hz hreljac_marshall_2000 HeelStrike: {found} of {truths}, {mean:.1} ± {sd:.1} ms");
        assert!(found <= truths && mean.abs() < 15.0 && sd < 20.0, "{mean} ± {sd} ms");
    }
}

#[test]
fn dropped_and_shifted_frames_move_events_by_less_than_a_third_of_a_frame() {
    let walkers = walkers();
    let jittered: Vec<f64> = times(30.0)
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % 7 != 3)
        .map(|(index, time)| time + 0.004 * f64::from((index * 37 % 5) as u8) / 4.0)
        .collect();
    for kind in [EventKind::HeelStrike, EventKind::ToeOff] {
        let (even_ms, ..) = errors_ms(&walkers, &times(30.0), GaitMethod::OConnor2007, kind);
        let (mean_ms, sd_ms, ..) = errors_ms(&walkers, &jittered, GaitMethod::OConnor2007, kind);
        eprintln!("{kind:?}: {mean_ms:.1} ± {sd_ms:.1} ms, even {even_ms:.1} ms");
        assert!((mean_ms - even_ms).abs() < 11.0, "{mean_ms} and {even_ms} ms");
    }
}

#[test]
fn measures_of_a_known_walk_are_right() {
    for (walk, filmed) in walkers() {
        let scale = scale(filmed.m_per_px());
        let (_, measures) = found(&filmed.recording(&times(60.0)), Some(&scale), &Settings::default());
        let close = |id: &str, side: Option<Side>, truth: f64, tolerance: f64| {
            let value = given(&measures, id, side);
            assert!(
                (value - truth).abs() <= tolerance,
                "{id} {side:?}: {value}, not {truth}"
            );
        };
        close("cadence", None, 120.0 / walk.stride_time_s, 0.5);
        close("walking_speed", None, speed_m_s(&walk), 0.02 * speed_m_s(&walk));
        // Toe off is found late in this walk, which has no push: 25 to 60 ms later than heel strike is.
        close("double_support", None, 100.0 * (2.0 * TOE_OFF - 1.0), 11.0);
        for side in SIDES.map(Some) {
            close("stride_time", side, walk.stride_time_s, 0.005);
            close("step_time", side, walk.stride_time_s / 2.0, 0.01);
            close("stance", side, 100.0 * TOE_OFF, 6.0);
            close("swing", side, 100.0 * (1.0 - TOE_OFF), 6.0);
            close("single_support", side, 100.0 * (1.0 - TOE_OFF), 6.0);
            // The nearer foot walks 2 % nearer to the camera than the hips.
            close("stride_length", side, STRIDE_M, 0.03);
            close("step_length", side, STRIDE_M / 2.0, 0.05);
            close("relative_stride_length", side, STRIDE_M / 0.85, 0.05);
        }
        close("step_time_asymmetry", None, 0.0, 3.0);
        close("stance_asymmetry", None, 0.0, 3.0);
        assert!(reason(&measures, "step_width", None).contains("camera's axis"));
        assert!(reason(&measures, "jump_flight_time", None).contains("no jump"));
        assert!(reason(&measures, "squat_knee_flexion", Some(Side::Left)).contains("no squat"));
        assert!(reason(&measures, "sway_path_length", None).contains("stood still"));
    }
}

/// A walk to the right at 30 frames per second.
fn walk() -> Recording {
    Filmed::new(Motion::Walk(Walk::default()), 90.0, DURATION_S).recording(&times(30.0))
}

fn moved(mut recording: Recording, change: impl Fn(usize, f64, &mut Pose)) -> Recording {
    for (frame, pose) in recording.people[0].poses.iter_mut().enumerate() {
        change(frame, recording.time_s[frame], pose.as_mut().unwrap());
    }
    recording
}

#[test]
fn without_a_scale_lengths_come_in_leg_lengths_only() {
    let (_, measures) = found(&walk(), None, &Settings::default());
    assert!(reason(&measures, "walking_speed", None).contains("no scale"));
    assert!(reason(&measures, "stride_length", Some(Side::Left)).contains("no scale"));
    assert!((given(&measures, "relative_stride_length", Some(Side::Left)) - STRIDE_M / 0.85).abs() < 0.05);
}

#[test]
fn on_a_treadmill_times_are_given_and_lengths_are_not() {
    let on_treadmill = moved(walk(), |_, _, pose| {
        let [left, right] = [Landmark::LeftHip, Landmark::RightHip].map(|hip| pose.points[hip.index()].x_px);
        let hips = f32::midpoint(left, right);
        pose.points.iter_mut().for_each(|point| point.x_px -= hips - 600.0);
    });
    let (events, measures) = found(&on_treadmill, Some(&scale(0.005)), &Settings::default());
    assert_eq!(events.len(), found(&walk(), None, &Settings::default()).0.len());
    assert!((given(&measures, "cadence", None) - 120.0 / 1.1).abs() < 0.5);
    for id in ["stride_length", "relative_stride_length", "step_length"] {
        assert!(reason(&measures, id, Some(Side::Left)).contains("treadmill"), "{id}");
    }
    assert!(reason(&measures, "walking_speed", None).contains("treadmill"));
}

#[test]
fn from_the_front_backwards_and_obliquely_is_told() {
    let settings = Settings::default();
    let towards = Filmed::new(Motion::Walk(Walk::default()), 0.0, DURATION_S).recording(&times(30.0));
    let (events, measures) = found(&towards, None, &settings);
    assert!(events.is_empty(), "{events:?}");
    let why = reason(&measures, "cadence", None);
    assert!(why.contains("front") || why.contains("never passed"), "{why}");

    let mut backwards = walk();
    backwards.people[0].poses.reverse();
    let (events, measures) = found(&backwards, None, &settings);
    assert!(events.is_empty() && reason(&measures, "cadence", None).contains("backwards"));

    let oblique = Filmed::new(Motion::Walk(Walk::default()), 130.0, DURATION_S).recording(&times(30.0));
    let (_, measures) = found(&oblique, Some(&scale(0.005)), &settings);
    assert!((given(&measures, "cadence", None) - 120.0 / 1.1).abs() < 1.0);
    assert!(reason(&measures, "stride_length", Some(Side::Right)).contains("obliquely"));
}

#[test]
fn a_squat_is_no_walk_and_its_depth_is_known() {
    let squat = Squat::default();
    let filmed = Filmed::new(Motion::Squat(squat), 90.0, 6.0);
    let recording = filmed.recording(&even_s(180, 30.0));
    let (events, measures) = found(&recording, Some(&scale(filmed.m_per_px())), &Settings::default());
    assert!(events.is_empty(), "{events:?}");
    assert!(reason(&measures, "cadence", None).contains("no walking"));
    for side in SIDES.map(Some) {
        let knee = measure(&measures, "squat_knee_flexion", side);
        let Outcome::Given { value, count, .. } = knee.outcome else {
            panic!("{knee:?}")
        };
        assert!(
            count == 3 && (value - squat.depth_deg).abs() < 3.0,
            "{value} of {count}"
        );
        // The shank leans by 0.33 of the knee's flexion, so the thigh lies 23 degrees over the horizontal.
        let thigh_deg = 90.0 - 0.67 * squat.depth_deg;
        assert!((given(&measures, "squat_thigh_angle", side) - thigh_deg).abs() < 3.0);
        let height_m = 0.43 * thigh_deg.to_radians().sin();
        assert!((given(&measures, "squat_hip_over_knee", side) - height_m).abs() < 0.02);
    }
    let front = Filmed::new(Motion::Squat(squat), 0.0, 6.0).recording(&even_s(180, 30.0));
    let (_, measures) = found(&front, None, &Settings::default());
    assert!(reason(&measures, "squat_knee_flexion", Some(Side::Left)).contains("front"));
}

#[derive(Deserialize)]
struct Goldens {
    walks: Vec<WalkCase>,
}

#[derive(Deserialize)]
struct WalkCase {
    time_s: Vec<f64>,
    points: BTreeMap<String, [Vec<f64>; 2]>,
    events: BTreeMap<String, Vec<f64>>,
}

impl WalkCase {
    /// A side view of the points; hips and shoulders lie a hand's breadth to either side of their middle, in depth.
    fn recording(&self) -> Recording {
        let pose = |frame: usize| {
            let mut pose = Figure::default().pose();
            for landmark in Landmark::ALL {
                let (side, part) = landmark.name().split_once('_').unwrap_or(("", ""));
                let name = match part {
                    "hip" | "shoulder" => format!("{part}s"),
                    "foot_index" => format!("{side}_toe"),
                    _ => landmark.name().to_owned(),
                };
                if let Some([x, y]) = self.points.get(&name) {
                    let point = &mut pose.points[landmark.index()];
                    (point.x_px, point.y_px) = (x[frame] as f32, y[frame] as f32);
                }
            }
            Some(pose)
        };
        recording(self.time_s.clone(), (0..self.time_s.len()).map(pose).collect())
    }
}

#[test]
fn zenis_events_agree_with_an_independent_program() {
    let goldens: Goldens = serde_json::from_str(include_str!("../reference/events.json")).unwrap();
    assert_eq!(goldens.walks.len(), 2);
    for case in goldens.walks {
        let settings = Settings {
            gait_events: GaitMethod::Zeni2008,
            ..Settings::default()
        };
        let (events, _) = found(&case.recording(), None, &settings);
        for (kind, name) in [(EventKind::HeelStrike, "heel_strike"), (EventKind::ToeOff, "toe_off")] {
            for side in SIDES {
                let theirs = &case.events[&format!("{}_{name}", side.id())];
                let errors = errors_s(&events, kind, side, theirs);
                // The first step and the last may be cut off, and are then no part of the walk.
                assert!(errors.len() + 1 >= theirs.len(), "{} of {}", errors.len(), theirs.len());
                assert!(errors.iter().all(|error| error.abs() < 1e-4), "{errors:?}");
            }
        }
    }
}

/// The recording in a mirror: the person's left is now the right.
fn mirrored(recording: &Recording) -> Recording {
    moved(recording.clone(), |_, _, pose| {
        for point in &mut pose.points {
            point.x_px = 1280.0 - point.x_px;
            point.x_m = -point.x_m;
        }
        for (index, landmark) in Landmark::ALL.into_iter().enumerate() {
            if let Some(other) = landmark.name().strip_prefix("left_") {
                let is_other = |other_landmark: &Landmark| other_landmark.name().strip_prefix("right_") == Some(other);
                let right = Landmark::ALL
                    .into_iter()
                    .position(|landmark| is_other(&landmark))
                    .unwrap();
                pose.points.swap(index, right);
            }
        }
    })
}

fn same(
    one: &(Vec<Event>, Vec<Measure>),
    other: &(Vec<Event>, Vec<Measure>),
    swap: bool,
    slower: f64,
) -> Result<(), TestCaseError> {
    let side = |side: Option<Side>| match side {
        Some(Side::Left) if swap => Some(Side::Right),
        Some(Side::Right) if swap => Some(Side::Left),
        side => side,
    };
    prop_assert_eq!(one.0.len(), other.0.len());
    for (event, twin) in one.0.iter().zip(&other.0) {
        prop_assert_eq!((event.kind, event.side), (twin.kind, side(twin.side)));
        prop_assert!(
            (slower * event.time_s - twin.time_s).abs() < 1e-3,
            "{event:?} and {twin:?}"
        );
    }
    for measure_one in &one.1 {
        let twin = measure(&other.1, &measure_one.id, side(measure_one.side));
        let factor = match measure_one.unit.as_str() {
            "s" => slower,
            "steps_per_min" | "m_per_s" => 1.0 / slower,
            _ if swap && measure_one.id.ends_with("_asymmetry") => -1.0,
            _ => 1.0,
        };
        match (&measure_one.outcome, &twin.outcome) {
            (
                Outcome::Given { value, count, .. },
                Outcome::Given {
                    value: other,
                    count: others,
                    ..
                },
            ) => {
                prop_assert_eq!(count, others);
                let tolerance = 0.005 * value.abs().max(if measure_one.unit == "percent" { 100.0 } else { 0.1 });
                prop_assert!(
                    (factor * value - other).abs() <= tolerance,
                    "{measure_one:?} and {twin:?}"
                );
            }
            (Outcome::Withheld { reason }, Outcome::Withheld { reason: other }) => prop_assert_eq!(reason, other),
            _ => prop_assert!(false, "{measure_one:?} and {twin:?}"),
        }
    }
    Ok(())
}

fn sound((events, measures): &(Vec<Event>, Vec<Measure>)) -> Result<(), TestCaseError> {
    for event in events {
        prop_assert!(
            event.time_s.is_finite() && (0.0..=1.0).contains(&event.confidence),
            "{event:?}"
        );
    }
    for measure in measures {
        if let Outcome::Given {
            value,
            sd,
            count,
            confidence,
        } = measure.outcome
        {
            prop_assert!(
                value.is_finite() && sd.is_none_or(f64::is_finite) && count > 0,
                "{measure:?}"
            );
            prop_assert!((0.0..=1.0).contains(&confidence), "{measure:?}");
        }
    }
    Ok(())
}

fn method() -> impl Strategy<Value = GaitMethod> {
    prop::sample::select(GaitMethod::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_mirror_swaps_the_sides_and_changes_nothing_else(gait_events in method()) {
        let settings = Settings { gait_events, ..Settings::default() };
        let (scale, recording) = (scale(0.005), walk());
        let straight = found(&recording, Some(&scale), &settings);
        same(&straight, &found(&mirrored(&recording), Some(&scale), &settings), true, 1.0)?;
    }

    #[test]
    fn shift_and_size_change_nothing(gait_events in method(), x in -400.0..400.0_f32, y in -200.0..200.0_f32, size in 0.5..2.0_f32) {
        let settings = Settings { gait_events, ..Settings::default() };
        let recording = walk();
        let other = moved(recording.clone(), |_, _, pose| {
            for point in &mut pose.points {
                point.x_px = size * point.x_px + x;
                point.y_px = size * point.y_px + y;
            }
        });
        let straight = found(&recording, Some(&scale(0.005)), &settings);
        same(&straight, &found(&other, Some(&scale(0.005 / f64::from(size))), &settings), false, 1.0)?;
    }

    #[test]
    fn a_slower_film_has_longer_times(gait_events in method(), slower in 0.8..1.25_f64) {
        let settings = Settings { gait_events, ..Settings::default() };
        let recording = walk();
        let mut other = recording.clone();
        other.time_s.iter_mut().for_each(|time| *time *= slower);
        let straight = found(&recording, Some(&scale(0.005)), &settings);
        same(&straight, &found(&other, Some(&scale(0.005)), &settings), false, slower)?;
    }

    #[test]
    fn nonsense_gives_sound_numbers_or_reasons(
        steps in prop::collection::vec(0.001..0.3_f64, 1..80),
        strewn in prop::collection::vec(-500.0..500.0_f32, 80 * 33),
        hidden in prop::collection::vec(any::<bool>(), 80),
        smooth in 0.0..0.99_f32,
        gait_events in method(),
    ) {
        let settings = Settings { gait_events, ..Settings::default() };
        let time_s: Vec<f64> = steps.iter().scan(0.0, |time, step| { *time += step; Some(*time) }).collect();
        let mut last = Figure::default().pose();
        let mut poses = Vec::new();
        for (frame, &hidden) in hidden.iter().enumerate().take(time_s.len()) {
            for (index, point) in last.points.iter_mut().enumerate() {
                let strewn = strewn[frame * 33 + index];
                point.x_px = smooth * point.x_px + (1.0 - smooth) * strewn;
                point.y_px = smooth * point.y_px + (1.0 - smooth) * strewn * 0.7;
            }
            poses.push((!(hidden && frame % 3 == 0)).then(|| last.clone()));
        }
        sound(&found(&recording(time_s, poses), Some(&scale(0.005)), &settings))?;
    }

    #[test]
    fn events_lie_in_the_recording_and_in_order(pace in 0.8..1.6_f64, phase in 0.0..1.0_f64, gait_events in method()) {
        let settings = Settings { gait_events, ..Settings::default() };
        let walk = Walk { stride_time_s: pace, start_phase: phase };
        let recording = Filmed::new(Motion::Walk(walk), 90.0, 3.5).recording(&even_s(105, 30.0));
        let (events, measures) = found(&recording, None, &settings);
        prop_assert!(events.windows(2).all(|pair| pair[0].time_s <= pair[1].time_s));
        for event in &events {
            prop_assert!((0.0..3.5).contains(&event.time_s) && (0.0..=1.0).contains(&event.confidence));
        }
        sound(&(events, measures))?;
    }
}

#[test]
fn a_method_has_the_same_name_in_settings_and_measures() {
    for method in GaitMethod::ALL {
        let name = format!("\"{}\"", method.id());
        assert_eq!(serde_json::to_string(&method).unwrap(), name);
        assert_eq!(serde_json::from_str::<GaitMethod>(&name).unwrap(), method);
    }
    let first: GaitMethod = serde_json::from_str("\"o_connor2007\"").unwrap();
    assert_eq!(first, GaitMethod::OConnor2007, "as the first analyses have it");
}

#[test]
fn a_picture_without_depth_tells_as_much_as_one_with_it_to_whoever_knows_the_view() {
    for (walk, filmed) in walkers() {
        let mut flat = filmed.recording(&times(30.0));
        let deep = analyze(&flat, &Settings::default()).unwrap();
        flat.spaces = Spaces::Image;
        for point in flat.people[0]
            .poses
            .iter_mut()
            .flatten()
            .flat_map(|pose| &mut pose.points)
        {
            (point.x_m, point.y_m, point.z_m) = (0.0, 0.0, 0.0);
        }
        let unknown = analyze(&flat, &Settings::default()).unwrap();
        let measures = |analysis: &Analysis| analysis.people[0].findings.measures.clone();
        assert!(reason(&measures(&unknown), "cadence", None).contains("camera looks"));
        let told = Settings {
            view: Some(View::Side),
            ..Settings::default()
        };
        let told = analyze(&flat, &told).unwrap();
        assert_eq!(events(&told).len(), events(&deep).len());
        for (id, side) in [("cadence", None), ("relative_stride_length", Some(Side::Left))] {
            let (one, other) = (given(&measures(&told), id, side), given(&measures(&deep), id, side));
            assert!((one / other - 1.0).abs() < 1e-9, "{id} of {walk:?}: {one} {other}");
        }
        let range = |analysis: &Analysis| given(&measures(analysis), "range_of_motion_knee_flexion", Some(Side::Left));
        assert!((range(&told) - range(&deep)).abs() < 1e-9);
    }
}

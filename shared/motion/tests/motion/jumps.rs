//! Jumps of a body whose flight is known, and standing.

use marey_motion::events::{Context, find};
use marey_motion::findings::{Kinematics, LengthUnit, Track};
use marey_motion::{Event, EventKind, Landmark, Outcome, Recording, Settings, Side, analyze};
use serde::Deserialize;

use crate::gait::{found, given, measure, reason, scale};
use crate::support::{Figure, SCALE_PX, even_s, recording};

const GRAVITY_M_S2: f64 = 9.80665;

/// A jump: the knees bend, the body is pushed up, flies, and is caught.
#[derive(Clone, Copy)]
struct Jump {
    take_off_s: f64,
    flight_s: f64,
}

/// Time of the push and of the catch in seconds.
const PUSH_S: f64 = 0.3;

impl Jump {
    fn speed_m_s(self) -> f64 {
        GRAVITY_M_S2 * self.flight_s / 2.0
    }

    fn height_m(self) -> f64 {
        GRAVITY_M_S2 * self.flight_s.powi(2) / 8.0
    }

    /// Heights of hips and feet over where they stand.
    fn heights_m(self, time_s: f64) -> (f64, f64) {
        let since_s = time_s - self.take_off_s;
        let left_s = self.flight_s - since_s;
        if (0.0..=self.flight_s).contains(&since_s) {
            let flown = self.speed_m_s() * since_s - GRAVITY_M_S2 * since_s.powi(2) / 2.0;
            return (flown, flown);
        }
        // The same before and after: down by a polynomial that ends at rest, and up to the speed of take-off.
        let before_s = if since_s < 0.0 { -since_s } else { -left_s };
        (self.crouch_m(before_s), 0.0)
    }

    /// Depth of the hips so long before take-off, or after landing: a cubic with the speed of take-off at its end, at rest
    /// at its deepest, and then slowly back to standing.
    fn crouch_m(self, before_s: f64) -> f64 {
        let deepest_m = -2.0 * self.speed_m_s() * PUSH_S / 3.0;
        if before_s < PUSH_S {
            let share = before_s / PUSH_S;
            return deepest_m * (share * (3.0 - share * share) / 2.0);
        }
        let share = ((before_s - PUSH_S) / 0.5).min(1.0);
        deepest_m * (1.0 - share * share * (3.0 - 2.0 * share))
    }
}

fn filmed(time_s: Vec<f64>, heights_m: impl Fn(f64) -> (f64, f64)) -> Recording {
    let standing = Figure::default().pose();
    let feet = [
        Landmark::LeftAnkle,
        Landmark::RightAnkle,
        Landmark::LeftHeel,
        Landmark::RightHeel,
        Landmark::LeftFootIndex,
        Landmark::RightFootIndex,
    ];
    let poses = time_s.iter().map(|&time| {
        let mut pose = standing.clone();
        let (hips, foot) = heights_m(time);
        for (index, point) in pose.points.iter_mut().enumerate() {
            let rise = if feet.iter().any(|foot| foot.index() == index) {
                foot
            } else {
                hips
            };
            point.y_px -= (SCALE_PX * rise) as f32;
        }
        Some(pose)
    });
    let poses = poses.collect();
    recording(time_s, poses)
}

fn moments(events: &[Event], kind: EventKind) -> Vec<f64> {
    events
        .iter()
        .filter(|event| event.kind == kind)
        .map(|event| event.time_s)
        .collect()
}

#[test]
fn a_known_flight_gives_the_height_at_every_frame_rate() {
    for rate_hz in [30.0, 60.0, 120.0, 240.0] {
        for flight_s in [0.3, 0.42, 0.55, 0.7] {
            let jump = Jump {
                take_off_s: 1.237,
                flight_s,
            };
            let recording = filmed(even_s((3.2 * rate_hz) as usize, rate_hz), |time| jump.heights_m(time));
            let (events, measures) = found(&recording, Some(&scale(1.0 / SCALE_PX)), &Settings::default());
            let (off, down) = (
                moments(&events, EventKind::TakeOff),
                moments(&events, EventKind::Landing),
            );
            assert_eq!(
                (off.len(), down.len()),
                (1, 1),
                "{rate_hz} Hz, {flight_s} s: {events:?}"
            );
            assert!((off[0] - jump.take_off_s).abs() < 1e-3, "{off:?} at {rate_hz} Hz");
            assert!(
                (down[0] - jump.take_off_s - flight_s).abs() < 1e-3,
                "{down:?} at {rate_hz} Hz"
            );
            assert!((given(&measures, "jump_flight_time", None) - flight_s).abs() < 1e-3);
            assert!((given(&measures, "jump_height_by_flight_time", None) - jump.height_m()).abs() < 2e-3);
            let rise = given(&measures, "jump_height_by_rise", None);
            assert!((rise - jump.height_m()).abs() < 0.02, "{rise}, not {}", jump.height_m());
            assert!(reason(&measures, "jump_contact_time", None).contains("no jump follows"));
            assert!(reason(&measures, "cadence", None).contains("no walking"));
            assert!(reason(&measures, "squat_knee_flexion", Some(Side::Left)).contains("no squat"));
        }
    }
}

#[test]
fn the_rise_is_that_of_the_centre_of_mass_where_it_is_known() {
    let jump = Jump {
        take_off_s: 1.237,
        flight_s: 0.5,
    };
    let recording = filmed(even_s(190, 60.0), |time| jump.heights_m(time));
    // Arms that swing up raise it by more than the hips rise.
    let higher_m = |time: f64| 1.0 + 1.2 * jump.heights_m(time).0;
    let (scale, settings) = (scale(1.0 / SCALE_PX), Settings::default());
    // Where an arm is lost or comes into sight, the track has no acceleration.
    for (lost_s, method, times) in [(0.3, "centre_of_mass_rise", 1.2), (1.45, "pelvis_rise", 1.0)] {
        let place = |&time: &f64| Some([0.0, higher_m(time)]);
        let track = Track {
            id: "centre_of_mass".to_owned(),
            position: recording.time_s.iter().map(place).collect(),
            velocity: Vec::new(),
            acceleration: recording
                .time_s
                .iter()
                .map(|time| ((time - lost_s).abs() > 0.02).then_some([0.0, 0.0]))
                .collect(),
        };
        let kinematics = Kinematics {
            unit: LengthUnit::M,
            tracks: vec![track],
        };
        let context = Context {
            scale: Some(&scale),
            kinematics: Some(&kinematics),
            camera_plane: None,
            angles: &[],
            settings: &settings,
        };
        let (_, measures) = find(&recording.people[0].poses, &recording.time_s, &context);
        let rise = measure(&measures, "jump_height_by_rise", None);
        assert_eq!(rise.method, method);
        let value = given(&measures, "jump_height_by_rise", None);
        assert!((value - times * jump.height_m()).abs() < 0.01, "{value}");
    }
}

#[test]
fn the_filter_of_an_analysis_changes_a_flight_by_less_than_a_frame() {
    for flight_s in [0.3, 0.42, 0.55, 0.7] {
        let jump = Jump {
            take_off_s: 1.237,
            flight_s,
        };
        let recording = filmed(even_s(96, 30.0), |time| jump.heights_m(time));
        let analysis = analyze(&recording, &Settings::default()).unwrap();
        let measured_s = given(&analysis.people[0].findings.measures, "jump_flight_time", None);
        eprintln!("flight of {flight_s} s: {measured_s:.3} s");
        assert!((measured_s - flight_s).abs() < 0.033);
    }
}

#[test]
fn rebounds_have_contact_times_and_a_reactive_strength_index() {
    // Hops that fly 0.4 s and stand 0.25 s, as a ball bounces; the feet do not leave the floor between.
    let hops = |time: f64| {
        let since_s = (time - 0.5).rem_euclid(0.65);
        if !(0.5..0.5 + 4.0 * 0.65).contains(&time) {
            return (0.0, 0.0);
        }
        let speed_m_s = GRAVITY_M_S2 * 0.2;
        if since_s < 0.4 {
            let flown = speed_m_s * since_s - GRAVITY_M_S2 * since_s.powi(2) / 2.0;
            (flown, flown)
        } else {
            let share = (since_s - 0.4) / 0.25;
            (-speed_m_s * 0.25 * share * (1.0 - share), 0.0)
        }
    };
    let (events, measures) = found(&filmed(even_s(240, 60.0), hops), None, &Settings::default());
    assert_eq!(moments(&events, EventKind::TakeOff).len(), 4, "{events:?}");
    assert!((given(&measures, "jump_contact_time", None) - 0.25).abs() < 2e-3);
    let height_m = GRAVITY_M_S2 * 0.4_f64.powi(2) / 8.0;
    assert!((given(&measures, "reactive_strength_index", None) - height_m / 0.25).abs() < 0.02);
    assert!(reason(&measures, "jump_height_by_rise", None).contains("no scale"));
}

#[test]
fn lifting_the_feet_or_the_camera_is_no_jump() {
    // Feet drawn up under a body that hangs, and a picture that is shaken gently: the pelvis does not fall.
    let lift = |time: f64| {
        if (1.0..1.5).contains(&time) {
            0.2 * (std::f64::consts::TAU * (time - 1.0)).sin().max(0.0)
        } else {
            0.0
        }
    };
    let (events, measures) = found(
        &filmed(even_s(90, 30.0), |time| (0.0, lift(time))),
        None,
        &Settings::default(),
    );
    assert!(events.is_empty(), "{events:?}");
    assert!(reason(&measures, "jump_flight_time", None).contains("no jump"));
    let slow = |time: f64| 0.2 * (std::f64::consts::TAU * time / 1.5).sin();
    let (events, _) = found(
        &filmed(even_s(120, 30.0), |time| (slow(time), slow(time))),
        None,
        &Settings::default(),
    );
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_jump_down_has_a_flight_and_no_height() {
    // From a box of 0.5 m: up with 1.5 m/s, and down to the floor, where the knees catch the body within 0.3 s.
    let pushed = Jump {
        take_off_s: 1.0,
        flight_s: 3.0 / GRAVITY_M_S2,
    };
    let speed_m_s = (1.5_f64.powi(2) + 2.0 * GRAVITY_M_S2 * 0.5).sqrt();
    let flight_s = (1.5 + speed_m_s) / GRAVITY_M_S2;
    let fall = |time: f64| {
        let since_s = time - 1.0;
        if since_s < 0.0 {
            return (0.5 + pushed.crouch_m(-since_s), 0.5);
        }
        if since_s < flight_s {
            let height = 0.5 + 1.5 * since_s - GRAVITY_M_S2 * since_s.powi(2) / 2.0;
            return (height, height);
        }
        let share = ((since_s - flight_s) / 0.3).min(1.0);
        (-speed_m_s * 0.3 * share * (1.0 - share * share / 3.0), 0.0)
    };
    let (_, measures) = found(&filmed(even_s(150, 60.0), fall), None, &Settings::default());
    let measured_s = given(&measures, "jump_flight_time", None);
    assert!((measured_s - flight_s).abs() < 5e-3, "{measured_s}, not {flight_s}");
    assert!(reason(&measures, "jump_height_by_flight_time", None).contains("higher or lower"));
}

#[derive(Deserialize)]
struct Goldens {
    sways: Vec<SwayCase>,
}

#[derive(Deserialize)]
struct SwayCase {
    points: Vec<[f64; 2]>,
    path: f64,
    ellipse_area: f64,
}

#[test]
fn sway_agrees_with_scipy() {
    let goldens: Goldens = serde_json::from_str(include_str!("../reference/events.json")).unwrap();
    assert_eq!(goldens.sways.len(), 2);
    for case in goldens.sways {
        let time_s = even_s(case.points.len(), 30.0);
        let seconds = time_s[time_s.len() - 1];
        let mut standing = filmed(time_s, |_| (0.0, 0.0));
        for (pose, point) in standing.people[0].poses.iter_mut().zip(&case.points) {
            for hip in [Landmark::LeftHip, Landmark::RightHip] {
                let hip = &mut pose.as_mut().unwrap().points[hip.index()];
                (hip.x_px, hip.y_px) = (point[0] as f32, point[1] as f32);
            }
        }
        let (_, measures) = found(&standing, Some(&scale(0.01)), &Settings::default());
        let close = |id: &str, truth: f64| {
            let value = given(&measures, id, None);
            assert!((value / truth - 1.0).abs() < 1e-4, "{id}: {value}, not {truth}");
        };
        close("standing_time", seconds);
        close("sway_path_length", 0.01 * case.path);
        close("sway_mean_velocity", 0.01 * case.path / seconds);
        // 1 px² is 1 cm² here.
        close("sway_ellipse_area", case.ellipse_area);
        assert_eq!(
            measure(&measures, "sway_ellipse_area", None).method,
            "prieto_1996_on_two_legs"
        );
        let Outcome::Given { confidence, .. } = measure(&measures, "sway_path_length", None).outcome else {
            panic!()
        };
        assert!(confidence > 0.0 && confidence < 0.5, "{confidence}");
    }
}

#[test]
fn four_seconds_are_too_short_for_sway_and_an_empty_recording_has_reasons_only() {
    let (_, measures) = found(
        &filmed(even_s(120, 30.0), |_| (0.0, 0.0)),
        Some(&scale(0.01)),
        &Settings::default(),
    );
    assert!(reason(&measures, "sway_path_length", None).contains("five seconds"));
    let nobody = recording(even_s(30, 30.0), vec![None; 30]);
    let (events, measures) = found(&nobody, None, &Settings::default());
    assert!(events.is_empty());
    assert!(
        measures
            .iter()
            .all(|measure| matches!(measure.outcome, Outcome::Withheld { .. }))
    );
    assert!(reason(&measures, "cadence", None).contains("leg"));
    let (events, _) = found(&recording(Vec::new(), Vec::new()), None, &Settings::default());
    assert!(events.is_empty());
}

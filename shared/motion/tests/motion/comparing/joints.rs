//! Whole bodies, single joints and pairs of joints, against `NeuroPose`'s own analyser.

use marey_motion::compare::{
    Align, Method, Missing, Movement, Representation, WarpSettings, aligned, warp_all, warp_per_joint, warp_relation,
};
use serde::Deserialize;

use super::{assert_close, goldens};

#[derive(Deserialize)]
pub(super) struct Case {
    a: Vec<Vec<[f64; 3]>>,
    b: Vec<Vec<[f64; 3]>>,
    triplets: Vec<[usize; 3]>,
    all: Told,
    per_joint: Vec<Told>,
    relation: Told,
    angles: Told,
    angles_rad: Vec<Vec<f64>>,
    unit_cube: Vec<Vec<[f64; 3]>>,
    per_frame: Option<Told>,
    per_sequence: Option<Told>,
    per_frame_scaled: Option<Diagnostics>,
    per_sequence_scaled: Option<Diagnostics>,
    unknown: Vec<[usize; 2]>,
    interpolated: Told,
    dropped: Told,
}

#[derive(Deserialize)]
struct Told {
    distance: f64,
    path: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
struct Diagnostics {
    rotation_deg: f64,
    rotation_deg_max: f64,
    scale: f64,
}

/// What `NeuroPose` does: the Python package `fastdtw` with its own radius.
const AS_NEUROPOSE: WarpSettings = WarpSettings {
    method: Method::Fast { radius: 1 },
    cost: marey_motion::compare::Cost::Euclidean,
    missing: Missing::Propagate,
    align: Align::None,
    scale: false,
};

fn movement(frames: &[Vec<[f64; 3]>], unknown: &[[usize; 2]]) -> Movement<3> {
    let place = |(frame, points): (usize, &Vec<[f64; 3]>)| {
        let points = points.iter().enumerate();
        let known = points.map(|(joint, &point)| (!unknown.contains(&[frame, joint])).then_some(point));
        known.collect::<Vec<_>>()
    };
    Movement::new(frames[0].len(), frames.iter().enumerate().flat_map(place).collect()).unwrap()
}

#[test]
fn methods_agree_with_neuropose() {
    let cases = goldens().neuropose;
    assert_eq!(cases.len(), 2);
    for case in cases {
        let (a, b) = (movement(&case.a, &[]), movement(&case.b, &[]));
        let same = |ours: marey_motion::compare::Warp, theirs: &Told, what: &str| {
            assert_close(ours.distance, theirs.distance, what);
            assert_eq!(ours.path, theirs.path, "{what}");
        };
        let coordinates = Representation::Coordinates;
        same(warp_all(&a, &b, coordinates, &AS_NEUROPOSE).unwrap(), &case.all, "all");
        let joints = warp_per_joint(&a, &b, coordinates, &AS_NEUROPOSE).unwrap();
        assert_eq!(joints.len(), case.per_joint.len());
        for (ours, theirs) in joints.into_iter().zip(&case.per_joint) {
            same(ours, theirs, "per joint");
        }
        same(
            warp_relation(&a, &b, 1, 4, &AS_NEUROPOSE).unwrap(),
            &case.relation,
            "relation",
        );
        let angles = Representation::Angles(&case.triplets);
        same(warp_all(&a, &b, angles, &AS_NEUROPOSE).unwrap(), &case.angles, "angles");
        let holes = movement(&case.a, &case.unknown);
        for (missing, told) in [
            (Missing::Interpolate, &case.interpolated),
            (Missing::Drop, &case.dropped),
        ] {
            let settings = WarpSettings {
                missing,
                ..AS_NEUROPOSE
            };
            same(
                warp_all(&holes, &b, coordinates, &settings).unwrap(),
                told,
                "unknown values",
            );
        }
        let refused = warp_all(&holes, &b, coordinates, &AS_NEUROPOSE).unwrap_err();
        assert_eq!(refused.code(), "MOTION_MISSING_VALUES");
        for (align, told) in [
            (Align::ProcrustesPerFrame, &case.per_frame),
            (Align::ProcrustesPerSequence, &case.per_sequence),
        ] {
            let settings = WarpSettings { align, ..AS_NEUROPOSE };
            let ours = warp_all(&a, &b, coordinates, &settings);
            match told {
                Some(told) => same(ours.unwrap(), told, "aligned"),
                None => assert_eq!(ours.unwrap_err().code(), "MOTION_NOT_COMPARABLE"),
            }
        }
    }
}

#[test]
fn what_neuropose_makes_of_coordinates_is_the_same() {
    let cases = goldens().neuropose;
    let near = |ours: f64, theirs: f64, what: &str| assert!((ours - theirs).abs() < 1e-9, "{what}: {ours} {theirs}");
    for case in &cases {
        let a = movement(&case.a, &[]);
        let angles = a
            .triplet_angles_rad(&case.triplets)
            .unwrap()
            .complete(Missing::Propagate)
            .unwrap();
        let cube = a.in_unit_cube(false).unwrap();
        for frame in 0..a.frames() {
            for (ours, theirs) in angles.row(frame).iter().zip(&case.angles_rad[frame]) {
                near(*ours, *theirs, "angle");
            }
            for (joint, theirs) in case.unit_cube[frame].iter().enumerate() {
                let ours = cube.point(frame, joint).unwrap();
                (0..3).for_each(|axis| near(ours[axis], theirs[axis], "unit cube"));
            }
        }
    }
    let mut compared = 0;
    for case in &cases {
        let (a, b) = (movement(&case.a, &[]), movement(&case.b, &[]));
        for (align, told) in [
            (Align::ProcrustesPerFrame, &case.per_frame_scaled),
            (Align::ProcrustesPerSequence, &case.per_sequence_scaled),
        ] {
            let Some(told) = told else { continue };
            let settings = WarpSettings {
                align,
                scale: true,
                ..AS_NEUROPOSE
            };
            let summary = aligned(&a, &b, &settings).unwrap().1.unwrap();
            near(summary.rotation_deg, told.rotation_deg, "rotation");
            near(
                summary.greatest_rotation_deg,
                told.rotation_deg_max,
                "greatest rotation",
            );
            near(summary.scale, told.scale, "size");
            compared += 1;
        }
    }
    assert_eq!(compared, 2);
}

#[test]
fn joints_that_are_not_there_are_refused() {
    let two = Movement::new(2, vec![Some([0.0, 0.0]), None]).unwrap();
    assert_eq!(two.joint(2).unwrap_err().code(), "MOTION_NOT_COMPARABLE");
    assert_eq!(two.relation(0, 5).unwrap_err().code(), "MOTION_NOT_COMPARABLE");
    assert_eq!(two.triplet_angles_rad(&[]).unwrap_err().code(), "MOTION_NOT_COMPARABLE");
    assert!(Movement::<2>::new(2, vec![None]).is_err());
    assert!(two.in_unit_cube(false).is_err(), "one point fills no space");
}

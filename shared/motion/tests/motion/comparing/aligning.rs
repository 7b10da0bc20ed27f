//! Alignment by rotation, shift and size.

use marey_motion::compare::{Alignment, Rotation, align};
use proptest::prelude::*;
use serde::Deserialize;

use super::goldens;

#[derive(Deserialize)]
pub(super) struct Case {
    source: Vec<Vec<f64>>,
    target: Vec<Vec<f64>>,
    scale: bool,
    rotation: Vec<Vec<f64>>,
    size: f64,
    translation: Vec<f64>,
    residual_rms: f64,
    scipy_rotation: Option<Vec<Vec<f64>>>,
    scipy_disparity: Option<f64>,
}

fn fit<const D: usize>(case: &Case) -> Alignment<D>
where
    [[f64; D]; D]: Rotation,
{
    let point = |values: &Vec<f64>| <[f64; D]>::try_from(values.as_slice()).unwrap();
    let pairs = case.source.iter().map(point).zip(case.target.iter().map(point));
    align(&pairs.collect::<Vec<_>>(), case.scale).unwrap()
}

fn check<const D: usize>(case: &Case) -> Alignment<D>
where
    [[f64; D]; D]: Rotation,
{
    let found = fit::<D>(case);
    let near = |ours: f64, theirs: f64, what: &str| assert!((ours - theirs).abs() < 1e-9, "{what}: {ours} {theirs}");
    for row in 0..D {
        for column in 0..D {
            near(
                found.transform.rotation[row][column],
                case.rotation[row][column],
                "rotation",
            );
            if let Some(scipy) = &case.scipy_rotation {
                near(
                    found.transform.rotation[row][column],
                    scipy[row][column],
                    "SciPy's rotation",
                );
            }
        }
        near(found.transform.translation[row], case.translation[row], "translation");
    }
    near(found.transform.scale, case.size, "size");
    near(found.residual_rms, case.residual_rms, "residual");
    if let Some(disparity) = case.scipy_disparity {
        let mean = |axis: usize| case.target.iter().map(|point| point[axis]).sum::<f64>() / case.target.len() as f64;
        let spread: f64 = (0..D)
            .flat_map(|axis| case.target.iter().map(move |point| (point[axis] - mean(axis)).powi(2)))
            .sum();
        let left = found.residual_rms.powi(2) * case.target.len() as f64;
        near(left / spread, disparity, "SciPy's disparity");
    }
    found
}

#[test]
fn alignments_agree_with_numpy_and_scipy() {
    let cases = goldens().align;
    assert_eq!(cases.len(), 9);
    let mut mirrored = 0;
    for case in &cases {
        let mirror_fits_better = match case.rotation.len() {
            2 => check::<2>(case).mirror_fits_better,
            _ => check::<3>(case).mirror_fits_better,
        };
        mirrored += usize::from(mirror_fits_better);
    }
    assert!(mirrored >= 2, "a mirrored body is told");
}

/// A rotation about an axis, by Rodrigues' formula.
fn rotation(axis: [f64; 3], angle_rad: f64) -> [[f64; 3]; 3] {
    let length = axis.iter().map(|value| value * value).sum::<f64>().sqrt();
    let [x, y, z] = axis.map(|value| value / length);
    let (s, c) = angle_rad.sin_cos();
    let t = 1.0 - c;
    [
        [c + t * x * x, t * x * y - s * z, t * x * z + s * y],
        [t * x * y + s * z, c + t * y * y, t * y * z - s * x],
        [t * x * z - s * y, t * y * z + s * x, c + t * z * z],
    ]
}

fn apply(rotation: &[[f64; 3]; 3], point: [f64; 3]) -> [f64; 3] {
    rotation.map(|row| row.iter().zip(point).map(|(a, b)| a * b).sum())
}

proptest! {
    #[test]
    fn a_turned_sized_and_shifted_body_is_found_again(
        points in prop::collection::vec(prop::array::uniform3(-1.0..1.0), 4..40),
        axis in prop::array::uniform3(0.1..1.0),
        angle_deg in 0.0..180.0_f64,
        size in 0.2..5.0_f64,
        shift in prop::array::uniform3(-10.0..10.0),
    ) {
        let turn = rotation(axis, angle_deg.to_radians());
        let moved = |point: [f64; 3]| {
            let turned = apply(&turn, point);
            std::array::from_fn(|axis| size * turned[axis] + shift[axis])
        };
        let pairs: Vec<_> = points.iter().map(|&point| (point, moved(point))).collect();
        let found: Alignment<3> = align(&pairs, true).unwrap();
        prop_assume!(found.unique);
        prop_assert!(found.residual_rms < 1e-9, "{}", found.residual_rms);
        prop_assert!((found.transform.scale - size).abs() < 1e-9);
        prop_assert!((found.rotation_deg - angle_deg).abs() < 1e-5, "{} {angle_deg}", found.rotation_deg);
        prop_assert!(!found.mirror_fits_better);
    }

    #[test]
    fn what_is_left_does_not_depend_on_where_a_body_stands(
        pairs in prop::collection::vec((prop::array::uniform3(-1.0..1.0), prop::array::uniform3(-1.0..1.0)), 3..30),
        axis in prop::array::uniform3(0.1..1.0),
        angle_rad in 0.0..3.0_f64,
        scale in any::<bool>(),
    ) {
        let turn = rotation(axis, angle_rad);
        let turned: Vec<_> = pairs.iter().map(|&(source, target)| (apply(&turn, source), target)).collect();
        let (one, other) = (align(&pairs, scale).unwrap(), align(&turned, scale).unwrap());
        prop_assert!((one.residual_rms - other.residual_rms).abs() < 1e-9);
        for found in [one, other] {
            let [a, b, c] = found.transform.rotation;
            let cross = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
            let determinant: f64 = cross.iter().zip(c).map(|(a, b)| a * b).sum();
            prop_assert!((determinant - 1.0).abs() < 1e-9, "no mirror image: {determinant}");
        }
    }
}

#[test]
fn points_on_a_line_or_in_one_place_are_told_to_be_ambiguous() {
    let line: Vec<_> = (0..5)
        .map(|at| ([f64::from(at), 0.0, 0.0], [0.0, 2.0 * f64::from(at), 1.0]))
        .collect();
    let found = align(&line, true).unwrap();
    assert!(!found.unique && found.residual_rms < 1e-9, "{found:?}");
    let heap = [([1.0, 1.0], [4.0, 5.0]); 3];
    let found = align(&heap, true).unwrap();
    assert!(!found.unique, "{found:?}");
    assert_eq!((found.transform.scale, found.transform.translation), (1.0, [3.0, 4.0]));
    assert_eq!(align::<2>(&[], false).unwrap_err().code(), "MOTION_NOT_COMPARABLE");
    let wrong = align(&[([f64::NAN, 0.0], [0.0, 0.0])], false);
    assert_eq!(wrong.unwrap_err().code(), "MOTION_NOT_FINITE");
}

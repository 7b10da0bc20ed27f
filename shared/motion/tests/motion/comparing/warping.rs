//! Dynamic time warping.

use marey_motion::MotionError;
use marey_motion::compare::{Band, Cost, Features, Method, Missing, Series, Warp, warp, warp_distance};
use proptest::prelude::*;
use serde::Deserialize;

use super::{assert_close, goldens};

#[derive(Deserialize)]
pub(super) struct ExactCase {
    a: Vec<f64>,
    b: Vec<f64>,
    width: usize,
    radius: Option<usize>,
    path: Option<Vec<(usize, usize)>>,
    plain: f64,
    plain_squared: f64,
    dtaidistance_euclidean: f64,
    dtaidistance: f64,
}

#[derive(Deserialize)]
pub(super) struct FastCase {
    a: Vec<f64>,
    b: Vec<f64>,
    width: usize,
    radius: usize,
    distance: f64,
    path: Vec<(usize, usize)>,
}

fn exact(radius: Option<usize>) -> Method {
    Method::Exact {
        band: radius.map(|radius| Band { radius }),
    }
}

#[test]
fn exact_warping_agrees_with_the_textbook_dtaidistance_and_fastdtw() {
    let cases = goldens().exact;
    assert_eq!(cases.len(), 10);
    for case in cases {
        let (a, b) = (
            Series::new(case.width, case.a).unwrap(),
            Series::new(case.width, case.b).unwrap(),
        );
        let what = format!("{} and {} rows, radius {:?}", a.rows(), b.rows(), case.radius);
        let found = warp(&a, &b, exact(case.radius), Cost::Euclidean).unwrap();
        assert_close(found.distance, case.plain, &what);
        assert_close(found.distance, case.dtaidistance_euclidean, &what);
        let squared = warp(&a, &b, exact(case.radius), Cost::Squared).unwrap();
        assert_close(squared.distance, case.plain_squared, &what);
        assert_close(squared.distance, case.dtaidistance, &what);
        if let Some(path) = case.path {
            assert_eq!(found.path, path, "{what}");
        }
    }
}

#[test]
fn fast_warping_takes_the_path_of_fastdtw() {
    let cases = goldens().fast;
    assert_eq!(cases.len(), 7);
    for case in cases {
        let (a, b) = (
            Series::new(case.width, case.a).unwrap(),
            Series::new(case.width, case.b).unwrap(),
        );
        let what = format!("{} and {} rows, radius {}", a.rows(), b.rows(), case.radius);
        let found = warp(&a, &b, Method::Fast { radius: case.radius }, Cost::Euclidean).unwrap();
        assert_eq!(found.path, case.path, "{what}");
        assert_close(found.distance, case.distance, &what);
    }
}

/// The recurrence as in the textbook, in a full matrix.
fn textbook(a: &Series, b: &Series, radius: Option<usize>) -> f64 {
    let (n, m) = (a.rows(), b.rows());
    let mut sums = vec![vec![f64::INFINITY; m + 1]; n + 1];
    sums[0][0] = 0.0;
    for i in 0..n {
        for j in 0..m {
            let (over, under) = (n.saturating_sub(m), m.saturating_sub(n));
            if radius.is_some_and(|radius| i > j + radius + over || j > i + radius + under) {
                continue;
            }
            sums[i + 1][j + 1] = cost(a, b, i, j) + sums[i][j + 1].min(sums[i + 1][j]).min(sums[i][j]);
        }
    }
    sums[n][m]
}

fn cost(a: &Series, b: &Series, i: usize, j: usize) -> f64 {
    let squares = a.row(i).iter().zip(b.row(j)).map(|(a, b)| (a - b) * (a - b));
    squares.sum::<f64>().sqrt()
}

fn check_path(a: &Series, b: &Series, found: &Warp) {
    let path = &found.path;
    assert_eq!(path.first(), Some(&(0, 0)));
    assert_eq!(path.last(), Some(&(a.rows() - 1, b.rows() - 1)));
    for pair in path.windows(2) {
        let step = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        assert!([(0, 1), (1, 0), (1, 1)].contains(&step), "{step:?}");
    }
    let sum: f64 = path.iter().map(|&(i, j)| cost(a, b, i, j)).sum();
    assert_close(sum, found.distance, "the path costs what is said");
}

fn series(rows: std::ops::Range<usize>, width: usize) -> impl Strategy<Value = Series> {
    // Whole numbers make many paths cost the same.
    let value = prop_oneof![-50.0..50.0, (-3..3).prop_map(f64::from)];
    prop::collection::vec(value, rows.start * width..rows.end * width).prop_map(move |mut values| {
        values.truncate(values.len() / width * width);
        Series::new(width, values).unwrap()
    })
}

fn two(rows: std::ops::Range<usize>) -> impl Strategy<Value = (Series, Series)> {
    (1_usize..5).prop_flat_map(move |width| (series(rows.clone(), width), series(rows.clone(), width)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn the_exact_path_is_sound_and_costs_what_the_textbook_says(
        (a, b) in two(1..300),
        radius in prop::option::of(0_usize..40),
    ) {
        let found = warp(&a, &b, exact(radius), Cost::Euclidean).unwrap();
        check_path(&a, &b, &found);
        assert_close(found.distance, textbook(&a, &b, radius), "textbook");
        let alone = warp_distance(&a, &b, radius.map(|radius| Band { radius }), Cost::Euclidean).unwrap();
        prop_assert_eq!(alone.to_bits(), found.distance.to_bits());
        if let Some(radius) = radius {
            let (over, under) = (a.rows().saturating_sub(b.rows()), b.rows().saturating_sub(a.rows()));
            let is_inside = |&(i, j): &(usize, usize)| i <= j + radius + over && j <= i + radius + under;
            prop_assert!(found.path.iter().all(is_inside));
        }
    }

    #[test]
    fn a_movement_is_no_distance_from_itself_and_as_far_there_as_back((a, b) in two(1..120)) {
        let itself = warp(&a, &a, Method::default(), Cost::Euclidean).unwrap();
        prop_assert_eq!(itself.distance.to_bits(), 0.0_f64.to_bits());
        prop_assert!(itself.path.iter().all(|(i, j)| i == j), "nothing is warped without need");
        let there = warp_distance(&a, &b, None, Cost::Euclidean).unwrap();
        let back = warp_distance(&b, &a, None, Cost::Euclidean).unwrap();
        assert_close(there, back, "symmetry");
    }

    #[test]
    fn a_wide_band_closes_nothing_and_a_narrower_one_never_helps((a, b) in two(1..100), radius in 0_usize..50) {
        let free = warp_distance(&a, &b, None, Cost::Euclidean).unwrap();
        let wide = warp_distance(&a, &b, Some(Band { radius: a.rows().max(b.rows()) }), Cost::Euclidean).unwrap();
        prop_assert_eq!(free.to_bits(), wide.to_bits());
        let narrow = warp_distance(&a, &b, Some(Band { radius }), Cost::Euclidean).unwrap();
        let narrower = warp_distance(&a, &b, Some(Band { radius: radius / 2 }), Cost::Euclidean).unwrap();
        prop_assert!(free <= narrow && narrow <= narrower);
    }

    #[test]
    fn fast_warping_is_no_better_than_the_best_and_as_good_at_a_large_radius(
        (a, b) in two(1..150),
        radius in 0_usize..6,
    ) {
        let best = warp_distance(&a, &b, None, Cost::Euclidean).unwrap();
        let fast = warp(&a, &b, Method::Fast { radius }, Cost::Euclidean).unwrap();
        check_path(&a, &b, &fast);
        prop_assert!(fast.distance >= best * (1.0 - 1e-12));
        let wide = warp(&a, &b, Method::Fast { radius: 150 }, Cost::Euclidean).unwrap();
        assert_close(wide.distance, best, "large radius");
    }
}

#[test]
fn tiles_meet_where_movements_are_long() {
    // Longer than two tiles and no multiple of anything, with one tempo in the middle thrice the other's.
    let wave = |frame: f64| [(frame * 0.031).sin() * 40.0, (frame * 0.047).cos() * 25.0];
    let a: Vec<f64> = (0..1203).flat_map(|frame| wave(f64::from(frame))).collect();
    let b: Vec<f64> = (0..777)
        .flat_map(|frame| wave(f64::from(frame).powf(1.05) * 1.09))
        .collect();
    let (a, b) = (Series::new(2, a).unwrap(), Series::new(2, b).unwrap());
    let found = warp(&a, &b, Method::default(), Cost::Euclidean).unwrap();
    check_path(&a, &b, &found);
    assert_close(found.distance, textbook(&a, &b, None), "textbook");
    let banded = warp(&a, &b, exact(Some(7)), Cost::Euclidean).unwrap();
    check_path(&a, &b, &banded);
    assert_close(banded.distance, textbook(&a, &b, Some(7)), "textbook in a band");
}

#[test]
fn what_cannot_be_warped_is_refused() {
    let one = Series::new(1, vec![1.0, 2.0]).unwrap();
    let two = Series::new(2, vec![1.0, 2.0]).unwrap();
    let refused = warp(&one, &two, Method::default(), Cost::Euclidean);
    assert!(matches!(refused, Err(MotionError::NotComparable(_))), "{refused:?}");
    for (width, values) in [(0, vec![]), (2, vec![1.0]), (1, vec![]), (1, vec![1e200])] {
        let refused = Series::new(width, values);
        assert!(matches!(refused, Err(MotionError::NotComparable(_))), "{refused:?}");
    }
}

#[test]
fn unknown_values_are_refused_interpolated_or_dropped() {
    let column = [None, Some(2.0), None, None, Some(8.0), None];
    let features = || Features::from_columns(&[&column, &[Some(1.0); 6]]).unwrap();
    let refused = features().complete(Missing::Propagate).unwrap_err();
    assert_eq!(refused.code(), "MOTION_MISSING_VALUES");
    assert!(refused.to_string().contains("frame 0"), "{refused}");
    let whole = features().complete(Missing::Interpolate).unwrap();
    let values: Vec<f64> = (0..6).map(|row| whole.row(row)[0]).collect();
    assert_eq!(values, [2.0, 2.0, 4.0, 6.0, 8.0, 8.0]);
    let dropped = features().complete(Missing::Drop).unwrap();
    assert_eq!((dropped.rows(), dropped.frame(0), dropped.frame(1)), (2, 1, 4));
    let found = warp(&dropped, &dropped, Method::default(), Cost::Euclidean).unwrap();
    assert_eq!(found.path, [(1, 1), (4, 4)], "frames are those of the whole movement");
    for missing in [Missing::Interpolate, Missing::Drop] {
        let none = Features::from_columns(&[&[None, None], &[Some(1.0); 2]]).unwrap();
        assert_eq!(none.complete(missing).unwrap_err().code(), "MOTION_MISSING_VALUES");
    }
    assert_eq!(features().known_share(0).to_bits(), (2.0_f64 / 6.0).to_bits());
}

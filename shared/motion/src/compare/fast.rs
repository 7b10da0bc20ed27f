//! `FastDTW`: the path at half the resolution, widened by a radius, is where the path at full resolution is looked for.
//!
//! Salvador and Chan 2007, doi:10.3233/IDA-2007-11508. Details are those of the Python package `fastdtw` 0.3.4, so that
//! both give the same path: an odd last row is not part of the coarser movement, the coarse path is widened by the
//! radius before it is refined, movements shorter than `radius + 2` are warped exactly, and among equal sums a step
//! along the first movement comes before one along the second before one along both.

use std::ops::RangeInclusive;

use super::dtw::{Path, local_cost};
use super::{Cost, Series};

/// The path that `FastDTW` finds.
pub(super) fn best_path(a: &Series, b: &Series, radius: usize, cost: Cost) -> Path {
    let (rows, columns) = (a.rows(), b.rows());
    let coarse = if rows.min(columns) < radius.saturating_add(2) {
        None
    } else {
        a.halved().zip(b.halved())
    };
    let window = match coarse {
        None => vec![0..=columns - 1; rows],
        Some((a, b)) => widened(&best_path(&a, &b, radius, cost).path, rows, columns, radius),
    };
    within(a, b, &window, cost)
}

/// The columns open in each row at full resolution, around a path at half of it.
fn widened(path: &[(usize, usize)], rows: usize, columns: usize, radius: usize) -> Vec<RangeInclusive<usize>> {
    let coarse_rows = path.last().map_or(0, |&(i, _)| i + 1);
    // First and last column of the path in each row.
    let mut spans = vec![(usize::MAX, 0); coarse_rows];
    for &(i, j) in path {
        spans[i] = (spans[i].0.min(j), spans[i].1.max(j));
    }
    let open = |row: usize| {
        let first = (row / 2).saturating_sub(radius).min(coarse_rows - 1);
        let last = (row / 2).saturating_add(radius).min(coarse_rows - 1);
        let from = 2 * spans[first].0.saturating_sub(radius);
        // With a radius of 0 an odd last row or column would be closed, and the package fails.
        let to = if row + 1 == rows {
            columns - 1
        } else {
            (2 * spans[last].1.saturating_add(radius).min(columns) + 1).min(columns - 1)
        };
        from..=to
    };
    (0..rows).map(open).collect()
}

/// Where the best path to a pair of rows came from.
#[derive(Clone, Copy)]
enum From {
    Up,
    Left,
    Corner,
}

/// The best path through the open columns of each row, which begin and end no earlier than those of the row above.
fn within(a: &Series, b: &Series, window: &[RangeInclusive<usize>], cost: Cost) -> Path {
    let mut came = Vec::new();
    let mut offsets = Vec::with_capacity(window.len());
    let mut above: Vec<f64> = Vec::new();
    let mut above_from = 0;
    for (i, open) in window.iter().enumerate() {
        offsets.push(came.len());
        let mut sums = Vec::with_capacity(open.end() - open.start() + 1);
        let sum_above = |j: Option<usize>| match j {
            Some(j) => j
                .checked_sub(above_from)
                .and_then(|place| above.get(place))
                .copied()
                .unwrap_or(f64::INFINITY),
            None if i == 0 => 0.0,
            None => f64::INFINITY,
        };
        let mut left = f64::INFINITY;
        let mut corner = sum_above(open.start().checked_sub(1));
        for j in open.clone() {
            let own = local_cost(cost, a.row(i), b.row(j));
            let up = sum_above(Some(j));
            // Sums are compared and not what they came from: two that differ may add up to the same.
            let (mut best, mut from) = (up + own, From::Up);
            for (sum, other) in [(left + own, From::Left), (corner + own, From::Corner)] {
                if sum < best {
                    (best, from) = (sum, other);
                }
            }
            sums.push(best);
            came.push(from);
            (left, corner) = (best, up);
        }
        (above, above_from) = (sums, *open.start());
    }
    let distance = above.last().copied().unwrap_or(f64::INFINITY);
    let mut path = Vec::with_capacity(2 * window.len());
    let (mut i, mut j) = (a.rows() - 1, b.rows() - 1);
    loop {
        path.push((i, j));
        let from = came[offsets[i] + j - window[i].start()];
        (i, j) = match (from, i.checked_sub(1), j.checked_sub(1)) {
            (_, None, None) => break,
            (From::Left, _, Some(j)) | (_, None, Some(j)) => (i, j),
            (From::Up, Some(i), _) | (_, Some(i), None) => (i, j),
            (From::Corner, Some(i), Some(j)) => (i, j),
        };
    }
    path.reverse();
    Path { distance, path }
}

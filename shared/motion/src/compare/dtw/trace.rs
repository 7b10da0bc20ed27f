//! The best path itself, with the memory of a few rows.
//!
//! The sweep leaves the sums along every 256th row and column. From the last pair backward, only the tiles that the path
//! runs through are computed again: (n + m) / 256 of them in place of n · m / 256². Hirschberg's divide and conquer
//! (1975, doi:10.1145/360825.360861) needs still less memory but does all the work twice.

use super::sweep::{Sweep, Watch};

/// Least side of a tile: a multiple of a strip's height, and of all that it doubles to.
const LEAST_TILE: usize = 256;

/// The sums that are kept take at most so many bytes; tiles grow until they do.
const MOST_BYTES: usize = 128 << 20;

/// A path from the first pair of rows to the last, and the sum of what its rows differ by.
pub(in crate::compare) struct Path {
    pub(in crate::compare) distance: f64,
    pub(in crate::compare) path: Vec<(usize, usize)>,
}

/// The sums along some rows and columns.
struct Kept {
    tile: usize,
    height: usize,
    width: usize,
    /// Row `tile - 1`, then `2 tile - 1` and so on.
    rows: Vec<f64>,
    /// Column `tile - 1`, then `2 tile - 1` and so on.
    columns: Vec<f64>,
}

impl Kept {
    fn new(height: usize, width: usize) -> Self {
        let mut tile = LEAST_TILE;
        while (height.saturating_mul(width) / tile).saturating_mul(2 * size_of::<f64>()) > MOST_BYTES {
            tile *= 2;
        }
        Self {
            tile,
            height,
            width,
            rows: Vec::with_capacity(height / tile * width),
            columns: vec![f64::INFINITY; width / tile * height],
        }
    }

    /// The sum at `(i, j)` of a pair above or left of a tile; infinite outside.
    fn sum(&self, i: Option<usize>, j: Option<usize>) -> f64 {
        match (i, j) {
            (Some(i), Some(j)) if (i + 1).is_multiple_of(self.tile) => self.rows[i / self.tile * self.width + j],
            (Some(i), Some(j)) => self.columns[j / self.tile * self.height + i],
            (None, None) => 0.0,
            _ => f64::INFINITY,
        }
    }
}

impl Watch for Kept {
    fn spacing(&self) -> Option<usize> {
        Some(self.tile)
    }

    fn column(&mut self, i: usize, j: usize, sum: f64) {
        self.columns[j / self.tile * self.height + i] = sum;
    }

    fn row(&mut self, i: usize, sums: &[f64]) {
        if (i + 1).is_multiple_of(self.tile) {
            self.rows.extend_from_slice(sums);
        }
    }
}

/// The exact best path; among equals, a step along both movements before one along the first before one along the
/// second, seen from the end.
pub(super) fn best_path(sweep: &Sweep<'_>) -> Path {
    let mut kept = Kept::new(sweep.a.rows(), sweep.b.rows());
    let distance = sweep.run(&mut kept);
    let mut path = Vec::with_capacity(sweep.a.rows().max(sweep.b.rows()));
    let mut tile = Tile::default();
    let mut at = Some((sweep.a.rows() - 1, sweep.b.rows() - 1));
    while let Some((i, j)) = at {
        tile.fill(sweep, &kept, i, j);
        at = tile.walk(&mut path, i, j);
    }
    path.reverse();
    Path { distance, path }
}

/// The sums of a tile's upper left part, with the row above and the column before.
#[derive(Default)]
struct Tile {
    top: usize,
    left: usize,
    stride: usize,
    sums: Vec<f64>,
}

impl Tile {
    /// Computes the sums up to and with `(i, j)`, in the tile that holds it.
    fn fill(&mut self, sweep: &Sweep<'_>, kept: &Kept, i: usize, j: usize) {
        (self.top, self.left) = (i / kept.tile * kept.tile, j / kept.tile * kept.tile);
        self.stride = j - self.left + 2;
        self.sums.clear();
        let (above, before) = (self.top.checked_sub(1), self.left.checked_sub(1));
        self.sums.push(kept.sum(above, before));
        self.sums
            .extend((self.left..=j).map(|column| kept.sum(above, Some(column))));
        for row in self.top..=i {
            let mut last = kept.sum(Some(row), before);
            self.sums.push(last);
            let a = sweep.a.row(row);
            for column in self.left..=j {
                let up = self.sums.len() - self.stride;
                let best = last.min(self.sums[up]).min(self.sums[up - 1]);
                last = if sweep.bounds.holds(row, column) {
                    best + sweep.cost.between(a, sweep.b.row(column))
                } else {
                    f64::INFINITY
                };
                self.sums.push(last);
            }
        }
    }

    /// Follows the path backward through the tile, and says where it goes on outside.
    fn walk(&self, path: &mut Vec<(usize, usize)>, mut i: usize, mut j: usize) -> Option<(usize, usize)> {
        loop {
            path.push((i, j));
            let here = (i - self.top + 1) * self.stride + j - self.left + 1;
            let [corner, up, left] = [here - self.stride - 1, here - self.stride, here - 1].map(|at| self.sums[at]);
            (i, j) = match (i.checked_sub(1), j.checked_sub(1)) {
                (None, None) => return None,
                (Some(i), None) => (i, j),
                (None, Some(j)) => (i, j),
                (Some(before_i), Some(before_j)) => {
                    if corner <= up && corner <= left {
                        (before_i, before_j)
                    } else if up <= left {
                        (before_i, j)
                    } else {
                        (i, before_j)
                    }
                }
            };
            if i < self.top || j < self.left {
                return Some((i, j));
            }
        }
    }
}

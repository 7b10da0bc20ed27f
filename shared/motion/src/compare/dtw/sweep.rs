//! The sums of the best paths to every pair of rows, strip by strip and along anti-diagonals.
//!
//! Along a row each sum waits for its left neighbour, which no processor can hurry; along an anti-diagonal none waits for
//! another, and the loop over them is vectorised by the compiler. A strip is so low that what it works on stays in the
//! first-level cache whatever the length of the movements.

use super::super::Series;
use super::{Band, Cost};

/// Rows of a strip. Divides every tile size, see [`super::trace`].
const HEIGHT: usize = 64;

/// Columns whose differences are added in one pass.
const TOGETHER: usize = 4;

/// Which pairs of rows are open to the path: `-left <= j - i <= right`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    left: isize,
    right: isize,
}

impl Bounds {
    fn new(rows: usize, columns: usize, band: Option<Band>) -> Self {
        // Wider than any movement, and far from overflow.
        let radius = band.map_or(rows.max(columns), |band| band.radius.min(rows.max(columns)));
        Self {
            left: (rows.saturating_sub(columns) + radius) as isize,
            right: (columns.saturating_sub(rows) + radius) as isize,
        }
    }

    /// Whether a pair of rows is open.
    pub(super) fn holds(self, i: usize, j: usize) -> bool {
        let off = j as isize - i as isize;
        -self.left <= off && off <= self.right
    }

    /// First and last open `i` on the anti-diagonal `i + j = sum`; the first may be after the last.
    fn on_diagonal(self, sum: usize) -> (isize, isize) {
        let sum = sum as isize;
        ((sum - self.right + 1).div_euclid(2), (sum + self.left).div_euclid(2))
    }
}

/// Is told the sums of finished strips and columns.
pub(super) trait Watch {
    /// Columns after each of which [`Self::column`] is called; `None` for never.
    fn spacing(&self) -> Option<usize>;
    /// The sum at `(i, j)`, where `j + 1` is a multiple of the spacing.
    fn column(&mut self, i: usize, j: usize, sum: f64);
    /// All sums of row `i`, the last of a strip.
    fn row(&mut self, i: usize, sums: &[f64]);
}

/// Nobody watches.
impl Watch for () {
    fn spacing(&self) -> Option<usize> {
        None
    }
    fn column(&mut self, _: usize, _: usize, _: f64) {}
    fn row(&mut self, _: usize, _: &[f64]) {}
}

/// Two movements, laid out for the sweep.
pub(super) struct Sweep<'a> {
    pub(super) a: &'a Series,
    pub(super) b: &'a Series,
    pub(super) cost: Cost,
    pub(super) bounds: Bounds,
    /// Column after column of `b`, last row first: along an anti-diagonal both movements are then read forward.
    reversed: Vec<f64>,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(a: &'a Series, b: &'a Series, band: Option<Band>, cost: Cost) -> Self {
        let (width, rows) = (b.width(), b.rows());
        let reversed = (0..width).flat_map(|column| (0..rows).rev().map(move |row| b.row(row)[column]));
        Self {
            a,
            b,
            cost,
            bounds: Bounds::new(a.rows(), rows, band),
            reversed: reversed.collect(),
        }
    }

    /// Sweeps over everything and gives the sum of the best path to the last rows of both.
    pub(super) fn run(&self, watch: &mut impl Watch) -> f64 {
        let columns = self.b.rows();
        let mut above = vec![f64::INFINITY; columns];
        let mut below = above.clone();
        let mut strip = Strip::new(self.a.width());
        for start in (0..self.a.rows()).step_by(HEIGHT) {
            below.fill(f64::INFINITY);
            strip.load(self.a, start);
            strip.run(self, &above, &mut below, watch);
            watch.row(start + strip.height - 1, &below);
            std::mem::swap(&mut above, &mut below);
        }
        above[columns - 1]
    }
}

/// A strip of rows of the first movement. Place `k` of a diagonal is row `start + k - 1`; place 0 is the row above.
struct Strip {
    start: usize,
    height: usize,
    /// Column after column, each `HEIGHT` long.
    a: Vec<f64>,
    /// This diagonal, the one before and the one before that.
    diagonals: [[f64; HEIGHT + 2]; 3],
}

impl Strip {
    fn new(width: usize) -> Self {
        Self {
            start: 0,
            height: 0,
            a: vec![0.0; width * HEIGHT],
            diagonals: [[f64::INFINITY; HEIGHT + 2]; 3],
        }
    }

    fn load(&mut self, a: &Series, start: usize) {
        self.start = start;
        self.height = HEIGHT.min(a.rows() - start);
        for k in 0..self.height {
            for (column, &value) in a.row(start + k).iter().enumerate() {
                self.a[column * HEIGHT + k] = value;
            }
        }
        self.diagonals = [[f64::INFINITY; HEIGHT + 2]; 3];
    }

    fn run(&mut self, sweep: &Sweep<'_>, above: &[f64], below: &mut [f64], watch: &mut impl Watch) {
        let columns = sweep.b.rows();
        let (start, last) = (self.start, self.start + self.height - 1);
        // The row above at a place on the diagonal `sum`, of which only the corner before the first pair is no sum.
        let over = |sum: usize| match (sum + 1).checked_sub(start) {
            Some(j) if start > 0 => above.get(j).copied().unwrap_or(f64::INFINITY),
            _ => f64::INFINITY,
        };
        let first_column = start.saturating_sub(sweep.bounds.left as usize);
        let last_column = (columns - 1).min(last + sweep.bounds.right as usize);
        let first_sum = start + first_column;
        if start == 0 {
            self.diagonals[2][0] = 0.0;
        } else {
            self.diagonals[1][0] = over(first_sum - 1);
            self.diagonals[2][0] = first_column.checked_sub(1).map_or(f64::INFINITY, |j| above[j]);
        }
        let spacing = watch.spacing();
        for sum in first_sum..=last + last_column {
            let open = sweep.bounds.on_diagonal(sum);
            let low = (start.max(sum.saturating_sub(columns - 1)) as isize).max(open.0) as usize;
            let high = (last.min(sum) as isize).min(open.1);
            let [current, _, _] = &mut self.diagonals;
            // Beside the open places lie closed ones, or the row above.
            current[low - start] = if low == start { over(sum) } else { f64::INFINITY };
            current[(high - start as isize + 2) as usize] = f64::INFINITY;
            let high = high as usize;
            if low <= high {
                self.diagonal(sweep, sum, low, high);
                if high == last {
                    below[sum - last] = self.diagonals[0][self.height];
                }
                if let Some(spacing) = spacing {
                    let j = ((sum - high) / spacing + 1) * spacing - 1;
                    if j <= sum - low {
                        watch.column(sum - j, j, self.diagonals[0][sum - j - start + 1]);
                    }
                }
            }
            self.diagonals.rotate_right(1);
        }
    }

    /// The sums of rows `low..=high` on the diagonal `i + j = sum`.
    fn diagonal(&mut self, sweep: &Sweep<'_>, sum: usize, low: usize, high: usize) {
        let columns = sweep.b.rows();
        let length = high - low + 1;
        let place = low - self.start;
        let b = columns - 1 - (sum - low);
        let mut costs = [0.0; HEIGHT];
        let costs = &mut costs[..length];
        let a_of = |column: usize| &self.a[column * HEIGHT + place..][..length];
        let b_of = |column: usize| &sweep.reversed[column * columns + b..][..length];
        if sweep.a.width() == 1 {
            let pairs = a_of(0).iter().zip(b_of(0));
            let is_squared = sweep.cost == Cost::Squared;
            for (cost, (a, b)) in costs.iter_mut().zip(pairs) {
                let difference = a - b;
                *cost = if is_squared {
                    difference * difference
                } else {
                    difference.abs()
                };
            }
        } else {
            sum_of_squares(sweep.a.width(), a_of, b_of, costs);
            if sweep.cost == Cost::Euclidean {
                for cost in &mut *costs {
                    *cost = cost.sqrt();
                }
            }
        }
        let [current, before, corner] = &mut self.diagonals;
        let up = &before[place..place + length];
        let left = &before[place + 1..place + 1 + length];
        let corner = &corner[place..place + length];
        let current = &mut current[place + 1..place + 1 + length];
        for k in 0..length {
            current[k] = costs[k] + least(least(up[k], left[k]), corner[k]);
        }
    }
}

/// The lesser of two numbers that are not NaN: one instruction, where [`f64::min`] takes several.
fn least(a: f64, b: f64) -> f64 {
    if a < b { a } else { b }
}

/// Adds the squared differences of all columns in turn. Four columns go in one pass, which loads and stores the sums once.
fn sum_of_squares<'v>(
    width: usize,
    a_of: impl Fn(usize) -> &'v [f64],
    b_of: impl Fn(usize) -> &'v [f64],
    sums: &mut [f64],
) {
    let square = |a: f64, b: f64| (a - b) * (a - b);
    let length = sums.len();
    let together = width / TOGETHER * TOGETHER;
    for column in (0..together).step_by(TOGETHER) {
        // Cut to the same length, so that the loop needs no checks.
        let a: [&[f64]; TOGETHER] = std::array::from_fn(|beside| &a_of(column + beside)[..length]);
        let b: [&[f64]; TOGETHER] = std::array::from_fn(|beside| &b_of(column + beside)[..length]);
        for k in 0..length {
            let sum = sums[k] + square(a[0][k], b[0][k]);
            let sum = sum + square(a[1][k], b[1][k]);
            let sum = sum + square(a[2][k], b[2][k]);
            sums[k] = sum + square(a[3][k], b[3][k]);
        }
    }
    for column in together..width {
        for (sum, (&a, &b)) in sums.iter_mut().zip(a_of(column).iter().zip(b_of(column))) {
            *sum += square(a, b);
        }
    }
}

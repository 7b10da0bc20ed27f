//! Dynamic time warping: the path through two movements along which they differ least.
//!
//! Steps are `(1, 0)`, `(0, 1)` and `(1, 1)`, each of which costs what the rows at its end differ by (`symmetric1` of
//! Giorgino 2009, doi:10.18637/jss.v031.i07: the symmetric form of Sakoe and Chiba 1978, but with a weight of one for all). The path
//! runs from the first rows of both to the last rows of both.

mod sweep;
mod trace;

pub(super) use self::trace::Path;

use serde::{Deserialize, Serialize};

use self::sweep::Sweep;
use super::{Series, fast};
use crate::MotionError;

/// How the best path is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "method")]
pub enum Method {
    /// The best of all paths, or of those in a band. Time grows with the product of both lengths.
    Exact {
        /// Keeps the path near the diagonal.
        #[serde(default)]
        band: Option<Band>,
    },
    /// `FastDTW` (Salvador and Chan 2007, doi:10.3233/IDA-2007-11508): a good path, found at half the resolution and
    /// refined. Time grows with the sum of both lengths.
    Fast {
        /// How many rows around the coarser path are searched.
        radius: usize,
    },
}

impl Default for Method {
    fn default() -> Self {
        Self::Exact { band: None }
    }
}

/// The band of Sakoe and Chiba (1978). For movements of `n` and `m` rows the path keeps to
/// `-radius - max(0, n - m) <= j - i <= radius + max(0, m - n)`: so far as both are equally long it may leave the
/// diagonal by `radius` rows, and both corners are always inside. This is `tslearn`'s `sakoe_chiba_radius`, and
/// `dtaidistance`'s `window` less one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Band {
    /// Greatest distance from the diagonal in rows; 0 pairs equally long movements row by row.
    pub radius: usize,
}

/// What two rows differ by, and how that sums up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Euclidean distance of the rows; a path costs the sum. As in `fastdtw` with `dist=euclidean`, in `NeuroPose`, and
    /// in `dtaidistance` with `inner_dist="euclidean"`.
    #[default]
    Euclidean,
    /// Squared Euclidean distance of the rows; a path costs the root of the sum. As in `dtaidistance` and `tslearn` by
    /// default.
    Squared,
}

impl Cost {
    /// What a path costs whose rows differ by this in sum.
    fn of_sum(self, sum: f64) -> f64 {
        match self {
            Self::Euclidean => sum,
            Self::Squared => sum.sqrt(),
        }
    }

    /// What two rows differ by. Terms are added in order, as the vectorised loops do, so that both agree to the bit.
    fn between(self, a: &[f64], b: &[f64]) -> f64 {
        let squares = a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b));
        match self {
            Self::Euclidean if a.len() == 1 => (a[0] - b[0]).abs(),
            Self::Euclidean => squares.sqrt(),
            Self::Squared => squares,
        }
    }
}

/// How two movements run over each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Warp {
    /// What the path costs, in the unit of the rows.
    pub distance: f64,
    /// Frames of the first and of the second movement that belong together, from the first frames to the last.
    pub path: Vec<(usize, usize)>,
}

impl Warp {
    /// The cost per step of the path, which does not grow with the length of the movements. For [`Cost::Euclidean`].
    pub fn mean_cost(&self) -> f64 {
        self.distance / self.path.len().max(1) as f64
    }
}

/// Finds the path and its cost. [`Method::Exact`] takes a step along both movements where paths cost the same, else one
/// along the first; its memory is `16 · n · m / 256` bytes and less than 150 MB for anything longer. [`Method::Fast`]
/// prefers as the Python package `fastdtw` does: the first movement, the second, both.
///
/// # Errors
///
/// [`MotionError::NotComparable`] if the widths differ.
pub fn warp(a: &Series, b: &Series, method: Method, cost: Cost) -> Result<Warp, MotionError> {
    check_widths(a, b)?;
    let warp = match method {
        Method::Exact { band } => trace::best_path(&Sweep::new(a, b, band, cost)),
        Method::Fast { radius } => fast::best_path(a, b, radius, cost),
    };
    Ok(Warp {
        distance: cost.of_sum(warp.distance),
        path: warp.path.into_iter().map(|(i, j)| (a.frame(i), b.frame(j))).collect(),
    })
}

/// The cost of the exact best path without the path itself: memory grows with the second movement alone.
///
/// # Errors
///
/// As [`warp`].
pub fn warp_distance(a: &Series, b: &Series, band: Option<Band>, cost: Cost) -> Result<f64, MotionError> {
    check_widths(a, b)?;
    Ok(cost.of_sum(Sweep::new(a, b, band, cost).run(&mut ())))
}

/// What two rows differ by, for the other parts of the comparison.
pub(super) fn local_cost(cost: Cost, a: &[f64], b: &[f64]) -> f64 {
    cost.between(a, b)
}

fn check_widths(a: &Series, b: &Series) -> Result<(), MotionError> {
    if a.width() == b.width() {
        Ok(())
    } else {
        let reason = format!("one movement has {} columns, the other {}", a.width(), b.width());
        Err(MotionError::NotComparable(reason))
    }
}

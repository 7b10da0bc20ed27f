//! Time: how evenly frames follow each other, and moving signals between true times and an even grid.
//!
//! Video from phones and screens has a variable rate. A recursive filter needs even steps, so uneven signals are
//! resampled, filtered and read back at their true times.

/// Share of the median interval by which an interval may differ before the frames count as uneven. Containers that
/// round times to milliseconds stay below it at 30 frames per second.
pub const EVEN_TOLERANCE: f64 = 0.05;

/// A grid has at most so many steps for each row that it is made from. Video of a variable rate needs ten at most; times that lie
/// together at random must not ask for more memory than there is.
const MOST_STEPS_PER_ROW: usize = 64;

/// How the frames of a recording follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timebase {
    /// Median interval between frames in seconds.
    pub interval_s: f64,
    /// Greatest difference of an interval from the median, as a share of the median.
    pub unevenness: f64,
}

impl Timebase {
    /// Measures strictly increasing frame times; `None` if there are fewer than two.
    pub fn of(time_s: &[f64]) -> Option<Self> {
        let mut intervals: Vec<f64> = time_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if intervals.is_empty() {
            return None;
        }
        let middle = intervals.len() / 2;
        let (_, &mut interval_s, _) = intervals.select_nth_unstable_by(middle, f64::total_cmp);
        let unevenness = intervals
            .iter()
            .map(|interval| (interval / interval_s - 1.0).abs())
            .fold(0.0, f64::max);
        Some(Self { interval_s, unevenness })
    }

    /// Whether the frames can be filtered as they are.
    pub fn is_even(&self) -> bool {
        self.unevenness <= EVEN_TOLERANCE
    }
}

/// Frames that lie further apart than this do not belong to one stretch, in seconds. Slowly sampled recordings have steps
/// longer than the longest gap; only a step out of line is a gap.
pub(crate) fn longest_step_s(time_s: &[f64], longest_gap_s: f64) -> f64 {
    let interval_s = Timebase::of(time_s).map_or(0.0, |timebase| timebase.interval_s);
    longest_gap_s.max(1.5 * interval_s)
}

/// `N` signals on an even grid from the first to the last moment of the uneven signals that it was made from.
#[derive(Debug)]
pub(crate) struct Grid<const N: usize> {
    pub(crate) rows: Vec<[f64; N]>,
    pub(crate) time_s: Vec<f64>,
}

impl<const N: usize> Grid<N> {
    /// Resamples to steps as close to `interval_s` as fit, but to no more than [`MOST_STEPS_PER_ROW`] for each row. The caller makes
    /// sure that there are two rows or more.
    pub(crate) fn resample(time_s: &[f64], rows: &[[f64; N]], interval_s: f64) -> Self {
        let (first_s, last_s) = (time_s[0], time_s[time_s.len() - 1]);
        let steps = ((last_s - first_s) / interval_s).round().max(1.0) as usize;
        let steps = steps.min(MOST_STEPS_PER_ROW * time_s.len());
        let step_s = (last_s - first_s) / steps as f64;
        let grid_s: Vec<f64> = (0..=steps).map(|index| first_s + index as f64 * step_s).collect();
        let mut grid_rows = vec![[0.0; N]; grid_s.len()];
        interpolate(time_s, rows, &grid_s, &mut grid_rows);
        Self {
            rows: grid_rows,
            time_s: grid_s,
        }
    }

    /// Steps per second.
    pub(crate) fn rate_hz(&self) -> f64 {
        (self.time_s.len() - 1) as f64 / (self.time_s[self.time_s.len() - 1] - self.time_s[0])
    }

    /// Reads the grid back at the true times.
    pub(crate) fn read_back(&self, time_s: &[f64], rows: &mut [[f64; N]]) {
        interpolate(&self.time_s, &self.rows, time_s, rows);
    }
}

/// Cubic Hermite interpolation whose slope at a sample is that of the parabola through it and its neighbours
/// (Bessel's slopes; de Boor, A Practical Guide to Splines, §IV). It is linear in the samples and exact for
/// parabolas, where a chain of straight lines would flatten a 3 Hz movement filmed at 30 frames per second by up to a
/// twentieth.
///
/// `wanted_s` increases and lies within `time_s`, save for rounding.
fn interpolate<const N: usize>(time_s: &[f64], rows: &[[f64; N]], wanted_s: &[f64], wanted: &mut [[f64; N]]) {
    let last = time_s.len() - 1;
    let mut left = 0;
    let mut slopes = (slope(time_s, rows, 0), slope(time_s, rows, 1));
    for (&moment_s, row) in wanted_s.iter().zip(wanted) {
        while left + 1 < last && moment_s > time_s[left + 1] {
            left += 1;
            slopes = (slopes.1, slope(time_s, rows, left + 1));
        }
        let width_s = time_s[left + 1] - time_s[left];
        let share = ((moment_s - time_s[left]) / width_s).clamp(0.0, 1.0);
        *row = hermite(&rows[left], &rows[left + 1], &slopes.0, &slopes.1, width_s, share);
    }
}

/// The slope at a sample of the parabola through it and its neighbours; at an end, of the parabola through the three
/// samples there, and of two samples that of the line. The caller makes sure that there are two or more.
pub(crate) fn slope<const N: usize>(time_s: &[f64], rows: &[[f64; N]], index: usize) -> [f64; N] {
    let last = time_s.len() - 1;
    if last == 1 {
        return std::array::from_fn(|lane| (rows[1][lane] - rows[0][lane]) / (time_s[1] - time_s[0]));
    }
    let middle = index.clamp(1, last - 1);
    let before_s = time_s[middle] - time_s[middle - 1];
    let after_s = time_s[middle + 1] - time_s[middle];
    let bend = bend(time_s, rows, middle);
    std::array::from_fn(|lane| {
        let before = (rows[middle][lane] - rows[middle - 1][lane]) / before_s;
        match index.cmp(&middle) {
            std::cmp::Ordering::Less => before - bend[lane] * before_s,
            std::cmp::Ordering::Equal => before + bend[lane] * before_s,
            std::cmp::Ordering::Greater => before + bend[lane] * (before_s + 2.0 * after_s),
        }
    })
}

/// The coefficient of the square in the parabola through a sample and its two neighbours, which is half of the second
/// derivative.
pub(crate) fn bend<const N: usize>(time_s: &[f64], rows: &[[f64; N]], middle: usize) -> [f64; N] {
    let before_s = time_s[middle] - time_s[middle - 1];
    let after_s = time_s[middle + 1] - time_s[middle];
    std::array::from_fn(|lane| {
        let before = (rows[middle][lane] - rows[middle - 1][lane]) / before_s;
        let after = (rows[middle + 1][lane] - rows[middle][lane]) / after_s;
        (after - before) / (before_s + after_s)
    })
}

/// The cubic between two samples with given slopes, at a share of the way from the first to the second.
pub(crate) fn hermite<const N: usize>(
    from: &[f64; N],
    to: &[f64; N],
    from_slope: &[f64; N],
    to_slope: &[f64; N],
    width_s: f64,
    share: f64,
) -> [f64; N] {
    let rest = 1.0 - share;
    let (from_weight, to_weight) = ((1.0 + 2.0 * share) * rest * rest, share * share * (3.0 - 2.0 * share));
    let (from_lift, to_lift) = (share * rest * rest * width_s, -share * share * rest * width_s);
    std::array::from_fn(|lane| {
        from_weight * from[lane] + to_weight * to[lane] + from_lift * from_slope[lane] + to_lift * to_slope[lane]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_dropped_frame_makes_frames_uneven_and_rounding_to_milliseconds_does_not() {
        let rounded: Vec<f64> = (0..90)
            .map(|frame| (f64::from(frame) / 0.03).round() / 1000.0)
            .collect();
        assert!(Timebase::of(&rounded).unwrap().is_even());
        let mut dropped = rounded.clone();
        dropped.remove(40);
        assert!(!Timebase::of(&dropped).unwrap().is_even());
        assert_eq!(Timebase::of(&[1.0]), None);
    }

    #[test]
    fn a_parabola_survives_the_way_to_the_grid_and_back() {
        let time_s = [0.0, 0.03, 0.07, 0.1, 0.13, 0.2, 0.24];
        let rows: Vec<[f64; 2]> = time_s.iter().map(|t| [3.0 - 2.0 * t + 40.0 * t * t, *t]).collect();
        let grid = Grid::resample(&time_s, &rows, 0.034);
        assert_eq!(grid.rows.len(), 8);
        for (row, moment_s) in grid.rows.iter().zip(&grid.time_s) {
            assert!((row[0] - (3.0 - 2.0 * moment_s + 40.0 * moment_s * moment_s)).abs() < 1e-12);
        }
        let mut back = rows.clone();
        grid.read_back(&time_s, &mut back);
        for (before, after) in rows.iter().zip(&back) {
            assert!((before[0] - after[0]).abs() < 1e-12 && (before[1] - after[1]).abs() < 1e-12);
        }
    }

    #[test]
    fn times_that_lie_together_by_chance_make_no_endless_grid() {
        let time_s: Vec<f64> = (0..24)
            .map(|frame| f64::from(frame) * 1e-12)
            .chain((1..20).map(|frame| f64::from(frame) * 0.19))
            .collect();
        let interval_s = Timebase::of(&time_s).unwrap().interval_s;
        assert!(interval_s < 1e-11);
        let rows: Vec<[f64; 1]> = time_s.iter().map(|time| [2.0 * time]).collect();
        let grid = Grid::resample(&time_s, &rows, interval_s);
        assert_eq!(grid.rows.len(), 64 * time_s.len() + 1);
        let mut back = rows.clone();
        grid.read_back(&time_s, &mut back);
        assert!(
            rows.iter()
                .zip(&back)
                .all(|(one, other)| (one[0] - other[0]).abs() < 1e-6)
        );
    }

    #[test]
    fn two_samples_are_joined_by_a_straight_line() {
        let grid = Grid::resample(&[0.0, 1.0], &[[0.0], [4.0]], 0.25);
        let values: Vec<f64> = grid.rows.iter().map(|row| row[0]).collect();
        assert_eq!(values, [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!((grid.rate_hz() - 4.0).abs() < 1e-12);
    }
}

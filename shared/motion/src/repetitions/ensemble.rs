//! Repetitions laid over each other: stretched to 0 to 100 %, their mean, spread and likeness.

use std::ops::Range;

use rayon::prelude::*;

use super::Movement;
use crate::AngleSeries;
use crate::branch::without_jump;
use crate::findings::{EnsembleCurve, Repetition};

/// Places of a normalised repetition: 0, 1, … 100 %.
pub const PERCENTS: usize = 101;

/// Mean and spread of every angle that has values throughout at least one whole repetition.
pub(super) fn curves(movement: &Movement<'_>, segments: &[Repetition]) -> Vec<EnsembleCurve> {
    let whole: Vec<Places> = segments
        .iter()
        .filter(|one| one.whole)
        .filter_map(|one| Places::of(movement.time_s, one.start_s, one.end_s))
        .collect();
    let curve = |series: &AngleSeries| {
        let values = without_jump(series.angle.bounds(series.space), &series.value_deg);
        let cycles = whole.iter().filter_map(|places| places.cycle(&values));
        let cycles: Vec<_> = cycles.collect();
        let (mean_deg, sd_deg) = mean_and_sd(&cycles)?;
        Some(EnsembleCurve {
            series: series.id(),
            mean_deg,
            sd_deg,
            count: cycles.len(),
        })
    };
    movement.person.angles.par_iter().filter_map(curve).collect()
}

/// A signal between two moments at 0, 1, … 100 % of the time between them, by straight lines between the frames in true time.
/// `None` if a frame on the way has no value, or a moment lies outside of the recording.
pub fn normalized(time_s: &[f64], values: &[Option<f64>], start_s: f64, end_s: f64) -> Option<[f64; PERCENTS]> {
    Places::of(time_s, start_s, end_s)?.cycle(values)
}

/// Where the percents of one cycle lie among the frames: the same for all signals, and so worked out once for all of them.
pub(super) struct Places {
    frames: Range<usize>,
    /// The frame before each percent, counted from the first one.
    before: [u32; PERCENTS],
    /// How far on the way to the next frame it lies.
    share: [f64; PERCENTS],
}

impl Places {
    /// `None` if a moment lies outside of the recording.
    pub(super) fn of(time_s: &[f64], start_s: f64, end_s: f64) -> Option<Self> {
        let first = time_s.partition_point(|&time| time <= start_s).checked_sub(1)?;
        let last = time_s.partition_point(|&time| time < end_s);
        let time_s = time_s.get(first..=last)?;
        let mut places = Self {
            frames: first..last + 1,
            before: [0; PERCENTS],
            share: [0.0; PERCENTS],
        };
        let mut before = 0;
        for percent in 0..PERCENTS {
            let share = percent as f64 / (PERCENTS - 1) as f64;
            let moment_s = start_s + share * (end_s - start_s);
            while before + 2 < time_s.len() && time_s[before + 1] < moment_s {
                before += 1;
            }
            let step_s = time_s.get(before + 1)? - time_s[before];
            places.before[percent] = before as u32;
            // Rounding may put the last moment a hair beyond the last frame.
            places.share[percent] = ((moment_s - time_s[before]) / step_s).min(1.0);
        }
        Some(places)
    }

    /// The cycle of a signal; `None` if a frame of it has no value.
    fn cycle(&self, values: &[Option<f64>]) -> Option<[f64; PERCENTS]> {
        let values = values.get(self.frames.clone())?;
        let known = |place: usize| values[place].unwrap_or(f64::NAN);
        let is_known = values.iter().fold(true, |is_known, value| is_known & value.is_some());
        is_known.then(|| {
            std::array::from_fn(|percent| {
                let before = self.before[percent] as usize;
                known(before) + self.share[percent] * (known(before + 1) - known(before))
            })
        })
    }
}

/// Mean and standard deviation (n − 1) at each percent; zeros for one cycle, `None` for none.
fn mean_and_sd(cycles: &[[f64; PERCENTS]]) -> Option<(Vec<f64>, Vec<f64>)> {
    if cycles.is_empty() {
        return None;
    }
    let count = cycles.len() as f64;
    // Cycle after cycle, as they lie in memory.
    let mut mean = vec![0.0; PERCENTS];
    for cycle in cycles {
        for (mean, value) in mean.iter_mut().zip(cycle) {
            *mean += value;
        }
    }
    for mean in &mut mean {
        *mean /= count;
    }
    let mut sd = vec![0.0; PERCENTS];
    if cycles.len() < 2 {
        return Some((mean, sd));
    }
    for cycle in cycles {
        for ((sd, mean), value) in sd.iter_mut().zip(&mean).zip(cycle) {
            *sd += (value - mean).powi(2);
        }
    }
    for sd in &mut sd {
        *sd = (*sd / (count - 1.0)).sqrt();
    }
    Some((mean, sd))
}

/// How alike cycles are: the adjusted coefficient of multiple determination, 1 for cycles that are all the same and about 0 for
/// cycles that have nothing in common (Kadaba et al. 1989, *Journal of Orthopaedic Research* 7, 849–860, equation 1; its square
/// root is their coefficient of multiple correlation). `None` for fewer than two cycles or cycles that do not move.
pub fn repeatability(cycles: &[[f64; PERCENTS]]) -> Option<f64> {
    let mut spread = Spread::default();
    for cycle in cycles {
        spread.add(cycle);
    }
    spread.repeatability()
}

/// [`repeatability`] of a signal in cycles, each of which counts if the signal has values throughout it.
pub(super) fn likeness(cycles: &[Places], values: &[Option<f64>]) -> Option<f64> {
    let mut spread = Spread::default();
    for cycle in cycles.iter().filter_map(|places| places.cycle(values)) {
        spread.add(&cycle);
    }
    spread.repeatability()
}

/// Sums over cycles, one pass over them: of their deviations from the first one, which are as small as the cycles are alike,
/// so that their squares keep their digits (Chan, Golub and `LeVeque` 1983, *The American Statistician* 37, 242–247, §3).
struct Spread {
    count: usize,
    first: [f64; PERCENTS],
    sum: [f64; PERCENTS],
    squares: [f64; PERCENTS],
}

impl Default for Spread {
    fn default() -> Self {
        Self {
            count: 0,
            first: [0.0; PERCENTS],
            sum: [0.0; PERCENTS],
            squares: [0.0; PERCENTS],
        }
    }
}

impl Spread {
    fn add(&mut self, cycle: &[f64; PERCENTS]) {
        if self.count == 0 {
            self.first = *cycle;
        }
        self.count += 1;
        let sums = self.sum.iter_mut().zip(&mut self.squares);
        for ((value, first), (sum, squares)) in cycle.iter().zip(&self.first).zip(sums) {
            let deviation = value - first;
            *sum += deviation;
            *squares += deviation * deviation;
        }
    }

    fn repeatability(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let (count, percents) = (self.count as f64, PERCENTS as f64);
        let mean: [f64; PERCENTS] = std::array::from_fn(|percent| self.first[percent] + self.sum[percent] / count);
        let grand = mean.iter().sum::<f64>() / percents;
        let about_mean = |percent: usize| (self.squares[percent] - self.sum[percent].powi(2) / count).max(0.0);
        let within: f64 = (0..PERCENTS).map(about_mean).sum();
        // Steiner: about the grand mean, the squares are larger by those of the means.
        let between: f64 = mean.iter().map(|mean| (mean - grand).powi(2)).sum();
        let total = (within + count * between) / (percents * count - 1.0);
        (total > 0.0).then(|| 1.0 - within / (percents * (count - 1.0)) / total)
    }
}

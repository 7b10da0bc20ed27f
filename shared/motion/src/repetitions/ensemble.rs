//! Repetitions laid over each other: stretched to 0 to 100 %, their mean, spread and likeness.

use super::Movement;
use crate::findings::{EnsembleCurve, Repetition};

/// Places of a normalised repetition: 0, 1, … 100 %.
pub const PERCENTS: usize = 101;

/// Mean and spread of every angle that has values throughout at least one whole repetition.
pub(super) fn curves(movement: &Movement<'_>, segments: &[Repetition]) -> Vec<EnsembleCurve> {
    let whole: Vec<&Repetition> = segments.iter().filter(|one| one.whole).collect();
    let curve = |series: &crate::AngleSeries| {
        let cycles = whole
            .iter()
            .filter_map(|one| normalized(movement.time_s, &series.value_deg, one.start_s, one.end_s));
        let cycles: Vec<_> = cycles.collect();
        let (mean_deg, sd_deg) = mean_and_sd(&cycles)?;
        Some(EnsembleCurve {
            series: series.id(),
            mean_deg,
            sd_deg,
            count: cycles.len(),
        })
    };
    movement.person.angles.iter().filter_map(curve).collect()
}

/// A signal between two moments at 0, 1, … 100 % of the time between them, by straight lines between the frames in true time.
/// `None` if a frame on the way has no value, or a moment lies outside of the recording.
pub fn normalized(time_s: &[f64], values: &[Option<f64>], start_s: f64, end_s: f64) -> Option<[f64; PERCENTS]> {
    let first = time_s.partition_point(|&time| time <= start_s).checked_sub(1)?;
    let last = time_s.partition_point(|&time| time < end_s);
    let known: Vec<f64> = values.get(first..=last)?.iter().copied().collect::<Option<_>>()?;
    let time_s = time_s.get(first..=last)?;
    let mut cycle = [0.0; PERCENTS];
    let mut before = 0;
    for (percent, value) in cycle.iter_mut().enumerate() {
        let share = percent as f64 / (PERCENTS - 1) as f64;
        let moment_s = start_s + share * (end_s - start_s);
        while before + 2 < time_s.len() && time_s[before + 1] < moment_s {
            before += 1;
        }
        let step_s = time_s.get(before + 1)? - time_s[before];
        // Rounding may put the last moment a hair beyond the last frame.
        let share = ((moment_s - time_s[before]) / step_s).min(1.0);
        *value = known[before] + share * (known[before + 1] - known[before]);
    }
    Some(cycle)
}

/// Mean and standard deviation (n − 1) at each percent; zeros for one cycle, `None` for none.
fn mean_and_sd(cycles: &[[f64; PERCENTS]]) -> Option<(Vec<f64>, Vec<f64>)> {
    if cycles.is_empty() {
        return None;
    }
    let count = cycles.len() as f64;
    let column = |percent: usize| cycles.iter().map(move |cycle| cycle[percent]);
    let mean: Vec<f64> = (0..PERCENTS)
        .map(|percent| column(percent).sum::<f64>() / count)
        .collect();
    let sd = |percent: usize| {
        let squares: f64 = column(percent).map(|value| (value - mean[percent]).powi(2)).sum();
        if cycles.len() < 2 {
            0.0
        } else {
            (squares / (count - 1.0)).sqrt()
        }
    };
    let sd = (0..PERCENTS).map(sd).collect();
    Some((mean, sd))
}

/// How alike cycles are: the adjusted coefficient of multiple determination, 1 for cycles that are all the same and about 0 for
/// cycles that have nothing in common (Kadaba et al. 1989, *Journal of Orthopaedic Research* 7, 849–860, equation 1; its square
/// root is their coefficient of multiple correlation). `None` for fewer than two cycles or cycles that do not move.
pub fn repeatability(cycles: &[[f64; PERCENTS]]) -> Option<f64> {
    if cycles.len() < 2 {
        return None;
    }
    let (mean, _) = mean_and_sd(cycles)?;
    let (count, percents) = (cycles.len() as f64, PERCENTS as f64);
    let grand = mean.iter().sum::<f64>() / percents;
    let squares = |around: &dyn Fn(usize) -> f64| -> f64 {
        let values = cycles.iter().flat_map(|cycle| cycle.iter().enumerate());
        values.map(|(percent, value)| (value - around(percent)).powi(2)).sum()
    };
    let within = squares(&|percent| mean[percent]) / (percents * (count - 1.0));
    let total = squares(&|_| grand) / (percents * count - 1.0);
    (total > 0.0).then(|| 1.0 - within / total)
}

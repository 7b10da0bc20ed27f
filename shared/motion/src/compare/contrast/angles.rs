//! How angles differ along a path.

use std::borrow::Cow;

use super::{Half, mean};
use crate::branch::Branch;
use crate::compare::comparison::{AngleDifference, Stretch, TOLERANCE_DEG, score};
use crate::{Angle, AngleKind, AngleSeries, Space};

/// At most so many stretches are told of an angle.
const MOST_STRETCHES: usize = 3;

/// The series of a space that both have: the joints, the trunk and the pelvis. The other segments say the same as the joints between
/// them once more, and would count a difference several times.
pub(super) fn series_in_common<'a>(
    one: &Half<'a>,
    other: &Half<'a>,
    space: Space,
) -> impl Iterator<Item = (&'a AngleSeries, &'a AngleSeries)> {
    let (one, other) = (one.person, other.person);
    let counts = |angle: Angle| angle.kind() == AngleKind::Joint || matches!(angle, Angle::Trunk | Angle::Pelvis);
    let own = one
        .angles
        .iter()
        .filter(move |series| series.space == space && counts(series.angle));
    own.filter_map(|series| Some((series, other.series(series.angle, series.side, series.space)?)))
}

/// The difference of every angle that is known in both at some moment.
pub(super) fn differences(
    one: &Half<'_>,
    other: &Half<'_>,
    space: Space,
    path: &[(usize, usize)],
) -> Vec<AngleDifference> {
    series_in_common(one, other, space)
        .filter_map(|(a, b)| statistics(a, b, path))
        .collect()
}

/// The difference of two series, `None` if they are never known at the same moment.
pub(super) fn statistics(a: &AngleSeries, b: &AngleSeries, path: &[(usize, usize)]) -> Option<AngleDifference> {
    let (a_deg, b_deg) = on_one_branch(a, b);
    let pairs: Vec<Option<(f64, f64)>> = path.iter().map(|&(i, j)| a_deg[i].zip(b_deg[j])).collect();
    let difference_deg: Vec<Option<f64>> = pairs.iter().map(|pair| pair.map(|(a, b)| shorter_way(a - b))).collect();
    let known = || difference_deg.iter().copied().flatten();
    let by_size = |one: &(usize, f64), other: &(usize, f64)| one.1.abs().total_cmp(&other.1.abs());
    let at = |(moment, difference): (usize, &Option<f64>)| Some((moment, (*difference)?));
    // The first of equals.
    let (greatest_at, greatest_deg) = difference_deg.iter().enumerate().filter_map(at).rev().max_by(by_size)?;
    Some(AngleDifference {
        id: a.id(),
        angle: a.angle,
        side: a.side,
        space: a.space,
        known: known().count(),
        mean_absolute_deg: mean(known().map(f64::abs))?,
        rmse_deg: mean(known().map(|deg| deg * deg))?.sqrt(),
        bias_deg: mean(known())?,
        correlation: correlation(&pairs.into_iter().flatten().collect::<Vec<_>>()),
        greatest_at,
        greatest_deg,
        stretches: stretches(&difference_deg, greatest_deg),
        score: mean(known().map(score))?,
        difference_deg,
    })
}

/// The values of a series, as they are or on another branch.
pub(super) type Values<'a> = Cow<'a, [Option<f64>]>;

/// The values of two series of an angle, both without the jump at the end of its bounds.
pub(super) fn on_one_branch<'a>(a: &'a AngleSeries, b: &'a AngleSeries) -> (Values<'a>, Values<'a>) {
    let all = a.value_deg.iter().chain(&b.value_deg).flatten().copied();
    match Branch::of(a.angle.bounds(a.space), all) {
        Some(branch) => (branch.all(&a.value_deg).into(), branch.all(&b.value_deg).into()),
        None => ((&a.value_deg).into(), (&b.value_deg).into()),
    }
}

/// A difference of two directions in `-180..=180` degrees.
fn shorter_way(difference_deg: f64) -> f64 {
    difference_deg - 360.0 * (difference_deg / 360.0).round()
}

/// Pearson's correlation; `None` where one of both does not change.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let (mean_a, mean_b) = (
        mean(pairs.iter().map(|pair| pair.0))?,
        mean(pairs.iter().map(|pair| pair.1))?,
    );
    let (mut both, mut one, mut other) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        one += a * a;
        other += b * b;
    }
    let size = (one * other).sqrt();
    // What is left of a constant by rounding is no change.
    let least = 1e-18 * (mean_a * mean_a).max(mean_b * mean_b).max(1.0) * pairs.len() as f64;
    (one > least && other > least).then(|| (both / size).clamp(-1.0, 1.0))
}

fn stretches(difference_deg: &[Option<f64>], greatest_deg: f64) -> Vec<Stretch> {
    let least = (greatest_deg.abs() / 2.0).max(TOLERANCE_DEG);
    let is_great = |moment: &usize| difference_deg[*moment].is_some_and(|deg| deg.abs() >= least);
    let great: Vec<usize> = (0..difference_deg.len()).filter(is_great).collect();
    let mut found: Vec<Stretch> = great
        .chunk_by(|one, next| next - one == 1)
        .map(|moments| Stretch {
            from: moments[0],
            to: moments[moments.len() - 1],
            greatest_deg: moments.iter().filter_map(|&moment| difference_deg[moment]).fold(
                0.0,
                |greatest, deg: f64| if deg.abs() > greatest.abs() { deg } else { greatest },
            ),
        })
        .collect();
    found.sort_by(|one, other| other.greatest_deg.abs().total_cmp(&one.greatest_deg.abs()));
    found.truncate(MOST_STRETCHES);
    found
}

//! Ensemble curves: the mean of an angle over the normalised repetition, with a band of one standard deviation.

use std::fmt::Write as _;

use marey_motion::findings::EnsembleCurve;
use marey_motion::{Angle, AngleSeries, PersonAnalysis, Side, Space};

use super::ANATOMICAL_ORDER;
use super::panel::{LEFT, extent};
use super::scale::{self, Scale};
use crate::label;
use crate::svg::{number, path};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 200.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 24.0;

/// A panel for each angle of a space that has curves, both sides together.
pub(crate) fn ensembles(person: &PersonAnalysis, space: Space) -> Vec<String> {
    let Some(found) = &person.findings.repetitions else {
        return Vec::new();
    };
    let drawable = |curve: &&EnsembleCurve| curve.mean_deg.len() > 1 && curve.mean_deg.len() == curve.sd_deg.len();
    let named = |series: &AngleSeries| {
        found
            .curves
            .iter()
            .filter(drawable)
            .find(|curve| curve.series == series.id())
    };
    ANATOMICAL_ORDER
        .iter()
        .filter_map(|&angle| {
            let of_angle = person
                .angles
                .iter()
                .filter(|series| series.angle == angle && series.space == space);
            let curves: Vec<_> = of_angle
                .filter_map(|series| Some((series.side, named(series)?)))
                .collect();
            (!curves.is_empty()).then(|| panel(angle, &curves))
        })
        .collect()
}

fn panel(angle: Angle, curves: &[(Option<Side>, &EnsembleCurve)]) -> String {
    let edges = curves.iter().flat_map(|(_, curve)| {
        let sides = curve.mean_deg.iter().zip(&curve.sd_deg);
        sides.flat_map(|(mean, sd)| [mean - sd, mean + sd])
    });
    let (low, high) = extent(edges).unwrap_or((0.0, 90.0));
    let (low, high, ticks) = scale::degrees(low, high);
    let x = Scale {
        low: 0.0,
        high: 100.0,
        from: LEFT,
        to: WIDTH - RIGHT,
    };
    let y = Scale {
        low,
        high,
        from: HEIGHT - BOTTOM,
        to: TOP,
    };
    let name = angle.label();
    let mut svg = format!(
        "<svg class=\"marey-plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{name}: mean and standard deviation over \
         the repetition\"><text class=\"m-name\" x=\"0\" y=\"14\">{name}</text>"
    );
    svg.push_str(&axes(x, y, &ticks));
    for (side, curve) in curves {
        svg.push_str(&band(x, y, *side, curve));
    }
    for (side, curve) in curves {
        let points: Vec<_> = places(x, y, curve, 0.0).collect();
        let _ = write!(
            svg,
            "<path class=\"m-value m-{}\" d=\"{}\"/>",
            label::side(*side),
            path(&points)
        );
    }
    let counts: Vec<String> = curves
        .iter()
        .map(|(side, curve)| {
            format!("{} n = {}", label::side_letter(*side), curve.count)
                .trim_start()
                .to_owned()
        })
        .collect();
    let _ = write!(
        svg,
        "<text x=\"{}\" y=\"14\" text-anchor=\"end\">{}</text></svg>",
        number(WIDTH - RIGHT),
        counts.join(" \u{a0} ")
    );
    svg
}

/// The curve, so many standard deviations above its mean, in pixels.
fn places(x: Scale, y: Scale, curve: &EnsembleCurve, deviations: f64) -> impl DoubleEndedIterator<Item = (f64, f64)> {
    let last = (curve.mean_deg.len() - 1) as f64;
    let values: Vec<_> = curve.mean_deg.iter().zip(&curve.sd_deg).enumerate().collect();
    values.into_iter().map(move |(index, (mean, sd))| {
        let share = 100.0 * index as f64 / last;
        (x.pixel(share), y.pixel(mean + deviations * sd))
    })
}

fn band(x: Scale, y: Scale, side: Option<Side>, curve: &EnsembleCurve) -> String {
    let upper = places(x, y, curve, 1.0);
    let outline: Vec<_> = upper.chain(places(x, y, curve, -1.0).rev()).collect();
    format!(
        "<path class=\"m-spread f-{}\" d=\"{}Z\"/>",
        label::side(side),
        path(&outline)
    )
}

fn axes(x: Scale, y: Scale, ticks: &[f64]) -> String {
    let mut svg = String::new();
    for &tick in ticks {
        let class = if tick == 0.0 { "m-zero" } else { "m-grid" };
        let _ = write!(
            svg,
            "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            number(x.from),
            number(x.to),
            number(x.from - 8.0),
            number(y.pixel(tick) + 4.0),
            label::degrees(tick),
            at = number(y.pixel(tick)),
        );
    }
    for share in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{share} %</text>",
            number(x.pixel(share)),
            number(y.from + 18.0)
        );
    }
    svg
}

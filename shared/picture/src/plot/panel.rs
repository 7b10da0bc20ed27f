//! One panel: the curves of one angle, with axes and ranges.

use std::fmt::Write as _;

use marey_motion::{Analysis, Angle, AngleSeries, Findings, Side};

use super::marks;
use super::scale::{self, Scale};
use crate::label;
use crate::svg::{escape, number, path};

/// Room around the curves: for the ticks of degrees, for the bars of the ranges, for the heading, for the ticks of time.
pub(super) const LEFT: f64 = 44.0;
pub(super) const RIGHT: f64 = 30.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 24.0;

/// Angles beyond this are a fault of their maker and are not drawn.
const GREATEST_DEG: f64 = 10_000.0;

/// A panel in preparation.
pub(crate) struct Panel<'a> {
    time_s: &'a [f64],
    angle: Angle,
    series: &'a [&'a AngleSeries],
    findings: &'a Findings,
    width: f64,
    x: Scale,
    y: Scale,
    ticks_s: Vec<f64>,
    ticks_deg: Vec<f64>,
}

fn usable(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.abs() < GREATEST_DEG)
}

impl<'a> Panel<'a> {
    pub(crate) fn new(
        analysis: &'a Analysis,
        findings: &'a Findings,
        (angle, series): (Angle, &'a [&'a AngleSeries]),
        width: f64,
        height: f64,
    ) -> Self {
        let (start_s, end_s) = extent(analysis.time_s.iter().copied()).unwrap_or((0.0, 1.0));
        let end_s = if end_s > start_s { end_s } else { start_s + 1.0 };
        let values = |series: &&'a AngleSeries| series.value_deg.iter().chain(&series.raw_deg).copied();
        let shown = extent(series.iter().flat_map(values).filter_map(usable)).unwrap_or((0.0, 90.0));
        let (low, high, ticks_deg) = scale::degrees(shown.0, shown.1);
        Self {
            time_s: &analysis.time_s,
            angle,
            series,
            findings,
            width,
            x: Scale {
                low: start_s,
                high: end_s,
                from: LEFT,
                to: width - RIGHT,
            },
            y: Scale {
                low,
                high,
                from: height - BOTTOM,
                to: TOP,
            },
            ticks_s: scale::seconds(start_s, end_s, ((width - LEFT - RIGHT) / 76.0).clamp(2.0, 12.0)),
            ticks_deg,
        }
    }

    /// The panel as an `svg` element; its attributes tell a script where a moment lies and whose curves these are.
    pub(crate) fn document(&self, person_index: usize) -> String {
        let series: Vec<String> = self.series.iter().map(|series| series.id()).collect();
        format!(
            "<svg class=\"marey-plot\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{name}\" data-person=\"{person_index}\" \
             data-series=\"{series}\" data-start=\"{start}\" \
             data-end=\"{end}\" data-left=\"{left}\" data-right=\"{right}\">{body}<line class=\"m-cursor\" x1=\"0\" x2=\"0\" \
             y1=\"{top}\" y2=\"{bottom}\" visibility=\"hidden\"/><text class=\"m-readout\" x=\"140\" y=\"14\"></text></svg>",
            w = number(self.width),
            h = number(self.y.from + BOTTOM),
            name = escape(&self.summary()),
            start = self.x.low,
            end = self.x.high,
            left = number(self.x.from),
            right = number(self.x.to),
            top = number(self.y.to),
            bottom = number(self.y.from),
            body = self.body(),
            series = series.join(" "),
        )
    }

    /// Everything inside the panel.
    pub(crate) fn body(&self) -> String {
        let name = label::short_name(self.angle);
        let mut svg = format!("<text class=\"m-name\" x=\"0\" y=\"14\">{name}</text>");
        svg.push_str(&self.ranges_in_words());
        svg.push_str(&marks::bands(self.findings, self.x, (self.y.to, self.y.from)));
        svg.push_str(&self.axes());
        svg.push_str(&marks::events(self.findings, self.x, self.y.from));
        for series in self.series {
            svg.push_str(&self.curve(series.side, &series.raw_deg, "m-raw"));
        }
        for series in self.series {
            svg.push_str(&self.curve(series.side, &series.value_deg, "m-value"));
        }
        for (index, series) in self.series.iter().enumerate() {
            svg.push_str(&self.range(index, series));
        }
        svg
    }

    /// What the panel shows, for those who cannot see it.
    fn summary(&self) -> String {
        let mut text = format!("{} over time", self.angle.label());
        for series in self.series {
            if let Some(range) = series.range {
                let _ = write!(
                    text,
                    "; {} {} to {}",
                    label::side(series.side),
                    label::degrees(range.minimum_deg),
                    label::degrees(range.maximum_deg)
                );
            }
        }
        text
    }

    /// Least and greatest value of each side, in the heading at the right.
    fn ranges_in_words(&self) -> String {
        let ranges: Vec<String> = self
            .series
            .iter()
            .filter_map(|series| {
                let range = series.range?;
                Some(format!(
                    "<tspan class=\"f-{}\">{}</tspan>",
                    label::side(series.side),
                    format!(
                        "{} {} to {}",
                        label::side_letter(series.side),
                        label::degrees(range.minimum_deg),
                        label::degrees(range.maximum_deg)
                    )
                    .trim_start()
                ))
            })
            .collect();
        format!(
            "<text x=\"{}\" y=\"14\" text-anchor=\"end\">{}</text>",
            number(self.width),
            ranges.join(" \u{a0} ")
        )
    }

    fn axes(&self) -> String {
        let mut svg = String::new();
        for &tick in &self.ticks_deg {
            let y = self.y.pixel(tick);
            let class = if tick == 0.0 { "m-zero" } else { "m-grid" };
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                number(self.x.from),
                number(self.x.to),
                number(self.x.from - 8.0),
                number(y + 4.0),
                label::degrees(tick),
                y = number(y),
            );
        }
        for &tick in &self.ticks_s {
            let x = self.x.pixel(tick);
            let _ = write!(
                svg,
                "<line class=\"m-grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/><text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                number(self.y.from),
                number(self.y.from + 4.0),
                number(self.y.from + 18.0),
                scale::time_text(tick, &self.ticks_s),
                x = number(x),
            );
        }
        svg
    }

    /// One series as a path for each run of values. A step of more than half a turn is no movement but the end of the
    /// angle's range: no line is drawn across it.
    fn curve(&self, side: Option<Side>, values: &[Option<f64>], weight: &str) -> String {
        let mut data = String::new();
        let mut run: Vec<(f64, f64)> = Vec::new();
        let mut last = None;
        for (index, &time_s) in self.time_s.iter().enumerate() {
            match usable(values.get(index).copied().flatten()).filter(|_| time_s.is_finite()) {
                Some(value) => {
                    if last
                        .replace(value)
                        .is_some_and(|last: f64| (value - last).abs() > 180.0)
                    {
                        data.push_str(&path(&thinned(&std::mem::take(&mut run))));
                    }
                    run.push((self.x.pixel(time_s), self.y.pixel(value)));
                }
                None => data.push_str(&path(&thinned(&std::mem::take(&mut run)))),
            }
        }
        data.push_str(&path(&thinned(&run)));
        if data.is_empty() {
            return data;
        }
        format!("<path class=\"{weight} m-{}\" d=\"{data}\"/>", label::side(side))
    }

    /// The extremes of a series: dots on its curve and a bar beside the axes.
    fn range(&self, index: usize, series: &AngleSeries) -> String {
        let Some(range) = series.range else {
            return String::new();
        };
        let ends = [
            (range.minimum_at_s, range.minimum_deg),
            (range.maximum_at_s, range.maximum_deg),
        ];
        if ends
            .iter()
            .any(|&(at_s, value)| usable(Some(value)).is_none() || !at_s.is_finite())
        {
            return String::new();
        }
        let side = label::side(series.side);
        let x = self.x.to + 10.0 + 8.0 * index as f64;
        let mut svg = format!(
            "<line class=\"m-bar m-{side}\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
            number(self.y.pixel(range.minimum_deg)),
            number(self.y.pixel(range.maximum_deg)),
            x = number(x),
        );
        for (at_s, value) in ends {
            let _ = write!(
                svg,
                "<circle class=\"m-dot f-{side}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>",
                number(self.x.pixel(at_s.clamp(self.x.low, self.x.high))),
                number(self.y.pixel(value))
            );
        }
        svg
    }
}

/// The least and the greatest of the finite values.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|value| value.is_finite()).fold(None, |extent, value| {
        let (low, high) = extent.unwrap_or((value, value));
        Some((value.min(low), value.max(high)))
    })
}

/// The same curve with at most four points in each pixel column: first, least, greatest, last. What is seen stays the same.
pub(crate) fn thinned(run: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut kept = Vec::new();
    let mut start = 0;
    while start < run.len() {
        let column = run[start].0.floor() as i64;
        let end = start
            + run[start..]
                .iter()
                .take_while(|point| point.0.floor() as i64 == column)
                .count()
                .max(1);
        let indices = start..end;
        let by_height = |a: &usize, b: &usize| run[*a].1.total_cmp(&run[*b].1);
        let mut keep = vec![start, end - 1];
        keep.extend(indices.clone().min_by(by_height));
        keep.extend(indices.max_by(by_height));
        keep.sort_unstable();
        keep.dedup();
        kept.extend(keep.into_iter().map(|index| run[index]));
        start = end;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_extremes_and_few_points() {
        let run: Vec<(f64, f64)> = (0..10_000)
            .map(|index| (f64::from(index) / 100.0, f64::from(index % 37)))
            .collect();
        let kept = thinned(&run);
        assert!(kept.len() <= 400);
        assert_eq!(extent(kept.iter().map(|point| point.1)), Some((0.0, 36.0)));
        assert_eq!(thinned(&run[..1]), run[..1]);
        assert!(thinned(&[]).is_empty());
    }
}

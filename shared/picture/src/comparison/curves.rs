//! How angles differ over the movement, as SVG: a panel for each angle, left and right together.

use std::fmt::Write as _;

use marey_motion::Angle;
use marey_motion::compare::{AngleDifference, Comparison, TOLERANCE_DEG};

use crate::label;
use crate::plot::scale::{self, Scale};
use crate::plot::sheet::{Heading, PANEL_HEIGHT, Sheet};
use crate::plot::{ANATOMICAL_ORDER, thinned};
use crate::svg::{escape, number, path};

/// Room around the curves, as in the plots of angles.
const LEFT: f64 = 44.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 24.0;

/// What is added to the style of plots.
const BANDS: &str = "\
.marey-plot .d-tolerance{fill:#e9ecef}.marey-plot .d-worst{fill:#f0e442;opacity:.5}.marey-plot .d-rep{stroke:#8b919a;stroke-dasharray:2 3}\
@media (prefers-color-scheme:dark){.marey-plot .d-tolerance{fill:#23272e}.marey-plot .d-worst{fill:#b8a800;opacity:.35}}";

/// The difference of every angle over the movement, first less second, as a self-contained SVG document: the grey band is
/// what measurement does not tell from none, yellow are the stretches of the greatest differences, dashed lines part
/// repetitions.
pub fn difference_svg(comparison: &Comparison, width_px: u32) -> String {
    let groups: Vec<(Angle, Vec<&AngleDifference>)> = ANATOMICAL_ORDER
        .into_iter()
        .map(|angle| {
            (
                angle,
                comparison.angles.iter().filter(|one| one.angle == angle).collect(),
            )
        })
        .filter(|(_, sides): &(Angle, Vec<_>)| !sides.is_empty())
        .collect();
    let sheet = Sheet::new(width_px, groups.len(), 92.0);
    let heading = Heading {
        title: &format!("{} compared with {}", comparison.a.name, comparison.b.name),
        subtitle: &subtitle(comparison),
        style: BANDS,
        key: &key(sheet.edges().0, comparison),
    };
    let panels = groups
        .iter()
        .map(|(angle, sides)| Panel::new(comparison, *angle, sides, sheet.panel_width()).body());
    sheet.document(&heading, panels, "No angle is known in both.")
}

fn subtitle(comparison: &Comparison) -> String {
    let score = comparison
        .score
        .map_or(String::new(), |score| format!(" · alike {score:.0} of 100"));
    format!("difference of angles in degrees, first less second, over the time of both in the middle{score}")
}

/// What the lines and bands mean.
fn key(left: f64, comparison: &Comparison) -> String {
    let mut svg = String::new();
    let mut x = left;
    let lines = [("m-left", "left"), ("m-right", "right"), ("m-middle", "trunk, pelvis")];
    for (class, text) in lines {
        let _ = write!(
            svg,
            "<line class=\"m-key m-value {class}\" x1=\"{}\" x2=\"{}\" y1=\"72\" y2=\"72\"/><text x=\"{}\" y=\"76\">{text}</text>",
            number(x),
            number(x + 20.0),
            number(x + 26.0)
        );
        x += 40.0 + 7.0 * text.len() as f64;
    }
    let within = format!("within {TOLERANCE_DEG:.0}°");
    for (class, text) in [("d-tolerance", within.as_str()), ("d-worst", "greatest differences")] {
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"65\" width=\"20\" height=\"13\"/><text x=\"{}\" y=\"76\">{text}</text>",
            number(x),
            number(x + 26.0)
        );
        x += 44.0 + 6.4 * text.chars().count() as f64;
    }
    if !comparison.repetitions.is_empty() {
        let _ = write!(
            svg,
            "<line class=\"d-rep\" x1=\"{x}\" x2=\"{x}\" y1=\"64\" y2=\"79\"/><text x=\"{}\" y=\"76\">repetitions</text>",
            number(x + 8.0),
            x = number(x)
        );
    }
    svg
}

struct Panel<'a> {
    comparison: &'a Comparison,
    angle: Angle,
    sides: &'a [&'a AngleDifference],
    width: f64,
    x: Scale,
    y: Scale,
    ticks_s: Vec<f64>,
    ticks_deg: Vec<f64>,
}

impl<'a> Panel<'a> {
    fn new(comparison: &'a Comparison, angle: Angle, sides: &'a [&'a AngleDifference], width: f64) -> Self {
        let end_s = comparison.moments.last().map_or(0.0, |moment| moment.time_s);
        let end_s = if end_s > 0.0 { end_s } else { 1.0 };
        let values = sides.iter().flat_map(|side| side.difference_deg.iter().flatten());
        let (least, most) = values.fold((-2.0 * TOLERANCE_DEG, 2.0 * TOLERANCE_DEG), |(least, most), &value| {
            (value.min(least), value.max(most))
        });
        let (low, high, ticks_deg) = scale::degrees(least, most);
        Self {
            comparison,
            angle,
            sides,
            width,
            x: Scale {
                low: 0.0,
                high: end_s,
                from: LEFT,
                to: width - RIGHT,
            },
            y: Scale {
                low,
                high,
                from: PANEL_HEIGHT - BOTTOM,
                to: TOP,
            },
            ticks_s: scale::seconds(0.0, end_s, ((width - LEFT - RIGHT) / 76.0).clamp(2.0, 12.0)),
            ticks_deg,
        }
    }

    fn body(&self) -> String {
        let mut svg = format!("<text class=\"m-name\" x=\"0\" y=\"14\">{}</text>", self.angle.label());
        for (line, side) in self.sides.iter().enumerate() {
            svg.push_str(&self.words(line, side));
        }
        svg.push_str(&self.bands());
        svg.push_str(&self.axes());
        for side in self.sides {
            svg.push_str(&self.curve(side));
        }
        for side in self.sides {
            let _ = write!(
                svg,
                "<circle class=\"m-dot f-{}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"/>",
                label::side(side.side),
                number(self.x.pixel(self.time_s(side.greatest_at))),
                number(self.y.pixel(side.greatest_deg))
            );
        }
        svg
    }

    fn time_s(&self, moment: usize) -> f64 {
        self.comparison.moments.get(moment).map_or(0.0, |moment| moment.time_s)
    }

    /// Mean, greatest difference and correlation of a side, in the heading at the right.
    fn words(&self, line: usize, side: &AngleDifference) -> String {
        let alike = side
            .correlation
            .map_or(String::new(), |r| format!(", r {r:.2}").replace('-', "−"));
        let text = format!(
            "{} mean {}, greatest {} at {}{alike}",
            label::side_letter(side.side),
            label::degrees(side.mean_absolute_deg),
            label::degrees(side.greatest_deg),
            label::seconds(self.time_s(side.greatest_at)),
        );
        format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\"><tspan class=\"f-{}\">{}</tspan></text>",
            number(self.width),
            number(14.0 + 15.0 * line as f64),
            label::side(side.side),
            escape(text.trim_start()),
        )
    }

    fn bands(&self) -> String {
        let band = |class: &str, from: f64, to: f64, top: f64, bottom: f64| {
            format!(
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
                number(from),
                number(top),
                number((to - from).max(2.0)),
                number(bottom - top)
            )
        };
        let mut svg = String::new();
        for stretch in self.sides.iter().flat_map(|side| &side.stretches) {
            let (from, to) = (
                self.x.pixel(self.time_s(stretch.from)),
                self.x.pixel(self.time_s(stretch.to)),
            );
            svg.push_str(&band("d-worst", from, to, self.y.to, self.y.from));
        }
        let (top, bottom) = (self.y.pixel(TOLERANCE_DEG), self.y.pixel(-TOLERANCE_DEG));
        svg.push_str(&band("d-tolerance", self.x.from, self.x.to, top, bottom));
        for repetition in &self.comparison.repetitions {
            let moments = &self.comparison.moments;
            let at = moments.partition_point(|moment| moment.a_frame < repetition.a_frames.start);
            let _ = write!(
                svg,
                "<line class=\"d-rep\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\"/>",
                number(self.y.to),
                number(self.y.from),
                x = number(self.x.pixel(self.time_s(at)))
            );
        }
        svg
    }

    fn axes(&self) -> String {
        let mut svg = String::new();
        for &tick in &self.ticks_deg {
            let y = number(self.y.pixel(tick));
            let class = if tick == 0.0 { "m-zero" } else { "m-grid" };
            let _ = write!(
                svg,
                "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
                number(self.x.from),
                number(self.x.to),
                number(self.x.from - 8.0),
                number(self.y.pixel(tick) + 4.0),
                label::degrees(tick),
            );
        }
        for &tick in &self.ticks_s {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                number(self.x.pixel(tick)),
                number(self.y.from + 18.0),
                scale::time_text(tick, &self.ticks_s),
            );
        }
        svg
    }

    /// A line for each run of known differences. A step of more than half a turn is the other way round becoming the
    /// shorter one, and no movement: no line is drawn across it.
    fn curve(&self, side: &AngleDifference) -> String {
        let known: Vec<Option<(usize, f64)>> = (side.difference_deg.iter().enumerate())
            .map(|(moment, value)| Some((moment, (*value)?)))
            .collect();
        let place = |&(moment, deg): &(usize, f64)| (self.x.pixel(self.time_s(moment)), self.y.pixel(deg));
        let mut data = String::new();
        for run in known.split(Option::is_none) {
            let run: Vec<(usize, f64)> = run.iter().copied().flatten().collect();
            for piece in run.chunk_by(|one, next| (next.1 - one.1).abs() <= 180.0) {
                data.push_str(&path(&thinned(&piece.iter().map(place).collect::<Vec<_>>())));
            }
        }
        format!("<path class=\"m-value m-{}\" d=\"{data}\"/>", label::side(side.side))
    }
}

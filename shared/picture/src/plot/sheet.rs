//! A sheet of panels in one or two columns below a heading.

use std::fmt::Write as _;

use super::STYLE;
use crate::svg::{escape, number};

/// Height of a panel in pixels.
pub(crate) const PANEL_HEIGHT: f64 = 200.0;

/// Left and right of everything, and below.
const MARGIN: f64 = 20.0;
const COLUMN_GAP: f64 = 28.0;
const ROW_GAP: f64 = 16.0;

/// A sheet in preparation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sheet {
    width: f64,
    columns: usize,
    panels: usize,
    heading: f64,
}

/// What stands above the panels.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heading<'a> {
    pub(crate) title: &'a str,
    pub(crate) subtitle: &'a str,
    /// What is added to the style of plots.
    pub(crate) style: &'a str,
    /// What lines mean, as SVG.
    pub(crate) key: &'a str,
}

impl Sheet {
    /// A sheet so many pixels wide, with room for a heading.
    pub(crate) fn new(width_px: u32, panels: usize, heading: f64) -> Self {
        let width = f64::from(width_px.clamp(320, 8000));
        let columns = if width >= 700.0 && panels > 1 { 2 } else { 1 };
        Self {
            width,
            columns,
            panels,
            heading,
        }
    }

    /// The width of each panel in pixels.
    pub(crate) fn panel_width(&self) -> f64 {
        let columns = self.columns as f64;
        (self.width - 2.0 * MARGIN - COLUMN_GAP * (columns - 1.0)) / columns
    }

    /// Where everything begins at the left, and ends at the right.
    pub(crate) fn edges(&self) -> (f64, f64) {
        (MARGIN, self.width - MARGIN)
    }

    /// The whole as a self-contained document; `nothing` stands there if there are no panels.
    pub(crate) fn document(
        &self,
        heading: &Heading<'_>,
        panels: impl Iterator<Item = String>,
        nothing: &str,
    ) -> String {
        let rows = self.panels.div_ceil(self.columns).max(1);
        let mut svg = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"marey-plot\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" \
             role=\"img\" aria-label=\"{name}\"><title>{name}</title><style>{STYLE}{style}</style>\
             <rect class=\"m-paper\" width=\"{w}\" height=\"{h}\"/>\
             <text class=\"m-title\" x=\"{MARGIN}\" y=\"36\">{name}</text><text x=\"{MARGIN}\" y=\"56\">{subtitle}</text>{key}",
            w = number(self.width),
            h = number(self.heading + rows as f64 * (PANEL_HEIGHT + ROW_GAP) + MARGIN),
            name = escape(heading.title),
            style = heading.style,
            subtitle = escape(heading.subtitle),
            key = heading.key,
        );
        for (index, panel) in panels.enumerate() {
            let x = MARGIN + (index % self.columns) as f64 * (self.panel_width() + COLUMN_GAP);
            let y = self.heading + (index / self.columns) as f64 * (PANEL_HEIGHT + ROW_GAP);
            let _ = write!(
                svg,
                "<g transform=\"translate({} {})\">{panel}</g>",
                number(x),
                number(y)
            );
        }
        if self.panels == 0 {
            let y = number(self.heading + 24.0);
            let _ = write!(svg, "<text x=\"{MARGIN}\" y=\"{y}\">{nothing}</text>");
        }
        svg.push_str("</svg>");
        svg
    }
}

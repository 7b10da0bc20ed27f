//! A drawing as SVG.

use std::fmt::Write;

use super::layout::{BOX_ROWS, Layout, Place, text_columns};
use super::{Graph, Node, cut};

/// Pixels of a column. A proportional font of 13 px is narrower on average; what may be wider than its box is squeezed.
const COLUMN_PX: usize = 8;
/// Pixels of a row.
const ROW_PX: usize = 20;
/// Pixels around the drawing.
const MARGIN_PX: usize = 16;
/// Radius of an edge's corners, in pixels.
const CORNER_PX: f64 = 7.0;
/// How far the cards behind a stage in several pieces stick out, in pixels.
const CARD_PX: usize = 4;

/// What the drawing looks like; the colours are those of light paper unless the reader prefers dark.
const STYLE: &str = "text{font:13px ui-sans-serif,system-ui,sans-serif;fill:var(--ink)}\
.name{font-weight:600}.faint{fill:var(--faint)}\
.box{fill:var(--box);stroke:var(--line);stroke-width:1.25}.optional{stroke-dasharray:5 4}\
.edge{fill:none;stroke:var(--edge);stroke-width:1.5}.halo{fill:none;stroke:var(--paper);stroke-width:6}.tip{fill:var(--edge)}\
svg{--paper:#fff;--ink:#1b1f24;--faint:#59636e;--box:#f6f8fa;--line:#8c959f;--edge:#57606a}\
@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--faint:#9198a1;--box:#161b22;--line:#6e7681;--edge:#8b949e}}";

/// Draws a graph that was laid out.
pub(super) fn draw(graph: &Graph, layout: &Layout) -> String {
    let width = layout.width * COLUMN_PX + 2 * MARGIN_PX;
    let height = layout.height * ROW_PX + 2 * MARGIN_PX;
    let mut svg = String::new();
    let title = escaped(&super::harmless(&graph.title));
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" style=\"fill:var(--paper)\"/>\n"
    );
    draw_edges(graph, layout, &mut svg);
    for (node, place) in graph.nodes.iter().zip(&layout.places) {
        draw_box(node, *place, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

/// The middle of a cell, in pixels.
fn middle((x, y): (usize, usize)) -> (f64, f64) {
    let at = |cell: usize, size: usize| (MARGIN_PX + cell * size) as f64 + size as f64 / 2.0;
    (at(x, COLUMN_PX), at(y, ROW_PX))
}

/// The edges, those of one stage after those of another: around what is drawn later lies a rim of paper, so that the lines
/// of two stages that cross do not seem to join.
fn draw_edges(graph: &Graph, layout: &Layout, svg: &mut String) {
    for node in 0..graph.nodes.len() {
        let ways: Vec<_> = layout.ways.iter().filter(|way| way.from == node).collect();
        let lines: Vec<(String, &str, &str)> = ways
            .iter()
            .map(|way| {
                let mut corners: Vec<(f64, f64)> = way.corners.iter().map(|corner| middle(*corner)).collect();
                let last = corners.len() - 1;
                // From the frame of a box to the frame of another, which lie in the middle of their cells.
                corners[last].1 += ROW_PX as f64 - 7.0;
                let (from, to) = (&graph.nodes[way.from].name, &graph.nodes[way.to].name);
                (path(&corners), from.as_str(), to.as_str())
            })
            .collect();
        for (path, ..) in &lines {
            let _ = writeln!(svg, "<path class=\"halo\" d=\"{path}\"/>");
        }
        for (path, from, to) in &lines {
            let (from, to) = (escaped(from), escaped(to));
            let _ = writeln!(
                svg,
                "<path class=\"edge\" data-from=\"{from}\" data-to=\"{to}\" d=\"{path}\"/>"
            );
        }
        for way in ways {
            let (x, y) = way.corners.last().map_or((0.0, 0.0), |corner| middle(*corner));
            let tip = y + ROW_PX as f64;
            let _ = writeln!(svg, "<path class=\"tip\" d=\"M{x} {tip}l-5 -9h10z\"/>");
        }
    }
}

/// A line through corners, which are rounded.
fn path(corners: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, &(x, y)) in corners.iter().enumerate() {
        if at == 0 {
            let _ = write!(path, "M{x} {y}");
            continue;
        }
        let Some(&next) = corners.get(at + 1) else {
            let _ = write!(path, "L{x} {y}");
            continue;
        };
        let before = towards((x, y), corners[at - 1]);
        let after = towards((x, y), next);
        let _ = write!(path, "L{} {}Q{x} {y} {} {}", before.0, before.1, after.0, after.1);
    }
    path
}

/// A point on the way from one to another, as far as a corner is round.
fn towards(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx.hypot(dy);
    let share = if length > 0.0 {
        (CORNER_PX / length).min(0.5)
    } else {
        0.0
    };
    let rounded = |value: f64| (value * 100.0).round() / 100.0;
    (rounded(from.0 + dx * share), rounded(from.1 + dy * share))
}

fn draw_box(node: &Node, place: Place, svg: &mut String) {
    let ((x, y), (right, bottom)) = (
        middle((place.x, place.y)),
        middle((place.x + place.width - 1, place.y + BOX_ROWS - 1)),
    );
    let (width, height) = (right - x, bottom - y);
    let class = if node.optional { "box optional" } else { "box" };
    let cards: &[usize] = if node.shards.is_empty() {
        &[0]
    } else {
        &[2 * CARD_PX, CARD_PX, 0]
    };
    for card in cards {
        let class = if *card == 0 { class } else { "box" };
        let (x, y, width, height) = if *card == 0 {
            (x, y, width, height)
        } else {
            // Behind the box, at its left and right: above and below are edges.
            let card = *card as f64;
            (x - card / 2.0, y + card, width + card, height - 2.0 * card)
        };
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>"
        );
    }
    let text_width = text_columns(place);
    for (row, (left, right_text)) in node.lines().into_iter().enumerate() {
        let baseline = y + ROW_PX as f64 * (row as f64 + 1.0) + 4.0;
        let class = ["name", "", "faint"][row];
        let room = text_width
            - if right_text.is_empty() {
                0
            } else {
                super::columns(&right_text) + 1
            };
        let shown = cut(&left, room);
        let room_px = room * COLUMN_PX;
        let squeeze = if widest_px(&shown) > room_px as f64 {
            format!(" textLength=\"{room_px}\" lengthAdjust=\"spacingAndGlyphs\"")
        } else {
            String::new()
        };
        let (left_px, right_px) = (x + 12.0, right - 12.0);
        let _ = writeln!(
            svg,
            "<text class=\"{class}\" x=\"{left_px}\" y=\"{baseline}\"{squeeze}>{}</text>",
            escaped(&shown)
        );
        if !right_text.is_empty() {
            let _ = writeln!(
                svg,
                "<text class=\"faint\" x=\"{right_px}\" y=\"{baseline}\" text-anchor=\"end\">{}</text>",
                escaped(&right_text)
            );
        }
    }
}

/// How wide a text is in a font that runs wide, at 13 px: measured on two that do, rounded up.
fn widest_px(text: &str) -> f64 {
    let width = |character: char| match (character, super::columns(character.encode_utf8(&mut [0; 4]))) {
        (_, 0) => 0.0,
        (_, 2) => 14.0,
        ('m' | 'w' | 'M' | 'W' | '@' | '%' | '—', _) => 13.0,
        ('i' | 'j' | 'l' | 'I' | ' ' | '.' | ',' | ':' | '\'' | '|', _) => 5.0,
        ('A'..='Z' | '+' | '=' | '<' | '>' | '×' | '…', _) => 11.0,
        _ => 8.4,
    };
    text.chars().map(width).sum()
}

/// A text as it may stand in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // What XML does not allow at all.
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

//! Smooth shapes drawn straight into RGB, each touching only the pixels near it.
//!
//! A shape is its signed distance: a pixel is covered by as much of itself as lies within half a pixel of the edge.

use crate::geometry::{Dot, Rect};
use crate::image::RgbFrame;
use crate::palette::Rgb;

/// What a shape is drawn with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ink {
    pub(crate) colour: Rgb,
    /// From 0, invisible, to 1, opaque.
    pub(crate) opacity: f32,
}

impl Ink {
    pub(crate) fn new(colour: Rgb, opacity: f32) -> Self {
        Self { colour, opacity }
    }

    pub(crate) fn opaque(colour: Rgb) -> Self {
        Self::new(colour, 1.0)
    }

    /// The same colour, weaker.
    pub(crate) fn faded(self, by: f32) -> Self {
        Self::new(self.colour, self.opacity * by)
    }
}

/// Mixes ink into one pixel; `coverage` in `0..=1` is clamped, and not-a-number counts as nothing.
#[inline]
pub(crate) fn blend(pixel: &mut [u8], ink: Ink, coverage: f32) {
    // A cast from a float saturates, and takes NaN for 0.
    let weight = ((coverage * ink.opacity * 256.0) as i32).clamp(0, 256);
    if weight == 0 {
        return;
    }
    for (value, target) in pixel.iter_mut().zip([ink.colour.0, ink.colour.1, ink.colour.2]) {
        let old = i32::from(*value);
        *value = (old + (((i32::from(target) - old) * weight + 128) >> 8)) as u8;
    }
}

/// The whole pixels between two coordinates, cut to `0..limit`.
fn pixels(from: f32, to: f32, limit: u32) -> std::ops::Range<usize> {
    let start = from.floor().max(0.0) as usize;
    let end = (to.ceil().max(-1.0) + 1.0) as usize;
    start..end.min(limit as usize)
}

/// Covers the pixels in `bounds` by what `coverage` says for each centre.
fn shade(frame: &mut RgbFrame<'_>, bounds: Rect, ink: Ink, coverage: impl Fn(Dot) -> f32) {
    let columns = pixels(bounds.left, bounds.right, frame.width());
    for y in pixels(bounds.top, bounds.bottom, frame.height()) {
        shade_row(frame, y, columns.clone(), ink, &coverage);
    }
}

fn shade_row(
    frame: &mut RgbFrame<'_>,
    y: usize,
    columns: std::ops::Range<usize>,
    ink: Ink,
    coverage: impl Fn(Dot) -> f32,
) {
    let first = columns.start;
    let row = frame.span_mut(y, columns.start, columns.end);
    for (offset, pixel) in row.chunks_exact_mut(3).enumerate() {
        blend(pixel, ink, coverage(Dot::new((first + offset) as f32, y as f32)));
    }
}

/// A line with round ends.
pub(crate) fn line(frame: &mut RgbFrame<'_>, a: Dot, b: Dot, thickness: f32, ink: Ink) {
    if !a.is_drawable() || !b.is_drawable() || !thickness.is_finite() {
        return;
    }
    let radius = thickness / 2.0;
    let reach = radius + 1.0;
    let along = b - a;
    for y in pixels(a.y.min(b.y) - reach, a.y.max(b.y) + reach, frame.height()) {
        // Only the piece of the line that comes near this row can colour it.
        let (from, to) = if along.y.abs() < 1e-3 {
            (0.0, 1.0)
        } else {
            let near = (y as f32 - reach - a.y) / along.y;
            let far = (y as f32 + reach - a.y) / along.y;
            (near.min(far).clamp(0.0, 1.0), near.max(far).clamp(0.0, 1.0))
        };
        let (first, last) = (a.x + along.x * from, a.x + along.x * to);
        let columns = pixels(first.min(last) - reach, first.max(last) + reach, frame.width());
        shade_row(frame, y, columns, ink, |pixel| {
            radius + 0.5 - pixel.distance_to_segment(a, b)
        });
    }
}

/// A line of dashes, each as long as the gaps between them.
pub(crate) fn dashed_line(frame: &mut RgbFrame<'_>, a: Dot, b: Dot, thickness: f32, dash: f32, ink: Ink) {
    let length = (b - a).length();
    let Some(direction) = (b - a).normalized() else { return };
    if !a.is_drawable() || !b.is_drawable() || !dash.is_finite() || dash < 1.0 {
        return;
    }
    let mut start = 0.0;
    while start < length {
        let end = (start + dash).min(length);
        line(frame, a + direction * start, a + direction * end, thickness, ink);
        start += 2.0 * dash;
    }
}

/// A filled circle.
pub(crate) fn disc(frame: &mut RgbFrame<'_>, centre: Dot, radius: f32, ink: Ink) {
    line(frame, centre, centre, radius * 2.0, ink);
}

/// A circle's outline.
pub(crate) fn ring(frame: &mut RgbFrame<'_>, centre: Dot, radius: f32, thickness: f32, ink: Ink) {
    if !centre.is_drawable() || !radius.is_finite() || !thickness.is_finite() {
        return;
    }
    let bounds = Rect::around(centre, 0.0, 0.0).grown(radius + thickness + 1.0);
    shade(frame, bounds, ink, |pixel| {
        thickness / 2.0 + 0.5 - ((pixel - centre).length() - radius).abs()
    });
}

/// A piece of a circle: the outline between two directions, at most half a turn apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arc {
    pub(crate) centre: Dot,
    pub(crate) radius: f32,
    /// Direction of one end, of length 1.
    pub(crate) from: Dot,
    /// Direction of the other end, of length 1.
    pub(crate) to: Dot,
}

impl Arc {
    fn is_drawable(self) -> bool {
        self.centre.is_drawable() && self.radius.is_finite() && self.from.is_drawable() && self.to.is_drawable()
    }

    /// How much of a pixel lies between the two directions, from its place relative to the centre.
    fn between(self, place: Dot) -> f32 {
        let turn = if self.from.cross(self.to) < 0.0 { -1.0 } else { 1.0 };
        let after_start = self.from.cross(place) * turn;
        let before_end = place.cross(self.to) * turn;
        (after_start.min(before_end) + 0.5).clamp(0.0, 1.0)
    }
}

/// The outline of an arc.
pub(crate) fn arc(frame: &mut RgbFrame<'_>, arc: Arc, thickness: f32, ink: Ink) {
    if !arc.is_drawable() || !thickness.is_finite() {
        return;
    }
    let bounds = Rect::around(arc.centre, 0.0, 0.0).grown(arc.radius + thickness + 1.0);
    shade(frame, bounds, ink, |pixel| {
        let place = pixel - arc.centre;
        let near = thickness / 2.0 + 0.5 - (place.length() - arc.radius).abs();
        if near <= 0.0 {
            return 0.0;
        }
        near.min(1.0) * arc.between(place)
    });
}

/// The area of an arc, from its centre to its outline.
pub(crate) fn sector(frame: &mut RgbFrame<'_>, arc: Arc, ink: Ink) {
    if !arc.is_drawable() {
        return;
    }
    let bounds = Rect::around(arc.centre, 0.0, 0.0).grown(arc.radius + 1.0);
    shade(frame, bounds, ink, |pixel| {
        let place = pixel - arc.centre;
        (arc.radius + 0.5 - place.length()).clamp(0.0, 1.0) * arc.between(place)
    });
}

/// A filled rectangle with round corners.
pub(crate) fn plate(frame: &mut RgbFrame<'_>, rect: Rect, radius: f32, ink: Ink) {
    let centre = rect.centre();
    if !centre.is_drawable() || !rect.width().is_finite() || !rect.height().is_finite() {
        return;
    }
    let radius = radius.min(rect.width() / 2.0).min(rect.height() / 2.0).max(0.0);
    let half = Dot::new(rect.width() / 2.0 - radius, rect.height() / 2.0 - radius);
    shade(frame, rect, ink, |pixel| {
        let place = pixel - centre;
        let beyond = Dot::new((place.x.abs() - half.x).max(0.0), (place.y.abs() - half.y).max(0.0));
        radius + 0.5 - beyond.length()
    });
}

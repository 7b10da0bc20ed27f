//! Tags above people's heads that say who is who.

use crate::geometry::{Dot, Rect};
use crate::image::RgbFrame;
use crate::palette::{DARK, LIGHT, of_person};
use crate::raster::{Ink, plate};
use crate::stick::Stick;
use crate::text::Glyphs;

/// A person's number and colour.
#[derive(Debug)]
pub(super) struct Tag {
    pub(super) rect: Rect,
    id: u32,
}

impl Tag {
    /// The tag of a person above the figure, or as near as the frame of this size has room; `None` for a figure outside of it.
    pub(super) fn above(stick: &Stick, id: u32, letters: &Glyphs, size: (f32, f32)) -> Option<Self> {
        let bounds = stick.bounds()?;
        let frame = Rect::sized(0.0, 0.0, size.0, size.1);
        if !frame.overlaps(bounds) {
            return None;
        }
        let letter = letters.size();
        let (width, height) = (letters.width(&text(id)) + letter * 2.1, letter * 1.6);
        let within = |at: f32, half: f32, most: f32| at.clamp(half, (most - half).max(half));
        // Landmarks end at the eyes: the top of the head is as far above them again as the neck is long, or a letter.
        let head = stick
            .neck()
            .map_or(letter, |(from, to)| (to - from).length().max(letter));
        let centre = Dot::new(
            within(bounds.centre().x, width / 2.0, size.0),
            within(bounds.top - head - height / 2.0, height / 2.0, size.1),
        );
        let rect = Rect::around(centre, width, height);
        Some(Self { rect, id })
    }

    pub(super) fn draw(&self, frame: &mut RgbFrame<'_>, letters: &Glyphs) {
        let letter = letters.size();
        plate(frame, self.rect, letter * 0.3, Ink::opaque(of_person(self.id)));
        let inner = Rect::sized(
            self.rect.left + letter * 0.8,
            self.rect.top + letter * 0.12,
            self.rect.width() - letter * 0.92,
            self.rect.height() - letter * 0.24,
        );
        plate(frame, inner, letter * 0.22, Ink::new(DARK, 0.92));
        let start = Dot::new(inner.left + letter * 0.5, inner.centre().y);
        letters.write(frame, start, &text(self.id), Ink::opaque(LIGHT));
    }
}

fn text(id: u32) -> String {
    format!("Person {id}")
}

//! Notes at the edges of a frame: plates with the time, the legend and remarks.

use marey_motion::Side;

use crate::geometry::{Dot, Rect};
use crate::image::RgbFrame;
use crate::palette::{DARK, NEUTRAL};
use crate::raster::{Ink, plate};
use crate::stick::{self, StickStyle};
use crate::text::Glyphs;

/// Where a note stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Corner {
    TopLeft,
    BottomLeft,
    BottomRight,
}

/// A part of a note.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    /// A joint's mark of a side and a visibility.
    Mark(Option<Side>, f32),
}

/// A plate with text at an edge of the frame.
#[derive(Debug)]
pub(super) struct Note {
    pub(super) rect: Rect,
    pieces: Vec<Piece>,
}

/// Puts notes into the corners of a frame, each where it neither leaves the frame nor covers another.
pub(super) struct Corners<'a> {
    size: (f32, f32),
    letters: &'a Glyphs,
    pub(super) notes: Vec<Note>,
}

impl<'a> Corners<'a> {
    pub(super) fn new(size: (f32, f32), letters: &'a Glyphs) -> Self {
        Self {
            size,
            letters,
            notes: Vec::new(),
        }
    }

    /// Adds a note, or leaves it out where the frame has no room for it.
    pub(super) fn add(&mut self, corner: Corner, pieces: Vec<Piece>) {
        let letter = self.letters.size();
        let (width, height) = (pieces_width(&pieces, self.letters), letter * 1.8);
        let margin = letter * 0.7;
        let left = match corner {
            Corner::TopLeft | Corner::BottomLeft => margin,
            Corner::BottomRight => self.size.0 - margin - width,
        };
        let mut top = match corner {
            Corner::TopLeft => margin,
            Corner::BottomLeft | Corner::BottomRight => self.size.1 - margin - height,
        };
        let mut rect = Rect::sized(left, top, width, height);
        if self
            .notes
            .iter()
            .any(|note| note.rect.grown(letter * 0.4).overlaps(rect))
        {
            top -= height + letter * 0.4;
            rect = Rect::sized(left, top, width, height);
        }
        let frame = Rect::sized(0.0, 0.0, self.size.0, self.size.1);
        let free = self.notes.iter().all(|note| !note.rect.overlaps(rect));
        if free && frame.contains(rect) {
            self.notes.push(Note { rect, pieces });
        }
    }
}

fn piece_width(piece: &Piece, letters: &Glyphs) -> f32 {
    match piece {
        Piece::Text(text) => letters.width(text) + letters.size() * 0.8,
        Piece::Mark(..) => letters.size() * 0.9,
    }
}

fn pieces_width(pieces: &[Piece], letters: &Glyphs) -> f32 {
    pieces.iter().map(|piece| piece_width(piece, letters)).sum::<f32>() + letters.size() * 0.6
}

impl Note {
    /// Draws the note from the left edge of `place`, or from the right where it lies in the right half of its frame.
    pub(super) fn draw(&self, frame: &mut RgbFrame<'_>, place: Rect, letters: &Glyphs) {
        let size = letters.size();
        let width = pieces_width(&self.pieces, letters).min(place.width());
        let right_aligned = place.centre().x > frame.width() as f32 / 2.0;
        let left = if right_aligned { place.right - width } else { place.left };
        let rect = Rect::around(
            Dot::new(left + width / 2.0, place.centre().y),
            width,
            (size * 1.8).min(place.height()),
        );
        plate(frame, rect, size * 0.4, Ink::new(DARK, 0.62));
        let mut x = rect.left + size * 0.6;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => letters.write(frame, Dot::new(x, rect.centre().y), text, Ink::new(NEUTRAL, 0.95)),
                Piece::Mark(side, visibility) => {
                    let style = StickStyle {
                        thickness: size * 0.26,
                        minimum_visibility: 0.5,
                        opacity: 1.0,
                    };
                    let centre = Dot::new(x + size * 0.28, rect.centre().y);
                    stick::draw_joint(frame, centre, *side, *visibility, style);
                }
            }
            x += piece_width(piece, letters);
        }
    }
}

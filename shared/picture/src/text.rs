//! Text in pixels: `DejaVu Sans Bold`, rasterised once per size.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ab_glyph::{Font, FontRef, ScaleFont};

use crate::geometry::Dot;
use crate::image::RgbFrame;
use crate::raster::{Ink, blend};

/// What is ever written on a picture: ASCII and a few signs. Anything else is shown as a question mark.
const EXTRA: &str = "°–−·…×";

/// Below this size letters are no longer legible.
pub(crate) const SMALLEST_PX: u32 = 9;
const LARGEST_PX: u32 = 160;

static FONT: LazyLock<FontRef<'static>> = LazyLock::new(|| {
    FontRef::try_from_slice(dejavu::sans::bold()).expect("the font inside the dejavu crate is a TrueType font")
});

static BY_SIZE: LazyLock<Mutex<HashMap<u32, Arc<Glyphs>>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
struct Glyph {
    advance: f32,
    left: i32,
    top: i32,
    width: usize,
    coverage: Vec<f32>,
}

/// Every letter in one size.
#[derive(Debug)]
pub(crate) struct Glyphs {
    size_px: u32,
    cap_height: f32,
    by_letter: HashMap<char, Glyph>,
}

/// The letters in a size in pixels, held between 9 and 160; made on first use, then shared.
pub(crate) fn glyphs(size_px: u32) -> Arc<Glyphs> {
    let size_px = size_px.clamp(SMALLEST_PX, LARGEST_PX);
    let mut by_size = BY_SIZE.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(
        by_size
            .entry(size_px)
            .or_insert_with(|| Arc::new(Glyphs::rasterised(size_px))),
    )
}

impl Glyphs {
    fn rasterised(size_px: u32) -> Self {
        let font = &*FONT;
        let scaled = font.as_scaled(size_px as f32);
        let by_letter = (' '..='~')
            .chain(EXTRA.chars())
            .map(|letter| {
                let id = font.glyph_id(letter);
                let mut glyph = Glyph {
                    advance: scaled.h_advance(id),
                    left: 0,
                    top: 0,
                    width: 0,
                    coverage: Vec::new(),
                };
                if let Some(outline) = scaled.outline_glyph(id.with_scale(size_px as f32)) {
                    let bounds = outline.px_bounds();
                    glyph.left = bounds.min.x as i32;
                    glyph.top = bounds.min.y as i32;
                    glyph.width = bounds.width() as usize;
                    glyph.coverage = vec![0.0; glyph.width * bounds.height() as usize];
                    outline.draw(|x, y, coverage| {
                        let at = y as usize * glyph.width + x as usize;
                        if let Some(value) = glyph.coverage.get_mut(at) {
                            *value = coverage;
                        }
                    });
                }
                (letter, glyph)
            })
            .collect();
        let cap_height = scaled
            .outline_glyph(font.glyph_id('H').with_scale(size_px as f32))
            .map_or(size_px as f32 * 0.7, |outline| outline.px_bounds().height());
        Self {
            size_px,
            cap_height,
            by_letter,
        }
    }

    fn glyph(&self, letter: char) -> Option<&Glyph> {
        self.by_letter.get(&letter).or_else(|| self.by_letter.get(&'?'))
    }

    /// Size in pixels.
    pub(crate) fn size(&self) -> f32 {
        self.size_px as f32
    }

    /// How far a text reaches, in pixels.
    pub(crate) fn width(&self, text: &str) -> f32 {
        text.chars()
            .filter_map(|letter| self.glyph(letter))
            .map(|glyph| glyph.advance)
            .sum()
    }

    /// Writes a text with its left end at `start.x` and its capitals centred on `start.y`.
    pub(crate) fn write(&self, frame: &mut RgbFrame<'_>, start: Dot, text: &str, ink: Ink) {
        if !start.is_drawable() {
            return;
        }
        let baseline = (start.y + self.cap_height / 2.0).round() as i32;
        let mut x = start.x;
        for letter in text.chars() {
            let Some(glyph) = self.glyph(letter) else { continue };
            glyph.stamp(frame, x.round() as i32, baseline, ink);
            x += glyph.advance;
        }
    }
}

impl Glyph {
    fn stamp(&self, frame: &mut RgbFrame<'_>, x: i32, baseline: i32, ink: Ink) {
        if self.width == 0 {
            return;
        }
        for (row, coverage) in self.coverage.chunks_exact(self.width).enumerate() {
            let y = baseline + self.top + row as i32;
            let left = x + self.left;
            let hidden = (-left).max(0) as usize;
            if y < 0 || hidden >= self.width {
                continue;
            }
            let from = left.max(0) as usize;
            let span = frame.span_mut(y as usize, from, from + self.width - hidden);
            for (pixel, &value) in span.chunks_exact_mut(3).zip(&coverage[hidden..]) {
                blend(pixel, ink, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::RgbImage;
    use crate::palette::LIGHT;

    #[test]
    fn digits_are_equally_wide_so_that_counters_stand_still() {
        let glyphs = glyphs(20);
        let widths: Vec<f32> = ('0'..='9').map(|digit| glyphs.width(&digit.to_string())).collect();
        assert!(
            widths.iter().all(|width| (width - widths[0]).abs() < 1e-3),
            "{widths:?}"
        );
    }

    #[test]
    fn text_is_cut_at_every_edge() {
        let glyphs = glyphs(24);
        for (x, y) in [
            (-30.0, 5.0),
            (28.0, 5.0),
            (5.0, -4.0),
            (5.0, 33.0),
            (f32::NAN, 0.0),
            (1e30, 0.0),
        ] {
            let mut image = RgbImage::filled(32, 32, [0; 3]);
            glyphs.write(
                &mut image.as_frame(),
                Dot::new(x, y),
                "Wg90°\u{4e00}",
                Ink::opaque(LIGHT),
            );
        }
    }

    #[test]
    fn unknown_letters_become_question_marks() {
        let glyphs = glyphs(16);
        assert!((glyphs.width("\u{4e00}") - glyphs.width("?")).abs() < 1e-6);
    }
}

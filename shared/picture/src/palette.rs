//! Colours. Left and right come from Okabe and Ito's set (2008), which stays apart under every common colour blindness.

use marey_motion::Side;

/// A colour in 8-bit sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Okabe and Ito's sky blue.
const SKY_BLUE: Rgb = Rgb(0x56, 0xb4, 0xe9);
/// Okabe and Ito's orange.
const ORANGE: Rgb = Rgb(0xe6, 0x9f, 0x00);

/// What belongs to neither side.
pub(crate) const NEUTRAL: Rgb = Rgb(0xf2, 0xf2, 0xee);
/// Behind text and around lines.
pub(crate) const DARK: Rgb = Rgb(0x10, 0x12, 0x16);
/// Text on dark plates.
pub(crate) const LIGHT: Rgb = Rgb(0xff, 0xff, 0xff);

/// The colour of a side on video, bright enough to stand on a dark outline.
pub(crate) fn of_side(side: Option<Side>) -> Rgb {
    match side {
        Some(Side::Left) => SKY_BLUE,
        Some(Side::Right) => ORANGE,
        None => NEUTRAL,
    }
}

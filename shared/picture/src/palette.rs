//! Colours. Left and right come from Okabe and Ito's set (2008), which stays apart under every common colour blindness.

use marey_motion::Side;

/// A colour in 8-bit sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rgb(pub(crate) u8, pub(crate) u8, pub(crate) u8);

/// Okabe and Ito's sky blue.
const SKY_BLUE: Rgb = Rgb(0x56, 0xb4, 0xe9);
/// Okabe and Ito's orange.
const ORANGE: Rgb = Rgb(0xe6, 0x9f, 0x00);

/// What tells people apart: the rest of Okabe and Ito's set, the brightest first. Two shades may still look alike to somebody, so a number
/// goes with them.
const PEOPLE: [Rgb; 4] = [
    // Yellow, reddish purple, bluish green, vermilion.
    Rgb(0xf0, 0xe4, 0x42),
    Rgb(0xcc, 0x79, 0xa7),
    Rgb(0x00, 0x9e, 0x73),
    Rgb(0xd5, 0x5e, 0x00),
];

/// The colour of a person among several, which is that of no side.
pub(crate) fn of_person(id: u32) -> Rgb {
    PEOPLE[id as usize % PEOPLE.len()]
}

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

//! How large a recording may be. What a file asks for is held against this before there is room for it.

use crate::MotionError;

/// More landmarks over all frames and people are refused: eight people for four hours at 30 frames per second have fewer.
const MOST_POINTS: usize = 128_000_000;

/// More places for poses, people times frames, are refused: 15 people for a day at 30 frames per second have fewer.
const MOST_PLACES: usize = 40_000_000;

/// # Errors
///
/// [`MotionError::TooLarge`].
pub(super) fn check(people: usize, frames: usize, points: usize) -> Result<(), MotionError> {
    if people.saturating_mul(frames) <= MOST_PLACES && points <= MOST_POINTS {
        return Ok(());
    }
    Err(MotionError::TooLarge(format!(
        "{people} people in {frames} frames with {points} landmarks, where {MOST_PLACES} people times frames and {MOST_POINTS} landmarks \
         may be"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_places_nor_landmarks_may_be_too_many() {
        assert!(check(8, 4 * 3600 * 30, 8 * 4 * 3600 * 30 * 33).is_ok());
        // A hundred people in whose rows nobody is.
        assert!(check(100, 400_001, 0).is_err());
        assert!(check(1, 16_000_000, 16_000_000 * 33).is_err());
        assert!(check(usize::MAX, usize::MAX, 0).is_err());
    }
}

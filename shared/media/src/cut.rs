//! Where a long video is cut into ranges that are worked on at the same time.
//!
//! Decoding can start at key frames only, so whatever reads a range starts at one: reading from anywhere else would decode the
//! frames since the last key frame for nothing. The frames in the first second are overlap. The range before has them too, and has
//! them right; here they only bring whatever follows somebody through the video up to date, and tell who is who.

use serde::{Deserialize, Serialize};

use crate::{MediaError, VideoInfo};

/// How a video is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutOptions {
    /// A video up to this long is one range; a longer one is cut into the fewest equal ranges that are no longer, s. Where key frames are
    /// far apart ranges are longer.
    pub longest_s: f64,
    /// What a range reads before the part that is its own, s; about this long, since it begins at a key frame and ends at a tick.
    pub overlap_s: f64,
    /// Most ranges, at least 1. A video that would need more gets longer ones.
    pub most: usize,
}

impl Default for CutOptions {
    fn default() -> Self {
        Self {
            longest_s: 45.0,
            overlap_s: 1.0,
            most: 200,
        }
    }
}

/// A part of a video. Times are on the file's own timeline, s, and each is the time of a tick, so that comparing them with the
/// time of a frame has no rounding in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TimeRange {
    /// A key frame: here reading starts for whoever needs the overlap.
    pub read_from_s: f64,
    /// The frames with `start_s <= time_s < end_s` belong to this range and to no other.
    pub start_s: f64,
    /// Where the next range's own frames start, or after the last frame.
    pub end_s: f64,
}

impl TimeRange {
    /// Whether a frame belongs to this range.
    pub fn contains(&self, time_s: f64) -> bool {
        (self.start_s..self.end_s).contains(&time_s)
    }

    /// The part that is this range's own, as [`crate::ReadOptions::range_s`] takes it.
    pub fn own_s(&self) -> (f64, f64) {
        (self.start_s, self.end_s)
    }

    /// The part to read with the overlap, as [`crate::ReadOptions::range_s`] takes it.
    pub fn with_overlap_s(&self) -> (f64, f64) {
        (self.read_from_s, self.end_s)
    }
}

/// Cuts a video into ranges: every frame belongs to exactly one, every one but the first starts reading at a key frame, each has at least one
/// frame and at least half the length of an even share.
///
/// # Errors
/// `MEDIA_REQUEST_INVALID` for lengths that are not positive, an overlap longer than a quarter of a range, or no ranges at all.
pub fn cut(info: &VideoInfo, options: &CutOptions) -> Result<Vec<TimeRange>, MediaError> {
    options.check()?;
    let tick_s = info.time_base.as_f64();
    let first_s = info.first_timestamp_s;
    // A single frame may have no length; it is in the range all the same.
    let end_s = (first_s + info.duration_s).max(info.last_timestamp_s + tick_s);
    let count = ((end_s - first_s) / options.longest_s - 1e-9).ceil();
    let count = (count.max(1.0) as usize).min(options.most);
    let share_s = (end_s - first_s) / count as f64;
    let mut ranges = vec![TimeRange {
        read_from_s: first_s,
        start_s: first_s,
        end_s,
    }];
    for part in 1..count {
        let ideal_s = first_s + share_s * part as f64;
        let Some(read_from_s) = nearest(&info.key_frames_s, ideal_s - options.overlap_s) else {
            break;
        };
        let start_s = info
            .time_base
            .seconds(((read_from_s + options.overlap_s) / tick_s).ceil() as i64);
        let last = ranges.len() - 1;
        let is_long_enough = start_s - ranges[last].start_s >= share_s / 2.0 && end_s - start_s >= share_s / 2.0;
        if is_long_enough && start_s <= info.last_timestamp_s {
            ranges[last].end_s = start_s;
            ranges.push(TimeRange {
                read_from_s,
                start_s,
                end_s,
            });
        }
    }
    Ok(ranges)
}

impl CutOptions {
    fn check(&self) -> Result<(), MediaError> {
        let is_length = |value: f64| value.is_finite() && value > 0.0;
        if !is_length(self.longest_s) || !is_length(self.overlap_s) || self.most == 0 {
            return Err(MediaError::invalid("a cut into ranges without length"));
        }
        // Ranges get down to half a share, which is more than a quarter of the longest; the frames that they start with must be theirs.
        if self.overlap_s > self.longest_s / 4.0 {
            return Err(MediaError::invalid("an overlap longer than a quarter of a range"));
        }
        Ok(())
    }
}

/// The one of ascending times that is nearest to a moment.
fn nearest(times_s: &[f64], moment_s: f64) -> Option<f64> {
    let after = times_s.partition_point(|&time_s| time_s < moment_s);
    let candidates = &times_s[after.saturating_sub(1)..times_s.len().min(after + 1)];
    let distance = |time_s: f64| (time_s - moment_s).abs();
    candidates
        .iter()
        .copied()
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rational;
    use crate::info::tests::plain_info;
    use proptest::prelude::*;

    /// A video of so many frames, 25 per second in ticks of 1/12800, that starts at a tick and has key frames at these frames.
    fn video(first_tick: i64, frames: u64, keys: &[u64]) -> VideoInfo {
        let mut info = plain_info(64, 48);
        info.time_base = Rational { num: 1, den: 12800 };
        let at = |frame: u64| info.time_base.seconds(first_tick + 512 * frame as i64);
        let (first_s, last_s) = (at(0), at(frames - 1));
        info.key_frames_s = keys.iter().map(|&key| at(key)).collect();
        (info.frame_count, info.first_timestamp_s, info.last_timestamp_s) = (frames, first_s, last_s);
        info.duration_s = last_s - first_s + 0.04;
        info
    }

    #[test]
    fn a_short_video_is_one_range_and_a_longer_one_has_equal_parts() {
        let every_second: Vec<u64> = (0..120).map(|second| second * 25).collect();
        let options = CutOptions::default();
        let whole = cut(&video(0, 45 * 25, &every_second[..45]), &options).unwrap();
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].own_s(), (0.0, 45.0));
        let ranges = cut(&video(0, 120 * 25, &every_second), &options).unwrap();
        let own: Vec<_> = ranges.iter().map(TimeRange::own_s).collect();
        assert_eq!(own, [(0.0, 40.0), (40.0, 80.0), (80.0, 120.0)]);
        assert_eq!(ranges[1].with_overlap_s(), (39.0, 80.0));
    }

    #[test]
    fn without_key_frames_to_start_at_a_video_stays_whole() {
        let options = CutOptions::default();
        assert_eq!(cut(&video(0, 5000, &[0]), &options).unwrap().len(), 1);
        assert_eq!(cut(&video(0, 5000, &[]), &options).unwrap().len(), 1);
        let mut single = video(0, 1, &[0]);
        single.duration_s = 0.0;
        assert!(cut(&single, &options).unwrap()[0].contains(0.0));
    }

    #[test]
    fn senseless_cuts_are_refused() {
        let good = CutOptions::default();
        for bad in [
            CutOptions { longest_s: 0.0, ..good },
            CutOptions {
                longest_s: f64::NAN,
                ..good
            },
            CutOptions {
                overlap_s: 12.0,
                ..good
            },
            CutOptions { most: 0, ..good },
        ] {
            assert_eq!(
                cut(&video(0, 9, &[0]), &bad).unwrap_err().code(),
                "MEDIA_REQUEST_INVALID"
            );
        }
    }

    proptest! {
        #[test]
        fn every_frame_has_one_range(
            first_tick in -20_000..2_000_000_i64,
            frames in 1..20_000_u64,
            gaps in prop::collection::vec(1..900_u64, 0..300),
            longest_s in 4.0..200.0_f64,
            most in 1..40_usize,
        ) {
            let mut keys = vec![0];
            keys.extend(gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).take_while(|&key| key < frames));
            let info = video(first_tick, frames, &keys);
            let options = CutOptions { longest_s, most, ..CutOptions::default() };
            let ranges = cut(&info, &options).unwrap();
            let span_s = frames as f64 * 0.04;
            prop_assert!(!ranges.is_empty() && ranges.len() <= most);
            prop_assert!(span_s > longest_s || ranges.len() == 1);
            prop_assert_eq!(ranges[0].read_from_s.to_bits(), info.first_timestamp_s.to_bits());
            prop_assert_eq!(ranges[0].start_s.to_bits(), info.first_timestamp_s.to_bits());
            let share_s = span_s / (span_s / longest_s - 1e-9).ceil().clamp(1.0, most as f64);
            for pair in ranges.windows(2) {
                prop_assert_eq!(pair[0].end_s.to_bits(), pair[1].start_s.to_bits());
                prop_assert!(info.key_frames_s.contains(&pair[1].read_from_s));
                let overlap_s = pair[1].start_s - pair[1].read_from_s;
                prop_assert!((overlap_s - 1.0).abs() <= 1.0 / 12800.0 + 1e-9, "{}", overlap_s);
                prop_assert!(pair[1].read_from_s >= pair[0].start_s, "one overlap reaches into one range only");
            }
            for range in &ranges {
                prop_assert!(range.end_s - range.start_s >= share_s / 2.0 - 1e-6, "{:?} of {}", range, share_s);
            }
            // Every frame once, and none of the ranges without one.
            let mut counts = vec![0_u64; ranges.len()];
            for frame in 0..frames {
                let time_s = info.time_base.seconds(first_tick + 512 * frame as i64);
                let owners: Vec<usize> = (0..ranges.len()).filter(|&range| ranges[range].contains(time_s)).collect();
                prop_assert_eq!(owners.len(), 1);
                counts[owners[0]] += 1;
            }
            prop_assert!(counts.iter().all(|&count| count > 0), "{:?}", counts);
        }
    }
}

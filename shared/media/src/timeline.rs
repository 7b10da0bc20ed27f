//! The true times of a video's frames, from the timestamps of its packets.

use crate::info::Rational;
use crate::{Limits, MediaError};

/// Collects ffprobe's lines `pts,dts,duration,flags` of one stream, however they are cut into pieces.
#[derive(Debug, Default)]
pub(crate) struct PacketReader {
    line: Vec<u8>,
    pub(crate) packets: Packets,
}

/// What the packets of the video stream say.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    /// Presentation time of each frame that is shown and whether decoding can start there, in ticks.
    frames: Vec<(i64, bool)>,
    last_duration: Option<i64>,
    /// All packets, also those that are decoded but not shown.
    pub(crate) total: u64,
}

/// Longer lines than this are not ffprobe's.
const MOST_LINE_BYTES: usize = 4096;

impl PacketReader {
    pub(crate) fn take(&mut self, chunk: &[u8], limits: &Limits) -> Result<(), MediaError> {
        for &byte in chunk {
            if byte == b'\n' {
                self.packets.push(&self.line);
                self.line.clear();
                if self.packets.total > limits.packets {
                    let what = format!("more than {} frames", limits.packets);
                    return Err(MediaError::TooLarge { what });
                }
            } else if self.line.len() < MOST_LINE_BYTES {
                self.line.push(byte);
            }
        }
        Ok(())
    }

    pub(crate) fn finish(mut self) -> Packets {
        let line = std::mem::take(&mut self.line);
        self.packets.push(&line);
        self.packets
    }
}

impl Packets {
    /// ffprobe 5 and 7 differ in what they add behind the flags, so only the first four fields count.
    fn push(&mut self, line: &[u8]) {
        let Ok(line) = std::str::from_utf8(line) else { return };
        let mut fields = line.trim_end().split(',');
        let (Some(pts), Some(dts), Some(duration), Some(flags)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return;
        };
        self.total += 1;
        // AVI and some streams have decoding times only.
        let Some(tick) = pts.parse().ok().or_else(|| dts.parse().ok()) else {
            return;
        };
        if flags.contains('D') {
            return;
        }
        self.frames.push((tick, flags.contains('K')));
        self.last_duration = duration
            .parse()
            .ok()
            .filter(|&duration| duration > 0)
            .or(self.last_duration);
    }

    /// Sorts the frames as they are shown. `None` when there is none with a time.
    pub(crate) fn timeline(mut self, time_base: Rational) -> Option<Timeline> {
        self.frames.sort_unstable_by_key(|&(tick, is_key)| (tick, !is_key));
        // Two fields of one picture, or a hidden frame and its shown one, carry one time.
        self.frames.dedup_by_key(|frame| frame.0);
        let (&(first, _), &(last, _)) = (self.frames.first()?, self.frames.last()?);
        let gaps = || self.frames.windows(2).map(|pair| pair[1].0.saturating_sub(pair[0].0));
        let span = last.saturating_sub(first);
        let intervals = self.frames.len() as u64 - 1;
        let mean = if intervals == 0 {
            0.0
        } else {
            span as f64 / intervals as f64
        };
        // Containers round times to their ticks, so a constant rate may wobble by one; more than that is a variable rate.
        let tolerance = (0.02 * mean).max(1.0);
        let is_variable = gaps().any(|gap| (gap as f64 - mean).abs() > tolerance);
        let mut ordered: Vec<i64> = gaps().collect();
        ordered.sort_unstable();
        let typical = ordered
            .get(ordered.len() / 2)
            .copied()
            .or(self.last_duration)
            .unwrap_or(0);
        Some(Timeline {
            time_base,
            frame_count: self.frames.len() as u64,
            first,
            last,
            end: last.saturating_add(self.last_duration.unwrap_or(typical)),
            longest_gap: ordered.last().copied().unwrap_or(0),
            span,
            is_variable,
            key_frames: self
                .frames
                .iter()
                .filter(|frame| frame.1)
                .map(|frame| frame.0)
                .collect(),
        })
    }
}

/// The times of the frames, in ticks.
#[derive(Debug, PartialEq)]
pub(crate) struct Timeline {
    time_base: Rational,
    pub(crate) frame_count: u64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) end: i64,
    pub(crate) longest_gap: i64,
    span: i64,
    pub(crate) is_variable: bool,
    pub(crate) key_frames: Vec<i64>,
}

impl Timeline {
    /// Frames per second. The container's fractions are taken where the timestamps agree with them to 0.1 %
    /// (they know 30000/1001, which rounded timestamps do not); else the mean of the intervals.
    pub(crate) fn frame_rate(&self, claimed: &[Option<Rational>]) -> Rational {
        let claimed = || claimed.iter().flatten().copied().filter(|rate| rate.num > 0);
        let intervals = self.frame_count - 1;
        let mean = Rational::new(
            intervals.saturating_mul(self.time_base.den),
            (self.span.max(0) as u64).saturating_mul(self.time_base.num),
        );
        match mean {
            Some(mean) if intervals > 0 => claimed()
                .find(|rate| (rate.as_f64() / mean.as_f64() - 1.0).abs() < 1e-3)
                .unwrap_or(mean),
            // A single frame: whatever the file says.
            _ => claimed().next().unwrap_or(Rational { num: 1, den: 1 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, base: Rational) -> Option<Timeline> {
        let mut reader = PacketReader::default();
        reader.take(text.as_bytes(), &Limits::default()).unwrap();
        reader.finish().timeline(base)
    }

    const MS: Rational = Rational { num: 1, den: 1000 };

    #[test]
    fn packets_are_put_into_the_order_in_which_they_are_shown() {
        let timeline = read("0,-80,40,K_\n120,-40,40,__\n40,0,40,__\n80,40,40,___,side data\n", MS).unwrap();
        assert_eq!(
            (timeline.first, timeline.last, timeline.end, timeline.frame_count),
            (0, 120, 160, 4)
        );
        assert!(!timeline.is_variable);
        assert_eq!(timeline.key_frames, [0]);
        assert_eq!(
            timeline.frame_rate(&[Some(Rational { num: 25, den: 1 })]),
            Rational { num: 25, den: 1 }
        );
    }

    #[test]
    fn rounding_to_milliseconds_is_no_variable_rate_and_a_missing_frame_is_one() {
        let line = |i: i32| format!("{},N/A,17,K_\n", (f64::from(i) * 1000.0 / 60.0).round());
        let rounded = (0..60).map(line).collect::<Vec<_>>().concat();
        let timeline = read(&rounded, MS).unwrap();
        assert!(!timeline.is_variable);
        assert_eq!(
            timeline.frame_rate(&[None, Some(Rational { num: 60, den: 1 })]),
            Rational { num: 60, den: 1 }
        );
        let dropped = rounded.replace("\n500,", "\nN/A,");
        assert!(read(&dropped, MS).unwrap().is_variable);
    }

    #[test]
    fn packets_that_are_only_decoded_are_no_frames() {
        let timeline = read("-40,-40,40,KD\n0,0,40,__\n40,40,40,__\n", MS).unwrap();
        assert_eq!((timeline.frame_count, timeline.first), (2, 0));
        assert!(read("N/A,N/A,N/A,K_\n", MS).is_none());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_in_any_pieces(text in "[-0-9,KD_N/A\n]{0,300}", piece in 1..20_usize) {
            let whole = read(&text, MS);
            let mut reader = PacketReader::default();
            for chunk in text.as_bytes().chunks(piece) {
                reader.take(chunk, &Limits::default()).unwrap();
            }
            let pieces = reader.finish().timeline(MS);
            if let Some(timeline) = &pieces {
                let rate = timeline.frame_rate(&[None]);
                prop_assert!(rate.den > 0 && timeline.last >= timeline.first);
            }
            prop_assert_eq!(whole, pieces);
        }
    }
}

//! How much of a machine a video may use.

use std::time::Duration;

use crate::MediaError;

/// Limits on media that nobody vouches for. The defaults suit phone and camera footage; raise them knowingly.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Longest video, s. Default: two hours.
    pub duration_s: f64,
    /// Longest side of the stored and of the upright picture, px. Default: 8192.
    pub side_px: u32,
    /// Most pixels of a picture. Default: 40 million (8K is 33 million).
    pub pixels: u64,
    /// Most streams in a file. Default: 16.
    pub streams: usize,
    /// Most packets of the video stream. Default: 4 million (two hours at 500 frames per second).
    pub packets: u64,
    /// Largest file to read, bytes. Default: 4 GiB.
    pub file_bytes: u64,
    /// Largest file a child may write, bytes. Default: 16 GiB.
    pub output_bytes: u64,
    /// Address space of a child (`RLIMIT_AS`), bytes. Default: 2 GiB. Debian's ffmpeg needs about 0.5 GiB to start.
    pub memory_bytes: u64,
    /// Processor time of a child, all threads together. Default: four hours.
    pub cpu: Duration,
    /// Wall time of one run of ffprobe. Default: two minutes.
    pub probe_wall: Duration,
    /// Longest silence of a child that is being waited for. Default: one minute. The time a reader takes with a frame doesn't count.
    pub stall: Duration,
    /// Longest wait for an encoder that was given its last frame: it still has to compress what it holds and to move the index to the
    /// front of the file. Default: ten minutes.
    pub finish_wall: Duration,
    /// Take what is there of a file that is cut, instead of [`MediaError::Truncated`]. Default: no.
    pub accept_truncated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            duration_s: 7200.0,
            side_px: 8192,
            pixels: 40_000_000,
            streams: 16,
            packets: 4_000_000,
            file_bytes: 4 << 30,
            output_bytes: 16 << 30,
            memory_bytes: 2 << 30,
            cpu: Duration::from_hours(4),
            probe_wall: Duration::from_mins(2),
            stall: Duration::from_mins(1),
            finish_wall: Duration::from_mins(10),
            accept_truncated: false,
        }
    }
}

impl Limits {
    /// Refuses a picture that is too large.
    ///
    /// # Errors
    /// [`MediaError::TooLarge`].
    pub fn check_picture(&self, width: u64, height: u64) -> Result<(), MediaError> {
        if width.max(height) > u64::from(self.side_px) || width.saturating_mul(height) > self.pixels {
            return Err(MediaError::TooLarge {
                what: format!(
                    "{width} by {height} pixels, allowed are {} on a side and {} in all",
                    self.side_px, self.pixels
                ),
            });
        }
        Ok(())
    }

    /// Refuses a video that is too long.
    ///
    /// # Errors
    /// [`MediaError::TooLong`].
    pub fn check_duration(&self, duration_s: f64) -> Result<(), MediaError> {
        if duration_s > self.duration_s {
            return Err(MediaError::TooLong {
                duration_s,
                limit_s: self.duration_s,
            });
        }
        Ok(())
    }
}

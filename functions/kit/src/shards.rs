//! The ranges into which a long video is cut.

use marey_cloud::{StageError, Work};
use marey_media::{ReadOptions, TimeRange, VideoInfo};
use serde::{Deserialize, Serialize};

use crate::{FRAME_SIZE, read_json};

/// The artifact in which `probe` leaves the ranges.
pub const SHARDS_JSON: &str = "shards.json";

/// Version of the layout of [`SHARDS_JSON`]. Raise it when a reader of the old layout would misread the new one.
const SCHEMA_VERSION: u32 = 1;

/// The ranges of a video, in the order of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shards {
    schema_version: u32,
    /// At least one.
    pub ranges: Vec<TimeRange>,
}

impl Shards {
    /// These ranges, to be stored.
    pub fn new(ranges: Vec<TimeRange>) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            ranges,
        }
    }

    /// The ranges that `probe` left.
    ///
    /// # Errors
    /// The artifact is missing or was written by another version.
    pub fn read(work: &Work) -> Result<Self, StageError> {
        let shards: Self = read_json(work.artifact("probe", SHARDS_JSON)?)?;
        if shards.schema_version != SCHEMA_VERSION {
            let problem = format!(
                "{SHARDS_JSON} has version {}, not {SCHEMA_VERSION}",
                shards.schema_version
            );
            return Err(StageError::internal(problem));
        }
        Ok(shards)
    }
}

/// The range of a shard; `None` where one shard works on the whole video.
///
/// # Errors
/// Those of [`Shards::read`], or the stage has another number of shards than there are ranges.
pub fn own_range(work: &Work) -> Result<Option<TimeRange>, StageError> {
    if work.shards == 1 {
        return Ok(None);
    }
    let ranges = Shards::read(work)?.ranges;
    if work.shards as usize != ranges.len() {
        let problem = format!("{} shards for {} ranges", work.shards, ranges.len());
        return Err(StageError::internal(problem));
    }
    Ok(ranges.get(work.shard.shard as usize).copied())
}

/// How the frames of a range, or of the whole video, are read: all stages see the same pictures.
pub fn read_options(range_s: Option<(f64, f64)>) -> ReadOptions {
    ReadOptions {
        size: FRAME_SIZE,
        range_s,
        ..ReadOptions::default()
    }
}

/// About how many frames a range of a video has, for showing progress.
pub fn expected_frames(info: &VideoInfo, range_s: Option<(f64, f64)>) -> f64 {
    let share = range_s.map_or(1.0, |(start_s, end_s)| {
        (end_s - start_s) / info.duration_s.max(f64::MIN_POSITIVE)
    });
    (info.frame_count as f64 * share).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_come_back_from_json_to_the_bit() {
        let range = TimeRange {
            read_from_s: 44.0 + 1.0 / 3.0,
            start_s: 45.333_344_444_444_44,
            end_s: 1e-9 + 90.0,
        };
        let shards = Shards::new(vec![range]);
        let text = serde_json::to_vec(&shards).unwrap();
        assert_eq!(serde_json::from_slice::<Shards>(&text).unwrap(), shards);
    }
}

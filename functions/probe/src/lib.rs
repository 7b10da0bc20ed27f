//! Looks at the uploaded file: is it a video that the other stages can work on, and what is in it?
//!
//! Everything hostile ends here, before any other stage opens the file. A long video is cut into ranges, which the stages after this one
//! work on at the same time.

use std::time::Duration;

use marey_cloud::{Output, Stage, StageError, Work};
use marey_fn_kit::{SHARDS_JSON, Shards, VIDEO_JSON, media_error, number_or, save};
use marey_media::{CutOptions, Limits, Tools, VideoInfo, cut, probe};
use serde_json::{Value, json};

/// The stage `probe`.
#[derive(Debug)]
pub struct Probe {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
    /// What a video may ask for.
    pub limits: Limits,
}

/// What a video may ask for. The two runs of ffprobe must end within the stage's time, to end with a reason.
pub fn limits() -> Limits {
    Limits {
        probe_wall: Duration::from_secs(50),
        ..Limits::default()
    }
}

impl Stage for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = probe(&self.tools, work.upload()?, &self.limits).map_err(media_error)?;
        work.control.check()?;
        let defaults = CutOptions::default();
        let options = CutOptions {
            longest_s: number_or(work, "shard_s", defaults.longest_s),
            most: number_or(work, "most_shards", defaults.most as f64) as usize,
            ..defaults
        };
        let ranges = cut(&info, &options).map_err(media_error)?;
        let facts = facts(&info, ranges.len());
        let json = |bytes: serde_json::Result<Vec<u8>>| bytes.map_err(StageError::internal);
        let video = json(serde_json::to_vec_pretty(&info))?;
        let shards = json(serde_json::to_vec_pretty(&Shards::new(ranges)))?;
        let files = vec![
            save(work, VIDEO_JSON, "application/json", &video)?,
            save(work, SHARDS_JSON, "application/json", &shards)?,
        ];
        Ok(Output { files, facts })
    }
}

/// What people want to know of a video, and into how many ranges it was cut.
fn facts(info: &VideoInfo, shards: usize) -> Value {
    json!({
        "duration_s": info.duration_s,
        "frames": info.frame_count,
        "frame_rate_hz": (info.frame_rate.as_f64() * 1000.0).round() / 1000.0,
        "variable_frame_rate": info.variable_frame_rate,
        "width_px": info.width_px,
        "height_px": info.height_px,
        "rotation_deg": info.rotation_deg,
        "codec": info.codec,
        "bit_depth": info.bit_depth,
        "has_audio": info.audio.is_some(),
        "shards": shards,
    })
}

#[cfg(test)]
mod tests {
    use marey_engine::Workflow;

    use super::*;

    #[test]
    fn ffprobe_is_stopped_before_the_stage_is() {
        let workflow = Workflow::shipped("motion").unwrap();
        let spec = workflow.stage(&"probe".parse().unwrap()).unwrap();
        assert!(2 * limits().probe_wall < Duration::from_secs(spec.timeout_s.into()));
    }
}

//! Looks at the uploaded file: is it a video that the other stages can work on, and what is in it?
//!
//! Everything hostile ends here, before any other stage opens the file.

use std::time::Duration;

use marey_cloud::{Input, Output, OutputFile, Stage, StageError, Work};
use marey_fn_kit::{VIDEO_JSON, media_error};
use marey_media::{Limits, Tools, VideoInfo, probe};
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

    fn inputs(&self) -> &'static [Input] {
        &[Input::Upload]
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = probe(&self.tools, work.upload()?, &self.limits).map_err(media_error)?;
        work.control.check()?;
        let path = work.scratch.join(VIDEO_JSON);
        std::fs::write(&path, serde_json::to_vec_pretty(&info).map_err(StageError::internal)?)?;
        let file = OutputFile {
            name: VIDEO_JSON,
            content_type: "application/json",
            path,
        };
        Ok(Output {
            files: vec![file],
            facts: facts(&info),
        })
    }
}

/// What people want to know of a video.
fn facts(info: &VideoInfo) -> Value {
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

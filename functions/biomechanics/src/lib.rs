//! Computes joint angles and their ranges from a recording.

use std::path::PathBuf;

use marey_cloud::{Input, Output, OutputFile, Stage, StageError, Work};
use marey_motion::{
    MotionError, Settings, Summary, analyze,
    formats::{analysis_to_json, angles_to_csv, angles_to_parquet, recording_from_parquet},
};

/// The artifact that holds the whole analysis.
pub const ANALYSIS: &str = "analysis.json";

/// The stage `biomechanics`.
#[derive(Debug, Default)]
pub struct Biomechanics {
    /// How recordings are cleaned.
    pub settings: Settings,
}

impl Stage for Biomechanics {
    fn name(&self) -> &'static str {
        "biomechanics"
    }

    fn inputs(&self) -> &'static [Input] {
        &[Input::Artifact {
            stage: "pose",
            name: "recording.parquet",
        }]
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let bytes = std::fs::read(work.artifact("pose", "recording.parquet")?)?;
        let recording = recording_from_parquet(&bytes).map_err(motion_error)?;
        work.control.set_progress(0.2);
        let analysis = analyze(&recording, &self.settings).map_err(motion_error)?;
        work.control.set_progress(0.6);
        work.control.check()?;
        let save = |name: &'static str, content_type, content: Vec<u8>| -> Result<OutputFile, StageError> {
            let path: PathBuf = work.scratch.join(name);
            std::fs::write(&path, content)?;
            Ok(OutputFile {
                name,
                content_type,
                path,
            })
        };
        let files = vec![
            save(
                ANALYSIS,
                "application/json",
                analysis_to_json(&analysis).map_err(motion_error)?.into_bytes(),
            )?,
            save(
                "angles.csv",
                "text/csv; charset=utf-8",
                angles_to_csv(&analysis).map_err(motion_error)?.into_bytes(),
            )?,
            save(
                "angles.parquet",
                "application/vnd.apache.parquet",
                angles_to_parquet(&analysis).map_err(motion_error)?,
            )?,
        ];
        let facts = serde_json::to_value(Summary::of(&analysis)).map_err(StageError::internal)?;
        Ok(Output { files, facts })
    }
}

/// The input is an artifact of Marey's own: what is wrong with it stays wrong.
fn motion_error(error: MotionError) -> StageError {
    StageError::permanent(error.code(), "The recording could not be analysed.", error.hint()).because(error)
}

//! Computes joint angles and their ranges from a recording.

use marey_cloud::{Input, Output, OutputFile, Stage, StageError, Work};
use marey_motion::{
    Analysis, MotionError, Settings, Summary, analyze,
    formats::{analysis_to_json, angles_to_csv, angles_to_parquet, recording_from_parquet, recording_to_parquet},
};

/// The artifact that holds the analysis without its poses.
pub const ANALYSIS: &str = "analysis.json";

/// The artifact that holds the cleaned poses; as JSON they would be a hundred times larger.
pub const POSES: &str = "poses.parquet";

/// Media type of Parquet files.
const PARQUET: &str = "application/vnd.apache.parquet";

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
        let facts = serde_json::to_value(Summary::of(&analysis)).map_err(StageError::internal)?;
        let files = save(work, analysis)?;
        Ok(Output { files, facts })
    }
}

/// Writes the analysis in every format, the poses apart.
fn save(work: &Work, analysis: Analysis) -> Result<Vec<OutputFile>, StageError> {
    let file = |name: &'static str, content_type, content: &[u8]| -> Result<OutputFile, StageError> {
        let path = work.scratch.join(name);
        std::fs::write(&path, content)?;
        Ok(OutputFile {
            name,
            content_type,
            path,
        })
    };
    let csv = angles_to_csv(&analysis).map_err(motion_error)?;
    let angles = angles_to_parquet(&analysis).map_err(motion_error)?;
    let (analysis, poses) = analysis.split_poses();
    let json = analysis_to_json(&analysis).map_err(motion_error)?;
    let poses = recording_to_parquet(&poses).map_err(motion_error)?;
    Ok(vec![
        file(ANALYSIS, "application/json", json.as_bytes())?,
        file(POSES, PARQUET, &poses)?,
        file("angles.csv", "text/csv; charset=utf-8", csv.as_bytes())?,
        file("angles.parquet", PARQUET, &angles)?,
    ])
}

/// The input is an artifact of Marey's own: what is wrong with it stays wrong.
fn motion_error(error: MotionError) -> StageError {
    StageError::permanent(error.code(), "The recording could not be analysed.", error.hint()).because(error)
}

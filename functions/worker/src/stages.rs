//! Every stage, by name.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use marey_cloud::{Output, Stage, StageError, Work};

/// The stages that a worker runs.
pub(crate) const NAMES: [&str; 5] = ["probe", "pose", "biomechanics", "visualize", "report"];

/// Any stage.
pub(crate) struct AnyStage(Box<dyn Stage>);

impl Stage for AnyStage {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        self.0.run(work)
    }
}

/// Builds a stage, with the tools and models that it needs.
pub(crate) fn build(name: &str) -> Result<AnyStage> {
    let tools = || marey_fn_kit::tools().context("ffmpeg is missing");
    let path = |name: &str, default: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| default.into()));
    let stage: Box<dyn Stage> = match name {
        "probe" => Box::new(marey_fn_probe::Probe {
            tools: tools()?,
            limits: marey_fn_probe::limits(),
        }),
        "pose" => {
            let library = path("MAREY_ONNXRUNTIME", "/opt/lib/libonnxruntime.so");
            let models = path("MAREY_MODELS", "/opt/models");
            let stage = marey_fn_pose::PoseStage::new(tools()?, &library, &models);
            Box::new(stage.context("the pose model cannot be loaded")?)
        }
        "biomechanics" => Box::new(marey_fn_biomechanics::Biomechanics),
        "visualize" => Box::new(marey_fn_visualize::Visualize { tools: tools()? }),
        "report" => Box::new(marey_fn_report::Report { tools: tools()? }),
        _ => bail!("there is no stage {name:?}; this worker runs {}", NAMES.join(", ")),
    };
    Ok(AnyStage(stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_of_every_workflow_runs_here() {
        for workflow in marey_engine::Workflow::all_shipped() {
            for stage in workflow.stages() {
                assert!(NAMES.contains(&stage.name.as_str()), "{}", stage.name);
            }
        }
    }

    #[test]
    fn an_unknown_stage_is_named() {
        let Err(error) = build("nothing") else {
            panic!("it was built")
        };
        assert!(error.to_string().contains("\"nothing\"") && error.to_string().contains("visualize"));
        assert_eq!(build("biomechanics").unwrap().name(), "biomechanics");
    }
}

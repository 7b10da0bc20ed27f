//! The function `pose`.

use std::path::PathBuf;

use marey_fn_pose::PoseStage;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let path = |name: &str, default: &str| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| default.into()));
    let library = path("MAREY_ONNXRUNTIME", "/opt/lib/libonnxruntime.so");
    let models = path("MAREY_MODELS", "/opt/models");
    let stage = PoseStage::new(marey_fn_kit::tools()?, &library, &models)?;
    marey_cloud::lambda::run_stage(stage).await
}

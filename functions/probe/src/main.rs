//! The function `probe`.

use marey_fn_probe::Probe;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    marey_cloud::lambda::run_stage(Probe {
        tools: marey_fn_kit::tools()?,
        limits: marey_fn_probe::limits(),
    })
    .await
}

//! The function `visualize`.

use marey_fn_visualize::Visualize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    marey_cloud::lambda::run_stage(Visualize {
        tools: marey_fn_kit::tools()?,
    })
    .await
}

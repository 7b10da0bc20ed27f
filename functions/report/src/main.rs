//! The function `report`.

use marey_fn_report::Report;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    marey_cloud::lambda::run_stage(Report {
        tools: marey_fn_kit::tools()?,
    })
    .await
}

//! The function `biomechanics`.

use marey_fn_biomechanics::Biomechanics;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    marey_cloud::lambda::run_stage(Biomechanics).await
}

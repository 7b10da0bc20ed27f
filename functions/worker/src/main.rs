//! The program `marey-worker`.

use std::process::ExitCode;

use clap::Parser;
use marey_fn_worker::{Arguments, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    marey_cloud::telemetry::init();
    run(Arguments::parse()).await
}

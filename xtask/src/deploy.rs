//! Deploys `infra/template.yaml` as it is, with the AWS command line, as one would to a real account.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::{
    build,
    cloud::{Cloud, Kind},
    home,
    shell::{Program, step},
};

/// The stack's name.
const STACK: &str = "marey";

/// Where packages are uploaded to.
const BUCKET: &str = "marey-deploy";

/// The admin's key of the local deployment, which nobody else can reach. A real account has one of its own.
pub(crate) const ADMIN_KEY: &str = "marey-local-admin";

/// What signs the local deployment's webhooks.
pub(crate) const WEBHOOK_SECRET: &str = "marey-local-webhook-secret";

fn aws(cloud: &Cloud) -> Program {
    Program::new(home().join("venv/bin/aws")).envs(cloud.environment())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Stack {
    stack_status: String,
    #[serde(default)]
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

/// Packages and deploys the template, and returns its outputs.
pub(crate) fn template(cloud: &Cloud) -> Result<BTreeMap<String, String>> {
    let packaged = home().join(format!("packaged-{}.yaml", cloud.port));
    step("package the functions", || {
        // It may be there from a deployment before.
        let _ = aws(cloud).args(["s3", "mb", &format!("s3://{BUCKET}")]).quiet();
        aws(cloud)
            .args([
                "cloudformation",
                "package",
                "--template-file",
                "infra/template.yaml",
                "--s3-bucket",
                BUCKET,
            ])
            .arg("--output-template-file")
            .arg(&packaged)
            .quiet()
    })?;
    step("deploy the template", || {
        let mut deploy = aws(cloud).args(["cloudformation", "deploy", "--stack-name", STACK, "--s3-bucket", BUCKET]);
        deploy = deploy.arg("--template-file").arg(&packaged);
        deploy = deploy.args(["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]);
        deploy = deploy.args([
            "--no-fail-on-empty-changeset",
            "--no-execute-changeset",
            "--parameter-overrides",
        ]);
        deploy.args(parameters(cloud)?).quiet()?;
        execute(cloud)?;
        wait(cloud)
    })
}

/// What differs between a local cloud and AWS.
fn parameters(cloud: &Cloud) -> Result<Vec<String>> {
    let architecture = if std::env::consts::ARCH == "aarch64" {
        "arm64"
    } else {
        "x86_64"
    };
    // LocalStack's free edition has neither API Gateway v2 nor Batch.
    let is_ministack = cloud.kind == Kind::Ministack;
    let batch = if is_ministack { "given" } else { "off" };
    Ok(vec![
        format!("Architecture={architecture}"),
        "Access=open".to_owned(),
        "UseLayers=false".to_owned(),
        format!("ToolsRoot={}", home().display()),
        format!("HttpApi={is_ministack}"),
        "Scale=small".to_owned(),
        "KeepData=false".to_owned(),
        format!("Revision={}", build::revision()?),
        format!("AdminKeySha256={}", hex::encode(Sha256::digest(ADMIN_KEY))),
        format!("WebhookSecret={WEBHOOK_SECRET}"),
        "WebhookLoopback=true".to_owned(),
        format!("Batch={batch}"),
    ])
}

/// `deploy` itself looks for the end every thirty seconds; a local stack is up in two.
fn execute(cloud: &Cloud) -> Result<()> {
    let list = [
        "cloudformation",
        "list-change-sets",
        "--stack-name",
        STACK,
        "--output",
        "text",
    ];
    let newest = aws(cloud)
        .args(list)
        .args(["--query", "Summaries[-1].ChangeSetName"])
        .text()?;
    let newest = newest.trim();
    if newest.is_empty() || newest == "None" {
        return Ok(());
    }
    let execute = [
        "cloudformation",
        "execute-change-set",
        "--stack-name",
        STACK,
        "--change-set-name",
        newest,
    ];
    aws(cloud).args(execute).quiet()
}

fn wait(cloud: &Cloud) -> Result<BTreeMap<String, String>> {
    let started = Instant::now();
    loop {
        let describe = [
            "cloudformation",
            "describe-stacks",
            "--stack-name",
            STACK,
            "--output",
            "json",
        ];
        let text = aws(cloud).args(describe).args(["--query", "Stacks[0]"]).text()?;
        let stack: Stack = serde_json::from_str(&text).context("the stack's description cannot be read")?;
        match stack.stack_status.as_str() {
            "CREATE_COMPLETE" | "UPDATE_COMPLETE" => {
                return Ok(stack
                    .outputs
                    .into_iter()
                    .map(|o| (o.output_key, o.output_value))
                    .collect());
            }
            status if status.contains("FAILED") || status.contains("ROLLBACK") => {
                bail!("the stack ended in {status}; the cloud's log says why");
            }
            _ if started.elapsed() > Duration::from_mins(5) => bail!("the stack is still not there after 5 minutes"),
            _ => std::thread::sleep(Duration::from_millis(500)),
        }
    }
}

//! A cloud with Marey deployed to it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::{
    agent, build, cloud,
    cloud::{Cloud, Kind},
    deploy, root, setup,
};

/// Where to start the cloud.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct StackOptions {
    /// Which local cloud
    #[arg(long, value_enum, default_value = "ministack")]
    pub(crate) cloud: Kind,
    /// The port on the loopback interface
    #[arg(long, default_value_t = cloud::PORT)]
    pub(crate) port: u16,
}

/// A cloud with Marey deployed to it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// The cloud.
    pub(crate) cloud: Cloud,
    /// What the template put out.
    pub(crate) outputs: BTreeMap<String, String>,
    /// What was deployed.
    fingerprint: String,
}

impl Stack {
    /// Deploys to a cloud.
    pub(crate) fn deploy(cloud: Cloud) -> Result<Self> {
        let fingerprint = fingerprint()?;
        let outputs = deploy::template(&cloud)?;
        if let Some(failures) = outputs.get("BatchFailuresQueueUrl") {
            agent::start(&cloud, failures)?;
        }
        Ok(Self {
            cloud,
            outputs,
            fingerprint,
        })
    }

    /// An output of the template.
    pub(crate) fn output(&self, name: &str) -> Result<&str> {
        let value = self.outputs.get(name).map(String::as_str);
        value.with_context(|| format!("the deployed template has no output {name}"))
    }

    /// The API's address on the local cloud; what MiniStack puts out are the host names of AWS. LocalStack's host name is
    /// known to no resolver but always stands for [`Stack::connect_to`].
    pub(crate) fn api(&self) -> Result<String> {
        let endpoint = self.cloud.endpoint();
        if self.cloud.kind == Kind::Ministack {
            return Ok(format!(
                "{endpoint}/_aws/execute-api/{}/$default",
                self.output("ApiId")?
            ));
        }
        Ok(self.output("FunctionUrl")?.trim_end_matches('/').to_owned())
    }

    /// What to connect to instead of resolving the API's host name; empty if that is an address.
    fn connect_to(&self) -> String {
        match self.cloud.kind {
            Kind::Ministack => String::new(),
            Kind::Localstack => format!("127.0.0.1:{}", self.cloud.port),
        }
    }

    /// The environment of tests and tools that talk to the stack.
    pub(crate) fn environment(&self) -> Result<Vec<(&'static str, String)>> {
        let mut environment = self.cloud.environment();
        environment.push(("MAREY_ENDPOINT", self.api()?));
        // Empty rather than absent: it may be left from another cloud.
        environment.push(("MAREY_CONNECT_TO", self.connect_to()));
        for (name, output) in [
            ("MAREY_UPLOADS_BUCKET", "UploadsBucketName"),
            ("MAREY_ARTIFACTS_BUCKET", "ArtifactsBucketName"),
            ("MAREY_JOBS_TABLE", "JobsTableName"),
            ("MAREY_INTAKE_QUEUE", "IntakeQueueUrl"),
            ("MAREY_INTAKE_DEAD_LETTER_QUEUE", "IntakeDeadLetterQueueUrl"),
            ("MAREY_QUEUE_PARKED", "ParkedQueueUrl"),
            ("MAREY_QUEUE_PROBE", "ProbeQueueUrl"),
            ("MAREY_QUEUE_PROBE_EXPRESS", "ProbeExpressQueueUrl"),
            ("MAREY_SWEEP_FUNCTION", "SweepFunctionName"),
        ] {
            environment.push((name, self.output(output)?.to_owned()));
        }
        for (name, output) in [
            ("MAREY_EVENT_BUS", "EventBusName"),
            ("MAREY_COMPLETION_TOPIC", "CompletionTopicArn"),
            ("MAREY_QUEUE_WEBHOOK", "WebhookQueueUrl"),
            ("MAREY_BATCH_QUEUE", "BatchQueueName"),
            ("MAREY_BATCH_QUEUE_EXPRESS", "BatchQueueExpressName"),
            ("MAREY_BATCH_DEFINITION", "BatchDefinitionName"),
            ("MAREY_QUEUE_BATCH_FAILURES", "BatchFailuresQueueUrl"),
        ] {
            // Empty where this cloud has none.
            environment.push((name, self.outputs.get(output).cloned().unwrap_or_default()));
        }
        environment.push(("MAREY_ADMIN_KEY", deploy::ADMIN_KEY.to_owned()));
        environment.push(("MAREY_WEBHOOK_SECRET", deploy::WEBHOOK_SECRET.to_owned()));
        Ok(environment)
    }

    /// Tells where everything is.
    pub(crate) fn print(&self) {
        println!("\nMarey is up. Use it with:\n");
        if let Ok(environment) = self.environment() {
            for (name, value) in environment {
                println!("    export {name}='{value}'");
            }
        }
        println!("\nand stop it with `cargo xtask down`.");
    }

    fn remember(&self) -> Result<()> {
        std::fs::write(cloud::state_file(), serde_json::to_vec_pretty(self)?)?;
        Ok(())
    }
}

/// The stack of the demo, if one was started and not stopped.
pub(crate) fn remembered() -> Option<Stack> {
    serde_json::from_slice(&std::fs::read(cloud::state_file()).ok()?).ok()
}

/// Sets up, builds, starts and deploys, as far as it is not done yet.
pub(crate) fn up(options: &StackOptions) -> Result<Stack> {
    setup::all(&setup::Wanted::for_cloud(options.cloud))?;
    build::functions()?;
    let running = remembered().filter(|stack| stack.cloud.is_alive());
    let stack = match running {
        Some(stack) if stack.cloud.kind == options.cloud && stack.cloud.port == options.port => {
            if stack.fingerprint == fingerprint()? {
                return Ok(stack);
            }
            Stack::deploy(stack.cloud)?
        }
        other => {
            if let Some(stack) = other {
                stack.cloud.stop();
            }
            let cloud = Cloud::start(options.cloud, options.port)?;
            match Stack::deploy(cloud.clone()) {
                Ok(stack) => stack,
                Err(error) => {
                    cloud.stop();
                    return Err(error);
                }
            }
        }
    };
    stack.remember()?;
    Ok(stack)
}

/// Hash of everything that is deployed: a stack with the same needs no deployment.
fn fingerprint() -> Result<String> {
    let template = ["infra/template.yaml", "infra/gpu.yaml"].map(|path| root().join(path));
    Ok(format!("{}{}", build::hash(&template)?, build::revision()?))
}

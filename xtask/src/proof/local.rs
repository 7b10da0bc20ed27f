//! What the proof says to the local cloud itself, which asks for no signature.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use marey_engine::JobId;
use serde_json::{Value, json};

use crate::stack::Stack;

/// A client of the local cloud.
pub(super) struct Local {
    agent: ureq::Agent,
    endpoint: String,
    table: String,
    uploads: String,
    artifacts: String,
    api: String,
    cloud: u32,
}

/// An upload that was made.
#[derive(Debug, Clone)]
pub(super) struct Uploaded {
    pub(super) job: JobId,
    pub(super) key: String,
    pub(super) version: Option<String>,
    pub(super) etag: String,
    pub(super) bytes: usize,
}

impl Local {
    pub(super) fn of(stack: &Stack) -> Result<Self> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(Duration::from_mins(1)));
        Ok(Self {
            agent: agent.build().into(),
            endpoint: stack.cloud.endpoint(),
            table: stack.output("JobsTableName")?.to_owned(),
            uploads: stack.output("UploadsBucketName")?.to_owned(),
            artifacts: stack.output("ArtifactsBucketName")?.to_owned(),
            api: stack.api()?,
            cloud: stack.cloud.pid,
        })
    }

    /// Uploads a file as any program could.
    pub(super) fn put(&self, key: &str, content: &[u8], metadata: &BTreeMap<&str, String>) -> Result<Uploaded> {
        let mut call = self.agent.put(format!("{}/{}/{key}", self.endpoint, self.uploads));
        for (name, value) in metadata {
            call = call.header(format!("x-amz-meta-{name}"), value);
        }
        let stored = call
            .content_type("video/mp4")
            .send(content)
            .context("the upload failed")?;
        let header = |name: &str| stored.headers().get(name).and_then(|value| value.to_str().ok());
        let version = header("x-amz-version-id")
            .filter(|version| *version != "null")
            .map(str::to_owned);
        let etag = header("etag")
            .context("the upload has no ETag")?
            .trim_matches('"')
            .to_owned();
        Ok(Uploaded {
            job: JobId::of_object(&self.uploads, key, version.as_deref(), &etag),
            key: key.to_owned(),
            version,
            etag,
            bytes: content.len(),
        })
    }

    /// The event with which S3 announces an upload.
    pub(super) fn announcement(&self, upload: &Uploaded) -> String {
        let object = json!({"key": upload.key, "size": upload.bytes, "eTag": upload.etag, "versionId": upload.version});
        let record = json!({"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
            "eventTime": "2026-11-21T00:00:00.000Z", "eventName": "ObjectCreated:Put",
            "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": self.uploads}, "object": object}});
        json!({"Records": [record]}).to_string()
    }

    fn call(&self, service: &str, version: &str, action: &str, body: &Value) -> Result<Value> {
        let target = format!("{version}.{action}");
        let call = self.agent.post(&self.endpoint).header("x-amz-target", target);
        // MiniStack tells services apart by the credential's scope.
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/{service}/aws4_request");
        let call = call
            .header("authorization", scope)
            .content_type("application/x-amz-json-1.0");
        let mut answer = call
            .send(body.to_string())
            .with_context(|| format!("{action} failed"))?;
        Ok(answer.body_mut().with_config().limit(256 << 20).read_json()?)
    }

    pub(super) fn send(&self, queue: &str, body: &str) -> Result<()> {
        let message = json!({"QueueUrl": queue, "MessageBody": body});
        self.call("sqs", "AmazonSQS", "SendMessage", &message).map(drop)
    }

    /// Messages in a queue, hidden ones included.
    pub(super) fn depth(&self, queue: &str) -> Result<u64> {
        let wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
        let asked = json!({"QueueUrl": queue, "AttributeNames": wanted});
        let answer = self.call("sqs", "AmazonSQS", "GetQueueAttributes", &asked)?;
        let numbers = wanted
            .iter()
            .filter_map(|name| answer["Attributes"][name].as_str()?.parse::<u64>().ok());
        Ok(numbers.sum())
    }

    /// Every row of the jobs table, in DynamoDB's own notation.
    pub(super) fn rows(&self) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut asked = json!({"TableName": self.table, "ConsistentRead": true});
            if !start.is_null() {
                asked["ExclusiveStartKey"] = start;
            }
            let mut page = self.call("dynamodb", "DynamoDB_20120810", "Scan", &asked)?;
            rows.extend(page["Items"].as_array_mut().into_iter().flat_map(std::mem::take));
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return Ok(rows);
            }
        }
    }

    /// The keys of all artifacts.
    pub(super) fn artifacts(&self) -> Result<Vec<String>> {
        let mut keys: Vec<String> = Vec::new();
        loop {
            let after = keys.last().cloned().unwrap_or_default();
            let url = format!("{}/{}", self.endpoint, self.artifacts);
            let call = self.agent.get(url).query("list-type", "2").query("start-after", after);
            let page = call
                .call()
                .context("the artifacts cannot be listed")?
                .body_mut()
                .read_to_string()?;
            let found = page.split("<Key>").skip(1).filter_map(|part| part.split_once("</Key>"));
            let before = keys.len();
            keys.extend(found.map(|(key, _)| key.to_owned()));
            if keys.len() == before {
                return Ok(keys);
            }
        }
    }

    /// Asks the API to try a failed job again.
    pub(super) fn retry(&self, job: JobId) -> Result<()> {
        let url = format!("{}/jobs/{job}/retry", self.api);
        self.agent.post(url).send_empty().context("the job cannot be retried")?;
        Ok(())
    }

    /// The processes of the functions, which are the cloud's children.
    pub(super) fn functions(&self) -> Vec<u32> {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            name_and_parent(*pid).is_some_and(|(name, parent)| name == "bootstrap" && parent == self.cloud)
        })
        .collect()
    }
}

/// Fields 2 and 4 of `proc_pid_stat(5)`.
fn name_and_parent(pid: u32) -> Option<(String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (name, rest) = stat.rsplit_once(") ")?;
    let name = name.split_once('(')?.1.to_owned();
    Some((name, rest.split(' ').nth(1)?.parse().ok()?))
}

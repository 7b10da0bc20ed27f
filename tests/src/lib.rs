//! End-to-end tests against the deployed local stack: what they share.
//!
//! `cargo xtask test` starts a cloud, deploys the template and gives these tests its environment. Without it every test
//! says that it is skipped.

pub mod videos;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use aws_sdk_s3::primitives::ByteStream;
use marey::{Auth, Client, Endpoint};
use marey_contract::{JobDetail, Results};
use marey_engine::JobId;

/// How long a job may take on two busy cores before a test gives up on it.
const PATIENCE: Duration = Duration::from_mins(4);

/// The deployed stack.
pub struct World {
    /// The API.
    pub api: Client,
    /// S3.
    pub s3: aws_sdk_s3::Client,
    /// SQS.
    pub sqs: aws_sdk_sqs::Client,
    /// Name of the uploads bucket.
    pub uploads: String,
    /// Whether LocalStack plays AWS, which differs from it where a test says so.
    pub is_localstack: bool,
}

/// Runs a test in the deployed stack, or says that there is none.
///
/// # Panics
/// The test failed.
pub fn in_world<F: Future<Output = Result<()>>>(test: impl FnOnce(World) -> F) {
    if std::env::var_os("MAREY_ENDPOINT").is_none() || std::env::var_os("AWS_ENDPOINT_URL").is_none() {
        eprintln!("skipped: no deployed stack; `cargo xtask test` starts one");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            let world = World::connect().await?;
            test(world).await
        })
    });
    if let Err(error) = outcome {
        panic!("{error:?}");
    }
}

/// A variable that `cargo xtask test` sets.
///
/// # Errors
/// It is not set.
pub fn setting(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("{name} is not set"))
}

impl World {
    async fn connect() -> Result<Self> {
        let config = marey_cloud::aws::sdk_config().await;
        let path_style = aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build();
        let mut endpoint = Endpoint::parse(&setting("MAREY_ENDPOINT")?)?;
        if let Some(address) = setting("MAREY_CONNECT_TO").ok().filter(|address| !address.is_empty()) {
            endpoint = endpoint.connecting_to(&address)?;
        }
        Ok(Self {
            api: Client::new(endpoint, Auth::None).await?,
            s3: aws_sdk_s3::Client::from_conf(path_style),
            sqs: aws_sdk_sqs::Client::new(&config),
            uploads: setting("MAREY_UPLOADS_BUCKET")?,
            is_localstack: setting("MAREY_TEST_CLOUD").is_ok_and(|cloud| cloud == "localstack"),
        })
    }

    /// A plain S3 PUT; returns the id of the job that it makes.
    ///
    /// # Errors
    /// The upload failed.
    pub async fn put(&self, key: &str, content: Vec<u8>) -> Result<String> {
        self.put_with(key, content, &BTreeMap::new()).await
    }

    /// A PUT with user metadata.
    ///
    /// # Errors
    /// The upload failed.
    pub async fn put_with(&self, key: &str, content: Vec<u8>, metadata: &BTreeMap<String, String>) -> Result<String> {
        let mut call = self
            .s3
            .put_object()
            .bucket(&self.uploads)
            .key(key)
            .body(ByteStream::from(content));
        for (name, value) in metadata {
            call = call.metadata(name, value);
        }
        let stored = call.send().await?;
        let version = stored.version_id().filter(|version| *version != "null");
        let etag = stored.e_tag().context("the upload has no ETag")?;
        Ok(JobId::of_object(&self.uploads, key, version, etag).to_string())
    }

    /// Uploads a video under a key of its own and waits for the end of its job.
    ///
    /// # Errors
    /// The upload failed or the job did not end.
    pub async fn run(&self, video: &Path) -> Result<JobDetail> {
        let name = video
            .file_name()
            .context("a video has a name")?
            .to_string_lossy()
            .into_owned();
        let key = format!("uploads/{}/{name}", uuid::Uuid::new_v4());
        let id = self.put(&key, std::fs::read(video)?).await?;
        self.end_of(&id).await
    }

    /// Waits until a job has ended.
    ///
    /// # Errors
    /// It did not end in time.
    pub async fn end_of(&self, id: &str) -> Result<JobDetail> {
        let started = Instant::now();
        loop {
            match self.api.job(id).await {
                Ok(job) if job.summary.status.has_ended() => return Ok(job),
                Ok(job) if started.elapsed() > PATIENCE => bail!("the job did not end: {job:#?}"),
                Err(error) if !error.is_not_found() || started.elapsed() > PATIENCE => {
                    return Err(error).context("the job was not found");
                }
                _ => tokio::time::sleep(Duration::from_millis(150)).await,
            }
        }
    }

    /// Downloads every result of a completed job into a folder.
    ///
    /// # Errors
    /// A result is missing or not what the job says it is.
    pub async fn download(&self, id: &str, folder: &Path) -> Result<Results> {
        let results = self.api.results(id).await?;
        for file in &results.files {
            marey::download::download(&self.api, file, folder, &file.name, false, |_| {}).await?;
        }
        Ok(results)
    }

    /// How many messages wait in a queue, hidden ones included.
    ///
    /// # Errors
    /// The queue did not answer.
    pub async fn waiting(&self, queue: &str) -> Result<u32> {
        use aws_sdk_sqs::types::QueueAttributeName::{
            ApproximateNumberOfMessages, ApproximateNumberOfMessagesNotVisible,
        };
        let call = self.sqs.get_queue_attributes().queue_url(queue);
        let call = call.attribute_names(ApproximateNumberOfMessages);
        let answer = call
            .attribute_names(ApproximateNumberOfMessagesNotVisible)
            .send()
            .await?;
        let counts = answer.attributes().context("a queue has attributes")?.values();
        Ok(counts.filter_map(|count| count.parse::<u32>().ok()).sum())
    }
}

/// The code of a failed job, with its hint and message checked to be there.
///
/// # Panics
/// The job did not fail, or does not say why.
pub fn failure_code(job: &JobDetail) -> String {
    let error = job
        .summary
        .error
        .as_ref()
        .unwrap_or_else(|| panic!("the job did not fail: {job:#?}"));
    assert!(
        !error.message.is_empty() && !error.hint.is_empty(),
        "a failure says why and what to do: {error:?}"
    );
    assert!(
        !error.message.contains("/tmp") && !error.message.contains("ffmpeg version"),
        "private: {error:?}"
    );
    error.code.clone()
}

/// Checks that a job is complete, and shows why if it is not.
///
/// # Panics
/// The job failed.
pub fn assert_completed(job: &JobDetail) {
    assert_eq!(job.summary.status, marey_contract::JobStatus::Completed, "{job:#?}");
    assert!((job.progress - 1.0).abs() < 1e-12);
}

/// What a stage found.
///
/// # Panics
/// The job has no such stage.
pub fn facts<'a>(job: &'a JobDetail, stage: &str) -> &'a serde_json::Value {
    &job.stages
        .iter()
        .find(|s| s.name == stage)
        .unwrap_or_else(|| panic!("no stage {stage}"))
        .facts
}

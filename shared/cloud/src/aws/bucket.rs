//! S3.

use std::{path::Path, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::{GetObjectError, GetObjectOutput, builders::GetObjectFluentBuilder},
    presigning::PresigningConfig,
    primitives::{ByteStream, DateTime},
    types::{Delete, ObjectIdentifier, ServerSideEncryption},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use jiff::Timestamp;
use marey_engine::{Artifact, JobId, Upload};
use tokio::io::AsyncWriteExt;

use crate::{
    CloudError, Settings,
    artifacts::{
        ArtifactPage, DeleteArtifacts, ListArtifacts, ReadUploads, StoreArtifacts, StoredArtifact, job_prefix,
    },
};

mod uploads;

/// The buckets of a deployment; an upload names its own.
#[derive(Debug, Clone)]
pub struct Buckets {
    client: Client,
    artifacts: String,
}

impl Buckets {
    /// The buckets that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let builder = aws_sdk_s3::config::Builder::from(config).force_path_style(super::has_custom_endpoint(config));
        let client = Client::from_conf(builder.build());
        Self {
            client,
            artifacts: settings.artifacts.clone(),
        }
    }

    /// A request for exactly the content that an upload names.
    fn exactly(&self, upload: &Upload) -> GetObjectFluentBuilder {
        let call = self.client.get_object().bucket(&upload.bucket).key(&upload.key);
        match &upload.version {
            Some(version) => call.version_id(version),
            // Without versions the ETag alone tells whether the object is still the one that made the job.
            None => call.if_match(format!("\"{}\"", upload.etag)),
        }
    }

    /// A link to an artifact that works without credentials for a while and downloads under the artifact's name.
    ///
    /// # Errors
    /// The link could not be signed.
    pub async fn presign(&self, artifact: &Artifact, lifetime: Duration) -> Result<String, CloudError> {
        let config = PresigningConfig::expires_in(lifetime).map_err(|e| CloudError::service("presign", e))?;
        let disposition = format!("inline; filename=\"{}\"", artifact.name);
        let call = self.client.get_object().bucket(&self.artifacts).key(&artifact.key);
        let signed = call.response_content_disposition(disposition).presigned(config).await;
        signed
            .map(|request| request.uri().to_owned())
            .map_err(|e| CloudError::service("presign", e))
    }
}

/// Whether the service says that the object is not there, or not any more in the version or content asked for.
fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let status = error.raw_response().map(|response| response.status().as_u16());
    matches!(
        code,
        Some("NoSuchKey" | "NoSuchVersion" | "NotFound" | "PreconditionFailed")
    ) || matches!(status, Some(404 | 412))
}

async fn save(
    found: Result<GetObjectOutput, SdkError<GetObjectError>>,
    what: &str,
    to: &Path,
) -> Result<(), CloudError> {
    let object = match found {
        Ok(object) => object,
        Err(error) if is_missing(&error) => return Err(CloudError::Missing { what: what.to_owned() }),
        Err(error) => return Err(CloudError::service("get object", error)),
    };
    let expected = object.content_length();
    let mut body = object.body;
    let mut file = tokio::fs::File::create(to)
        .await
        .map_err(|e| CloudError::service("create file", e))?;
    let mut received = 0_i64;
    while let Some(chunk) = body
        .try_next()
        .await
        .map_err(|e| CloudError::service("read object", e))?
    {
        received += chunk.len() as i64;
        file.write_all(&chunk)
            .await
            .map_err(|e| CloudError::service("write file", e))?;
    }
    file.flush().await.map_err(|e| CloudError::service("write file", e))?;
    match expected {
        Some(expected) if expected != received => Err(CloudError::service(
            "read object",
            format!("{received} of {expected} bytes came"),
        )),
        _ => Ok(()),
    }
}

impl ReadUploads for Buckets {
    async fn fetch_upload(&self, upload: &Upload, to: &Path) -> Result<(), CloudError> {
        if let Some(member) = &upload.member {
            return self.unpack(upload, member, to).await;
        }
        let found = self.exactly(upload).send().await;
        save(found, &format!("upload {}", upload.key), to).await
    }
}

impl StoreArtifacts for Buckets {
    async fn fetch(&self, key: &str, to: &Path) -> Result<(), CloudError> {
        let found = self.client.get_object().bucket(&self.artifacts).key(key).send().await;
        save(found, key, to).await
    }

    async fn store_file(&self, artifact: &Artifact, from: &Path) -> Result<(), CloudError> {
        let body = ByteStream::from_path(from)
            .await
            .map_err(|e| CloudError::service("open file", e))?;
        let call = self
            .client
            .put_object()
            .bucket(&self.artifacts)
            .key(&artifact.key)
            .body(body);
        let call = call
            .content_type(&artifact.content_type)
            .content_length(artifact.bytes as i64)
            .server_side_encryption(ServerSideEncryption::Aes256)
            .metadata("sha256", &artifact.sha256)
            .checksum_sha256(base64_of_hex(&artifact.sha256)?);
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service("put artifact", e))
    }

    async fn copy(&self, from: &Artifact, to: &str) -> Result<(), CloudError> {
        // Keys of artifacts are made of names that need no encoding.
        let source = format!("{}/{}", self.artifacts, from.key);
        let call = self
            .client
            .copy_object()
            .bucket(&self.artifacts)
            .key(to)
            .copy_source(source);
        let copied = call.server_side_encryption(ServerSideEncryption::Aes256).send().await;
        match copied {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Err(CloudError::Missing { what: from.key.clone() }),
            Err(error) => Err(CloudError::service("copy artifact", error)),
        }
    }

    async fn store_bytes(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        let call = self
            .client
            .put_object()
            .bucket(&self.artifacts)
            .key(key)
            .body(ByteStream::from(bytes));
        let call = call
            .content_type(content_type)
            .server_side_encryption(ServerSideEncryption::Aes256);
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service("put artifact", e))
    }
}

/// S3 wants checksums in base64, people read them in hexadecimal.
fn base64_of_hex(text: &str) -> Result<String, CloudError> {
    let bytes = hex::decode(text).map_err(|e| CloudError::Malformed {
        what: "an artifact's SHA-256".to_owned(),
        problem: e.to_string(),
    })?;
    Ok(aws_smithy_types::base64::encode(bytes))
}

impl DeleteArtifacts for Buckets {
    async fn delete_some(&self, job: JobId) -> Result<u64, CloudError> {
        let call = self.client.list_objects_v2().bucket(&self.artifacts);
        let page = call.prefix(job_prefix(job)).send().await;
        let page = page.map_err(|e| CloudError::service("list artifacts", e))?;
        // A page has as many as one call deletes: a thousand.
        let keys = page.contents().iter().filter_map(|object| object.key());
        let named = keys.map(|key| ObjectIdentifier::builder().key(key).build());
        let named: Vec<_> = named
            .collect::<Result<_, _>>()
            .map_err(|e| CloudError::service("delete artifacts", e))?;
        if named.is_empty() {
            return Ok(0);
        }
        let count = named.len() as u64;
        let all = Delete::builder().set_objects(Some(named)).quiet(true).build();
        let all = all.map_err(|e| CloudError::service("delete artifacts", e))?;
        let call = self.client.delete_objects().bucket(&self.artifacts).delete(all);
        let answer = call
            .send()
            .await
            .map_err(|e| CloudError::service("delete artifacts", e))?;
        match answer.errors().first() {
            None => Ok(count),
            Some(error) => Err(CloudError::service("delete artifacts", format!("{error:?}"))),
        }
    }
}

impl ListArtifacts for Buckets {
    async fn artifacts(&self, after: Option<&str>) -> Result<ArtifactPage, CloudError> {
        let call = self
            .client
            .list_objects_v2()
            .bucket(&self.artifacts)
            .prefix("artifacts/");
        let page = call.set_start_after(after.map(str::to_owned)).send().await;
        let page = page.map_err(|e| CloudError::service("list artifacts", e))?;
        let artifacts: Vec<_> = page
            .contents()
            .iter()
            .filter_map(|object| {
                let key = object.key()?.to_owned();
                let stored_at = instant(object.last_modified()?)?;
                Some(StoredArtifact { key, stored_at })
            })
            .collect();
        let last = page.contents().last().and_then(|object| object.key());
        let next = last.filter(|_| page.is_truncated() == Some(true)).map(str::to_owned);
        Ok(ArtifactPage { artifacts, next })
    }

    async fn delete_artifact(&self, key: &str) -> Result<(), CloudError> {
        let call = self.client.delete_object().bucket(&self.artifacts).key(key);
        call.send()
            .await
            .map(drop)
            .map_err(|e| CloudError::service("delete artifact", e))
    }
}

fn instant(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

//! Lambda's event source mappings: how many tasks of a queue run at once.
//!
//! Two calls of Lambda's REST interface (AWS Lambda API Reference, `ListEventSourceMappings` and
//! `UpdateEventSourceMapping`), signed by hand: the SDK's client for Lambda would weigh more than all that uses it here.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
use aws_smithy_types::body::SdkBody;
use serde::Deserialize;
use serde_json::json;

use crate::CloudError;

/// Where the calls are.
const PATH: &str = "/2015-03-31/event-source-mappings/";

/// A call takes at most so long.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lambda's event source mappings.
#[derive(Debug, Clone)]
pub(super) struct Mappings {
    config: SdkConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    event_source_mappings: Vec<Listing>,
}

#[derive(Deserialize)]
struct Listing {
    #[serde(rename = "UUID")]
    uuid: String,
}

impl Mappings {
    pub(super) fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone() }
    }

    /// Sets how many invocations a queue's messages may have at once, in every mapping that reads the queue.
    pub(super) async fn limit(&self, queue_arn: &str, tasks: Option<u32>) -> Result<(), CloudError> {
        let query = format!("?EventSourceArn={}", percent_encoded(queue_arn));
        let found = self.call("GET", &format!("{PATH}{query}"), String::new()).await?;
        let listed: Listed = serde_json::from_slice(&found).map_err(|e| CloudError::Malformed {
            what: "list of event source mappings".to_owned(),
            problem: e.to_string(),
        })?;
        if listed.event_source_mappings.is_empty() {
            return Err(CloudError::Missing {
                what: format!("an event source mapping of {queue_arn}"),
            });
        }
        for mapping in listed.event_source_mappings {
            let path = format!("{PATH}{}", percent_encoded(&mapping.uuid));
            self.call("PUT", &path, scaling(tasks)).await?;
        }
        Ok(())
    }

    fn address(&self, region: &str) -> String {
        let endpoint = self.config.endpoint_url().map(str::to_owned);
        let endpoint = endpoint.or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
        match endpoint.filter(|endpoint| !endpoint.is_empty()) {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None if region.starts_with("cn-") => format!("https://lambda.{region}.amazonaws.com.cn"),
            None => format!("https://lambda.{region}.amazonaws.com"),
        }
    }

    async fn call(&self, method: &str, path: &str, body: String) -> Result<Vec<u8>, CloudError> {
        const OPERATION: &str = "call Lambda";
        let region = self.config.region().map_or("us-east-1", |region| region.as_ref());
        let address = self.address(region);
        let request = self.signed(method, &format!("{address}{path}"), region, body).await?;
        let connector = Connector::builder()
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build();
        let answer = tokio::time::timeout(PATIENCE, connector.call(request)).await;
        let answer = answer
            .map_err(|e| CloudError::service(OPERATION, e))?
            .map_err(|e| CloudError::service(OPERATION, e))?;
        let status = answer.status().as_u16();
        let bytes = tokio::time::timeout(PATIENCE, read(answer.into_body())).await;
        let bytes = bytes.map_err(|e| CloudError::service(OPERATION, e))??;
        if (200..300).contains(&status) {
            return Ok(bytes);
        }
        let words = String::from_utf8_lossy(&bytes).into_owned();
        Err(CloudError::service(
            OPERATION,
            format!("{method} {path}: {status} {words}"),
        ))
    }

    async fn signed(&self, method: &str, url: &str, region: &str, body: String) -> Result<HttpRequest, CloudError> {
        const OPERATION: &str = "sign call";
        let provider = self.config.credentials_provider().ok_or_else(|| CloudError::Missing {
            what: "credentials".to_owned(),
        })?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|e| CloudError::service(OPERATION, e))?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("lambda")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|e| CloudError::service(OPERATION, e))?
            .into();
        let headers = [("content-type", "application/json")];
        let signable = SignableRequest::new(method, url, headers.into_iter(), SignableBody::Bytes(body.as_bytes()));
        let signable = signable.map_err(|e| CloudError::service(OPERATION, e))?;
        let (instructions, _) = sign(signable, &params)
            .map_err(|e| CloudError::service(OPERATION, e))?
            .into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request
            .set_method(method)
            .map_err(|e| CloudError::service(OPERATION, e))?;
        request
            .set_uri(url)
            .map_err(|e| CloudError::service(OPERATION, format!("{e:?}")))?;
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

/// An empty configuration takes the limit away.
fn scaling(tasks: Option<u32>) -> String {
    let config = tasks.map_or_else(|| json!({}), |tasks| json!({"MaximumConcurrency": tasks}));
    json!({"ScalingConfig": config}).to_string()
}

async fn read(body: SdkBody) -> Result<Vec<u8>, CloudError> {
    let collected = aws_smithy_types::byte_stream::ByteStream::new(body).collect().await;
    collected
        .map(|bytes| bytes.into_bytes().to_vec())
        .map_err(|e| CloudError::service("read answer", e))
}

/// Everything but letters, digits and `-._~` as `%XX` (RFC 3986, §2.3).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let hex = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(hex[usize::from(byte >> 4)]));
            encoded.push(char::from(hex[usize::from(byte & 15)]));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_set_and_taken_away_as_lambda_has_it() {
        assert_eq!(scaling(Some(4)), r#"{"ScalingConfig":{"MaximumConcurrency":4}}"#);
        assert_eq!(scaling(None), r#"{"ScalingConfig":{}}"#);
    }

    #[test]
    fn an_arn_is_encoded_for_a_query() {
        assert_eq!(
            percent_encoded("arn:aws:sqs:eu-west-1:1:a_b"),
            "arn%3Aaws%3Asqs%3Aeu-west-1%3A1%3Aa_b"
        );
    }
}

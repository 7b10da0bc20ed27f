//! Signatures for requests to AWS (Signature Version 4).
//!
//! On AWS the routes of the API are open only to signed requests. The tool signs them itself and holds no SDK client:
//! what comes from AWS's crates is the search for credentials (environment, profile, single sign-on, process, container,
//! instance) and the signature. Everything else in this crate is plain HTTP, and nothing outside this file names AWS's crates.

use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use reqwest::Request;
use reqwest::header::{HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::endpoint::Endpoint;
use crate::error::Error;

/// Credentials that end sooner than this are asked for again.
const FRESH_FOR: Duration = Duration::from_mins(1);

/// Whether requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Auth {
    /// Signed if the host belongs to AWS.
    #[default]
    Auto,
    /// Signed.
    Iam,
    /// Not signed.
    None,
}

/// Signs requests with the person's credentials.
#[derive(Debug)]
pub struct Signer {
    provider: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
    service: &'static str,
    region: String,
}

impl Signer {
    /// Finds the providers of credentials for an endpoint; `None` if its requests are not signed.
    ///
    /// # Errors
    /// [`Error::Unencrypted`] for a plain `http` endpoint on another machine, [`Error::NoRegion`] and
    /// [`Error::NoCredentials`] if the person's AWS settings lack these.
    pub async fn for_endpoint(endpoint: &Endpoint, auth: Auth) -> Result<Option<Self>, Error> {
        if auth == Auth::None || (auth == Auth::Auto && !endpoint.is_aws()) {
            return Ok(None);
        }
        if !endpoint.is_encrypted() && !endpoint.is_loopback() {
            return Err(Error::Unencrypted { host: endpoint.host() });
        }
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12());
        let host = endpoint.aws_host();
        if let Some(host) = &host {
            // Else the region would be searched as well, at last in a network where it is not.
            loader = loader.region(Region::new(host.region.clone()));
        }
        let config = loader.load().await;
        // A domain of one's own in front of API Gateway tells no service either.
        let service = host.map_or("execute-api", |host| host.service);
        let region = config.region().ok_or(Error::NoRegion)?.to_string();
        let provider = config.credentials_provider().ok_or_else(|| Error::NoCredentials {
            why: "no provider is configured".to_owned(),
        })?;
        Ok(Some(Self {
            provider,
            held: Mutex::new(None),
            service,
            region,
        }))
    }

    /// Adds the signature to a request, whose body must be in memory.
    ///
    /// # Errors
    /// [`Error::NoCredentials`] if no provider has any, [`Error::Signing`] if the request cannot be signed.
    pub async fn sign(&self, request: &mut Request) -> Result<(), Error> {
        let credentials = self.credentials().await?;
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let scope = Scope {
            service: self.service,
            region: &self.region,
            time: SystemTime::now(),
        };
        let headers = signature(
            request.method().as_str(),
            request.url().as_str(),
            body,
            &credentials,
            &scope,
        )?;
        for (name, mut value) in headers {
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(())
    }

    async fn credentials(&self) -> Result<Credentials, Error> {
        let mut held = self.held.lock().await;
        let still_good = |credentials: &Credentials| {
            credentials
                .expiry()
                .is_none_or(|end| end > SystemTime::now() + FRESH_FOR)
        };
        if let Some(credentials) = held.as_ref().filter(|credentials| still_good(credentials)) {
            return Ok(credentials.clone());
        }
        let fresh = self
            .provider
            .provide_credentials()
            .await
            .map_err(|error| Error::NoCredentials { why: innermost(&error) })?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }
}

/// What a signature is good for.
struct Scope<'a> {
    service: &'a str,
    region: &'a str,
    time: SystemTime,
}

/// The headers that sign a request: `x-amz-date`, `authorization` and, with temporary credentials, `x-amz-security-token`.
fn signature(
    method: &str,
    url: &str,
    body: &[u8],
    credentials: &Credentials,
    scope: &Scope<'_>,
) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let failed = |error: &dyn std::error::Error| Error::Signing { why: innermost(error) };
    let identity = credentials.clone().into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.region)
        .name(scope.service)
        .time(scope.time)
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| failed(&error))?
        .into();
    let request = SignableRequest::new(method, url, std::iter::empty(), SignableBody::Bytes(body))
        .map_err(|error| failed(&error))?;
    let (instructions, _) = sign(request, &parameters).map_err(|error| failed(&error))?.into_parts();
    instructions
        .headers()
        .map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| failed(&error))?;
            let value = HeaderValue::from_str(value).map_err(|error| failed(&error))?;
            Ok((name, value))
        })
        .collect()
}

/// The last cause in a chain, which usually is the one that says what happened.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, when every request of the test suite is signed.
    const SIGNED_AT_S: u64 = 1_440_938_160;

    /// Signs as AWS's test suite for Signature Version 4 does (`aws-sig-v4-test-suite`: one key, region `us-east-1`,
    /// service `service`) and returns the signature alone.
    fn signed(method: &str, url: &str, token: Option<&str>) -> String {
        let credentials = Credentials::new(
            "AKIDEXAMPLE",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            token.map(str::to_owned),
            None,
            "test suite",
        );
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(SIGNED_AT_S);
        let scope = Scope {
            service: "service",
            region: "us-east-1",
            time,
        };
        let headers = signature(method, url, b"", &credentials, &scope).unwrap();
        let value = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.to_str().unwrap().to_owned())
        };
        assert_eq!(value("x-amz-date").as_deref(), Some("20150830T123600Z"));
        assert_eq!(value("x-amz-security-token").as_deref(), token);
        let authorization = value("authorization").unwrap();
        let signed_headers = if token.is_some() {
            "host;x-amz-date;x-amz-security-token"
        } else {
            "host;x-amz-date"
        };
        let (beginning, signature) = authorization.split_once(", Signature=").unwrap();
        assert_eq!(
            beginning,
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={signed_headers}"
            )
        );
        signature.to_owned()
    }

    #[test]
    fn signatures_are_those_of_the_test_suite_of_aws() {
        // get-vanilla
        assert_eq!(
            signed("GET", "https://example.amazonaws.com/", None),
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
        // get-vanilla-query-order-key-case
        assert_eq!(
            signed(
                "GET",
                "https://example.amazonaws.com/?Param2=value2&Param1=value1",
                None
            ),
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        );
        // post-vanilla
        assert_eq!(
            signed("POST", "https://example.amazonaws.com/", None),
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        );
        // get-vanilla-with-session-token
        let token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267";
        assert_eq!(
            signed("GET", "https://example.amazonaws.com/", Some(token)),
            "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
        );
    }

    #[tokio::test]
    async fn only_hosts_of_aws_are_signed_for_without_being_asked() {
        let endpoint = Endpoint::parse("http://127.0.0.1:4566").unwrap();
        assert!(Signer::for_endpoint(&endpoint, Auth::Auto).await.unwrap().is_none());
        let aws = Endpoint::parse("https://abc.execute-api.eu-west-1.amazonaws.com").unwrap();
        assert!(Signer::for_endpoint(&aws, Auth::None).await.unwrap().is_none());
        let signer = Signer::for_endpoint(&aws, Auth::Auto).await.unwrap().unwrap();
        assert_eq!((signer.service, signer.region.as_str()), ("execute-api", "eu-west-1"));
    }

    #[tokio::test]
    async fn signatures_do_not_travel_in_the_clear() {
        let endpoint = Endpoint::parse("http://marey.example.com").unwrap();
        let error = Signer::for_endpoint(&endpoint, Auth::Iam).await.unwrap_err();
        assert_eq!(error.code(), "UNENCRYPTED");
    }
}

//! Presigned POST: leave to upload one object under one key, within a size, for a while.
//!
//! The SDK signs requests but not POST policies, so the policy is made here as the Amazon S3 API Reference has it
//! ("Browser-Based Uploads Using POST", "Calculating a signature for a POST policy").

use std::{collections::BTreeMap, time::SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_types::base64;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::json;

use crate::{CloudError, Settings};

/// A form to be posted to the bucket, fields first, then `file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostForm {
    /// Where to post it.
    pub url: String,
    /// Its fields.
    pub fields: BTreeMap<String, String>,
    /// When the leave ends.
    pub expires_at: Timestamp,
}

/// Signs forms for the uploads bucket.
#[derive(Debug, Clone)]
pub struct FormSigner {
    config: SdkConfig,
    bucket: String,
    url: String,
    max_bytes: u64,
}

impl FormSigner {
    /// A signer for the bucket that the settings name.
    pub fn new(config: &SdkConfig, settings: &Settings) -> Self {
        let bucket = settings.uploads.clone();
        let region = config.region().map_or("us-east-1", |region| region.as_ref());
        let endpoint = config
            .endpoint_url()
            .map(str::to_owned)
            .or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
        let url = match endpoint {
            Some(endpoint) => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
            None => format!("https://{bucket}.s3.{region}.amazonaws.com/"),
        };
        Self {
            config: config.clone(),
            bucket,
            url,
            max_bytes: settings.upload_max_bytes,
        }
    }

    /// Leave to upload 1 to `max_bytes` bytes under exactly this key, with exactly this metadata.
    ///
    /// # Errors
    /// There are no credentials to sign with.
    pub async fn sign(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        now: Timestamp,
        lifetime: SignedDuration,
    ) -> Result<PostForm, CloudError> {
        let provider = self.config.credentials_provider();
        let provider = provider.ok_or_else(|| CloudError::Missing {
            what: "credentials".to_owned(),
        })?;
        let credentials = provider
            .provide_credentials()
            .await
            .map_err(|e| CloudError::service("get credentials", e))?;
        let region = self
            .config
            .region()
            .map_or("us-east-1", |region| region.as_ref())
            .to_owned();
        Ok(self.form(key, metadata, now, lifetime, &credentials, &region))
    }

    fn form(
        &self,
        key: &str,
        metadata: &BTreeMap<String, String>,
        now: Timestamp,
        lifetime: SignedDuration,
        credentials: &Credentials,
        region: &str,
    ) -> PostForm {
        let expires_at = now + lifetime;
        let stamp = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
        let scope = format!("{}/{region}/s3/aws4_request", &stamp[..8]);
        let mut fields = BTreeMap::from([
            ("key".to_owned(), key.to_owned()),
            ("success_action_status".to_owned(), "201".to_owned()),
            ("x-amz-algorithm".to_owned(), "AWS4-HMAC-SHA256".to_owned()),
            (
                "x-amz-credential".to_owned(),
                format!("{}/{scope}", credentials.access_key_id()),
            ),
            ("x-amz-date".to_owned(), stamp),
        ]);
        if let Some(token) = credentials.session_token() {
            fields.insert("x-amz-security-token".to_owned(), token.to_owned());
        }
        for (name, value) in metadata {
            fields.insert(format!("x-amz-meta-{name}"), value.clone());
        }
        let mut conditions = vec![
            json!({"bucket": self.bucket}),
            json!(["content-length-range", 1, self.max_bytes]),
        ];
        conditions.extend(fields.iter().map(|(name, value)| json!({name.as_str(): value})));
        let expiration = expires_at
            .to_zoned(TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let policy = base64::encode(json!({"expiration": expiration, "conditions": conditions}).to_string());
        let signing = generate_signing_key(credentials.secret_access_key(), SystemTime::from(now), region, "s3");
        fields.insert(
            "x-amz-signature".to_owned(),
            calculate_signature(signing, policy.as_bytes()),
        );
        fields.insert("policy".to_owned(), policy);
        PostForm {
            url: self.url.clone(),
            fields,
            expires_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> FormSigner {
        FormSigner {
            config: SdkConfig::builder().build(),
            bucket: "up".into(),
            url: "http://127.0.0.1:1/up".into(),
            max_bytes: 99,
        }
    }

    #[test]
    fn the_policy_pins_key_size_and_metadata() {
        let credentials = Credentials::new("AKID", "secret", Some("token".into()), None, "test");
        let metadata = BTreeMap::from([("priority".to_owned(), "7".to_owned())]);
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        let lifetime = SignedDuration::from_mins(15);
        let form = signer().form("uploads/a b.mp4", &metadata, now, lifetime, &credentials, "eu-west-1");
        let policy = base64::decode(&form.fields["policy"]).unwrap();
        let policy: serde_json::Value = serde_json::from_slice(&policy).unwrap();
        assert_eq!(policy["expiration"], "2026-11-21T10:15:00Z");
        let conditions = policy["conditions"].as_array().unwrap();
        for expected in [
            json!({"bucket": "up"}),
            json!({"key": "uploads/a b.mp4"}),
            json!(["content-length-range", 1, 99]),
            json!({"x-amz-meta-priority": "7"}),
            json!({"x-amz-security-token": "token"}),
            json!({"x-amz-credential": "AKID/20261121/eu-west-1/s3/aws4_request"}),
        ] {
            assert!(conditions.contains(&expected), "{expected} is missing in {policy}");
        }
        for name in form
            .fields
            .keys()
            .filter(|name| !matches!(name.as_str(), "policy" | "x-amz-signature"))
        {
            let pinned = conditions.iter().any(|condition| condition.get(name).is_some());
            assert!(
                pinned,
                "S3 refuses a form with a field that its policy does not name: {name}"
            );
        }
    }

    /// The example of the Amazon S3 API Reference, "Examples: Browser-Based Upload using HTTP POST (Using AWS Signature
    /// Version 4)": the same key, date and policy must give the same signature.
    #[test]
    fn the_signature_is_that_of_the_published_example() {
        let policy = concat!(
            "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2",
            "NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMt",
            "cmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29t",
            "L3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4",
            "LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0s",
            "DQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZP",
            "RE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1B",
            "Qy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
        );
        let day: Timestamp = "2015-12-29T00:00:00Z".parse().unwrap();
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let key = generate_signing_key(secret, SystemTime::from(day), "us-east-1", "s3");
        let signature = calculate_signature(key, policy.as_bytes());
        assert_eq!(
            signature,
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e"
        );
    }
}

//! Marey's API as a client sees it.
//!
//! Reads are tried again with growing pauses when the connection breaks or the server is busy; requests that change
//! something are sent once. Nothing here draws or waits for a job: that is [`crate::watch`].

mod routes;

use std::sync::Arc;
use std::time::Duration;

use marey_contract::{ErrorAnswer, Health, JobDetail, JobList, Results, UploadTicket, VideoRequest};
use reqwest::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use reqwest::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::endpoint::{Endpoint, host_of};
use crate::error::Error;
use crate::secret::Secret;
use crate::signing::{Auth, Signer, innermost};
use crate::words::tame;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer of the API may take, a cold start included.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The pauses before a read is tried again.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_millis(1800),
];
/// How much of a foreign error page is shown, in characters.
const SHOWN_OF_AN_ERROR: usize = 200;

/// Speaks with one deployment. Clones share connections and credentials.
#[derive(Debug, Clone)]
pub struct Client {
    api: reqwest::Client,
    links: reqwest::Client,
    endpoint: Endpoint,
    signer: Option<Arc<Signer>>,
    /// The API key as the header that carries it; marked as sensitive, so that it is not printed.
    key: Option<(HeaderName, HeaderValue)>,
    pauses: &'static [Duration],
}

impl Client {
    /// Prepares a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Unencrypted`], [`Error::NoRegion`] and [`Error::NoCredentials`] if requests shall be signed and cannot
    /// be, [`Error::Start`] if the machine's TLS roots cannot be read.
    pub async fn new(endpoint: Endpoint, auth: Auth) -> Result<Self, Error> {
        let build = |builder: reqwest::ClientBuilder| {
            let client = builder.build();
            client.map_err(|error| Error::Start { why: innermost(&error) })
        };
        // A company's proxy cannot reach this machine.
        let links = build(http(!endpoint.names_loopback()))?;
        let api = match endpoint.detour() {
            // A proxy would resolve the name itself.
            Some((host, address)) => build(http(false).resolve(host, address))?,
            None => links.clone(),
        };
        let signer = Signer::for_endpoint(&endpoint, auth).await?.map(Arc::new);
        Ok(Self {
            api,
            links,
            endpoint,
            signer,
            key: None,
            pauses: &PAUSES,
        })
    }

    /// The same client with an API key: `Authorization: Bearer`, or `X-Marey-Key` where requests are signed.
    ///
    /// # Errors
    /// [`Error::Unencrypted`] for a plain `http` endpoint on another machine, [`Error::BadApiKey`] if no header can carry it.
    pub fn with_key(self, key: &Secret) -> Result<Self, Error> {
        if !self.endpoint.is_encrypted() && !self.endpoint.is_loopback() {
            return Err(Error::Unencrypted {
                host: self.endpoint.host(),
            });
        }
        let (name, value) = match self.signer {
            Some(_) => (HeaderName::from_static("x-marey-key"), key.reveal().to_owned()),
            None => (AUTHORIZATION, format!("Bearer {}", key.reveal())),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| Error::BadApiKey)?;
        value.set_sensitive(true);
        Ok(Self {
            key: Some((name, value)),
            ..self
        })
    }

    /// The same client, which tries nothing again: for callers that ask repeatedly anyway.
    #[must_use]
    pub fn without_retries(&self) -> Self {
        Self {
            pauses: &[],
            ..self.clone()
        }
    }

    /// `GET /health`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn health(&self) -> Result<Health, Error> {
        self.get(&["health"], &[]).await
    }

    /// `POST /videos`: asks for leave to upload a video.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn ask_upload(&self, request: &VideoRequest) -> Result<UploadTicket, Error> {
        self.post(&["videos"], Some(request)).await
    }

    /// `GET /jobs/{id}`.
    ///
    /// # Errors
    /// [`Error::BadJobId`] without asking, [`Error::Answer`] for an error of the contract, [`Error::Status`] and
    /// [`Error::NotMarey`] for anything else that is answered, [`Error::Unreachable`] if nothing is.
    pub async fn job(&self, id: &str) -> Result<JobDetail, Error> {
        self.get(&["jobs", checked_id(id)?], &[]).await
    }

    /// `GET /jobs`: one page, the newest jobs first.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn jobs(&self, limit: u32, cursor: Option<&str>) -> Result<JobList, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get(&["jobs"], &query).await
    }

    /// `GET /jobs/{id}/results`: links to the files of a completed job.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn results(&self, id: &str) -> Result<Results, Error> {
        self.get(&["jobs", checked_id(id)?, "results"], &[]).await
    }

    /// `POST /jobs/{id}/cancel`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn cancel(&self, id: &str) -> Result<JobDetail, Error> {
        self.post(&["jobs", checked_id(id)?, "cancel"], None::<&()>).await
    }

    /// Host and port of the deployment, for people.
    pub fn host(&self) -> String {
        self.endpoint.host()
    }

    /// For links that need no signature.
    pub(crate) fn links(&self) -> &reqwest::Client {
        &self.links
    }

    async fn get<T: DeserializeOwned>(&self, segments: &[&str], query: &[(&str, String)]) -> Result<T, Error> {
        let url = self.endpoint.route(segments, query);
        let mut pauses = self.pauses.iter();
        loop {
            match self.send(Method::GET, &url, None).await {
                Err(error) if error.is_transient() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                answer => return answer,
            }
        }
    }

    async fn post<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        body: Option<&impl serde::Serialize>,
    ) -> Result<T, Error> {
        self.change(Method::POST, segments, body).await
    }

    async fn delete<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, Error> {
        self.change(Method::DELETE, segments, None::<&()>).await
    }

    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        segments: &[&str],
        body: Option<&impl serde::Serialize>,
    ) -> Result<T, Error> {
        let body = body
            .map(serde_json::to_vec)
            .transpose()
            .map_err(|error| Error::Start { why: error.to_string() })?;
        self.send(method, &self.endpoint.route(segments, &[]), body).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, url: &Url, body: Option<Vec<u8>>) -> Result<T, Error> {
        let mut request = self
            .api
            .request(method, url.clone())
            .timeout(ANSWER_TIMEOUT)
            .header("accept", "application/json");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let unreachable = |error: &reqwest::Error| Error::Unreachable {
            host: self.endpoint.host(),
            why: cause(error),
        };
        let mut request = request.build().map_err(|error| unreachable(&error))?;
        if let Some((name, value)) = &self.key {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        if let Some(signer) = &self.signer {
            signer.sign(&mut request).await?;
        }
        if self.endpoint.detour().is_some() {
            name_port_in_header(&mut request);
        }
        let response = self.api.execute(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|error| unreachable(&error))?;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| Error::NotMarey {
                host: self.endpoint.host(),
                why: error.to_string(),
            });
        }
        Err(refusal(self.endpoint.host(), status, &bytes))
    }
}

/// What all requests have in common; they go by a proxy only if that is allowed and the environment names one.
fn http(may_use_proxy: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("marey/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A redirected request would lose its signature or its streamed body: it is an error that people should see.
        .redirect(reqwest::redirect::Policy::none());
    if may_use_proxy { builder } else { builder.no_proxy() }
}

/// Takes the port out of the address, where it would outdo that of the resolved address, and keeps it in the header
/// `Host`, which the server reads and the signature covers.
fn name_port_in_header(request: &mut Request) {
    let named = request
        .url()
        .port()
        .and_then(|_| HeaderValue::from_str(&host_of(request.url())).ok());
    if let Some(named) = named
        && request.url_mut().set_port(None).is_ok()
    {
        request.headers_mut().insert(HOST, named);
    }
}

/// An answer that is not a success: in the words of the contract, or in those of whatever stands before Marey.
fn refusal(host: String, status: StatusCode, body: &[u8]) -> Error {
    if let Ok(answer) = serde_json::from_slice::<ErrorAnswer>(body) {
        return Error::Answer {
            status: status.as_u16(),
            body: answer.error,
        };
    }
    let said = String::from_utf8_lossy(body);
    // API Gateway and function URLs say {"message": …} or {"Message": …}.
    let message = serde_json::from_str::<serde_json::Value>(&said).ok().and_then(|value| {
        let message = value.get("message").or_else(|| value.get("Message"))?;
        message.as_str().map(str::to_owned)
    });
    let said: String = tame(message.as_deref().unwrap_or(&said))
        .chars()
        .take(SHOWN_OF_AN_ERROR)
        .collect();
    let said = if said.trim().is_empty() {
        "nothing more was said".to_owned()
    } else {
        said
    };
    Error::Status {
        host,
        status: status.as_u16(),
        said,
    }
}

/// A job's id as it may stand in a path: anything else would ask for another route.
fn checked_id(id: &str) -> Result<&str, Error> {
    if is_plain(id) {
        Ok(id)
    } else {
        Err(Error::BadJobId { given: tame(id) })
    }
}

/// The same for other things that have names: workflows, batches, queues, keys.
fn checked_name<'a>(kind: &'static str, name: &'a str) -> Result<&'a str, Error> {
    if is_plain(name) {
        Ok(name)
    } else {
        Err(Error::BadName {
            kind,
            given: tame(name),
        })
    }
}

fn is_plain(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    !text.is_empty() && text.len() <= 128 && text.chars().all(is_plain)
}

/// What broke a connection, in a few words.
pub(crate) fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    innermost(error)
}

/// Sends a request to a link and says who did not answer.
pub(crate) async fn open_link(http: &reqwest::Client, url: &str) -> Result<Response, (String, String)> {
    let url = Url::parse(url).map_err(|error| ("the link".to_owned(), error.to_string()))?;
    http.get(url.clone())
        .send()
        .await
        .map_err(|error| (host_of(&url), cause(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_route() {
        for id in ["", "..", "a/b", "a?b", "a b", "%2e", "é", &"a".repeat(129)] {
            assert_eq!(checked_id(id).unwrap_err().code(), "BAD_JOB_ID", "{id}");
        }
        assert!(checked_id("7b4c3a52-8a0f-5d1e-9a55-0c5f7e0a9d11").is_ok());
    }

    #[test]
    fn refusals_of_gateways_are_readable() {
        let error = refusal("host".to_owned(), StatusCode::FORBIDDEN, br#"{"Message":"Forbidden"}"#);
        assert_eq!(
            (error.code(), error.to_string().as_str()),
            ("NOT_ALLOWED", "host answered with HTTP status 403: Forbidden")
        );
        let error = refusal("host".to_owned(), StatusCode::BAD_GATEWAY, b"");
        assert_eq!(error.code(), "SERVER_ERROR");
        assert!(error.is_transient());
        let page = format!("<html>\u{1b}[31m{}", "x".repeat(10_000));
        let shown = refusal("host".to_owned(), StatusCode::NOT_FOUND, page.as_bytes()).to_string();
        assert!(shown.len() < 300 && !shown.contains('\u{1b}'), "{shown}");
    }
}

//! One POST.

use std::{error::Error as _, time::Duration};

use jiff::Timestamp;
use marey_engine::event::Delivery;
use reqwest::{Client, StatusCode, header, redirect::Policy};

use crate::{
    address::{self, Guard, Refused},
    signature::Secrets,
};

/// How long a receiver may take to take a connection.
const CONNECT: Duration = Duration::from_secs(4);

/// How long a receiver may take for its answer, the connection included.
const TOTAL: Duration = Duration::from_secs(10);

/// What a receiver said that settles the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It took it.
    Taken {
        /// 200 to 299.
        status: u16,
    },
    /// It never wants it (410).
    Gone,
}

/// Why a delivery has to be tried again.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// Nothing is sent to this address.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The receiver gave another answer; redirects, which are not followed, are among them.
    #[error("the receiver answered {status}")]
    Answered {
        /// What it answered.
        status: u16,
        /// How many seconds it asked to be left alone.
        retry_after_s: Option<u32>,
    },
    /// There was no answer in time, or no connection.
    #[error("{0}")]
    Unreached(String),
}

impl Undelivered {
    /// For the log: a word for each kind.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Answered { .. } => "answered",
            Self::Unreached(_) => "unreached",
        }
    }

    /// How many seconds the receiver asked to be left alone.
    pub fn retry_after_s(&self) -> Option<u32> {
        match self {
            Self::Answered { retry_after_s, .. } => *retry_after_s,
            Self::Refused(_) | Self::Unreached(_) => None,
        }
    }
}

/// Signs and posts.
#[derive(Debug)]
pub struct Poster {
    client: Client,
    secrets: Secrets,
    allow_loopback: bool,
    now: fn() -> Timestamp,
}

impl Poster {
    /// Makes the client, once per process.
    ///
    /// # Errors
    /// The machine's certificates cannot be read.
    pub fn new(secrets: Secrets, allow_loopback: bool) -> Result<Self, reqwest::Error> {
        Self::with_patience(secrets, allow_loopback, TOTAL)
    }

    /// The same with another patience for the whole of an exchange.
    pub(crate) fn with_patience(
        secrets: Secrets,
        allow_loopback: bool,
        patience: Duration,
    ) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .user_agent(concat!("Marey/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            // A proxy would look names up itself, and what it finds is not checked.
            .no_proxy()
            .dns_resolver(Guard { allow_loopback })
            // A function is frozen between two deliveries; connections do not live through that.
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT)
            .timeout(patience)
            .build()?;
        Ok(Self {
            client,
            secrets,
            allow_loopback,
            now: Timestamp::now,
        })
    }

    /// Posts a delivery to its address.
    ///
    /// # Errors
    /// [`Undelivered`]: try again later.
    pub async fn post(&self, delivery: &Delivery) -> Result<Answer, Undelivered> {
        let url = address::check(&delivery.url, self.allow_loopback)?;
        let body = delivery.event.to_string();
        let signature = self.secrets.sign((self.now)().as_second(), &body);
        let kind = delivery.event["type"].as_str().unwrap_or_default();
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("Marey-Event", kind)
            .header("Marey-Delivery", delivery.id.to_string())
            .header("Marey-Signature", signature)
            .body(body);
        let response = request.send().await.map_err(|error| unreached(&error))?;
        // What the receiver says beyond its status is nobody's business, and could be of any size: it is not read.
        match response.status() {
            status if status.is_success() => Ok(Answer::Taken {
                status: status.as_u16(),
            }),
            StatusCode::GONE => Ok(Answer::Gone),
            status => Err(Undelivered::Answered {
                status: status.as_u16(),
                retry_after_s: retry_after_s(response.headers()),
            }),
        }
    }
}

/// The causes in one line, without the address: it may hold a token of the receiver's.
fn unreached(error: &reqwest::Error) -> Undelivered {
    if error.is_timeout() {
        return Undelivered::Unreached("no answer in time".to_owned());
    }
    let mut text = String::from("no connection");
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    Undelivered::Unreached(text)
}

/// RFC 9110, §10.2.3, in its form of seconds; a date is not read.
fn retry_after_s(headers: &header::HeaderMap) -> Option<u32> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

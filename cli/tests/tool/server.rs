//! A real HTTP server on 127.0.0.1 whose answers a test decides.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use marey_contract::{ErrorAnswer, ErrorBody};
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};

/// A request as the server saw it, without its body.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    /// Method and path, as `GET /jobs`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// A running server; it ends with the test.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Starts a server; `answer` is called for every request.
    pub(crate) async fn start<A, F>(answer: A) -> Self
    where
        A: Fn(Seen, Body) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            log: Arc::default(),
        };
        let log = Arc::clone(&server.log);
        let router = Router::new().fallback(move |request: Request| {
            let (parts, body) = request.into_parts();
            let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            };
            let seen = Seen {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                headers: parts.headers.iter().map(header).collect(),
            };
            log.lock().unwrap().push(seen.clone());
            answer(seen, body)
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }

    /// The base address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// How often something was asked, as `GET /jobs`.
    pub(crate) fn count(&self, line: &str) -> usize {
        self.seen().iter().filter(|seen| seen.line() == line).count()
    }

    /// The base address of a road to this server on which the first connections break without an answer, and a count
    /// of all connections.
    pub(crate) async fn behind_a_bad_road(&self, breaks: usize) -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, target) = (Arc::clone(&connections), self.address);
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if counter.fetch_add(1, Ordering::SeqCst) < breaks {
                    continue;
                }
                tokio::spawn(async move {
                    let mut to = TcpStream::connect(target).await.unwrap();
                    tokio::io::copy_bidirectional(&mut from, &mut to).await
                });
            }
        });
        (url, connections)
    }
}

/// A success in JSON.
pub(crate) fn json(value: &impl Serialize) -> Response {
    reply(200, serde_json::to_vec(value).unwrap())
}

/// Any answer.
pub(crate) fn reply(status: u16, body: impl Into<Body>) -> Response {
    Response::builder().status(status).body(body.into()).unwrap()
}

/// An error of the contract.
pub(crate) fn refuse(status: u16, code: &str, message: &str, hint: &str) -> Response {
    let error = ErrorBody {
        code: code.to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
        stage: None,
        attempt: None,
    };
    reply(status, serde_json::to_vec(&ErrorAnswer { error }).unwrap())
}

/// The answer to a job that is not there.
pub(crate) fn no_job() -> Response {
    refuse(
        404,
        "JOB_NOT_FOUND",
        "There is no such job.",
        "List yours with `GET /jobs`.",
    )
}

//! Waiting for a job: asking again and again, gently, through short troubles.

use std::time::Duration;

use marey_contract::{BatchDetail, JobDetail};
use tokio::time::Instant;

use crate::client::Client;
use crate::error::Error;

/// How patiently a job is followed.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// The pause after something changed.
    pub shortest: Duration,
    /// The pause to which it grows, by half each time, while nothing changes.
    pub longest: Duration,
    /// How long the job may be unknown: between an upload and its first trace lie a queue and a cold start.
    pub unknown_for: Duration,
    /// How long Marey may not answer, once it has; before its first answer it is `unknown_for`, as the address may be wrong.
    pub silent_for: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(300),
            longest: Duration::from_secs(2),
            unknown_for: Duration::from_secs(10),
            silent_for: Duration::from_secs(90),
        }
    }
}

/// What was seen of a job.
#[derive(Debug)]
pub enum Sight<'a> {
    /// The job, as it now stands.
    Job(&'a JobDetail),
    /// It is not known yet.
    NotYet,
    /// Marey did not answer; it is tried again.
    Trouble(&'a Error),
}

/// Follows a job to its end and returns its last state. `see` is told of every answer.
///
/// # Errors
/// The last error if the job stays unknown or Marey stays silent for longer than `patience` allows, and any error that
/// waiting cannot heal.
pub async fn follow(
    client: &Client,
    id: &str,
    patience: Patience,
    see: &mut dyn FnMut(Sight<'_>),
) -> Result<JobDetail, Error> {
    let client = client.without_retries();
    let begun = Instant::now();
    let mut last_answer = begun;
    let mut known: Option<JobDetail> = None;
    let mut pause = patience.shortest;
    loop {
        let silence = if known.is_some() {
            patience.silent_for
        } else {
            patience.unknown_for
        };
        match client.job(id).await {
            Ok(job) => {
                last_answer = Instant::now();
                see(Sight::Job(&job));
                if job.summary.status.has_ended() {
                    return Ok(job);
                }
                if known.as_ref() != Some(&job) {
                    pause = patience.shortest;
                }
                known = Some(job);
            }
            Err(error) if error.is_not_found() && known.is_none() && begun.elapsed() < patience.unknown_for => {
                last_answer = Instant::now();
                see(Sight::NotYet);
            }
            Err(error) if error.is_transient() && last_answer.elapsed() < silence => {
                see(Sight::Trouble(&error));
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(patience.longest);
    }
}

/// Follows a batch until everything in it has ended, and returns its last state with the first page of its table. `see` is
/// told of every answer.
///
/// # Errors
/// The last error if Marey stays silent for longer than `patience` allows, and any error that waiting cannot heal.
pub async fn follow_batch(
    client: &Client,
    id: &str,
    patience: Patience,
    see: &mut dyn FnMut(&BatchDetail),
) -> Result<BatchDetail, Error> {
    let client = client.without_retries();
    let mut last_answer = Instant::now();
    let mut known: Option<BatchDetail> = None;
    let mut pause = patience.shortest;
    loop {
        let silence = if known.is_some() {
            patience.silent_for
        } else {
            patience.unknown_for
        };
        match client.batch(id, None).await {
            Ok(batch) => {
                last_answer = Instant::now();
                see(&batch);
                if batch.status.has_ended() {
                    return Ok(batch);
                }
                if known.as_ref() != Some(&batch) {
                    pause = patience.shortest;
                }
                known = Some(batch);
            }
            Err(error) if error.is_transient() && last_answer.elapsed() < silence => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(patience.longest);
    }
}

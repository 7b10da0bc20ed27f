//! Changes of the jobs table in, events out. The work is done by `marey_cloud::publish`; this crate reads the batches of the
//! table's stream and answers them.

use jiff::Timestamp;
use marey_cloud::{
    aws::table::stream::{NoRecord, read_record},
    publish::{PublishNotices, Publisher, PutEvents, Record, SendDeliveries},
    queues::ParkMessages,
    store::ReadJobs,
};
use serde::Serialize;
use serde_json::Value;

/// How Lambda is told that records must come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// By the number of the first of them (`ReportBatchItemFailures`): what was told before it does not come again.
    Partially,
    /// By failing, so that the whole batch comes again. Clouds that play AWS take a partial answer to a stream for a
    /// success (MiniStack 1.5.33), and the records would be lost.
    Whole,
}

impl Answering {
    /// Partially on AWS.
    pub fn of_environment() -> Self {
        match std::env::var_os("AWS_ENDPOINT_URL") {
            Some(url) if !url.is_empty() => Self::Whole,
            _ => Self::Partially,
        }
    }
}

/// Lambda's answer to a batch of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The first record that must come back, if one must.
    pub batch_item_failures: Vec<Failed>,
}

/// A record that must come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failed {
    /// Its sequence number.
    pub item_identifier: String,
}

/// The whole batch must come back.
#[derive(Debug, thiserror::Error)]
pub enum ComeBack {
    /// A record has no number, or the event is none of a stream.
    #[error(transparent)]
    NoRecord(#[from] NoRecord),
    /// The event has no records.
    #[error("the event has no records")]
    NoRecords,
    /// Not everything was told.
    #[error("not everything was told from record {0} on")]
    Untold(String),
}

/// Tells of a batch.
///
/// # Errors
/// The whole batch must come back.
pub async fn handle<S, B, N, W, P>(
    publisher: &Publisher<S, B, N, W, P>,
    answering: Answering,
    event: &Value,
) -> Result<Answer, ComeBack>
where
    S: ReadJobs,
    B: PutEvents,
    N: PublishNotices,
    W: SendDeliveries,
    P: ParkMessages,
{
    let records = event["Records"].as_array().ok_or(ComeBack::NoRecords)?;
    let records = records.iter().map(read_record).collect::<Result<Vec<Record>, _>>()?;
    let told = publisher.tell(&records, Timestamp::now()).await;
    tracing::info!(
        records = records.len(),
        events = told.events,
        notices = told.notices,
        "changes told"
    );
    let failed = match (told.back_from, answering) {
        (None, _) => Vec::new(),
        (Some(sequence), Answering::Whole) => return Err(ComeBack::Untold(sequence)),
        (Some(item_identifier), Answering::Partially) => vec![Failed { item_identifier }],
    };
    Ok(Answer {
        batch_item_failures: failed,
    })
}

#[cfg(test)]
mod tests;

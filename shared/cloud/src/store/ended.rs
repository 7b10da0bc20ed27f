//! Finding jobs that have ended, whoever they belong to.

use std::future::Future;

use marey_engine::Job;

use crate::CloudError;

/// Some of the jobs that have ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedPage {
    /// In no order that means anything; there may be none on a page that is not the last.
    pub jobs: Vec<Job>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// Going through the jobs that have ended.
pub trait FindEnded: Send + Sync {
    /// Looks at up to `limit` jobs and answers those that have ended; may miss writes of the last second.
    fn ended(&self, limit: u32, cursor: Option<&str>) -> impl Future<Output = Result<EndedPage, CloudError>> + Send;
}

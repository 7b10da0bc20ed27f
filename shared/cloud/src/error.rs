//! What can go wrong between Marey and the cloud.

/// A call to a store, bucket or queue that did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// Somebody else wrote the row first: read it again and decide again.
    #[error("the row was changed by somebody else")]
    Conflict,
    /// The object, row or version is not there.
    #[error("{what} does not exist")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// The service did not do it; a later call may succeed.
    #[error("{operation} failed")]
    Service {
        /// What was tried, such as `put shard`.
        operation: &'static str,
        /// The service's own words; private.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An upload is not what it said to be; trying again does not help.
    #[error("{what} is damaged: {problem}")]
    Damaged {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What came back is not what this version of Marey writes.
    #[error("{what} cannot be read: {problem}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl CloudError {
    /// Wraps a service's error.
    pub fn service(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Service {
            operation,
            source: source.into(),
        }
    }

    /// The error and its causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

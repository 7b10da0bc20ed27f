//! The routes for workflows, batches, operators and keys. Errors are those of [`Client::job`] everywhere.

use marey_contract::{
    BatchDetail, BatchList, BatchRequest, BatchTickets, Changed, ConcurrencyRequest, ControlDetail, DrainRequest,
    JobDetail, KeyDetail, KeyList, KeyRequest, NewBatch, NewKey, PauseRequest, PurgeAnswer, PurgeRequest,
    RedriveAnswer, RedriveRequest, ReprocessRequest, ResumeRequest, System, WorkflowDetail, WorkflowList,
};

use super::{Client, checked_id, checked_name};
use crate::error::Error;

impl Client {
    /// `POST /jobs/{id}/retry`: tries again what failed.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn retry(&self, id: &str) -> Result<JobDetail, Error> {
        self.post(&["jobs", checked_id(id)?, "retry"], None::<&()>).await
    }

    /// `POST /jobs/{id}/reprocess`: another job on the same upload.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn reprocess(&self, id: &str, request: &ReprocessRequest) -> Result<JobDetail, Error> {
        self.post(&["jobs", checked_id(id)?, "reprocess"], Some(request)).await
    }

    /// `GET /workflows`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn workflows(&self) -> Result<WorkflowList, Error> {
        self.get(&["workflows"], &[]).await
    }

    /// `GET /workflows/{name}`.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn workflow(&self, name: &str) -> Result<WorkflowDetail, Error> {
        self.get(&["workflows", checked_name("workflow", name)?], &[]).await
    }

    /// `POST /batches`. The request's token makes it harmless to send it again, so that is done.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn announce(&self, request: &BatchRequest) -> Result<NewBatch, Error> {
        let mut pauses = self.pauses.iter();
        loop {
            match self.post(&["batches"], Some(request)).await {
                Err(error) if error.is_transient() && request.token.is_some() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => return Err(error),
                },
                answer => return answer,
            }
        }
    }

    /// `GET /batches/{id}/tickets`: leave to upload those videos that have not arrived.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn tickets(&self, id: &str, cursor: Option<&str>) -> Result<BatchTickets, Error> {
        self.get(&["batches", checked_name("batch", id)?, "tickets"], &page(cursor))
            .await
    }

    /// `GET /batches`: one page, the newest first.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn batches(&self, limit: u32, cursor: Option<&str>) -> Result<BatchList, Error> {
        let mut query = page(cursor);
        query.push(("limit", limit.to_string()));
        self.get(&["batches"], &query).await
    }

    /// `GET /batches/{id}`: where it stands and one page of its table.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn batch(&self, id: &str, cursor: Option<&str>) -> Result<BatchDetail, Error> {
        self.get(&["batches", checked_name("batch", id)?], &page(cursor)).await
    }

    /// `POST /batches/{id}/cancel`: some of its jobs.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn cancel_batch(&self, id: &str) -> Result<Changed, Error> {
        self.post(&["batches", checked_name("batch", id)?, "cancel"], None::<&()>)
            .await
    }

    /// `POST /batches/{id}/retry`: some of its failed jobs.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn retry_batch(&self, id: &str) -> Result<Changed, Error> {
        self.post(&["batches", checked_name("batch", id)?, "retry"], None::<&()>)
            .await
    }

    /// `GET /system`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn system(&self) -> Result<System, Error> {
        self.get(&["system"], &[]).await
    }

    /// `POST /system/pause`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn pause(&self, request: &PauseRequest) -> Result<ControlDetail, Error> {
        self.post(&["system", "pause"], Some(request)).await
    }

    /// `POST /system/resume`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn resume(&self, request: &ResumeRequest) -> Result<ControlDetail, Error> {
        self.post(&["system", "resume"], Some(request)).await
    }

    /// `POST /system/drain`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn drain(&self, request: &DrainRequest) -> Result<ControlDetail, Error> {
        self.post(&["system", "drain"], Some(request)).await
    }

    /// `DELETE /system/drain`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn end_drain(&self) -> Result<ControlDetail, Error> {
        self.delete(&["system", "drain"]).await
    }

    /// `POST /system/concurrency`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn limit(&self, request: &ConcurrencyRequest) -> Result<ControlDetail, Error> {
        self.post(&["system", "concurrency"], Some(request)).await
    }

    /// `POST /system/purge`: one page of it.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn purge(&self, request: &PurgeRequest) -> Result<PurgeAnswer, Error> {
        self.post(&["system", "purge"], Some(request)).await
    }

    /// `POST /queues/{name}/redrive`.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn redrive(&self, queue: &str, request: &RedriveRequest) -> Result<RedriveAnswer, Error> {
        self.post(&["queues", checked_name("queue", queue)?, "redrive"], Some(request))
            .await
    }

    /// `POST /keys`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn create_key(&self, request: &KeyRequest) -> Result<NewKey, Error> {
        self.post(&["keys"], Some(request)).await
    }

    /// `GET /keys`.
    ///
    /// # Errors
    /// Those of [`Client::job`].
    pub async fn keys(&self) -> Result<KeyList, Error> {
        self.get(&["keys"], &[]).await
    }

    /// `DELETE /keys/{id}`.
    ///
    /// # Errors
    /// Those of [`Client::job`], and [`Error::BadName`] without asking.
    pub async fn revoke_key(&self, id: &str) -> Result<KeyDetail, Error> {
        self.delete(&["keys", checked_name("key", id)?]).await
    }
}

fn page(cursor: Option<&str>) -> Vec<(&'static str, String)> {
    cursor.map(|cursor| ("cursor", cursor.to_owned())).into_iter().collect()
}

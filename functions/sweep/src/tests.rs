use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex},
};

use jiff::SignedDuration;
use marey_cloud::{
    artifacts::{ArtifactPage, StoredArtifact},
    memory::Memory,
    publish::Unpublished,
    store::ReadJobs,
    uploads::{Place, StoredUpload, UploadHead, UploadPage},
};
use marey_engine::{
    Artifact, Job, JobId, JobState, LeaseToken, Shard, ShardEvent, ShardKey, ShardState, StageRow, Upload, Wishes,
    Workflow,
    event::{Change, Event},
    upload::Metadata,
};

use super::*;

mod healthy;
mod repairs;

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
struct Clock(Arc<Mutex<Timestamp>>);

impl Time for Clock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> u128 {
        7
    }
}

/// Both buckets, with the times at which objects were stored.
#[derive(Debug, Clone, Default)]
struct Buckets {
    memory: Memory,
    uploads: Arc<Mutex<Vec<StoredUpload>>>,
    artifacts: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    /// Keys of uploads that cannot be looked at.
    stuck: Arc<Mutex<Vec<String>>>,
    heads: Arc<Mutex<u32>>,
    page: usize,
    is_broken: Arc<Mutex<bool>>,
}

impl LookAtUploads for Buckets {
    async fn look(&self, _: &str, key: &str, version: Option<&str>) -> Result<Option<UploadHead>, CloudError> {
        *self.heads.lock().unwrap() += 1;
        if self.stuck.lock().unwrap().iter().any(|stuck| stuck == key) {
            return Err(CloudError::service("head upload", "broken on purpose"));
        }
        let uploads = self.uploads.lock().unwrap();
        let found = uploads
            .iter()
            .find(|upload| upload.key == key && (version.is_none() || upload.version.as_deref() == version));
        Ok(found.map(|upload| UploadHead {
            bytes: 3,
            etag: upload.etag.clone(),
            version: upload.version.clone(),
            metadata: Metadata::default(),
        }))
    }
}

impl ReadTexts for Buckets {
    async fn read(&self, _: &str, key: &str, _: Option<&str>, _: u64) -> Result<Vec<u8>, CloudError> {
        let missing = || CloudError::Missing { what: key.to_owned() };
        self.memory.object(key).ok_or_else(missing)
    }

    async fn piece(&self, upload: &Upload, range: Range<u64>) -> Result<Vec<u8>, CloudError> {
        let missing = || CloudError::Missing {
            what: upload.key.clone(),
        };
        let content = self.memory.object(&upload.key).ok_or_else(missing)?;
        Ok(content[range.start as usize..range.end as usize].to_vec())
    }
}

impl ListUploads for Buckets {
    async fn uploads(&self, _: &str, after: Option<&Place>) -> Result<UploadPage, CloudError> {
        if *self.is_broken.lock().unwrap() {
            return Err(CloudError::service("list uploads", "broken on purpose"));
        }
        let uploads = self.uploads.lock().unwrap();
        let place = |upload: &StoredUpload| (upload.key.clone(), upload.version.clone());
        let behind = |upload: &&StoredUpload| {
            after.is_none_or(|after| place(upload) > (after.key.clone(), after.version.clone()))
        };
        let mut found: Vec<_> = uploads.iter().filter(behind).cloned().collect();
        found.sort_by_key(place);
        let more = found.len() > self.page;
        found.truncate(self.page);
        let next = found.last().filter(|_| more).map(|last| Place {
            key: last.key.clone(),
            version: last.version.clone(),
        });
        Ok(UploadPage { uploads: found, next })
    }
}

impl ListArtifacts for Buckets {
    async fn artifacts(&self, after: Option<&str>) -> Result<ArtifactPage, CloudError> {
        let all = self.artifacts.lock().unwrap();
        let behind = all
            .iter()
            .filter(|(key, _)| after.is_none_or(|after| key.as_str() > after));
        let mut artifacts: Vec<_> = behind
            .map(|(key, stored_at)| StoredArtifact {
                key: key.clone(),
                stored_at: *stored_at,
            })
            .collect();
        let more = artifacts.len() > self.page;
        artifacts.truncate(self.page);
        let next = artifacts.last().filter(|_| more).map(|last| last.key.clone());
        Ok(ArtifactPage { artifacts, next })
    }

    async fn delete_artifact(&self, key: &str) -> Result<(), CloudError> {
        self.artifacts.lock().unwrap().remove(key);
        Ok(())
    }
}

impl StoreArtifacts for Buckets {
    async fn fetch(&self, key: &str, to: &Path) -> Result<(), CloudError> {
        self.memory.fetch(key, to).await
    }

    async fn store_file(&self, artifact: &Artifact, from: &Path) -> Result<(), CloudError> {
        self.memory.store_file(artifact, from).await
    }

    async fn copy(&self, from: &Artifact, to: &str) -> Result<(), CloudError> {
        self.memory.copy(from, to).await
    }

    async fn store_bytes(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), CloudError> {
        self.memory.store_bytes(key, content_type, bytes).await
    }
}

/// A bus that remembers.
#[derive(Debug, Clone, Default)]
struct Bus(Arc<Mutex<Vec<Event>>>);

impl PutEvents for Bus {
    async fn put(&self, events: &[Event]) -> Result<(), Unpublished> {
        self.0.lock().unwrap().extend_from_slice(events);
        Ok(())
    }
}

/// A deployment in memory.
struct World {
    sweeper: Sweeper<Memory, Buckets, Memory, Bus, Clock>,
    memory: Memory,
    buckets: Buckets,
    bus: Bus,
    clock: Clock,
}

impl World {
    fn new() -> Self {
        let (memory, bus) = (Memory::default(), Bus::default());
        let clock = Clock(Arc::new(Mutex::new("2026-11-21T12:00:00Z".parse().unwrap())));
        let buckets = Buckets {
            memory: memory.clone(),
            page: 2,
            ..Buckets::default()
        };
        let conductor = Conductor {
            store: memory.clone(),
            artifacts: buckets.clone(),
            queues: memory.clone(),
            source: "sweep".into(),
            time: clock.clone(),
        };
        let sweeper = Sweeper {
            conductor,
            bus: Some(bus.clone()),
            uploads: "up".into(),
            upload_max_bytes: 100,
            policy: Policy::default(),
        };
        Self {
            sweeper,
            memory,
            buckets,
            bus,
            clock,
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn wait(&self, time: SignedDuration) {
        let mut now = self.clock.0.lock().unwrap();
        *now += time;
    }

    async fn sweep(&self) -> Summary {
        let until = self.now() + SignedDuration::from_secs(50);
        self.sweeper.sweep(&self.sweeper.policy, until).await
    }

    /// Stores an upload so long ago, and tells nobody.
    fn store(&self, key: &str, version: &str, age: SignedDuration) -> Upload {
        let etag = format!("etag-{version}");
        let version = Some(version.to_owned());
        self.buckets.uploads.lock().unwrap().push(StoredUpload {
            key: key.into(),
            version: version.clone(),
            etag: etag.clone(),
            stored_at: self.now() - age,
        });
        Upload {
            bucket: "up".into(),
            key: key.into(),
            version,
            etag,
            bytes: 3,
            name: Upload::name_of(key).into(),
            member: None,
        }
    }

    /// Makes the job of an upload with nothing sent yet.
    async fn create(&self, input: Upload, id: Option<JobId>) -> Job {
        let workflow = Workflow::shipped("motion").unwrap();
        let id = id.unwrap_or_else(|| input.job_id());
        let job = Job {
            id,
            owner: "ann".into(),
            workflow: "motion".into(),
            input,
            priority: 5,
            created_at: self.now(),
            deadline: Some(self.now() + SignedDuration::from_secs(workflow.deadline_s().into())),
            round: 0,
            forgotten: false,
            wishes: Wishes::default(),
            trace: "t".into(),
            state: JobState::Running,
        };
        let stages: Vec<_> = workflow.stages().iter().map(StageRow::of).collect();
        self.memory.create(&job, &stages).await.unwrap();
        job
    }

    /// A running job, whose first task was sent and taken out of its queue again.
    async fn running(&self, name: &str) -> (Job, ShardKey) {
        let input = self.store(&format!("uploads/{name}.mp4"), "v1", SignedDuration::ZERO);
        let job = self.create(input, None).await;
        self.sweeper.conductor.advance(job.id).await.unwrap();
        let task = self.memory.receive().expect("its first task was sent");
        (job, task.payload)
    }

    async fn shard(&self, key: &ShardKey) -> Shard {
        self.memory.shard(key).await.unwrap().unwrap().value
    }

    /// Begins an attempt whose lease lasts so long.
    async fn begin(&self, key: &ShardKey, lease: SignedDuration) {
        let row = self.memory.shard(key).await.unwrap().unwrap();
        let event = ShardEvent::Lease {
            token: LeaseToken(uuid::Uuid::from_u128(7)),
            until: self.now() + lease,
            max_attempts: 3,
        };
        let next = row.value.apply(event, self.now()).unwrap();
        self.memory.put_shard(&next, Some(row.version)).await.unwrap();
    }

    fn put_artifact(&self, key: &str, age: SignedDuration) {
        let stored_at = self.now() - age;
        self.buckets.artifacts.lock().unwrap().insert(key.to_owned(), stored_at);
    }

    /// The jobs of whose repairs the bus was told.
    fn told(&self) -> Vec<JobId> {
        let events = self.bus.0.lock().unwrap();
        assert!(
            events
                .iter()
                .all(|event| matches!(event.change, Change::JobRepaired { .. })),
            "{events:?}"
        );
        events.iter().map(|event| event.job).collect()
    }

    fn reasons(summary: &Summary) -> Vec<&str> {
        summary.repairs.iter().map(|repair| repair.reason.as_str()).collect()
    }
}

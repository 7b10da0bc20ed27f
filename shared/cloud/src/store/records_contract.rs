//! What every store must do with batches, keys and ended jobs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use marey_engine::{BatchId, JobEvent, JobId, Wishes};
use serde_json::json;
use uuid::Uuid;

use super::{
    ApiKey, Batch, BatchItem, Creation, FindEnded, KeepBatches, KeepKeys, KeyScope, WriteJobs, contract::new_job,
    hash_of,
};
use crate::CloudError;

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn batch(owner: &str, second: i64, items: u32) -> Batch {
    let id = BatchId(Uuid::new_v4());
    Batch {
        id,
        owner: owner.to_owned(),
        name: "day 1".into(),
        workflow: "motion".into(),
        priority: 5,
        created_at: at(second),
        wishes: Wishes {
            batch: Some(id),
            ..Wishes::default()
        },
        items,
        cancelled_at: None,
        made_at: None,
    }
}

/// Runs the whole suite.
pub(crate) async fn suite(store: &(impl KeepBatches + KeepKeys + FindEnded + WriteJobs)) {
    a_batch_is_stored_once_with_its_items(store).await;
    batches_are_listed_by_owner_and_age(store).await;
    a_key_needs_the_version_it_was_decided_on(store).await;
    ended_jobs_are_found_and_running_ones_are_not(store).await;
}

async fn a_batch_is_stored_once_with_its_items(store: &impl KeepBatches) {
    let batch = batch("batch-once", 9, 250);
    let item = |number: u32| BatchItem {
        name: format!("läufer {number}.mp4"),
        params: BTreeMap::from([("cutoff_hz".to_owned(), json!(4.5))]),
    };
    let items: Vec<_> = (0..250).map(item).collect();
    assert!(store.batch(batch.id).await.unwrap().is_none());
    assert_eq!(store.create_batch(&batch, &items).await.unwrap(), Creation::Created);
    assert_eq!(store.create_batch(&batch, &items).await.unwrap(), Creation::Existed);
    assert_eq!(store.batch_items(batch.id).await.unwrap(), items);
    let row = store.batch(batch.id).await.unwrap().unwrap();
    assert_eq!((&row.value, row.version), (&batch, 1));
    let cancelled = Batch {
        cancelled_at: Some(at(10)),
        ..batch.clone()
    };
    store.put_batch(&cancelled, 1).await.unwrap();
    let late = store.put_batch(&batch, 1).await;
    assert!(matches!(late, Err(CloudError::Conflict)));
    assert_eq!(store.batch(batch.id).await.unwrap().unwrap().value, cancelled);
}

async fn batches_are_listed_by_owner_and_age(store: &impl KeepBatches) {
    let owner = format!("batches-{}", Uuid::new_v4());
    let mut made = Vec::new();
    for second in [30, 20, 10] {
        let batch = batch(&owner, second, 0);
        store.create_batch(&batch, &[]).await.unwrap();
        made.push(batch.id);
    }
    let (mut found, mut cursor) = (Vec::new(), None::<String>);
    for _ in 0..9 {
        let page = store.batches(&owner, 2, cursor.as_deref()).await.unwrap();
        found.extend(page.batches.iter().map(|batch| batch.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, made);
}

async fn a_key_needs_the_version_it_was_decided_on(store: &impl KeepKeys) {
    let hash = hash_of(&Uuid::new_v4().to_string());
    let key = ApiKey {
        hash: hash.clone(),
        owner: "lab".into(),
        scopes: BTreeSet::from([KeyScope::Read]),
        created_at: at(5),
        note: None,
        revoked_at: None,
    };
    assert!(store.key(&hash).await.unwrap().is_none());
    let row = store.put_key(&key, None).await.unwrap();
    let revoked = ApiKey {
        revoked_at: Some(at(6)),
        ..key
    };
    assert!(matches!(store.put_key(&revoked, None).await, Err(CloudError::Conflict)));
    store.put_key(&revoked, Some(row.version)).await.unwrap();
    assert_eq!(store.key(&hash).await.unwrap().unwrap().value, revoked);
    assert!(store.keys().await.unwrap().contains(&revoked));
}

async fn ended_jobs_are_found_and_running_ones_are_not(store: &(impl FindEnded + WriteJobs)) {
    let (running, stages) = new_job("ended", 0);
    store.create(&running, &stages).await.unwrap();
    let (job, stages) = new_job("ended", 1);
    store.create(&job, &stages).await.unwrap();
    let cancelled = job.apply(JobEvent::Cancel, at(9)).unwrap();
    store.put_job(&cancelled, 1).await.unwrap();
    let (mut found, mut cursor): (Vec<JobId>, _) = (Vec::new(), None::<String>);
    loop {
        let page = store.ended(7, cursor.as_deref()).await.unwrap();
        found.extend(page.jobs.iter().map(|job| job.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.iter().filter(|id| **id == job.id).count(), 1);
    assert!(!found.contains(&running.id));
}

#[tokio::test]
async fn memory_keeps_records() {
    suite(&crate::memory::Memory::default()).await;
}

#[tokio::test]
async fn dynamodb_keeps_records() {
    if std::env::var_os("AWS_ENDPOINT_URL").is_none() || std::env::var_os("MAREY_JOBS_TABLE").is_none() {
        eprintln!("skipped: no local cloud (AWS_ENDPOINT_URL and MAREY_JOBS_TABLE); `cargo xtask test` starts one");
        return;
    }
    let settings = crate::Settings::from_env().unwrap();
    suite(&crate::aws::Table::new(&crate::aws::sdk_config().await, &settings)).await;
}

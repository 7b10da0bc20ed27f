//! Archives of videos.

use std::io::{Cursor, Write};

use marey_cloud::{artifacts::ReadUploads, store::KeepBatches};
use marey_engine::BatchId;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use super::*;

const ARCHIVE: &str = "uploads/ann/motion/monday.zip";

/// The id of the batch, which is that of the job that the archive would make.
fn id() -> JobId {
    JobId::of_object("up", ARCHIVE, None, "e")
}

fn batch_id() -> BatchId {
    id().to_string().parse().unwrap()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        writer.start_file(*path, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(super) fn two_videos() -> Vec<u8> {
    zipped(&[
        ("patient_001/trial_01.mp4", b"the first video"),
        ("notes.txt", b"no video"),
        ("patient_002/trial_01.mov", b"the second video, and longer"),
        ("__MACOSX/._trial_01.mp4", b"fork"),
    ])
}

async fn put(world: &World, memory: &Memory, key: &str, archive: Vec<u8>) -> Disposal {
    memory.put_object(key, archive);
    handle(world, MAX_BYTES, &message(&[key])).await
}

/// The only job there is, and why it failed.
async fn failed(memory: &Memory) -> (Job, marey_engine::Failure) {
    let mut found = jobs(memory, "ann").await;
    assert_eq!(found.len(), 1);
    let job = found.remove(0);
    let JobState::Failed { failure, .. } = job.state.clone() else {
        panic!("it runs")
    };
    assert!(memory.receive().is_none());
    assert!(memory.batch(batch_id()).await.unwrap().is_none());
    (job, failure)
}

#[tokio::test]
async fn every_video_makes_a_job_of_the_batch_that_reads_its_part_of_the_archive() {
    let (world, memory) = world(Metadata {
        params: Some(r#"{"cutoff_hz": 8}"#.into()),
        priority: Some("7".into()),
        ..Metadata::default()
    });
    for _ in 0..2 {
        assert_eq!(put(&world, &memory, ARCHIVE, two_videos()).await, Disposal::Acknowledge);
    }
    let batch = memory.batch(batch_id()).await.unwrap().unwrap().value;
    assert_eq!(
        (batch.items, batch.owner.as_str(), batch.name.as_str()),
        (2, "ann", "monday")
    );
    assert!(batch.made_at.is_some());
    let found = jobs(&memory, "ann").await;
    assert_eq!(
        found.len(),
        2,
        "and none of the archive itself, nor of the repeated event"
    );
    let folder = std::env::temp_dir().join(format!("marey-archives-{}", std::process::id()));
    for (number, name, content) in [
        (0, "patient_001_trial_01", "the first video"),
        (1, "patient_002_trial_01", "the second video, and longer"),
    ] {
        let job = found.iter().find(|job| job.id == batch.job_of(number)).unwrap();
        assert_eq!((job.input.name.as_str(), job.input.bytes), (name, content.len() as u64));
        assert_eq!((job.input.key.as_str(), job.priority), (ARCHIVE, 7));
        assert_eq!(job.wishes.batch, Some(batch_id()));
        assert_eq!(job.wishes.params["cutoff_hz"].as_f64(), Some(8.0));
        assert_eq!(job.state, JobState::Running);
        memory.fetch_upload(&job.input, &folder).await.unwrap();
        assert_eq!(std::fs::read_to_string(&folder).unwrap(), content);
    }
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(std::iter::from_fn(|| memory.receive()).count(), 2);
}

#[tokio::test]
async fn only_the_ends_of_an_archive_are_read() {
    let (world, memory) = world(Metadata::default());
    let (video, large) = ([7; 99], vec![3; 4 << 20]);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, content) in [("a.mp4", video.as_slice()), ("raw.dat", &large), ("b.mp4", &video)] {
        writer.start_file(path, stored).unwrap();
        writer.write_all(content).unwrap();
    }
    let archive = writer.finish().unwrap().into_inner();
    put(&world, &memory, "uploads/days.zip", archive).await;
    assert_eq!(jobs(&memory, "default").await.len(), 2);
    let read = *world.artifacts.read.lock().unwrap();
    assert!(read < 70_000, "{read} bytes of 4 MiB");
}

#[tokio::test]
async fn everything_that_is_wrong_is_listed_at_once_and_nothing_is_begun() {
    let (world, memory) = world(Metadata::default());
    let huge: Vec<u8> = (0..120).collect();
    let archive = zipped(&[
        ("fine.mp4", b"fine"),
        ("../out.mp4", b"out"),
        ("x/y.mp4", b"one"),
        ("x_y.mov", b"two"),
        ("huge.mp4", &huge),
        ("inner.zip", b"inner"),
    ]);
    for _ in 0..2 {
        assert_eq!(
            put(&world, &memory, ARCHIVE, archive.clone()).await,
            Disposal::Acknowledge
        );
    }
    let (job, failure) = failed(&memory).await;
    assert_eq!((job.id, job.wishes.batch), (id(), None));
    assert_eq!(failure.code, "ARCHIVE_REFUSED");
    for expected in [
        "../out.mp4: its path leads out of the archive",
        "the name `x_y` is that of x/y.mp4 and x_y.mov",
        "huge.mp4: it has 120 bytes unpacked, allowed are 100",
        "inner.zip: it is an archive itself",
    ] {
        assert!(failure.message.contains(expected), "{}", failure.message);
    }
    assert!(failure.hint.contains("Rename the files"), "{}", failure.hint);
}

#[tokio::test]
async fn an_archive_that_is_cut_off_says_so() {
    let (world, memory) = world(Metadata::default());
    let mut archive = two_videos();
    archive.truncate(archive.len() - 30);
    assert_eq!(put(&world, &memory, ARCHIVE, archive).await, Disposal::Acknowledge);
    let (_, failure) = failed(&memory).await;
    assert!(failure.message.contains("it is cut off"), "{}", failure.message);
}

#[tokio::test]
async fn a_crash_in_the_middle_goes_on_with_the_next_delivery() {
    let (world, memory) = world(Metadata::default());
    for operation in ["create_batch", "create", "send", "put_batch"] {
        memory.break_down(operation);
        let disposal = put(&world, &memory, ARCHIVE, two_videos()).await;
        assert!(
            matches!(disposal, Disposal::Return(_)),
            "{operation}: it is not acknowledged"
        );
        let batch = memory.batch(batch_id()).await.unwrap();
        assert!(
            batch.is_none_or(|row| row.value.made_at.is_none()),
            "{operation}: somebody must go on"
        );
        memory.recover();
    }
    assert_eq!(put(&world, &memory, ARCHIVE, two_videos()).await, Disposal::Acknowledge);
    let batch = memory.batch(batch_id()).await.unwrap().unwrap().value;
    assert!(batch.made_at.is_some());
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 2);
    assert!((0..2).all(|number| found.iter().any(|job| job.id == batch.job_of(number))));
    let reads = memory.calls("advance");
    put(&world, &memory, ARCHIVE, two_videos()).await;
    assert_eq!(memory.calls("advance"), reads, "a batch that was made is done with");
}

#[tokio::test]
async fn an_archive_that_came_with_a_form_ends_the_job_that_was_reserved() {
    let (world, memory) = world(Metadata::default());
    let reserved = JobId::of_object("r", "r", None, "r");
    let key = Request::key("ann", "motion", reserved, "monday.zip");
    assert_eq!(put(&world, &memory, &key, two_videos()).await, Disposal::Acknowledge);
    let (job, failure) = failed(&memory).await;
    assert_eq!((job.id, failure.code.as_str()), (reserved, "ARCHIVE_UNEXPECTED"));
}

#[tokio::test]
async fn what_an_archive_asks_for_must_be_granted() {
    let (world, memory) = world(Metadata {
        params: Some(r#"{"tempo": 3}"#.into()),
        ..Metadata::default()
    });
    put(&world, &memory, ARCHIVE, two_videos()).await;
    let (_, failure) = failed(&memory).await;
    assert_eq!(failure.code, "PARAMETER_INVALID");
}

#[tokio::test]
async fn a_file_that_is_only_called_an_archive_is_taken_for_a_video() {
    let (world, memory) = world(Metadata::default());
    for (key, content) in [(ARCHIVE, "no archive"), ("uploads/ann/motion/b.zip", "x")] {
        assert_eq!(put(&world, &memory, key, content.into()).await, Disposal::Acknowledge);
    }
    let found = jobs(&memory, "ann").await;
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|job| job.input.member.is_none() && job.state == JobState::Running)
    );
}

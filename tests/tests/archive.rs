//! A zip in the bucket makes a batch, or says what is wrong with it.

use std::io::{Cursor, Write};

use anyhow::Result;
use marey_contract::JobStatus;
use marey_engine::JobId;
use marey_tests::{assert_completed, failure_code, in_world, videos};
use uuid::Uuid;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// The job of a video, counted from 0: its id is reserved by its place in the batch.
fn job_of(batch: &str, video: u32) -> Result<String> {
    let batch: Uuid = batch.parse()?;
    Ok(JobId::reserved(Uuid::new_v5(&batch, &video.to_be_bytes())).to_string())
}

fn zipped(members: &[(&str, &[u8], CompressionMethod)]) -> Result<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content, method) in members {
        writer.start_file(*path, SimpleFileOptions::default().compression_method(*method))?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

#[test]
fn every_video_of_an_archive_is_analysed_and_other_files_are_left_alone() {
    in_world(|world| async move {
        let owner = format!("archive-{}", Uuid::new_v4());
        let video = std::fs::read(videos::short()?)?;
        let archive = zipped(&[
            ("patient_001/trial_01.mp4", &video, CompressionMethod::Stored),
            (
                "notes.txt",
                b"Both were filmed on Monday.\n",
                CompressionMethod::Deflated,
            ),
            ("patient_002/trial_01.mp4", &video, CompressionMethod::Deflated),
        ])?;
        let key = format!("uploads/{owner}/motion/monday.zip");
        let batch = world.put(&key, archive).await?;
        for (number, name) in [(0, "patient_001_trial_01"), (1, "patient_002_trial_01")] {
            let job = world.end_of(&job_of(&batch, number)?).await?;
            assert_completed(&job);
            assert_eq!(job.summary.name, name);
            assert_eq!(job.summary.batch.as_deref(), Some(batch.as_str()));
        }
        let third = world.api.job(&job_of(&batch, 2)?).await;
        assert!(third.is_err_and(|error| error.is_not_found()), "the text makes no job");
        let none = world.api.job(&batch).await;
        assert!(none.is_err_and(|error| error.is_not_found()), "nor does the archive");
        Ok(())
    });
}

#[test]
fn an_archive_with_faults_makes_one_failed_job_that_lists_them() {
    in_world(|world| async move {
        let owner = format!("archive-{}", Uuid::new_v4());
        let stored = CompressionMethod::Stored;
        let archive = zipped(&[
            ("fine.mp4", b"fine", stored),
            ("../out.mp4", b"out", stored),
            ("a/b.mp4", b"one", stored),
            ("a_b.mov", b"two", stored),
        ])?;
        let id = world.put(&format!("uploads/{owner}/motion/bad.zip"), archive).await?;
        let job = world.end_of(&id).await?;
        assert_eq!(job.summary.status, JobStatus::Failed);
        assert_eq!(failure_code(&job), "ARCHIVE_REFUSED");
        let message = job.summary.error.map(|error| error.message).unwrap_or_default();
        assert!(
            message.contains("../out.mp4") && message.contains("a_b.mov"),
            "{message}"
        );
        let first = world.api.job(&job_of(&id, 0)?).await;
        assert!(first.is_err_and(|error| error.is_not_found()), "nothing was begun");
        Ok(())
    });
}

#[test]
fn a_video_that_is_damaged_in_its_archive_fails_alone() {
    in_world(|world| async move {
        let owner = format!("archive-{}", Uuid::new_v4());
        let video = std::fs::read(videos::short()?)?;
        let stored = CompressionMethod::Stored;
        let mut archive = zipped(&[("a.mp4", b"0123456789", stored), ("b.mp4", &video, stored)])?;
        // A byte of the first video's content, which follows its header of 30 bytes and its path.
        archive[30 + "a.mp4".len()] ^= 1;
        let batch = world.put(&format!("uploads/{owner}/motion/hurt.zip"), archive).await?;
        let hurt = world.end_of(&job_of(&batch, 0)?).await?;
        assert_eq!(failure_code(&hurt), "ARCHIVE_DAMAGED");
        assert_completed(&world.end_of(&job_of(&batch, 1)?).await?);
        Ok(())
    });
}

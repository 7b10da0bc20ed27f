//! A manifest in the bucket makes a batch, or says what is wrong with it.

use anyhow::Result;
use marey_engine::JobId;
use marey_tests::{failure_code, in_world};
use uuid::Uuid;

/// A job whose file is no video ends at its first stage.
const CONTENT: &[u8] = b"This is not a video, whatever its name says.\n";

/// The job of a line, counted from 0: its id is reserved by its place in the batch.
fn job_of(batch: &str, line: u32) -> Result<String> {
    let batch: Uuid = batch.parse()?;
    Ok(JobId::reserved(Uuid::new_v5(&batch, &line.to_be_bytes())).to_string())
}

#[test]
fn every_line_of_a_manifest_makes_a_job_of_its_batch() {
    in_world(|world| async move {
        let owner = format!("manifest-{}", Uuid::new_v4());
        let (first, second) = (
            format!("uploads/{owner}/motion/a.mp4"),
            format!("uploads/{owner}/motion/b.mp4"),
        );
        for key in [&first, &second] {
            world.put(key, CONTENT.to_vec()).await?;
        }
        let lines =
            format!("{{\"key\": \"{first}\", \"name\": \"Monday\"}}\n{{\"key\": \"{second}\", \"priority\": 9}}\n");
        let key = format!("uploads/{owner}/motion/week.manifest.jsonl");
        let batch = world.put(&key, lines.into_bytes()).await?;
        for (line, name, priority) in [(0, "Monday", 5), (1, "b.mp4", 9)] {
            let job = world.end_of(&job_of(&batch, line)?).await?;
            assert_eq!(failure_code(&job), "MEDIA_NOT_A_VIDEO", "it was run");
            assert_eq!((job.summary.name.as_str(), job.summary.priority), (name, priority));
        }
        Ok(())
    });
}

#[test]
fn a_manifest_with_wrong_lines_makes_one_failed_job_that_lists_them() {
    in_world(|world| async move {
        let owner = format!("manifest-{}", Uuid::new_v4());
        let here = format!("uploads/{owner}/motion/a.mp4");
        world.put(&here, CONTENT.to_vec()).await?;
        let lines = format!("{{\"key\": \"{here}\"}}\n{{\"key\": \"uploads/{owner}/motion/gone.mp4\"}}\nnonsense\n");
        let key = format!("uploads/{owner}/motion/week.manifest.jsonl");
        let id = world.put(&key, lines.into_bytes()).await?;
        let job = world.end_of(&id).await?;
        assert_eq!(failure_code(&job), "MANIFEST_INVALID");
        let message = job.summary.error.map(|error| error.message).unwrap_or_default();
        assert!(
            message.contains("line 2: ") && message.contains("line 3: ") && !message.contains("line 1:"),
            "{message}"
        );
        assert!(
            world
                .api
                .job(&job_of(&id, 0)?)
                .await
                .is_err_and(|error| error.is_not_found())
        );
        Ok(())
    });
}

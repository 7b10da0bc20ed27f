//! The HTTP API as deployed.

use marey::upload::{VideoFile, upload};
use marey_contract::{JobStatus, VideoRequest};
use marey_tests::{assert_completed, in_world, videos};

#[test]
fn a_form_upload_begins_the_job_it_named() {
    in_world(|world| async move {
        let request = VideoRequest {
            name: "läufer 1+1.mp4".into(),
            priority: Some(8),
            ..VideoRequest::default()
        };
        let ticket = world.api.ask_upload(&request).await?;
        let early = world
            .api
            .job(&ticket.job_id)
            .await
            .expect_err("there is no job before its upload");
        assert!(early.is_not_found());
        let file = VideoFile::open(&videos::short()?).await?;
        upload(&world.api, &ticket, file, |_| {}).await?;
        let job = world.end_of(&ticket.job_id).await?;
        assert_completed(&job);
        assert_eq!((job.summary.name.as_str(), job.summary.priority), ("läufer 1+1.mp4", 8));
        let folder = tempfile::tempdir()?;
        let results = world.download(&job.summary.id, folder.path()).await?;
        assert!(
            results
                .files
                .iter()
                .all(|file| file.bytes > 0 && file.sha256.len() == 64)
        );
        Ok(())
    });
}

#[test]
fn unknown_ids_are_404_with_a_json_error() {
    in_world(|world| async move {
        let unknown = "00000000-0000-4000-8000-000000000000";
        for error in [
            world.api.job(unknown).await.expect_err("no job"),
            world.api.results(unknown).await.expect_err("no results"),
            world.api.cancel(unknown).await.expect_err("nothing to cancel"),
        ] {
            assert!(error.is_not_found(), "{error:?}");
            assert_eq!(error.code(), "JOB_NOT_FOUND");
        }
        Ok(())
    });
}

#[test]
fn health_names_the_workflows() {
    in_world(|world| async move {
        let health = world.api.health().await?;
        assert_eq!(health.status, "ok");
        assert!(health.workflows.contains(&"motion".to_owned()));
        Ok(())
    });
}

#[test]
fn a_cancelled_job_stops_and_stays_cancelled() {
    in_world(|world| async move {
        let long = videos::converted(
            "long.mp4",
            &["-stream_loop", "20", "-i", "{short}", "-c", "copy", "-f", "mp4"],
        )?;
        let id = world
            .put(&format!("uploads/{}.mp4", uuid::Uuid::new_v4()), std::fs::read(long)?)
            .await?;
        loop {
            match world.api.job(&id).await {
                Ok(job) if job.stages.iter().any(|s| s.name == "pose" && s.attempts > 0) => break,
                Ok(job) => assert!(
                    !job.summary.status.has_ended(),
                    "it ended before it was cancelled: {job:#?}"
                ),
                Err(error) => assert!(error.is_not_found(), "{error:?}"),
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(world.api.cancel(&id).await?.summary.status, JobStatus::Cancelled);
        tokio::time::sleep(std::time::Duration::from_secs(6)).await;
        let job = world.api.job(&id).await?;
        assert_eq!(job.summary.status, JobStatus::Cancelled);
        assert!(
            job.stages
                .iter()
                .all(|stage| stage.name == "probe" || stage.progress < 1.0),
            "it went on: {job:#?}"
        );
        assert_eq!(
            world.api.cancel(&id).await.expect_err("a second time").code(),
            "JOB_ENDED"
        );
        Ok(())
    });
}

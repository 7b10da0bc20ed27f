//! Input that is no video of a person: each ends in a failed job with a code and a hint, at once.

use anyhow::Result;
use marey_contract::JobDetail;
use marey_tests::{World, failure_code, in_world, videos};

/// Uploads bytes as a video and returns the failed job; nothing that cannot succeed is tried twice.
async fn fails(world: &World, name: &str, content: &[u8]) -> Result<(String, JobDetail)> {
    let id = world
        .put(
            &format!("uploads/bad/{}/{name}", uuid::Uuid::new_v4()),
            content.to_vec(),
        )
        .await?;
    let job = world.end_of(&id).await?;
    assert!(
        job.stages.iter().all(|stage| stage.attempts <= 1),
        "no attempt is wasted: {job:#?}"
    );
    Ok((failure_code(&job), job))
}

fn refused(name: &'static str, content: &'static [u8], codes: &'static [&'static str]) {
    in_world(|world| async move {
        let (code, job) = fails(&world, name, content).await?;
        assert!(codes.contains(&code.as_str()), "{code} is none of {codes:?}: {job:#?}");
        assert_eq!(
            job.summary.error.as_ref().and_then(|error| error.stage.as_deref()),
            Some("probe")
        );
        Ok(())
    });
}

#[test]
fn an_empty_object() {
    refused("empty.mp4", b"", &["MEDIA_EMPTY"]);
}

#[test]
fn a_text_named_mp4() {
    refused(
        "text.mp4",
        b"This is not a video, whatever its name says.\n",
        &["MEDIA_NOT_A_VIDEO"],
    );
}

#[test]
fn an_hls_playlist_named_mp4() {
    let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n";
    refused("playlist.mp4", playlist, &["MEDIA_FORMAT_REFUSED", "MEDIA_NOT_A_VIDEO"]);
}

#[test]
fn a_concat_script_named_mp4() {
    let script = b"ffconcat version 1.0\nfile /etc/passwd\n";
    refused("concat.mp4", script, &["MEDIA_FORMAT_REFUSED", "MEDIA_NOT_A_VIDEO"]);
}

#[test]
fn a_video_cut_off_in_the_middle() {
    in_world(|world| async move {
        let whole = std::fs::read(videos::short()?)?;
        let (code, _) = fails(&world, "cut.mp4", &whole[..whole.len() / 2]).await?;
        assert_eq!(code, "MEDIA_TRUNCATED", "a part must not look whole");
        Ok(())
    });
}

#[test]
fn a_video_cut_off_before_its_index() {
    in_world(|world| async move {
        let plain = videos::converted(
            "index-last.mp4",
            &["-i", "{short}", "-c", "copy", "-movflags", "-faststart", "-f", "mp4"],
        )?;
        let whole = std::fs::read(plain)?;
        let (code, _) = fails(&world, "cut.mp4", &whole[..whole.len() * 2 / 3]).await?;
        assert!(
            ["MEDIA_NOT_A_VIDEO", "MEDIA_TRUNCATED"].contains(&code.as_str()),
            "{code}"
        );
        Ok(())
    });
}

#[test]
fn sound_without_a_picture() {
    in_world(|world| async move {
        let sound = videos::converted(
            "sound.mp4",
            &["-f", "lavfi", "-i", "sine=duration=1", "-c:a", "aac", "-f", "mp4"],
        )?;
        let (code, _) = fails(&world, "sound.mp4", &std::fs::read(sound)?).await?;
        assert_eq!(code, "MEDIA_NO_VIDEO_STREAM");
        Ok(())
    });
}

#[test]
fn a_video_with_nobody_in_it() {
    in_world(|world| async move {
        let source = "testsrc2=size=320x240:rate=15:duration=1";
        let empty = videos::converted(
            "nobody.mp4",
            &["-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", "-f", "mp4"],
        )?;
        let (code, job) = fails(&world, "nobody.mp4", &std::fs::read(empty)?).await?;
        assert_eq!(code, "NO_PERSON_FOUND", "{job:#?}");
        Ok(())
    });
}

#[test]
fn a_workflow_that_does_not_exist() {
    in_world(|world| async move {
        let metadata = [("workflow".to_owned(), "dance".to_owned())].into();
        let key = format!("uploads/{}.mp4", uuid::Uuid::new_v4());
        let id = world.put_with(&key, b"x".to_vec(), &metadata).await?;
        let job = world.end_of(&id).await?;
        assert_eq!(failure_code(&job), "WORKFLOW_UNKNOWN");
        Ok(())
    });
}

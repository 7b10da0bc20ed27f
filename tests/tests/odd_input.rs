//! Videos that are unusual but sound: each ends in a completed job, with what is unusual about it told.

use std::path::PathBuf;

use anyhow::Result;
use marey_contract::JobDetail;
use marey_tests::{assert_completed, facts, in_world, videos};

/// Runs a video and looks at its completed job.
fn completes(make: impl FnOnce() -> Result<PathBuf>, look: impl FnOnce(&JobDetail)) {
    in_world(|world| async move {
        let job = world.run(&make()?).await?;
        assert_completed(&job);
        look(&job);
        Ok(())
    });
}

#[test]
fn a_single_frame() {
    let make = || videos::converted("one-frame.mp4", &["-i", "{short}", "-frames:v", "1", "-f", "mp4"]);
    completes(make, |job| {
        assert_eq!(facts(job, "probe")["frames"], 1);
        assert_eq!(facts(job, "pose")["frames_with_person"], 1);
    });
}

#[test]
fn ten_bit_hevc() {
    let encoder = [
        "-c:v",
        "libx265",
        "-x265-params",
        "log-level=none",
        "-tag:v",
        "hvc1",
        "-f",
        "mp4",
    ];
    let mut arguments = vec!["-i", "{short}", "-pix_fmt", "yuv420p10le"];
    arguments.extend(encoder);
    completes(
        move || videos::converted("hevc10.mp4", &arguments),
        |job| {
            assert_eq!(facts(job, "probe")["codec"], "hevc");
            assert_eq!(facts(job, "probe")["bit_depth"], 10);
            assert_eq!(facts(job, "pose")["frames_with_person"], 30);
        },
    );
}

#[test]
fn a_turned_phone_video() {
    // The picture is stored lying and carries the turn that makes it upright, as phones do.
    let make = || {
        let lying = videos::converted("lying.mp4", &["-i", "{short}", "-vf", "transpose=cclock", "-f", "mp4"])?;
        let lying = lying.to_string_lossy().into_owned();
        videos::converted(
            "turned.mp4",
            &["-display_rotation", "-90", "-i", &lying, "-c", "copy", "-f", "mp4"],
        )
        .or_else(|_| {
            // ffmpeg 5 has the older way of saying it.
            videos::converted(
                "turned.mp4",
                &["-i", &lying, "-c", "copy", "-metadata:s:v:0", "rotate=90", "-f", "mp4"],
            )
        })
    };
    completes(make, |job| {
        let video = facts(job, "probe");
        assert_eq!(
            (&video["width_px"], &video["height_px"]),
            (&640.into(), &480.into()),
            "{video}"
        );
        assert_ne!(video["rotation_deg"].as_f64(), Some(0.0));
        assert_eq!(
            facts(job, "pose")["frames_with_person"],
            30,
            "an upright person is found"
        );
    });
}

#[test]
fn a_variable_frame_rate() {
    let filter = "select=not(eq(mod(n\\,3)\\,1)),setpts=PTS+0.004*mod(N\\,2)/TB";
    let make = move || {
        videos::converted(
            "variable.mp4",
            &[
                "-i",
                "{short}",
                "-vf",
                filter,
                "-vsync",
                "vfr",
                "-video_track_timescale",
                "90000",
                "-f",
                "mp4",
            ],
        )
    };
    completes(make, |job| {
        assert_eq!(facts(job, "probe")["variable_frame_rate"], true);
        let notes = facts(job, "biomechanics")["notes"].to_string();
        assert!(
            notes.contains("uneven") || notes.contains("vari") || notes.contains("resampl"),
            "the reader is told: {notes}"
        );
    });
}

#[test]
fn an_odd_sized_picture() {
    let make = || {
        videos::converted(
            "odd.mp4",
            &[
                "-i",
                "{short}",
                "-vf",
                "scale=427:321,setsar=1",
                "-pix_fmt",
                "yuv444p",
                "-f",
                "mp4",
            ],
        )
    };
    completes(make, |job| {
        assert_eq!(facts(job, "probe")["width_px"], 427);
        assert_eq!(facts(job, "probe")["height_px"], 321);
        assert_eq!(facts(job, "visualize")["frames"], 30);
    });
}

#[test]
fn a_video_with_sound_keeps_it() {
    let make = || {
        let sine = "sine=frequency=440:duration=1";
        videos::converted(
            "sounding.mp4",
            &[
                "-i", "{short}", "-f", "lavfi", "-i", sine, "-c:v", "copy", "-c:a", "aac", "-f", "mp4",
            ],
        )
    };
    in_world(|world| async move {
        let job = world.run(&make()?).await?;
        assert_completed(&job);
        let folder = tempfile::tempdir()?;
        world.download(&job.summary.id, folder.path()).await?;
        let tools = marey_media::Tools::from_env()?;
        let info = marey_media::probe(
            &tools,
            &folder.path().join("annotated.mp4"),
            &marey_media::Limits::default(),
        )?;
        assert!(info.audio.is_some(), "the annotated video has lost its sound");
        Ok(())
    });
}

#[test]
fn webm_with_vp9() {
    let make = || {
        videos::converted(
            "vp9.webm",
            &[
                "-i",
                "{short}",
                "-c:v",
                "libvpx-vp9",
                "-deadline",
                "realtime",
                "-cpu-used",
                "8",
                "-f",
                "webm",
            ],
        )
    };
    completes(make, |job| assert_eq!(facts(job, "probe")["codec"], "vp9"));
}

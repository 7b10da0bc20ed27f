//! The main job, end to end: a video in, true angles and pictures out.

use marey_motion::{Angle, Side, Space, formats::analysis_from_json, formats::recording_from_parquet};
use marey_sample::truth;
use marey_tests::{assert_completed, facts, in_world, videos};

#[test]
fn the_sample_gives_its_true_angles_and_every_result() {
    in_world(|world| async move {
        let scene = videos::sample_scene();
        let job = world.run(&videos::rendered("sample.mp4", &scene)?).await?;
        assert_completed(&job);
        let frames = scene.frame_count();
        assert_eq!(
            facts(&job, "pose")["frames_with_person"],
            frames,
            "the person is seen in every frame"
        );

        let folder = tempfile::tempdir()?;
        let results = world.download(&job.summary.id, folder.path()).await?;
        let names: Vec<_> = results.files.iter().map(|file| file.name.as_str()).collect();
        let workflow = marey_engine::Workflow::shipped("motion").unwrap();
        for name in workflow.stages().iter().flat_map(|stage| &stage.results) {
            assert!(names.contains(&name.as_str()), "{name} was promised");
        }

        let analysis = analysis_from_json(&std::fs::read_to_string(folder.path().join("analysis.json"))?)?;
        let measured = analysis.people[0]
            .series(Angle::KneeFlexion, Some(Side::Right), Space::Image)
            .unwrap();
        let truth = truth(&scene)?;
        let errors: Vec<f64> = measured
            .value_deg
            .iter()
            .zip(&truth.frames)
            .filter_map(|(value, frame)| value.map(|value| (value - frame.people[0].right.knee_flexion_deg).abs()))
            .collect();
        assert_eq!(errors.len(), frames);
        let mean = errors.iter().sum::<f64>() / frames as f64;
        eprintln!("mean absolute error of the near knee: {mean:.2} degrees");
        assert!(mean < 5.0, "the knee is off by {mean:.1} degrees on average");

        let recording = recording_from_parquet(&std::fs::read(folder.path().join("recording.parquet"))?)?;
        assert_eq!(recording.time_s, analysis.time_s);
        let report = std::fs::read_to_string(folder.path().join("report.html"))?;
        for needed in [
            "sample.mp4",
            "annotated.mp4",
            &job.summary.id,
            &analysis.model.sha256[..12],
            "Knee flexion",
        ] {
            assert!(report.contains(needed), "the report does not mention {needed}");
        }

        let tools = marey_media::Tools::from_env()?;
        let video = marey_media::probe(
            &tools,
            &folder.path().join("annotated.mp4"),
            &marey_media::Limits::default(),
        )?;
        assert_eq!(video.frame_count, frames as u64);
        assert_eq!((video.width_px, video.height_px), (scene.width, scene.height));
        let photo = std::fs::read(folder.path().join("chronophotograph.jpg"))?;
        assert!(photo.starts_with(&[0xff, 0xd8, 0xff]), "a JPEG");
        Ok(())
    });
}

#[test]
fn a_walk_completes() {
    in_world(|world| async move {
        let job = world.run(&videos::walk()?).await?;
        assert_completed(&job);
        for stage in &job.stages {
            assert_eq!((stage.attempts, stage.progress), (1, 1.0), "{stage:#?}");
            assert!(stage.queue_ms.is_some() && stage.run_ms.is_some());
        }
        Ok(())
    });
}

/// The renderer keeps a list of its own, so that the developer's tool need not build the analysis.
#[test]
fn the_sample_names_its_joints_as_recordings_do() {
    let truth = truth(&videos::short_scene()).unwrap();
    let joints = &truth.frames[0].people[0].joints;
    let names: Vec<_> = joints.iter().map(|joint| joint.name.clone()).collect();
    assert_eq!(names, marey_motion::Skeleton::BlazePose33.landmark_names());
}

//! Long videos: what comes of ranges that were worked on apart is what comes of the whole.

use std::path::{Path, PathBuf};

use marey_cloud::{Output, Stage, StageError, Work};
use marey_engine::JobState;
use marey_fn_biomechanics::Biomechanics;
use marey_media::{FrameReader, Limits, ReadOptions, Tools, VideoInfo};
use marey_motion::{
    Analysis, Person, Pose, Recording, Sighting, Space,
    formats::{analysis_from_json, recording_from_parquet},
};
use serde_json::json;

use super::{SharedPose, clips, pose, probe, report, tools, visualize, world::World};

/// Runs a job to its end, the shards of a stage in the opposite of their order.
async fn finish(world: &World, tools: &Tools, pose: &SharedPose) {
    loop {
        let mut tasks: Vec<_> = std::iter::from_fn(|| world.memory.receive()).collect();
        if tasks.is_empty() {
            return;
        }
        tasks.reverse();
        for task in &tasks {
            let _done = match task.payload.stage.as_str() {
                "probe" => world.run(probe(tools), task).await,
                "pose" => world.run(SharedPose(pose.0), task).await,
                "biomechanics" => world.run(Biomechanics, task).await,
                "visualize" => world.run(visualize(tools), task).await,
                "report" => world.run(report(tools), task).await,
                other => panic!("no stage {other}"),
            };
        }
    }
}

async fn finished(tools: &Tools, pose: &SharedPose, video: &[u8], shard_s: f64) -> World {
    let world = World::with(video.to_vec(), "motion", &[("shard_s", json!(shard_s))]).await;
    finish(&world, tools, pose).await;
    world
}

async fn recording(world: &World) -> Recording {
    recording_from_parquet(&world.result("recording.parquet").await).unwrap()
}

async fn analysis(world: &World) -> Analysis {
    analysis_from_json(&String::from_utf8(world.result("analysis.json").await).unwrap()).unwrap()
}

/// Mean and greatest of some differences.
#[derive(Debug, Default, Clone, Copy)]
struct Spread {
    sum: f64,
    count: u32,
    greatest: f64,
}

impl Spread {
    fn add(&mut self, difference: f64) {
        self.sum += difference;
        self.count += 1;
        self.greatest = self.greatest.max(difference);
    }

    fn mean(&self) -> f64 {
        self.sum / f64::from(self.count.max(1))
    }
}

/// How far apart each landmark is in two recordings of the same people in the same frames, px; in all, and the landmark that is the
/// furthest.
fn landmarks_px(a: &Recording, b: &Recording) -> Spread {
    assert_eq!(a.time_s, b.time_s, "the same frames");
    assert_eq!(a.people.len(), b.people.len(), "the same people");
    let mut of_all = Spread::default();
    let mut of_each = vec![Spread::default(); a.skeleton.len()];
    for (a, b) in a.people.iter().zip(&b.people) {
        for (a, b) in a.poses.iter().zip(&b.poses) {
            assert_eq!(a.is_some(), b.is_some(), "in the same frames");
            let (Some(a), Some(b)) = (a, b) else { continue };
            for ((a, b), of_one) in a.points.iter().zip(&b.points).zip(&mut of_each) {
                let difference = f64::from(a.x_px - b.x_px).hypot(f64::from(a.y_px - b.y_px));
                of_all.add(difference);
                of_one.add(difference);
            }
        }
    }
    for (name, of_one) in a.skeleton.landmark_names().iter().zip(&of_each) {
        eprintln!(
            "    {name}: mean {:.3} px, greatest {:.3} px",
            of_one.mean(),
            of_one.greatest
        );
    }
    of_all
}

/// How far apart the angles in the picture are, degrees, and in how many frames only one has a value: a landmark at the edge of what
/// counts as seen.
fn angles_deg(a: &Analysis, b: &Analysis) -> (Spread, u32) {
    let mut spread = Spread::default();
    let mut only_one = 0;
    for (a, b) in a.people.iter().zip(&b.people) {
        let series = a.angles.iter().zip(&b.angles);
        for (a, b) in series.filter(|(series, _)| series.space == Space::Image) {
            assert_eq!(a.id(), b.id());
            for (a, b) in a.value_deg.iter().zip(&b.value_deg) {
                match (a, b) {
                    (Some(a), Some(b)) => {
                        let difference = (a - b).abs();
                        spread.add(difference.min(360.0 - difference));
                    }
                    (None, None) => {}
                    _ => only_one += 1,
                }
            }
        }
    }
    (spread, only_one)
}

/// The annotated video in a file, and what is known of it.
async fn annotated(world: &World, tools: &Tools, folder: &Path, name: &str) -> (PathBuf, VideoInfo) {
    let path = folder.join(name);
    std::fs::write(&path, world.result("annotated.mp4").await).unwrap();
    let info = marey_media::probe(tools, &path, &Limits::default()).unwrap();
    (path, info)
}

fn frame_times(tools: &Tools, path: &Path, info: &VideoInfo) -> Vec<u64> {
    let mut reader = FrameReader::open(tools, path, info, ReadOptions::default()).unwrap();
    std::iter::from_fn(|| reader.read().unwrap())
        .map(|frame| frame.time_s.to_bits())
        .collect()
}

/// Where results are kept to be looked at, if somebody wants to.
fn keep(folder: &Path, name: &str) {
    if let Some(to) = std::env::var_os("MAREY_KEEP") {
        std::fs::copy(folder.join(name), Path::new(&to).join(name)).unwrap();
    }
}

#[tokio::test]
async fn a_walk_in_three_ranges_is_the_walk_in_one() {
    let test = "the walk in ranges";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let video = clips::slow_walk(&tools, 1);
    let one = finished(&tools, &pose, &video, 45.0).await;
    let three = finished(&tools, &pose, &video, 4.2).await;
    // The same walk, filmed once more: only the camera's noise is another.
    let again = finished(&tools, &pose, &clips::slow_walk(&tools, 2), 45.0).await;
    assert_eq!(
        (
            &one.facts("probe").await["shards"],
            &three.facts("probe").await["shards"]
        ),
        (&json!(1), &json!(3))
    );

    let (whole, joined) = (recording(&one).await, recording(&three).await);
    assert_eq!(joined.people.len(), 1, "one person crosses two cuts");
    eprintln!("landmarks, in ranges against in one piece:");
    let difference = landmarks_px(&joined, &whole);
    eprintln!("landmarks, filmed again:");
    let noise = landmarks_px(&recording(&again).await, &whole);
    eprintln!(
        "landmarks: {difference:?} mean {:.4} px; noise: {noise:?} mean {:.4} px",
        difference.mean(),
        noise.mean()
    );
    let (angles, only_one) = angles_deg(&analysis(&three).await, &analysis(&one).await);
    let (angles_noise, only_one_of_noise) = angles_deg(&analysis(&again).await, &analysis(&one).await);
    eprintln!(
        "angles: {angles:?} mean {:.4} deg, {only_one} in one only; noise: {angles_noise:?} mean {:.4} deg, {only_one_of_noise} in one only",
        angles.mean(),
        angles_noise.mean()
    );
    assert!(difference.mean() <= noise.mean() && difference.greatest <= noise.greatest);
    assert!(angles.mean() <= angles_noise.mean());
    // The greatest of nine thousand differences is an accident of one frame in either, and so are the last hundredths between them.
    assert!(angles.greatest <= 1.05 * angles_noise.greatest);
    assert!(only_one <= only_one_of_noise.max(angles.count / 200));

    let folder = tempfile::tempdir().unwrap();
    let (whole, mut of_whole) = annotated(&one, &tools, folder.path(), "whole.mp4").await;
    let (joined, of_joined) = annotated(&three, &tools, folder.path(), "joined.mp4").await;
    assert_eq!(
        frame_times(&tools, &whole, &of_whole),
        frame_times(&tools, &joined, &of_joined)
    );
    assert_eq!(of_joined.audio, of_whole.audio, "the sound is that of the upload");
    assert!(of_joined.audio.is_some());
    of_whole.file_bytes = of_joined.file_bytes;
    of_whole.key_frames_s.clone_from(&of_joined.key_frames_s);
    assert_eq!(of_whole, of_joined);
    std::fs::write(
        folder.path().join("chronophotograph.jpg"),
        three.result("chronophotograph.jpg").await,
    )
    .unwrap();
    std::fs::write(
        folder.path().join("chronophotograph-whole.jpg"),
        one.result("chronophotograph.jpg").await,
    )
    .unwrap();
    std::fs::write(folder.path().join("report.html"), three.result("report.html").await).unwrap();
    for name in [
        "whole.mp4",
        "joined.mp4",
        "chronophotograph.jpg",
        "chronophotograph-whole.jpg",
        "report.html",
    ] {
        keep(folder.path(), name);
    }
}

#[tokio::test]
async fn a_range_of_nobody_is_no_failure() {
    let test = "the range of nobody";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    // Five seconds of an empty picture, then somebody.
    let world = finished(&tools, &pose, &clips::late_squat(&tools), 4.2).await;
    assert_eq!(world.facts("probe").await["shards"], 3);
    assert_eq!(
        world.facts("pose").await["frames_with_person"],
        0,
        "nobody in the first range"
    );
    let recording = recording(&world).await;
    let [person] = recording.people.as_slice() else {
        panic!("{} people", recording.people.len())
    };
    let first = person.poses.iter().position(Option::is_some).unwrap();
    assert!(
        (recording.time_s[first] - 5.0).abs() < 0.2,
        "{} s",
        recording.time_s[first]
    );
    let folder = tempfile::tempdir().unwrap();
    let (_, info) = annotated(&world, &tools, folder.path(), "late.mp4").await;
    assert_eq!(info.frame_count as usize, recording.time_s.len());
}

/// In the place of a drawing stage that finds a picture it cannot draw on.
struct Clumsy;

impl Stage for Clumsy {
    fn name(&self) -> &'static str {
        "visualize"
    }

    fn run(&self, _: &Work) -> Result<Output, StageError> {
        Err(StageError::permanent("PICTURE_WRONG_LENGTH", "No.", "None."))
    }
}

#[tokio::test]
async fn a_report_without_pictures_says_so_and_the_rest_stands() {
    let test = "the report without pictures";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let world = World::new(clips::rendered(&tools, &clips::short_squat())).await;
    world.replay(probe(&tools)).await;
    world.replay(SharedPose(pose.0)).await;
    world.replay(Biomechanics).await;
    world.replay(Clumsy).await;
    world.replay(report(&tools)).await;
    let JobState::Completed { degraded, .. } = world.job().await.state else {
        panic!("it did not complete: {:#?}", world.snapshot().await)
    };
    assert_eq!(degraded.len(), 1);
    assert_eq!(degraded[0].code, "PICTURE_WRONG_LENGTH");
    let names: Vec<String> = world
        .manifest()
        .await
        .artifacts
        .into_iter()
        .map(|entry| entry.artifact.name)
        .collect();
    assert!(
        names.contains(&"report.html".to_owned()) && names.contains(&"angles.svg".to_owned()),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.ends_with("mp4") || name.ends_with("jpg")),
        "{names:?}"
    );
    let page = String::from_utf8(world.result("report.html").await).unwrap();
    assert!(page.contains("Drawing on the video failed") && page.contains("Knee flexion"));
    assert!(
        !page.contains("annotated.mp4") && !page.contains("chronophotograph.jpg"),
        "nothing that is not there is linked"
    );
}

#[tokio::test]
async fn the_short_workflows_leave_what_they_promise() {
    let test = "the short workflows";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    let video = clips::rendered(&tools, &clips::short_squat());
    for (workflow, results) in [
        ("probe", &["video.json"][..]),
        ("pose", &["video.json", "recording.parquet"][..]),
    ] {
        let world = World::with(video.clone(), workflow, &[]).await;
        finish(&world, &tools, &pose).await;
        let names: Vec<String> = world
            .manifest()
            .await
            .artifacts
            .into_iter()
            .map(|entry| entry.artifact.name)
            .collect();
        assert_eq!(names, results);
    }
}

/// Footage from the folder of shared videos, made longer by ffmpeg with these words, a key frame every second.
fn real_footage(tools: &Tools, name: &str, words: &[&str]) -> Option<Vec<u8>> {
    let shared = std::env::var_os("MAREY_SHARED").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"));
    let source = shared.join("videos").join(name);
    if !source.exists() {
        eprintln!("skipped: real footage in ranges needs {}", source.display());
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("longer.mp4");
    let mut ffmpeg = std::process::Command::new(&tools.ffmpeg);
    ffmpeg.args(["-v", "error"]);
    ffmpeg.args(if words.contains(&"-filter_complex") {
        &[][..]
    } else {
        words
    });
    ffmpeg.arg("-i").arg(&source);
    ffmpeg.args(if words.contains(&"-filter_complex") {
        words
    } else {
        &[][..]
    });
    let made = ffmpeg
        .args([
            "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "30",
        ])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    Some(std::fs::read(path).unwrap())
}

/// The recordings of a video in one piece and in ranges. Nothing is drawn.
async fn recordings(tools: &Tools, pose: &SharedPose, video: &[u8], shards: usize) -> (Recording, Recording) {
    let mut recordings = Vec::new();
    for (shard_s, shards) in [(45.0, 1), (4.2, shards)] {
        let world = World::with(video.to_vec(), "motion", &[("shard_s", json!(shard_s))]).await;
        for stage in ["probe", "pose", "biomechanics"] {
            let tasks: Vec<_> = std::iter::from_fn(|| world.memory.receive()).collect();
            assert_eq!(tasks.len(), if stage == "pose" { shards } else { 1 });
            for task in &tasks {
                let _done = match stage {
                    "probe" => world.run(probe(tools), task).await,
                    "pose" => world.run(SharedPose(pose.0), task).await,
                    _ => world.run(Biomechanics, task).await,
                };
            }
        }
        let bytes = world.artifact("biomechanics", "recording.parquet").await;
        recordings.push(recording_from_parquet(&bytes).unwrap());
    }
    let joined = recordings.remove(1);
    (recordings.remove(0), joined)
}

/// In the frames in which both recordings show one person: the distance in trunks where it is the same person, and where it is another.
fn distances(whole: &Recording, joined: &Recording) -> (Vec<f64>, Vec<f64>) {
    assert_eq!(whole.time_s, joined.time_s);
    let (mut same, mut other) = (Vec::new(), Vec::new());
    for frame in 0..whole.time_s.len() {
        let there = |recording: &Recording| -> Vec<(u32, Pose)> {
            let people = recording.people.iter();
            people
                .filter_map(|person| Some((person.id, person.poses[frame].clone()?)))
                .collect()
        };
        if let ([(a_id, a)], [(b_id, b)]) = (there(whole).as_slice(), there(joined).as_slice()) {
            let trunk_px = Sighting::of(a, 0.0).map_or(1.0, |sighting| sighting.trunk_px());
            let distance = a.distance_px(b) / trunk_px;
            if a_id == b_id {
                same.push(distance);
            } else {
                other.push(distance);
            }
        }
    }
    for distances in [&mut same, &mut other] {
        distances.sort_unstable_by(f64::total_cmp);
    }
    (same, other)
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted
        .get(((sorted.len().max(1) - 1) as f64 * share) as usize)
        .copied()
        .unwrap_or(0.0)
}

#[tokio::test]
async fn real_footage_of_one_person_in_ranges_is_the_same() {
    let test = "real footage of one person in ranges";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    // Somebody on a beam at half speed, there and back, twice: 13 s without a cut.
    let there_and_back =
        "[0]setpts=2*PTS,fps=30,scale=544:960,split=4[a][b][c][d];[b]reverse[e];[d]reverse[f];[a][e][c][f]concat=n=4";
    let words = ["-filter_complex", there_and_back];
    let Some(video) = real_footage(&tools, "pose2sim_single_cam01.mp4", &words) else {
        return;
    };
    let (whole, joined) = recordings(&tools, &pose, &video, 4).await;
    let (same, other) = distances(&whole, &joined);
    eprintln!(
        "{} and {} people; {} of {} frames with the same person, {} with another; distance in trunks: mean {:.5}, median {:.5}, 99 % {:.5}, \
         greatest {:.5}",
        whole.people.len(),
        joined.people.len(),
        same.len(),
        whole.time_s.len(),
        other.len(),
        same.iter().sum::<f64>() / same.len() as f64,
        quantile(&same, 0.5),
        quantile(&same, 0.99),
        quantile(&same, 1.0)
    );
    assert_eq!((whole.people.len(), joined.people.len(), other.len()), (1, 1, 0));
    assert!(same.len() + 4 >= whole.time_s.len());
    assert!(quantile(&same, 0.5) < 0.01 && quantile(&same, 0.99) < 0.1);
}

/// Frames in which both recordings have a pose at the same place belong together; a person of the one may stand for another person of
/// the other only after nobody saw him for a while.
fn exchanges_in_sight(whole: &Recording, joined: &Recording) -> Vec<String> {
    let mut exchanges = Vec::new();
    for person in &joined.people {
        let mut last: Option<(usize, u32)> = None;
        for frame in 0..joined.time_s.len() {
            let Some(pose) = &person.poses[frame] else { continue };
            let is_there = |other: &&Person| {
                let trunk_px = Sighting::of(pose, 0.0).map_or(1.0, |sighting| sighting.trunk_px());
                let known = other.poses[frame].as_ref();
                known.is_some_and(|known| pose.distance_px(known) < 0.1 * trunk_px)
            };
            let Some(other) = whole.people.iter().find(is_there) else {
                continue;
            };
            if let Some((before, id)) = last
                && id != other.id
                && joined.time_s[frame] - joined.time_s[before] < 0.5
            {
                exchanges.push(format!(
                    "{} is {id} in frame {before} and {} in {frame}",
                    person.id, other.id
                ));
            }
            last = Some((frame, other.id));
        }
    }
    exchanges
}

/// Who is in the picture keeps his identity across cuts. Whoever leaves it and comes back may get another number in ranges than in the
/// whole, where more of him was seen before he left.
#[tokio::test]
async fn real_footage_of_several_people_in_ranges_never_mistakes_one_for_the_other() {
    let test = "real footage of several people in ranges";
    let Some(tools) = tools(test) else { return };
    let Some(pose) = pose(&tools, test) else { return };
    // There and back: 15 s without a cut, over which nobody could be followed.
    let words = [
        "-filter_complex",
        "[0]fps=30,split[a][b];[b]reverse[c];[a][c]concat=n=2",
    ];
    let Some(video) = real_footage(&tools, "sports2d_demo.mp4", &words) else {
        return;
    };
    let (whole, joined) = recordings(&tools, &pose, &video, 4).await;
    let in_sight = |recording: &Recording| -> usize {
        let poses = recording.people.iter().flat_map(|person| &person.poses);
        poses.flatten().count()
    };
    eprintln!(
        "{} and {} people, {} and {} poses",
        whole.people.len(),
        joined.people.len(),
        in_sight(&whole),
        in_sight(&joined)
    );
    assert_eq!(exchanges_in_sight(&whole, &joined), Vec::<String>::new());
    assert!(
        in_sight(&joined) * 10 >= in_sight(&whole) * 8,
        "nobody is lost at a cut"
    );
}

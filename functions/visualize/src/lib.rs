//! Draws what was measured: the annotated video, the plots, the chronophotograph and the report.

mod report;

use std::{collections::BTreeSet, path::Path};

use marey_cloud::{Input, Output, OutputFile, Stage, StageError, Work};
use marey_fn_kit::{LARGEST_SIDE_PX, VIDEO_JSON, kill_on_stop, media_error, video_info};
use marey_media::{
    EncodeOptions, EncodedVideo, Encoder, Frame, FrameReader, FrameSize, Preset, ReadOptions, Tools, VideoInfo,
};
use marey_motion::{
    Analysis, PersonAnalysis, Pose,
    formats::{analysis_from_json, recording_from_parquet},
};
use marey_picture::{
    Annotator, AnnotatorOptions, Chronophotograph, PictureError, RgbFrame, arrangement,
    plot::{PlotOptions, angle_svg},
    select_instants,
};
use serde_json::json;

/// How many figures a chronophotograph shows.
const FIGURES: usize = 9;

/// From how many frames the still background is taken.
const BACKGROUND_FRAMES: usize = 41;

/// A chronophotograph is at most this wide and high; side by side its figures can fill twice a screen.
const PHOTO_PX: u32 = 2400;

/// JPEG quality of photographs.
const PHOTO_QUALITY: u8 = 88;

/// The stage `visualize`.
#[derive(Debug)]
pub struct Visualize {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
}

impl Stage for Visualize {
    fn name(&self) -> &'static str {
        "visualize"
    }

    fn inputs(&self) -> &'static [Input] {
        &[
            Input::Upload,
            Input::Artifact {
                stage: "probe",
                name: VIDEO_JSON,
            },
            Input::Artifact {
                stage: "biomechanics",
                name: "analysis.json",
            },
            Input::Artifact {
                stage: "biomechanics",
                name: "poses.parquet",
            },
        ]
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = video_info(work)?;
        let analysis = load(work)?;
        let video = work.scratch.join("annotated.mp4");
        let (encoded, photo) = draw_video(&self.tools, work, &info, &analysis, &video)?;
        let person = foremost(&analysis).map_or(0, |(index, _)| index);
        let plots = angle_svg(&analysis, person, &PlotOptions::default());
        let page = report::page(work, &info, &analysis, &encoded, &photo);
        let files = vec![
            OutputFile {
                name: "annotated.mp4",
                content_type: "video/mp4",
                path: video,
            },
            save(work, "angles.svg", "image/svg+xml", plots.as_bytes())?,
            save(work, "chronophotograph.jpg", "image/jpeg", &photo)?,
            save(work, "report.html", "text/html; charset=utf-8", page.as_bytes())?,
        ];
        let facts = json!({"frames": encoded.frames, "duration_s": encoded.duration_s, "video_bytes": encoded.bytes});
        Ok(Output { files, facts })
    }
}

/// The analysis with its poses, which travel apart.
fn load(work: &Work) -> Result<Analysis, StageError> {
    let text = std::fs::read_to_string(work.artifact("biomechanics", "analysis.json")?)?;
    let poses = std::fs::read(work.artifact("biomechanics", "poses.parquet")?)?;
    let poses = recording_from_parquet(&poses).map_err(StageError::internal)?;
    let analysis = analysis_from_json(&text).map_err(StageError::internal)?;
    analysis.with_poses(poses).map_err(StageError::internal)
}

fn save(work: &Work, name: &'static str, content_type: &'static str, bytes: &[u8]) -> Result<OutputFile, StageError> {
    let path = work.scratch.join(name);
    std::fs::write(&path, bytes)?;
    Ok(OutputFile {
        name,
        content_type,
        path,
    })
}

/// The person who was seen in the most frames, and its place in the analysis.
fn foremost(analysis: &Analysis) -> Option<(usize, &PersonAnalysis)> {
    analysis
        .people
        .iter()
        .enumerate()
        .max_by_key(|(index, person)| (person.frames_seen, std::cmp::Reverse(*index)))
}

/// Reads the video once: every frame is annotated and encoded, some of them also go into the chronophotograph.
fn draw_video(
    tools: &Tools,
    work: &Work,
    info: &VideoInfo,
    analysis: &Analysis,
    to: &Path,
) -> Result<(EncodedVideo, Vec<u8>), StageError> {
    let size = FrameSize::Within {
        width: LARGEST_SIDE_PX,
        height: LARGEST_SIDE_PX,
    };
    let upload = work.upload()?;
    let options = ReadOptions {
        size,
        ..ReadOptions::default()
    };
    let mut reader = FrameReader::open(tools, upload, info, options).map_err(media_error)?;
    kill_on_stop(work, reader.cancel_handle());
    let (width, height) = reader.size();
    let audio_from = info.audio.as_ref().map(|_| upload.to_path_buf());
    let options = EncodeOptions {
        audio_from,
        // The encoder is what a user waits for. On real footage `fast` took longer and its file was no smaller.
        preset: Preset::Veryfast,
        ..EncodeOptions::like(info, width, height)
    };
    let mut encoder = Encoder::create(tools, to, options).map_err(media_error)?;
    kill_on_stop(work, encoder.cancel_handle());
    let options = AnnotatorOptions {
        frame_size_px: Some((width, height)),
        ..AnnotatorOptions::default()
    };
    let annotator = Annotator::new(analysis, options);
    let mut plate = Plate::new(analysis, width, height);
    while let Some(mut frame) = reader.read().map_err(media_error)? {
        work.control.check()?;
        let index = frame.index as usize;
        plate.look(index, &frame)?;
        let mut picture = RgbFrame::new(frame.width, frame.height, &mut frame.rgb).map_err(picture_error)?;
        annotator.draw(&mut picture, index);
        encoder.write(&frame.rgb, frame.time_s).map_err(media_error)?;
        work.control
            .set_progress(0.95 * (index + 1) as f64 / info.frame_count.max(1) as f64);
        reader.recycle(frame);
    }
    work.control.check()?;
    let encoded = encoder.finish().map_err(media_error)?;
    Ok((encoded, plate.develop()?))
}

/// The chronophotograph in the making.
struct Plate<'a> {
    analysis: &'a Analysis,
    person: Option<&'a PersonAnalysis>,
    instants: BTreeSet<usize>,
    every: usize,
    photo: Chronophotograph,
}

impl<'a> Plate<'a> {
    fn new(analysis: &'a Analysis, width: u32, height: u32) -> Self {
        let person = foremost(analysis).map(|(_, person)| person);
        let time_s = &analysis.time_s;
        let instants = person
            .map(|person| select_instants(person, time_s, FIGURES))
            .unwrap_or_default();
        let kind = person.map_or(marey_picture::Arrangement::OnePlate, |person| {
            arrangement(person, time_s)
        });
        let photo = Chronophotograph::builder(width, height, analysis.skeleton, kind);
        let every = time_s.len().div_ceil(BACKGROUND_FRAMES).max(1);
        Self {
            analysis,
            person,
            instants: instants.into_iter().collect(),
            every,
            photo,
        }
    }

    fn look(&mut self, index: usize, frame: &Frame) -> Result<(), StageError> {
        if index.is_multiple_of(self.every) {
            self.photo.offer(&frame.rgb).map_err(picture_error)?;
        }
        let pose = self
            .person
            .and_then(|person| person.poses.get(index))
            .and_then(Option::as_ref);
        if let Some(pose) = pose.filter(|_| self.instants.contains(&index)) {
            let pose = to_frame_size(pose, frame, self.analysis);
            self.photo
                .add_figure(&frame.rgb, pose, frame.time_s)
                .map_err(picture_error)?;
        }
        Ok(())
    }

    fn develop(self) -> Result<Vec<u8>, StageError> {
        self.photo
            .finish()
            .and_then(|picture| picture.fitted(PHOTO_PX, PHOTO_PX).to_jpeg(PHOTO_QUALITY))
            .map_err(picture_error)
    }
}

/// A pose in pixels of a frame that may be smaller than the original.
fn to_frame_size(pose: &Pose, frame: &Frame, analysis: &Analysis) -> Pose {
    let x = frame.width as f32 / analysis.source.width_px as f32;
    let y = frame.height as f32 / analysis.source.height_px as f32;
    let mut pose = pose.clone();
    for point in &mut pose.points {
        point.x_px *= x;
        point.y_px *= y;
        point.z_px *= x;
    }
    pose
}

fn picture_error(error: PictureError) -> StageError {
    StageError::permanent(error.code(), "The pictures could not be drawn.", error.hint()).because(error)
}

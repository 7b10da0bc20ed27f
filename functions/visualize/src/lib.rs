//! Draws what was measured onto the frames of a range of the video.
//!
//! What comes out is a piece without sound, which [`marey_media::join`] makes a video of, and those frames of the range, as they were
//! filmed, that the chronophotograph is made of. So every frame of the video is decoded here once, and nowhere again.

mod drawn;

use std::path::Path;

use marey_cloud::{Output, OutputFile, Stage, StageError, Work};
use marey_fn_kit::{FRAME_SIZE, expected_frames, kill_on_stop, media_error, own_range, read_options, save, video_info};
use marey_media::{EncodeOptions, EncodedVideo, Encoder, FrameReader, Preset, TimeRange, Tools, VideoInfo};
use marey_motion::{
    Analysis, PersonAnalysis,
    formats::{analysis_from_json, recording_from_parquet},
};
use marey_picture::{Annotator, AnnotatorOptions, PhotoPlan, PictureError, RgbFrame};
use serde_json::json;

pub use drawn::{DRAWN_JSON, Drawn};

/// The artifact that holds the annotated frames of a range.
pub const PIECE: &str = "piece.mp4";

/// The artifact that holds the frames of a range that the chronophotograph needs, with nothing drawn on them.
pub const FRAMES: &str = "frames.mp4";

/// How many figures a chronophotograph shows.
const FIGURES: usize = 9;

/// Where a label stands depends on where it stood in the frames before; after so many seconds it no longer matters where it began.
const LEAD_IN_S: f64 = 10.0;

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

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = video_info(work)?;
        let range = own_range(work)?;
        let analysis = analysis(work)?;
        let (encoded, drawn) = draw(&self.tools, work, &info, &analysis, range)?;
        let drawn = serde_json::to_vec(&drawn).map_err(StageError::internal)?;
        let video = |name: &'static str| OutputFile {
            name: name.into(),
            content_type: "video/mp4",
            path: work.scratch.join(name),
        };
        let files = vec![
            video(PIECE),
            video(FRAMES),
            save(work, DRAWN_JSON, "application/json", &drawn)?,
        ];
        let facts = json!({"frames": encoded.frames, "duration_s": encoded.duration_s, "video_bytes": encoded.bytes});
        Ok(Output { files, facts })
    }
}

/// The analysis with its poses, which travel apart.
///
/// # Errors
/// An artifact is missing or was written by another version.
pub fn analysis(work: &Work) -> Result<Analysis, StageError> {
    let text = std::fs::read_to_string(work.artifact("biomechanics", "analysis.json")?)?;
    let poses = std::fs::read(work.artifact("biomechanics", "poses.parquet")?)?;
    let poses = recording_from_parquet(&poses).map_err(StageError::internal)?;
    let analysis = analysis_from_json(&text).map_err(StageError::internal)?;
    analysis.with_poses(poses).map_err(StageError::internal)
}

/// The person who was seen in the most frames, and its place in the analysis.
pub fn foremost(analysis: &Analysis) -> Option<(usize, &PersonAnalysis)> {
    analysis
        .people
        .iter()
        .enumerate()
        .max_by_key(|(index, person)| (person.frames_seen, std::cmp::Reverse(*index)))
}

/// The frames that the chronophotograph of the foremost person is made of, the same for every range; `None` where there is nobody.
pub fn photo_plan(analysis: &Analysis, size: (u32, u32)) -> Option<PhotoPlan> {
    let (_, person) = foremost(analysis)?;
    Some(PhotoPlan::new(person, &analysis.time_s, FIGURES, size))
}

/// How the annotated video is encoded: the pieces, and the whole that they become.
///
/// # Errors
/// The video has no size.
pub fn encode_options(info: &VideoInfo) -> Result<EncodeOptions, StageError> {
    let (width, height) = FRAME_SIZE.resolve(info).map_err(media_error)?;
    Ok(EncodeOptions {
        // The encoder is what a user waits for. On real footage `fast` took longer and its file was no smaller.
        preset: Preset::Veryfast,
        ..EncodeOptions::like(info, width, height)
    })
}

/// Reads the range once: every frame is annotated and encoded, some of them are also kept as they are.
fn draw(
    tools: &Tools,
    work: &Work,
    info: &VideoInfo,
    analysis: &Analysis,
    range: Option<TimeRange>,
) -> Result<(EncodedVideo, Drawn), StageError> {
    let range_s = range.map(|range| range.own_s());
    let expected = expected_frames(info, range_s);
    let mut reader = FrameReader::open(tools, work.upload()?, info, read_options(range_s)).map_err(media_error)?;
    kill_on_stop(work, reader.cancel_handle());
    let is_piece = EncodeOptions {
        is_piece: true,
        ..encode_options(info)?
    };
    let mut piece = encoder(tools, work, &work.scratch.join(PIECE), is_piece)?;
    // Each is far from the last one in time, so none is told as the difference to another.
    let all_whole = EncodeOptions {
        preset: Preset::Ultrafast,
        quality: 8,
        key_frame_every_s: f64::MIN_POSITIVE,
        ..encode_options(info)?
    };
    let mut frames = encoder(tools, work, &work.scratch.join(FRAMES), all_whole)?;
    let annotator = annotator(analysis, range, reader.size());
    let plan = photo_plan(analysis, reader.size());
    let mut drawn: Option<Drawn> = None;
    let mut count = 0_u64;
    while let Some(mut frame) = reader.read().map_err(media_error)? {
        work.control.check()?;
        // The frames of the recording; of a damaged video there it may lack one, then the one before is drawn.
        let index = (analysis.time_s.partition_point(|&time_s| time_s <= frame.time_s)).saturating_sub(1);
        // A file without frames would be no video: the first one is always kept.
        if drawn.is_none() || plan.as_ref().is_some_and(|plan| plan.needs(index)) {
            frames.write(&frame.rgb, frame.time_s).map_err(media_error)?;
            drawn.get_or_insert_with(|| Drawn::new(frame.time_s)).kept.push(index);
        }
        let mut picture = RgbFrame::new(frame.width, frame.height, &mut frame.rgb).map_err(picture_error)?;
        annotator.draw(&mut picture, index);
        piece.write(&frame.rgb, frame.time_s).map_err(media_error)?;
        count += 1;
        work.control.add_frames(1);
        work.control.set_progress(0.97 * count as f64 / expected);
        reader.recycle(frame);
    }
    work.control.check()?;
    let encoded = piece.finish().map_err(media_error)?;
    frames.finish().map_err(media_error)?;
    let drawn = drawn.ok_or_else(|| StageError::internal("a range without frames"))?;
    Ok((encoded, drawn))
}

fn encoder(tools: &Tools, work: &Work, to: &Path, options: EncodeOptions) -> Result<Encoder, StageError> {
    let encoder = Encoder::create(tools, to, options).map_err(media_error)?;
    kill_on_stop(work, encoder.cancel_handle());
    Ok(encoder)
}

/// Ready to draw on the frames of a range, its labels where they would be if the range did not begin here.
fn annotator(analysis: &Analysis, range: Option<TimeRange>, size: (u32, u32)) -> Annotator<'_> {
    let before = |moment_s: f64| analysis.time_s.partition_point(|&time_s| time_s < moment_s);
    let frames = range.map(|range| before(range.start_s - LEAD_IN_S)..before(range.end_s));
    let options = AnnotatorOptions {
        frame_size_px: Some(size),
        frames,
        ..AnnotatorOptions::default()
    };
    Annotator::new(analysis, options)
}

/// Tells what went wrong with a picture.
pub fn picture_error(error: PictureError) -> StageError {
    StageError::permanent(error.code(), "The pictures could not be drawn.", error.hint()).because(error)
}

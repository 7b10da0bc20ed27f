//! Joins what was drawn of the video's ranges, and writes the report: the annotated video with its sound, the plots, the
//! chronophotograph and the page that shows them.
//!
//! Drawing is an optional stage. Where it failed there is neither video nor photograph, and the page says so; the measurements stand.

mod page;
mod photo;

use marey_cloud::{Output, OutputFile, Stage, StageError, Work};
use marey_fn_kit::{kill_on_stop, media_error, save, video_info};
use marey_fn_visualize::{DRAWN_JSON, Drawn, FRAMES, PIECE, analysis, encode_options, foremost};
use marey_media::{CancelHandle, EncodeOptions, EncodedVideo, Piece, Tools, VideoInfo, join};
use marey_picture::plot::{PlotOptions, angle_svg};
use serde_json::json;

/// The artifact that holds the annotated video.
pub const ANNOTATED: &str = "annotated.mp4";

/// The artifact that holds the chronophotograph.
pub const PHOTO: &str = "chronophotograph.jpg";

/// The stage `report`.
#[derive(Debug)]
pub struct Report {
    /// ffmpeg and ffprobe.
    pub tools: Tools,
}

impl Stage for Report {
    fn name(&self) -> &'static str {
        "report"
    }

    fn run(&self, work: &Work) -> Result<Output, StageError> {
        let info = video_info(work)?;
        let analysis = analysis(work)?;
        let drawn = drawn(work)?;
        work.control.set_progress(0.1);
        let encoded = match drawn.as_slice() {
            [] => None,
            drawn => Some(join_pieces(&self.tools, work, &info, drawn)?),
        };
        work.control.set_progress(0.6);
        let photo = match drawn.as_slice() {
            [] => None,
            drawn => {
                let frames = work.artifacts_of("visualize", FRAMES);
                photo::develop(&self.tools, work, &info, &analysis, drawn, frames)?
            }
        };
        work.control.set_progress(0.9);
        let person = foremost(&analysis).map_or(0, |(index, _)| index);
        let plots = angle_svg(&analysis, person, &PlotOptions::default());
        let starts_at_s = encode_options(&info)?.origin_s;
        let page = page::page(
            work,
            &info,
            &analysis,
            encoded.as_ref().map(|_| starts_at_s),
            photo.as_deref(),
        );
        let mut files = vec![
            save(work, "angles.svg", "image/svg+xml", plots.as_bytes())?,
            save(work, "report.html", "text/html; charset=utf-8", page.as_bytes())?,
        ];
        if let Some(photo) = &photo {
            files.push(save(work, PHOTO, "image/jpeg", photo)?);
        }
        let facts = match &encoded {
            Some(video) => {
                json!({"frames": video.frames, "duration_s": video.duration_s, "video_bytes": video.bytes})
            }
            None => json!({"frames": 0}),
        };
        files.extend(encoded.map(|video| OutputFile {
            name: ANNOTATED.into(),
            content_type: "video/mp4",
            path: video.path,
        }));
        Ok(Output { files, facts })
    }
}

/// What was drawn, range after range; nothing where drawing failed.
fn drawn(work: &Work) -> Result<Vec<Drawn>, StageError> {
    let paths = work.artifacts_of("visualize", DRAWN_JSON);
    let pieces = work.artifacts_of("visualize", PIECE).len();
    if paths.len() != pieces || work.artifacts_of("visualize", FRAMES).len() != pieces {
        return Err(StageError::internal("some ranges left other artifacts than others"));
    }
    paths.iter().map(|path| Drawn::read(path)).collect()
}

/// The annotated video: the pieces' pictures as they are, the upload's sound once over the whole.
fn join_pieces(tools: &Tools, work: &Work, info: &VideoInfo, drawn: &[Drawn]) -> Result<EncodedVideo, StageError> {
    let pieces: Vec<Piece> = (work.artifacts_of("visualize", PIECE).iter().zip(drawn))
        .map(|(path, drawn)| Piece {
            path: path.clone(),
            start_s: drawn.start_s,
        })
        .collect();
    let audio_from = match &info.audio {
        Some(_) => Some(work.upload()?.to_path_buf()),
        None => None,
    };
    let options = EncodeOptions {
        audio_from,
        ..encode_options(info)?
    };
    let cancel = CancelHandle::default();
    kill_on_stop(work, cancel.clone());
    join(tools, &pieces, &options, &work.scratch.join(ANNOTATED), &cancel).map_err(media_error)
}

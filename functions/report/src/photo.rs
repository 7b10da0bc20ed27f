//! The chronophotograph, from the frames that were kept of each range.

use std::path::{Path, PathBuf};

use marey_cloud::{StageError, Work};
use marey_fn_kit::{FRAME_SIZE, kill_on_stop, media_error};
use marey_fn_visualize::{Drawn, foremost, photo_plan, picture_error};
use marey_media::{Frame, FrameReader, Limits, ReadOptions, Tools, VideoInfo, probe};
use marey_motion::{Analysis, PersonAnalysis};
use marey_picture::{Chronophotograph, PhotoPlan, RgbImage};

/// A chronophotograph is at most this wide and high; side by side its figures can fill twice a screen.
const PHOTO_PX: u32 = 2400;

/// JPEG quality of photographs.
const PHOTO_QUALITY: u8 = 88;

/// The photograph as JPEG; `None` where there is nobody to show.
pub(crate) fn develop(
    tools: &Tools,
    work: &Work,
    info: &VideoInfo,
    analysis: &Analysis,
    drawn: &[Drawn],
    frames: &[PathBuf],
) -> Result<Option<Vec<u8>>, StageError> {
    let (width, height) = FRAME_SIZE.resolve(info).map_err(media_error)?;
    let (Some(plan), Some((_, person))) = (photo_plan(analysis, (width, height)), foremost(analysis)) else {
        return Ok(None);
    };
    if plan.figures.is_empty() {
        return Ok(None);
    }
    let photo = Chronophotograph::builder(width, height, analysis.skeleton, plan.arrangement);
    let mut plate = Plate {
        analysis,
        person,
        plan,
        photo,
    };
    for (drawn, path) in drawn.iter().zip(frames) {
        work.control.check()?;
        if drawn.kept.iter().any(|&index| plate.plan.needs(index)) {
            plate.expose(tools, work, path, &drawn.kept)?;
        }
    }
    let picture = plate.photo.finish().map_err(picture_error)?;
    let jpeg = picture.fitted(PHOTO_PX, PHOTO_PX).to_jpeg(PHOTO_QUALITY);
    Ok(Some(jpeg.map_err(picture_error)?))
}

/// The chronophotograph in the making.
struct Plate<'a> {
    analysis: &'a Analysis,
    person: &'a PersonAnalysis,
    plan: PhotoPlan,
    photo: Chronophotograph,
}

impl Plate<'_> {
    /// Takes in the frames of a file, which are these of the recording.
    fn expose(&mut self, tools: &Tools, work: &Work, path: &Path, kept: &[usize]) -> Result<(), StageError> {
        let info = probe(tools, path, &Limits::default()).map_err(media_error)?;
        let mut reader = FrameReader::open(tools, path, &info, ReadOptions::default()).map_err(media_error)?;
        kill_on_stop(work, reader.cancel_handle());
        for &index in kept {
            let frame = reader.read().map_err(media_error)?;
            let frame = frame.ok_or_else(|| StageError::internal("fewer frames were kept than are listed"))?;
            self.look(index, &frame)?;
            reader.recycle(frame);
        }
        Ok(())
    }

    fn look(&mut self, index: usize, frame: &Frame) -> Result<(), StageError> {
        if !self.plan.needs(index) {
            return Ok(());
        }
        let (width, height) = self.photo.size();
        let picture = RgbImage::from_rgb(frame.width, frame.height, frame.rgb.clone()).map_err(picture_error)?;
        // H.264 has even sides only; the last column and row of an odd picture are there twice.
        let picture = picture.cropped(0, 0, width, height);
        if self.plan.background.binary_search(&index).is_ok() {
            self.photo.offer(picture.as_rgb()).map_err(picture_error)?;
        }
        let pose = self.person.poses.get(index).and_then(Option::as_ref);
        if let Some(pose) = pose.filter(|_| self.plan.figures.binary_search(&index).is_ok()) {
            let x = width as f32 / self.analysis.source.width_px as f32;
            let y = height as f32 / self.analysis.source.height_px as f32;
            let (pose, time_s) = (pose.clone().scaled(x, y), self.analysis.time_s[index]);
            self.photo
                .add_figure(picture.as_rgb(), pose, time_s)
                .map_err(picture_error)?;
        }
        Ok(())
    }
}

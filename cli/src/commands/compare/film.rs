//! `comparison.mp4`: both movements side by side, warped onto each other.

use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;

use marey_media::{
    CancelHandle, EncodeOptions, Encoder, Frame, FrameReader, FrameSize, Limits, MediaError, Preset, ReadOptions,
    Tools, VideoInfo, probe,
};
use marey_motion::Analysis;
use marey_motion::compare::Comparison;
use marey_picture::RgbImage;
use marey_picture::comparison::{Board, Picture};

use crate::arguments::Compare;
use crate::bars::Work;
use crate::error::Error;
use crate::screen::{Paint, Screen};
use crate::words::tame;

/// Frames per second of the video.
const RATE_HZ: u32 = 30;

/// A frame of a recording and of its video are the same moment if they are no further apart, in seconds.
const SAME_S: f64 = 1e-4;

/// Shapes that differ by no more than this factor are the same but for rounding to even numbers of pixels.
const MOST_STRETCHED: f64 = 1.02;

/// A video may end so much before its recording, in seconds.
const LATE_S: f64 = 0.25;

/// Ends the work from elsewhere.
#[derive(Debug, Default)]
pub(super) struct Stop {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_over: bool,
    children: Vec<CancelHandle>,
}

impl Stop {
    /// Kills the programs that read and write videos; what is asked of them from now on fails.
    pub(super) fn now(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        for child in &state.children {
            child.cancel();
        }
    }

    fn watch(&self, child: CancelHandle) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_over {
            child.cancel();
        }
        state.children.push(child);
    }
}

/// Writes the video; what is cut short leaves no file.
pub(super) fn write(
    screen: &Screen,
    comparison: &Comparison,
    (a, b): (&Analysis, &Analysis),
    options: &Compare,
    path: &Path,
    stop: &Stop,
) -> Result<(), Error> {
    let of_output = |source| Error::Media {
        path: path.to_owned(),
        source,
    };
    let tools = Tools::from_env().map_err(of_output)?;
    let board = Board::new(comparison, a, b, options.height)?;
    let mut films = [
        Film::open(&tools, options.video_a.as_deref(), a, board.picture_px(false), stop)?,
        Film::open(&tools, options.video_b.as_deref(), b, board.picture_px(true), stop)?,
    ];
    for note in films.iter().filter_map(|film| film.ends_early.as_ref()) {
        Screen::note(&screen.paint_note(Paint::Odd, note));
    }
    let (width, height) = board.size_px();
    let encoding = EncodeOptions {
        preset: Preset::Veryfast,
        ..EncodeOptions::new(width, height)
    };
    let mut encoder = Encoder::create(&tools, path, encoding).map_err(of_output)?;
    stop.watch(encoder.cancel_handle());
    let end_s = comparison.moments.last().map_or(0.0, |moment| moment.time_s);
    let count = (end_s * f64::from(RATE_HZ)).floor() as u64 + 1;
    let work = Work::begin(screen, "drawing", "comparison.mp4", count);
    for index in 0..count {
        let time_s = index as f64 / f64::from(RATE_HZ);
        let after = comparison
            .moments
            .partition_point(|moment| moment.time_s <= time_s + 1e-9);
        let place = after.saturating_sub(1);
        let Some(moment) = comparison.moments.get(place) else {
            break;
        };
        let [first, second] = &mut films;
        first.seek(moment.a_time_s)?;
        second.seek(moment.b_time_s)?;
        let image = board.draw(place, [first.picture(), second.picture()]);
        encoder.write(image.as_rgb(), time_s).map_err(of_output)?;
        work.at(index + 1);
    }
    encoder.finish().map_err(of_output)?;
    work.end("drawn");
    Ok(())
}

/// A video that is read forward, or none.
struct Film<'a> {
    path: &'a Path,
    reader: Option<FrameReader>,
    shown: Option<RgbImage>,
    next: Option<Frame>,
    /// A sentence about a video that ends before its recording.
    ends_early: Option<String>,
}

impl<'a> Film<'a> {
    fn open(
        tools: &Tools,
        path: Option<&'a Path>,
        movement: &Analysis,
        (width, height): (u32, u32),
        stop: &Stop,
    ) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self {
                path: Path::new(""),
                reader: None,
                shown: None,
                next: None,
                ends_early: None,
            });
        };
        let of_video = |source: MediaError| Error::Media {
            path: path.to_owned(),
            source,
        };
        let limits = Limits::default();
        let info = probe(tools, path, &limits).map_err(of_video)?;
        check_shape(path, &info, movement)?;
        let options = ReadOptions {
            size: FrameSize::Within { width, height },
            limits,
            ..ReadOptions::default()
        };
        let mut reader = FrameReader::open(tools, path, &info, options).map_err(of_video)?;
        stop.watch(reader.cancel_handle());
        let next = reader.read().map_err(of_video)?;
        Ok(Self {
            path,
            reader: Some(reader),
            shown: None,
            next,
            ends_early: ends_early(path, &info, movement),
        })
    }

    /// Goes on to the last frame that is not later than a moment; to the first if all are.
    fn seek(&mut self, time_s: f64) -> Result<(), Error> {
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let of_video = |source: MediaError| Error::Media {
            path: self.path.to_owned(),
            source,
        };
        while let Some(frame) = self.next.take() {
            if self.shown.is_some() && frame.time_s > time_s + SAME_S {
                self.next = Some(frame);
                break;
            }
            self.shown = Some(RgbImage::from_rgb(frame.width, frame.height, frame.rgb)?);
            self.next = reader.read().map_err(of_video)?;
        }
        Ok(())
    }

    fn picture(&self) -> Picture<'_> {
        self.shown.as_ref().map_or(Picture::Plain, Picture::Video)
    }
}

/// A figure would be stretched over a video of another shape. Another size of the same shape will do, as of a copy that was made smaller.
fn check_shape(path: &Path, info: &VideoInfo, movement: &Analysis) -> Result<(), Error> {
    let source = &movement.source;
    if source.width_px == 0 || source.height_px == 0 {
        return Ok(());
    }
    let shape = |width: u32, height: u32| f64::from(width) / f64::from(height.max(1));
    let times = shape(info.width_px, info.height_px) / shape(source.width_px, source.height_px);
    if (1.0 / MOST_STRETCHED..=MOST_STRETCHED).contains(&times) {
        return Ok(());
    }
    Err(Error::OtherVideo {
        path: path.to_owned(),
        why: format!(
            "it is {} × {} pixels and the recording {} × {}",
            info.width_px, info.height_px, source.width_px, source.height_px
        ),
    })
}

fn ends_early(path: &Path, info: &VideoInfo, movement: &Analysis) -> Option<String> {
    let end_s = movement.time_s.last()?;
    (info.last_timestamp_s + LATE_S < *end_s).then(|| {
        format!(
            "{} ends at {:.1} s and its recording at {end_s:.1} s: its last picture stands still from then on",
            tame(&path.display().to_string()),
            info.last_timestamp_s
        )
    })
}

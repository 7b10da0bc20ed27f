//! The chronophotograph: one picture of a movement, as Marey made them from 1882 on.
//!
//! Two arrangements, chosen by how far the person travels:
//!
//! - **One plate.** Somebody who moves through the picture is shown at several instants on one still background. The
//!   background is the median of sampled frames; each figure is what differs from it, inside a hull around the pose.
//! - **Side by side.** Somebody who moves on the spot would cover himself, and never uncovers the background, so nothing
//!   can be cut out honestly. Here the same window of each frame is set next to the last, as on Marey's moving plate.
//!
//! Both draw the stick figure over each figure and write its time. The camera must stand still for the first; the second
//! asks nothing of it.

mod background;
mod instants;
mod matte;
mod plan;

use marey_motion::{Pose, Skeleton};

pub use background::BackgroundModel;
pub use instants::{Arrangement, arrangement, select_instants};
pub use plan::PhotoPlan;

use crate::geometry::{Dot, Rect};
use crate::image::{PictureError, RgbFrame, RgbImage};
use crate::label;
use crate::palette::{DARK, LIGHT};
use crate::raster::{Ink, plate};
use crate::stick::{self, Stick, StickStyle};
use crate::text::{Glyphs, SMALLEST_PX, glyphs};

/// One instant of a chronophotograph.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The whole frame, as large as the background.
    pub frame: RgbImage,
    /// The person in that frame, in its pixels.
    pub pose: Pose,
    /// When it was, in seconds.
    pub time_s: f64,
}

/// A chronophotograph in the making: feed it frames for the background and the figures as they are decoded, in any order.
#[derive(Debug)]
pub struct Chronophotograph {
    skeleton: Skeleton,
    arrangement: Arrangement,
    background: BackgroundModel,
    figures: Vec<Figure>,
}

impl Chronophotograph {
    /// Starts a picture from frames of the given size in pixels.
    pub fn builder(width: u32, height: u32, skeleton: Skeleton, arrangement: Arrangement) -> Self {
        Self {
            skeleton,
            arrangement,
            background: BackgroundModel::new(width, height),
            figures: Vec::new(),
        }
    }

    /// Width and height of the frames that it takes, in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.background.size()
    }

    /// Offers a frame, as packed RGB, to the background. Offer them all or some; a bounded number is kept.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`] if the frame has another size than the picture.
    pub fn offer(&mut self, frame: &[u8]) -> Result<(), PictureError> {
        if self.arrangement == Arrangement::SideBySide {
            return Ok(());
        }
        self.background.offer(frame)
    }

    /// Adds an instant to show; its frame is packed RGB.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`] if the frame has another size than the picture.
    pub fn add_figure(&mut self, frame: &[u8], pose: Pose, time_s: f64) -> Result<(), PictureError> {
        let (width, height) = self.background.size();
        let frame = RgbImage::from_rgb(width, height, frame.to_vec())?;
        self.figures.push(Figure { frame, pose, time_s });
        Ok(())
    }

    /// The finished picture.
    ///
    /// # Errors
    /// [`PictureError::NothingToShow`] without any figure, or without any background where one is needed.
    pub fn finish(self) -> Result<RgbImage, PictureError> {
        match self.arrangement {
            Arrangement::OnePlate => {
                let background = self.background.finish().ok_or(PictureError::NothingToShow)?;
                compose(&background, &self.figures, self.skeleton)
            }
            Arrangement::SideBySide => compose_side_by_side(&self.figures, self.skeleton),
        }
    }
}

/// Sets every figure onto one background, in the order of time.
///
/// # Errors
/// [`PictureError::NothingToShow`] without figures, [`PictureError::WrongLength`] if a frame is not as large as the background.
pub fn compose(background: &RgbImage, figures: &[Figure], skeleton: Skeleton) -> Result<RgbImage, PictureError> {
    let figures = in_order(figures)?;
    let mut picture = background.clone();
    for figure in &figures {
        // The same size is checked by making the same view of both.
        RgbFrame::new(
            background.width(),
            background.height(),
            &mut figure.frame.as_rgb().to_vec(),
        )?;
        let stick = Stick::new(skeleton, &figure.pose, (1.0, 1.0));
        matte::paste(&mut picture, background, &figure.frame, &stick);
    }
    let letters = letters_for(&picture);
    let mut frame = picture.as_frame();
    let mut written: Vec<Rect> = Vec::new();
    for figure in &figures {
        let stick = Stick::new(skeleton, &figure.pose, (1.0, 1.0));
        draw_stick(&mut frame, &stick);
        if let Some(letters) = &letters {
            write_time_under(&mut frame, &stick, figure.time_s, letters, &mut written);
        }
    }
    Ok(picture)
}

/// Sets the same window of every figure's frame next to the last, in the order of time, in as many rows as look well.
///
/// # Errors
/// [`PictureError::NothingToShow`] without figures or without a place in the picture where they stand.
pub fn compose_side_by_side(figures: &[Figure], skeleton: Skeleton) -> Result<RgbImage, PictureError> {
    let figures = in_order(figures)?;
    let sticks: Vec<Stick> = figures
        .iter()
        .map(|figure| Stick::new(skeleton, &figure.pose, (1.0, 1.0)))
        .collect();
    let (x, y, width, height) = common_window(&figures, &sticks).ok_or(PictureError::NothingToShow)?;
    let columns = columns_for(figures.len(), width, height);
    let rows = figures.len().div_ceil(columns);
    let gap = (width / 80).max(1);
    let total = |count: usize, size: u32| count as u32 * (size + gap) - gap;
    let mut picture = RgbImage::filled(total(columns, width), total(rows, height), [0x10, 0x12, 0x16]);
    let letters = letters_for(&picture);
    for (index, (figure, stick)) in figures.iter().zip(sticks).enumerate() {
        // A last row that is not full stands in the middle.
        let in_row = (figures.len() - index / columns * columns).min(columns);
        let indent = (total(columns, width) - total(in_row, width)) / 2;
        let left = indent + (index % columns) as u32 * (width + gap);
        let top = (index / columns) as u32 * (height + gap);
        let mut cell = figure.frame.cropped(x, y, width, height);
        draw_stick(&mut cell.as_frame(), &stick.moved(Dot::new(-(x as f32), -(y as f32))));
        if let Some(letters) = &letters {
            let text = label::seconds(figure.time_s);
            let (wide, tall) = time_size(letters, &text);
            let margin = letters.size() * 0.5;
            let rect = Rect::sized(margin, height as f32 - margin - tall, wide, tall);
            if rect.right < width as f32 {
                write_time(&mut cell.as_frame(), rect, &text, letters);
            }
        }
        picture.put(&cell, left, top);
    }
    Ok(picture)
}

fn in_order(figures: &[Figure]) -> Result<Vec<&Figure>, PictureError> {
    if figures.is_empty() {
        return Err(PictureError::NothingToShow);
    }
    let mut ordered: Vec<&Figure> = figures.iter().collect();
    ordered.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
    Ok(ordered)
}

/// The window that holds every figure with room around it: left, top, width and height.
fn common_window(figures: &[&Figure], sticks: &[Stick]) -> Option<(u32, u32, u32, u32)> {
    let frame = &figures.first()?.frame;
    let trunk = sticks.iter().filter_map(Stick::trunk_length).fold(0.0, f32::max);
    let corners = sticks
        .iter()
        .filter_map(Stick::bounds)
        .flat_map(|bounds| [Dot::new(bounds.left, bounds.top), Dot::new(bounds.right, bounds.bottom)]);
    let bounds = Rect::bounding(corners)?.grown(trunk * 0.45);
    let left = bounds.left.clamp(0.0, frame.width() as f32) as u32;
    let top = (bounds.top - trunk * 0.15).clamp(0.0, frame.height() as f32) as u32;
    let width = (bounds.right.clamp(0.0, frame.width() as f32) as u32).saturating_sub(left);
    let height = (bounds.bottom.clamp(0.0, frame.height() as f32) as u32).saturating_sub(top);
    (width > 0 && height > 0).then_some((left, top, width, height))
}

/// The number of columns that brings the whole nearest to the shape of a wide picture, 2 to 1.
fn columns_for(count: usize, width: u32, height: u32) -> usize {
    let badness = |columns: usize| {
        let rows = count.div_ceil(columns);
        let shape = (columns as f32 * width as f32) / (rows as f32 * height as f32);
        let empty = (rows * columns - count) as f32 / count as f32;
        (shape / 2.0).ln().abs() + empty
    };
    (1..=count.max(1))
        .min_by(|&a, &b| badness(a).total_cmp(&badness(b)))
        .unwrap_or(1)
}

fn letters_for(picture: &RgbImage) -> Option<std::sync::Arc<Glyphs>> {
    let size = picture.width().min(picture.height()) / 48;
    (picture.height() >= 10 * SMALLEST_PX).then(|| glyphs(size.clamp(SMALLEST_PX + 1, 48)))
}

fn draw_stick(frame: &mut RgbFrame<'_>, stick: &Stick) {
    let thickness = stick.trunk_length().filter(|length| length.is_finite()).unwrap_or(60.0) / 34.0;
    let style = StickStyle {
        thickness: thickness.clamp(1.2, 8.0),
        minimum_visibility: 0.3,
        opacity: 0.9,
    };
    stick::draw(frame, stick, style);
}

fn time_size(letters: &Glyphs, text: &str) -> (f32, f32) {
    (letters.width(text) + letters.size() * 0.8, letters.size() * 1.4)
}

fn write_time(frame: &mut RgbFrame<'_>, rect: Rect, text: &str, letters: &Glyphs) {
    plate(frame, rect, letters.size() * 0.3, Ink::new(DARK, 0.72));
    let start = Dot::new(rect.left + letters.size() * 0.4, rect.centre().y);
    letters.write(frame, start, text, Ink::opaque(LIGHT));
}

/// Writes the time beneath a figure, lower where another time stands already, above the figure where the frame ends.
fn write_time_under(frame: &mut RgbFrame<'_>, stick: &Stick, time_s: f64, letters: &Glyphs, written: &mut Vec<Rect>) {
    let (Some(bounds), Some(hips)) = (stick.bounds(), stick.hips()) else {
        return;
    };
    let text = label::seconds(time_s);
    let (width, height) = time_size(letters, &text);
    let inside = Rect::sized(0.0, 0.0, frame.width() as f32, frame.height() as f32);
    let below = bounds.bottom + height * 1.1;
    let above = bounds.top - height * 2.0;
    let steps = [
        below,
        below + height * 1.2,
        below + height * 2.4,
        above,
        above - height * 1.2,
    ];
    let free = steps
        .into_iter()
        .map(|y| Rect::around(Dot::new(hips.x, y), width, height))
        .find(|rect| inside.contains(*rect) && written.iter().all(|other| !other.overlaps(rect.grown(height * 0.1))));
    if let Some(rect) = free {
        write_time(frame, rect, &text, letters);
        written.push(rect);
    }
}

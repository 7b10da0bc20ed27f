//! The frames of a side-by-side video: what both do at the same moment of the movement, with the joints lit that differ
//! most, the first one's figure faintly over the second, and below them where in the movement this is.

use marey_motion::compare::{AngleDifference, Comparison, Moment};
use marey_motion::{Analysis, Landmark, PersonAnalysis, Pose};

use crate::geometry::{Dot, Rect};
use crate::image::{PictureError, RgbFrame, RgbImage};
use crate::label;
use crate::palette::{DARK, LIGHT, NEUTRAL, Rgb, of_side};
use crate::raster::{Ink, disc, line, plate, ring};
use crate::stick::{self, Stick, StickStyle};
use crate::text::{Glyphs, glyphs};

/// Behind figures that have no video.
const GROUND: [u8; 3] = [0x22, 0x25, 0x2b];
/// Between and below the pictures.
const PAPER: [u8; 3] = [0x10, 0x12, 0x16];
/// Okabe and Ito's yellow: what differs.
const LIT: Rgb = Rgb(0xf0, 0xe4, 0x42);

/// Pixels between the pictures.
const GAP: u32 = 4;
/// Most pictures are not wider than this many times their height.
const WIDEST: f64 = 16.0 / 9.0;
/// Angles told below the pictures, if they have room.
const TOLD: usize = 3;

/// What stands behind a figure.
#[derive(Debug, Clone, Copy)]
pub enum Picture<'a> {
    /// A frame of its video: the whole upright picture at whatever size, best one that fits into [`Board::picture_px`].
    Video(&'a RgbImage),
    /// Nothing: the figure is drawn on a plain ground, as large as the whole movement lets it be.
    Plain,
}

/// Draws the moments of a comparison.
#[derive(Debug)]
pub struct Board<'a> {
    comparison: &'a Comparison,
    halves: [Half<'a>; 2],
    height_px: u32,
    strip_px: u32,
    mean_deg: Vec<Option<f64>>,
}

/// One of both.
#[derive(Debug)]
struct Half<'a> {
    analysis: &'a Analysis,
    person: &'a PersonAnalysis,
    name: String,
    left_px: u32,
    width_px: u32,
    height_px: u32,
    /// Median length of the trunk in the source's pixels.
    trunk_px: f32,
    /// What brings the whole movement onto a plain ground.
    plain: Placed,
}

/// From the source's pixels to those of the picture.
#[derive(Debug, Clone, Copy)]
struct Placed {
    scale: (f32, f32),
    shift: Dot,
}

impl<'a> Board<'a> {
    /// Prepares to draw `comparison` of two analyses with their poses, in pictures `height_px` high (held between 160 and
    /// 2160).
    ///
    /// # Errors
    /// [`PictureError::NothingToShow`] if a person of the comparison is not in its analysis or has no pose.
    pub fn new(
        comparison: &'a Comparison,
        a: &'a Analysis,
        b: &'a Analysis,
        height_px: u32,
    ) -> Result<Self, PictureError> {
        let height_px = height_px.clamp(160, 2160) / 2 * 2;
        let letters = text_px(height_px);
        let a = Half::new(a, comparison.a.person, "A", 0, height_px)?;
        let b = Half::new(b, comparison.b.person, "B", a.width_px + GAP, height_px)?;
        let mean_deg = (0..comparison.moments.len())
            .map(|moment| mean_deg(&comparison.angles, moment))
            .collect();
        Ok(Self {
            comparison,
            halves: [a, b],
            height_px,
            strip_px: (letters * 27 / 4) / 2 * 2,
            mean_deg,
        })
    }

    /// Width and height of what is drawn, in pixels; both even.
    pub fn size_px(&self) -> (u32, u32) {
        let last = &self.halves[1];
        (last.left_px + last.width_px, self.height_px + self.strip_px)
    }

    /// Width and height of the place for the first or the second one's video frames, in pixels.
    pub fn picture_px(&self, is_second: bool) -> (u32, u32) {
        (self.halves[usize::from(is_second)].width_px, self.height_px)
    }

    /// Draws a moment; one beyond the movement is the last.
    pub fn draw(&self, moment: usize, pictures: [Picture<'_>; 2]) -> RgbImage {
        let (width, height) = self.size_px();
        let mut image = RgbImage::filled(width, height, PAPER);
        let place = moment.min(self.comparison.moments.len().saturating_sub(1));
        let Some(moment) = self.comparison.moments.get(place) else {
            return image;
        };
        let letters = glyphs(text_px(self.height_px));
        let frames = [moment.a_frame, moment.b_frame];
        let ghost = self.ghost(moment, pictures[1]);
        for (index, half) in self.halves.iter().enumerate() {
            let mut panel = half.ground(pictures[index]);
            let mut frame = panel.as_frame();
            if let Some(ghost) = ghost.as_ref().filter(|_| index == 1) {
                draw_ghost(&mut frame, ghost, half.thickness(pictures[1]));
            }
            if let Some(found) = half.stick(frames[index], pictures[index]) {
                let thickness = half.thickness(pictures[index]);
                self.light(&mut frame, &found, moment, thickness);
                stick::draw(&mut frame, &found, half.style(thickness));
                self.ring(&mut frame, &found, moment, thickness);
            }
            half.caption(&mut frame, frames[index], &letters);
            image.put(&panel, half.left_px, 0);
        }
        self.strip(&mut image.as_frame(), place, &letters);
        image
    }

    /// The first one's figure over the second: hips on hips, with the trunk as long.
    fn ghost(&self, moment: &Moment, picture: Picture<'_>) -> Option<Stick> {
        let [a, b] = &self.halves;
        let target = b.stick(moment.b_frame, picture)?;
        let pose = a.person.poses.get(moment.a_frame)?.as_ref()?;
        let facing = if self.comparison.turned { -1.0 } else { 1.0 };
        let own = Stick::new(a.analysis.skeleton, pose, (facing, 1.0));
        // By the median trunk, as the length at this moment is foreshortened by its lean out of the picture.
        let scale = b.trunk_px(picture) / a.trunk_px.max(1.0);
        let moved = Stick::new(a.analysis.skeleton, pose, (facing * scale, scale));
        let by = target.hips()? - own.hips()? * scale;
        Some(moved.moved(by))
    }

    /// The landmarks that differ most at a moment, with how strongly they are lit.
    fn lit<'s>(&'s self, moment: &'s Moment) -> impl Iterator<Item = (Landmark, f32)> + 's {
        moment.most_different.iter().enumerate().filter_map(|(rank, &place)| {
            let joint = self.comparison.joints.get(place)?;
            let landmark = Landmark::ALL
                .into_iter()
                .find(|landmark| landmark.name() == joint.joint)?;
            Some((landmark, 1.0 - 0.25 * rank as f32))
        })
    }

    /// The light behind joints.
    fn light(&self, frame: &mut RgbFrame<'_>, found: &Stick, moment: &Moment, thickness: f32) {
        for (landmark, strength) in self.lit(moment) {
            if let Some(at) = found.at(landmark) {
                disc(frame, at, thickness * 5.5, Ink::new(LIT, 0.22 * strength));
                disc(frame, at, thickness * 3.6, Ink::new(LIT, 0.45 * strength));
            }
        }
    }

    /// The rings around lit joints.
    fn ring(&self, frame: &mut RgbFrame<'_>, found: &Stick, moment: &Moment, thickness: f32) {
        for (landmark, strength) in self.lit(moment) {
            if let Some(at) = found.at(landmark) {
                let width = (thickness * 0.7).max(1.5);
                ring(frame, at, thickness * 2.6, width * 1.8, Ink::new(DARK, 0.6 * strength));
                ring(frame, at, thickness * 2.6, width, Ink::new(LIT, strength));
            }
        }
    }

    /// What stands below the pictures: the angles that differ most now, and the course of the difference.
    fn strip(&self, frame: &mut RgbFrame<'_>, place: usize, letters: &Glyphs) {
        let (width, top) = (self.size_px().0 as f32, self.height_px as f32);
        let size = letters.size();
        let mut told: Vec<(&AngleDifference, f64)> = (self.comparison.angles.iter())
            .filter_map(|angle| Some((angle, angle.difference_deg.get(place).copied().flatten()?)))
            .collect();
        told.sort_by(|one, other| other.1.abs().total_cmp(&one.1.abs()));
        let moment = &self.comparison.moments[place];
        let (room, indent) = (width - size * 1.6, size * 0.5);
        let columns = self.columns(room, indent + size, letters);
        let column = room / columns as f32;
        for (rank, (angle, difference_deg)) in told.into_iter().take(columns).enumerate() {
            let x = size * 0.8 + column * rank as f32;
            let y = top + size * 1.1;
            plate(
                frame,
                Rect::sized(x, y - size * 0.5, size * 0.22, size),
                size * 0.1,
                Ink::opaque(of_side(angle.side)),
            );
            let text = self.told(moment, angle, difference_deg);
            let text = shortened(&text, column - indent, letters);
            letters.write(frame, Dot::new(x + indent, y), &text, Ink::opaque(LIGHT));
        }
        self.course(
            frame,
            place,
            Rect {
                left: size * 0.8,
                right: width - size * 0.8,
                top: top + size * 2.2,
                bottom: top + self.strip_px as f32 - size * 1.9,
            },
        );
        let words = format!(
            "mean difference {}   of at most {}",
            self.mean_deg[place].map_or_else(|| "–".to_owned(), label::degrees),
            label::degrees(self.greatest_mean_deg()),
        );
        let y = top + self.strip_px as f32 - size * 0.95;
        letters.write(frame, Dot::new(size * 0.8, y), &words, Ink::new(LIGHT, 0.75));
        if let Some((number, score)) = self.repetition(moment) {
            let words = format!("repetition {number}: {score:.0} of 100");
            let x = width - size * 0.8 - letters.width(&words);
            letters.write(frame, Dot::new(x, y), &words, Ink::new(LIGHT, 0.75));
        }
    }

    /// How many angles can be told beside each other, whichever these are at a moment: the same throughout the video.
    fn columns(&self, room: f32, between: f32, letters: &Glyphs) -> usize {
        let longest = |angle: &AngleDifference| {
            let three = label::degrees(-180.0);
            letters.width(&format!("{}  {three}: A {three}  B {three}", name(angle)))
        };
        let widest = self.comparison.angles.iter().map(longest).fold(1.0, f32::max);
        ((room / (widest + between)).floor() as usize).clamp(1, TOLD)
    }

    /// An angle that differs, with both values.
    fn told(&self, moment: &Moment, angle: &AngleDifference, difference_deg: f64) -> String {
        let value = |half: &Half<'_>, frame: usize| {
            let series = half.person.series(angle.angle, angle.side, angle.space);
            let value = series.and_then(|series| series.value_deg.get(frame).copied().flatten());
            label::degrees(value.unwrap_or(f64::NAN))
        };
        format!(
            "{}  {}: A {}  B {}",
            name(angle),
            label::degrees(difference_deg),
            value(&self.halves[0], moment.a_frame),
            value(&self.halves[1], moment.b_frame)
        )
    }

    fn greatest_mean_deg(&self) -> f64 {
        self.mean_deg.iter().flatten().copied().fold(0.0, f64::max)
    }

    /// The mean difference of all angles over the movement, with the moment marked.
    fn course(&self, frame: &mut RgbFrame<'_>, place: usize, rect: Rect) {
        plate(
            frame,
            rect.grown(1.0),
            2.0,
            Ink::opaque(Rgb(GROUND[0], GROUND[1], GROUND[2])),
        );
        let moments = &self.comparison.moments;
        let whole_s = moments.last().map_or(0.0, |moment| moment.time_s).max(1e-9);
        let most = self.greatest_mean_deg().max(5.0);
        let x = |moment: usize| rect.left + rect.width() * (moments[moment].time_s / whole_s) as f32;
        let columns = rect.width().max(1.0) as usize;
        for column in 0..=columns {
            let time_s = whole_s * column as f64 / columns as f64;
            let moment = moments
                .partition_point(|moment| moment.time_s < time_s)
                .min(moments.len() - 1);
            if let Some(mean) = self.mean_deg[moment] {
                let at = rect.left + column as f32;
                let height = rect.height() * (mean / most) as f32;
                let ink = Ink::new(LIT, if moment <= place { 0.85 } else { 0.35 });
                line(
                    frame,
                    Dot::new(at, rect.bottom - height),
                    Dot::new(at, rect.bottom),
                    1.0,
                    ink,
                );
            }
        }
        for repetition in &self.comparison.repetitions {
            let start = moments.partition_point(|moment| moment.a_frame < repetition.a_frames.start);
            if start > 0 && start < moments.len() {
                let at = x(start);
                line(
                    frame,
                    Dot::new(at, rect.top),
                    Dot::new(at, rect.bottom),
                    1.0,
                    Ink::new(NEUTRAL, 0.5),
                );
            }
        }
        let at = x(place);
        line(
            frame,
            Dot::new(at, rect.top - 2.0),
            Dot::new(at, rect.bottom + 2.0),
            2.0,
            Ink::opaque(LIGHT),
        );
    }

    fn repetition(&self, moment: &Moment) -> Option<(usize, f64)> {
        let repetitions = self.comparison.repetitions.iter();
        let mut here = repetitions
            .enumerate()
            .filter(|(_, one)| one.a_frames.contains(&moment.a_frame));
        here.find_map(|(index, one)| Some((index + 1, one.score?)))
    }
}

impl<'a> Half<'a> {
    fn new(
        analysis: &'a Analysis,
        person: u32,
        letter: &str,
        left_px: u32,
        height_px: u32,
    ) -> Result<Self, PictureError> {
        let person = analysis.people.iter().find(|one| one.id == person);
        let person = person.ok_or(PictureError::NothingToShow)?;
        let source = &analysis.source;
        let shape = f64::from(source.width_px.max(1)) / f64::from(source.height_px.max(1));
        let width_px = ((f64::from(height_px) * shape.min(WIDEST)).round() as u32).max(80) / 2 * 2;
        let mut half = Self {
            analysis,
            person,
            name: format!("{letter}  {}", source.name),
            left_px,
            width_px,
            height_px,
            trunk_px: 1.0,
            plain: Placed {
                scale: (1.0, 1.0),
                shift: Dot::new(0.0, 0.0),
            },
        };
        half.trunk_px = half.median_trunk_px();
        half.plain = half.fitted().ok_or(PictureError::NothingToShow)?;
        Ok(half)
    }

    fn poses(&self) -> impl Iterator<Item = &'a Pose> {
        self.person.poses.iter().flatten()
    }

    /// What brings the whole movement into the picture, with room for the caption.
    fn fitted(&self) -> Option<Placed> {
        let bounds = self.poses().filter_map(|pose| {
            let bounds = Stick::new(self.analysis.skeleton, pose, (1.0, 1.0)).bounds()?;
            Some([Dot::new(bounds.left, bounds.top), Dot::new(bounds.right, bounds.bottom)])
        });
        let all = Rect::bounding(bounds.flatten())?;
        let (width, height) = (self.width_px as f32, self.height_px as f32);
        let scale = (width * 0.88 / all.width().max(1.0)).min(height * 0.78 / all.height().max(1.0));
        let centre = Dot::new(width / 2.0, height * 0.53);
        Some(Placed {
            scale: (scale, scale),
            shift: centre - all.centre() * scale,
        })
    }

    fn placed(&self, picture: Picture<'_>) -> Placed {
        let Picture::Video(image) = picture else {
            return self.plain;
        };
        let source = &self.analysis.source;
        let (width, height) = fitting(image, self.width_px, self.height_px);
        let (left, top) = self.corner(width, height);
        Placed {
            scale: (
                width as f32 / source.width_px.max(1) as f32,
                height as f32 / source.height_px.max(1) as f32,
            ),
            shift: Dot::new(left as f32, top as f32),
        }
    }

    /// Where a picture of a size begins, to stand in the middle.
    fn corner(&self, width: u32, height: u32) -> (u32, u32) {
        (
            self.width_px.saturating_sub(width) / 2,
            self.height_px.saturating_sub(height) / 2,
        )
    }

    fn stick(&self, frame: usize, picture: Picture<'_>) -> Option<Stick> {
        let pose = self.person.poses.get(frame)?.as_ref()?;
        let placed = self.placed(picture);
        Some(Stick::new(self.analysis.skeleton, pose, placed.scale).moved(placed.shift))
    }

    fn median_trunk_px(&self) -> f32 {
        let mut trunks: Vec<f32> = self
            .poses()
            .filter_map(|pose| Stick::new(self.analysis.skeleton, pose, (1.0, 1.0)).trunk_length())
            .filter(|length| length.is_finite() && *length > 0.0)
            .collect();
        trunks.sort_by(f32::total_cmp);
        trunks.get(trunks.len() / 2).copied().unwrap_or(1.0)
    }

    /// The median length of the trunk in the picture.
    fn trunk_px(&self, picture: Picture<'_>) -> f32 {
        self.trunk_px * self.placed(picture).scale.1
    }

    fn thickness(&self, picture: Picture<'_>) -> f32 {
        (self.trunk_px(picture) / 26.0).clamp(1.6, 8.0)
    }

    fn style(&self, thickness: f32) -> StickStyle {
        StickStyle {
            thickness,
            minimum_visibility: self.analysis.settings.minimum_visibility,
            opacity: 1.0,
        }
    }

    fn ground(&self, picture: Picture<'_>) -> RgbImage {
        let mut ground = RgbImage::filled(self.width_px, self.height_px, GROUND);
        if let Picture::Video(image) = picture {
            let (width, height) = fitting(image, self.width_px, self.height_px);
            let (left, top) = self.corner(width, height);
            if (image.width(), image.height()) == (width, height) {
                ground.put(image, left, top);
            } else {
                ground.put(&image.fitted(self.width_px, self.height_px), left, top);
            }
        }
        ground
    }

    /// Name and time, in the upper left corner.
    fn caption(&self, frame: &mut RgbFrame<'_>, index: usize, letters: &Glyphs) {
        let size = letters.size();
        let time = self
            .analysis
            .time_s
            .get(index)
            .map_or_else(String::new, |&time_s| label::clock(time_s));
        let room = frame.width() as f32 - size * 3.0 - letters.width(&time);
        let name = shortened(&self.name, room, letters);
        let text = format!("{name}   {time}");
        let rect = Rect::sized(size * 0.5, size * 0.5, letters.width(&text) + size, size * 1.6);
        plate(frame, rect, size * 0.3, Ink::new(DARK, 0.75));
        letters.write(
            frame,
            Dot::new(rect.left + size * 0.5, rect.centre().y),
            &text,
            Ink::opaque(LIGHT),
        );
    }
}

/// An angle with the letter of its side.
fn name(angle: &AngleDifference) -> String {
    let name = format!("{} {}", label::side_letter(angle.side), angle.angle.label());
    name.trim().to_owned()
}

/// The size that [`RgbImage::fitted`] gives.
fn fitting(image: &RgbImage, width: u32, height: u32) -> (u32, u32) {
    let scale = (f64::from(width) / f64::from(image.width().max(1)))
        .min(f64::from(height) / f64::from(image.height().max(1)))
        .min(1.0);
    let side = |pixels: u32| ((f64::from(pixels) * scale).round() as u32).max(1);
    (side(image.width()), side(image.height()))
}

/// A text cut to a width, with a sign that it was.
fn shortened(text: &str, room: f32, letters: &Glyphs) -> String {
    if letters.width(text) <= room {
        return text.to_owned();
    }
    let mut kept = text.to_owned();
    while !kept.is_empty() && letters.width(&kept) + letters.width("…") > room {
        kept.pop();
    }
    format!("{}…", kept.trim_end())
}

fn draw_ghost(frame: &mut RgbFrame<'_>, ghost: &Stick, thickness: f32) {
    for (from, to, bone, _) in ghost.segments() {
        line(frame, from, to, thickness * bone.weight * 0.9, Ink::new(NEUTRAL, 0.38));
    }
}

fn mean_deg(angles: &[AngleDifference], moment: usize) -> Option<f64> {
    let known = angles
        .iter()
        .filter_map(|angle| angle.difference_deg.get(moment).copied().flatten());
    let (sum, count) = known.fold((0.0, 0_usize), |(sum, count), deg| (sum + deg.abs(), count + 1));
    (count > 0).then(|| sum / count as f64)
}

fn text_px(height_px: u32) -> u32 {
    (height_px / 36).clamp(10, 48)
}

//! The overlay: what is drawn on the frames of an analysed video.
//!
//! Where each angle's label goes is decided once, when the annotator is made, frame after frame with a preference
//! for the place it had before: labels stay put instead of flickering, and drawing a frame depends on its index alone.

mod layout;
mod notes;
mod tags;

use std::ops::Range;

use marey_motion::{Analysis, Angle, PersonAnalysis, Point, Side, Space, View};

use crate::geometry::{Dot, Rect};
use crate::image::RgbFrame;
use crate::label;
use crate::palette::{DARK, LIGHT, of_side};
use crate::raster::{Arc, Ink, arc, dashed_line, line, plate, sector};
use crate::stick::{self, JointArc, Stick, StickStyle};
use crate::text::{Glyphs, SMALLEST_PX, glyphs};

use layout::{Layout, Request, Spot};
use notes::{Corner, Corners, Note, Piece};
use tags::Tag;

/// What an [`Annotator`] draws.
#[derive(Debug, Clone)]
pub struct AnnotatorOptions {
    /// Size of the frames that will be drawn on, in pixels; `None` for the size of the analysed video. Frames of any
    /// other size can be drawn on too, but labels are laid out, and text is sized, for this one.
    pub frame_size_px: Option<(u32, u32)>,
    /// Frames that will be drawn on, such as those of one part of a long video; `None` for all. Places for labels are sought
    /// for these only, and other frames get none.
    pub frames: Option<Range<usize>>,
    /// Angles that get an arc and a value, the most important first: where there is no room, the last ones lose theirs.
    pub angles: Vec<Angle>,
    /// Whether time and frame number are written.
    pub time_stamp: bool,
    /// Whether the meaning of the colours is explained.
    pub legend: bool,
}

impl Default for AnnotatorOptions {
    fn default() -> Self {
        Self {
            frame_size_px: None,
            frames: None,
            angles: vec![
                Angle::KneeFlexion,
                Angle::HipFlexion,
                Angle::ElbowFlexion,
                Angle::AnkleDorsiflexion,
                Angle::ShoulderFlexion,
            ],
            time_stamp: true,
            legend: true,
        }
    }
}

/// Draws an analysis onto the frames of its video.
#[derive(Debug)]
pub struct Annotator<'a> {
    analysis: &'a Analysis,
    options: AnnotatorOptions,
    size: (f32, f32),
    text: f32,
    people: Vec<Overlay<'a>>,
    layout: Layout,
}

/// What is the same in every frame for one person.
#[derive(Debug)]
struct Overlay<'a> {
    person: &'a PersonAnalysis,
    thickness: f32,
    labels: Vec<Label<'a>>,
}

/// An angle that is labelled.
#[derive(Debug)]
struct Label<'a> {
    angle: Angle,
    side: Side,
    value_deg: &'a [Option<f64>],
}

/// From the coordinates of the layout to those of the frame at hand.
#[derive(Debug, Clone, Copy)]
struct Fit {
    x: f32,
    y: f32,
    /// For everything that must keep its shape.
    size: f32,
}

impl<'a> Annotator<'a> {
    /// Prepares to draw `analysis`; looks at every frame that will be drawn once, to decide where labels go.
    pub fn new(analysis: &'a Analysis, options: AnnotatorOptions) -> Self {
        let source = (analysis.source.width_px, analysis.source.height_px);
        let (width, height) = options.frame_size_px.unwrap_or(source);
        let size = (width.max(1) as f32, height.max(1) as f32);
        let smaller = size.0.min(size.1);
        let mut annotator = Self {
            analysis,
            options,
            size,
            text: (smaller / 46.0).clamp(SMALLEST_PX as f32 + 1.0, 64.0).round(),
            people: Vec::new(),
            layout: Layout::default(),
        };
        annotator.people = analysis.people.iter().map(|person| annotator.prepare(person)).collect();
        annotator.layout = annotator.lay_out();
        annotator
    }

    /// Draws what is known about frame `frame_index` onto it. A frame beyond the recording gets no figure.
    pub fn draw(&self, frame: &mut RgbFrame<'_>, frame_index: usize) {
        if frame.width() == 0 || frame.height() == 0 {
            return;
        }
        let x = frame.width() as f32 / self.size.0;
        let y = frame.height() as f32 / self.size.1;
        let fit = Fit { x, y, size: x.min(y) };
        let sticks = self.sticks(frame_index, (fit.x, fit.y));
        for (overlay, found) in self.people.iter().zip(&sticks) {
            if let Some(found) = found {
                self.draw_arcs(frame, overlay, found, frame_index, fit);
                stick::draw(frame, found, self.style(overlay, fit));
            }
        }
        let letters = (self.text * fit.size).floor();
        if letters >= SMALLEST_PX as f32 {
            let letters = glyphs(letters as u32);
            self.draw_labels(frame, &letters, &sticks, frame_index, fit);
            for tag in self.tags(&sticks, &letters, (frame.width() as f32, frame.height() as f32)) {
                tag.draw(frame, &letters);
            }
            self.draw_notes(frame, &letters, frame_index, fit);
        }
    }

    fn prepare(&self, person: &'a PersonAnalysis) -> Overlay<'a> {
        let smaller = self.size.0.min(self.size.1);
        let scale = self.scale_from_source();
        let mut trunks: Vec<f32> = (0..person.poses.len())
            .step_by((person.poses.len() / 200).max(1))
            .filter_map(|index| person.poses[index].as_ref())
            .filter_map(|pose| Stick::new(self.analysis.skeleton, pose, scale).trunk_length())
            .filter(|length| length.is_finite())
            .collect();
        trunks.sort_by(f32::total_cmp);
        let trunk = trunks.get(trunks.len() / 2).copied().unwrap_or(smaller / 4.0);
        // A line is as thick as the person is tall, within what the picture bears.
        let thickness = (trunk / 26.0).clamp((smaller / 450.0).max(1.2), (smaller / 150.0).max(1.6));
        Overlay {
            person,
            thickness,
            labels: self.labels(person),
        }
    }

    fn labels(&self, person: &'a PersonAnalysis) -> Vec<Label<'a>> {
        let wanted = |angle: Angle, side: Side| {
            person
                .angles
                .iter()
                .find(|series| series.angle == angle && series.side == Some(side) && series.space == Space::Image)
                .map(|series| Label {
                    angle,
                    side,
                    value_deg: &series.value_deg,
                })
        };
        self.options
            .angles
            .iter()
            .flat_map(|&angle| [wanted(angle, Side::Left), wanted(angle, Side::Right)])
            .flatten()
            .collect()
    }

    fn scale_from_source(&self) -> (f32, f32) {
        (
            self.size.0 / self.analysis.source.width_px.max(1) as f32,
            self.size.1 / self.analysis.source.height_px.max(1) as f32,
        )
    }

    /// Everybody's figure in a frame, scaled to the layout and then by `fit`.
    fn sticks(&self, frame_index: usize, fit: (f32, f32)) -> Vec<Option<Stick>> {
        let scale = self.scale_from_source();
        let scale = (scale.0 * fit.0, scale.1 * fit.1);
        self.people
            .iter()
            .map(|overlay| {
                let pose = overlay.person.poses.get(frame_index)?.as_ref()?;
                Some(Stick::new(self.analysis.skeleton, pose, scale))
            })
            .collect()
    }

    fn style(&self, overlay: &Overlay<'_>, fit: Fit) -> StickStyle {
        StickStyle {
            thickness: (overlay.thickness * fit.size).max(1.0),
            minimum_visibility: self.analysis.settings.minimum_visibility,
            opacity: 1.0,
        }
    }

    fn lay_out(&self) -> Layout {
        let letters = glyphs(self.text as u32);
        let frame = Rect::sized(0.0, 0.0, self.size.0 - 1.0, self.size.1 - 1.0);
        let all = 0..self.analysis.time_s.len();
        let wanted = self.options.frames.clone().unwrap_or(all.clone());
        let slots = self.people.iter().map(|overlay| overlay.labels.len()).sum();
        let mut layout = Layout::new(frame, slots, wanted.start);
        for frame_index in wanted.start..wanted.end.min(all.end) {
            let sticks = self.sticks(frame_index, (1.0, 1.0));
            let taken: Vec<Rect> = self
                .notes(frame_index, &letters)
                .into_iter()
                .map(|note| note.rect)
                .chain(self.tags(&sticks, &letters, self.size).into_iter().map(|tag| tag.rect))
                .collect();
            let requests: Vec<Option<Request>> = self.requests(&sticks, frame_index, &letters);
            let bones: Vec<(Dot, Dot)> = sticks
                .iter()
                .flatten()
                .flat_map(Stick::segments)
                .map(|(from, to, _, _)| (from, to))
                .collect();
            layout.place(&requests, &taken, &bones);
        }
        layout
    }

    /// Who is who in a frame, where there are several in the video.
    fn tags(&self, sticks: &[Option<Stick>], letters: &Glyphs, size: (f32, f32)) -> Vec<Tag> {
        if self.people.len() < 2 {
            return Vec::new();
        }
        let people = self.people.iter().zip(sticks);
        people
            .filter_map(|(overlay, stick)| Tag::above(stick.as_ref()?, overlay.person.id, letters, size))
            .collect()
    }

    /// What wants a label in a frame, in the order of people and labels.
    fn requests(&self, sticks: &[Option<Stick>], frame_index: usize, letters: &Glyphs) -> Vec<Option<Request>> {
        self.each_label()
            .map(|(index, overlay, label)| {
                let stick = sticks.get(index)?.as_ref()?;
                let value = label.value(frame_index)?;
                let place = stick.joint_arc(label.angle, label.side)?;
                let (width, height) = label_size(letters, &label.text(value));
                let body = stick.hips().unwrap_or(place.vertex);
                Some(Request {
                    anchor: place.vertex,
                    body,
                    width,
                    height,
                    clearance: overlay.thickness * 2.0 + self.text * 0.6,
                })
            })
            .collect()
    }

    /// Every label of every person, with the person's index.
    fn each_label(&self) -> impl Iterator<Item = (usize, &Overlay<'a>, &Label<'a>)> {
        self.people
            .iter()
            .enumerate()
            .flat_map(|(index, overlay)| overlay.labels.iter().map(move |label| (index, overlay, label)))
    }

    fn draw_arcs(&self, frame: &mut RgbFrame<'_>, overlay: &Overlay<'_>, stick: &Stick, index: usize, fit: Fit) {
        for label in &overlay.labels {
            if label.value(index).is_none() {
                continue;
            }
            let Some(place) = stick.joint_arc(label.angle, label.side) else {
                continue;
            };
            let trusted = Point::trusts(place.visibility, self.analysis.settings.minimum_visibility);
            let strength = if trusted { 0.45 + 0.55 * place.visibility } else { 0.3 };
            draw_arc(
                frame,
                place,
                Ink::new(of_side(Some(label.side)), strength),
                overlay.thickness * fit.size,
            );
        }
    }

    fn draw_labels(
        &self,
        frame: &mut RgbFrame<'_>,
        letters: &Glyphs,
        sticks: &[Option<Stick>],
        frame_index: usize,
        fit: Fit,
    ) {
        let written: Vec<(Dot, Rect, Side, String)> = self
            .each_label()
            .enumerate()
            .filter_map(|(slot, (index, overlay, label))| {
                let spot = self.layout.spot(frame_index, slot)?;
                let value = label.value(frame_index)?;
                let anchor = sticks.get(index)?.as_ref()?.joint_arc(label.angle, label.side)?.vertex;
                let text = label.text(value);
                let rect = self.label_rect(spot, anchor, overlay, &text, letters, fit);
                Some((anchor, rect, label.side, text))
            })
            .collect();
        // Leaders first: none may cross a plate.
        for (anchor, rect, side, _) in &written {
            let ink = Ink::new(of_side(Some(*side)), 0.7);
            line(
                frame,
                *anchor,
                rect.nearest(*anchor),
                (letters.size() / 14.0).max(1.0),
                ink,
            );
        }
        for (_, rect, side, text) in &written {
            draw_label(frame, *rect, *side, text, letters);
        }
    }

    /// Where a label stands in the frame at hand: its centre follows the frame, its size keeps its shape.
    fn label_rect(
        &self,
        spot: Spot,
        anchor: Dot,
        overlay: &Overlay<'_>,
        text: &str,
        letters: &Glyphs,
        fit: Fit,
    ) -> Rect {
        let planned = glyphs(self.text as u32);
        let (width, height) = label_size(&planned, text);
        let request = Request {
            anchor: Dot::new(anchor.x / fit.x, anchor.y / fit.y),
            body: anchor,
            width,
            height,
            clearance: overlay.thickness * 2.0 + self.text * 0.6,
        };
        let centre = spot.rect(&request).centre();
        let (width, height) = label_size(letters, text);
        Rect::around(Dot::new(centre.x * fit.x, centre.y * fit.y), width, height)
    }

    fn draw_notes(&self, frame: &mut RgbFrame<'_>, letters: &Glyphs, frame_index: usize, fit: Fit) {
        let planned = glyphs(self.text as u32);
        for note in self.notes(frame_index, &planned) {
            let place = Rect {
                left: note.rect.left * fit.x,
                top: note.rect.top * fit.y,
                right: note.rect.right * fit.x,
                bottom: note.rect.bottom * fit.y,
            };
            note.draw(frame, place, letters);
        }
    }

    /// The plates at the frame's edges: time, legend, and what a viewer should know about this frame.
    fn notes(&self, frame_index: usize, letters: &Glyphs) -> Vec<Note> {
        let mut corners = Corners::new(self.size, letters);
        let time_s = self.analysis.time_s.get(frame_index);
        if let Some(&time_s) = time_s.filter(|_| self.options.time_stamp) {
            let frames = self.analysis.time_s.len();
            let text = format!("{}   frame {} of {frames}", label::clock(time_s), frame_index + 1);
            corners.add(Corner::BottomLeft, vec![Piece::Text(text)]);
        }
        if self.options.legend {
            corners.add(
                Corner::BottomRight,
                vec![
                    Piece::Mark(Some(Side::Left), 1.0),
                    Piece::Text("L left".to_owned()),
                    Piece::Mark(Some(Side::Right), 1.0),
                    Piece::Text("R right".to_owned()),
                    Piece::Mark(None, 0.0),
                    Piece::Text("uncertain".to_owned()),
                ],
            );
        }
        if let Some(remark) = self.remark(frame_index) {
            corners.add(Corner::TopLeft, vec![Piece::Text(remark.to_owned())]);
        }
        corners.notes
    }

    fn remark(&self, frame_index: usize) -> Option<&'static str> {
        let seen = |overlay: &&Overlay<'_>| overlay.person.poses.get(frame_index).is_some_and(Option::is_some);
        let Some(overlay) = self.people.iter().find(seen) else {
            return Some("person not found");
        };
        match overlay.person.camera_plane?.view {
            View::Side => None,
            View::Oblique => Some("oblique view: angles are foreshortened"),
            View::Frontal => Some("front or back view: side angles are not reliable"),
        }
    }
}

impl Label<'_> {
    fn value(&self, frame_index: usize) -> Option<f64> {
        self.value_deg
            .get(frame_index)
            .copied()
            .flatten()
            .filter(|value| value.is_finite())
    }

    fn text(&self, value_deg: f64) -> String {
        format!("{} {}", label::side_letter(Some(self.side)), label::degrees(value_deg))
    }
}

fn label_size(letters: &Glyphs, text: &str) -> (f32, f32) {
    (letters.width(text) + letters.size() * 0.95, letters.size() * 1.4)
}

fn draw_label(frame: &mut RgbFrame<'_>, rect: Rect, side: Side, text: &str, letters: &Glyphs) {
    let size = letters.size();
    plate(frame, rect, size * 0.28, Ink::new(DARK, 0.8));
    let tab = Rect::sized(
        rect.left + size * 0.22,
        rect.top + size * 0.28,
        size * 0.16,
        rect.height() - size * 0.56,
    );
    plate(frame, tab, size * 0.08, Ink::opaque(of_side(Some(side))));
    let start = Dot::new(rect.left + size * 0.58, rect.centre().y);
    letters.write(frame, start, text, Ink::opaque(LIGHT));
}

/// The area and outline of an angle, and the line from which it is counted.
fn draw_arc(frame: &mut RgbFrame<'_>, place: JointArc, ink: Ink, thickness: f32) {
    let radius = (place.reach * 0.42).min(thickness * 10.0);
    if radius < thickness * 2.0 {
        return;
    }
    let shape = Arc {
        centre: place.vertex,
        radius,
        from: place.zero,
        to: place.moving,
    };
    sector(frame, shape, ink.faded(0.38));
    let zero_end = place.vertex + place.zero * (radius * 1.35);
    dashed_line(
        frame,
        place.vertex,
        zero_end,
        (thickness * 0.4).max(1.0),
        (thickness * 1.2).max(2.0),
        ink.faded(0.9),
    );
    arc(frame, shape, (thickness * 0.5).max(1.2), ink);
}

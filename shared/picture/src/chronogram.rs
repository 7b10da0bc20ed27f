//! The geometric chronogram: white lines on black, as Marey drew walking and running men from 1883 on.
//!
//! He clothed his subjects in black, with white bands along arm and leg on the side of the camera and bright points at
//! the joints, so that only the geometry of the movement stayed on the plate. Here the near side is bright, the far side faint. Somebody
//! who moves on the spot is shifted in proportion to time, as on a moving plate.

use std::fmt::Write as _;

use marey_motion::{Landmark as L, PersonAnalysis, Pose, Side, Skeleton};

use crate::chronophotograph::{Arrangement, arrangement};
use crate::geometry::{Dot, Rect};
use crate::label;
use crate::stick::Stick;
use crate::svg::{escape, number};

/// How a chronogram is drawn.
#[derive(Debug, Clone)]
pub struct ChronogramOptions {
    /// Width of the drawing in pixels.
    pub width_px: u32,
    /// The most figures shown.
    pub figures: usize,
    /// What is shown, for those who cannot see it and for the caption; `None` for neither.
    pub title: Option<String>,
}

impl Default for ChronogramOptions {
    fn default() -> Self {
        Self {
            width_px: 1200,
            figures: 36,
            title: None,
        }
    }
}

const BACKDROP: &str = "#08090a";
const CHALK: &str = "#f4f1e8";

/// The person's movement as lines, as a self-contained SVG document; says so when there is nothing to show.
pub fn svg(person: &PersonAnalysis, time_s: &[f64], skeleton: Skeleton, options: &ChronogramOptions) -> String {
    let width = f64::from(options.width_px.clamp(160, 8000));
    let name = options.title.as_deref().unwrap_or("Chronogram");
    let figures = figures(person, time_s, skeleton, options.figures);
    let corners = figures
        .iter()
        .filter_map(|figure| figure.stick.bounds())
        .flat_map(|bounds| [Dot::new(bounds.left, bounds.top), Dot::new(bounds.right, bounds.bottom)]);
    let Some(bounds) = Rect::bounding(corners).filter(|bounds| bounds.width() >= 1.0 && bounds.height() >= 1.0) else {
        return document(
            width,
            120.0,
            name,
            &format!(
                "<text x=\"{}\" y=\"64\" text-anchor=\"middle\" fill=\"{CHALK}\">Nobody was found.</text>",
                number(width / 2.0)
            ),
        );
    };
    let margin = width * 0.035;
    let scale = ((width - 2.0 * margin) / f64::from(bounds.width())).min(width * 0.5 / f64::from(bounds.height()));
    let place = Placement {
        scale,
        x: width / 2.0 - f64::from(bounds.centre().x) * scale,
        y: margin * 1.2 - f64::from(bounds.top) * scale,
        line: (width / 640.0).max(0.8),
    };
    let floor = margin * 1.2 + f64::from(bounds.height()) * scale;
    let near = near_side(person);
    let mut body = String::new();
    for figure in &figures {
        body.push_str(&place.figure(&figure.stick, near));
    }
    body.push_str(&place.times(&figures, floor + margin * 0.55, width));
    document(width, floor + margin * 1.9, name, &body)
}

fn document(width: f64, height: f64, name: &str, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
         aria-label=\"{name}\" font-family=\"system-ui,sans-serif\" font-size=\"{size}\"><title>{name}</title>\
         <rect width=\"{w}\" height=\"{h}\" fill=\"{BACKDROP}\"/>{body}</svg>",
        w = number(width),
        h = number(height),
        name = escape(name),
        size = number((width / 90.0).max(9.0)),
    )
}

struct Instant {
    stick: Stick,
    time_s: f64,
}

/// On the spot, more figures than this would only be smaller.
const MOST_ON_THE_SPOT: usize = 22;

/// Evenly spaced instants; those of somebody on the spot are shifted apart in proportion to time.
fn figures(person: &PersonAnalysis, time_s: &[f64], skeleton: Skeleton, count: usize) -> Vec<Instant> {
    let seen: Vec<(&Pose, f64)> = person
        .poses
        .iter()
        .zip(time_s)
        .filter(|(_, time_s)| time_s.is_finite())
        .filter_map(|(pose, &time_s)| Some((pose.as_ref()?, time_s)))
        .collect();
    let (Some(first), Some(last)) = (seen.first(), seen.last()) else {
        return Vec::new();
    };
    let on_the_spot = arrangement(person, time_s) == Arrangement::SideBySide;
    let count = count
        .min(seen.len())
        .min(if on_the_spot { MOST_ON_THE_SPOT } else { usize::MAX });
    let stick_of = |pose| Stick::new(skeleton, pose, (1.0, 1.0));
    let trunk = stick_of(first.0).trunk_length().unwrap_or(0.0);
    let travel = if on_the_spot { trunk * 0.7 * count as f32 } else { 0.0 };
    (0..count)
        .map(|step| {
            let (pose, time_s) = seen[step * (seen.len() - 1) / (count - 1).max(1)];
            let share = (time_s - first.1) / (last.1 - first.1).max(f64::EPSILON);
            Instant {
                stick: stick_of(pose).moved(Dot::new(travel * share as f32, 0.0)),
                time_s,
            }
        })
        .collect()
}

/// The side nearer to the camera, by the depth of shoulders and hips.
fn near_side(person: &PersonAnalysis) -> Side {
    let depth = |pose: &Pose, landmark: L| {
        pose.points
            .get(landmark.index())
            .map_or(0.0, |point| f64::from(point.z_px))
    };
    let difference: f64 = person
        .poses
        .iter()
        .flatten()
        .map(|pose| {
            depth(pose, L::LeftShoulder) + depth(pose, L::LeftHip)
                - depth(pose, L::RightShoulder)
                - depth(pose, L::RightHip)
        })
        .filter(|difference| difference.is_finite())
        .sum();
    if difference < 0.0 { Side::Left } else { Side::Right }
}

/// From the video's pixels to the drawing's.
struct Placement {
    scale: f64,
    x: f64,
    y: f64,
    line: f64,
}

impl Placement {
    fn at(&self, dot: Dot) -> (f64, f64) {
        (
            f64::from(dot.x) * self.scale + self.x,
            f64::from(dot.y) * self.scale + self.y,
        )
    }

    /// One figure: the far side faint, then the near side bright with points at its joints, and the head.
    fn figure(&self, stick: &Stick, near: Side) -> String {
        let mut svg = String::new();
        for is_near in [false, true] {
            let (opacity, width) = if is_near { (0.95, 1.7) } else { (0.3, 1.0) };
            let mut lines = String::new();
            for (from, to, bone, _) in stick.segments() {
                if bone.side.is_some_and(|side| (side == near) == is_near) {
                    let (start, end) = (self.at(from), self.at(to));
                    // Writing to a string cannot fail.
                    let _ = write!(
                        lines,
                        "M{} {}L{} {}",
                        number(start.0),
                        number(start.1),
                        number(end.0),
                        number(end.1)
                    );
                }
            }
            let _ = write!(
                svg,
                "<path d=\"{lines}\" fill=\"none\" stroke=\"{CHALK}\" stroke-opacity=\"{opacity}\" stroke-width=\"{}\" stroke-linecap=\"round\"/>",
                number(width * self.line)
            );
        }
        svg.push_str(&self.points(stick, near));
        svg
    }

    fn points(&self, stick: &Stick, near: Side) -> String {
        let joints = match near {
            Side::Left => [
                L::LeftShoulder,
                L::LeftElbow,
                L::LeftWrist,
                L::LeftHip,
                L::LeftKnee,
                L::LeftAnkle,
            ],
            Side::Right => [
                L::RightShoulder,
                L::RightElbow,
                L::RightWrist,
                L::RightHip,
                L::RightKnee,
                L::RightAnkle,
            ],
        };
        let head = stick.neck().map(|(_, ears)| (ears, 2.6));
        let marks = joints
            .into_iter()
            .filter_map(|joint| Some((stick.at(joint)?, 1.7)))
            .chain(head);
        let mut svg = String::new();
        for (dot, radius) in marks {
            let (x, y) = self.at(dot);
            let _ = write!(
                svg,
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{CHALK}\"/>",
                number(x),
                number(y),
                number(radius * self.line)
            );
        }
        svg
    }

    /// The time of some figures beneath them, where there is room.
    fn times(&self, figures: &[Instant], y: f64, width: f64) -> String {
        let room = (width / 90.0).max(9.0) * 5.0;
        let mut written: Vec<f64> = Vec::new();
        let mut svg = String::new();
        for figure in figures {
            let Some(hips) = figure.stick.hips() else { continue };
            let (x, _) = self.at(hips);
            if written.iter().any(|other| (other - x).abs() < room) {
                continue;
            }
            written.push(x);
            let _ = write!(
                svg,
                "<line x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{}\" stroke=\"{CHALK}\" stroke-opacity=\".5\"/>\
                 <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" fill=\"{CHALK}\" fill-opacity=\".85\">{}</text>",
                number(y - room * 0.12),
                number(y),
                number(y + room * 0.26),
                label::seconds(figure.time_s),
                x = number(x),
            );
        }
        svg
    }
}

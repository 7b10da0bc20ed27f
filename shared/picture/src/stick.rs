//! The stick figure: which lines make a body, whose side they are on, and how strongly to draw them.

use marey_motion::{Angle, Landmark, Point, Pose, Side, Skeleton};

use crate::geometry::{Dot, Rect};
use crate::image::RgbFrame;
use crate::palette::{DARK, of_side};
use crate::raster::{Ink, disc, line, ring};

/// One line of the figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bone {
    pub(crate) from: Landmark,
    pub(crate) to: Landmark,
    pub(crate) side: Option<Side>,
    /// Thickness relative to a thigh.
    pub(crate) weight: f32,
}

const fn bone(from: Landmark, to: Landmark, side: Option<Side>, weight: f32) -> Bone {
    Bone { from, to, side, weight }
}

use Landmark as L;

const LEFT: Option<Side> = Some(Side::Left);
const RIGHT: Option<Side> = Some(Side::Right);

/// The bones that say something about motion. The face's outline and the fingers' triangle are left out: they hide
/// the person and carry no angle.
const BLAZEPOSE: [Bone; 20] = [
    bone(L::LeftShoulder, L::RightShoulder, None, 0.8),
    bone(L::LeftHip, L::RightHip, None, 0.8),
    bone(L::LeftShoulder, L::LeftHip, LEFT, 0.8),
    bone(L::RightShoulder, L::RightHip, RIGHT, 0.8),
    bone(L::LeftShoulder, L::LeftElbow, LEFT, 1.0),
    bone(L::LeftElbow, L::LeftWrist, LEFT, 1.0),
    bone(L::LeftWrist, L::LeftIndex, LEFT, 0.6),
    bone(L::RightShoulder, L::RightElbow, RIGHT, 1.0),
    bone(L::RightElbow, L::RightWrist, RIGHT, 1.0),
    bone(L::RightWrist, L::RightIndex, RIGHT, 0.6),
    bone(L::LeftHip, L::LeftKnee, LEFT, 1.0),
    bone(L::LeftKnee, L::LeftAnkle, LEFT, 1.0),
    bone(L::LeftAnkle, L::LeftHeel, LEFT, 0.6),
    bone(L::LeftHeel, L::LeftFootIndex, LEFT, 0.6),
    bone(L::LeftAnkle, L::LeftFootIndex, LEFT, 0.6),
    bone(L::RightHip, L::RightKnee, RIGHT, 1.0),
    bone(L::RightKnee, L::RightAnkle, RIGHT, 1.0),
    bone(L::RightAnkle, L::RightHeel, RIGHT, 0.6),
    bone(L::RightHeel, L::RightFootIndex, RIGHT, 0.6),
    bone(L::RightAnkle, L::RightFootIndex, RIGHT, 0.6),
];

/// The joints that get a mark.
const JOINTS: [(Landmark, Option<Side>); 13] = [
    (L::Nose, None),
    (L::LeftShoulder, LEFT),
    (L::RightShoulder, RIGHT),
    (L::LeftElbow, LEFT),
    (L::RightElbow, RIGHT),
    (L::LeftWrist, LEFT),
    (L::RightWrist, RIGHT),
    (L::LeftHip, LEFT),
    (L::RightHip, RIGHT),
    (L::LeftKnee, LEFT),
    (L::RightKnee, RIGHT),
    (L::LeftAnkle, LEFT),
    (L::RightAnkle, RIGHT),
];

/// The bones of a skeleton. Analyses are of BlazePose's, whatever their recording had, so the others have none here.
pub(crate) fn bones(skeleton: Skeleton) -> &'static [Bone] {
    match skeleton {
        Skeleton::BlazePose33 => &BLAZEPOSE,
        Skeleton::Coco17 | Skeleton::Halpe26 | Skeleton::Body25 | Skeleton::BerkeleyMhad43 => &[],
    }
}

/// A pose in the pixels of some picture.
#[derive(Debug, Clone)]
pub(crate) struct Stick {
    skeleton: Skeleton,
    points: Vec<(Dot, f32)>,
}

/// How a joint's angle lies in the picture: from a reference direction to the moving segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JointArc {
    pub(crate) vertex: Dot,
    /// Direction that counts as zero, of length 1.
    pub(crate) zero: Dot,
    /// Direction of the moving segment, of length 1.
    pub(crate) moving: Dot,
    /// Length of the shorter of the two segments.
    pub(crate) reach: f32,
    /// Visibility of the least visible landmark, in `0..=1`.
    pub(crate) visibility: f32,
}

impl Stick {
    /// The pose scaled from its source's pixels by a factor for each axis.
    pub(crate) fn new(skeleton: Skeleton, pose: &Pose, scale: (f32, f32)) -> Self {
        let points = pose
            .points
            .iter()
            .map(|point| {
                let visibility = if point.visibility.is_finite() {
                    point.visibility.clamp(0.0, 1.0)
                } else {
                    0.0
                };
                // Recordings from elsewhere lack landmarks: these are at no place, and not in the corner of the picture.
                let place = if point.is_missing() {
                    Dot::new(f32::NAN, f32::NAN)
                } else {
                    Dot::new(point.x_px * scale.0, point.y_px * scale.1)
                };
                (place, visibility)
            })
            .collect();
        Self { skeleton, points }
    }

    /// The same figure elsewhere.
    pub(crate) fn moved(mut self, by: Dot) -> Self {
        for (point, _) in &mut self.points {
            *point = *point + by;
        }
        self
    }

    /// Where a landmark is, or `None` where it is missing or not a place in a picture.
    pub(crate) fn at(&self, landmark: Landmark) -> Option<Dot> {
        let (point, _) = self.points.get(landmark.index())?;
        point.is_drawable().then_some(*point)
    }

    /// How surely the model saw a landmark, in `0..=1`.
    pub(crate) fn visibility(&self, landmark: Landmark) -> f32 {
        self.points
            .get(landmark.index())
            .map_or(0.0, |&(_, visibility)| visibility)
    }

    fn middle(&self, left: Landmark, right: Landmark) -> Option<Dot> {
        Some(self.at(left)?.middle(self.at(right)?))
    }

    /// The middle of the hips.
    pub(crate) fn hips(&self) -> Option<Dot> {
        self.middle(L::LeftHip, L::RightHip)
    }

    /// From the middle of the shoulders to the middle of the hips.
    fn trunk_down(&self) -> Option<Dot> {
        Some(self.hips()? - self.middle(L::LeftShoulder, L::RightShoulder)?)
    }

    /// The length of the trunk in pixels: the measure for everything drawn around a body.
    pub(crate) fn trunk_length(&self) -> Option<f32> {
        Some(self.trunk_down()?.length())
    }

    /// The rectangle around every landmark that can be drawn.
    pub(crate) fn bounds(&self) -> Option<Rect> {
        Rect::bounding(
            self.points
                .iter()
                .map(|&(point, _)| point)
                .filter(|point| point.is_drawable()),
        )
    }

    /// Both ends of every bone that can be drawn, with the bone and its visibility.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (Dot, Dot, Bone, f32)> + '_ {
        bones(self.skeleton).iter().filter_map(|bone| {
            let visibility = self.visibility(bone.from).min(self.visibility(bone.to));
            Some((self.at(bone.from)?, self.at(bone.to)?, *bone, visibility))
        })
    }

    /// From the middle of the shoulders to the middle of the ears, which carries the head.
    pub(crate) fn neck(&self) -> Option<(Dot, Dot)> {
        Some((
            self.middle(L::LeftShoulder, L::RightShoulder)?,
            self.middle(L::LeftEar, L::RightEar)?,
        ))
    }

    /// The geometry behind an angle, as docs/MOTION.md defines its zero; `None` for angles without a joint to draw at.
    pub(crate) fn joint_arc(&self, angle: Angle, side: Side) -> Option<JointArc> {
        let pick = |left, right| match side {
            Side::Left => left,
            Side::Right => right,
        };
        let shoulder = pick(L::LeftShoulder, L::RightShoulder);
        let elbow = pick(L::LeftElbow, L::RightElbow);
        let wrist = pick(L::LeftWrist, L::RightWrist);
        let hip = pick(L::LeftHip, L::RightHip);
        let knee = pick(L::LeftKnee, L::RightKnee);
        let ankle = pick(L::LeftAnkle, L::RightAnkle);
        let toe = pick(L::LeftFootIndex, L::RightFootIndex);
        let heel = pick(L::LeftHeel, L::RightHeel);
        match angle {
            Angle::KneeFlexion => self.extended(hip, knee, ankle),
            Angle::HipFlexion => {
                let vertex = self.at(hip)?;
                self.arc(
                    vertex,
                    self.trunk_down()?,
                    self.at(knee)? - vertex,
                    &[shoulder, hip, knee],
                )
            }
            Angle::ElbowFlexion => self.extended(shoulder, elbow, wrist),
            Angle::ShoulderFlexion => {
                let vertex = self.at(shoulder)?;
                self.arc(
                    vertex,
                    self.trunk_down()?,
                    self.at(elbow)? - vertex,
                    &[shoulder, hip, elbow],
                )
            }
            Angle::AnkleDorsiflexion => {
                // Zero is the foot at a right angle to the shank, on the side to which it points.
                let vertex = self.at(ankle)?;
                let foot = self.at(toe)? - self.at(heel)?;
                let shank = self.at(knee)? - vertex;
                let turn = if shank.cross(foot) < 0.0 { -1.0 } else { 1.0 };
                let zero = Dot::new(-shank.y, shank.x) * turn;
                let mut arc = self.arc(vertex, zero, foot, &[knee, ankle, heel, toe])?;
                arc.reach = foot.length();
                Some(arc)
            }
            // Of one segment alone, or without a direction in which zero would lie.
            _ => None,
        }
    }

    /// The angle between a segment carried on beyond the joint and the next segment: zero when straight.
    fn extended(&self, proximal: Landmark, vertex: Landmark, distal: Landmark) -> Option<JointArc> {
        let at = self.at(vertex)?;
        self.arc(
            at,
            at - self.at(proximal)?,
            self.at(distal)? - at,
            &[proximal, vertex, distal],
        )
    }

    fn arc(&self, vertex: Dot, zero: Dot, moving: Dot, landmarks: &[Landmark]) -> Option<JointArc> {
        let visibility = landmarks
            .iter()
            .map(|&landmark| self.visibility(landmark))
            .fold(1.0, f32::min);
        Some(JointArc {
            vertex,
            zero: zero.normalized()?,
            moving: moving.normalized()?,
            reach: zero.length().min(moving.length()),
            visibility,
        })
    }
}

/// How a stick figure is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StickStyle {
    /// Thickness of a thigh's line in pixels.
    pub(crate) thickness: f32,
    /// Landmarks seen less surely than this are drawn as uncertain.
    pub(crate) minimum_visibility: f32,
    /// Opacity of the whole.
    pub(crate) opacity: f32,
}

impl StickStyle {
    fn is_trusted(self, visibility: f32) -> bool {
        Point::trusts(visibility, self.minimum_visibility)
    }

    /// Opacity for a visibility: never quite nothing, so that a weak guess is seen as one.
    fn confidence(self, visibility: f32) -> f32 {
        let certain = if self.is_trusted(visibility) {
            0.45 + 0.55 * visibility
        } else {
            0.3
        };
        certain * self.opacity
    }
}

/// Draws the bones and joints of a figure.
pub(crate) fn draw(frame: &mut RgbFrame<'_>, stick: &Stick, style: StickStyle) {
    let outline = (style.thickness * 0.45).max(1.0);
    // All outlines lie beneath all lines, so that no bone cuts its neighbour.
    for (from, to, bone, visibility) in stick.segments() {
        let ink = Ink::new(DARK, 0.5 * style.confidence(visibility));
        line(frame, from, to, style.thickness * bone.weight + 2.0 * outline, ink);
    }
    if let Some((from, to)) = stick.neck() {
        let visibility = stick.visibility(L::LeftShoulder).min(stick.visibility(L::Nose));
        let ink = Ink::new(of_side(None), 0.8 * style.confidence(visibility));
        line(frame, from, to, style.thickness * 0.6, ink);
    }
    for (from, to, bone, visibility) in stick.segments() {
        let ink = Ink::new(of_side(bone.side), style.confidence(visibility));
        line(frame, from, to, (style.thickness * bone.weight).max(1.0), ink);
    }
    for (landmark, side) in JOINTS {
        if let Some(centre) = stick.at(landmark) {
            draw_joint(frame, centre, side, stick.visibility(landmark), style);
        }
    }
}

/// A joint's mark: filled and ringed in white when seen, an empty ring when only guessed.
pub(crate) fn draw_joint(
    frame: &mut RgbFrame<'_>,
    centre: Dot,
    side: Option<Side>,
    visibility: f32,
    style: StickStyle,
) {
    let radius = (style.thickness * 0.95).max(1.5);
    let ring_width = (style.thickness * 0.3).max(1.0);
    let ink = Ink::new(of_side(side), style.opacity);
    if !style.is_trusted(visibility) {
        ring(
            frame,
            centre,
            radius,
            ring_width * 2.0,
            Ink::new(DARK, 0.45 * style.opacity),
        );
        ring(frame, centre, radius, ring_width, ink.faded(0.75));
        return;
    }
    disc(frame, centre, radius + ring_width, Ink::new(DARK, 0.6 * style.opacity));
    disc(frame, centre, radius, ink.faded(0.35 + 0.65 * visibility));
    ring(
        frame,
        centre,
        radius,
        ring_width,
        Ink::new(of_side(None), visibility * style.opacity),
    );
}

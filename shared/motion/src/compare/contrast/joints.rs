//! How joints differ along a path.

use super::{Half, LEAST_KNOWN, mean, summary, warp_settings};
use crate::compare::comparison::{ComparisonSettings, JointDifference, LEAST_LIT_M, LEAST_LIT_TRUNKS, WarpSummary};
use crate::compare::{Align, AlignmentSummary, Features, Movement, Rotation, Warp, warp_features};
use crate::facing::side_seen_throughout;
use crate::{MotionError, Skeleton, Space, View};

/// At most so many joints are lit at a moment.
const MOST_LIT: usize = 3;

/// Unit of distances in the image.
const TRUNK_LENGTHS: &str = "trunk_lengths";
/// Unit of distances in the world.
const METRES: &str = "m";

/// The joints of both, in the image or in the world.
pub(super) enum Joints {
    Image(Pair<2>),
    World(Pair<3>),
}

/// Two movements of the same joints.
pub(super) struct Pair<const D: usize> {
    skeleton: Skeleton,
    unit: &'static str,
    /// As the other one faces.
    a: Movement<D>,
    b: Movement<D>,
    /// Whether the first was turned round for that.
    turned: bool,
}

/// The joints of both; `None` with a note where poses are not at hand or the skeletons differ.
pub(super) fn in_common(
    one: &Half<'_>,
    other: &Half<'_>,
    settings: &ComparisonSettings,
    notes: &mut Vec<String>,
) -> Option<Joints> {
    let skeleton = one.analysis.skeleton;
    if one.person.poses.is_empty() || other.person.poses.is_empty() {
        notes.push("The poses of one of them are not at hand, so joints were not compared.".to_owned());
        return None;
    }
    if skeleton != other.analysis.skeleton {
        notes.push("They have different skeletons, so joints were not compared.".to_owned());
        return None;
    }
    let threshold = |half: &Half<'_>| half.analysis.settings.minimum_visibility;
    let image = |half: &Half<'_>| Movement::normalised(skeleton, &half.person.poses, threshold(half));
    let world = |half: &Half<'_>| Movement::world_from_hips_m(skeleton, &half.person.poses, threshold(half));
    let turned = face_opposite_ways(one, other);
    if turned {
        notes.push(
            "They face opposite ways in the picture: the joints of the first were turned round to be compared."
                .to_owned(),
        );
    }
    Some(match settings.space {
        Space::Image => match (image(one), image(other)) {
            (Ok(a), Ok(b)) => Joints::Image(Pair {
                skeleton,
                unit: TRUNK_LENGTHS,
                a: if turned { a.facing_the_other_way() } else { a },
                b,
                turned,
            }),
            (Err(error), _) | (_, Err(error)) => {
                notes.push(format!("Joints were not compared: {error}."));
                return None;
            }
        },
        Space::World => Joints::World(Pair {
            skeleton,
            unit: METRES,
            a: if turned {
                world(one).facing_the_other_way()
            } else {
                world(one)
            },
            b: world(other),
            turned,
        }),
    })
}

/// Whether one is seen from the right throughout and the other from the left.
fn face_opposite_ways(one: &Half<'_>, other: &Half<'_>) -> bool {
    matches!([one, other].map(side_seen), [Some(one), Some(other)] if one * other < 0.0)
}

/// `None` where which side is seen does not tell which way somebody faces.
fn side_seen(half: &Half<'_>) -> Option<f64> {
    let is_frontal = half
        .person
        .camera_plane
        .is_some_and(|plane| plane.view == View::Frontal);
    if is_frontal || !half.analysis.spaces.has(Space::Image) {
        return None;
    }
    side_seen_throughout(&half.person.poses, half.analysis.settings.minimum_visibility)
}

/// What is told of the joints: how they were laid onto each other, and how each differs.
type Told = (Option<AlignmentSummary>, Vec<JointDifference>);

impl Joints {
    /// Whether they face opposite ways, so that the first was turned round.
    pub(super) const fn turned(&self) -> bool {
        match self {
            Self::Image(pair) => pair.turned,
            Self::World(pair) => pair.turned,
        }
    }

    /// Warps on the joints that are known often enough in both.
    pub(super) fn warp(
        &self,
        settings: &ComparisonSettings,
        notes: &mut Vec<String>,
    ) -> Result<(Warp, WarpSummary), MotionError> {
        match self {
            Self::Image(pair) => pair.warp(settings, notes),
            Self::World(pair) => pair.warp(settings, notes),
        }
    }

    /// The distance of every joint that is known in both at some moment.
    pub(super) fn differences(
        &self,
        path: &[(usize, usize)],
        settings: &ComparisonSettings,
    ) -> Result<Told, MotionError> {
        match self {
            Self::Image(pair) => pair.differences(path, settings),
            Self::World(pair) => pair.differences(path, settings),
        }
    }
}

impl<const D: usize> Pair<D>
where
    [[f64; D]; D]: Rotation,
{
    fn warp(&self, settings: &ComparisonSettings, notes: &mut Vec<String>) -> Result<(Warp, WarpSummary), MotionError> {
        let share = |movement: &Movement<D>, joint: usize| {
            let known = (0..movement.frames()).filter(|&frame| movement.point(frame, joint).is_some());
            known.count() as f64 / movement.frames().max(1) as f64
        };
        let is_known = |&joint: &usize| share(&self.a, joint).min(share(&self.b, joint)) >= LEAST_KNOWN;
        let (often, rarely): (Vec<usize>, Vec<usize>) = (0..self.a.joints()).partition(is_known);
        if often.is_empty() {
            let reason = "no joint is known in half of the frames of both".to_owned();
            return Err(MotionError::NotComparable(reason));
        }
        let names = |joints: &[usize]| -> Vec<String> {
            joints
                .iter()
                .map(|&joint| self.skeleton.landmark_names()[joint].to_owned())
                .collect()
        };
        if !rarely.is_empty() {
            notes.push(format!(
                "Known in less than half of the frames of one of them and left out of the warping: {}.",
                names(&rarely).join(", ").replace('_', " ")
            ));
        }
        let warp = |a: &Movement<D>| {
            warp_features(
                some_joints(a, &often),
                some_joints(&self.b, &often),
                &warp_settings(settings),
            )
        };
        let mut found = warp(&self.a)?;
        if settings.align != Align::None {
            // What belongs together is known only now: lay one onto the other along this path, and warp again.
            let (laid, _) = self.a.laid_onto(&self.b, &found.path, settings.align, settings.scale)?;
            found = warp(&laid)?;
        }
        let told = summary(&found, self.unit, names(&often));
        Ok((found, told))
    }

    fn differences(&self, path: &[(usize, usize)], settings: &ComparisonSettings) -> Result<Told, MotionError> {
        let (a, alignment) = self.a.laid_onto(&self.b, path, settings.align, settings.scale)?;
        let names = self.skeleton.landmark_names().iter().enumerate();
        let told = names.filter_map(|(joint, name)| {
            let distance: Vec<Option<f64>> = path
                .iter()
                .map(|&(i, j)| Some(apart(&a.point(i, joint)?, &self.b.point(j, joint)?)))
                .collect();
            let known = distance.iter().enumerate();
            let known = known.filter_map(|(moment, distance)| Some((moment, (*distance)?)));
            // The first of equals.
            let (greatest_at, greatest) = known.rev().max_by(|one, other| one.1.total_cmp(&other.1))?;
            Some(JointDifference {
                joint: (*name).to_owned(),
                unit: self.unit.to_owned(),
                mean: mean(distance.iter().copied().flatten())?,
                greatest,
                greatest_at,
                distance,
            })
        });
        Ok((alignment, told.collect()))
    }
}

fn some_joints<const D: usize>(movement: &Movement<D>, joints: &[usize]) -> Features {
    let points = (0..movement.frames()).flat_map(|frame| joints.iter().map(move |&joint| (frame, joint)));
    let values = points.flat_map(|(frame, joint)| movement.point(frame, joint).unwrap_or([f64::NAN; D]));
    Features::of(D * joints.len(), values.collect())
}

fn apart<const D: usize>(a: &[f64; D], b: &[f64; D]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
}

/// For each moment the joints that differ most and enough, the most different first.
pub(super) fn most_different(joints: &[JointDifference], moments: usize) -> Vec<Vec<usize>> {
    let least = |joint: &JointDifference| {
        if joint.unit == METRES {
            LEAST_LIT_M
        } else {
            LEAST_LIT_TRUNKS
        }
    };
    let at = |moment: usize| {
        let apart = |(place, joint): (usize, &JointDifference)| {
            let distance = joint.distance[moment]?;
            // Eyes, ears and mouth go with the nose, and fingers with the wrist.
            let is_shown = SHOWN.contains(&joint.joint.as_str());
            (is_shown && distance >= least(joint)).then_some((place, distance))
        };
        let mut found: Vec<(usize, f64)> = joints.iter().enumerate().filter_map(apart).collect();
        found.sort_by(|one, other| other.1.total_cmp(&one.1));
        found.into_iter().take(MOST_LIT).map(|(place, _)| place).collect()
    };
    (0..moments).map(at).collect()
}

/// The joints that are told of a moment.
const SHOWN: [&str; 15] = [
    "nose",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_foot_index",
    "right_foot_index",
];

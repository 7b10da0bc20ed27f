//! One skeleton in the terms of another.
//!
//! Landmarks of the same name are the same place. [`SAME_PLACE`] pairs those that have another name, and [`MIDDLES`] says
//! which place is by definition the middle of two others. Whatever follows from neither is missing.

use crate::{Person, Point, Pose, Recording, Skeleton};

/// Different names of one place, from the more general to the special one.
///
/// `BlazePose`'s foot index is the tip of the foot at the big toe (model card of BlazePose GHUM 3D, 2021, figure of the topology). The markers of
/// Berkeley MHAD lie on the skin over the joint: they stand for it as they do in `NeuroPose`, some centimetres to the side.
const SAME_PLACE: [(&str, &str); 14] = [
    ("left_foot_index", "left_big_toe"),
    ("right_foot_index", "right_big_toe"),
    ("left_elbow", "lelb"),
    ("right_elbow", "relb"),
    ("left_wrist", "lwri"),
    ("right_wrist", "rwri"),
    ("left_knee", "lkne"),
    ("right_knee", "rkne"),
    ("left_ankle", "lank"),
    ("right_ankle", "rank"),
    ("left_heel", "lhee"),
    ("right_heel", "rhee"),
    ("left_foot_index", "lfoo"),
    ("right_foot_index", "rfoo"),
];

/// Places that are the middle of two others.
///
/// Neck and middle of the hips: OpenPose makes both so from COCO's annotations (Cao et al. 2019, §3.1 and `doc/02_output.md`). A shoulder
/// between its two markers and a hip between the front and the back marker of its side are stand-ins for joint centres, which
/// no marker of Berkeley MHAD shows.
const MIDDLES: [(&str, [&str; 2]); 6] = [
    ("neck", ["left_shoulder", "right_shoulder"]),
    ("mid_hip", ["left_hip", "right_hip"]),
    ("left_shoulder", ["lsho1", "lsho2"]),
    ("right_shoulder", ["rsho1", "rsho2"]),
    ("left_hip", ["lhipf", "lhipb"]),
    ("right_hip", ["rhipf", "rhipb"]),
];

/// Halpe's is the top of the head, Berkeley MHAD's a marker somewhere on it.
const DIFFERENT_PLACE: &str = "head";

/// How to give poses of one skeleton as poses of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    from: Skeleton,
    to: Skeleton,
    sources: Vec<Vec<usize>>,
}

impl Conversion {
    /// The conversion from one skeleton to another, or to itself.
    pub fn new(from: Skeleton, to: Skeleton) -> Self {
        let is_between = (from == Skeleton::BerkeleyMhad43) != (to == Skeleton::BerkeleyMhad43);
        let sources = to.landmark_names().iter().map(|name| {
            if is_between && *name == DIFFERENT_PLACE {
                Vec::new()
            } else {
                sources(name, from)
            }
        });
        Self {
            from,
            to,
            sources: sources.collect(),
        }
    }

    /// For each landmark of the target, the landmarks of the source of which it is the middle: one for the same place, none
    /// where it is missing.
    pub fn sources(&self) -> &[Vec<usize>] {
        &self.sources
    }

    /// Landmarks of the target that the source does not have.
    pub fn missing(&self) -> Vec<&'static str> {
        let names = self.to.landmark_names().iter().zip(&self.sources);
        names
            .filter_map(|(name, sources)| sources.is_empty().then_some(*name))
            .collect()
    }

    /// Landmarks of the source that nothing of the target shows.
    pub fn lost(&self) -> Vec<&'static str> {
        let is_used = |index: usize| self.sources.iter().any(|sources| sources.contains(&index));
        let names = self.from.landmark_names().iter().enumerate();
        names
            .filter_map(|(index, name)| (!is_used(index)).then_some(*name))
            .collect()
    }

    /// The pose with the target's landmarks. A landmark that is the same place is taken as it is; a middle has the lesser visibility and
    /// presence of its two, and is missing where one of them is; a missing one has a visibility of 0.
    #[must_use]
    pub fn pose(&self, pose: &Pose) -> Pose {
        let point = |sources: &Vec<usize>| -> Point {
            let points: Option<Vec<Point>> = sources.iter().map(|&index| pose.points.get(index).copied()).collect();
            match points.as_deref() {
                Some([point]) => *point,
                Some(several @ [_, ..]) => middle(several),
                Some([]) | None => Point::MISSING,
            }
        };
        Pose {
            score: pose.score,
            points: self.sources.iter().map(point).collect(),
        }
    }
}

impl Recording {
    /// The recording with another skeleton's landmarks; see [`Conversion::pose`].
    #[must_use]
    pub fn converted(&self, to: Skeleton) -> Self {
        if to == self.skeleton {
            return self.clone();
        }
        let conversion = Conversion::new(self.skeleton, to);
        let people = self.people.iter().map(|person| {
            let poses = person.poses.iter();
            Person {
                id: person.id,
                poses: poses
                    .map(|pose| pose.as_ref().map(|pose| conversion.pose(pose)))
                    .collect(),
            }
        });
        Self {
            people: people.collect(),
            skeleton: to,
            source: self.source.clone(),
            model: self.model.clone(),
            spaces: self.spaces,
            time_s: self.time_s.clone(),
        }
    }
}

/// The landmarks of a skeleton whose middle a place is; empty where the skeleton cannot tell.
fn sources(name: &str, from: Skeleton) -> Vec<usize> {
    if let Some(same) = same_place(name, from) {
        return vec![same];
    }
    // Berkeley's middle of the hips is the middle of two middles.
    let Some((_, [one, other])) = MIDDLES.iter().find(|(middle, _)| *middle == name) else {
        return Vec::new();
    };
    let (one, other) = (sources(one, from), sources(other, from));
    if one.is_empty() || other.is_empty() {
        Vec::new()
    } else {
        // Both are of one or both of two, so the mean of all is the middle of the middles.
        one.into_iter().chain(other).collect()
    }
}

fn same_place(name: &str, from: Skeleton) -> Option<usize> {
    let direct = from.index_of(name);
    direct.or_else(|| {
        let general = SAME_PLACE.iter().filter(|(_, special)| *special == name);
        let special = SAME_PLACE.iter().filter(|(general, _)| *general == name);
        // From one special name over the general one to another special one.
        let cousins = general.clone().flat_map(|(general, _)| {
            SAME_PLACE
                .iter()
                .filter(move |(other, _)| other == general)
                .map(|(_, special)| *special)
        });
        let names = general
            .map(|(general, _)| *general)
            .chain(special.map(|(_, special)| *special));
        names.chain(cousins).find_map(|name| from.index_of(name))
    })
}

fn middle(points: &[Point]) -> Point {
    if points.iter().any(|point| point.visibility <= 0.0) {
        return Point::MISSING;
    }
    let mean = |value: fn(&Point) -> f32| {
        let sum: f64 = points.iter().map(|point| f64::from(value(point))).sum();
        (sum / points.len() as f64) as f32
    };
    let least = |value: fn(&Point) -> f32| points.iter().map(value).fold(1.0, f32::min);
    Point {
        x_px: mean(|point| point.x_px),
        y_px: mean(|point| point.y_px),
        z_px: mean(|point| point.z_px),
        x_m: mean(|point| point.x_m),
        y_m: mean(|point| point.y_m),
        z_m: mean(|point| point.z_m),
        visibility: least(|point| point.visibility),
        presence: least(|point| point.presence),
    }
}

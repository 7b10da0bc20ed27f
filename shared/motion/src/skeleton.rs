//! Skeletons: the named landmarks that a model or a laboratory reports, the bones between them, and what one says in the terms of
//! another.
//!
//! Marey measures on BlazePose's landmarks. Recordings of other skeletons are converted to it first ([`Conversion`]); what
//! the other skeleton does not have is missing there and never made up.

mod berkeley;
mod blazepose;
mod body25;
mod coco;
mod conversion;
mod halpe;
mod markers;

use serde::{Deserialize, Serialize};

pub use self::blazepose::Landmark;
pub use self::conversion::Conversion;
pub(crate) use self::markers::{MarkerSet, marker_name, recognise};

/// The set of landmarks that a recording's points follow, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Skeleton {
    /// The 33 landmarks of BlazePose (Bazarevsky et al. 2020, arXiv:2006.10204, figure 3).
    #[serde(rename = "blazepose_33")]
    BlazePose33,
    /// The 17 keypoints of COCO (Lin et al. 2014, arXiv:1405.0312; category `person` of `person_keypoints_*.json`).
    #[serde(rename = "coco_17")]
    Coco17,
    /// The 26 body keypoints of Halpe-FullBody (Fang et al. 2022, arXiv:2211.03375), which `RTMPose`, `Sports2D` and `Pose2Sim` report.
    #[serde(rename = "halpe_26")]
    Halpe26,
    /// The 25 keypoints of OpenPose's `BODY_25` (Cao et al. 2019, arXiv:1812.08008; `doc/02_output.md`).
    #[serde(rename = "body_25")]
    Body25,
    /// The 43 markers of the Berkeley Multimodal Human Action Database (Ofli et al. 2013, doi:10.1109/WACV.2013.6474999), which
    /// `MeTRAbs` and with it NeuroPose report. They lie on the skin, not in joints.
    #[serde(rename = "berkeley_mhad_43")]
    BerkeleyMhad43,
}

impl Skeleton {
    /// All skeletons.
    pub const ALL: [Self; 5] = [
        Self::BlazePose33,
        Self::Coco17,
        Self::Halpe26,
        Self::Body25,
        Self::BerkeleyMhad43,
    ];

    /// The name under which recordings store the skeleton.
    pub fn name(self) -> &'static str {
        match self {
            Self::BlazePose33 => "blazepose_33",
            Self::Coco17 => "coco_17",
            Self::Halpe26 => "halpe_26",
            Self::Body25 => "body_25",
            Self::BerkeleyMhad43 => "berkeley_mhad_43",
        }
    }

    /// The skeleton of a name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|skeleton| skeleton.name() == name)
    }

    /// The skeleton with that many landmarks; no two have the same number.
    pub fn of_len(len: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|skeleton| skeleton.len() == len)
    }

    /// How many points a pose of this skeleton has.
    pub fn len(self) -> usize {
        self.landmark_names().len()
    }

    /// Always false: a skeleton without landmarks does not exist.
    pub fn is_empty(self) -> bool {
        false
    }

    /// The landmarks' names in the order of a pose's points, in `snake_case`. Landmarks of the same name in different skeletons are
    /// the same place of the body, but for the `head` of Berkeley MHAD.
    pub fn landmark_names(self) -> &'static [&'static str] {
        match self {
            Self::BlazePose33 => &blazepose::NAMES,
            Self::Coco17 => &coco::NAMES,
            Self::Halpe26 => &halpe::NAMES,
            Self::Body25 => &body25::NAMES,
            Self::BerkeleyMhad43 => &berkeley::NAMES,
        }
    }

    /// Pairs of landmark indices that are drawn as bones.
    pub fn bones(self) -> &'static [(usize, usize)] {
        match self {
            Self::BlazePose33 => &blazepose::BONES,
            Self::Coco17 => &coco::BONES,
            Self::Halpe26 => &halpe::BONES,
            Self::Body25 => &body25::BONES,
            Self::BerkeleyMhad43 => &berkeley::BONES,
        }
    }

    /// The index of a landmark by its name.
    pub fn index_of(self, name: &str) -> Option<usize> {
        self.landmark_names().iter().position(|known| *known == name)
    }
}

//! Warping of whole bodies, joint by joint, and of how two joints stand to each other.
//!
//! These are `NeuroPose`'s `dtw_all`, `dtw_per_joint` and `dtw_relation`; docs/COMPARE.md says where they differ.

use serde::{Deserialize, Serialize};

use super::procrustes::Rotation;
use super::{Align, AlignmentSummary, Cost, Features, Method, Missing, Movement, Warp, warp};
use crate::MotionError;

/// How movements are warped onto each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarpSettings {
    /// How the path is looked for.
    pub method: Method,
    /// What two frames differ by.
    pub cost: Cost,
    /// What becomes of unknown values.
    pub missing: Missing,
    /// Whether the first movement is laid onto the second before; both must then have as many frames.
    pub align: Align,
    /// Whether that changes its size too.
    pub scale: bool,
}

/// What of the joints is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation<'a> {
    /// Their coordinates.
    Coordinates,
    /// The angles at the middle joints of triplets, in radians.
    Angles(&'a [[usize; 3]]),
}

/// Warps on everything at once: one path for the whole body.
///
/// # Errors
///
/// [`MotionError::NotComparable`] if the numbers of joints differ, or of frames where movements are to be aligned;
/// [`MotionError::MissingValues`] as [`Missing`] says.
pub fn warp_all<const D: usize>(
    a: &Movement<D>,
    b: &Movement<D>,
    representation: Representation<'_>,
    settings: &WarpSettings,
) -> Result<Warp, MotionError>
where
    [[f64; D]; D]: Rotation,
{
    let (a, _) = aligned(a, b, settings)?;
    let [a, b] = match representation {
        Representation::Coordinates => [a.features(), b.features()],
        Representation::Angles(triplets) => [a.triplet_angles_rad(triplets)?, b.triplet_angles_rad(triplets)?],
    };
    warp_features(a, b, settings)
}

/// Warps each joint, or each angle, by itself: a path for each, in their order.
///
/// # Errors
///
/// As [`warp_all`].
pub fn warp_per_joint<const D: usize>(
    a: &Movement<D>,
    b: &Movement<D>,
    representation: Representation<'_>,
    settings: &WarpSettings,
) -> Result<Vec<Warp>, MotionError>
where
    [[f64; D]; D]: Rotation,
{
    let (a, _) = aligned(a, b, settings)?;
    match representation {
        Representation::Coordinates => (0..a.joints())
            .map(|joint| warp_features(a.joint(joint)?, b.joint(joint)?, settings))
            .collect(),
        Representation::Angles(triplets) => triplets
            .iter()
            .map(|&triplet| {
                let [a, b] = [a.triplet_angles_rad(&[triplet])?, b.triplet_angles_rad(&[triplet])?];
                warp_features(a, b, settings)
            })
            .collect(),
    }
}

/// Warps the vector from one joint to another.
///
/// # Errors
///
/// As [`warp_all`], and if there is no such joint.
pub fn warp_relation<const D: usize>(
    a: &Movement<D>,
    b: &Movement<D>,
    from: usize,
    to: usize,
    settings: &WarpSettings,
) -> Result<Warp, MotionError>
where
    [[f64; D]; D]: Rotation,
{
    let (a, _) = aligned(a, b, settings)?;
    warp_features(a.relation(from, to)?, b.relation(from, to)?, settings)
}

/// The first movement laid onto the second frame by frame, as the settings tell.
///
/// # Errors
///
/// [`MotionError::NotComparable`] if the numbers of joints differ, or of frames where movements are to be aligned, or if
/// nothing is known in both.
pub fn aligned<const D: usize>(
    a: &Movement<D>,
    b: &Movement<D>,
    settings: &WarpSettings,
) -> Result<(Movement<D>, Option<AlignmentSummary>), MotionError>
where
    [[f64; D]; D]: Rotation,
{
    if settings.align != Align::None && a.frames() != b.frames() {
        return Err(MotionError::NotComparable(format!(
            "only movements of as many frames are aligned before they are warped, and these have {} and {}",
            a.frames(),
            b.frames()
        )));
    }
    let pairs: Vec<_> = (0..a.frames()).map(|frame| (frame, frame)).collect();
    a.laid_onto(b, &pairs, settings.align, settings.scale)
}

/// Warps what was made of two movements.
///
/// # Errors
///
/// [`MotionError::NotComparable`] if the widths differ; [`MotionError::MissingValues`] as [`Missing`] says.
pub fn warp_features(a: Features, b: Features, settings: &WarpSettings) -> Result<Warp, MotionError> {
    let (a, b) = (a.complete(settings.missing)?, b.complete(settings.missing)?);
    warp(&a, &b, settings.method, settings.cost)
}

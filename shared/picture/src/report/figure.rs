//! The stick figure in space that a reader can turn, and the poses that it is drawn from.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use marey_motion::{Analysis, Landmark, PersonAnalysis, Side};
use serde_json::{Value, json};

use crate::stick::bones;

/// What stands for a landmark that is not known.
const MISSING: i16 = i16::MIN;

/// Metres to the units of the page: millimetres, in which 16 bits hold a body thirty times over.
const MM: f32 = 1000.0;

/// People whose figure can be turned; each adds up to half a megabyte to the page.
pub(super) const MOST_FIGURES: usize = 3;

/// The place of the figure and its controls; the script draws it.
pub(super) fn markup(person: &PersonAnalysis, index: usize) -> String {
    let has_poses = person.poses.iter().flatten().any(|pose| !pose.points.is_empty());
    if index >= MOST_FIGURES || !has_poses {
        return String::new();
    }
    let buttons = [
        ("as filmed", 0, 0),
        ("from its side", 90, 0),
        ("from behind", 180, 0),
        ("from above", 0, 85),
    ];
    let buttons = buttons.iter().fold(String::new(), |mut html, (name, yaw, pitch)| {
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<button type=\"button\" data-yaw=\"{yaw}\" data-pitch=\"{pitch}\">{name}</button>"
        );
        html
    });
    format!(
        "<figure class=\"turntable\" data-person=\"{index}\" hidden><canvas tabindex=\"0\" role=\"img\" aria-label=\"Stick figure in space; \
         arrow keys turn it\"></canvas><div class=\"turns\" role=\"group\" aria-label=\"Turn the figure\">{buttons}</div><figcaption>The body in space as the \
         model guesses it from one view. Drag to turn it, or use the arrow keys. Depth is an estimate.</figcaption></figure>"
    )
}

/// The bones between the landmarks that are drawn, and their positions in every `stride`-th frame: millimetres as 16-bit numbers, base64.
pub(super) fn values(analysis: &Analysis, index: usize, stride: usize) -> Value {
    let Some(person) = analysis.people.get(index).filter(|_| index < MOST_FIGURES) else {
        return Value::Null;
    };
    let bones = bones(analysis.skeleton);
    let mut landmarks: Vec<Landmark> = bones.iter().flat_map(|bone| [bone.from, bone.to]).collect();
    landmarks.push(Landmark::Nose);
    landmarks.sort_unstable();
    landmarks.dedup();
    let place = |landmark: Landmark| {
        landmarks
            .iter()
            .position(|known| *known == landmark)
            .unwrap_or_default()
    };
    let side = |side: Option<Side>| side.map_or("middle", Side::id);
    let least = analysis.settings.minimum_visibility;
    let mut bytes = Vec::with_capacity(person.poses.len().div_ceil(stride) * landmarks.len() * 6);
    for pose in person.poses.iter().step_by(stride) {
        for landmark in &landmarks {
            let known = pose
                .as_ref()
                .and_then(|pose| pose.point(*landmark))
                .filter(|point| point.is_trusted(least));
            let position = known.map_or([MISSING; 3], |point| [point.x_m, point.y_m, point.z_m].map(millimetres));
            bytes.extend(position.into_iter().flat_map(i16::to_le_bytes));
        }
    }
    let bones: Vec<Value> = bones
        .iter()
        .map(|bone| json!([place(bone.from), place(bone.to), side(bone.side)]))
        .collect();
    json!({
        "landmarks": landmarks.len(),
        "nose": place(Landmark::Nose),
        "bones": bones,
        "positions_mm": STANDARD.encode(bytes),
    })
}

fn millimetres(metres: f32) -> i16 {
    let value = metres * MM;
    if value.is_finite() {
        value.clamp(-32_000.0, 32_000.0).round() as i16
    } else {
        MISSING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millimetres_never_collide_with_what_is_missing() {
        assert_eq!(millimetres(1.2344), 1234);
        assert_eq!(millimetres(-99.0), -32_000);
        assert_eq!(millimetres(f32::NAN), MISSING);
    }
}

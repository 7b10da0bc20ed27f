//! How the floor lies in the picture, from where feet stand still on it.
//!
//! The idea is that of `compute_floor_line` of `Sports2D`: a line through the places at which the toes do not move. Here each
//! foothold counts once however long it lasts, and slopes are taken between footholds of the same foot, so that the distance of
//! the two feet from the camera does not tilt the floor. The line is that of Theil and Sen (Sen 1968, Journal of the American
//! Statistical Association 63(324), 1379–1389), which up to 29 % of wrong footholds do not move.

use crate::Side;
use crate::body::{Body, Mark, length};
use crate::differences::{presence, stretches_of, velocity};
use crate::find::Movement;

/// A toe stands still below this speed, in body heights per second.
const GREATEST_SPEED: f64 = 0.2;

/// A foothold lasts at least this long, in seconds.
const LEAST_HOLD_S: f64 = 0.1;

/// Two footholds tell the floor's slope if they lie at least this many body heights apart.
const LEAST_STEP: f64 = 0.25;

/// A slope needs at least this many pairs of footholds.
const LEAST_PAIRS: usize = 2;

/// More footholds than this of one foot, spread over the recording, tell no more.
const MOST_FOOTHOLDS: usize = 500;

/// A line that is steeper, in degrees, is no floor.
const STEEPEST_DEG: f64 = 20.0;

/// A floor that is flatter, in degrees, is not worth a note.
const NOTED_DEG: f64 = 2.0;

/// The line of the floor in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Floor {
    /// Positive where it rises to the right; `None` where the feet stood in too few places. It is then taken for level.
    pub(crate) angle_deg: Option<f64>,
    /// How far below the picture's top edge it meets the left edge, in pixels.
    pub(crate) at_left_px: f64,
}

impl Floor {
    /// The floor under a person who is `height_px` tall in the picture; `None` where no foot stands still.
    pub(crate) fn of(movement: &Movement<'_>, height_px: f64) -> Option<Self> {
        let of_side = |side| move || footholds(movement, side, height_px);
        let feet: [_; 2] = rayon::join(of_side(Side::Left), of_side(Side::Right)).into();
        let mut slopes: Vec<f64> = feet
            .iter()
            .flat_map(|foot| slopes(foot, LEAST_STEP * height_px))
            .collect();
        let slope = (slopes.len() >= LEAST_PAIRS)
            .then(|| median(&mut slopes))
            .flatten()
            .filter(|slope| slope.atan().to_degrees().abs() <= STEEPEST_DEG);
        let mut at_left_px: Vec<f64> = feet
            .iter()
            .flatten()
            .map(|[x, y]| y - slope.unwrap_or_default() * x)
            .collect();
        Some(Self {
            // Down is positive in pixels; adding zero turns -0 into 0.
            angle_deg: slope.map(|slope| -slope.atan().to_degrees() + 0.0),
            at_left_px: median(&mut at_left_px)?,
        })
    }

    /// What a tilted floor means for whoever reads the angles.
    pub(crate) fn note(&self, person: u32) -> Option<String> {
        let angle_deg = self.angle_deg.filter(|angle_deg| angle_deg.abs() >= NOTED_DEG)?;
        let side = if angle_deg > 0.0 { "right" } else { "left" };
        Some(format!(
            "The floor under person {person} rises by {:.1} degrees to the {side} in the picture: the camera is tilted, or the way \
             leads towards or away from it. Angles of segments are against the picture's horizontal.",
            angle_deg.abs()
        ))
    }
}

/// The places where a toe stands still, in pixels right of the left edge and below the top edge.
fn footholds(movement: &Movement<'_>, side: Side, height_px: f64) -> Vec<[f64; 2]> {
    let toe = Mark::Toe.on(Some(side));
    let places: Vec<Option<[f64; 2]>> = movement
        .person
        .poses
        .iter()
        .map(|pose| Body::new(pose.as_ref()?, movement.settings.minimum_visibility).seen_px(toe))
        .collect();
    let stretches = stretches_of(movement.time_s, &presence(&places), movement.longest_step_s);
    let is_still = |velocity: &[f64; 2]| length(*velocity) < GREATEST_SPEED * height_px;
    let still: Vec<Option<()>> = velocity(movement.time_s, &places, &stretches)
        .iter()
        .map(|velocity| velocity.as_ref().filter(|velocity| is_still(velocity)).map(|_| ()))
        .collect();
    let holds: Vec<_> = stretches_of(movement.time_s, &still, movement.longest_step_s)
        .into_iter()
        .filter(|hold| movement.time_s[hold.end - 1] - movement.time_s[hold.start] >= LEAST_HOLD_S)
        .collect();
    let stride = holds.len().div_ceil(MOST_FOOTHOLDS).max(1);
    holds
        .into_iter()
        .step_by(stride)
        .filter_map(|hold| {
            let axis = |axis: usize| {
                median(
                    &mut places[hold.clone()]
                        .iter()
                        .flatten()
                        .map(|place| place[axis])
                        .collect::<Vec<_>>(),
                )
            };
            Some([axis(0)?, axis(1)?])
        })
        .collect()
}

/// The slope between every two footholds that are far enough apart.
fn slopes(footholds: &[[f64; 2]], least_px: f64) -> impl Iterator<Item = f64> {
    footholds.iter().enumerate().flat_map(move |(index, one)| {
        let others = footholds[index + 1..].iter();
        let apart = others.filter(move |other| (other[0] - one[0]).abs() >= least_px);
        apart.map(move |other| (other[1] - one[1]) / (other[0] - one[0]))
    })
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

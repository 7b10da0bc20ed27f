//! Events of a person's movement, and the measures that rest on them: walking, jumps, squats, ranges of motion, balance.
//!
//! Everything is read from cleaned poses in the image plane at their true times. Distances are judged in leg lengths, so that
//! neither the size of the picture nor the camera's distance matters. The camera is taken to stand still.

pub(crate) mod bouts;
mod gait;
pub(crate) mod jumps;
pub(crate) mod signal;
pub(crate) mod tracks;

pub use gait::GaitMethod;

use tracks::Tracks;

use crate::findings::{Kinematics, LengthUnit, Scale};
use crate::measures::{self, gait::Walked};
use crate::{AngleSeries, CameraPlane, Event, Measure, Pose, Settings};

/// What is known about a person besides the poses.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// How pixels become metres, if known; lengths are withheld without it.
    pub scale: Option<&'a Scale>,
    /// Where the centre of mass is, if known; else the middle of the hips stands for it.
    pub kinematics: Option<&'a Kinematics>,
    /// From where the camera saw the person, over the whole recording.
    pub camera_plane: Option<CameraPlane>,
    /// The person's angles.
    pub angles: &'a [AngleSeries],
    /// How the recording was cleaned, and by which method gait events are found.
    pub settings: &'a Settings,
}

/// Events and measures of one person's cleaned poses, a pose or a gap for each of the times.
///
/// Events come in the order of time. Every measure is there, each given or withheld with the reason.
pub fn find(poses: &[Option<Pose>], time_s: &[f64], context: &Context<'_>) -> (Vec<Event>, Vec<Measure>) {
    let frames = poses.len().min(time_s.len());
    let (poses, time_s) = (&poses[..frames], &time_s[..frames]);
    let scale = context.scale;
    let floor_angle_deg = scale.and_then(|scale| scale.floor_angle_deg).unwrap_or(0.0);
    let tracks = Tracks::new(poses, time_s, context.settings, floor_angle_deg);
    let shows_legs = tracks.is_some();
    let tracks = tracks.unwrap_or_else(Tracks::nobody);
    let method = context.settings.gait_events;
    let bouts = bouts::bouts(&tracks);
    let walked: Vec<Walked<'_>> = bouts
        .bouts
        .iter()
        .map(|bout| Walked {
            bout,
            events: gait::gait_events(&tracks, bout, method),
        })
        .collect();
    let mut jumps = jumps::jumps(&tracks, scale.map(|scale| scale.m_per_px), &centre_px(context));
    // A runner's flights are steps.
    jumps.retain(|jump| {
        !bouts
            .bouts
            .iter()
            .any(|bout| bout.holds(tracks.time_s, jump.take_off_s))
    });

    let mut events: Vec<Event> = walked.iter().flat_map(|walked| walked.events.iter().copied()).collect();
    events.extend(jumps.iter().flat_map(jumps::Jump::events));
    events.sort_by(|a, b| a.time_s.total_cmp(&b.time_s));

    let refused = match bouts.refused.first() {
        _ if !shows_legs => "no frame shows a whole leg",
        Some(reason) => reason,
        None => "no walking was found: the feet never passed each other steadily",
    };
    let mut measures = measures::gait::measures(&tracks, &walked, method, scale, refused);
    measures.extend(measures::jumps::measures(&jumps, scale));
    measures.extend(measures::squat::measures(&tracks, &bouts.bouts, &jumps, scale));
    measures.extend(measures::range::measures(context.angles, context.camera_plane));
    measures.extend(measures::sway::measures(&tracks, &bouts.bouts, scale));
    (events, measures)
}

/// Height of the centre of mass in pixels, where the frames beside show the same of the body; empty where it is not known at all.
fn centre_px(context: &Context<'_>) -> Vec<Option<f64>> {
    let px_per_unit = |unit| match unit {
        LengthUnit::Px => Some(1.0),
        LengthUnit::M => context.scale.map(|scale| 1.0 / scale.m_per_px),
    };
    let track = |kinematics: &Kinematics| {
        let px_per_unit = px_per_unit(kinematics.unit)?;
        let track = kinematics.tracks.iter().find(|track| track.id == "centre_of_mass")?;
        // Where a segment comes into sight or is lost, a stretch ends and there is no acceleration.
        let known = track.position.iter().zip(&track.acceleration);
        let heights = known.map(|(position, acceleration)| acceleration.and(*position).map(|at| px_per_unit * at[1]));
        Some(heights.collect())
    };
    context.kinematics.and_then(track).unwrap_or_default()
}

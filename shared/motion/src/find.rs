//! What is found in one person's movement beyond its angles, finder after finder.
//!
//! Each finder is a module of its own with one function that reads a [`Movement`] and what was found before it, and adds
//! to the [`Findings`]. A new one needs one line in [`find`].

use crate::{
    Findings, PersonAnalysis, Settings, Source, Space, Spaces, events, kinematics, plane, repetitions, scale, symmetry,
};

/// What every finder may look at: one person's cleaned movement and how it was measured.
#[derive(Clone, Copy)]
pub(crate) struct Movement<'a> {
    /// Cleaned poses, angles and the camera's view; its own findings are still empty.
    pub(crate) person: &'a PersonAnalysis,
    /// Presentation time of each frame in seconds.
    pub(crate) time_s: &'a [f64],
    /// In which spaces the poses have positions.
    pub(crate) spaces: Spaces,
    /// How far the person was turned out of the image plane, in the frames that tell.
    pub(crate) deviations_deg: &'a [f64],
    /// The picture.
    pub(crate) source: &'a Source,
    /// How the recording was cleaned, and what is known of the subject.
    pub(crate) settings: &'a Settings,
    /// Frames that lie further apart than this do not belong to one stretch, in seconds.
    pub(crate) longest_step_s: f64,
}

/// Everything found in one person's movement. Sentences for a reader are added to `notes`.
pub(crate) fn find(movement: &Movement<'_>, notes: &mut Vec<String>) -> Findings {
    let mut findings = Findings::default();
    // All of this is read from the picture. In this order: later finders build on what earlier ones found.
    if movement.spaces.has(Space::Image) {
        plane::find(movement, &mut findings);
        scale::find(movement, &mut findings, notes);
        kinematics::find(movement, &mut findings);
        symmetry::find(movement, &mut findings);
        find_events(movement, &mut findings);
    }
    find_repetitions(movement, &mut findings);
    findings
}

/// Adds the events, and the measures that rest on them.
fn find_events(movement: &Movement<'_>, findings: &mut Findings) {
    let context = events::Context {
        scale: findings.scale.as_ref(),
        kinematics: findings.kinematics.as_ref(),
        camera_plane: movement.person.camera_plane,
        angles: &movement.person.angles,
        settings: movement.settings,
    };
    let (events, measures) = events::find(&movement.person.poses, movement.time_s, &context);
    findings.events.extend(events);
    findings.measures.extend(measures);
}

/// Adds the repetitions of whatever repeats most strongly, or why nothing does.
fn find_repetitions(movement: &Movement<'_>, findings: &mut Findings) {
    let movement = repetitions::Movement {
        time_s: movement.time_s,
        person: movement.person,
        spaces: movement.spaces,
        minimum_visibility: movement.settings.minimum_visibility,
        longest_gap_s: movement.settings.longest_gap_s,
    };
    findings.repetitions = Some(repetitions::choose(&movement, &findings.events));
}

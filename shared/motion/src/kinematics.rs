//! Where joints and the centre of mass are, how fast they move and how they accelerate, in the image plane.
//!
//! Positions are those of the cleaned poses; velocity and acceleration are differences of them over true times, see
//! [`crate::differences`]. They say how a point moves across the picture: movement towards the camera is not in them.

use std::ops::Range;

use rayon::prelude::*;

use crate::body::{Body, Place};
use crate::differences::{acceleration, presence, stretches_of, velocity};
use crate::find::Movement;
use crate::findings::{Kinematics, LengthUnit, Scale, Track};
use crate::mass::{LEAST_MASS_SHARE, Masses};
use crate::{Analysis, Findings, Landmark, Measure, MotionError, Outcome, PersonAnalysis, Pose, Settings, View};

/// The name of the centre of mass among the tracks.
pub const CENTRE_OF_MASS: &str = "centre_of_mass";

/// The ends of the limbs, whose tracks an analysis holds beside that of the centre of mass; [`all_tracks`] gives the others.
const ENDS: [Landmark; 4] = [
    Landmark::LeftWrist,
    Landmark::RightWrist,
    Landmark::LeftAnkle,
    Landmark::RightAnkle,
];

/// An uninterrupted stretch must last this long to tell how fast somebody travels, in seconds: about one stride.
const LEAST_TRAVEL_S: f64 = 1.0;

/// Tracks in an analysis are rounded to a millionth of their unit, far below what a pose model knows.
const ROUNDED_TO: f64 = 1e6;

/// What tracks are made from.
struct Observer<'a> {
    time_s: &'a [f64],
    poses: &'a [Option<Pose>],
    settings: &'a Settings,
    longest_step_s: f64,
    axes: Axes,
}

/// How a place in the picture becomes a position.
#[derive(Debug, Clone, Copy)]
struct Axes {
    unit: LengthUnit,
    per_px: f64,
    /// Pixels from the top edge down to where heights are zero, at the left edge.
    zero_px: f64,
    /// How much lower in the picture that is for each pixel further right.
    slope: f64,
}

impl Axes {
    /// Heights are measured from the floor straight below, where that is known. So a tilted camera and a way that leads obliquely away
    /// from it, under which the floor rises in the picture, do not seem to lift the body.
    fn of(scale: Option<&Scale>, picture_height_px: u32) -> Self {
        let floor = scale.and_then(|scale| Some((scale.floor_at_left_px?, scale.floor_angle_deg.unwrap_or_default())));
        let (zero_px, angle_deg) = floor.unwrap_or((f64::from(picture_height_px), 0.0));
        Self {
            unit: if scale.is_some() { LengthUnit::M } else { LengthUnit::Px },
            per_px: scale.map_or(1.0, |scale| scale.m_per_px),
            zero_px,
            slope: -angle_deg.to_radians().tan(),
        }
    }

    fn position(&self, [x_px, y_px]: [f64; 2]) -> [f64; 2] {
        [x_px, self.zero_px + self.slope * x_px - y_px].map(|px| self.per_px * px)
    }
}

impl Observer<'_> {
    fn track(&self, id: &str, place: Place) -> Track {
        let seen = self.each(|body| body.seen_px(place));
        let stretches = stretches_of(self.time_s, &presence(&seen), self.longest_step_s);
        self.derived(id, &seen, &stretches)
    }

    /// A stretch also ends where a segment comes into sight or is lost, as that moves the centre though nothing moved.
    fn centre_of_mass(&self) -> (Track, Vec<Range<usize>>) {
        let masses = Masses::of(self.settings.subject.sex);
        let centres = self.each(|body| masses.centre(body));
        let (seen, at_px): (Vec<_>, Vec<_>) = centres
            .into_iter()
            .map(|centre| (centre.map(|centre| centre.seen), centre.map(|centre| centre.at_px)))
            .unzip();
        let stretches = stretches_of(self.time_s, &seen, self.longest_step_s);
        (self.derived(CENTRE_OF_MASS, &at_px, &stretches), stretches)
    }

    fn each<T: Send>(&self, of: impl Fn(&Body<'_>) -> Option<T> + Sync) -> Vec<Option<T>> {
        let minimum_visibility = self.settings.minimum_visibility;
        let poses = self.poses.par_iter();
        poses
            .map(|pose| of(&Body::new(pose.as_ref()?, minimum_visibility)))
            .collect()
    }

    fn derived(&self, id: &str, at_px: &[Option<[f64; 2]>], stretches: &[Range<usize>]) -> Track {
        let position: Vec<_> = at_px
            .iter()
            .map(|at_px| at_px.map(|at_px| self.axes.position(at_px)))
            .collect();
        let (velocity, acceleration) = rayon::join(
            || velocity(self.time_s, &position, stretches),
            || acceleration(self.time_s, &position, stretches),
        );
        Track {
            id: id.to_owned(),
            velocity,
            acceleration,
            position,
        }
    }
}

/// Adds the tracks of the centre of mass and of the ends of the limbs, and how fast the person travels.
pub(crate) fn find(movement: &Movement<'_>, findings: &mut Findings) {
    let observer = Observer {
        time_s: movement.time_s,
        poses: &movement.person.poses,
        settings: movement.settings,
        longest_step_s: movement.longest_step_s,
        axes: Axes::of(findings.scale.as_ref(), movement.source.height_px),
    };
    let of_centre = || {
        let (centre, stretches) = observer.centre_of_mass();
        let measures = travel(movement, findings.scale.as_ref(), &centre, &stretches);
        (rounded(centre), measures)
    };
    let of_ends = || -> Vec<Track> {
        let track = |landmark: Landmark| rounded(observer.track(landmark.name(), landmark.into()));
        ENDS.into_par_iter().map(track).collect()
    };
    let ((centre, measures), ends) = rayon::join(of_centre, of_ends);
    findings.measures.extend(measures);
    findings.kinematics = Some(Kinematics {
        unit: observer.axes.unit,
        tracks: [centre].into_iter().chain(ends).collect(),
    });
}

/// The tracks of the nose, of every landmark from the shoulders down, and of the centre of mass, of one person of an analysis.
///
/// # Errors
///
/// [`MotionError::InvalidAnalysis`] if the analysis is without poses, see [`Analysis::with_poses`].
pub fn all_tracks(analysis: &Analysis, person: &PersonAnalysis) -> Result<Kinematics, MotionError> {
    if person.poses.len() != analysis.time_s.len() {
        let reason = format!("the poses of person {} are stored apart", person.id);
        return Err(MotionError::InvalidAnalysis(reason));
    }
    let observer = Observer {
        time_s: &analysis.time_s,
        poses: &person.poses,
        settings: &analysis.settings,
        longest_step_s: analysis.longest_step_s(),
        axes: Axes::of(person.findings.scale.as_ref(), analysis.source.height_px),
    };
    let below_the_head = Landmark::ALL
        .into_iter()
        .filter(|&landmark| landmark >= Landmark::LeftShoulder);
    let landmarks = [Landmark::Nose].into_iter().chain(below_the_head);
    let tracks = landmarks.map(|landmark| observer.track(landmark.name(), landmark.into()));
    Ok(Kinematics {
        unit: observer.axes.unit,
        tracks: [observer.centre_of_mass().0].into_iter().chain(tracks).collect(),
    })
}

fn rounded(mut track: Track) -> Track {
    for values in [&mut track.position, &mut track.velocity, &mut track.acceleration] {
        for value in values.iter_mut().flatten().flatten() {
            *value = (*value * ROUNDED_TO).round() / ROUNDED_TO + 0.0;
        }
    }
    track
}

/// How fast the person goes along the picture, and how far the centre of mass rises and falls.
fn travel(movement: &Movement<'_>, scale: Option<&Scale>, centre: &Track, stretches: &[Range<usize>]) -> [Measure; 3] {
    let given = |value: f64, coverage: f64, confidence: f64| Outcome::Given {
        value,
        sd: None,
        count: 1,
        confidence: coverage * confidence,
    };
    let basis = basis(movement, scale, centre);
    let along_the_picture = |value: &dyn Fn() -> Result<f64, String>| {
        let (confidence, coverage) = basis.clone()?;
        let view = movement
            .person
            .camera_plane
            .ok_or("From where the person is seen is not known.")?;
        if view.view == View::Frontal {
            return Err(
                "The person is seen from front or back, so that the way leads towards or away from the camera."
                    .to_owned(),
            );
        }
        Ok(given(
            value()?,
            coverage,
            confidence * view.deviation_deg.to_radians().cos(),
        ))
    };
    let mean = along_the_picture(&|| mean_speed(movement.time_s, centre, stretches));
    let peak = along_the_picture(&|| peak_speed(centre));
    let rise = basis
        .clone()
        .and_then(|(confidence, coverage)| Ok(given(vertical_range(centre)?, coverage, confidence)));
    [
        measure("travel_speed", "Mean speed of travel", "m_per_s", mean),
        measure("peak_travel_speed", "Greatest speed of travel", "m_per_s", peak),
        measure(
            "centre_of_mass_vertical_range",
            "Rise and fall of the centre of mass",
            "m",
            rise,
        ),
    ]
}

fn measure(id: &str, label: &str, unit: &str, outcome: Result<Outcome, String>) -> Measure {
    Measure {
        id: id.to_owned(),
        label: label.to_owned(),
        side: None,
        unit: unit.to_owned(),
        method: "de_leva_1996".to_owned(),
        outcome: outcome.unwrap_or_else(|reason| Outcome::Withheld { reason }),
    }
}

/// Trust in the scale, and the share of the frames that have a centre of mass; or why nothing of it can be measured.
fn basis(movement: &Movement<'_>, scale: Option<&Scale>, centre: &Track) -> Result<(f64, f64), String> {
    let scale = scale.ok_or("There is no scale: the whole body is seen in fewer than three frames.")?;
    let seen = centre.position.iter().flatten().count();
    if seen == 0 {
        return Err(format!(
            "No frame shows {:.0} % of the body's mass.",
            100.0 * LEAST_MASS_SHARE
        ));
    }
    Ok((scale.confidence, seen as f64 / movement.time_s.len() as f64))
}

/// The way along the picture from the first to the last frame of the longest stretch, over its time. A way to and fro counts
/// by where it ends.
fn mean_speed(time_s: &[f64], centre: &Track, stretches: &[Range<usize>]) -> Result<f64, String> {
    let lasts_s = |stretch: &&Range<usize>| time_s[stretch.end - 1] - time_s[stretch.start];
    let longest = stretches
        .iter()
        .max_by(|one, other| lasts_s(one).total_cmp(&lasts_s(other)));
    let stretch = longest
        .filter(|stretch| lasts_s(stretch) >= LEAST_TRAVEL_S)
        .ok_or_else(|| format!("The centre of mass is nowhere known for {LEAST_TRAVEL_S} s on end."))?;
    match (centre.position[stretch.start], centre.position[stretch.end - 1]) {
        (Some(first), Some(last)) => Ok((last[0] - first[0]).abs() / lasts_s(&stretch)),
        _ => Err("The centre of mass is not known.".to_owned()),
    }
}

fn peak_speed(centre: &Track) -> Result<f64, String> {
    let speeds = centre.velocity.iter().flatten().map(|velocity| velocity[0].abs());
    speeds
        .reduce(f64::max)
        .ok_or_else(|| "The centre of mass is nowhere known in two frames on end.".to_owned())
}

fn vertical_range(centre: &Track) -> Result<f64, String> {
    let heights = centre.position.iter().flatten().map(|position| position[1]);
    let (low, high) = heights.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), height| {
        (f64::min(low, height), f64::max(high, height))
    });
    (low <= high)
        .then_some(high - low)
        .ok_or_else(|| "The centre of mass is not known.".to_owned())
}

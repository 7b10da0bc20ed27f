//! What an analysis must keep to before it is stored or after it is read.

use crate::findings::{Measure, Outcome, Scale};
use crate::recording::check_times;
use crate::{Analysis, AngleSeries, MotionError, PersonAnalysis, Point};

impl Analysis {
    /// Checks what the types alone cannot promise: every series and every list of poses (unless it is
    /// stored apart) has a place for each frame, poses have the skeleton's
    /// number of points, and every number is finite.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidAnalysis`] or [`MotionError::NotFinite`], naming the first person and series that breaks
    /// a rule.
    pub fn validate(&self) -> Result<(), MotionError> {
        check_times(&self.time_s).map_err(MotionError::InvalidAnalysis)?;
        self.settings.validate()?;
        self.people.iter().try_for_each(|person| self.validate_person(person))
    }

    fn validate_person(&self, person: &PersonAnalysis) -> Result<(), MotionError> {
        let name = |what: &str| format!("{what} of person {}", person.id);
        let frames = self.time_s.len();
        if !person.poses.is_empty() && person.poses.len() != frames {
            let reason = format!(
                "there are {} {}, and {frames} frames",
                person.poses.len(),
                name("poses")
            );
            return Err(MotionError::InvalidAnalysis(reason));
        }
        for pose in person.poses.iter().flatten() {
            if pose.points.len() != self.skeleton.len() {
                return Err(MotionError::InvalidAnalysis(name(
                    "a pose with the wrong number of landmarks",
                )));
            }
            if !pose.score.is_finite() || !pose.points.iter().all(Point::is_finite) {
                return Err(MotionError::NotFinite(name("a landmark")));
            }
        }
        if person
            .camera_plane
            .is_some_and(|plane| !plane.deviation_deg.is_finite())
        {
            return Err(MotionError::NotFinite(name("the view")));
        }
        for series in &person.angles {
            if series.raw_deg.len() != frames || series.value_deg.len() != frames {
                let reason = format!("{} does not have {frames} frames", name(&series.id()));
                return Err(MotionError::InvalidAnalysis(reason));
            }
            if !is_finite(series) {
                return Err(MotionError::NotFinite(name(&series.id())));
            }
        }
        self.validate_findings(person)
    }

    fn validate_findings(&self, person: &PersonAnalysis) -> Result<(), MotionError> {
        let name = |what: &str| format!("{what} of person {}", person.id);
        let findings = &person.findings;
        if findings.scale.as_ref().is_some_and(|scale| !is_scale(scale)) {
            return Err(MotionError::NotFinite(name("the scale")));
        }
        for track in findings.kinematics.iter().flat_map(|kinematics| &kinematics.tracks) {
            for values in [&track.position, &track.velocity, &track.acceleration] {
                if values.len() != self.time_s.len() {
                    let reason = format!(
                        "the track {} does not have {} frames",
                        name(&track.id),
                        self.time_s.len()
                    );
                    return Err(MotionError::InvalidAnalysis(reason));
                }
                if values.iter().flatten().flatten().any(|value| !value.is_finite()) {
                    return Err(MotionError::NotFinite(name(&track.id)));
                }
            }
        }
        let is_unsound = |measure: &&Measure| !is_outcome(&measure.outcome);
        match findings.measures.iter().find(is_unsound) {
            Some(measure) => Err(MotionError::NotFinite(name(&measure.id))),
            None => Ok(()),
        }
    }
}

fn is_scale(scale: &Scale) -> bool {
    let others = [Some(scale.confidence), scale.floor_angle_deg, scale.floor_at_left_px];
    scale.m_per_px.is_finite() && others.into_iter().flatten().all(f64::is_finite)
}

fn is_outcome(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Given {
            value, sd, confidence, ..
        } => value.is_finite() && confidence.is_finite() && sd.is_none_or(f64::is_finite),
        Outcome::Withheld { .. } => true,
    }
}

fn is_finite(series: &AngleSeries) -> bool {
    let range = series.range.map_or([0.0; 6], |range| {
        [
            range.minimum_deg,
            range.minimum_at_s,
            range.maximum_deg,
            range.maximum_at_s,
            range.mean_deg,
            range.coverage,
        ]
    });
    let values = series.raw_deg.iter().chain(&series.value_deg).flatten();
    range.iter().chain(values).all(|value| value.is_finite())
}

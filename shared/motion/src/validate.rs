//! What an analysis must keep to before it is stored or after it is read.

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
        Ok(())
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

//! How a job wishes its recording to be cleaned.

use std::collections::BTreeMap;

use marey_cloud::Work;
use marey_motion::filter::{
    ButterworthSettings, Filter, GaussianSettings, GcvSplineSettings, KalmanSettings, LoessSettings, MedianSettings,
    OneEuroSettings,
};
use marey_motion::{GaitMethod, GapCurve, Hampel, MotionError, Settings, Sex, Subject};
use serde_json::Value;

/// The parameters of a job. What a workflow does not offer is as gait laboratories have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes<'a>(&'a BTreeMap<String, Value>);

impl<'a> Wishes<'a> {
    pub(crate) fn of(work: &'a Work) -> Self {
        Self(&work.job.wishes.params)
    }

    /// Sound wherever the workflow's bounds were kept.
    ///
    /// # Errors
    ///
    /// [`MotionError::InvalidSettings`] for a person that is told in a way that nobody knows.
    pub(crate) fn settings(self) -> Result<Settings, MotionError> {
        let defaults = Settings::default();
        Ok(Settings {
            minimum_visibility: self.number("minimum_visibility", defaults.minimum_visibility.into()) as f32,
            outliers: (self.word("outliers") == Some("hampel")).then(|| self.hampel()),
            longest_gap_s: self.number("longest_gap_s", defaults.longest_gap_s),
            gap_curve: match self.word("gap_curve") {
                Some("linear") => GapCurve::Linear,
                Some("cubic") => GapCurve::Cubic,
                _ => GapCurve::Pchip,
            },
            filter: self.filter(self.chosen_filter()),
            subject: Subject {
                height_m: self.known("height_m"),
                sex: match self.word("sex") {
                    Some("female") => Sex::Female,
                    Some("male") => Sex::Male,
                    _ => Sex::Mean,
                },
            },
            px_per_m: self.known("px_per_m"),
            gait_events: self
                .word("gait_method")
                .and_then(GaitMethod::of_id)
                .unwrap_or(defaults.gait_events),
            person: self.word("person").map_or(Ok(defaults.person), str::parse)?,
            repair_swaps: self
                .0
                .get("repair_swaps")
                .and_then(Value::as_bool)
                .unwrap_or(defaults.repair_swaps),
            view: defaults.view,
        })
    }

    /// A parameter for which 0 means that nobody knows; a workflow has no parameters without a default.
    fn known(self, name: &str) -> Option<f64> {
        Some(self.number(name, 0.0)).filter(|&number| number > 0.0)
    }

    /// Sentences about parameters that were given and had no effect, as they belong to what was not chosen.
    pub(crate) fn without_effect(self) -> Vec<String> {
        let chosen = self.chosen_filter().id();
        let others = Filter::all()
            .into_iter()
            .filter(|&usual| usual.id() != chosen && self.filter(usual) != usual)
            .map(|other| {
                let other = other.id();
                format!("Parameters of the filter {other} were given, but the filter was {chosen}: they had no effect.")
            });
        let mut sentences: Vec<String> = others.collect();
        if self.word("outliers") != Some("hampel") && self.hampel() != Hampel::default() {
            let sentence = "Parameters of the outlier rule were given, but outliers were kept: they had no effect.";
            sentences.push(sentence.to_owned());
        }
        sentences
    }

    /// With its usual parameters. Jobs that began under an earlier version tell by a flag whether there is a filter.
    fn chosen_filter(self) -> Filter {
        match self.0.get("filter") {
            Some(Value::Bool(false)) => Filter::None,
            Some(Value::String(name)) => Filter::of_id(name).unwrap_or_default(),
            _ => Filter::default(),
        }
    }

    /// A filter with what the job says of its parameters.
    fn filter(self, usual: Filter) -> Filter {
        match usual {
            Filter::None => Filter::None,
            Filter::Butterworth(usual) => Filter::Butterworth(ButterworthSettings {
                cutoff_hz: self.number("cutoff_hz", usual.cutoff_hz),
                order: self.count("filter_order", usual.order),
            }),
            Filter::OneEuro(usual) => Filter::OneEuro(OneEuroSettings {
                min_cutoff_hz: self.number("one_euro_cutoff_hz", usual.min_cutoff_hz),
                beta_per_px: self.number("one_euro_beta_per_px", usual.beta_per_px),
                beta_per_m: self.number("one_euro_beta_per_m", usual.beta_per_m),
                derivative_cutoff_hz: self.number("one_euro_derivative_cutoff_hz", usual.derivative_cutoff_hz),
            }),
            Filter::Kalman(usual) => Filter::Kalman(KalmanSettings {
                trust_ratio: self.number("kalman_trust_ratio", usual.trust_ratio),
            }),
            Filter::Loess(usual) => Filter::Loess(LoessSettings {
                window_frames: self.count("loess_window_frames", usual.window_frames),
                iterations: self.count("loess_iterations", usual.iterations),
            }),
            Filter::Gaussian(usual) => Filter::Gaussian(GaussianSettings {
                sigma_frames: self.number("gaussian_sigma_frames", usual.sigma_frames),
            }),
            Filter::Median(usual) => Filter::Median(MedianSettings {
                reach_frames: self.count("median_reach_frames", usual.reach_frames),
            }),
            Filter::GcvSpline(usual) => Filter::GcvSpline(GcvSplineSettings {
                cutoff_hz: self.known("spline_cutoff_hz").or(usual.cutoff_hz),
            }),
        }
    }

    fn hampel(self) -> Hampel {
        let defaults = Hampel::default();
        Hampel {
            reach_frames: self.count("outlier_reach_frames", defaults.reach_frames),
            sigmas: self.number("outlier_sigmas", defaults.sigmas),
        }
    }

    fn number(self, name: &str, otherwise: f64) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or(otherwise)
    }

    fn count(self, name: &str, otherwise: usize) -> usize {
        let count = self.0.get(name).and_then(Value::as_u64);
        count.map_or(otherwise, |count| count as usize)
    }

    fn word(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use marey_engine::{ParameterKind, Workflow, parameter::settle};
    use serde_json::json;

    use super::*;

    fn settled(wishes: Value) -> BTreeMap<String, Value> {
        let workflow = Workflow::shipped("motion").unwrap();
        settle(&workflow, &serde_json::from_value(wishes).unwrap()).unwrap()
    }

    #[test]
    fn the_workflows_defaults_are_those_of_the_analysis() {
        let params = settled(json!({}));
        assert_eq!(Wishes(&params).settings().unwrap(), Settings::default());
        assert_eq!(Wishes(&BTreeMap::new()).settings().unwrap(), Settings::default());
        for usual in Filter::all() {
            assert_eq!(Wishes(&params).filter(usual), usual);
        }
        assert_eq!(Wishes(&params).hampel(), Hampel::default());
        assert!(Wishes(&params).without_effect().is_empty());
    }

    #[test]
    fn every_filter_of_the_workflow_is_known_and_sound_at_its_bounds() {
        let workflow = Workflow::shipped("motion").unwrap();
        let ParameterKind::Choice { values, .. } = &workflow.parameters()["filter"].kind else {
            panic!("the filter is a choice");
        };
        let names = Filter::all().map(|filter| filter.id());
        assert_eq!(values, &names);
        let bound = |greatest: bool| {
            let numbers = workflow.parameters().iter().filter_map(|(name, parameter)| {
                let value = match parameter.kind {
                    ParameterKind::Number { min, max, .. } => json!(if greatest { max } else { min }),
                    ParameterKind::Integer { min, max, .. } => json!(if greatest { max } else { min }),
                    _ => return None,
                };
                (name != "minimum_visibility" && name != "height_m").then(|| (name.clone(), value))
            });
            numbers.collect::<BTreeMap<_, _>>()
        };
        for (greatest, name) in [false, true]
            .into_iter()
            .flat_map(|greatest| names.map(|name| (greatest, name)))
        {
            let mut params = bound(greatest);
            params.insert("filter".to_owned(), json!(name));
            params.insert("outliers".to_owned(), json!("hampel"));
            let params = settle(&workflow, &params).unwrap();
            let settings = Wishes(&params).settings().unwrap();
            assert_eq!(settings.filter.id(), name);
            settings.validate().unwrap();
        }
    }

    #[test]
    fn every_method_for_gait_of_the_workflow_is_known() {
        let workflow = Workflow::shipped("motion").unwrap();
        let ParameterKind::Choice { values, .. } = &workflow.parameters()["gait_method"].kind else {
            panic!("the method is a choice");
        };
        let mut known = GaitMethod::ALL.map(GaitMethod::id);
        let mut values: Vec<_> = values.iter().map(String::as_str).collect();
        known.sort_unstable();
        values.sort_unstable();
        assert_eq!(values, known);
        for id in known {
            let params = settled(json!({ "gait_method": id }));
            assert_eq!(Wishes(&params).settings().unwrap().gait_events.id(), id);
        }
    }

    #[test]
    fn wishes_are_granted_and_those_without_effect_are_told() {
        let params = settled(json!({
            "filter": "loess", "loess_window_frames": 9, "cutoff_hz": 4, "gap_curve": "cubic", "outlier_sigmas": 5
        }));
        let settings = Wishes(&params).settings().unwrap();
        let loess = LoessSettings {
            window_frames: 9,
            iterations: 0,
        };
        assert_eq!(
            (settings.filter, settings.gap_curve),
            (Filter::Loess(loess), GapCurve::Cubic)
        );
        assert_eq!(settings.outliers, None);
        let told = Wishes(&params).without_effect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("filter butterworth were given, but the filter was loess"));
    }

    #[test]
    fn jobs_of_earlier_versions_are_cleaned_as_they_wished() {
        for (flag, expected) in [(true, Filter::default()), (false, Filter::None)] {
            let running = BTreeMap::from([("filter".to_owned(), json!(flag))]);
            assert_eq!(Wishes(&running).settings().unwrap().filter, expected);
            assert_eq!(
                Wishes(&settled(json!({"filter": flag}))).settings().unwrap().filter,
                expected
            );
        }
    }
}

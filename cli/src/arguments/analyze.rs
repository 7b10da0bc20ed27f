//! What people type to analyse a recording on this machine.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use marey_motion::filter::{ButterworthSettings, Filter};
use marey_motion::{GaitMethod, MotionError, Settings, Subject, View};

use super::Reading;

/// Arguments of `analyze`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Analyze {
    #[arg(
        help = "The recording: Marey's Parquet or JSON, or a format of another program; comes before the analysis file's own"
    )]
    pub(crate) recording: Option<PathBuf>,
    /// Do what this analysis file says (YAML, TOML or JSON; see docs/ANALYSES.md)
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Write the analysis, the angles and the poses into this folder, which is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite files that are there and differ
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) reading: Reading,
    #[command(flatten)]
    pub(crate) cleaning: Cleaning,
}

/// How the recording is cleaned, and what is known of the person. Everything else that can be set goes into an analysis file.
#[derive(Debug, Clone, Args)]
#[group(id = "cleaning", multiple = true, conflicts_with = "config")]
#[command(next_help_heading = "Cleaning")]
pub(crate) struct Cleaning {
    /// What takes the jitter out, with its usual parameters [default: butterworth]
    #[arg(long, value_name = "NAME", value_parser = filter())]
    pub(crate) filter: Option<Filter>,
    /// Cut-off of the Butterworth filter in hertz [default: 6]
    #[arg(long, value_name = "HZ", allow_negative_numbers = true)]
    pub(crate) cutoff_hz: Option<f64>,
    /// Order of the Butterworth filter in one direction, 1 to 8; it runs forward and backward [default: 2]
    #[arg(long, value_name = "N")]
    pub(crate) filter_order: Option<usize>,
    /// Fill gaps up to this long, in seconds [default: 0.2]
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    pub(crate) longest_gap_s: Option<f64>,
    /// Landmarks seen with less certainty count as missing, 0 to 1 [default: 0.3]
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    pub(crate) minimum_visibility: Option<f32>,
    /// Standing height of the person in metres, for lengths in metres
    #[arg(long, value_name = "M", allow_negative_numbers = true)]
    pub(crate) height_m: Option<f64>,
    /// How many pixels a metre is long at the person; goes before the height
    #[arg(long, value_name = "PX", allow_negative_numbers = true)]
    pub(crate) px_per_m: Option<f64>,
    #[arg(
        help = "By which published method heel strikes and toe offs are found; see docs/MEASURES.md [default: oconnor_2007]",
        long,
        value_name = "METHOD",
        value_parser = gait_method()
    )]
    pub(crate) gait_method: Option<GaitMethod>,
    #[arg(
        help = "From where the camera looks, for recordings without depth, such as OpenPose's: measures need to know it",
        long,
        value_name = "VIEW",
        value_parser = view()
    )]
    pub(crate) view: Option<View>,
    /// Put legs and arms right that the model took for those of the other side
    #[arg(long)]
    pub(crate) repair_swaps: bool,
    #[arg(
        help = "Who is analysed: all, largest, central, longest, most_moving, order:N from the left, or click:X,Y@SECONDS [default: all]",
        long,
        value_name = "WHO"
    )]
    pub(crate) person: Option<String>,
}

impl Cleaning {
    /// The settings with what was given in the place of the defaults.
    ///
    /// # Errors
    /// Nobody knows how the person is told, or a filter has no cut-off.
    pub(crate) fn settings(&self) -> Result<Settings, MotionError> {
        let usual = Settings::default();
        Ok(Settings {
            filter: self.chosen_filter()?,
            longest_gap_s: self.longest_gap_s.unwrap_or(usual.longest_gap_s),
            minimum_visibility: self.minimum_visibility.unwrap_or(usual.minimum_visibility),
            subject: Subject {
                height_m: self.height_m,
                ..usual.subject
            },
            px_per_m: self.px_per_m,
            gait_events: self.gait_method.unwrap_or(usual.gait_events),
            repair_swaps: self.repair_swaps,
            view: self.view,
            person: self.person.as_deref().map_or(Ok(usual.person), str::parse)?,
            ..usual
        })
    }

    fn chosen_filter(&self) -> Result<Filter, MotionError> {
        match self.filter.unwrap_or_default() {
            Filter::Butterworth(usual) => Ok(Filter::Butterworth(ButterworthSettings {
                cutoff_hz: self.cutoff_hz.unwrap_or(usual.cutoff_hz),
                order: self.filter_order.unwrap_or(usual.order),
            })),
            other if self.cutoff_hz.is_some() || self.filter_order.is_some() => {
                let name = other.id();
                Err(MotionError::InvalidSettings(format!(
                    "--cutoff-hz and --filter-order are the Butterworth filter's, and the filter is {name}; an analysis file sets {name}'s own"
                )))
            }
            other => Ok(other),
        }
    }
}

/// Every filter with its usual parameters, by its name.
fn filter() -> impl TypedValueParser<Value = Filter> {
    PossibleValuesParser::new(Filter::all().map(|filter| filter.id()))
        .try_map(|name| Filter::of_id(&name).ok_or("there is no such filter"))
}

/// The methods for gait events by their names.
fn gait_method() -> impl TypedValueParser<Value = GaitMethod> {
    PossibleValuesParser::new(GaitMethod::ALL.map(GaitMethod::id))
        .try_map(|name| GaitMethod::of_id(&name).ok_or("there is no such method"))
}

/// The views by their names.
fn view() -> impl TypedValueParser<Value = View> {
    PossibleValuesParser::new(View::ALL.map(View::id)).try_map(|name| View::of_id(&name).ok_or("there is no such view"))
}

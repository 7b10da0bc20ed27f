//! A filter made ready for a recording, and what to tell a reader about it.

use super::{
    Butterworth, Filter, GcvSplineSettings, gaussian, gcv_spline, kalman, lambda_of_cutoff, loess, median, one_euro,
    smoothing_spline,
};
use crate::MotionError;
use crate::timebase::{Grid, Timebase};

/// The coordinates of a landmark in one frame: `x_px, y_px, z_px, x_m, y_m, z_m`.
pub(crate) type Row = [f64; 6];

/// People walk with one or two steps a second, and what is filtered below that is the movement itself.
const LEAST_USUAL_HZ: f64 = 1.0;

/// How to filter the stretches of a recording, worked out once.
pub(crate) enum Smoother<'a> {
    /// Not at all.
    Leave,
    /// As the frames are.
    Direct(Kernel<'a>),
    /// On a grid of about this interval in seconds. The filter depends on the exact interval that fits a stretch.
    Resampled(&'a Filter, f64),
}

/// A filter whose design is done.
pub(crate) enum Kernel<'a> {
    Lowpass(Butterworth),
    Other(&'a Filter),
}

impl<'a> Smoother<'a> {
    /// Plans the filtering of a recording with these frame times, which must increase strictly. What a reader should
    /// know is added to `notes`.
    pub(crate) fn plan(filter: &'a Filter, time_s: &[f64], notes: &mut Vec<String>) -> Result<Self, MotionError> {
        let Some(timebase) = Timebase::of(time_s) else {
            return Ok(Self::Leave);
        };
        // Times rounded to milliseconds have a median interval that is off; their mean interval is not.
        let rate_hz = if timebase.is_even() {
            (time_s.len() - 1) as f64 / (time_s[time_s.len() - 1] - time_s[0])
        } else {
            1.0 / timebase.interval_s
        };
        match filter {
            Filter::None => return Ok(Self::Leave),
            // A stretch's own grid may be slower than the median rate; 0.9 keeps the cut-off below half of that rate as
            // well.
            Filter::Butterworth(settings) if settings.cutoff_hz >= 0.9 * rate_hz / 2.0 => {
                notes.push(format!(
                    "{rate_hz:.1} frames per second are too few for a cut-off of {} Hz: nothing was filtered.",
                    settings.cutoff_hz
                ));
                return Ok(Self::Leave);
            }
            Filter::Butterworth(settings) if settings.cutoff_hz < LEAST_USUAL_HZ => notes.push(format!(
                "A cut-off of {} Hz takes the movement out and not only the jitter: ranges and speeds are far too small.",
                settings.cutoff_hz
            )),
            Filter::OneEuro(_) => notes.push(
                "The one-euro filter runs forward in time only: fast movement appears later than it was, and its \
                 extremes are lower."
                    .to_owned(),
            ),
            _ => {}
        }
        if timebase.is_even() || !filter.needs_even_times() {
            return Kernel::design(filter, rate_hz).map(Self::Direct);
        }
        notes.push(format!(
            "The frames are unevenly spaced (intervals differ from their median of {:.1} ms by up to {:.0} %): they were \
             resampled evenly for filtering and read back at their true times.",
            1000.0 * timebase.interval_s,
            100.0 * timebase.unevenness
        ));
        Ok(Self::Resampled(filter, timebase.interval_s))
    }

    /// Filters one stretch without a gap. Whether it was filtered, or `None` where nothing was to be.
    pub(crate) fn smooth(&self, time_s: &[f64], rows: &mut [Row]) -> Option<bool> {
        match self {
            Self::Leave => None,
            Self::Direct(kernel) => Some(kernel.apply(time_s, rows)),
            Self::Resampled(..) if rows.len() < 2 => Some(false),
            Self::Resampled(filter, interval_s) => {
                let mut grid = Grid::resample(time_s, rows, *interval_s);
                let kernel = Kernel::design(filter, grid.rate_hz());
                let filtered = kernel.is_ok_and(|kernel| kernel.apply(&grid.time_s, &mut grid.rows));
                if filtered {
                    grid.read_back(time_s, rows);
                }
                Some(filtered)
            }
        }
    }
}

impl<'a> Kernel<'a> {
    fn design(filter: &'a Filter, rate_hz: f64) -> Result<Self, MotionError> {
        match filter {
            Filter::Butterworth(settings) => {
                Butterworth::lowpass(settings.order, settings.cutoff_hz, rate_hz).map(Self::Lowpass)
            }
            other => Ok(Self::Other(other)),
        }
    }

    /// Whether the rows were filtered; if they are too few, or their times so uneven that the filter loses all digits, they are left as
    /// they were.
    fn apply(&self, time_s: &[f64], rows: &mut [Row]) -> bool {
        let filter = match self {
            Self::Lowpass(filter) => return filter.filter_both_ways(rows),
            Self::Other(filter) => filter,
        };
        let before = rows.to_vec();
        let filtered = apply(filter, time_s, rows) && rows.iter().flatten().all(|value| value.is_finite());
        if !filtered {
            rows.copy_from_slice(&before);
        }
        filtered
    }
}

fn apply(filter: &Filter, time_s: &[f64], rows: &mut [Row]) -> bool {
    match filter {
        Filter::None | Filter::Butterworth(_) => return false,
        Filter::OneEuro(settings) => {
            let (px, m) = (settings.beta_per_px, settings.beta_per_m);
            let beta = [px, px, px, m, m, m];
            one_euro(
                time_s,
                rows,
                settings.min_cutoff_hz,
                &beta,
                settings.derivative_cutoff_hz,
            );
        }
        Filter::Kalman(settings) => kalman(time_s, rows, settings.trust_ratio),
        Filter::Loess(settings) => return loess(time_s, rows, settings.window_frames, settings.iterations),
        Filter::Gaussian(settings) => gaussian(rows, settings.sigma_frames),
        Filter::Median(settings) => median(rows, settings.reach_frames),
        Filter::GcvSpline(GcvSplineSettings { cutoff_hz: None }) => return gcv_spline(time_s, rows).is_some(),
        Filter::GcvSpline(GcvSplineSettings {
            cutoff_hz: Some(cutoff_hz),
        }) => {
            let [first_s, .., last_s] = time_s else {
                return false;
            };
            let rate_hz = (time_s.len() - 1) as f64 / (last_s - first_s);
            return smoothing_spline(time_s, rows, lambda_of_cutoff(*cutoff_hz, rate_hz));
        }
    }
    true
}

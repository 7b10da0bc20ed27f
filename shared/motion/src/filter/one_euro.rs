//! The one-euro filter: a low-pass of first order whose cut-off rises with speed.

/// Filters the signal in place (Casiez, Roussel and Vogel 2012, "1 € Filter", CHI '12, 2527–2530; as the authors'
/// Python package `OneEuroFilter` does it, with the speed taken from the last filtered value).
///
/// It runs forward in time only, as for a live picture, so that everything is delayed by about
/// `1 / (2π · cut-off)` seconds. It uses the true times, which must increase strictly. Any number of rows will do; the
/// first stays as it is. `beta` is for each signal in hertz per its unit per second.
pub fn one_euro<const N: usize>(
    time_s: &[f64],
    rows: &mut [[f64; N]],
    min_cutoff_hz: f64,
    beta: &[f64; N],
    derivative_cutoff_hz: f64,
) {
    let Some((first, rest)) = rows.split_first_mut() else {
        return;
    };
    let (mut smooth, mut speed) = (*first, [0.0; N]);
    for (row, pair) in rest.iter_mut().zip(time_s.windows(2)) {
        let step_s = pair[1] - pair[0];
        let speed_weight = newest_weight(derivative_cutoff_hz, step_s);
        for lane in 0..N {
            let seen = (row[lane] - smooth[lane]) / step_s;
            speed[lane] += speed_weight * (seen - speed[lane]);
            let cutoff_hz = min_cutoff_hz + beta[lane] * speed[lane].abs();
            smooth[lane] += newest_weight(cutoff_hz, step_s) * (row[lane] - smooth[lane]);
        }
        *row = smooth;
    }
}

/// Weight of the newest value in an exponential mean with the given cut-off.
fn newest_weight(cutoff_hz: f64, step_s: f64) -> f64 {
    1.0 / (1.0 + 1.0 / (std::f64::consts::TAU * cutoff_hz * step_s))
}

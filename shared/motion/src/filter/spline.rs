//! Cubic smoothing splines: the curve that bends least for how far it stays from the samples.

/// Fewer rows than this are not smoothed, as in `SciPy`.
pub const LEAST_ROWS: usize = 5;

/// Slowest cut-off that cross-validation may choose, in hertz. Slower than that no body moves that is worth filming; the
/// criterion has false minima there for short or nearly still tracks (`SciPy`'s issue 23472; `Pose2Sim` has the same bound).
const SLOWEST_HZ: f64 = 1.0;

/// Places at which the criterion is looked at before the least of them is refined.
const PLACES: usize = 24;

/// Width in the logarithm of λ at which the search ends: a millionth of λ.
const PRECISION: f64 = 1e-6;

/// The λ at which half of a movement at `cutoff_hz` is left, in cubic seconds, for a signal of `rate_hz` samples per
/// second.
///
/// Far from the ends the spline passes the share 1 / (1 + λ ω⁴ / rate) of a movement at ω (Craven and Wahba 1979, Numer.
/// Math. 31, 377–403; Woltring 1986), which is what a Butterworth filter of second order leaves that runs both ways.
pub fn lambda_of_cutoff(cutoff_hz: f64, rate_hz: f64) -> f64 {
    rate_hz / (std::f64::consts::TAU * cutoff_hz).powi(4)
}

/// Smooths the signal in place: at its samples, the natural cubic spline *f* that makes
/// Σ (yᵢ − f(tᵢ))² + λ ∫ f″² the least, as `scipy.interpolate.make_smoothing_spline` with `lam` does. λ is in cubic
/// seconds.
///
/// It uses the true times, which must increase strictly. Returns false and leaves the signal alone if it has fewer than
/// [`LEAST_ROWS`] rows.
#[must_use = "a signal that is too short was not filtered"]
pub fn smoothing_spline<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]], lambda: f64) -> bool {
    if rows.len() < LEAST_ROWS {
        return false;
    }
    let bends = Bends::of(time_s);
    let factors = bends.factors(lambda);
    let roughness = bends.residuals(&factors, lambda, rows);
    for (row, rough) in rows.iter_mut().zip(&roughness) {
        for (value, rough) in row.iter_mut().zip(rough) {
            *value -= rough;
        }
    }
    true
}

/// Smooths each signal in place by the spline whose λ makes the criterion of generalised cross-validation the least
/// (Woltring 1986, "A Fortran package for generalized, cross-validatory spline smoothing and differentiation", Adv. Eng.
/// Software 8(2), 104–113), and returns those λ in cubic seconds.
///
/// λ is looked for between the cut-offs ([`lambda_of_cutoff`]) of half the mean rate and of one hertz, at first at places
/// that are evenly spaced in its logarithm, then by golden sections to a millionth. Returns `None` and leaves the
/// signal alone if it has fewer than [`LEAST_ROWS`] rows.
#[must_use = "a signal that is too short was not filtered"]
pub fn gcv_spline<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]]) -> Option<[f64; N]> {
    if rows.len() < LEAST_ROWS {
        return None;
    }
    let bends = Bends::of(time_s);
    let rate_hz = (rows.len() - 1) as f64 / (time_s[rows.len() - 1] - time_s[0]);
    let least = lambda_of_cutoff(rate_hz / 2.0, rate_hz).ln();
    let greatest = lambda_of_cutoff(SLOWEST_HZ.min(rate_hz / 4.0), rate_hz).ln();
    let place = |index: usize| least + (greatest - least) * index as f64 / (PLACES - 1) as f64;
    let scores: Vec<[f64; N]> = (0..PLACES)
        .map(|index| bends.scores(place(index).exp(), rows))
        .collect();
    let mut lambdas = [0.0; N];
    for (lane, lambda) in lambdas.iter_mut().enumerate() {
        let best = (0..PLACES).min_by(|&a, &b| scores[a][lane].total_cmp(&scores[b][lane]))?;
        let alone: Vec<[f64; 1]> = rows.iter().map(|row| [row[lane]]).collect();
        let ends = (place(best.saturating_sub(1)), place((best + 1).min(PLACES - 1)));
        *lambda = least_between(ends, |log| bends.scores(log.exp(), &alone)[0]).exp();
        let roughness = bends.residuals(&bends.factors(*lambda), *lambda, &alone);
        for (row, rough) in rows.iter_mut().zip(&roughness) {
            row[lane] -= rough[0];
        }
    }
    Some(lambdas)
}

/// Where a function with one valley between two ends is least, by golden sections.
fn least_between((mut low, mut high): (f64, f64), score: impl Fn(f64) -> f64) -> f64 {
    let share = (5.0_f64.sqrt() - 1.0) / 2.0;
    let (mut left, mut right) = (high - share * (high - low), low + share * (high - low));
    let (mut left_score, mut right_score) = (score(left), score(right));
    while high - low > PRECISION {
        if left_score <= right_score {
            (high, right, right_score) = (right, left, left_score);
            left = high - share * (high - low);
            left_score = score(left);
        } else {
            (low, left, left_score) = (left, right, right_score);
            right = low + share * (high - low);
            right_score = score(right);
        }
    }
    f64::midpoint(low, high)
}

/// What the times alone decide (Green and Silverman 1994, Nonparametric Regression and Generalized Linear Models, §2.3):
/// the second differences Q, and the bands of R and `QᵀQ`. A row for each sample but the first and the last.
struct Bends {
    /// The three values of a column of Q.
    differences: Vec<[f64; 3]>,
    /// Diagonal and first band of R.
    stiffness: Vec<[f64; 2]>,
    /// Diagonal and two bands of `QᵀQ`.
    products: Vec<[f64; 3]>,
}

/// `R + λ QᵀQ = L D Lᵀ`: one over the diagonal of D, and the two bands of L below its diagonal.
struct Factors {
    inverse: Vec<f64>,
    bands: Vec<[f64; 2]>,
}

impl Bends {
    /// Of three samples or more.
    fn of(time_s: &[f64]) -> Self {
        let steps_s: Vec<f64> = time_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let differences: Vec<[f64; 3]> = steps_s
            .windows(2)
            .map(|pair| [1.0 / pair[0], -1.0 / pair[0] - 1.0 / pair[1], 1.0 / pair[1]])
            .collect();
        let stiffness = steps_s
            .windows(2)
            .map(|pair| [(pair[0] + pair[1]) / 3.0, pair[1] / 6.0])
            .collect();
        let at = |index: usize| differences.get(index).copied().unwrap_or_default();
        let products = (0..differences.len())
            .map(|index| {
                let ([a, b, c], [d, e, _], [f, ..]) = (at(index), at(index + 1), at(index + 2));
                [a * a + b * b + c * c, b * d + c * e, c * f]
            })
            .collect();
        Self {
            differences,
            stiffness,
            products,
        }
    }

    fn factors(&self, lambda: f64) -> Factors {
        let count = self.products.len();
        let mut factors = Factors {
            inverse: Vec::with_capacity(count),
            bands: Vec::with_capacity(count),
        };
        // The two rows above: their bands times their diagonals, as they are needed again.
        let (mut above, mut second_above) = ([0.0; 2], [0.0; 2]);
        let (mut above_bands, mut second_bands) = ([0.0; 2], [0.0; 2]);
        for (products, stiffness) in self.products.iter().zip(&self.stiffness) {
            let diagonal =
                stiffness[0] + lambda * products[0] - above_bands[0] * above[0] - second_bands[1] * second_above[1];
            let first = stiffness[1] + lambda * products[1] - above_bands[0] * above[1];
            let second = lambda * products[2];
            let inverse = 1.0 / diagonal;
            factors.inverse.push(inverse);
            (second_above, second_bands) = (above, above_bands);
            above = [first, second];
            above_bands = [first * inverse, second * inverse];
            factors.bands.push(above_bands);
        }
        factors
    }

    /// How far the samples lie from the spline: λ Q (`R + λ QᵀQ`)⁻¹ Qᵀ y.
    fn residuals<const N: usize>(&self, factors: &Factors, lambda: f64, rows: &[[f64; N]]) -> Vec<[f64; N]> {
        let curvature = self.solve(factors, rows);
        let mut residuals = vec![[0.0; N]; rows.len()];
        for (index, (differences, curvature)) in self.differences.iter().zip(&curvature).enumerate() {
            for (residual, difference) in residuals[index..].iter_mut().zip(differences) {
                for (sum, curvature) in residual.iter_mut().zip(curvature) {
                    *sum += lambda * difference * curvature;
                }
            }
        }
        residuals
    }

    /// (`R + λ QᵀQ`)⁻¹ Qᵀ y.
    fn solve<const N: usize>(&self, factors: &Factors, rows: &[[f64; N]]) -> Vec<[f64; N]> {
        let count = self.differences.len();
        let mut solution: Vec<[f64; N]> = Vec::with_capacity(count);
        let (mut before, mut second_before) = ([0.0; N], [0.0; N]);
        for (index, [a, b, c]) in self.differences.iter().enumerate() {
            let near = index.checked_sub(1).map_or(0.0, |index| factors.bands[index][0]);
            let far = index.checked_sub(2).map_or(0.0, |index| factors.bands[index][1]);
            let next = std::array::from_fn(|lane| {
                let bend = a * rows[index][lane] + b * rows[index + 1][lane] + c * rows[index + 2][lane];
                bend - near * before[lane] - far * second_before[lane]
            });
            (second_before, before) = (before, next);
            solution.push(next);
        }
        let (mut after, mut second_after) = ([0.0; N], [0.0; N]);
        for (row, (inverse, [near, far])) in solution
            .iter_mut()
            .zip(factors.inverse.iter().zip(&factors.bands))
            .rev()
        {
            for lane in 0..N {
                row[lane] = row[lane] * inverse - near * after[lane] - far * second_after[lane];
            }
            (second_after, after) = (after, *row);
        }
        solution
    }

    /// The criterion of generalised cross-validation: mean square of the residuals over the square of the mean freedom
    /// that is left to them.
    fn scores<const N: usize>(&self, lambda: f64, rows: &[[f64; N]]) -> [f64; N] {
        let factors = self.factors(lambda);
        let residuals = self.residuals(&factors, lambda, rows);
        let freedom = self.freedom(&factors, lambda) / rows.len() as f64;
        let mut squares = [0.0; N];
        for row in &residuals {
            for (sum, residual) in squares.iter_mut().zip(row) {
                *sum += residual * residual;
            }
        }
        squares.map(|sum| sum / rows.len() as f64 / (freedom * freedom))
    }

    /// Trace of what maps samples to residuals, from the five middle bands of the inverse of `R + λ QᵀQ`, which follow from
    /// its factors without the rest of it (Hutchinson and de Hoog 1985, Numer. Math. 47, 99–106).
    fn freedom(&self, factors: &Factors, lambda: f64) -> f64 {
        let mut trace = 0.0;
        // Of the row below: its diagonal, first and second band; of the one below that, its diagonal.
        let (mut diagonal, mut first, mut second_diagonal) = (0.0, 0.0, 0.0);
        let rows = self.products.iter().zip(&factors.inverse).zip(&factors.bands);
        for ((products, inverse), [near, far]) in rows.rev() {
            let own_second = -near * first - far * second_diagonal;
            let own_first = -near * diagonal - far * first;
            let own = inverse - near * own_first - far * own_second;
            trace += products[0] * own + 2.0 * (products[1] * own_first + products[2] * own_second);
            (second_diagonal, diagonal, first) = (diagonal, own, own_first);
        }
        lambda * trace
    }
}

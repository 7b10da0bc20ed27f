//! The Kalman smoother: the most likely track of a body whose acceleration changes at random, given noisy positions.

/// What the backward pass needs to know of a frame's forward one; it is the same for all signals.
struct Step {
    /// Covariance of the predicted position with position, velocity and acceleration.
    column: [f64; 3],
    /// Variance of what was measured less what was predicted.
    variance: f64,
    /// Seconds to the next frame.
    to_next_s: f64,
}

/// The covariance of position, velocity and acceleration; symmetric.
struct Covariance {
    position: [f64; 3],
    velocity: [f64; 2],
    acceleration: f64,
}

/// Smooths the signal in place with the fixed-interval smoother of a constant-acceleration model.
///
/// Acceleration stays the same within a step and changes between steps by white noise (Bar-Shalom, Li and Kirubarajan,
/// Estimation with Applications to Tracking and Navigation, §6.3.3, the discrete Wiener process acceleration model;
/// `filterpy`'s `Q_discrete_white_noise`) with `trust_ratio` times the standard deviation of a measurement per second
/// squared. Only that ratio matters. The track starts at the first position with no velocity or acceleration, each
/// uncertain by `trust_ratio` measurements per second and per second squared.
///
/// The result is that of Rauch, Tung and Striebel (1965, AIAA Journal 3(8), 1445–1450), found by the recursion of
/// Durbin and Koopman (Time Series Analysis by State Space Methods, 2nd ed., §4.4), which inverts no matrix. It uses
/// the true times, which must increase strictly, and any number of rows will do.
pub fn kalman<const N: usize>(time_s: &[f64], rows: &mut [[f64; N]], trust_ratio: f64) {
    let Some(&first) = rows.first() else {
        return;
    };
    let drift = trust_ratio * trust_ratio;
    let mut covariance = Covariance {
        position: [1.0, 0.0, 0.0],
        velocity: [drift, 0.0],
        acceleration: drift,
    };
    let mut state = [first, [0.0; N], [0.0; N]];
    let mut steps = Vec::with_capacity(rows.len());
    let mut surprises = Vec::with_capacity(rows.len());
    for (frame, row) in rows.iter().enumerate() {
        let to_next_s = time_s.get(frame + 1).map_or(0.0, |next_s| next_s - time_s[frame]);
        let column = covariance.position;
        let variance = column[0] + 1.0;
        let surprise: [f64; N] = std::array::from_fn(|lane| row[lane] - state[0][lane]);
        for (part, gain) in state.iter_mut().zip(column) {
            for (value, surprise) in part.iter_mut().zip(&surprise) {
                *value += gain / variance * surprise;
            }
        }
        covariance.measure(column, variance);
        covariance.pass(to_next_s, drift);
        let [position, speed, acceleration] = &mut state;
        for ((position, speed), acceleration) in position.iter_mut().zip(speed).zip(acceleration) {
            *position += to_next_s * (*speed + 0.5 * to_next_s * *acceleration);
            *speed += to_next_s * *acceleration;
        }
        surprises.push(surprise);
        steps.push(Step {
            column,
            variance,
            to_next_s,
        });
    }
    look_back(rows, &steps, &surprises);
}

impl Covariance {
    /// Becomes less by a measurement of the position with a variance of one.
    fn measure(&mut self, column: [f64; 3], variance: f64) {
        let less = |first: usize, second: usize| column[first] * column[second] / variance;
        // The position's own row is written so that nothing cancels.
        self.position = column.map(|value| value / variance);
        self.velocity[0] -= less(1, 1);
        self.velocity[1] -= less(1, 2);
        self.acceleration -= less(2, 2);
    }

    /// Grows over a step.
    fn pass(&mut self, step_s: f64, drift: f64) {
        let half = 0.5 * step_s * step_s;
        let [pp, pv, pa] = self.position;
        let ([vv, va], aa) = (self.velocity, self.acceleration);
        // The rows of the transition times the covariance, then times the transition's transpose.
        let moved = [
            pp + step_s * pv + half * pa,
            pv + step_s * vv + half * va,
            pa + step_s * va + half * aa,
        ];
        let (moved_velocity, moved_acceleration) = (vv + step_s * va, va + step_s * aa);
        self.position = [
            moved[0] + step_s * moved[1] + half * moved[2] + half * half * drift,
            moved[1] + step_s * moved[2] + half * step_s * drift,
            moved[2] + half * drift,
        ];
        self.velocity = [
            moved_velocity + step_s * moved_acceleration + step_s * step_s * drift,
            moved_acceleration + step_s * drift,
        ];
        self.acceleration = aa + drift;
    }
}

/// Corrects each frame's prediction by everything that was measured from that frame on.
fn look_back<const N: usize>(rows: &mut [[f64; N]], steps: &[Step], surprises: &[[f64; N]]) {
    let mut later = [[0.0; N]; 3];
    for ((row, step), surprise) in rows.iter_mut().zip(steps).zip(surprises).rev() {
        let (step_s, half) = (step.to_next_s, 0.5 * step.to_next_s * step.to_next_s);
        for lane in 0..N {
            let carried = [
                later[0][lane],
                step_s * later[0][lane] + later[1][lane],
                half * later[0][lane] + step_s * later[1][lane] + later[2][lane],
            ];
            let known = step.column[0] * carried[0] + step.column[1] * carried[1] + step.column[2] * carried[2];
            let from_here = carried[0] + (surprise[lane] - known) / step.variance;
            let correction = step.column[0] * from_here + step.column[1] * carried[1] + step.column[2] * carried[2];
            row[lane] += correction - surprise[lane];
            later[0][lane] = from_here;
            later[1][lane] = carried[1];
            later[2][lane] = carried[2];
        }
    }
}

//! The Gaussian filter: a mean weighted by a bell curve.

/// Where the bell is cut off, in standard deviations; `SciPy`'s default.
const TRUNCATE: f64 = 4.0;

/// Convolves the signal in place with a bell of the given standard deviation in rows, cut off at four of them, as
/// `scipy.ndimage.gaussian_filter1d` does. Beyond its ends the signal is mirrored with the end's own row repeated
/// (`mode="reflect"`), as often as needed, so any number of rows will do. Rows are taken as evenly spaced.
///
/// `sigma_rows` must be above 0.
pub fn gaussian<const N: usize>(rows: &mut [[f64; N]], sigma_rows: f64) {
    let radius = (TRUNCATE * sigma_rows + 0.5) as usize;
    let bell = |offset: usize| (-0.5 * (offset as f64 / sigma_rows).powi(2)).exp();
    let mut weights: Vec<f64> = (0..=radius).map(bell).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f64>();
    for weight in &mut weights {
        *weight /= sum;
    }
    let seen = rows.to_vec();
    for (index, row) in rows.iter_mut().enumerate() {
        let mut sums = seen[index].map(|value| weights[0] * value);
        for (offset, weight) in weights.iter().enumerate().skip(1) {
            let before = &seen[mirrored(index as isize - offset as isize, seen.len())];
            let after = &seen[mirrored((index + offset) as isize, seen.len())];
            for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
                *sum += weight * (before + after);
            }
        }
        *row = sums;
    }
}

/// The row that stands at an index of the endlessly mirrored signal `… b a | a b c | c b …`.
pub(super) fn mirrored(index: isize, rows: usize) -> usize {
    let around = index.rem_euclid(2 * rows as isize) as usize;
    if around < rows { around } else { 2 * rows - 1 - around }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_mirrored_without_end() {
        let places: Vec<usize> = (-7..8).map(|index| mirrored(index, 3)).collect();
        assert_eq!(places, [0, 0, 1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert_eq!(mirrored(-5, 1), 0);
    }
}

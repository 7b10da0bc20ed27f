//! The running median: jumps of single frames go, edges stay.

use super::{gaussian::mirrored, middle};

/// Puts in the place of each value the median of itself and `reach` rows on either side, as
/// `scipy.ndimage.median_filter` does. Beyond its ends the signal is mirrored with the end's own row repeated
/// (`mode="reflect"`), so any number of rows will do. `scipy.signal.medfilt`, which `Pose2Sim` uses, puts zeros there
/// instead, which draws the ends to the corner of the picture.
///
/// Rows are taken in their order, whatever the time between them.
pub fn median<const N: usize>(rows: &mut [[f64; N]], reach: usize) {
    let seen = rows.to_vec();
    let mut window = vec![0.0; 2 * reach + 1];
    for (index, row) in rows.iter_mut().enumerate() {
        for (lane, value) in row.iter_mut().enumerate() {
            for (offset, place) in window.iter_mut().enumerate() {
                *place = seen[mirrored(index as isize + offset as isize - reach as isize, seen.len())][lane];
            }
            *value = middle(&mut window);
        }
    }
}

//! Crops a turned square of a picture to a model's input.
//!
//! Pixel `(u, v)` of an N × N crop reads the picture at `centre + R(rotation) · ((u/N − ½)·side, (v/N − ½)·side)`, where
//! whole coordinates are pixel centres; there is no smoothing, however much the crop shrinks. Coordinates are rounded to
//! 1/32 pixel, the four neighbours are weighted bilinearly, and the result is rounded half up to 8 bits: that is what
//! `warpPerspective` of `OpenCV` does, which MediaPipe uses, and landmarks move by a pixel without it.

use std::ops::Range;

use crate::{ImageView, Region, image::CHANNELS};

/// Steps per pixel to which coordinates are rounded, as a power of two.
const STEP_BITS: u32 = 5;
const STEPS: u32 = 1 << STEP_BITS;
/// Coordinates are held with this many bits after the point, so that adding up a row costs no accuracy.
const FRACTION_BITS: u32 = 32;
/// What is left of a coordinate after shifting this far is in steps.
const TO_STEPS: u32 = FRACTION_BITS - STEP_BITS;
/// Bilinear weights add up to this power of two.
const WEIGHT_BITS: u32 = 2 * STEP_BITS;

/// Regions with a longer side in pixels do not fit a core's own cache (1 MB at three bytes per pixel).
const CACHED_SIDE_PX: f64 = 600.0;

/// What lies outside the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// Black.
    Zero,
    /// The nearest pixel of the picture.
    Replicate,
}

/// Crops squares of pictures to one size and one range of values.
#[derive(Debug, Clone)]
pub struct Warp {
    size: usize,
    border: Border,
    /// The input value of each 8-bit level.
    levels: Box<[f32; 256]>,
}

impl Warp {
    /// Crops to `size` × `size` pixels, with levels 0 to 255 spread over `lowest..=highest`.
    pub fn new(size: usize, lowest: f64, highest: f64, border: Border) -> Self {
        let scale = (highest - lowest) / 255.0;
        let levels = std::array::from_fn(|level| (level as f64 * scale + lowest) as f32);
        Self {
            size,
            border,
            levels: Box::new(levels),
        }
    }

    /// How many numbers a crop has: rows, columns, three channels.
    pub fn len(&self) -> usize {
        self.size * self.size * CHANNELS
    }

    /// Whether crops have no pixels.
    pub fn is_empty(&self) -> bool {
        self.size == 0
    }

    /// Crops a region of a picture into `out`: rows from top to bottom, channels last. Whatever of `out` goes beyond
    /// [`Warp::len`] stays as it is. A region that is not usable gives nothing but border.
    pub fn crop(&self, image: ImageView<'_>, region: &Region, out: &mut [f32]) {
        if !region.is_usable() {
            out.fill(self.levels[0]);
            return;
        }
        let (sin, cos) = region.rotation_rad.sin_cos();
        let size = self.size as f64;
        let step = Step {
            x: to_fixed(cos * region.side_px / size),
            y: to_fixed(sin * region.side_px / size),
        };
        let is_cold = region.side_px > CACHED_SIDE_PX;
        for (v, row) in out.chunks_exact_mut(self.size * CHANNELS).take(self.size).enumerate() {
            let down = (v as f64 / size - 0.5) * region.side_px;
            let left = -0.5 * region.side_px;
            let start = Place {
                x: to_fixed_steps(region.center_x_px + cos * left - sin * down),
                y: to_fixed_steps(region.center_y_px + sin * left + cos * down),
            };
            self.row(image, start, step, is_cold, row);
        }
    }

    fn row(&self, image: ImageView<'_>, start: Place, step: Step, is_cold: bool, row: &mut [f32]) {
        let last_column = i64::from(image.width() - 1) << FRACTION_BITS;
        let last_row = i64::from(image.height() - 1) << FRACTION_BITS;
        let columns = steps_inside(start.x, step.x, last_column, self.size);
        let rows = steps_inside(start.y, step.y, last_row, self.size);
        let first = columns.start.max(rows.start);
        let end = columns.end.min(rows.end).max(first);
        let (before, rest) = row.split_at_mut(first * CHANNELS);
        let (inside, after) = rest.split_at_mut((end - first) * CHANNELS);
        self.span_at_border(image, start, step, before);
        let start_inside = start.advanced(step, first);
        if is_cold {
            fetch(image, start_inside, step, end - first);
        }
        self.span_inside(image, start_inside, step, inside);
        self.span_at_border(image, start.advanced(step, end), step, after);
    }

    /// Pixels whose four neighbours all lie in the picture.
    fn span_inside(&self, image: ImageView<'_>, mut place: Place, step: Step, span: &mut [f32]) {
        let (data, stride) = (image.data(), image.stride());
        for pixel in span.as_chunks_mut::<CHANNELS>().0 {
            let (x, y) = (place.x >> TO_STEPS, place.y >> TO_STEPS);
            let offset = (y >> STEP_BITS) as usize * stride + (x >> STEP_BITS) as usize * CHANNELS;
            let neighbours = |at: usize| data.get(at..).and_then(|rest| rest.first_chunk::<{ 2 * CHANNELS }>());
            // Both rows are there, which the compiler can't know; a check that never fails is cheaper than a doubt.
            if let (Some(top), Some(bottom)) = (neighbours(offset), neighbours(offset + stride)) {
                let weights = weights(x, y);
                for channel in 0..CHANNELS {
                    let sum = u32::from(top[channel]) * weights[0]
                        + u32::from(top[channel + CHANNELS]) * weights[1]
                        + u32::from(bottom[channel]) * weights[2]
                        + u32::from(bottom[channel + CHANNELS]) * weights[3];
                    pixel[channel] = self.level(sum);
                }
            }
            place = place.advanced(step, 1);
        }
    }

    /// Pixels of which a neighbour may lie outside the picture.
    fn span_at_border(&self, image: ImageView<'_>, mut place: Place, step: Step, span: &mut [f32]) {
        for pixel in span.as_chunks_mut::<CHANNELS>().0 {
            let (x, y) = (place.x >> TO_STEPS, place.y >> TO_STEPS);
            let (column, row) = (x >> STEP_BITS, y >> STEP_BITS);
            let weights = weights(x, y);
            let neighbours = [(0, 0), (1, 0), (0, 1), (1, 1)];
            let mut sums = [0; CHANNELS];
            for ((right, down), weight) in neighbours.into_iter().zip(weights) {
                let color = self.neighbour(image, column + right, row + down);
                for (sum, value) in sums.iter_mut().zip(color) {
                    *sum += u32::from(value) * weight;
                }
            }
            *pixel = sums.map(|sum| self.level(sum));
            place = place.advanced(step, 1);
        }
    }

    fn neighbour(&self, image: ImageView<'_>, column: i64, row: i64) -> [u8; CHANNELS] {
        let inside_column = column.clamp(0, i64::from(image.width() - 1));
        let inside_row = row.clamp(0, i64::from(image.height() - 1));
        if self.border == Border::Zero && (inside_column, inside_row) != (column, row) {
            return [0; CHANNELS];
        }
        let offset = inside_row as usize * image.stride() + inside_column as usize * CHANNELS;
        std::array::from_fn(|channel| image.data()[offset + channel])
    }

    /// The input value of a weighted sum of 8-bit levels.
    fn level(&self, sum: u32) -> f32 {
        let rounded = (sum + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
        self.levels[usize::from(rounded as u8)]
    }
}

/// Where a crop's pixel reads the picture, in fixed point; half a step is added, so that shifting rounds.
#[derive(Clone, Copy)]
struct Place {
    x: i64,
    y: i64,
}

/// How far the next pixel of a row reads.
#[derive(Clone, Copy)]
struct Step {
    x: i64,
    y: i64,
}

impl Place {
    fn advanced(self, step: Step, pixels: usize) -> Self {
        Self {
            x: self.x + step.x * pixels as i64,
            y: self.y + step.y * pixels as i64,
        }
    }
}

/// Reads one byte of each pixel that a row is about to need. Where every pixel lies in another cache line, waiting for
/// memory is most of the work, and a loop that does nothing else has many times more requests under way: crops of a
/// person 800 pixels tall took 0.9 ms without it and 0.5 ms with it on a busy machine.
fn fetch(image: ImageView<'_>, mut place: Place, step: Step, count: usize) {
    let (data, stride) = (image.data(), image.stride());
    let mut bytes = 0;
    for _ in 0..count {
        let offset = (place.y >> FRACTION_BITS) as usize * stride + (place.x >> FRACTION_BITS) as usize * CHANNELS;
        for offset in [offset, offset + stride] {
            bytes |= data.get(offset).copied().unwrap_or_default();
        }
        place = place.advanced(step, 1);
    }
    // Without a use the compiler would leave the reads out.
    std::hint::black_box(bytes);
}

/// Bilinear weights of the neighbours: here, right, below, right below.
fn weights(x_steps: i64, y_steps: i64) -> [u32; 4] {
    let right = (x_steps & i64::from(STEPS - 1)) as u32;
    let below = (y_steps & i64::from(STEPS - 1)) as u32;
    [
        (STEPS - right) * (STEPS - below),
        right * (STEPS - below),
        (STEPS - right) * below,
        right * below,
    ]
}

fn to_fixed(value: f64) -> i64 {
    (value * (1_u64 << FRACTION_BITS) as f64).round() as i64
}

fn to_fixed_steps(value: f64) -> i64 {
    to_fixed(value) + (1 << (TO_STEPS - 1))
}

/// The pixels `u` of a row of `count` for which `0 <= start + u·step < end`.
fn steps_inside(start: i64, step: i64, end: i64, count: usize) -> Range<usize> {
    let limit = |value: i64| value.clamp(0, count as i64) as usize;
    // Written with floors only: the first number that is at least a/b is −⌊−a/b⌋.
    match step {
        0 if (0..end).contains(&start) => 0..count,
        0 => 0..0,
        step if step > 0 => limit(-start.div_euclid(step))..limit(-(start - end).div_euclid(step)),
        step => limit((start - end).div_euclid(-step) + 1)..limit(start.div_euclid(-step) + 1),
    }
}

#[cfg(test)]
mod tests;

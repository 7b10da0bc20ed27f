//! Randomness without state: numbers that follow from a seed and a place alone, so that any frame can be rendered on its own.

/// A well mixed number from a number (the finaliser of `SplitMix64`, Steele et al. 2014).
#[inline]
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in `0.0..1.0` for a cell of a grid.
#[inline]
pub(crate) fn cell(seed: u64, x: i64, y: i64) -> f32 {
    let key = mix(seed ^ mix((x as u64) ^ mix(y as u64)));
    (key >> 40) as f32 / (1_u64 << 24) as f32
}

/// Smooth noise in `0.0..1.0` that changes over lengths of one.
pub(crate) fn smooth(seed: u64, x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - column), ease(y - row));
    let (column, row) = (column as i64, row as i64);
    let top = cell(seed, column, row) * (1.0 - u) + cell(seed, column + 1, row) * u;
    let bottom = cell(seed, column, row + 1) * (1.0 - u) + cell(seed, column + 1, row + 1) * u;
    top * (1.0 - v) + bottom * v
}

/// Four numbers with mean 0 and variance 1, nearly normal: each is the sum of two even ones of 8 bits.
#[inline]
pub(crate) fn normal4(key: u64) -> [f32; 4] {
    let bits = mix(key);
    std::array::from_fn(|i| {
        let pair = (bits >> (16 * i)) & 0xffff;
        let sum = (pair & 0xff) + (pair >> 8);
        // The variance of an even number of 256 steps is (256² − 1) / 12.
        (sum as f32 - 255.0) * (1.0 / 104.511_56)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let numbers: Vec<f32> = (0..20_000).flat_map(normal4).collect();
        let mean = numbers.iter().sum::<f32>() / numbers.len() as f32;
        let variance = numbers.iter().map(|n| n * n).sum::<f32>() / numbers.len() as f32;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }
}

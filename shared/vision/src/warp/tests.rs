//! The crop against a plain account of what it should do.

use proptest::prelude::*;

use super::*;

/// The same crop in floating point, pixel by pixel.
fn plain(image: ImageView<'_>, region: &Region, size: usize, border: Border) -> Vec<f64> {
    let tap = |x: f64, y: f64, channel: usize| {
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        if border == Border::Zero && !((0.0..width).contains(&x) && (0.0..height).contains(&y)) {
            return 0.0;
        }
        let (column, row) = (x.clamp(0.0, width - 1.0), y.clamp(0.0, height - 1.0));
        f64::from(image.data()[row as usize * image.stride() + column as usize * CHANNELS + channel])
    };
    let mut out = Vec::new();
    for v in 0..size {
        for u in 0..size {
            let [x, y] = region.to_image(u as f64 / size as f64, v as f64 / size as f64);
            let (x, y) = ((x * 32.0).round() / 32.0, (y * 32.0).round() / 32.0);
            let (left, top) = (x.floor(), y.floor());
            let (right, below) = (x - left, y - top);
            for channel in 0..CHANNELS {
                let upper = tap(left, top, channel) * (1.0 - right) + tap(left + 1.0, top, channel) * right;
                let lower = tap(left, top + 1.0, channel) * (1.0 - right) + tap(left + 1.0, top + 1.0, channel) * right;
                out.push((upper * (1.0 - below) + lower * below + 0.5).floor());
            }
        }
    }
    out
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 12_345_u32;
    (0..bytes)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

/// A crop that keeps the 8-bit levels as they are.
fn levels(size: usize, border: Border) -> Warp {
    Warp::new(size, 0.0, 255.0, border)
}

#[test]
fn a_region_of_the_crops_own_size_copies_the_picture() {
    let (size, data) = (16, noise(16 * 16 * 3));
    let image = ImageView::rgb(&data, 16, 16).unwrap();
    let mut out = vec![0.0; size * size * CHANNELS];
    levels(size, Border::Replicate).crop(image, &Region::around(16, 16), &mut out);
    let expected: Vec<f32> = data.iter().map(|&value| f32::from(value)).collect();
    assert_eq!(out, expected);
}

#[test]
fn padding_between_rows_is_never_read() {
    let (width, height, stride) = (20_u32, 11_u32, 67);
    let mut data = noise(stride * height as usize);
    let region = Region {
        center_x_px: 9.0,
        center_y_px: 6.0,
        side_px: 17.0,
        rotation_rad: 0.4,
    };
    let warp = levels(24, Border::Replicate);
    let mut first = vec![0.0; warp.len()];
    warp.crop(
        ImageView::rgb_with_stride(&data, width, height, stride).unwrap(),
        &region,
        &mut first,
    );
    for row in data.chunks_mut(stride) {
        row[width as usize * CHANNELS..].fill(255);
    }
    let mut second = vec![0.0; warp.len()];
    warp.crop(
        ImageView::rgb_with_stride(&data, width, height, stride).unwrap(),
        &region,
        &mut second,
    );
    assert_eq!(first, second);
}

#[test]
fn a_region_that_is_not_usable_is_all_border() {
    let data = noise(8 * 8 * 3);
    let image = ImageView::rgb(&data, 8, 8).unwrap();
    let warp = Warp::new(4, -1.0, 1.0, Border::Zero);
    let mut out = vec![9.0; warp.len()];
    let region = Region {
        side_px: f64::NAN,
        ..Region::around(8, 8)
    };
    warp.crop(image, &region, &mut out);
    assert!(out.iter().all(|&value| value.to_bits() == (-1.0_f32).to_bits()));
}

#[test]
fn the_span_inside_is_exactly_the_pixels_inside() {
    for (start, step, end) in [
        (-10, 3, 20),
        (25, -4, 20),
        (5, 0, 20),
        (20, 0, 20),
        (-50, 1, 20),
        (7, -1, 0),
        (0, 5, 1),
    ] {
        let expected: Vec<usize> = (0..30)
            .filter(|&u| (0..end).contains(&(start + step * u as i64)))
            .collect();
        let found: Vec<usize> = steps_inside(start, step, end, 30).collect();
        assert_eq!(found, expected, "start {start}, step {step}, end {end}");
    }
}

proptest! {
    #[test]
    fn crops_agree_with_the_plain_account(
        width in 1_u32..40,
        height in 1_u32..40,
        center_x_px in -50.0..90.0_f64,
        center_y_px in -50.0..90.0_f64,
        side_px in 0.5..120.0_f64,
        rotation_rad in -3.2..3.2_f64,
        replicate: bool,
    ) {
        let data = noise(width as usize * height as usize * CHANNELS);
        let image = ImageView::rgb(&data, width, height).unwrap();
        let region = Region { center_x_px, center_y_px, side_px, rotation_rad };
        let border = if replicate { Border::Replicate } else { Border::Zero };
        let size = 16;
        let warp = levels(size, border);
        let mut out = vec![0.0; warp.len()];
        warp.crop(image, &region, &mut out);
        let expected = plain(image, &region, size, border);
        // A coordinate in the very middle between two steps may round either way; nothing else may differ.
        let differing = out.iter().zip(&expected).filter(|(value, expected)| (f64::from(**value) - **expected).abs() > 1e-6);
        prop_assert!(differing.count() <= CHANNELS * 2);
    }

    #[test]
    fn spans_inside_are_exact(start in -1000_i64..1000, step in -50_i64..50, end in 0_i64..500, count in 0_usize..60) {
        let found = steps_inside(start, step, end, count);
        for u in 0..count {
            prop_assert_eq!(found.contains(&u), (0..end).contains(&(start + step * u as i64)));
        }
    }
}

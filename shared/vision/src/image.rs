//! Pictures in memory, borrowed from whoever decoded them.

use crate::VisionError;

/// Bytes per pixel: red, green, blue.
pub(crate) const CHANNELS: usize = 3;

/// A side longer than this many pixels is refused; it bounds the fixed-point arithmetic of crops.
const MAX_SIDE: u32 = 1 << 16;

/// An 8-bit RGB picture: rows from top to bottom, three bytes per pixel.
#[derive(Debug, Clone, Copy)]
pub struct ImageView<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
    stride: usize,
}

impl<'a> ImageView<'a> {
    /// A picture of `width` × `height` pixels whose rows follow each other without a gap.
    ///
    /// # Errors
    /// [`VisionError::Image`] when a side is zero or longer than 65,536 pixels, or `data` is too short.
    pub fn rgb(data: &'a [u8], width: u32, height: u32) -> Result<Self, VisionError> {
        Self::rgb_with_stride(data, width, height, width as usize * CHANNELS)
    }

    /// A picture whose rows start `stride` bytes apart.
    ///
    /// # Errors
    /// As [`ImageView::rgb`], and when rows would overlap.
    pub fn rgb_with_stride(data: &'a [u8], width: u32, height: u32, stride: usize) -> Result<Self, VisionError> {
        let row = width as usize * CHANNELS;
        let sides_fit = (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height);
        let needed = stride
            .checked_mul((height as usize).saturating_sub(1))
            .and_then(|start| start.checked_add(row));
        if sides_fit && stride >= row && needed.is_some_and(|needed| needed <= data.len()) {
            Ok(Self {
                data,
                width,
                height,
                stride,
            })
        } else {
            Err(VisionError::Image {
                width,
                height,
                stride,
                bytes: data.len(),
            })
        }
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of the pixel around a place in pixels; `None` beside the picture.
    pub(crate) fn pixel(&self, x_px: f64, y_px: f64) -> Option<[u8; CHANNELS]> {
        let inside = (0.0..f64::from(self.width)).contains(&x_px) && (0.0..f64::from(self.height)).contains(&y_px);
        if !inside {
            return None;
        }
        let at = y_px as usize * self.stride + x_px as usize * CHANNELS;
        self.data.get(at..at + CHANNELS)?.try_into().ok()
    }

    /// Distance between the starts of rows in bytes.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The bytes; at least those of every pixel are there.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_beside_the_picture_has_no_colour() {
        let data: Vec<u8> = (0..12).collect();
        let image = ImageView::rgb(&data, 2, 2).unwrap();
        assert_eq!(image.pixel(1.9, 1.0), Some([9, 10, 11]));
        for place in [-0.1, 2.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(image.pixel(place, 0.0), None);
            assert_eq!(image.pixel(0.0, place), None);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let data = [0; 60];
        assert!(ImageView::rgb(&data, 5, 4).is_ok());
        assert!(ImageView::rgb(&data, 5, 5).is_err(), "a row too many");
        assert!(ImageView::rgb(&data, 0, 4).is_err(), "no width");
        assert!(ImageView::rgb(&data, u32::MAX, u32::MAX).is_err(), "more than memory");
        assert!(ImageView::rgb_with_stride(&data, 5, 4, 14).is_err(), "rows overlap");
        assert!(
            ImageView::rgb_with_stride(&data[..57], 4, 4, 15).is_ok(),
            "the last row needs no padding"
        );
        assert!(
            ImageView::rgb_with_stride(&data, 5, 4, usize::MAX).is_err(),
            "more than memory"
        );
    }
}

//! Pictures in memory: a borrowed frame to draw on, an owned image, and their encoded forms.

use thiserror::Error;

/// Why a picture could not be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PictureError {
    /// The bytes given are not `width × height × 3`.
    #[error("a {width}×{height} picture takes {expected} bytes of RGB, not {actual}")]
    WrongLength {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that such a picture takes.
        expected: usize,
        /// Bytes that were given.
        actual: usize,
    },
    /// The picture has no pixels, or more than its format can say.
    #[error("a {width}×{height} picture cannot be written as {format}")]
    UnsupportedSize {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The format that cannot hold it.
        format: &'static str,
    },
    /// The encoder refused.
    #[error("the picture could not be written as {format}")]
    Encoding {
        /// The format that was to be written.
        format: &'static str,
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A chronophotograph was asked for without anybody to show.
    #[error("a chronophotograph needs at least one figure and a background")]
    NothingToShow,
}

impl PictureError {
    /// A stable name for the kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "PICTURE_WRONG_LENGTH",
            Self::UnsupportedSize { .. } => "PICTURE_UNSUPPORTED_SIZE",
            Self::Encoding { .. } => "PICTURE_ENCODING_FAILED",
            Self::NothingToShow => "PICTURE_NOTHING_TO_SHOW",
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::WrongLength { .. } => "give packed 8-bit RGB without padding between rows",
            Self::UnsupportedSize { .. } => "give a picture between 1 and 65535 pixels on each side",
            Self::Encoding { .. } => "this is a fault of the encoder or of available memory; try a smaller picture",
            Self::NothingToShow => "choose instants at which the person was found, and offer frames to the background",
        }
    }
}

fn expected_length(width: u32, height: u32) -> usize {
    (width as usize).saturating_mul(height as usize).saturating_mul(3)
}

fn check_length(width: u32, height: u32, actual: usize) -> Result<(), PictureError> {
    let expected = expected_length(width, height);
    if actual == expected {
        Ok(())
    } else {
        Err(PictureError::WrongLength {
            width,
            height,
            expected,
            actual,
        })
    }
}

/// A frame to draw on: packed 8-bit RGB, rows from top to bottom, no padding.
#[derive(Debug)]
pub struct RgbFrame<'a> {
    width: u32,
    height: u32,
    data: &'a mut [u8],
}

impl<'a> RgbFrame<'a> {
    /// Looks at `data` as a frame.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`] unless there are exactly `width × height × 3` bytes.
    pub fn new(width: u32, height: u32, data: &'a mut [u8]) -> Result<Self, PictureError> {
        check_length(width, height, data.len())?;
        Ok(Self { width, height, data })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The bytes of row `y` from pixel `from` up to but not including `to`; empty outside the frame.
    pub(crate) fn span_mut(&mut self, y: usize, from: usize, to: usize) -> &mut [u8] {
        let width = self.width as usize;
        let to = to.min(width);
        if y >= self.height as usize || from >= to {
            return &mut [];
        }
        let row = y * width;
        &mut self.data[(row + from) * 3..(row + to) * 3]
    }
}

/// An owned picture: packed 8-bit RGB, rows from top to bottom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl RgbImage {
    /// A picture of one colour.
    pub fn filled(width: u32, height: u32, rgb: [u8; 3]) -> Self {
        Self {
            width,
            height,
            data: rgb.repeat(width as usize * height as usize),
        }
    }

    /// A picture from packed RGB bytes.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`] unless there are exactly `width × height × 3` bytes.
    pub fn from_rgb(width: u32, height: u32, data: Vec<u8>) -> Result<Self, PictureError> {
        check_length(width, height, data.len())?;
        Ok(Self { width, height, data })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The packed RGB bytes.
    pub fn as_rgb(&self) -> &[u8] {
        &self.data
    }

    /// The picture as a frame to draw on.
    pub fn as_frame(&mut self) -> RgbFrame<'_> {
        RgbFrame {
            width: self.width,
            height: self.height,
            data: &mut self.data,
        }
    }

    /// The pixel at (`x`, `y`), or `None` outside.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = (y as usize * self.width as usize + x as usize) * 3;
        self.data.get(at..at + 3)?.try_into().ok()
    }

    /// The part of the picture inside the given rectangle, cut at the edges.
    #[must_use]
    pub fn cropped(&self, x: u32, y: u32, width: u32, height: u32) -> Self {
        let x = x.min(self.width);
        let y = y.min(self.height);
        let width = width.min(self.width - x);
        let height = height.min(self.height - y);
        let mut data = Vec::with_capacity(expected_length(width, height));
        for row in y..y + height {
            let start = (row as usize * self.width as usize + x as usize) * 3;
            data.extend_from_slice(&self.data[start..start + width as usize * 3]);
        }
        Self { width, height, data }
    }

    /// Copies another picture into this one with its corner at (`left`, `top`), cut at the edges.
    pub(crate) fn put(&mut self, other: &Self, left: u32, top: u32) {
        let mut frame = self.as_frame();
        for row in 0..other.height as usize {
            let from = left as usize;
            let span = frame.span_mut(top as usize + row, from, from + other.width as usize);
            let start = row * other.width as usize * 3;
            let length = span.len();
            span.copy_from_slice(&other.data[start..start + length]);
        }
    }

    /// The picture reduced to fit into a box, by averaging areas; as it is when it fits already.
    #[must_use]
    pub fn fitted(&self, greatest_width: u32, greatest_height: u32) -> Self {
        let scale = (f64::from(greatest_width.max(1)) / f64::from(self.width.max(1)))
            .min(f64::from(greatest_height.max(1)) / f64::from(self.height.max(1)));
        if scale >= 1.0 {
            return self.clone();
        }
        let width = ((f64::from(self.width) * scale).round() as u32).max(1);
        let height = ((f64::from(self.height) * scale).round() as u32).max(1);
        let columns = shares(self.width, width);
        let rows = shares(self.height, height);
        let mut data = Vec::with_capacity(expected_length(width, height));
        for row in &rows {
            for column in &columns {
                data.extend_from_slice(&self.average(column, row));
            }
        }
        Self { width, height, data }
    }

    /// The mean colour of the pixels in `columns` × `rows`, each weighted by its share.
    fn average(&self, columns: &[(usize, f32)], rows: &[(usize, f32)]) -> [u8; 3] {
        let mut sum = [0.0_f32; 3];
        let mut weight = 0.0_f32;
        for &(y, row_share) in rows {
            for &(x, column_share) in columns {
                let share = row_share * column_share;
                let at = (y * self.width as usize + x) * 3;
                for (total, &value) in sum.iter_mut().zip(&self.data[at..at + 3]) {
                    *total += share * f32::from(value);
                }
                weight += share;
            }
        }
        sum.map(|total| (total / weight.max(f32::EPSILON) + 0.5) as u8)
    }

    /// The picture as PNG.
    ///
    /// # Errors
    /// [`PictureError::UnsupportedSize`] for a picture without pixels, [`PictureError::Encoding`] if the encoder fails.
    pub fn to_png(&self) -> Result<Vec<u8>, PictureError> {
        let failed = |source: png::EncodingError| PictureError::Encoding {
            format: "PNG",
            source: Box::new(source),
        };
        self.check_size("PNG", u32::MAX >> 1)?;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(failed)?;
        writer.write_image_data(&self.data).map_err(failed)?;
        writer.finish().map_err(failed)?;
        Ok(bytes)
    }

    /// The picture as JPEG of the given quality, `1..=100`; 85 to 90 suits photographs.
    ///
    /// # Errors
    /// [`PictureError::UnsupportedSize`] outside 1 to 65535 pixels a side, [`PictureError::Encoding`] if the encoder fails.
    pub fn to_jpeg(&self, quality: u8) -> Result<Vec<u8>, PictureError> {
        self.check_size("JPEG", u32::from(u16::MAX))?;
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, quality.clamp(1, 100))
            .encode(
                &self.data,
                self.width as u16,
                self.height as u16,
                jpeg_encoder::ColorType::Rgb,
            )
            .map_err(|source| PictureError::Encoding {
                format: "JPEG",
                source: Box::new(source),
            })?;
        Ok(bytes)
    }

    fn check_size(&self, format: &'static str, greatest: u32) -> Result<(), PictureError> {
        let allowed = 1..=greatest;
        if allowed.contains(&self.width) && allowed.contains(&self.height) {
            return Ok(());
        }
        Err(PictureError::UnsupportedSize {
            width: self.width,
            height: self.height,
            format,
        })
    }
}

/// For each of `to` pixels, which of `from` pixels it covers and by how much.
fn shares(from: u32, to: u32) -> Vec<Vec<(usize, f32)>> {
    let step = f64::from(from) / f64::from(to);
    (0..to)
        .map(|index| {
            let start = f64::from(index) * step;
            let end = (start + step).min(f64::from(from));
            (start as usize..(end.ceil() as usize).min(from as usize))
                .map(|pixel| {
                    let covered = end.min(pixel as f64 + 1.0) - start.max(pixel as f64);
                    (pixel, covered.max(0.0) as f32)
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_bytes_that_do_not_fit_the_size() {
        let mut data = vec![0; 11];
        let error = RgbFrame::new(2, 2, &mut data).unwrap_err();
        assert_eq!(error.code(), "PICTURE_WRONG_LENGTH");
        assert!(RgbImage::from_rgb(u32::MAX, u32::MAX, vec![1]).is_err());
    }

    #[test]
    fn fitting_keeps_the_mean_and_the_shape() {
        let mut image = RgbImage::filled(90, 30, [200, 100, 0]);
        image.as_frame().span_mut(0, 0, 1).copy_from_slice(&[0, 0, 0]);
        let small = image.fitted(30, 30);
        assert_eq!((small.width(), small.height()), (30, 10));
        assert_eq!(small.pixel(29, 9), Some([200, 100, 0]));
        assert_eq!(small.pixel(0, 0), Some([178, 89, 0]));
        assert_eq!(image.fitted(500, 500), image);
    }

    #[test]
    fn png_comes_back_as_it_was() {
        let mut image = RgbImage::filled(5, 4, [1, 2, 3]);
        image.as_frame().span_mut(2, 1, 2).copy_from_slice(&[9, 8, 7]);
        let bytes = image.to_png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut data).unwrap();
        assert_eq!(RgbImage::from_rgb(5, 4, data).unwrap(), image);
    }

    #[test]
    fn an_empty_picture_is_refused_by_every_format() {
        let image = RgbImage::filled(0, 7, [0; 3]);
        assert_eq!(image.to_png().unwrap_err().code(), "PICTURE_UNSUPPORTED_SIZE");
        assert_eq!(image.to_jpeg(85).unwrap_err().code(), "PICTURE_UNSUPPORTED_SIZE");
        assert_eq!(image.fitted(10, 10).width(), 0);
        assert!(
            RgbImage::filled(3, 3, [9; 3])
                .to_jpeg(85)
                .unwrap()
                .starts_with(&[0xff, 0xd8])
        );
    }

    #[test]
    fn cropping_stops_at_the_edges() {
        let image = RgbImage::filled(10, 10, [5; 3]);
        let crop = image.cropped(8, 9, 100, 100);
        assert_eq!((crop.width(), crop.height()), (2, 1));
        assert_eq!(image.cropped(50, 50, 1, 1).width(), 0);
    }
}

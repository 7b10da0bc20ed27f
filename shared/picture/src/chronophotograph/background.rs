//! The still background: for each pixel the median of frames spread over the recording.

use crate::image::{PictureError, RgbImage};

/// Memory that samples may take, in bytes: 15 frames of full HD.
const MEMORY: usize = 96 << 20;
/// More samples than this make no better median of a scene with one person in it.
const MOST: usize = 25;
/// Fewer cannot outvote somebody who walks through.
const FEWEST: usize = 3;

/// Collects frames and takes their median. It need not know how many frames will come: when it is full it forgets
/// every second one and from then on takes half as many, so that what it holds is always spread over what it saw.
#[derive(Debug, Clone)]
pub struct BackgroundModel {
    width: u32,
    height: u32,
    capacity: usize,
    stride: usize,
    offered: usize,
    samples: Vec<Vec<u8>>,
}

impl BackgroundModel {
    /// A model for frames of the given size in pixels.
    pub fn new(width: u32, height: u32) -> Self {
        let bytes = (width as usize)
            .saturating_mul(height as usize)
            .saturating_mul(3)
            .max(1);
        Self {
            width,
            height,
            capacity: (MEMORY / bytes).clamp(FEWEST, MOST),
            stride: 1,
            offered: 0,
            samples: Vec::new(),
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// How many frames it keeps at most.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Offers the next frame, as packed RGB.
    ///
    /// # Errors
    /// [`PictureError::WrongLength`] if it has another size.
    pub fn offer(&mut self, frame: &[u8]) -> Result<(), PictureError> {
        let expected = self.width as usize * self.height as usize * 3;
        if frame.len() != expected {
            return Err(PictureError::WrongLength {
                width: self.width,
                height: self.height,
                expected,
                actual: frame.len(),
            });
        }
        if self.offered.is_multiple_of(self.stride) {
            if self.samples.len() == self.capacity {
                self.forget_every_second();
            }
            // The stride may have doubled just now.
            if self.offered.is_multiple_of(self.stride) {
                self.samples.push(frame.to_vec());
            }
        }
        self.offered += 1;
        Ok(())
    }

    fn forget_every_second(&mut self) {
        let mut index = 0;
        self.samples.retain(|_| {
            index += 1;
            index % 2 == 1
        });
        self.stride *= 2;
    }

    /// The median of the frames kept, or `None` if none was offered.
    pub fn finish(self) -> Option<RgbImage> {
        let first = self.samples.first()?;
        let mut values = vec![0_u8; self.samples.len()];
        let middle = values.len() / 2;
        let mut data = vec![0_u8; first.len()];
        for (index, median) in data.iter_mut().enumerate() {
            for (value, sample) in values.iter_mut().zip(&self.samples) {
                *value = sample[index];
            }
            *median = *values.select_nth_unstable(middle).1;
        }
        RgbImage::from_rgb(self.width, self.height, data).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_who_passes_leaves_no_trace() {
        let mut model = BackgroundModel::new(40, 2);
        for step in 0..200_usize {
            let mut frame = RgbImage::filled(40, 2, [90, 120, 60]);
            frame.as_frame().span_mut(0, step / 5, step / 5 + 6).fill(250);
            model.offer(frame.as_rgb()).unwrap();
        }
        assert!(model.samples.len() <= model.capacity && model.samples.len() > model.capacity / 3);
        assert_eq!(model.finish().unwrap(), RgbImage::filled(40, 2, [90, 120, 60]));
    }

    #[test]
    fn samples_stay_spread_over_everything_offered() {
        let mut model = BackgroundModel::new(1, 1);
        for step in 0..=250_u8 {
            model.offer(&[step; 3]).unwrap();
        }
        let kept: Vec<u8> = model.samples.iter().map(|sample| sample[0]).collect();
        assert!(
            kept.windows(2)
                .all(|pair| usize::from(pair[1] - pair[0]) == model.stride),
            "{kept:?}"
        );
        assert!(*kept.last().unwrap() > 225);
    }

    #[test]
    fn memory_is_bounded_and_nothing_gives_nothing() {
        assert_eq!(BackgroundModel::new(1920, 1080).capacity, 16);
        assert_eq!(BackgroundModel::new(u32::MAX, u32::MAX).capacity, FEWEST);
        assert!(BackgroundModel::new(4, 4).finish().is_none());
        assert!(BackgroundModel::new(4, 4).offer(&[0; 5]).is_err());
    }
}

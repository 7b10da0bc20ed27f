//! Movements as rows of numbers: one row per frame, some of them unknown, and what becomes of those.

use serde::{Deserialize, Serialize};

use crate::MotionError;

/// No movement has a value beyond this, and the square of nothing below it is infinite.
const GREATEST: f64 = 1e100;

/// A row of numbers for each frame, in which values may be unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    width: usize,
    /// Row after row; NaN where a value is unknown.
    values: Vec<f64>,
}

/// What becomes of frames in which a value is unknown, before two movements are warped onto each other.
///
/// The names and the default are `NeuroPose`'s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// An unknown value is an error that names its frame.
    #[default]
    Propagate,
    /// Each column is interpolated linearly over the frames; before the first and after the last known value that value
    /// is held. A column without a known value is an error.
    Interpolate,
    /// Frames with any unknown value are left out. A warping path still counts the frames of the whole movement, and
    /// skips those. If no frame is left, that is an error.
    Drop,
}

/// A row of finite numbers for each frame, ready to be warped: at least one row, at least one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    width: usize,
    /// Row after row.
    values: Vec<f64>,
    /// The frame of each row, where rows were dropped.
    frames: Option<Vec<usize>>,
}

impl Features {
    /// Rows of `width` values each; what is not finite counts as unknown.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if the width is zero or does not divide the number of values.
    pub fn new(width: usize, values: Vec<f64>) -> Result<Self, MotionError> {
        if width == 0 || !values.len().is_multiple_of(width) {
            let reason = format!("{} values do not make rows of {width}", values.len());
            return Err(MotionError::NotComparable(reason));
        }
        Ok(Self { width, values })
    }

    /// Rows that are known to be whole.
    pub(super) fn of(width: usize, values: Vec<f64>) -> Self {
        Self { width, values }
    }

    /// Columns side by side, such as one for each angle.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] if there is no column or they differ in length.
    pub fn from_columns(columns: &[&[Option<f64>]]) -> Result<Self, MotionError> {
        let frames = columns.first().map_or(0, |column| column.len());
        if columns.is_empty() || columns.iter().any(|column| column.len() != frames) {
            let reason = "columns of a movement are missing or differ in length".to_owned();
            return Err(MotionError::NotComparable(reason));
        }
        let values = (0..frames).flat_map(|frame| columns.iter().map(move |column| column[frame].unwrap_or(f64::NAN)));
        Self::new(columns.len(), values.collect())
    }

    /// Number of rows.
    pub fn frames(&self) -> usize {
        self.values.len() / self.width
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Share of the frames in which the value of a column is known, in `0..=1`.
    pub fn known_share(&self, column: usize) -> f64 {
        let known = self.column(column).filter(|value| value.is_finite()).count();
        known as f64 / self.frames().max(1) as f64
    }

    fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.values.iter().skip(column).step_by(self.width).copied()
    }

    /// The movement with every value known.
    ///
    /// # Errors
    ///
    /// [`MotionError::MissingValues`] as [`Missing`] says, [`MotionError::NotComparable`] without a frame or if a value
    /// lies beyond 1e100, where squares end.
    pub fn complete(self, missing: Missing) -> Result<Series, MotionError> {
        if self.values.is_empty() {
            return Err(MotionError::NotComparable("a movement has no frames".to_owned()));
        }
        if let Some(value) = self
            .values
            .iter()
            .find(|value| value.is_finite() && value.abs() > GREATEST)
        {
            return Err(MotionError::NotComparable(format!(
                "a value is {value:e}, beyond 1e100"
            )));
        }
        let Some(unknown) = self.values.iter().position(|value| !value.is_finite()) else {
            return Ok(Series {
                width: self.width,
                values: self.values,
                frames: None,
            });
        };
        match missing {
            Missing::Propagate => {
                let (frame, column) = (unknown / self.width, unknown % self.width);
                Err(MotionError::MissingValues(format!(
                    "column {column} is unknown in frame {frame}"
                )))
            }
            Missing::Interpolate => self.interpolated(),
            Missing::Drop => self.dropped(),
        }
    }

    fn interpolated(mut self) -> Result<Series, MotionError> {
        for column in 0..self.width {
            let known: Vec<usize> = (0..self.frames())
                .filter(|frame| self.values[frame * self.width + column].is_finite())
                .collect();
            let (Some(&first), Some(&last)) = (known.first(), known.last()) else {
                return Err(MotionError::MissingValues(format!(
                    "column {column} is not known in any frame"
                )));
            };
            let at = |frame: usize| frame * self.width + column;
            for frame in (0..first).chain(last + 1..self.frames()) {
                self.values[at(frame)] = self.values[at(frame.clamp(first, last))];
            }
            for gap in known.windows(2) {
                let [from, to] = [self.values[at(gap[0])], self.values[at(gap[1])]];
                let slope = (to - from) / (gap[1] - gap[0]) as f64;
                for frame in gap[0] + 1..gap[1] {
                    self.values[at(frame)] = from + slope * (frame - gap[0]) as f64;
                }
            }
        }
        Ok(Series {
            width: self.width,
            values: self.values,
            frames: None,
        })
    }

    fn dropped(self) -> Result<Series, MotionError> {
        let whole = |row: &&[f64]| row.iter().all(|value| value.is_finite());
        let rows = || self.values.chunks_exact(self.width);
        let frames: Vec<usize> = rows()
            .enumerate()
            .filter_map(|(frame, row)| whole(&row).then_some(frame))
            .collect();
        if frames.is_empty() {
            let reason = "no frame has every value, so that none is left".to_owned();
            return Err(MotionError::MissingValues(reason));
        }
        Ok(Series {
            width: self.width,
            values: rows().filter(whole).flatten().copied().collect(),
            frames: Some(frames),
        })
    }
}

impl Series {
    /// Rows of `width` finite values each.
    ///
    /// # Errors
    ///
    /// [`MotionError::NotComparable`] or [`MotionError::MissingValues`], as [`Features::complete`] says of
    /// [`Missing::Propagate`].
    pub fn new(width: usize, values: Vec<f64>) -> Result<Self, MotionError> {
        Features::new(width, values)?.complete(Missing::Propagate)
    }

    /// Number of rows; at least one.
    pub fn rows(&self) -> usize {
        self.values.len() / self.width
    }

    /// Number of columns; at least one.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The values of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width..(row + 1) * self.width]
    }

    /// The frame that a row stands for.
    pub fn frame(&self, row: usize) -> usize {
        self.frames.as_ref().map_or(row, |frames| frames[row])
    }

    /// Every two rows as their mean; an odd last row is left out. `None` for a single row.
    pub(super) fn halved(&self) -> Option<Self> {
        let pairs = self.rows() / 2;
        let mean = |pair: usize, column: usize| {
            let first = 2 * pair * self.width + column;
            f64::midpoint(self.values[first], self.values[first + self.width])
        };
        let values = (0..pairs).flat_map(|pair| (0..self.width).map(move |column| mean(pair, column)));
        (pairs > 0).then(|| Self {
            width: self.width,
            values: values.collect(),
            frames: None,
        })
    }
}

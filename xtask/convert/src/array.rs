//! Constant tensors in memory.

use half::f16;

use crate::ConvertError;

/// All constants of one model together may have this many values: ten times the largest model of MediaPipe.
pub(crate) const MAX_VALUES: usize = 64 << 20;

/// A tensor has at most this many dimensions.
pub(crate) const MAX_RANK: usize = 8;

/// The values of a constant, in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    Single(Vec<f32>),
    Half(Vec<f16>),
    Integer(Vec<i64>),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Half(values) => values.len(),
            Self::Integer(values) => values.len(),
        }
    }
}

/// A constant tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Array {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Values,
}

/// How many values a shape holds.
pub(crate) fn element_count(shape: &[usize]) -> Result<usize, ConvertError> {
    shape
        .iter()
        .try_fold(1_usize, |product, &size| product.checked_mul(size))
        .filter(|&count| count <= MAX_VALUES)
        .ok_or(ConvertError::TooLarge { limit: MAX_VALUES })
}

impl Array {
    pub(crate) fn new(shape: Vec<usize>, values: Values) -> Result<Self, ConvertError> {
        let expected = element_count(&shape)?;
        if expected != values.len() {
            return Err(ConvertError::malformed(format!(
                "a constant of shape {shape:?} has {} values",
                values.len()
            )));
        }
        Ok(Self { shape, values })
    }

    /// The values as single-precision numbers; half precision is widened, which loses nothing.
    pub(crate) fn to_single(&self) -> Result<Vec<f32>, ConvertError> {
        match &self.values {
            Values::Single(values) => Ok(values.clone()),
            Values::Half(values) => Ok(values.iter().map(|value| value.to_f32()).collect()),
            Values::Integer(_) => Err(ConvertError::unsupported("integer weights")),
        }
    }

    /// The same tensor in single precision with its axes in another order: axis `i` of the result is axis
    /// `order[i]` of this one.
    pub(crate) fn permuted(&self, order: &[usize]) -> Result<Self, ConvertError> {
        if order.len() != self.shape.len() {
            return Err(ConvertError::malformed(format!(
                "a constant of shape {:?} stands where {} dimensions belong",
                self.shape,
                order.len()
            )));
        }
        let source = self.to_single()?;
        let strides = row_major_strides(&self.shape);
        let shape: Vec<usize> = order.iter().map(|&axis| self.shape[axis]).collect();
        let mut index = vec![0_usize; shape.len()];
        let mut values = Vec::with_capacity(source.len());
        for _ in 0..source.len() {
            let position: usize = order.iter().zip(&index).map(|(&axis, &i)| strides[axis] * i).sum();
            values.push(source[position]);
            advance(&mut index, &shape);
        }
        Self::new(shape, Values::Single(values))
    }

    /// The same values under another shape.
    pub(crate) fn reshaped(self, shape: Vec<usize>) -> Result<Self, ConvertError> {
        Self::new(shape, self.values)
    }
}

/// How far apart neighbours along each axis lie.
pub(crate) fn row_major_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Steps a multi-dimensional index to the next element in row-major order.
fn advance(index: &mut [usize], shape: &[usize]) {
    for axis in (0..shape.len()).rev() {
        index[axis] += 1;
        if index[axis] < shape[axis] {
            return;
        }
        index[axis] = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(shape: &[usize]) -> Array {
        let count = shape.iter().product::<usize>();
        Array::new(
            shape.to_vec(),
            Values::Single((0..count).map(|value| value as f32).collect()),
        )
        .unwrap()
    }

    #[test]
    fn permuting_moves_every_value() {
        let array = counting(&[2, 3, 4]);
        let turned = array.permuted(&[2, 0, 1]).unwrap();
        assert_eq!(turned.shape, [4, 2, 3]);
        let mut expected = vec![0.0; 24];
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    expected[k * 6 + i * 3 + j] = (i * 12 + j * 4 + k) as f32;
                }
            }
        }
        assert_eq!(turned.values, Values::Single(expected));
        assert_eq!(turned.permuted(&[1, 2, 0]).unwrap(), array);
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        assert!(counting(&[2, 3]).reshaped(vec![7]).is_err());
        assert!(counting(&[2, 3]).permuted(&[0]).is_err());
        assert_eq!(
            element_count(&[usize::MAX, 2]),
            Err(ConvertError::TooLarge { limit: MAX_VALUES })
        );
    }
}

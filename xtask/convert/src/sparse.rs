//! Expands weights that TensorFlow Lite stores sparsely.
//!
//! The layout is that of `FormatConverter` in TensorFlow Lite: the tensor's dimensions, and the inner dimensions of
//! its blocks, are walked in a given order; each is stored densely or as segments of indices (the formats of the
//! Tensor Algebra Compiler, Kjolstad et al. 2017).

use crate::{
    ConvertError,
    array::{MAX_RANK, MAX_VALUES, element_count, row_major_strides},
    flatbuffer::Table,
};

/// How the stored values map to places in the dense tensor.
pub(crate) struct Layout {
    shape: Vec<usize>,
    /// For each level of the walk, the expanded dimension that it steps along.
    order: Vec<usize>,
    /// For each block dimension, the tensor dimension that it subdivides.
    block_map: Vec<usize>,
    levels: Vec<Level>,
}

/// How one dimension is stored.
enum Level {
    Dense(usize),
    Sparse { segments: Vec<usize>, indices: Vec<usize> },
}

impl Layout {
    pub(crate) fn parse(table: &Table<'_>, shape: &[usize]) -> Result<Self, ConvertError> {
        let rank = shape.len();
        let order = indices(&table.numbers::<i32>(0, 2 * MAX_RANK)?)?;
        let block_map = indices(&table.numbers::<i32>(1, MAX_RANK)?)?;
        let levels = table
            .tables(2, 2 * MAX_RANK)?
            .iter()
            .map(Level::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let expanded = rank + block_map.len();
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let is_permutation = sorted.iter().copied().eq(0..expanded);
        // A dimension is numbered before the blocks that subdivide it, so blocks come last in the walk.
        let blocks_last = order.iter().take(rank).all(|&dimension| dimension < rank);
        if !is_permutation || !blocks_last || levels.len() != expanded || block_map.iter().any(|&axis| axis >= rank) {
            return Err(ConvertError::malformed(
                "the description of a sparse tensor contradicts itself",
            ));
        }
        Ok(Self {
            shape: shape.to_vec(),
            order,
            block_map,
            levels,
        })
    }

    /// Puts every stored value in its place; everything else is zero.
    pub(crate) fn expand<T: Copy + Default>(&self, stored: &[T]) -> Result<Vec<T>, ConvertError> {
        let count = element_count(&self.shape)?;
        let mut walk = Walk {
            layout: self,
            strides: row_major_strides(&self.shape),
            index: vec![0; self.levels.len()],
            stored,
            used: 0,
            // A sound file visits each level at most once per dense element; more is a file made to waste time.
            steps_left: count.saturating_mul(self.levels.len()).saturating_add(1),
            dense: vec![T::default(); count],
        };
        walk.level(0, 0)?;
        if walk.used != stored.len() {
            return Err(ConvertError::malformed(format!(
                "a sparse tensor uses {} of its {} values",
                walk.used,
                stored.len()
            )));
        }
        Ok(walk.dense)
    }

    /// Size of the block that subdivides a dimension; blocks are stored densely.
    fn block_size(&self, block: usize) -> Result<usize, ConvertError> {
        match self.levels.get(self.shape.len() + block) {
            Some(Level::Dense(size)) => Ok(*size),
            _ => Err(ConvertError::unsupported("a sparse tensor whose blocks are sparse")),
        }
    }
}

impl Level {
    fn parse(table: &Table<'_>) -> Result<Self, ConvertError> {
        match table.number::<i8>(0, 0)? {
            0 => Ok(Self::Dense(indices(&[table.number::<i32>(1, 0)?])?[0])),
            1 => Ok(Self::Sparse {
                segments: index_vector(table, 2)?,
                indices: index_vector(table, 4)?,
            }),
            format => Err(ConvertError::unsupported(format!("sparse dimension format {format}"))),
        }
    }
}

/// Reads a union of three widths of integer vectors: its type is field `field`, its value the one after.
fn index_vector(table: &Table<'_>, field: usize) -> Result<Vec<usize>, ConvertError> {
    let kind: u8 = table.number(field, 0)?;
    let vector = table.required_table(field + 1, "an index vector of a sparse tensor")?;
    match kind {
        1 => indices(&vector.numbers::<i32>(0, MAX_VALUES)?),
        2 => Ok(vector
            .numbers::<u16>(0, MAX_VALUES)?
            .into_iter()
            .map(usize::from)
            .collect()),
        3 => Ok(vector
            .numbers::<u8>(0, MAX_VALUES)?
            .into_iter()
            .map(usize::from)
            .collect()),
        kind => Err(ConvertError::unsupported(format!("sparse index vector type {kind}"))),
    }
}

fn indices(numbers: &[i32]) -> Result<Vec<usize>, ConvertError> {
    numbers
        .iter()
        .map(|&number| {
            usize::try_from(number).map_err(|_| {
                ConvertError::malformed(format!("{number} stands where an index of a sparse tensor belongs"))
            })
        })
        .collect()
}

struct Walk<'a, T> {
    layout: &'a Layout,
    strides: Vec<usize>,
    index: Vec<usize>,
    stored: &'a [T],
    used: usize,
    steps_left: usize,
    dense: Vec<T>,
}

impl<T: Copy> Walk<'_, T> {
    /// Visits everything below one position (`parent`) of the level above.
    fn level(&mut self, level: usize, parent: usize) -> Result<(), ConvertError> {
        let Some(storage) = self.layout.levels.get(level) else {
            return self.place();
        };
        match storage {
            Level::Dense(size) => {
                for i in 0..*size {
                    self.step(level, i)?;
                    let position = parent
                        .checked_mul(*size)
                        .and_then(|start| start.checked_add(i))
                        .ok_or_else(|| ConvertError::malformed("a sparse tensor is larger than the address space"))?;
                    self.level(level + 1, position)?;
                }
            }
            Level::Sparse { segments, indices } => {
                let outside = || ConvertError::malformed("a segment of a sparse tensor does not exist");
                let (Some(&start), Some(&end)) = (segments.get(parent), segments.get(parent + 1)) else {
                    return Err(outside());
                };
                for position in start..end {
                    let index = *indices.get(position).ok_or_else(outside)?;
                    self.step(level, index)?;
                    self.level(level + 1, position)?;
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, level: usize, index: usize) -> Result<(), ConvertError> {
        self.steps_left = self
            .steps_left
            .checked_sub(1)
            .ok_or_else(|| ConvertError::malformed("a sparse tensor visits more places than it has"))?;
        self.index[level] = index;
        Ok(())
    }

    /// Stores the next value at the place that the current index stands for.
    fn place(&mut self) -> Result<(), ConvertError> {
        let rank = self.layout.shape.len();
        let mut origin = vec![0_usize; rank];
        for (&dimension, &index) in self.layout.order.iter().zip(&self.index) {
            if dimension < rank {
                origin[dimension] = index;
            } else {
                let block = dimension - rank;
                let axis = self.layout.block_map[block];
                origin[axis] = origin[axis]
                    .saturating_mul(self.layout.block_size(block)?)
                    .saturating_add(index);
            }
        }
        if origin
            .iter()
            .zip(&self.layout.shape)
            .any(|(&index, &size)| index >= size)
        {
            return Err(ConvertError::malformed(
                "a value of a sparse tensor lies outside its shape",
            ));
        }
        let value = *self
            .stored
            .get(self.used)
            .ok_or_else(|| ConvertError::malformed("a sparse tensor has fewer values than places"))?;
        let position: usize = origin
            .iter()
            .zip(&self.strides)
            .map(|(index, stride)| index * stride)
            .sum();
        self.dense[position] = value;
        self.used += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sparse(segments: &[usize], indices: &[usize]) -> Level {
        Level::Sparse {
            segments: segments.to_vec(),
            indices: indices.to_vec(),
        }
    }

    #[test]
    fn rows_are_expanded() {
        // [[0, 5, 0], [7, 0, 9]] in compressed sparse rows.
        let layout = Layout {
            shape: vec![2, 3],
            order: vec![0, 1],
            block_map: vec![],
            levels: vec![Level::Dense(2), sparse(&[0, 1, 3], &[1, 0, 2])],
        };
        assert_eq!(layout.expand(&[5, 7, 9]).unwrap(), [0, 5, 0, 7, 0, 9]);
        assert!(layout.expand(&[5, 7]).is_err(), "a value too few");
        assert!(layout.expand(&[5, 7, 9, 11]).is_err(), "a value too many");
    }

    #[test]
    fn blocks_are_expanded() {
        // A 4 x 4 matrix of 2 x 2 blocks of which only the upper right and the lower left are stored.
        let layout = Layout {
            shape: vec![4, 4],
            order: vec![0, 1, 2, 3],
            block_map: vec![0, 1],
            levels: vec![
                Level::Dense(2),
                sparse(&[0, 1, 2], &[1, 0]),
                Level::Dense(2),
                Level::Dense(2),
            ],
        };
        let dense = layout.expand(&[1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
        assert_eq!(dense, [0, 0, 1, 2, 0, 0, 3, 4, 5, 6, 0, 0, 7, 8, 0, 0]);
    }

    #[test]
    fn a_walk_without_end_is_stopped() {
        let layout = Layout {
            shape: vec![2, 2],
            order: vec![0, 1],
            block_map: vec![],
            levels: vec![Level::Dense(usize::MAX), Level::Dense(0)],
        };
        assert!(layout.expand::<u8>(&[]).is_err());
    }
}

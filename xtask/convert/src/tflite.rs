//! The parts of a TensorFlow Lite model that conversion needs, checked and in plain types.
//!
//! Field numbers are those of `tensorflow/lite/schema/schema.fbs`, version 3.

use std::collections::HashSet;

use half::f16;

use crate::{
    ConvertError,
    array::{Array, MAX_RANK, MAX_VALUES, Values, element_count},
    flatbuffer::{Buffer, Table},
    sparse,
};

/// More tensors or operators than this are in no model that Marey runs.
const MAX_ITEMS: usize = 100_000;
/// Longest tensor name in bytes.
const MAX_NAME: usize = 1024;
/// Most inputs or outputs of one operator.
const MAX_PORTS: usize = 1024;

/// A TensorFlow Lite model with one subgraph.
pub(crate) struct Model<'a> {
    pub(crate) tensors: Vec<Tensor<'a>>,
    pub(crate) operators: Vec<Operator<'a>>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<usize>,
}

/// A value of the graph: a constant when it has data, else something that is fed in or computed.
pub(crate) struct Tensor<'a> {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    element: ElementType,
    data: &'a [u8],
    sparsity: Option<Table<'a>>,
}

/// One operator; indices point into [`Model::tensors`] and are valid.
pub(crate) struct Operator<'a> {
    /// Value of the schema's `BuiltinOperator`.
    pub(crate) code: i32,
    /// `None` stands for an optional input that is absent.
    pub(crate) inputs: Vec<Option<usize>>,
    pub(crate) output: usize,
    pub(crate) options: Option<Table<'a>>,
}

#[derive(Clone, Copy)]
enum ElementType {
    Single,
    Half,
    Int32,
    Int64,
    Other(i8),
}

impl<'a> Model<'a> {
    /// Reads and checks a file.
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, ConvertError> {
        if file.get(4..8) != Some(b"TFL3") {
            return Err(ConvertError::NotTfLite);
        }
        let root = Buffer(file).root()?;
        let codes = root
            .tables(1, MAX_ITEMS)?
            .iter()
            .map(operator_code)
            .collect::<Result<Vec<_>, _>>()?;
        let buffers = root.tables(4, MAX_ITEMS)?;
        let subgraphs = root.tables(2, MAX_ITEMS)?;
        let [subgraph] = subgraphs.as_slice() else {
            return Err(ConvertError::unsupported(format!(
                "{} subgraphs; one is expected",
                subgraphs.len()
            )));
        };
        let tensors = subgraph
            .tables(0, MAX_ITEMS)?
            .iter()
            .enumerate()
            .map(|(index, table)| Tensor::parse(index, table, &buffers))
            .collect::<Result<Vec<_>, _>>()?;
        check_names(&tensors)?;
        let operators = subgraph
            .tables(3, MAX_ITEMS)?
            .iter()
            .map(|table| Operator::parse(table, &codes, tensors.len()))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            inputs: tensor_indices(&subgraph.numbers(1, MAX_PORTS)?, tensors.len())?,
            outputs: tensor_indices(&subgraph.numbers(2, MAX_PORTS)?, tensors.len())?,
            tensors,
            operators,
        })
    }
}

/// Old files hold the code in a byte, newer ones in a full number; the greater of the two is right.
fn operator_code(table: &Table<'_>) -> Result<i32, ConvertError> {
    Ok(i32::from(table.number::<i8>(0, 0)?).max(table.number(3, 0)?))
}

fn check_names(tensors: &[Tensor<'_>]) -> Result<(), ConvertError> {
    let mut seen = HashSet::new();
    match tensors.iter().find(|tensor| !seen.insert(tensor.name.as_str())) {
        Some(tensor) => Err(ConvertError::DuplicateName {
            name: tensor.name.clone(),
        }),
        None => Ok(()),
    }
}

fn tensor_index(index: i32, tensors: usize) -> Result<usize, ConvertError> {
    usize::try_from(index)
        .ok()
        .filter(|&index| index < tensors)
        .ok_or_else(|| ConvertError::malformed(format!("tensor {index} does not exist")))
}

fn tensor_indices(indices: &[i32], tensors: usize) -> Result<Vec<usize>, ConvertError> {
    indices.iter().map(|&index| tensor_index(index, tensors)).collect()
}

impl<'a> Operator<'a> {
    fn parse(table: &Table<'a>, codes: &[i32], tensors: usize) -> Result<Self, ConvertError> {
        let code_index: u32 = table.number(0, 0)?;
        let code = *codes
            .get(code_index as usize)
            .ok_or_else(|| ConvertError::malformed(format!("operator code {code_index} does not exist")))?;
        let inputs = table
            .numbers::<i32>(1, MAX_PORTS)?
            .into_iter()
            .map(|index| match index {
                -1 => Ok(None),
                index => tensor_index(index, tensors).map(Some),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let outputs = tensor_indices(&table.numbers(2, MAX_PORTS)?, tensors)?;
        let [output] = outputs[..] else {
            return Err(ConvertError::unsupported(format!(
                "operator {code} with {} outputs",
                outputs.len()
            )));
        };
        Ok(Self {
            code,
            inputs,
            output,
            options: table.table(4)?,
        })
    }

    /// The input at `position`, which must be there.
    pub(crate) fn input(&self, position: usize) -> Result<usize, ConvertError> {
        self.inputs
            .get(position)
            .copied()
            .flatten()
            .ok_or_else(|| ConvertError::malformed(format!("operator {} lacks input {position}", self.code)))
    }

    /// The operator's parameters, which must be there.
    pub(crate) fn required_options(&self) -> Result<Table<'a>, ConvertError> {
        self.options
            .ok_or_else(|| ConvertError::malformed(format!("operator {} lacks its options", self.code)))
    }
}

impl<'a> Tensor<'a> {
    fn parse(index: usize, table: &Table<'a>, buffers: &[Table<'a>]) -> Result<Self, ConvertError> {
        let shape = table
            .numbers::<i32>(0, MAX_RANK)?
            .into_iter()
            .map(|size| usize::try_from(size).map_err(|_| ConvertError::unsupported("a tensor without a fixed shape")))
            .collect::<Result<Vec<_>, _>>()?;
        let buffer: u32 = table.number(2, 0)?;
        let data = match buffers.get(buffer as usize) {
            Some(buffer) => buffer.bytes(0)?,
            None => return Err(ConvertError::malformed(format!("buffer {buffer} does not exist"))),
        };
        Ok(Self {
            name: table.string(3, MAX_NAME)?.unwrap_or_else(|| format!("t{index}")),
            shape,
            element: match table.number::<i8>(1, 0)? {
                0 => ElementType::Single,
                1 => ElementType::Half,
                2 => ElementType::Int32,
                4 => ElementType::Int64,
                other => ElementType::Other(other),
            },
            data,
            sparsity: table.table(6)?,
        })
    }

    /// How many values [`Tensor::constant`] will return; 0 when the tensor is no constant.
    pub(crate) fn constant_values(&self) -> Result<usize, ConvertError> {
        if self.data.is_empty() {
            return Ok(0);
        }
        element_count(&self.shape)
    }

    /// The tensor's values when it is a constant; sparse storage is expanded.
    pub(crate) fn constant(&self) -> Result<Option<Array>, ConvertError> {
        if self.data.is_empty() {
            return Ok(None);
        }
        let stored = self.stored_values()?;
        let values = match &self.sparsity {
            None => stored,
            Some(table) => {
                let layout = sparse::Layout::parse(table, &self.shape)?;
                match stored {
                    Values::Single(values) => Values::Single(layout.expand(&values)?),
                    Values::Half(values) => Values::Half(layout.expand(&values)?),
                    Values::Integer(values) => Values::Integer(layout.expand(&values)?),
                }
            }
        };
        Array::new(self.shape.clone(), values).map(Some)
    }

    fn stored_values(&self) -> Result<Values, ConvertError> {
        Ok(match self.element {
            ElementType::Single => Values::Single(self.read(f32::from_le_bytes)?),
            ElementType::Half => Values::Half(self.read(f16::from_le_bytes)?),
            ElementType::Int32 => Values::Integer(self.read(|bytes| i64::from(i32::from_le_bytes(bytes)))?),
            ElementType::Int64 => Values::Integer(self.read(i64::from_le_bytes)?),
            ElementType::Other(code) => {
                return Err(ConvertError::unsupported(format!("element type {code} in a constant")));
            }
        })
    }

    fn read<const N: usize, T>(&self, convert: impl Fn([u8; N]) -> T) -> Result<Vec<T>, ConvertError> {
        let (chunks, rest) = self.data.as_chunks::<N>();
        if !rest.is_empty() {
            return Err(ConvertError::malformed(format!(
                "the data of `{}` ends in the middle of a number",
                self.name
            )));
        }
        if chunks.len() > MAX_VALUES {
            return Err(ConvertError::TooLarge { limit: MAX_VALUES });
        }
        Ok(chunks.iter().map(|&chunk| convert(chunk)).collect())
    }
}

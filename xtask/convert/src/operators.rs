//! How each TensorFlow Lite operator is said in ONNX.
//!
//! Operator and field numbers are those of `schema.fbs`; the meaning of padding, strides and layouts is that of the
//! TensorFlow Lite reference kernels.

use crate::{
    ConvertError,
    array::{Array, Values},
    convert::Converter,
    flatbuffer::Table,
    onnx::Attribute,
    tflite::Operator,
};

/// Strides, dilations and kernels beyond this are in no real model and would only overflow sums.
const MAX_WINDOW: i64 = 1 << 16;

/// A sliding window over the two image dimensions, each `[rows, columns]`.
struct Window {
    kernel: [i64; 2],
    stride: [i64; 2],
    dilation: [i64; 2],
    /// The schema's `Padding`: 0 is SAME, 1 is VALID.
    padding: i8,
}

impl Window {
    fn check(&self) -> Result<(), ConvertError> {
        let sizes = self.kernel.iter().chain(&self.stride).chain(&self.dilation);
        if sizes.clone().all(|size| (1..=MAX_WINDOW).contains(size)) {
            Ok(())
        } else {
            Err(ConvertError::malformed("a kernel, stride or dilation is out of range"))
        }
    }

    /// Pads `[top, left, bottom, right]`: SAME puts the odd pixel at the end.
    fn pads(&self, input: [usize; 4], output: [usize; 4]) -> Result<Vec<i64>, ConvertError> {
        match self.padding {
            0 => {
                let total = [0, 1].map(|axis| {
                    let covered = (output[axis + 1] as i64 - 1) * self.stride[axis]
                        + (self.kernel[axis] - 1) * self.dilation[axis]
                        + 1;
                    (covered - input[axis + 1] as i64).max(0)
                });
                let before = total.map(|pixels| pixels / 2);
                Ok(vec![before[0], before[1], total[0] - before[0], total[1] - before[1]])
            }
            1 => Ok(vec![0; 4]),
            other => Err(ConvertError::unsupported(format!("padding {other}"))),
        }
    }
}

impl Converter<'_> {
    /// Converts one operator.
    pub(crate) fn operator(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        match operator.code {
            0 => self.add(operator),
            2 => self.concatenation(operator),
            3 => self.convolution(operator, false),
            4 => self.convolution(operator, true),
            5 => self.depth_to_space(operator),
            6 => self.dequantize(operator),
            14 => self.unary(operator, "Sigmoid"),
            17 => self.max_pool(operator),
            19 => self.unary(operator, "Relu"),
            22 => self.reshape(operator),
            23 => self.resize_bilinear(operator),
            34 => self.pad(operator),
            54 => self.prelu(operator),
            124 => self.densify(operator),
            code => Err(ConvertError::unsupported(format!("operator {code}"))),
        }
    }

    fn unary(&mut self, operator: &Operator<'_>, name: &'static str) -> Result<(), ConvertError> {
        let input = self.activation(operator.input(0)?)?;
        let output = self.produce(operator.output);
        self.graph.node(name, vec![input], &output, vec![])
    }

    /// Adds a node whose result passes through a fused activation function.
    fn activated(
        &mut self,
        name: &'static str,
        inputs: Vec<String>,
        output: usize,
        function: i8,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Result<(), ConvertError> {
        let output = self.produce(output);
        let before = format!("{output}:linear");
        match function {
            0 => self.graph.node(name, inputs, &output, attributes),
            1 => {
                self.graph.node(name, inputs, &before, attributes)?;
                self.graph.node("Relu", vec![before], &output, vec![])
            }
            3 => {
                self.graph.node(name, inputs, &before, attributes)?;
                let bounds = [(":zero", 0.0), (":six", 6.0)];
                let mut inputs = vec![before];
                for (name, value) in bounds {
                    let scalar = Array::new(vec![], Values::Single(vec![value]))?;
                    inputs.push(self.graph.constant(name, scalar)?);
                }
                self.graph.node("Clip", inputs, &output, vec![])
            }
            other => Err(ConvertError::unsupported(format!("activation function {other}"))),
        }
    }

    /// Adds a tensor's value as weights with its axes in another order, and returns its name.
    fn weights(&mut self, tensor: usize, order: &[usize]) -> Result<String, ConvertError> {
        let array = self.constant(tensor)?.permuted(order)?;
        self.graph.constant(&self.model.tensors[tensor].name, array)
    }

    /// The size of a tensor that must have four dimensions: batch, rows, columns, channels.
    fn image(&self, tensor: usize) -> Result<[usize; 4], ConvertError> {
        let tensor = &self.model.tensors[tensor];
        tensor
            .shape
            .as_slice()
            .try_into()
            .map_err(|_| ConvertError::unsupported(format!("`{}` with {} dimensions", tensor.name, tensor.shape.len())))
    }

    fn convolution(&mut self, operator: &Operator<'_>, depthwise: bool) -> Result<(), ConvertError> {
        let options = operator.required_options()?;
        let (input, filter) = (operator.input(0)?, operator.input(1)?);
        let (input_size, filter_size) = (self.image(input)?, self.image(filter)?);
        let (function, dilation) = if depthwise { (4, 5) } else { (3, 4) };
        let window = Window {
            kernel: [filter_size[1] as i64, filter_size[2] as i64],
            stride: rows_columns(&options, 2, 1, None)?,
            dilation: rows_columns(&options, dilation + 1, dilation, Some(1))?,
            padding: options.number(0, 0)?,
        };
        window.check()?;
        // ONNX wants output channels first: TensorFlow Lite has them first too, but last for depthwise filters.
        let order = if depthwise { [3, 0, 1, 2] } else { [0, 3, 1, 2] };
        let mut inputs = vec![self.activation(input)?, self.weights(filter, &order)?];
        if let Some(&Some(bias)) = operator.inputs.get(2) {
            inputs.push(self.weights(bias, &[0])?);
        }
        let mut attributes = vec![
            ("dilations", Attribute::Ints(window.dilation.to_vec())),
            ("kernel_shape", Attribute::Ints(window.kernel.to_vec())),
            (
                "pads",
                Attribute::Ints(window.pads(input_size, self.image(operator.output)?)?),
            ),
            ("strides", Attribute::Ints(window.stride.to_vec())),
        ];
        if depthwise {
            attributes.insert(1, ("group", Attribute::Int(input_size[3] as i64)));
        }
        self.activated(
            "Conv",
            inputs,
            operator.output,
            options.number(function, 0)?,
            attributes,
        )
    }

    fn max_pool(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let options = operator.required_options()?;
        let input = operator.input(0)?;
        let window = Window {
            kernel: rows_columns(&options, 4, 3, None)?,
            stride: rows_columns(&options, 2, 1, None)?,
            dilation: [1, 1],
            padding: options.number(0, 0)?,
        };
        window.check()?;
        let attributes = vec![
            ("kernel_shape", Attribute::Ints(window.kernel.to_vec())),
            (
                "pads",
                Attribute::Ints(window.pads(self.image(input)?, self.image(operator.output)?)?),
            ),
            ("strides", Attribute::Ints(window.stride.to_vec())),
        ];
        let input = self.activation(input)?;
        self.activated(
            "MaxPool",
            vec![input],
            operator.output,
            options.number(5, 0)?,
            attributes,
        )
    }

    fn add(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let rank = self.model.tensors[operator.output].shape.len();
        let inputs = vec![
            self.operand(operator.input(0)?, rank)?,
            self.operand(operator.input(1)?, rank)?,
        ];
        let function = operator.options.map_or(Ok(0), |options| options.number(0, 0))?;
        self.activated("Add", inputs, operator.output, function, vec![])
    }

    /// An operand of an elementwise operation; constants are aligned as broadcasting would align them.
    fn operand(&mut self, tensor: usize, rank: usize) -> Result<String, ConvertError> {
        let name = &self.model.tensors[tensor].name;
        let Some(array) = &self.constants[tensor] else {
            if self.model.tensors[tensor].shape.len() != rank {
                return Err(ConvertError::unsupported(format!("broadcasting of `{name}`")));
            }
            return self.activation(tensor);
        };
        let array = array.clone();
        let aligned = if rank == 4 && array.shape.len() <= 4 {
            let mut shape = vec![1; 4 - array.shape.len()];
            shape.extend(&array.shape);
            array.reshaped(shape)?.permuted(&[0, 3, 1, 2])?
        } else {
            Array::new(array.shape.clone(), Values::Single(array.to_single()?))?
        };
        self.graph.constant(name, aligned)
    }

    fn prelu(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let inputs = vec![
            self.activation(operator.input(0)?)?,
            self.weights(operator.input(1)?, &[2, 0, 1])?,
        ];
        let output = self.produce(operator.output);
        self.graph.node("PRelu", inputs, &output, vec![])
    }

    fn pad(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let table = self.constant(operator.input(1)?)?;
        let Values::Integer(widths) = &table.values else {
            return Err(ConvertError::malformed("paddings are not integers"));
        };
        let (pairs, rest) = widths.as_chunks::<2>();
        let order: &[usize] = if pairs.len() == 4 { &[0, 3, 1, 2] } else { &[0, 1, 2] };
        let rank = self.model.tensors[operator.output].shape.len();
        if !rest.is_empty() || pairs.len() != rank || rank > 4 {
            return Err(ConvertError::unsupported("paddings that do not fit their tensor"));
        }
        let order = &order[..rank];
        let begin = order.iter().map(|&axis| pairs[axis][0]);
        let end = order.iter().map(|&axis| pairs[axis][1]);
        let widths: Vec<i64> = begin.chain(end).collect();
        if widths.iter().any(|width| !(0..=MAX_WINDOW).contains(width)) {
            return Err(ConvertError::malformed("a padding is out of range"));
        }
        let input = self.activation(operator.input(0)?)?;
        let output = self.produce(operator.output);
        let pads = integers(&mut self.graph, &format!("{output}:pads"), widths)?;
        self.graph.node(
            "Pad",
            vec![input, pads],
            &output,
            vec![("mode", Attribute::Text("constant"))],
        )
    }

    fn resize_bilinear(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let options = operator.required_options()?;
        let (align_corners, half_pixel): (u8, u8) = (options.number(2, 0)?, options.number(3, 0)?);
        let input = operator.input(0)?;
        let (before, after) = (self.image(input)?, self.image(operator.output)?);
        let scales = [1.0, 1.0, ratio(after[1], before[1])?, ratio(after[2], before[2])?];
        let mode = match (align_corners, half_pixel) {
            (0, 0) => "asymmetric",
            (0, _) => "half_pixel",
            (_, _) => "align_corners",
        };
        let input = self.activation(input)?;
        let output = self.produce(operator.output);
        let scales = Array::new(vec![4], Values::Single(scales.to_vec()))?;
        let scales = self.graph.constant(&format!("{output}:scales"), scales)?;
        let attributes = vec![
            ("coordinate_transformation_mode", Attribute::Text(mode)),
            ("mode", Attribute::Text("linear")),
        ];
        // The second input, a region of interest, is for another mode.
        self.graph
            .node("Resize", vec![input, String::new(), scales], &output, attributes)
    }

    fn depth_to_space(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let block: i32 = operator.required_options()?.number(0, 0)?;
        self.image(operator.input(0)?)?;
        let input = self.activation(operator.input(0)?)?;
        let output = self.produce(operator.output);
        let attributes = vec![
            ("blocksize", Attribute::Int(i64::from(block))),
            ("mode", Attribute::Text("DCR")),
        ];
        self.graph.node("DepthToSpace", vec![input], &output, attributes)
    }

    fn concatenation(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let options = operator.required_options()?;
        let rank = self.model.tensors[operator.output].shape.len();
        let axis: i32 = options.number(0, 0)?;
        let axis = i64::from(axis) + if axis < 0 { rank as i64 } else { 0 };
        let axis = usize::try_from(axis)
            .ok()
            .filter(|&axis| axis < rank)
            .ok_or_else(|| ConvertError::malformed("a concatenation along an axis that does not exist"))?;
        // Channels last outside is channels first inside.
        let axis = if rank == 4 { [0, 2, 3, 1][axis] } else { axis };
        let inputs = (0..operator.inputs.len())
            .map(|position| self.activation(operator.input(position)?))
            .collect::<Result<Vec<_>, _>>()?;
        let attributes = vec![("axis", Attribute::Int(axis as i64))];
        self.activated("Concat", inputs, operator.output, options.number(1, 0)?, attributes)
    }

    /// Elements keep their order under a reshape, and that order is TensorFlow Lite's: channels last.
    fn reshape(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let input = operator.input(0)?;
        let shape = self.model.tensors[operator.output].shape.clone();
        let mut source = self.activation(input)?;
        let output = self.produce(operator.output);
        if self.model.tensors[input].shape.len() == 4 {
            let turned = format!("{output}:nhwc");
            let order = Attribute::Ints(vec![0, 2, 3, 1]);
            self.graph
                .node("Transpose", vec![source], &turned, vec![("perm", order)])?;
            source = turned;
        }
        let sizes = integers(
            &mut self.graph,
            &format!("{output}:shape"),
            shape.iter().map(|&size| size as i64).collect(),
        )?;
        if shape.len() == 4 {
            let flat = format!("{output}:flat");
            self.graph.node("Reshape", vec![source, sizes], &flat, vec![])?;
            let order = Attribute::Ints(vec![0, 3, 1, 2]);
            self.graph.node("Transpose", vec![flat], &output, vec![("perm", order)])
        } else {
            self.graph.node("Reshape", vec![source, sizes], &output, vec![])
        }
    }

    /// Half precision becomes single precision here and now: the operand is a constant.
    fn dequantize(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let array = self.constant(operator.input(0)?)?;
        let (shape, count) = (array.shape.clone(), array.values.len());
        if !matches!(array.values, Values::Half(_)) {
            return Err(ConvertError::unsupported("quantised weights"));
        }
        let values = array.to_single()?;
        self.graph.charge(count)?;
        self.constants[operator.output] = Some(Array::new(shape, Values::Single(values))?);
        Ok(())
    }

    /// Sparse weights were expanded when they were read.
    fn densify(&mut self, operator: &Operator<'_>) -> Result<(), ConvertError> {
        let array = self.constant(operator.input(0)?)?.clone();
        self.graph.charge(array.values.len())?;
        self.constants[operator.output] = Some(array);
        Ok(())
    }
}

fn rows_columns(
    options: &Table<'_>,
    rows: usize,
    columns: usize,
    default: Option<i32>,
) -> Result<[i64; 2], ConvertError> {
    let default = default.unwrap_or(0);
    Ok([
        i64::from(options.number::<i32>(rows, default)?),
        i64::from(options.number::<i32>(columns, default)?),
    ])
}

fn ratio(after: usize, before: usize) -> Result<f32, ConvertError> {
    if before == 0 || after == 0 {
        return Err(ConvertError::malformed("an image without pixels is resized"));
    }
    Ok((after as f64 / before as f64) as f32)
}

fn integers(graph: &mut crate::graph::Graph, name: &str, values: Vec<i64>) -> Result<String, ConvertError> {
    graph.constant(name, Array::new(vec![values.len()], Values::Integer(values))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: i64, stride: i64, padding: i8) -> Window {
        Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            dilation: [1; 2],
            padding,
        }
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_at_the_end() {
        let even = window(3, 2, 0).pads([1, 224, 224, 3], [1, 112, 112, 8]).unwrap();
        assert_eq!(even, [0, 0, 1, 1]);
        let whole = window(3, 1, 0).pads([1, 14, 14, 8], [1, 14, 14, 8]).unwrap();
        assert_eq!(whole, [1, 1, 1, 1]);
        assert_eq!(window(3, 1, 1).pads([1, 14, 14, 8], [1, 12, 12, 8]).unwrap(), [0; 4]);
    }

    #[test]
    fn windows_out_of_range_are_refused() {
        assert!(window(0, 1, 0).check().is_err());
        assert!(window(3, i64::from(i32::MAX), 0).check().is_err());
        assert!(window(3, 2, 0).check().is_ok());
    }
}

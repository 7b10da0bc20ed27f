//! From a TensorFlow Lite model to an ONNX model.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ConvertError,
    array::Array,
    graph::Graph,
    onnx::{self, Attribute, Port},
    tflite::Model,
};

/// Version of what the converter writes, stored in every model. It is raised when the output for some input changes, and
/// is not the crate's version, so that a release alone leaves the models' bytes and hashes as they are.
pub const CONVERTER_VERSION: &str = "1";

/// How to convert a model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConvertOptions {
    /// Store weights in half precision where that loses nothing, and widen them when the model is loaded. The models
    /// of MediaPipe come in half precision, so this halves the file and changes no result.
    pub half_weights: bool,
    /// Outputs to keep, by the names that the model has; `None` keeps all. What only a dropped output needs goes too.
    pub keep: Option<BTreeSet<String>>,
    /// New names for inputs and outputs, by the names that the model has.
    pub rename: BTreeMap<String, String>,
}

/// Converts a TensorFlow Lite model to ONNX (operator set 13).
///
/// Activations are laid out channels first inside; inputs and outputs of four dimensions keep TensorFlow Lite's layout,
/// channels last. Weights in half precision are widened to single precision unless
/// [`ConvertOptions::half_weights`] is set; sparse weights are expanded.
///
/// # Errors
/// When the file is malformed, or the model uses what the converter does not know.
pub fn convert(tflite: &[u8], options: &ConvertOptions) -> Result<Vec<u8>, ConvertError> {
    let model = Model::parse(tflite)?;
    check_names(&model, options)?;
    let mut converter = Converter::new(&model, options)?;
    let inputs = converter.inputs()?;
    for operator in &model.operators {
        converter.operator(operator)?;
    }
    let outputs = converter.outputs()?;
    let pruned = converter.graph.pruned(&outputs);
    let onnx = onnx::Model {
        producer: env!("CARGO_PKG_NAME"),
        producer_version: CONVERTER_VERSION,
        nodes: &pruned.nodes,
        initializers: &pruned.initializers,
        inputs: &inputs,
        outputs: &outputs,
    };
    Ok(onnx.to_bytes())
}

/// Everything that the options name must be in the model: a misspelt name would silently do nothing.
fn check_names(model: &Model<'_>, options: &ConvertOptions) -> Result<(), ConvertError> {
    let is_among = |indices: &[usize], name: &str| indices.iter().any(|&index| model.tensors[index].name == name);
    let unknown_output = options
        .keep
        .iter()
        .flatten()
        .find(|name| !is_among(&model.outputs, name));
    let unknown_port = options
        .rename
        .keys()
        .find(|name| !is_among(&model.inputs, name) && !is_among(&model.outputs, name));
    match unknown_output.or(unknown_port) {
        Some(name) => Err(ConvertError::UnknownName { name: name.clone() }),
        None => Ok(()),
    }
}

/// The state of one conversion.
pub(crate) struct Converter<'a> {
    pub(crate) model: &'a Model<'a>,
    pub(crate) graph: Graph,
    options: &'a ConvertOptions,
    /// The value of each tensor that is a constant.
    pub(crate) constants: Vec<Option<Array>>,
    /// The name under which each tensor's value travels inside the ONNX graph.
    names: Vec<String>,
    /// Whether each tensor has been fed in or computed.
    ready: Vec<bool>,
}

impl<'a> Converter<'a> {
    fn new(model: &'a Model<'a>, options: &'a ConvertOptions) -> Result<Self, ConvertError> {
        let mut graph = Graph::new(options.half_weights);
        let mut constants = Vec::with_capacity(model.tensors.len());
        for tensor in &model.tensors {
            graph.charge(tensor.constant_values()?)?;
            constants.push(tensor.constant()?);
        }
        let mut names: Vec<String> = model.tensors.iter().map(|tensor| tensor.name.clone()).collect();
        for &index in model.inputs.iter().chain(&model.outputs) {
            // A port of four dimensions is known by one name outside, channels last, and by another inside.
            let tensor = &model.tensors[index];
            names[index] = if tensor.shape.len() == 4 {
                format!("{}:nchw", tensor.name)
            } else {
                options.public_name(&tensor.name)
            };
        }
        Ok(Self {
            model,
            graph,
            options,
            constants,
            names,
            ready: vec![false; model.tensors.len()],
        })
    }

    fn inputs(&mut self) -> Result<Vec<Port>, ConvertError> {
        let mut ports = Vec::new();
        for &index in &self.model.inputs {
            let tensor = &self.model.tensors[index];
            let name = self.options.public_name(&tensor.name);
            self.graph.input(&name)?;
            if tensor.shape.len() == 4 {
                let order = Attribute::Ints(vec![0, 3, 1, 2]);
                self.graph.node(
                    "Transpose",
                    vec![name.clone()],
                    &self.names[index],
                    vec![("perm", order)],
                )?;
            }
            self.ready[index] = true;
            ports.push(Port {
                name,
                shape: tensor.shape.clone(),
            });
        }
        Ok(ports)
    }

    fn outputs(&mut self) -> Result<Vec<Port>, ConvertError> {
        let mut ports = Vec::new();
        for &index in &self.model.outputs {
            let tensor = &self.model.tensors[index];
            if self
                .options
                .keep
                .as_ref()
                .is_some_and(|keep| !keep.contains(&tensor.name))
            {
                continue;
            }
            if self.model.inputs.contains(&index) {
                return Err(ConvertError::unsupported(format!(
                    "the input `{}` is also an output",
                    tensor.name
                )));
            }
            let inner = self.activation(index)?;
            let name = self.options.public_name(&tensor.name);
            if tensor.shape.len() == 4 {
                let order = Attribute::Ints(vec![0, 2, 3, 1]);
                self.graph
                    .node("Transpose", vec![inner], &name, vec![("perm", order)])?;
            }
            ports.push(Port {
                name,
                shape: tensor.shape.clone(),
            });
        }
        Ok(ports)
    }

    /// The name of a value that has been fed in or computed.
    pub(crate) fn activation(&self, tensor: usize) -> Result<String, ConvertError> {
        if self.ready[tensor] {
            Ok(self.names[tensor].clone())
        } else {
            Err(ConvertError::unsupported(format!(
                "`{}` is used as a computed value, which it is not at that point",
                self.model.tensors[tensor].name
            )))
        }
    }

    /// The name of a value that is about to be computed.
    pub(crate) fn produce(&mut self, tensor: usize) -> String {
        self.ready[tensor] = true;
        self.names[tensor].clone()
    }

    /// The value of a tensor that must be a constant.
    pub(crate) fn constant(&self, tensor: usize) -> Result<&Array, ConvertError> {
        self.constants[tensor].as_ref().ok_or_else(|| {
            ConvertError::unsupported(format!("`{}` is not a constant", self.model.tensors[tensor].name))
        })
    }
}

impl ConvertOptions {
    fn public_name(&self, name: &str) -> String {
        self.rename.get(name).map_or(name, String::as_str).to_owned()
    }
}

//! Writes the few ONNX messages that a converted model consists of, as protobuf.
//!
//! Field numbers are those of `onnx/onnx.proto3` (IR version 8); fields are written in a fixed order and nothing is
//! written that depends on the machine or the day, so equal graphs give equal bytes.

use crate::array::{Array, Values};

/// ONNX operator set in which the operators are written.
const OPSET: u64 = 13;
/// Version of the container format that introduced nothing newer than `OPSET` needs.
const IR_VERSION: u64 = 8;

const TENSOR_FLOAT: u64 = 1;
const TENSOR_INT64: u64 = 7;
const TENSOR_FLOAT16: u64 = 10;

const ATTRIBUTE_INT: u64 = 2;
const ATTRIBUTE_STRING: u64 = 3;
const ATTRIBUTE_INTS: u64 = 7;

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3 | VARINT);
        self.varint(value);
        self
    }

    fn bytes(mut self, field: u64, value: &[u8]) -> Self {
        self.varint(field << 3 | LENGTH_DELIMITED);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn text(self, field: u64, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    fn message(self, field: u64, value: &Message) -> Self {
        self.bytes(field, &value.0)
    }
}

/// A parameter of a node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Attribute {
    Int(i64),
    Ints(Vec<i64>),
    Text(&'static str),
}

/// One operation of the graph; an empty input name stands for an optional input that is absent.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) operator: &'static str,
    pub(crate) inputs: Vec<String>,
    pub(crate) output: String,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// A named input or output of the graph, in single precision.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
}

/// A whole model.
pub(crate) struct Model<'a> {
    pub(crate) producer: &'a str,
    pub(crate) producer_version: &'a str,
    pub(crate) nodes: &'a [Node],
    pub(crate) initializers: &'a [(String, Array)],
    pub(crate) inputs: &'a [Port],
    pub(crate) outputs: &'a [Port],
}

impl Model<'_> {
    /// The model as an `onnx.ModelProto`.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut graph = Message::default();
        for (number, node) in self.nodes.iter().enumerate() {
            graph = graph.message(1, &node_message(node, number));
        }
        graph = graph.text(2, "tflite");
        for (name, array) in self.initializers {
            graph = graph.message(5, &tensor_message(name, array));
        }
        for port in self.inputs {
            graph = graph.message(11, &port_message(port));
        }
        for port in self.outputs {
            graph = graph.message(12, &port_message(port));
        }
        let opset = Message::default().text(1, "").number(2, OPSET);
        Message::default()
            .number(1, IR_VERSION)
            .text(2, self.producer)
            .text(3, self.producer_version)
            .message(7, &graph)
            .message(8, &opset)
            .0
    }
}

fn node_message(node: &Node, number: usize) -> Message {
    let mut message = Message::default();
    for input in &node.inputs {
        message = message.text(1, input);
    }
    message = message
        .text(2, &node.output)
        .text(3, &format!("n{number}"))
        .text(4, node.operator);
    for (name, attribute) in &node.attributes {
        message = message.message(5, &attribute_message(name, attribute));
    }
    message
}

fn attribute_message(name: &str, attribute: &Attribute) -> Message {
    let message = Message::default().text(1, name);
    match attribute {
        Attribute::Int(value) => message.number(3, *value as u64).number(20, ATTRIBUTE_INT),
        Attribute::Text(value) => message.text(4, value).number(20, ATTRIBUTE_STRING),
        Attribute::Ints(values) => values
            .iter()
            .fold(message, |message, value| message.number(8, *value as u64))
            .number(20, ATTRIBUTE_INTS),
    }
}

fn tensor_message(name: &str, array: &Array) -> Message {
    let (data_type, raw): (u64, Vec<u8>) = match &array.values {
        Values::Single(values) => (TENSOR_FLOAT, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Values::Half(values) => (TENSOR_FLOAT16, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Values::Integer(values) => (TENSOR_INT64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
    };
    array
        .shape
        .iter()
        .fold(Message::default(), |message, &size| message.number(1, size as u64))
        .number(2, data_type)
        .text(8, name)
        .bytes(9, &raw)
}

fn port_message(port: &Port) -> Message {
    let shape = port.shape.iter().fold(Message::default(), |shape, &size| {
        shape.message(1, &Message::default().number(1, size as u64))
    });
    let tensor = Message::default().number(1, TENSOR_FLOAT).message(2, &shape);
    Message::default()
        .text(1, &port.name)
        .message(2, &Message::default().message(1, &tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_protobuf_varints() {
        let message = Message::default().number(1, 300);
        assert_eq!(message.0, [0x08, 0xac, 0x02]);
        let negative = Message::default().number(3, -1_i64 as u64);
        assert_eq!(negative.0, [0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]);
    }
}

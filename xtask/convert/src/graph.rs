//! The ONNX graph while it is being put together.

use std::collections::{HashMap, HashSet};

use half::f16;

use crate::{
    ConvertError,
    array::{Array, MAX_VALUES, Values},
    onnx::{Attribute, Node, Port},
};

/// Constants up to this many values stay in single precision, since halving them saves nothing.
const SMALLEST_HALVED: usize = 64;

/// Nodes and constants in the order in which they were added; no value has two sources.
pub(crate) struct Graph {
    half_weights: bool,
    nodes: Vec<Node>,
    initializers: Vec<(String, Array)>,
    /// Where each constant lies among the initializers, by the name under which nodes use it.
    known: HashMap<String, usize>,
    produced: HashSet<String>,
    values_left: usize,
}

/// What remains of a graph when everything is left out that no output needs.
pub(crate) struct Pruned {
    pub(crate) nodes: Vec<Node>,
    pub(crate) initializers: Vec<(String, Array)>,
}

impl Graph {
    pub(crate) fn new(half_weights: bool) -> Self {
        Self {
            half_weights,
            nodes: Vec::new(),
            initializers: Vec::new(),
            known: HashMap::new(),
            produced: HashSet::new(),
            values_left: MAX_VALUES,
        }
    }

    /// Accounts for `count` values of constants, so that a small file can't expand without end.
    pub(crate) fn charge(&mut self, count: usize) -> Result<(), ConvertError> {
        self.values_left = self
            .values_left
            .checked_sub(count)
            .ok_or(ConvertError::TooLarge { limit: MAX_VALUES })?;
        Ok(())
    }

    /// Declares a value that is fed into the graph.
    pub(crate) fn input(&mut self, name: &str) -> Result<(), ConvertError> {
        self.claim(name)
    }

    /// Adds an operation.
    pub(crate) fn node(
        &mut self,
        operator: &'static str,
        inputs: Vec<String>,
        output: &str,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> Result<(), ConvertError> {
        self.claim(output)?;
        self.nodes.push(Node {
            operator,
            inputs,
            output: output.to_owned(),
            attributes,
        });
        Ok(())
    }

    /// Adds a constant, or finds it when the same one is there already, and returns its name.
    pub(crate) fn constant(&mut self, name: &str, array: Array) -> Result<String, ConvertError> {
        let half = self.half_weights.then(|| halved(&array)).flatten();
        let is_half = half.is_some();
        let stored = half.unwrap_or(array);
        if let Some(&known) = self.known.get(name) {
            return if self.initializers[known].1 == stored {
                Ok(name.to_owned())
            } else {
                Err(ConvertError::DuplicateName { name: name.to_owned() })
            };
        }
        self.charge(stored.values.len())?;
        self.known.insert(name.to_owned(), self.initializers.len());
        if is_half {
            let stored_name = format!("{name}:half");
            self.claim(&stored_name)?;
            self.initializers.push((stored_name.clone(), stored));
            self.node("Cast", vec![stored_name], name, vec![("to", Attribute::Int(1))])?;
        } else {
            self.claim(name)?;
            self.initializers.push((name.to_owned(), stored));
        }
        Ok(name.to_owned())
    }

    /// Everything that the outputs depend on, in order.
    pub(crate) fn pruned(self, outputs: &[Port]) -> Pruned {
        let mut needed: HashSet<String> = outputs.iter().map(|port| port.name.clone()).collect();
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for node in self.nodes.into_iter().rev() {
            if needed.contains(&node.output) {
                needed.extend(node.inputs.iter().cloned());
                nodes.push(node);
            }
        }
        nodes.reverse();
        Pruned {
            nodes,
            initializers: self
                .initializers
                .into_iter()
                .filter(|(name, _)| needed.contains(name))
                .collect(),
        }
    }

    fn claim(&mut self, name: &str) -> Result<(), ConvertError> {
        if self.produced.insert(name.to_owned()) {
            Ok(())
        } else {
            Err(ConvertError::DuplicateName { name: name.to_owned() })
        }
    }
}

/// The constant in half precision, when it is worth it and not one bit is lost.
fn halved(array: &Array) -> Option<Array> {
    let Values::Single(values) = &array.values else {
        return None;
    };
    if values.len() <= SMALLEST_HALVED {
        return None;
    }
    let half: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
    let exact = half
        .iter()
        .zip(values)
        .all(|(half, value)| half.to_f32().to_bits() == value.to_bits());
    exact.then(|| Array {
        shape: array.shape.clone(),
        values: Values::Half(half),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize, value: f32) -> Array {
        Array::new(vec![count], Values::Single(vec![value; count])).unwrap()
    }

    #[test]
    fn only_exact_constants_are_halved() {
        assert!(halved(&filled(65, 0.5)).is_some());
        assert!(halved(&filled(64, 0.5)).is_none(), "too small to be worth it");
        assert!(halved(&filled(65, 0.1)).is_none(), "0.1 needs more bits");
    }

    #[test]
    fn what_no_output_needs_is_left_out() {
        let mut graph = Graph::new(false);
        graph.input("x").unwrap();
        let used = graph.constant("used", filled(1, 1.0)).unwrap();
        let unused = graph.constant("unused", filled(1, 2.0)).unwrap();
        graph.node("Add", vec!["x".into(), used], "y", vec![]).unwrap();
        graph.node("Add", vec!["y".into(), unused], "z", vec![]).unwrap();
        let pruned = graph.pruned(&[Port {
            name: "y".into(),
            shape: vec![1],
        }]);
        assert_eq!(pruned.nodes.len(), 1);
        assert_eq!(pruned.initializers.len(), 1);
    }

    #[test]
    fn a_name_has_one_source() {
        let mut graph = Graph::new(false);
        graph.input("x").unwrap();
        let error = graph.node("Relu", vec!["x".into()], "x", vec![]).unwrap_err();
        assert_eq!(error, ConvertError::DuplicateName { name: "x".into() });
        assert!(graph.constant("c", filled(2, 1.0)).is_ok());
        assert!(graph.constant("c", filled(2, 1.0)).is_ok(), "the same constant again");
        assert!(
            graph.constant("c", filled(2, 3.0)).is_err(),
            "another constant of that name"
        );
    }
}

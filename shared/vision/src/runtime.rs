//! ONNX Runtime: its library, its sessions, and the tensors that go in and out.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ort::{
    environment::Environment,
    session::{Session, SessionOutputs, builder::GraphOptimizationLevel},
    value::{DynValue, Outlet, Tensor},
};

use crate::{VisionError, models::ModelFile};

/// The loaded library. It is loaded once in a process, by whoever comes first; later loads get the same one.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    environment: Environment,
}

impl OnnxRuntime {
    /// Loads ONNX Runtime from its library, `libonnxruntime.so` on Linux, version 1.17 or later.
    ///
    /// # Errors
    /// [`VisionError::Runtime`] when the library is missing, is no library, or is too old.
    pub fn load(library: &Path) -> Result<Self, VisionError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| VisionError::Runtime {
            path: library.to_owned(),
            source,
        };
        // A relative path would be looked for beside the executable first.
        let absolute = library.canonicalize().map_err(|error| failed(error.into()))?;
        let builder = ort::init_from(absolute).map_err(|error| failed(error.to_string().into()))?;
        let environment = builder
            .with_name("marey")
            .with_telemetry(false)
            .build()
            .map_err(|error| failed(error.into()))?;
        Ok(Self { environment })
    }

    /// Prepares a model that has one input of `input_len` numbers and the given outputs.
    pub(crate) fn network(
        &self,
        model: &ModelFile,
        threads: usize,
        input_len: usize,
        outputs: &[(&'static str, usize)],
    ) -> Result<Network, VisionError> {
        let failed = |error: ort::Error| inference_error(&model.name, error);
        let session = self.session(model, threads).map_err(failed)?;
        let wrong = |port: &str, expected| VisionError::ModelShape {
            name: model.name.clone(),
            port: port.to_owned(),
            expected,
        };
        for &(name, len) in outputs {
            let outlet = session.outputs().iter().find(|outlet| outlet.name() == name);
            if outlet.and_then(element_count) != Some(len) {
                return Err(wrong(name, len));
            }
        }
        let input = match session.inputs() {
            [input] if element_count(input) == Some(input_len) => input,
            _ => return Err(wrong("input", input_len)),
        };
        let shape = input.dtype().tensor_shape().cloned().unwrap_or_default();
        let input = Tensor::from_array((shape, vec![0.0_f32; input_len])).map_err(failed)?;
        Ok(Network {
            name: model.name.clone(),
            session,
            input,
            time: Duration::ZERO,
        })
    }

    fn session(&self, model: &ModelFile, threads: usize) -> Result<Session, ort::Error> {
        Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .commit_from_memory(&model.bytes)
    }
}

/// How many numbers an input or output of fixed shape has.
fn element_count(outlet: &Outlet) -> Option<usize> {
    outlet
        .dtype()
        .tensor_shape()?
        .iter()
        .try_fold(1_usize, |product, &size| {
            product.checked_mul(usize::try_from(size).ok()?)
        })
}

fn inference_error(name: &str, error: ort::Error) -> VisionError {
    VisionError::Inference {
        name: name.to_owned(),
        source: error.into(),
    }
}

/// A model that is ready to run, with the tensor that it reads.
#[derive(Debug)]
pub(crate) struct Network {
    name: String,
    session: Session,
    input: Tensor<f32>,
    time: Duration,
}

impl Network {
    /// The numbers that the next run reads; they stay in place, so nothing is copied or allocated per frame.
    pub(crate) fn input(&mut self) -> &mut [f32] {
        self.input.extract_tensor_mut().1
    }

    /// Runs the model on its input.
    pub(crate) fn run(&mut self) -> Result<Outputs<'_>, VisionError> {
        let started = Instant::now();
        let result = self.session.run(ort::inputs![&self.input]);
        self.time += started.elapsed();
        Ok(Outputs {
            name: &self.name,
            values: result.map_err(|error| inference_error(&self.name, error))?,
        })
    }

    /// Time that all runs together took.
    pub(crate) fn time(&self) -> Duration {
        self.time
    }
}

/// What a run gave.
pub(crate) struct Outputs<'a> {
    name: &'a str,
    values: SessionOutputs<'a>,
}

impl Outputs<'_> {
    /// The numbers of one output; there are exactly `len`.
    pub(crate) fn get(&self, output: &str, len: usize) -> Result<&[f32], VisionError> {
        self.values
            .get(output)
            .and_then(|value: &DynValue| value.try_extract_tensor::<f32>().ok())
            .map(|(_, numbers)| numbers)
            .filter(|numbers| numbers.len() == len)
            .ok_or_else(|| VisionError::ModelShape {
                name: self.name.to_owned(),
                port: output.to_owned(),
                expected: len,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_an_error_with_a_hint() {
        let error = OnnxRuntime::load(Path::new("/nowhere/libonnxruntime.so")).unwrap_err();
        assert_eq!(error.code(), "VISION_RUNTIME");
        assert!(error.hint().contains("MAREY_ONNXRUNTIME"));
    }

    #[test]
    fn a_file_that_is_no_library_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"not a library").unwrap();
        // Where another test of this process has loaded the real library, that one stays.
        if let Err(error) = OnnxRuntime::load(file.path()) {
            assert_eq!(error.code(), "VISION_RUNTIME");
        }
    }
}

//! ONNX Runtime: its library, its sessions, and the tensors that go in and out.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use ort::{
    environment::Environment,
    ep::{self, ExecutionProvider, ExecutionProviderDispatch},
    session::{Session, SessionOutputs, builder::GraphOptimizationLevel},
    value::{DynValue, Outlet, Tensor},
};

use crate::{VisionError, models::ModelFile};

/// What runs a model. ONNX Runtime falls back to the processor without a word where a provider fails; here that is an error. Single
/// operators that a provider does not know are still run by the processor, as ONNX Runtime plans it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provider {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA's CUDA.
    Cuda,
    /// NVIDIA's `TensorRT`.
    TensorRt,
    /// Apple's Core ML.
    CoreMl,
    /// Intel's `OpenVINO`.
    OpenVino,
    /// XNNPACK, on the processor.
    Xnnpack,
}

impl Provider {
    /// Its name for people and for options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
            Self::CoreMl => "coreml",
            Self::OpenVino => "openvino",
            Self::Xnnpack => "xnnpack",
        }
    }

    /// Whether the library was built with it, and what asks a session to use it; `None` for what every library has.
    fn dispatch(self) -> Option<(ort::Result<bool>, ExecutionProviderDispatch)> {
        fn of<P: ExecutionProvider>(
            dispatch: ExecutionProviderDispatch,
        ) -> (ort::Result<bool>, ExecutionProviderDispatch) {
            (P::is_available(), dispatch.error_on_failure())
        }
        Some(match self {
            Self::Cpu => return None,
            Self::Cuda => of::<ep::CUDA>(ep::CUDA::default().build()),
            Self::TensorRt => of::<ep::TensorRT>(ep::TensorRT::default().build()),
            Self::CoreMl => of::<ep::CoreML>(ep::CoreML::default().build()),
            Self::OpenVino => of::<ep::OpenVINO>(ep::OpenVINO::default().build()),
            Self::Xnnpack => of::<ep::XNNPACK>(ep::XNNPACK::default().build()),
        })
    }
}

/// The loaded library. It is loaded once in a process, by whoever comes first; later loads get the same one.
#[derive(Debug, Clone)]
pub struct OnnxRuntime {
    environment: Environment,
    provider: Provider,
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
        Ok(Self {
            environment,
            provider: Provider::Cpu,
        })
    }

    /// The same library with another provider, which runs the models that are prepared from here on.
    ///
    /// # Errors
    /// [`VisionError::Provider`] if the library was built without it. Whether the machine has what it needs shows when a model is
    /// prepared.
    pub fn with_provider(&self, provider: Provider) -> Result<Self, VisionError> {
        let unavailable = |source: Box<dyn std::error::Error + Send + Sync>| VisionError::Provider {
            provider: provider.name(),
            source,
        };
        match provider.dispatch().map(|(available, _)| available) {
            None | Some(Ok(true)) => Ok(Self {
                environment: self.environment.clone(),
                provider,
            }),
            Some(Ok(false)) => Err(unavailable("this build of ONNX Runtime does not have it".into())),
            Some(Err(error)) => Err(unavailable(error.into())),
        }
    }

    /// What runs the models that are prepared with this.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// The library's version, such as `1.31.1`; where its build names none, the commit that it was built from.
    pub fn version(&self) -> &'static str {
        version_in(ort::info())
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
        let session = self.session(model, threads)?;
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

    fn session(&self, model: &ModelFile, threads: usize) -> Result<Session, VisionError> {
        let failed = |error: ort::Error| inference_error(&model.name, error);
        let prepare = || {
            Ok(Session::builder(&self.environment)?
                .with_optimization_level(GraphOptimizationLevel::All)?
                .with_intra_threads(threads)?)
        };
        let mut builder = prepare().map_err(failed)?;
        if let Some((_, dispatch)) = self.provider.dispatch() {
            let chosen = builder.with_execution_providers([dispatch]);
            builder = chosen.map_err(|error| VisionError::Provider {
                provider: self.provider.name(),
                source: error.to_string().into(),
            })?;
        }
        builder.commit_from_memory(&model.bytes).map_err(failed)
    }
}

/// `ORT Build Info: git-branch=rel-1.31.1, git-commit-id=…`
fn version_in(info: &str) -> &str {
    let named = |name: &str| info.split(name).nth(1)?.split(',').next().map(str::trim);
    let version = named("git-branch=").map(|branch| branch.trim_start_matches("rel-"));
    // A build from a detached head has no branch to be named after.
    let is_version = |version: &&str| version.starts_with(|digit: char| digit.is_ascii_digit());
    version
        .filter(is_version)
        .or_else(|| named("git-commit-id="))
        .unwrap_or(info)
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
    fn the_version_stands_in_the_name_of_the_branch() {
        assert_eq!(
            version_in("ORT Build Info: git-branch=rel-1.31.1, git-commit-id=1, build type=Release"),
            "1.31.1"
        );
        assert_eq!(
            version_in("ORT Build Info: git-branch=HEAD, git-commit-id=6af1a93, fp8-kv-cache=1, build type=Release"),
            "6af1a93"
        );
        assert_eq!(version_in("something else"), "something else");
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

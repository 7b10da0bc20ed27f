//! Arguments of `benchmark`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// As the estimator has it.
const MOST_PEOPLE: u16 = marey_vision::MOST_PEOPLE as u16;

/// Arguments of `benchmark`.
#[derive(Debug, Args)]
pub(crate) struct Benchmark {
    /// The video
    pub(crate) video: PathBuf,
    /// How often the video is gone through; the first time does not count
    #[arg(short = 'n', long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub(crate) passes: u32,
    /// Only so many frames from the beginning
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frames: Option<u64>,
    /// Threads within one inference
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// Most people who are followed at once; jobs follow up to 4 unless told otherwise
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(MOST_PEOPLE)))]
    pub(crate) people: u16,
    /// What runs the models; one that is not there is an error
    #[arg(long, value_enum, value_name = "WHAT", default_value = "cpu")]
    pub(crate) provider: Provider,
    /// Measure this as well and compare: threads=N, people=N, provider=WHAT, models=FOLDER, with commas between; the rest stays
    #[arg(long, value_name = "DEVICE", value_parser = device)]
    pub(crate) compare: Option<Device>,
    /// The folder with models.json [default: .marey/models here or above]
    #[arg(long, value_name = "FOLDER", env = "MAREY_MODELS")]
    pub(crate) models: Option<PathBuf>,
    /// ONNX Runtime's library [default: .marey/lib/libonnxruntime.so here or above]
    #[arg(long, value_name = "FILE", env = "MAREY_ONNXRUNTIME")]
    pub(crate) onnxruntime: Option<PathBuf>,
}

/// What runs the models. The values explain themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Provider {
    Cpu,
    Cuda,
    #[value(name = "tensorrt")]
    TensorRt,
    #[value(name = "coreml")]
    CoreMl,
    #[value(name = "openvino")]
    OpenVino,
    Xnnpack,
}

impl From<Provider> for marey_vision::Provider {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Cpu => Self::Cpu,
            Provider::Cuda => Self::Cuda,
            Provider::TensorRt => Self::TensorRt,
            Provider::CoreMl => Self::CoreMl,
            Provider::OpenVino => Self::OpenVino,
            Provider::Xnnpack => Self::Xnnpack,
        }
    }
}

/// In what a second device differs from the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Device {
    pub(crate) threads: Option<u16>,
    pub(crate) people: Option<u16>,
    pub(crate) provider: Option<Provider>,
    pub(crate) models: Option<PathBuf>,
}

/// Reads `threads=2,provider=cuda`.
fn device(text: &str) -> Result<Device, String> {
    let mut device = Device::default();
    for setting in text.split(',') {
        let (name, value) = setting.split_once('=').ok_or_else(|| format!("`{setting}` has no ="))?;
        match name {
            "threads" => device.threads = Some(number(value, 256)?),
            "people" => device.people = Some(number(value, MOST_PEOPLE)?),
            "provider" => device.provider = Some(Provider::from_str(value, false)?),
            "models" => device.models = Some(PathBuf::from(value)),
            _ => return Err(format!("`{name}` is none of threads, people, provider and models")),
        }
    }
    Ok(device)
}

fn number(text: &str, most: u16) -> Result<u16, String> {
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("`{text}` is not a number from 1 to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_what_differs() {
        let both = device("threads=2,provider=cuda").unwrap();
        assert_eq!(
            (both.threads, both.provider, both.models),
            (Some(2), Some(Provider::Cuda), None)
        );
        assert_eq!(device("people=4").unwrap().people, Some(4));
        assert_eq!(device("models=a/b").unwrap().models, Some("a/b".into()));
        for wrong in [
            "",
            "threads",
            "threads=0",
            "threads=x",
            "people=0",
            "people=17",
            "provider=abacus",
            "speed=9",
            "threads=2,",
        ] {
            assert!(device(wrong).is_err(), "{wrong}");
        }
    }
}

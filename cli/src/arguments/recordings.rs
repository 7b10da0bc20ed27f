//! Arguments of the commands for recordings in files.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use marey_motion::Skeleton;
use marey_motion::formats::{Format, ReadOptions, Units, Up};

/// Arguments of `convert`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Convert {
    /// The recording: a file, or a folder with OpenPose's file for each frame
    #[arg(value_name = "IN")]
    pub(crate) input: PathBuf,
    /// What to write; a folder for OpenPose unless it ends in .jsonl
    #[arg(value_name = "OUT")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) reading: Reading,
    /// The format to write; else OUT's ending says it
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(crate) to: Option<Format>,
    /// Convert the landmarks to this skeleton; else the one that the format's readers expect
    #[arg(long, value_name = "NAME", value_parser = skeleton())]
    pub(crate) skeleton: Option<Skeleton>,
    /// Where lengths come from in TRC and angles in MOT: pixels of the picture, or metres of the world
    #[arg(long, value_enum, value_name = "UNIT")]
    pub(crate) units: Option<UnitsChoice>,
    /// The person for formats that hold one; else the one seen in most frames
    #[arg(long, value_name = "N")]
    pub(crate) person: Option<u32>,
    /// Landmarks less visible than this are missing in TRC and C3D, from 0 to 1 [default: 0.3]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) minimum_visibility: Option<f32>,
    /// Overwrite what is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// How one recording is read.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Reading {
    /// The format of IN; else its content says it
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(crate) from: Option<Format>,
    /// Which video of NeuroPose's results to take
    #[arg(long, value_name = "NAME")]
    pub(crate) video: Option<String>,
    #[command(flatten)]
    pub(crate) unsaid: Unsaid,
}

/// What a recording's file does not say of itself; of all files, where there are several.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Unsaid {
    /// Frames per second, for files without times
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// The skeleton of a file's markers; else the one that has most of them
    #[arg(long, value_name = "NAME", value_parser = skeleton())]
    pub(crate) markers: Option<Skeleton>,
    /// The axis that points up in TRC or C3D; else y in TRC, and what a C3D file says or z
    #[arg(long, value_enum, value_name = "AXIS")]
    pub(crate) up: Option<UpChoice>,
}

impl Reading {
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            video: self.video.clone(),
            ..self.unsaid.options()
        }
    }
}

impl Unsaid {
    pub(crate) fn options(&self) -> ReadOptions {
        ReadOptions {
            skeleton: self.markers,
            rate_hz: self.rate,
            up: self.up.map(|up| match up {
                UpChoice::Y => Up::Y,
                UpChoice::Z => Up::Z,
            }),
            ..ReadOptions::default()
        }
    }
}

/// A unit of length. The values explain themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnitsChoice {
    Px,
    M,
}

impl From<UnitsChoice> for Units {
    fn from(choice: UnitsChoice) -> Self {
        match choice {
            UnitsChoice::Px => Self::Px,
            UnitsChoice::M => Self::M,
        }
    }
}

/// An axis. The values explain themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UpChoice {
    Y,
    Z,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(Format::name))
        .try_map(|name| Format::from_name(&name).ok_or("there is no such format"))
}

fn skeleton() -> impl TypedValueParser<Value = Skeleton> {
    PossibleValuesParser::new(Skeleton::ALL.map(Skeleton::name))
        .try_map(|name| Skeleton::from_name(&name).ok_or("there is no such skeleton"))
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    let is_rate = rate.is_finite() && rate > 0.0 && rate <= 1e6;
    if is_rate {
        Ok(rate)
    } else {
        Err("it is no rate of frames".to_owned())
    }
}

fn share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    let is_share = (0.0..=1.0).contains(&share);
    if is_share {
        Ok(share)
    } else {
        Err("it is not in 0 to 1".to_owned())
    }
}

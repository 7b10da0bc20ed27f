//! Arguments of `compare`.

use std::ops::Range;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use marey_motion::Space;
use marey_motion::compare::{Align, Basis, Missing};

use super::recordings::Unsaid;

/// Arguments of `compare`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Compare {
    /// The first movement
    pub(crate) a: PathBuf,
    /// The second movement
    pub(crate) b: PathBuf,
    /// Write comparison.json, differences.svg and comparison.mp4 into this folder, which is made if it is not there
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Overwrite files that are there
    #[arg(long, requires = "out")]
    pub(crate) force: bool,
    /// The video of the first movement, for comparison.mp4; without it figures are drawn on a plain ground
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with = "no_video")]
    pub(crate) video_a: Option<PathBuf>,
    /// The video of the second movement
    #[arg(long, value_name = "FILE", requires = "out", conflicts_with = "no_video")]
    pub(crate) video_b: Option<PathBuf>,
    /// Make no comparison.mp4
    #[arg(long, requires = "out")]
    pub(crate) no_video: bool,
    /// Height of the pictures in comparison.mp4 in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 540, value_parser = clap::value_parser!(u32).range(160..=2160))]
    pub(crate) height: u32,
    /// Angles and places in the image, or in the world [default: image, or world where a recording has no image]
    #[arg(long, value_enum, value_name = "SPACE")]
    pub(crate) space: Option<ComparedSpace>,
    #[command(flatten)]
    pub(crate) unsaid: Unsaid,
    /// What the movements are warped on
    #[arg(long, value_enum, default_value = "angles", value_name = "WHAT")]
    pub(crate) on: ComparedOn,
    /// Turn and shift the joints of A onto those of B: each frame by itself, or all frames alike
    #[arg(long, value_enum, default_value = "none", value_name = "HOW")]
    pub(crate) align: Aligned,
    /// Fit the size too when aligning
    #[arg(long)]
    pub(crate) scale: bool,
    /// Keep the path this many frames near the diagonal
    #[arg(long, value_name = "FRAMES", conflicts_with = "fast")]
    pub(crate) band: Option<usize>,
    #[arg(
        help = "Warp as FastDTW does, with this radius, instead of exactly",
        long,
        value_name = "RADIUS"
    )]
    pub(crate) fast: Option<usize>,
    /// What becomes of unknown values when warping
    #[arg(long, value_enum, default_value = "interpolate", value_name = "HOW")]
    pub(crate) missing: Unknown,
    /// The person of A by number; else whoever is seen most
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person_a: Option<u32>,
    /// The person of B by number
    #[arg(long, value_name = "NUMBER")]
    pub(crate) person_b: Option<u32>,
    /// The repetitions of A as frames, the first up to but without the last; else those that its analysis found
    #[arg(long, value_name = "FRAMES", value_delimiter = ',', value_parser = frames)]
    pub(crate) repetitions: Vec<Range<usize>>,
}

/// Frames such as `0-45`.
fn frames(text: &str) -> Result<Range<usize>, String> {
    let whole = || {
        let (from, to) = text.split_once('-')?;
        let range = from.trim().parse().ok()?..to.trim().parse().ok()?;
        (range.start < range.end).then_some(range)
    };
    whole().ok_or_else(|| format!("`{text}` are no frames such as 0-45"))
}

/// Where angles and places are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComparedSpace {
    Image,
    World,
}

impl From<ComparedSpace> for Space {
    fn from(space: ComparedSpace) -> Self {
        match space {
            ComparedSpace::Image => Self::Image,
            ComparedSpace::World => Self::World,
        }
    }
}

/// What movements are warped on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComparedOn {
    Angles,
    Joints,
}

impl From<ComparedOn> for Basis {
    fn from(on: ComparedOn) -> Self {
        match on {
            ComparedOn::Angles => Self::Angles,
            ComparedOn::Joints => Self::Joints,
        }
    }
}

/// How joints are laid onto each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Aligned {
    None,
    Frame,
    Sequence,
}

impl From<Aligned> for Align {
    fn from(how: Aligned) -> Self {
        match how {
            Aligned::None => Self::None,
            Aligned::Frame => Self::ProcrustesPerFrame,
            Aligned::Sequence => Self::ProcrustesPerSequence,
        }
    }
}

/// What becomes of unknown values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unknown {
    Propagate,
    Interpolate,
    Drop,
}

impl From<Unknown> for Missing {
    fn from(how: Unknown) -> Self {
        match how {
            Unknown::Propagate => Self::Propagate,
            Unknown::Interpolate => Self::Interpolate,
            Unknown::Drop => Self::Drop,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_two_numbers_in_order() {
        assert_eq!(frames("0-45"), Ok(0..45));
        for wrong in ["", "5", "5-5", "9-3", "a-b", "-4"] {
            assert!(frames(wrong).is_err(), "{wrong}");
        }
    }
}

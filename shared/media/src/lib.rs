//! ffmpeg at arm's length: what a video is, its frames with their true times, and writing one, in one go or in pieces.
//!
//! Uploaded media is hostile. A file is recognised by its own bytes ([`probe`]) before a tool sees it, opened with one
//! demuxer and a list of codecs, and read by a child process that may open that one file, has no network, and whose memory, time and
//! output are bounded ([`Limits`], [`SandboxReport`]). The child dies with its owner.
//!
//! Times are presentation times in seconds on the file's own timeline, exact to the tick; nothing here computes a time from a frame's
//! number.
//!
//! What this crate refuses to do: play, stream, open anything but a local file, or trust a file's name.

mod child;
mod cut;
mod description;
mod encode_options;
mod encoder;
mod error;
mod feed;
mod filters;
mod info;
mod join;
mod limits;
mod matroska;
mod mp4;
mod nut;
mod nut_codes;
mod probe;
mod read_plan;
mod reader;
mod sandbox;
mod sniff;
mod sound;
mod timeline;
mod tools;

pub use child::CancelHandle;
pub use cut::{CutOptions, TimeRange, cut};
pub use encode_options::{EncodeOptions, Preset};
pub use encoder::{EncodedVideo, Encoder, encode_frames};
pub use error::{MediaError, TimeLimit};
pub use filters::FrameSize;
pub use info::{AudioInfo, Colour, Container, Rational, VideoInfo};
pub use join::{Piece, join};
pub use limits::Limits;
pub use probe::probe;
pub use reader::{Frame, FrameReader, ReadOptions};
pub use sandbox::{Enforcement, SandboxReport};
pub use tools::{ToolVersions, Tools};

//! Two movements next to each other: frames for a time-warped video, and curves of how their angles differ.

mod board;
mod curves;

pub use board::{Board, Picture};
pub use curves::difference_svg;

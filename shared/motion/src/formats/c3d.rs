//! Markers as C3D, the binary format of motion capture laboratories; after "The C3D File Format: A Technical User Guide" (Cramp 2021,
//! c3d.org).
//!
//! Blocks of 512 bytes: a header, parameters in groups, then frames. Marey writes points in millimetres as Intel floating point, without
//! analog channels, with y up and z towards the camera (`POINT:X_SCREEN` and `Y_SCREEN` say so). It reads Intel files with points in
//! floating point or scaled integers. Files of DEC and MIPS machines are refused.

mod parameters;
mod read;
mod write;

pub use self::read::recording_from_c3d;
pub use self::write::recording_to_c3d;

use crate::MotionError;

/// Parameters and data begin on multiples of this.
const BLOCK: usize = 512;

/// The second byte of header and parameters.
const KEY: u8 = 0x50;

/// The fourth byte of the parameters on machines of Intel's byte order.
const INTEL: u8 = 84;

/// A count of frames that does not fit its 16 bits says this, and `TRIAL:ACTUAL_END_FIELD` says the count.
const FULL: u16 = u16::MAX;

fn malformed(byte: usize, reason: impl Into<String>) -> MotionError {
    MotionError::MalformedFile {
        format: "C3D file",
        place: format!("byte {byte}"),
        reason: reason.into(),
    }
}

/// Whether content looks like a C3D file: where its parameters are and what their key is, which is the second byte of PNG's signature
/// too.
pub(super) fn is_c3d(bytes: &[u8]) -> bool {
    if bytes.starts_with(b"\x89PNG") {
        return false;
    }
    let start = bytes
        .first()
        .map_or(0, |&block| usize::from(block).saturating_sub(1) * BLOCK);
    bytes.get(1) == Some(&KEY) && start > 0 && bytes.len() > start + 3
}

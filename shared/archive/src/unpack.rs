//! Unpacking one member, counted while it is inflated.

use std::io::{self, Write};

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::{ExtractError, Packed};

/// So much is inflated before it is counted and written.
const BUFFER_BYTES: usize = 32 << 10;

/// Takes a member's packed bytes as they come and writes what they are. Memory does not grow with the member, and nothing
/// beyond its promised size is ever written.
#[derive(Debug)]
pub struct Unpacker<W> {
    to: W,
    packed: Packed,
    packed_left: u64,
    left: u64,
    crc: Crc,
    inflate: Option<Box<Decompress>>,
    buffer: Vec<u8>,
    is_over: bool,
}

impl<W: Write> Unpacker<W> {
    pub(crate) fn new(packed: Packed, to: W) -> Self {
        Self {
            to,
            packed_left: packed.packed_bytes(),
            left: packed.bytes(),
            crc: Crc::new(),
            inflate: packed.is_deflated().then(|| Box::new(Decompress::new(false))),
            buffer: vec![0; if packed.is_deflated() { BUFFER_BYTES } else { 0 }],
            is_over: false,
            packed,
        }
    }

    /// Takes the next packed bytes.
    ///
    /// # Errors
    /// [`ExtractError::Damaged`] as soon as it is known, [`ExtractError::Write`].
    pub fn push(&mut self, packed: &[u8]) -> Result<(), ExtractError> {
        self.packed_left = self
            .packed_left
            .checked_sub(packed.len() as u64)
            .ok_or_else(|| damaged("there is more of it than its header says"))?;
        if self.inflate.is_none() {
            return self.write(packed);
        }
        self.inflate(packed)
    }

    fn inflate(&mut self, mut packed: &[u8]) -> Result<(), ExtractError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = loop {
            let Some(inflate) = self.inflate.as_mut().filter(|_| !self.is_over) else {
                let rest = if packed.is_empty() {
                    Ok(())
                } else {
                    Err(damaged("bytes follow its end"))
                };
                break rest;
            };
            let (read, written) = (inflate.total_in(), inflate.total_out());
            let status = match inflate.decompress(packed, &mut buffer, FlushDecompress::None) {
                Ok(status) => status,
                Err(error) => break Err(damaged(&format!("it cannot be inflated: {error}"))),
            };
            let count = (inflate.total_out() - written) as usize;
            let taken = (inflate.total_in() - read) as usize;
            packed = &packed[taken..];
            self.is_over = status == Status::StreamEnd;
            if let Err(error) = self.write(&buffer[..count]) {
                break Err(error);
            }
            // With room left in the buffer all that could be said of these bytes has been said.
            let is_stuck = count == 0 && taken == 0 && !self.is_over;
            if is_stuck || packed.is_empty() && count < buffer.len() {
                break Ok(());
            }
        };
        self.buffer = buffer;
        outcome
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ExtractError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            damaged(&format!(
                "it has more than the {} bytes that it promised",
                self.packed.bytes()
            ))
        })?;
        self.crc.update(bytes);
        self.to.write_all(bytes).map_err(ExtractError::Write)
    }

    /// Where it writes to: a caller may take away what has come so far.
    pub fn writer(&mut self) -> &mut W {
        &mut self.to
    }

    /// Ends it, and says that what was written is what was packed.
    ///
    /// # Errors
    /// [`ExtractError::Damaged`] if something is missing or the checksum differs, [`ExtractError::Write`].
    pub fn finish(mut self) -> Result<W, ExtractError> {
        let is_whole = self.packed_left == 0 && (self.inflate.is_none() || self.is_over);
        if !is_whole || self.left > 0 {
            let bytes = self.packed.bytes();
            return Err(damaged(&format!(
                "it ends after {} of {bytes} bytes",
                bytes - self.left
            )));
        }
        if self.crc.sum() != self.packed.crc32() {
            return Err(damaged("its checksum is not the one in the directory"));
        }
        self.to.flush().map_err(ExtractError::Write)?;
        Ok(self.to)
    }
}

fn damaged(problem: &str) -> ExtractError {
    ExtractError::Damaged(problem.to_owned())
}

/// Copies what a reader gives until it ends.
pub(crate) fn unpack_from<W: Write>(mut from: impl io::Read, mut unpacker: Unpacker<W>) -> Result<W, ExtractError> {
    let mut buffer = vec![0; 2 * BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return unpacker.finish(),
            Ok(count) => unpacker.push(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ExtractError::Read(error)),
        }
    }
}

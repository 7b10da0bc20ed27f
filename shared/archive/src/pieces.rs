//! An archive of which only pieces are here.

use std::{
    collections::BTreeMap,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
};

/// An object somewhere else, read as far as its pieces were fetched. Reading what is not here fails and notes what is
/// [`Pieces::missing`]; whoever holds this fetches that, [adds](Pieces::add) it, and begins again. So code that reads from files
/// judges an object in a bucket, without a thread that waits and without a copy of the whole.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    bytes: u64,
    at: u64,
    held: BTreeMap<u64, Vec<u8>>,
    missing: Option<Range<u64>>,
}

impl Pieces {
    /// An object of so many bytes, nothing of which is here.
    pub fn new(bytes: u64) -> Self {
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// What the last read wanted that is not here.
    pub fn missing(&mut self) -> Option<Range<u64>> {
        self.missing.take()
    }

    /// Keeps a piece that begins at `at`.
    pub fn add(&mut self, at: u64, bytes: Vec<u8>) {
        if self.held.get(&at).is_none_or(|held| held.len() < bytes.len()) {
            self.held.insert(at, bytes);
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(self.at);
        let wanted = left.min(buffer.len() as u64);
        if wanted == 0 {
            return Ok(0);
        }
        // The nearest piece that begins before may end before; a longer one may begin earlier.
        let mut before = self.held.range(..=self.at).rev();
        let rest =
            before.find_map(|(begin, bytes)| bytes.get((self.at - begin) as usize..).filter(|rest| !rest.is_empty()));
        let Some(rest) = rest else {
            self.missing = Some(self.at..self.at + wanted);
            return Err(io::Error::other("this piece of the object is not here"));
        };
        let count = rest.len().min(wanted as usize);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Pieces {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_here_is_asked_for() {
        let mut pieces = Pieces::new(10);
        let mut buffer = [0; 4];
        pieces.seek(SeekFrom::End(-5)).unwrap();
        assert!(pieces.read_exact(&mut buffer).is_err());
        assert_eq!(pieces.missing(), Some(5..9));
        assert_eq!(pieces.missing(), None);
        pieces.add(4, vec![4, 5, 6]);
        pieces.seek(SeekFrom::Start(5)).unwrap();
        assert!(pieces.read_exact(&mut buffer).is_err());
        assert_eq!(pieces.missing(), Some(7..9), "only the rest");
        pieces.add(6, vec![6, 7, 8, 9]);
        pieces.seek(SeekFrom::Start(5)).unwrap();
        pieces.read_exact(&mut buffer).unwrap();
        assert_eq!(buffer, [5, 6, 7, 8]);
        assert_eq!(pieces.read(&mut buffer).unwrap(), 1);
        assert_eq!(pieces.read(&mut buffer).unwrap(), 0, "the end");
    }
}

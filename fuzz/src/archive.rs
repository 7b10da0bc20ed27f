//! Zip archives. Whatever they are given, they are refused with a reason or planned, and what is planned never unpacks to more than it
//! promised.

use std::io::{Cursor, Write};

use marey_archive::{ArchiveError, Limits, plan};

/// Takes what was promised and not a byte more.
struct Bounded(u64);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        assert!(bytes.len() as u64 <= self.0, "more than was promised");
        self.0 -= bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Judges an archive and unpacks what may be unpacked.
pub fn zip(bytes: &[u8]) {
    match plan(&mut Cursor::new(bytes), &Limits::default()) {
        Ok(plan) => {
            assert!(!plan.videos().is_empty(), "a plan has videos");
            for video in plan.videos() {
                let size = video.packed().bytes();
                if let Ok(left) = video.extract(&mut Cursor::new(bytes), Bounded(size)) {
                    assert_eq!(left.0, 0, "what is whole is as long as it promised");
                }
            }
        }
        Err(ArchiveError::Refused(refusal)) => {
            assert!(!refusal.violations().is_empty(), "a refusal has a reason");
            assert!(!refusal.hint().is_empty(), "and says what to do");
        }
        Err(ArchiveError::Read(error)) => panic!("memory was not read: {error}"),
    }
}

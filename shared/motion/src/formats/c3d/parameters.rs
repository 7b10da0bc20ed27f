//! The groups of parameters of a C3D file.

use super::{BLOCK, INTEL, malformed};
use crate::MotionError;

/// Parameters go on for so many blocks at most.
const MOST_BLOCKS: usize = 256;

/// A parameter's content, as it lies in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter<'a> {
    /// Size of an element in bytes; -1 for characters.
    kind: i8,
    /// Lengths of the dimensions, the fastest first.
    dimensions: &'a [u8],
    data: &'a [u8],
}

impl<'a> Parameter<'a> {
    /// The first number.
    pub(super) fn number(&self) -> Option<f64> {
        self.numbers().next()
    }

    /// All numbers. Integers have no sign, since counts of frames use all 16 bits.
    pub(super) fn numbers(&self) -> impl Iterator<Item = f64> + 'a {
        let (data, size) = (self.data, usize::from(self.kind.max(1).unsigned_abs()));
        let is_text = self.kind < 0;
        data.chunks_exact(size)
            .filter(move |_| !is_text)
            .map(|bytes| match *bytes {
                [a] => f64::from(a),
                [a, b] => f64::from(u16::from_le_bytes([a, b])),
                [a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
                _ => f64::NAN,
            })
    }

    /// The texts of an array of characters, without the blanks that fill them up. Text that is not UTF-8 has marks in place of what cannot be read.
    pub(super) fn texts(&self) -> Vec<String> {
        let length = self
            .dimensions
            .first()
            .map_or(self.data.len(), |&length| usize::from(length));
        if self.kind >= 0 || length == 0 {
            return Vec::new();
        }
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .trim_matches(|c: char| c == '\0' || c.is_whitespace())
                .to_owned()
        };
        self.data.chunks_exact(length).map(text).collect()
    }
}

/// All parameters of a file.
#[derive(Debug)]
pub(super) struct Parameters<'a> {
    groups: Vec<(u8, String)>,
    entries: Vec<(u8, String, Parameter<'a>)>,
}

impl<'a> Parameters<'a> {
    /// Reads the section that begins in a block, counted from 1.
    pub(super) fn read(bytes: &'a [u8], block: u8) -> Result<Self, MotionError> {
        let start = usize::from(block).saturating_sub(1) * BLOCK;
        let &[_, _, _, processor, ..] = bytes.get(start..).unwrap_or_default() else {
            return Err(malformed(bytes.len(), "the file ends before its parameters"));
        };
        match processor {
            INTEL => {}
            85 | 86 => {
                let machine = if processor == 85 { "DEC" } else { "MIPS (SGI)" };
                return Err(MotionError::UnsupportedFile(format!(
                    "it is a C3D file with numbers as {machine} machines write them, and Marey reads those of Intel machines"
                )));
            }
            other => return Err(malformed(start + 3, format!("{other} is no kind of machine"))),
        }
        let mut parameters = Self {
            groups: Vec::new(),
            entries: Vec::new(),
        };
        // A section says its number of blocks in a byte, and some programs say it wrongly.
        let end = bytes.len().min(start + MOST_BLOCKS * BLOCK);
        let mut cursor = Cursor {
            bytes: &bytes[..end],
            at: start + 4,
        };
        while cursor.at < end && parameters.read_one(&mut cursor)? {}
        Ok(parameters)
    }

    /// Reads a group or a parameter; false after the last.
    fn read_one(&mut self, cursor: &mut Cursor<'a>) -> Result<bool, MotionError> {
        let length = cursor.byte()? as i8;
        if length == 0 {
            return Ok(false);
        }
        let id = cursor.byte()? as i8;
        let name = cursor.take(usize::from(length.unsigned_abs()))?;
        let name = String::from_utf8_lossy(name).trim().to_ascii_uppercase();
        let link = cursor.at;
        let next = usize::from(cursor.word()?);
        if id < 0 {
            self.groups.push((id.unsigned_abs(), name));
        } else {
            let parameter = cursor.parameter()?;
            self.entries.push((id.unsigned_abs(), name, parameter));
        }
        if next == 0 {
            return Ok(false);
        }
        // A link points behind itself, so every step leads on.
        cursor.at = link + next.max(2);
        Ok(true)
    }

    /// The parameter of a group, by their names in capitals.
    pub(super) fn get(&self, group: &str, name: &str) -> Option<Parameter<'a>> {
        let (id, _) = self.groups.iter().find(|(_, known)| known == group)?;
        let mut entries = self.entries.iter();
        entries.find_map(|(of, known, parameter)| (of == id && known == name).then_some(*parameter))
    }

    /// The number of a parameter.
    pub(super) fn number(&self, group: &str, name: &str) -> Option<f64> {
        self.get(group, name)?.number()
    }

    /// The first text of a parameter.
    pub(super) fn text(&self, group: &str, name: &str) -> Option<String> {
        self.get(group, name)?.texts().into_iter().next()
    }
}

/// A place in the file.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], MotionError> {
        let end = self.at.saturating_add(length);
        let taken = self
            .bytes
            .get(self.at..end)
            .ok_or_else(|| malformed(self.at, "the file ends within a parameter"))?;
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, MotionError> {
        Ok(self.take(1)?[0])
    }

    fn word(&mut self) -> Result<u16, MotionError> {
        let word = self.take(2)?;
        Ok(u16::from_le_bytes([word[0], word[1]]))
    }

    fn parameter(&mut self) -> Result<Parameter<'a>, MotionError> {
        let start = self.at;
        let kind = self.byte()? as i8;
        if !matches!(kind, -1 | 1 | 2 | 4) {
            return Err(malformed(start, format!("{kind} is no type of a parameter")));
        }
        let count = usize::from(self.byte()?);
        if count > 7 {
            return Err(malformed(
                start + 1,
                format!("a parameter has {count} dimensions, where 7 may be"),
            ));
        }
        let dimensions = self.take(count)?;
        let elements = dimensions
            .iter()
            .try_fold(1_usize, |product, &length| product.checked_mul(length.into()));
        let length = elements.and_then(|elements| elements.checked_mul(kind.unsigned_abs().into()));
        let length = length.ok_or_else(|| malformed(start, "a parameter is larger than any file"))?;
        Ok(Parameter {
            kind,
            dimensions,
            data: self.take(length)?,
        })
    }
}

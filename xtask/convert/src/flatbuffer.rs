//! A reader of `FlatBuffers` tables that trusts no offset.
//!
//! The wire format is described in <https://flatbuffers.dev/internals/>: a table starts with a signed offset back to
//! its vtable, which says where each field lies; vectors, strings and tables are reached through unsigned offsets.

use crate::ConvertError;

/// A fixed-size little-endian number.
pub(crate) trait Scalar: Sized {
    const SIZE: usize;
    fn read(bytes: &[u8]) -> Option<Self>;
}

macro_rules! scalar {
    ($($number:ty),*) => {$(
        impl Scalar for $number {
            const SIZE: usize = size_of::<$number>();
            fn read(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}
scalar!(i8, u8, u16, i32, u32);

/// The whole file.
#[derive(Clone, Copy)]
pub(crate) struct Buffer<'a>(pub(crate) &'a [u8]);

impl<'a> Buffer<'a> {
    fn slice(self, start: usize, length: usize) -> Result<&'a [u8], ConvertError> {
        start
            .checked_add(length)
            .and_then(|end| self.0.get(start..end))
            .ok_or_else(|| ConvertError::malformed(format!("{length} bytes at offset {start} lie outside the file")))
    }

    fn scalar<T: Scalar>(self, position: usize) -> Result<T, ConvertError> {
        T::read(self.slice(position, T::SIZE)?).ok_or_else(|| ConvertError::malformed("a number is cut off"))
    }

    /// Follows the unsigned offset stored at `position`.
    fn follow(self, position: usize) -> Result<usize, ConvertError> {
        let offset: u32 = self.scalar(position)?;
        position
            .checked_add(offset as usize)
            .filter(|&target| offset != 0 && target < self.0.len())
            .ok_or_else(|| ConvertError::malformed(format!("the offset at {position} leads outside the file")))
    }

    /// The table that the file starts with.
    pub(crate) fn root(self) -> Result<Table<'a>, ConvertError> {
        Ok(Table {
            buffer: self,
            position: self.follow(0)?,
        })
    }
}

/// A table; its fields are addressed by their index in the schema.
#[derive(Clone, Copy)]
pub(crate) struct Table<'a> {
    buffer: Buffer<'a>,
    position: usize,
}

impl<'a> Table<'a> {
    /// Where the field's value lies, or `None` when the field has its default.
    fn field(&self, index: usize) -> Result<Option<usize>, ConvertError> {
        let back: i32 = self.buffer.scalar(self.position)?;
        let vtable = usize::try_from(self.position as i64 - i64::from(back))
            .map_err(|_| ConvertError::malformed("a table's description lies before the file"))?;
        let entry = 4 + 2 * index;
        let vtable_bytes: u16 = self.buffer.scalar(vtable)?;
        if entry + 2 > usize::from(vtable_bytes) {
            return Ok(None);
        }
        let offset: u16 = self.buffer.scalar(vtable + entry)?;
        Ok((offset != 0).then_some(self.position + usize::from(offset)))
    }

    /// A number, or `default` when the field is absent.
    pub(crate) fn number<T: Scalar>(&self, index: usize, default: T) -> Result<T, ConvertError> {
        self.field(index)?
            .map_or(Ok(default), |position| self.buffer.scalar(position))
    }

    /// A nested table.
    pub(crate) fn table(&self, index: usize) -> Result<Option<Table<'a>>, ConvertError> {
        let Some(field) = self.field(index)? else {
            return Ok(None);
        };
        Ok(Some(Table {
            buffer: self.buffer,
            position: self.buffer.follow(field)?,
        }))
    }

    /// A nested table that the model cannot do without.
    pub(crate) fn required_table(&self, index: usize, what: &str) -> Result<Table<'a>, ConvertError> {
        self.table(index)?
            .ok_or_else(|| ConvertError::malformed(format!("{what} is missing")))
    }

    /// Where a vector's first element lies, and how many it has; the elements are inside the file.
    fn vector(&self, index: usize, element_size: usize) -> Result<(usize, usize), ConvertError> {
        let Some(field) = self.field(index)? else {
            return Ok((0, 0));
        };
        let start = self.buffer.follow(field)?;
        let length: u32 = self.buffer.scalar(start)?;
        let bytes = (length as usize)
            .checked_mul(element_size)
            .ok_or_else(|| ConvertError::malformed("a vector is longer than the address space"))?;
        self.buffer.slice(start + 4, bytes)?;
        Ok((start + 4, length as usize))
    }

    /// A vector of bytes, borrowed from the file; empty when absent.
    pub(crate) fn bytes(&self, index: usize) -> Result<&'a [u8], ConvertError> {
        let (start, length) = self.vector(index, 1)?;
        self.buffer.slice(start, length)
    }

    /// A vector of numbers, not longer than `limit`; empty when absent.
    pub(crate) fn numbers<T: Scalar>(&self, index: usize, limit: usize) -> Result<Vec<T>, ConvertError> {
        let (start, length) = self.vector(index, T::SIZE)?;
        if length > limit {
            return Err(ConvertError::malformed(format!(
                "a vector has {length} numbers, more than {limit}"
            )));
        }
        (0..length)
            .map(|element| self.buffer.scalar(start + element * T::SIZE))
            .collect()
    }

    /// A vector of tables, not longer than `limit`; empty when absent.
    pub(crate) fn tables(&self, index: usize, limit: usize) -> Result<Vec<Table<'a>>, ConvertError> {
        let (start, length) = self.vector(index, 4)?;
        if length > limit {
            return Err(ConvertError::malformed(format!(
                "a vector has {length} tables, more than {limit}"
            )));
        }
        (0..length)
            .map(|element| {
                Ok(Table {
                    buffer: self.buffer,
                    position: self.buffer.follow(start + 4 * element)?,
                })
            })
            .collect()
    }

    /// A string of at most `limit` bytes, or `None` when absent.
    pub(crate) fn string(&self, index: usize, limit: usize) -> Result<Option<String>, ConvertError> {
        let bytes = self.bytes(index)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() > limit {
            return Err(ConvertError::malformed(format!(
                "a name has {} bytes, more than {limit}",
                bytes.len()
            )));
        }
        String::from_utf8(bytes.to_vec())
            .map(Some)
            .map_err(|_| ConvertError::malformed("a name is not UTF-8"))
    }
}

//! Flat Parquet tables: what recordings and angles need of the format, on the low-level column writer and reader.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, Encoding, Repetition, Type as PhysicalType};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, KeyValue, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use crate::MotionError;

/// No file may claim more rows: that would be several days of video. The limit keeps a small hostile file from
/// becoming a large amount of memory.
const MOST_ROWS: usize = 16_000_000;

/// A column's name, type and whether rows may lack it.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) optional: bool,
}

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Int32,
    Int64,
    Float,
    Double,
    Text,
}

/// A column's values, without the rows that lack one.
pub(super) enum Values {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Text(Vec<&'static str>),
}

/// A column's values with a level for each row if the column is optional: 1 where there is a value, else 0.
pub(super) struct Column<'a> {
    pub(super) values: Values,
    pub(super) levels: Option<&'a [i16]>,
}

impl Field {
    pub(super) fn required(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            optional: false,
        }
    }

    pub(super) fn optional(name: &str, kind: Kind) -> Self {
        Self {
            optional: true,
            ..Self::required(name, kind)
        }
    }

    fn schema(&self) -> Result<Type, ParquetError> {
        let (physical, converted) = match self.kind {
            Kind::Int32 => (PhysicalType::INT32, ConvertedType::NONE),
            Kind::Int64 => (PhysicalType::INT64, ConvertedType::NONE),
            Kind::Float => (PhysicalType::FLOAT, ConvertedType::NONE),
            Kind::Double => (PhysicalType::DOUBLE, ConvertedType::NONE),
            Kind::Text => (PhysicalType::BYTE_ARRAY, ConvertedType::UTF8),
        };
        let repetition = if self.optional {
            Repetition::OPTIONAL
        } else {
            Repetition::REQUIRED
        };
        Type::primitive_type_builder(&self.name, physical)
            .with_converted_type(converted)
            .with_repetition(repetition)
            .build()
    }
}

/// Writes a table; `column` gives the column of each field in turn, so that only one is in memory at a time.
pub(super) fn write<'a>(
    name: &str,
    fields: &[Field],
    metadata: Vec<(&str, String)>,
    column: impl Fn(usize) -> Column<'a>,
) -> Result<Vec<u8>, MotionError> {
    let write = || -> Result<Vec<u8>, ParquetError> {
        let types = fields
            .iter()
            .map(|field| field.schema().map(Arc::new))
            .collect::<Result<_, _>>()?;
        let schema = Arc::new(Type::group_type_builder(name).with_fields(types).build()?);
        let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties(fields, metadata)))?;
        let mut group = file.next_row_group()?;
        let mut index = 0;
        while let Some(mut writer) = group.next_column()? {
            write_column(&mut writer, &column(index))?;
            writer.close()?;
            index += 1;
        }
        group.close()?;
        file.into_inner()
    };
    write().map_err(|error| MotionError::Encoding(error.to_string()))
}

fn write_column(writer: &mut SerializedColumnWriter<'_>, column: &Column<'_>) -> Result<(), ParquetError> {
    let levels = column.levels;
    match &column.values {
        Values::Int32(values) => writer.typed::<Int32Type>().write_batch(values, levels, None)?,
        Values::Int64(values) => writer.typed::<Int64Type>().write_batch(values, levels, None)?,
        Values::Float(values) => writer.typed::<FloatType>().write_batch(values, levels, None)?,
        Values::Double(values) => writer.typed::<DoubleType>().write_batch(values, levels, None)?,
        Values::Text(values) => {
            let values: Vec<ByteArray> = values
                .iter()
                .map(|text| ByteArray::from(Bytes::from_static(text.as_bytes())))
                .collect();
            writer.typed::<ByteArrayType>().write_batch(&values, levels, None)?
        }
    };
    Ok(())
}

/// Numbers that change slowly compress far better with their bytes split into streams; the rest repeats and suits a
/// dictionary.
fn properties(fields: &[Field], metadata: Vec<(&str, String)>) -> WriterProperties {
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| KeyValue::new(key.to_owned(), value))
        .collect();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("marey ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(metadata));
    for field in fields {
        let path = ColumnPath::from(field.name.as_str());
        properties = match field.kind {
            Kind::Float | Kind::Double => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::BYTE_STREAM_SPLIT),
            Kind::Int32 => properties
                .set_column_dictionary_enabled(path.clone(), false)
                .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
            Kind::Int64 | Kind::Text => properties.set_column_dictionary_enabled(path, true),
        };
    }
    properties.build()
}

/// An opened table.
pub(super) struct Table {
    file: SerializedFileReader<Bytes>,
    rows: usize,
}

/// Runs a reader. The decoder is meant to return errors for damaged files, but it is large and files are hostile:
/// should it panic, that is an error too.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, MotionError>) -> Result<T, MotionError> {
    let outer = GUARDED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(outer);
    outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(malformed(format!(
            "the decoder gave up on damaged data ({})",
            words.unwrap_or("it did not say why")
        )))
    })
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread becomes an error, so that a program's panic hook need not tell people of it.
pub fn panics_are_errors() -> bool {
    GUARDED.get()
}

pub(super) fn malformed(reason: impl Into<String>) -> MotionError {
    MotionError::MalformedParquet(reason.into())
}

/// The decoder takes a chunk's place in the file on trust.
fn lies_within(chunk: &ColumnChunkMetaData, length: usize) -> bool {
    let start = chunk
        .dictionary_page_offset()
        .unwrap_or_else(|| chunk.data_page_offset());
    let end = start
        .checked_add(chunk.compressed_size())
        .and_then(|end| usize::try_from(end).ok());
    start >= 0 && chunk.compressed_size() >= 0 && end.is_some_and(|end| end <= length)
}

impl Table {
    pub(super) fn open(bytes: &[u8]) -> Result<Self, MotionError> {
        let file =
            SerializedFileReader::new(Bytes::copy_from_slice(bytes)).map_err(|error| malformed(error.to_string()))?;
        let rows = file.metadata().file_metadata().num_rows();
        let rows = usize::try_from(rows).ok().filter(|&rows| rows <= MOST_ROWS);
        let rows = rows.ok_or_else(|| malformed(format!("it claims to have more than {MOST_ROWS} rows")))?;
        let chunks = file.metadata().row_groups().iter().flat_map(RowGroupMetaData::columns);
        for chunk in chunks {
            if !lies_within(chunk, bytes.len()) {
                return Err(malformed(format!(
                    "column {} lies outside of the file",
                    chunk.column_path().string()
                )));
            }
        }
        Ok(Self { file, rows })
    }

    /// An entry of the file's metadata, if it is there.
    pub(super) fn optional_entry(&self, key: &str) -> Option<&str> {
        let metadata = self.file.metadata().file_metadata();
        let entries = metadata.key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.as_deref()
    }

    /// An entry of the file's metadata.
    pub(super) fn entry(&self, key: &str) -> Result<&str, MotionError> {
        self.optional_entry(key)
            .ok_or_else(|| malformed(format!("its metadata lacks {key}; was it written by Marey?")))
    }

    pub(super) fn number(&self, key: &str) -> Result<u32, MotionError> {
        let text = self.entry(key)?;
        text.parse()
            .map_err(|_| malformed(format!("{key} is {text:?} and not a number")))
    }

    pub(super) fn int32(&self, name: &str) -> Result<Vec<i32>, MotionError> {
        self.required::<Int32Type>(name, PhysicalType::INT32)
    }

    pub(super) fn double(&self, name: &str) -> Result<Vec<f64>, MotionError> {
        self.required::<DoubleType>(name, PhysicalType::DOUBLE)
    }

    /// Values of the rows that have one, and for each row whether it has.
    pub(super) fn optional_int64(&self, name: &str) -> Result<(Vec<i64>, Vec<bool>), MotionError> {
        self.read::<Int64Type>(name, PhysicalType::INT64)
    }

    /// Values of the rows that have one, and for each row whether it has.
    pub(super) fn optional_float(&self, name: &str) -> Result<(Vec<f32>, Vec<bool>), MotionError> {
        self.read::<FloatType>(name, PhysicalType::FLOAT)
    }

    fn required<T: DataType>(&self, name: &str, physical: PhysicalType) -> Result<Vec<T::T>, MotionError> {
        let (values, present) = self.read::<T>(name, physical)?;
        if present.iter().all(|&present| present) {
            Ok(values)
        } else {
            Err(malformed(format!("some rows of column {name} have no value")))
        }
    }

    fn read<T: DataType>(&self, name: &str, physical: PhysicalType) -> Result<(Vec<T::T>, Vec<bool>), MotionError> {
        let schema = self.file.metadata().file_metadata().schema_descr();
        let index = schema
            .columns()
            .iter()
            .position(|column| column.path().string() == name);
        let index = index.ok_or_else(|| malformed(format!("it has no column {name}")))?;
        let column = schema.column(index);
        if column.physical_type() != physical || column.max_rep_level() > 0 || column.max_def_level() > 1 {
            return Err(malformed(format!("column {name} is of another type than {physical}")));
        }
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let broken = |error: ParquetError| malformed(format!("column {name}: {error}"));
        for group in 0..self.file.num_row_groups() {
            let group = self.file.get_row_group(group).map_err(broken)?;
            let mut reader = get_typed_column_reader::<T>(group.get_column_reader(index).map_err(broken)?);
            // One row more than there may be, so that too many are noticed.
            loop {
                let wanted = self.rows + 1 - values.len().max(levels.len()).min(self.rows);
                let (rows, ..) = reader
                    .read_records(wanted, Some(&mut levels), None, &mut values)
                    .map_err(broken)?;
                if rows == 0 || values.len() > self.rows || levels.len() > self.rows {
                    break;
                }
            }
        }
        let present: Vec<bool> = if column.max_def_level() == 0 {
            vec![true; values.len()]
        } else {
            levels.iter().map(|&level| level == 1).collect()
        };
        let consistent =
            present.len() == self.rows && present.iter().filter(|&&present| present).count() == values.len();
        if consistent {
            Ok((values, present))
        } else {
            Err(malformed(format!("column {name} does not have {} rows", self.rows)))
        }
    }
}

//! A small TensorFlow Lite model, written with the official `FlatBuffers` library.
//!
//! ```text
//! image 1×4×4×2 ─ conv 3×3, stride 2, SAME, ReLU6 ─ + sparse 2×3 ─┬─ ReLU ──── clipped 1×2×2×3
//!                                                                 └─ reshape ─ flat 1×12
//! ```

use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, UnionWIPOffset, WIPOffset};
use half::f16;

/// Convolution weights: output channel, row, column, input channel.
pub(crate) fn weight(output: usize, row: usize, column: usize, input: usize) -> f32 {
    ((output * 18 + row * 6 + column * 2 + input) as f32 - 20.0) / 64.0
}

/// Bias of each output channel.
pub(crate) const BIAS: [f32; 3] = [0.5, -0.25, 1.0];

/// What is added, by column and channel; only two of the values are stored.
pub(crate) const ADDED: [[f32; 3]; 2] = [[0.0, -3.0, 0.0], [0.0, 0.0, 2.0]];

#[derive(Clone, Copy)]
enum Field {
    I8(i8),
    U8(u8),
    I32(i32),
    U32(u32),
    Offset(WIPOffset<UnionWIPOffset>),
}

struct Writer(FlatBufferBuilder<'static>);

impl Writer {
    fn table(&mut self, fields: &[(u16, Field)]) -> WIPOffset<TableFinishedWIPOffset> {
        let start = self.0.start_table();
        for &(index, field) in fields {
            let slot = 4 + 2 * index;
            match field {
                Field::I8(value) => self.0.push_slot_always(slot, value),
                Field::U8(value) => self.0.push_slot_always(slot, value),
                Field::I32(value) => self.0.push_slot_always(slot, value),
                Field::U32(value) => self.0.push_slot_always(slot, value),
                Field::Offset(value) => self.0.push_slot_always(slot, value),
            }
        }
        self.0.end_table(start)
    }

    fn nested(&mut self, fields: &[(u16, Field)]) -> Field {
        Field::Offset(self.table(fields).as_union_value())
    }

    fn integers(&mut self, values: &[i32]) -> Field {
        Field::Offset(self.0.create_vector(values).as_union_value())
    }

    fn bytes(&mut self, values: &[u8]) -> Field {
        Field::Offset(self.0.create_vector(values).as_union_value())
    }

    fn text(&mut self, value: &str) -> Field {
        Field::Offset(self.0.create_string(value).as_union_value())
    }

    fn tables(&mut self, tables: &[WIPOffset<TableFinishedWIPOffset>]) -> Field {
        Field::Offset(self.0.create_vector(tables).as_union_value())
    }

    fn tensor(
        &mut self,
        name: &str,
        shape: &[i32],
        element: i8,
        buffer: u32,
        sparsity: Option<Field>,
    ) -> WIPOffset<TableFinishedWIPOffset> {
        let mut fields = vec![
            (0, self.integers(shape)),
            (1, Field::I8(element)),
            (2, Field::U32(buffer)),
            (3, self.text(name)),
        ];
        fields.extend(sparsity.map(|sparsity| (6, sparsity)));
        self.table(&fields)
    }

    fn operator(
        &mut self,
        code: u32,
        inputs: &[i32],
        output: i32,
        options: Option<Field>,
    ) -> WIPOffset<TableFinishedWIPOffset> {
        let mut fields = vec![
            (0, Field::U32(code)),
            (1, self.integers(inputs)),
            (2, self.integers(&[output])),
        ];
        fields.extend(options.map(|options| (4, options)));
        self.table(&fields)
    }

    /// Two columns stored densely; in each, the channels that are not zero.
    fn sparsity(&mut self) -> Field {
        let dense = self.table(&[(0, Field::I8(0)), (1, Field::I32(2))]);
        let segment_bytes = self.bytes(&[0, 1, 2]);
        let segments = self.nested(&[(0, segment_bytes)]);
        let index_bytes = self.bytes(&[1, 2]);
        let indices = self.nested(&[(0, index_bytes)]);
        let sparse = self.table(&[
            (0, Field::I8(1)),
            (2, Field::U8(3)),
            (3, segments),
            (4, Field::U8(3)),
            (5, indices),
        ]);
        let order = self.integers(&[0, 1]);
        let levels = self.tables(&[dense, sparse]);
        self.nested(&[(0, order), (2, levels)])
    }

    fn subgraph(&mut self) -> WIPOffset<TableFinishedWIPOffset> {
        let sparsity = self.sparsity();
        let tensors = [
            self.tensor("image", &[1, 4, 4, 2], 0, 0, None),
            self.tensor("half", &[3, 3, 3, 2], 1, 1, None),
            self.tensor("weights", &[3, 3, 3, 2], 0, 0, None),
            self.tensor("bias", &[3], 0, 2, None),
            self.tensor("hidden", &[1, 2, 2, 3], 0, 0, None),
            self.tensor("sparse", &[2, 3], 0, 3, Some(sparsity)),
            self.tensor("dense", &[2, 3], 0, 0, None),
            self.tensor("sum", &[1, 2, 2, 3], 0, 0, None),
            self.tensor("clipped", &[1, 2, 2, 3], 0, 0, None),
            self.tensor("flat", &[1, 12], 0, 0, None),
        ];
        let convolution = self.nested(&[(1, Field::I32(2)), (2, Field::I32(2)), (3, Field::I8(3))]);
        let operators = [
            self.operator(0, &[1], 2, None),
            self.operator(1, &[5], 6, None),
            self.operator(2, &[0, 2, 3], 4, Some(convolution)),
            self.operator(3, &[4, 6], 7, None),
            self.operator(4, &[7], 8, None),
            self.operator(5, &[7], 9, None),
        ];
        let fields = [
            (0, self.tables(&tensors)),
            (1, self.integers(&[0])),
            (2, self.integers(&[8, 9])),
            (3, self.tables(&operators)),
        ];
        self.table(&fields)
    }
}

/// The model's bytes.
pub(crate) fn model() -> Vec<u8> {
    let mut weights = Vec::new();
    for output in 0..3 {
        for row in 0..3 {
            for column in 0..3 {
                for input in 0..2 {
                    weights.extend(f16::from_f32(weight(output, row, column, input)).to_le_bytes());
                }
            }
        }
    }
    let bias: Vec<u8> = BIAS.iter().flat_map(|value| value.to_le_bytes()).collect();
    let added: Vec<u8> = [-3.0_f32, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();

    let mut writer = Writer(FlatBufferBuilder::new());
    // DEQUANTIZE, DENSIFY, CONV_2D, ADD, RELU, RESHAPE
    let codes =
        [6, 124, 3, 0, 19, 22].map(|code| writer.table(&[(0, Field::I8(code)), (3, Field::I32(i32::from(code)))]));
    let subgraph = writer.subgraph();
    let buffers = [&[][..], &weights, &bias, &added].map(|data| {
        let data = writer.bytes(data);
        writer.table(&[(0, data)])
    });
    let fields = [
        (0, Field::U32(3)),
        (1, writer.tables(&codes)),
        (2, writer.tables(&[subgraph])),
        (4, writer.tables(&buffers)),
    ];
    let root = writer.table(&fields);
    writer.0.finish(root, Some("TFL3"));
    writer.0.finished_data().to_vec()
}

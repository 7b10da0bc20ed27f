//! A small model: what comes out runs and computes what it should, and what is wrong is refused.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

mod common;

use std::{collections::BTreeMap, path::PathBuf};

use common::{ADDED, BIAS, model, weight};
use marey_convert::{ConvertError, ConvertOptions, convert};
use ort::{environment::Environment, session::Session, value::Tensor};
use proptest::prelude::*;

fn runtime(test: &str) -> Option<Environment> {
    let default = PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../.marey/lib/libonnxruntime.so"
    ));
    let path = std::env::var_os("MAREY_ONNXRUNTIME").map_or(default, PathBuf::from);
    if !path.exists() {
        eprintln!("skipped: {test} needs {} (or MAREY_ONNXRUNTIME)", path.display());
        return None;
    }
    Some(ort::init_from(path).unwrap().build().unwrap())
}

fn pixel(row: usize, column: usize, channel: usize) -> f32 {
    ((row * 8 + column * 2 + channel) as f32 * 0.37).sin()
}

/// The sums that the model computes, from the definition of each operator.
fn expected() -> Vec<f32> {
    let mut sums = Vec::new();
    for row in 0..2 {
        for (column, added) in ADDED.iter().enumerate() {
            for output in 0..3 {
                let mut sum = BIAS[output];
                // SAME with an even size and stride 2 pads below and to the right only.
                for (i, j) in (0..9).map(|cell| (cell / 3, cell % 3)) {
                    let (y, x) = (2 * row + i, 2 * column + j);
                    if y < 4 && x < 4 {
                        sum += (0..2)
                            .map(|input| weight(output, i, j, input) * pixel(y, x, input))
                            .sum::<f32>();
                    }
                }
                sums.push(sum.clamp(0.0, 6.0) + added[output]);
            }
        }
    }
    sums
}

fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

#[test]
fn the_converted_model_computes_what_the_operators_say() {
    let Some(environment) = runtime("the_converted_model_computes_what_the_operators_say") else {
        return;
    };
    let image: Vec<f32> = (0..32).map(|i| pixel(i / 8, i / 2 % 4, i % 2)).collect();
    let image = Tensor::from_array(([1_usize, 4, 4, 2], image)).unwrap();
    let sums = expected();
    let clipped: Vec<f32> = sums.iter().map(|&value| value.max(0.0)).collect();
    assert!(sums.iter().any(|&value| value < 0.0) && clipped.iter().any(|&value| value > 0.0));
    for half_weights in [false, true] {
        let options = ConvertOptions {
            half_weights,
            ..ConvertOptions::default()
        };
        let onnx = convert(&model(), &options).unwrap();
        let mut session = Session::builder(&environment)
            .unwrap()
            .commit_from_memory(&onnx)
            .unwrap();
        let outputs = session.run(ort::inputs!["image" => &image]).unwrap();
        let (shape, found) = outputs["clipped"].try_extract_tensor::<f32>().unwrap();
        assert_eq!(**shape, [1, 2, 2, 3]);
        assert_close(found, &clipped);
        let (shape, found) = outputs["flat"].try_extract_tensor::<f32>().unwrap();
        assert_eq!(**shape, [1, 12]);
        assert_close(found, &sums);
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn outputs_can_be_dropped_and_renamed() {
    let options = ConvertOptions {
        keep: Some(["flat".to_owned()].into()),
        rename: BTreeMap::from([
            ("image".to_owned(), "picture".to_owned()),
            ("flat".to_owned(), "row".to_owned()),
        ]),
        ..ConvertOptions::default()
    };
    let whole = convert(&model(), &ConvertOptions::default()).unwrap();
    let part = convert(&model(), &options).unwrap();
    assert!(contains(&whole, "clipped") && !contains(&part, "clipped"));
    assert!(contains(&part, "picture") && contains(&part, "row"));
    assert!(part.len() < whole.len());
}

#[test]
fn the_same_model_gives_the_same_bytes() {
    let options = ConvertOptions::default();
    assert_eq!(
        convert(&model(), &options).unwrap(),
        convert(&model(), &options).unwrap()
    );
}

#[test]
fn names_that_the_model_lacks_are_refused() {
    let unknown = ConvertError::UnknownName {
        name: "flta".to_owned(),
    };
    let keep = ConvertOptions {
        keep: Some(["flta".to_owned()].into()),
        ..ConvertOptions::default()
    };
    assert_eq!(convert(&model(), &keep).unwrap_err(), unknown);
    let rename = ConvertOptions {
        rename: BTreeMap::from([("flta".to_owned(), "flat".to_owned())]),
        ..ConvertOptions::default()
    };
    assert_eq!(convert(&model(), &rename).unwrap_err(), unknown);
}

#[test]
fn a_name_cannot_be_given_twice() {
    let options = ConvertOptions {
        rename: BTreeMap::from([("flat".to_owned(), "clipped".to_owned())]),
        ..ConvertOptions::default()
    };
    assert_eq!(
        convert(&model(), &options).unwrap_err().code(),
        "CONVERT_DUPLICATE_NAME"
    );
}

#[test]
fn other_files_are_not_models() {
    for bytes in [&b""[..], b"TFL3", b"GIF89a.............", &model()[..7]] {
        assert_eq!(convert(bytes, &ConvertOptions::default()), Err(ConvertError::NotTfLite));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is done to a file, the answer is a model or an error.
    #[test]
    fn damaged_files_never_panic(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
        half_weights: bool,
    ) {
        let mut bytes = model();
        for (position, value) in damage {
            let position = 8 + position.index(bytes.len() - 8);
            bytes[position] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(8 + cut.index(bytes.len() - 8));
        }
        let options = ConvertOptions { half_weights, ..ConvertOptions::default() };
        if let Err(error) = convert(&bytes, &options) {
            prop_assert!(error.code().starts_with("CONVERT_"));
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = vec![8, 0, 0, 0];
        bytes.extend(b"TFL3");
        bytes.extend(noise);
        prop_assert!(convert(&bytes, &ConvertOptions::default()).is_err());
    }
}

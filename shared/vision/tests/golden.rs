//! Single pictures against MediaPipe 0.10.21's own output, and against each step of an independent account of it.
//!
//! Given the same region, crops are the same to the bit; the tolerances leave room for processors that add in another
//! order.

#![expect(clippy::unwrap_used, reason = "a test whose material is broken should stop")]

mod common;

use std::path::{Path, PathBuf};

use common::{models, shared};
use marey_vision::{
    ImageView, LandmarkModel, Models, OnnxRuntime, PoseDetector, PoseEstimator, PoseOptions, Provider, Region,
    warp::{Border, Warp},
};
use serde_json::Value;

const BODY: usize = 33;

/// A picture of 8-bit RGB.
struct Picture {
    width: u32,
    height: u32,
    data: Vec<u8>,
}

impl Picture {
    fn read_png(path: &Path) -> Self {
        let decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut data).unwrap();
        assert_eq!(frame.color_type, png::ColorType::Rgb, "{}", path.display());
        Self {
            width: frame.width,
            height: frame.height,
            data,
        }
    }

    fn view(&self) -> ImageView<'_> {
        ImageView::rgb(&self.data, self.width, self.height).unwrap()
    }
}

struct Golden {
    name: String,
    picture: Picture,
    /// MediaPipe's output.
    mediapipe: Value,
    /// The independent account's steps.
    steps: Value,
}

fn goldens(test: &str) -> Option<(OnnxRuntime, Models, Vec<Golden>)> {
    let (runtime, models) = models(test)?;
    let directory = shared("golden", test)?;
    let mut paths: Vec<PathBuf> = directory
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let goldens: Vec<Golden> = paths.iter().filter_map(|path| read(path)).collect();
    assert!(goldens.len() >= 6, "only {} pictures", goldens.len());
    Some((runtime, models, goldens))
}

fn read(path: &Path) -> Option<Golden> {
    let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let steps = json.get_mut("reference_cv")?.take();
    steps.get("landmarks_without_heatmap")?;
    Some(Golden {
        name: path.file_stem().unwrap().to_string_lossy().into_owned(),
        picture: Picture::read_png(&path.with_extension("png")),
        mediapipe: json["mediapipe_0.10.21"].take(),
        steps,
    })
}

/// The greatest difference between numbers of a golden row and what was found, both in the same unit.
fn difference(golden: &Value, found: &[f64], scale: &[f64]) -> f64 {
    let golden = golden.as_array().unwrap();
    found
        .iter()
        .zip(scale)
        .zip(golden)
        .map(|((found, scale), golden)| (found - golden.as_f64().unwrap() * scale).abs())
        .fold(0.0, f64::max)
}

fn rows(golden: &Value, count: usize) -> &[Value] {
    let rows = golden.as_array().unwrap();
    assert_eq!(rows.len(), count);
    rows
}

impl Golden {
    /// Width and height in pixels: the goldens' positions are shares of them.
    fn size(&self) -> [f64; 2] {
        [f64::from(self.picture.width), f64::from(self.picture.height)]
    }
}

#[test]
fn detections_agree() {
    let Some((runtime, models, goldens)) = goldens("detections_agree") else {
        return;
    };
    let mut detector = PoseDetector::new(&runtime, &models, 1, 0.5).unwrap();
    for golden in &goldens {
        let found = detector.detect(golden.picture.view()).unwrap();
        let expected = rows(&golden.steps["detections"], found.len());
        assert!(!found.is_empty(), "{}", golden.name);
        let [width, height] = golden.size();
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (f64::from(found.score) - expected["score"].as_f64().unwrap()).abs() < 1e-4,
                "{}",
                golden.name
            );
            let corners = [found.min_px[0], found.min_px[1], found.max_px[0], found.max_px[1]];
            let error_px = difference(&expected["box"], &corners, &[width, height, width, height]);
            assert!(error_px < 0.01, "{}: box off by {error_px} px", golden.name);
            for (found, expected) in found.keypoints_px.iter().zip(rows(&expected["keypoints"], 4)) {
                let error_px = difference(expected, found, &[width, height]);
                assert!(error_px < 0.01, "{}: key point off by {error_px} px", golden.name);
            }
        }
    }
}

#[test]
fn regions_and_crops_agree() {
    let Some((runtime, models, goldens)) = goldens("regions_and_crops_agree") else {
        return;
    };
    let mut detector = PoseDetector::new(&runtime, &models, 1, 0.5).unwrap();
    let warp = Warp::new(256, 0.0, 255.0, Border::Replicate);
    let mut crop = vec![0.0_f32; warp.len()];
    for golden in &goldens {
        let region = detector.detect(golden.picture.view()).unwrap()[0].region();
        let [width, height] = golden.size();
        let found = [
            region.center_x_px,
            region.center_y_px,
            region.side_px,
            region.side_px,
            region.rotation_rad,
        ];
        let error = difference(&golden.steps["roi"], &found, &[width, height, width, height, 1.0]);
        assert!(error < 0.01, "{}: region off by {error}", golden.name);
        warp.crop(golden.picture.view(), &region, &mut crop);
        let mean = crop.iter().copied().map(f64::from).sum::<f64>() / crop.len() as f64 / 255.0;
        let expected = golden.steps["crop_mean"].as_f64().unwrap();
        assert!(
            (mean - expected).abs() < 1e-5,
            "{}: mean {mean}, not {expected}",
            golden.name
        );
        for (step, expected) in rows(&golden.steps["crop_pixels_row128_every32"], 8).iter().enumerate() {
            let start = (128 * 256 + step * 32) * 3;
            let found: Vec<f64> = crop[start..start + 3].iter().copied().map(f64::from).collect();
            let error = difference(expected, &found, &[1.0; 3]);
            assert!(error <= 1.0, "{}: pixel {step} off by {error} levels", golden.name);
        }
    }
}

#[test]
fn landmarks_agree_before_and_after_the_heat_maps() {
    let test = "landmarks_agree_before_and_after_the_heat_maps";
    let Some((runtime, models, goldens)) = goldens(test) else {
        return;
    };
    let mut detector = PoseDetector::new(&runtime, &models, 1, 0.5).unwrap();
    let mut model = LandmarkModel::new(&runtime, &models, 1).unwrap();
    for golden in &goldens {
        let region: Region = detector.detect(golden.picture.view()).unwrap()[0].region();
        let seen = model.find(golden.picture.view(), &region).unwrap();
        let [width, height] = golden.size();
        let scale = [width, height];
        let score = golden.steps["pose_score"].as_f64().unwrap();
        assert!((f64::from(seen.score) - score).abs() < 1e-5, "{}", golden.name);
        let coarse = rows(&golden.steps["landmarks_without_heatmap"], BODY);
        let fine = rows(&golden.steps["landmarks"], BODY);
        let world = rows(&golden.steps["world"], BODY);
        for point in 0..BODY {
            let place = |[x, y]: [f64; 2]| region.to_image(x, y);
            let error_px = difference(&coarse[point], &place(seen.coarse[point]), &scale);
            assert!(
                error_px < 0.05,
                "{}: coarse point {point} off by {error_px} px",
                golden.name
            );
            let [x, y] = place(seen.points[point]);
            let error_px = difference(&fine[point], &[x, y], &scale);
            assert!(error_px < 0.05, "{}: point {point} off by {error_px} px", golden.name);
            // The model is less sure of depth: a level more or less in a few pixels moves it further.
            let depth_px = seen.depth[point] * region.side_px;
            let error_px = (depth_px - fine[point][2].as_f64().unwrap() * width).abs();
            assert!(
                error_px < 0.5,
                "{}: depth of point {point} off by {error_px} px",
                golden.name
            );
            let shares = [seen.visibility[point], seen.presence[point]];
            let expected = Value::from(fine[point].as_array().unwrap()[3..].to_vec());
            assert!(
                difference(&expected, &shares, &[1.0; 2]) < 2e-3,
                "{}: point {point}",
                golden.name
            );
            let error_m = difference(&world[point], &seen.world_m[point], &[1.0; 3]);
            assert!(
                error_m < 5e-4,
                "{}: world point {point} off by {error_m} m",
                golden.name
            );
        }
    }
}

#[test]
fn poses_agree_with_mediapipe() {
    let Some((runtime, models, goldens)) = goldens("poses_agree_with_mediapipe") else {
        return;
    };
    let options = PoseOptions {
        static_image: true,
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&runtime, &models, options).unwrap();
    let mut worst_px = 0.0_f64;
    for golden in &goldens {
        let pose = estimator.process(golden.picture.view(), 0.0).unwrap().unwrap();
        let [width, height] = golden.size();
        let landmarks = rows(&golden.mediapipe["landmarks"], BODY);
        let world = rows(&golden.mediapipe["world"], BODY);
        for (index, point) in pose.points.iter().enumerate() {
            let place = [point.x_px, point.y_px].map(f64::from);
            let error_px = difference(&landmarks[index], &place, &[width, height]);
            worst_px = worst_px.max(error_px);
            assert!(error_px < 0.3, "{}: point {index} off by {error_px} px", golden.name);
            let place = [point.x_m, point.y_m, point.z_m].map(f64::from);
            let error_m = difference(&world[index], &place, &[1.0; 3]);
            assert!(
                error_m < 1e-3,
                "{}: world point {index} off by {error_m} m",
                golden.name
            );
        }
    }
    eprintln!(
        "greatest distance to MediaPipe on {} pictures: {worst_px:.4} px",
        goldens.len()
    );
    assert_eq!(estimator.timings().detector_runs, goldens.len() as u64);
}

#[test]
fn a_provider_that_is_not_there_is_an_error_and_nothing_runs_in_its_place() {
    let Some((runtime, _)) = models("providers") else {
        return;
    };
    assert_eq!(runtime.provider(), Provider::Cpu);
    let version = runtime.version();
    // A number, or of a build without one its commit.
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '.';
    assert!(!version.is_empty() && version.chars().all(is_word), "{version}");
    // Apple's is in no build for Linux.
    let error = runtime.with_provider(Provider::CoreMl).unwrap_err();
    assert_eq!(error.code(), "VISION_PROVIDER");
    assert!(error.to_string().contains("coreml") && error.hint().contains("MAREY_ONNXRUNTIME"));
}

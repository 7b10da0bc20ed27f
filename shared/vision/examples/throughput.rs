//! How many frames per second the estimator does, and how much of its time is ONNX Runtime's.
//!
//! ```text
//! ffmpeg -v error -i VIDEO -f rawvideo -pix_fmt rgb24 - | throughput LIBRARY MODELS WIDTH HEIGHT [THREADS]
//! ```
//!
//! Only the time inside `process` counts, so decoding does not, and neither does the first frame, on which ONNX Runtime
//! still makes itself at home. The peer is `tests/reference/mediapipe_throughput.py`. Reading from a file of raw frames
//! keeps a decoder from competing for the cores.

use std::{env, error::Error, ffi::OsString, io::Read, path::Path};

use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, models, numbers @ ..] = arguments.as_slice() else {
        return Err("usage: throughput LIBRARY MODELS WIDTH HEIGHT [THREADS] < RGB".into());
    };
    let numbers: Vec<u32> = numbers
        .iter()
        .map(|argument| argument.to_string_lossy().parse())
        .collect::<Result<_, _>>()?;
    let (width, height, threads) = match numbers[..] {
        [width, height] => (width, height, 1),
        [width, height, threads] => (width, height, threads as usize),
        _ => return Err("WIDTH and HEIGHT are missing".into()),
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let models = Models::open(Path::new(models))?;
    let options = PoseOptions {
        threads,
        ..PoseOptions::default()
    };
    let mut estimator = PoseEstimator::new(&runtime, &models, options)?;
    let mut input = std::io::stdin().lock();
    let mut pixels = vec![0; width as usize * height as usize * 3];
    input.read_exact(&mut pixels)?;
    estimator.process(ImageView::rgb(&pixels, width, height)?, 0.0)?;
    let before = estimator.timings();
    let mut poses = 0;
    while input.read_exact(&mut pixels).is_ok() {
        let frame = estimator.timings().frames;
        let pose = estimator.process(ImageView::rgb(&pixels, width, height)?, frame as f64 / 30.0)?;
        poses += u64::from(pose.is_some());
    }
    let timings = estimator.timings().since(&before);
    let seconds = timings.total.as_secs_f64();
    let frames = timings.frames;
    println!(
        "frames={frames} poses={poses} seconds={seconds:.3} frames_per_second={:.1} inference_share={:.3} own_ms_per_frame={:.3} detector_runs={}",
        frames as f64 / seconds,
        timings.inference_share(),
        seconds * (1.0 - timings.inference_share()) * 1e3 / frames as f64,
        timings.detector_runs,
    );
    Ok(())
}

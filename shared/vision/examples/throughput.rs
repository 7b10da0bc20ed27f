//! How many frames per second the estimator does, and how much of its time is ONNX Runtime's.
//!
//! ```text
//! throughput LIBRARY MODELS FRAMES WIDTH HEIGHT [THREADS [LANDMARKS]]
//! ```
//!
//! FRAMES is a file of raw RGB frames: a decoder at the other end of a pipe would compete for the cores. Only the time
//! inside `process` counts, and not that of the first frame, on which ONNX Runtime still makes itself at home. With
//! LANDMARKS every frame's landmarks are written to that file, for a comparison with those of the peer,
//! `tests/reference/mediapipe_throughput.py`, which writes the same: a line for each frame, `x_px y_px visibility` for
//! each point, or `-` for nobody.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt::Write as _,
    fs::{self, File},
    io::Read,
    path::Path,
};

use marey_motion::Pose;
use marey_vision::{ImageView, Models, OnnxRuntime, PoseEstimator, PoseOptions};

/// MediaPipe's Python solution stamps frames this far apart, whatever the video's rate; smoothing depends on it.
const FRAME_S: f64 = 0.033_333;

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let [library, models, frames, width, height, rest @ ..] = arguments.as_slice() else {
        return Err("usage: throughput LIBRARY MODELS FRAMES WIDTH HEIGHT [THREADS [LANDMARKS]]".into());
    };
    let number = |argument: &OsString| argument.to_string_lossy().parse::<u32>();
    let (width, height) = (number(width)?, number(height)?);
    let options = PoseOptions {
        threads: rest.first().map_or(Ok(1), number)? as usize,
        ..PoseOptions::default()
    };
    let runtime = OnnxRuntime::load(Path::new(library))?;
    let mut estimator = PoseEstimator::new(&runtime, &Models::open(Path::new(models))?, options)?;
    let mut input = File::open(frames)?;
    let mut pixels = vec![0; width as usize * height as usize * 3];
    let (mut landmarks, mut poses, mut warm) = (String::new(), 0, None);
    while input.read_exact(&mut pixels).is_ok() {
        let time_s = estimator.timings().frames as f64 * FRAME_S;
        let pose = estimator.process(ImageView::rgb(&pixels, width, height)?, time_s)?;
        write_line(&mut landmarks, pose.as_ref())?;
        if warm.is_none() {
            warm = Some(estimator.timings());
        } else {
            poses += u64::from(pose.is_some());
        }
    }
    if let Some(file) = rest.get(1) {
        fs::write(file, landmarks)?;
    }
    let timings = estimator.timings().since(&warm.ok_or("there is no whole frame")?);
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

fn write_line(text: &mut String, pose: Option<&Pose>) -> std::fmt::Result {
    let Some(pose) = pose else {
        return writeln!(text, "-");
    };
    for point in &pose.points {
        write!(text, "{:.3} {:.3} {:.3} ", point.x_px, point.y_px, point.visibility)?;
    }
    writeln!(text)
}

//! How fast frames are annotated, against copying the frame: a ratio that a busy machine distorts least.

use std::hint::black_box;
use std::time::Instant;

use marey_motion::{Recording, Settings, analyze};
use marey_picture::{Annotator, AnnotatorOptions, RgbFrame};

#[path = "../tests/pictures/support.rs"]
mod support;

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
const FRAMES: usize = 600;

fn main() {
    for movement in [support::Movement::Walk, support::Movement::Squat] {
        measure(movement, &support::recording(movement, FRAMES));
    }
}

fn measure(movement: support::Movement, recording: &Recording) {
    let analysis = analyze(recording, &Settings::default()).expect("the synthetic recording is sound");
    let options = AnnotatorOptions {
        frame_size_px: Some((WIDTH, HEIGHT)),
        ..AnnotatorOptions::default()
    };
    let started = Instant::now();
    let annotator = Annotator::new(&analysis, options);
    let preparing_us = started.elapsed().as_secs_f64() * 1e6 / FRAMES as f64;

    let still = vec![120_u8; WIDTH as usize * HEIGHT as usize * 3];
    let mut data = still.clone();
    let started = Instant::now();
    for index in 0..FRAMES {
        let mut frame = RgbFrame::new(WIDTH, HEIGHT, &mut data).expect("the buffer has the frame's size");
        annotator.draw(&mut frame, index);
    }
    black_box(&data);
    let drawing_us = started.elapsed().as_secs_f64() * 1e6 / FRAMES as f64;

    let started = Instant::now();
    for _ in 0..FRAMES {
        data.copy_from_slice(black_box(&still));
        black_box(&data);
    }
    let copying_us = started.elapsed().as_secs_f64() * 1e6 / FRAMES as f64;
    eprintln!(
        "{movement:?} {WIDTH}x{HEIGHT}: draw {drawing_us:.0} us a frame ({:.0} frames/s), {:.2} times a copy of the frame ({copying_us:.0} us); \
         layout once, {preparing_us:.0} us a frame",
        1e6 / drawing_us,
        drawing_us / copying_us,
    );
}

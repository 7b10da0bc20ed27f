//! What a benchmark says.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::divergence::Divergence;
use super::machine::Machine;
use super::measure::{Load, Measured, Pass, Setup, Subject};
use super::statistics::Summary;
use crate::screen::{Paint, Screen};
use crate::table::{Cell, Column, render};
use crate::words::{counted, number, size, tame};

/// The layout of the JSON.
const SCHEMA_VERSION: u32 = 1;

const TIMES: [Column<'static>; 7] = [
    Column::left("ms per frame"),
    Column::right("MEAN"),
    Column::right("P50"),
    Column::right("P95"),
    Column::right("P99"),
    Column::right("MOST").drops_at(1),
    Column::right("FRAMES/S"),
];

/// A benchmark and its comparison.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    schema_version: u32,
    marey: &'static str,
    video: Video,
    machine: Machine,
    /// Also the one that is discarded.
    passes: u32,
    pub(super) device: DeviceReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
}

#[derive(Debug, Serialize)]
struct Video {
    name: String,
    codec: String,
    width_px: u32,
    height_px: u32,
    /// Frames of each pass.
    frames: u64,
    frame_rate: f64,
}

/// One device.
#[derive(Debug, Serialize)]
pub(super) struct DeviceReport {
    /// In words.
    #[serde(skip)]
    name: String,
    provider: &'static str,
    threads: u16,
    /// Most people who were followed at once.
    people: u16,
    onnxruntime: &'static str,
    /// SHA-256 of each model.
    models: BTreeMap<String, String>,
    load: LoadReport,
    /// The most memory resident, without ffmpeg.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory_bytes: Option<u64>,
    /// Whether that holds what another device took before.
    peak_includes_first: bool,
    /// Frames in all measured passes.
    frames_measured: usize,
    /// In the last pass.
    frames_with_person: usize,
    /// In all measured passes.
    detector_runs: u64,
    decode: Part,
    estimate: Part,
    inference: Part,
    together: Part,
}

#[derive(Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "every number that leaves has its unit in its name"
)]
struct LoadReport {
    total_ms: f64,
    library_ms: f64,
    models_ms: f64,
    sessions_ms: f64,
}

/// A part of the work.
#[derive(Debug, Clone, Copy, Serialize)]
struct Part {
    #[serde(flatten)]
    times: Option<Summary>,
    /// Frames of all measured passes over their time, the start of the decoder included where that is part of it.
    frames_per_s: f64,
}

/// A second device against the first.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    device: DeviceReport,
    /// How many times as many frames per second the second does, decoding and estimating.
    speed_up: f64,
    /// The same of the estimator alone.
    speed_up_estimate: f64,
    divergence: Divergence,
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Report {
    pub(super) fn new(subject: &Subject, device: DeviceReport) -> Self {
        let info = &subject.info;
        let name = subject.path.file_name().unwrap_or(subject.path.as_os_str());
        Self {
            schema_version: SCHEMA_VERSION,
            marey: env!("CARGO_PKG_VERSION"),
            video: Video {
                name: name.to_string_lossy().into_owned(),
                codec: info.codec.clone(),
                width_px: info.width_px,
                height_px: info.height_px,
                frames: subject.frames,
                frame_rate: info.frame_rate.as_f64(),
            },
            machine: Machine::this(),
            passes: subject.passes,
            device,
            comparison: None,
        }
    }

    pub(super) fn text(&self, screen: &Screen) -> String {
        let mut lines = vec![self.head(screen), self.device.text(screen)];
        if let Some(comparison) = &self.comparison {
            lines.push(comparison.text(screen));
        }
        lines.join("\n\n")
    }

    fn head(&self, screen: &Screen) -> String {
        let video = &self.video;
        let processor = self.machine.processor.as_deref().unwrap_or("unknown processor");
        let shape = format!("{} × {}, {}", video.width_px, video.height_px, tame(&video.codec));
        let rate = number((video.frame_rate * 100.0).round() / 100.0);
        let measured = self.passes - 1;
        let passes = format!(
            "{} of {} frames, the first discarded, {measured} measured",
            self.passes, video.frames
        );
        fields(
            screen,
            &[
                ("video", format!("{}, {shape}, {rate} frames/s", tame(&video.name))),
                (
                    "machine",
                    format!("{}, {}", tame(processor), counted(self.machine.cores, "core")),
                ),
                ("passes", passes),
            ],
        )
    }
}

/// Labels and what stands behind them.
fn fields<const N: usize>(screen: &Screen, fields: &[(&str, String); N]) -> String {
    let line =
        |(label, value): &(&str, String)| format!("{}{value}", screen.paint(Paint::Faint, &format!("{label:<10}")));
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

impl DeviceReport {
    pub(super) fn of(setup: &Setup, measured: &Measured) -> Self {
        let passes = &measured.passes;
        let frames = || passes.iter().flat_map(|pass| &pass.frames);
        let count = frames().count();
        let part = |times: Vec<Duration>, total: Duration| Part {
            times: Summary::of(times.iter().copied().map(ms)),
            frames_per_s: count as f64 / total.as_secs_f64(),
        };
        let alone = |times: Vec<Duration>| {
            let total = times.iter().sum::<Duration>();
            part(times, total)
        };
        let total = |of: fn(&Pass) -> Duration| passes.iter().map(of).sum::<Duration>();
        Self {
            name: setup.name(),
            provider: setup.provider.name(),
            threads: setup.threads,
            people: setup.people,
            onnxruntime: measured.version,
            models: measured.models.iter().cloned().collect(),
            load: LoadReport::of(measured.load),
            peak_memory_bytes: measured.peak_memory_bytes,
            peak_includes_first: !measured.is_own_peak,
            frames_measured: count,
            frames_with_person: measured.poses.iter().flatten().count(),
            detector_runs: passes.iter().map(|pass| pass.detector_runs).sum(),
            decode: part(
                passes.iter().flat_map(|pass| pass.decode.iter().copied()).collect(),
                total(|pass| pass.decode_total),
            ),
            estimate: alone(frames().map(|frame| frame.estimate).collect()),
            inference: alone(frames().map(|frame| frame.inference).collect()),
            together: part(frames().map(|frame| frame.together).collect(), total(|pass| pass.total)),
        }
    }

    fn text(&self, screen: &Screen) -> String {
        let device = format!(
            "{}, ONNX Runtime {}",
            screen.paint(Paint::Strong, &self.name),
            tame(self.onnxruntime)
        );
        let models = self
            .models
            .iter()
            .map(|(name, hash)| format!("{} {}", tame(name), hash.get(..8).unwrap_or(hash)));
        let load = &self.load;
        let loading = format!(
            "{:.0} ms (library {:.0}, models {:.0}, sessions {:.0})",
            load.total_ms, load.library_ms, load.models_ms, load.sessions_ms
        );
        let memory = match self.peak_memory_bytes {
            None => "unknown".to_owned(),
            Some(bytes) if self.peak_includes_first => format!("{} at most, with the device before", size(bytes)),
            Some(bytes) => format!("{} at most, without ffmpeg", size(bytes)),
        };
        let person = format!(
            "in {} of the last pass; the detector ran {} times",
            counted(self.frames_with_person, "frame"),
            self.detector_runs
        );
        let head = fields(
            screen,
            &[
                ("device", device),
                ("models", models.collect::<Vec<_>>().join(", ")),
                ("load", loading),
                ("memory", memory),
                ("person", person),
            ],
        );
        let paint = |paint: Paint, text: &str| screen.paint(paint, text);
        format!("{head}\n\n{}", render(&TIMES, &self.rows(), screen.out_width(), &paint))
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        let parts = [
            ("decode", &self.decode, Paint::Plain),
            ("estimate", &self.estimate, Paint::Plain),
            ("  the models alone", &self.inference, Paint::Faint),
            ("decode and estimate", &self.together, Paint::Strong),
        ];
        let row = |(name, part, paint): (&str, &Part, Paint)| {
            let times = part.times.map_or([f64::NAN; 5], |it| {
                [it.mean_ms, it.p50_ms, it.p95_ms, it.p99_ms, it.most_ms]
            });
            let mut cells = vec![Cell::painted(name, paint)];
            cells.extend(times.map(|time| Cell::painted(format!("{time:.2}"), paint)));
            cells.push(Cell::painted(format!("{:.1}", part.frames_per_s), paint));
            cells
        };
        parts.into_iter().map(row).collect()
    }
}

impl LoadReport {
    fn of(load: Load) -> Self {
        Self {
            total_ms: ms(load.library + load.models + load.sessions),
            library_ms: ms(load.library),
            models_ms: ms(load.models),
            sessions_ms: ms(load.sessions),
        }
    }
}

impl Comparison {
    pub(super) fn of(first: &DeviceReport, second: DeviceReport, divergence: Divergence) -> Self {
        Self {
            speed_up: second.together.frames_per_s / first.together.frames_per_s,
            speed_up_estimate: second.estimate.frames_per_s / first.estimate.frames_per_s,
            device: second,
            divergence,
        }
    }

    fn text(&self, screen: &Screen) -> String {
        let paint = |ratio: f64| if ratio >= 1.0 { Paint::Good } else { Paint::Odd };
        let speed = format!(
            "{} decoding and estimating, {} estimating",
            screen.paint(paint(self.speed_up), &format!("{:.2} ×", self.speed_up)),
            screen.paint(
                paint(self.speed_up_estimate),
                &format!("{:.2} ×", self.speed_up_estimate)
            ),
        );
        let summary = fields(screen, &[("speed-up", speed), ("3D pose", self.divergence.text())]);
        format!("{}\n\n{summary}", self.device.text(screen))
    }
}

impl Divergence {
    fn text(&self) -> String {
        let unlike = match self.frames_unlike {
            0 => String::new(),
            count => format!("; {} where only one of them saw somebody", counted(count, "frame")),
        };
        let Some((frame, landmark)) = self.greatest_at else {
            return format!("no frame in which both saw somebody{unlike}");
        };
        let (greatest, average, frames) = (self.greatest_mm, self.mean_mm, counted(self.frames_compared, "frame"));
        format!(
            "{greatest:.3} mm apart at most (frame {frame}, {landmark}), {average:.3} mm on average, in {frames}{unlike}"
        )
    }
}

//! `marey benchmark`: how fast this machine estimates poses, and how far two devices agree.
//!
//! A benchmark goes through the same video several times and discards the first: libraries are loaded, files read and memory taken
//! then. Decoding is measured alone, the estimator by its own clock, and both together as the stages run them, with the decoder working
//! ahead. Nothing is asked of Marey.

mod divergence;
mod machine;
mod measure;
mod report;
mod statistics;

use self::divergence::Divergence;
use self::machine::made;
use self::measure::{Library, Setup, check, measure, subject};
use self::report::{Comparison, DeviceReport, Report};
use super::{Verdict, show_json_or};
use crate::arguments::{Benchmark, Device};
use crate::error::Error;
use crate::screen::Screen;

pub(super) async fn benchmark(screen: &Screen, options: &Benchmark) -> Result<Verdict, Error> {
    let setup = Setup {
        library: options
            .onnxruntime
            .clone()
            .unwrap_or_else(|| made("lib/libonnxruntime.so")),
        models: options.models.clone().unwrap_or_else(|| made("models")),
        provider: options.provider.into(),
        threads: options.threads,
        people: options.people,
    };
    let (video, passes, frames) = (options.video.clone(), options.passes, options.frames);
    let compare = options.compare.clone();
    let shown = screen.clone();
    let work = move || {
        let subject = subject(&video, passes, frames)?;
        let library = Library::load(&setup)?;
        let second = compare.map(|device| other(&setup, device));
        if let Some(second) = &second {
            check(second, &library)?;
        }
        let first = measure(&shown, &subject, &setup, &library)?;
        let mut report = Report::new(&subject, DeviceReport::of(&setup, &first));
        if let Some(second_setup) = second {
            let second = measure(&shown, &subject, &second_setup, &library)?;
            let divergence = Divergence::between(&first.poses, &second.poses, marey_motion::Skeleton::BlazePose33);
            let second = DeviceReport::of(&second_setup, &second);
            report.comparison = Some(Comparison::of(&report.device, second, divergence));
        }
        Ok::<Report, Error>(report)
    };
    let report = tokio::task::spawn_blocking(work).await;
    let report = report.map_err(|error| Error::Start { why: error.to_string() })??;
    show_json_or(screen, &report, || report.text(screen))
}

/// The first device with what is asked otherwise for the second.
fn other(setup: &Setup, device: Device) -> Setup {
    Setup {
        library: setup.library.clone(),
        models: device.models.unwrap_or_else(|| setup.models.clone()),
        provider: device.provider.map_or(setup.provider, Into::into),
        threads: device.threads.unwrap_or(setup.threads),
        people: device.people.unwrap_or(setup.people),
    }
}

//! Prints the events of a recording by every method, and all measures.
//!
//! ```text
//! events RECORDING.parquet
//! ```

use std::error::Error;

use marey_motion::formats::recording_from_parquet;
use marey_motion::{EventKind, GaitMethod, Outcome, Settings, Side, analyze};

#[expect(clippy::print_stdout, reason = "what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: events RECORDING.parquet")?;
    let recording = recording_from_parquet(&std::fs::read(path)?)?;
    for gait_events in GaitMethod::ALL {
        let settings = Settings {
            gait_events,
            ..Settings::default()
        };
        let analysis = analyze(&recording, &settings)?;
        for person in &analysis.people {
            println!("person {}, {}, {:?}", person.id, gait_events.id(), person.camera_plane);
            for side in [Some(Side::Left), Some(Side::Right), None] {
                for kind in [
                    EventKind::HeelStrike,
                    EventKind::ToeOff,
                    EventKind::TakeOff,
                    EventKind::Landing,
                ] {
                    let of_kind = person.findings.events.iter();
                    let of_kind = of_kind.filter(|event| event.kind == kind && event.side == side);
                    let times: Vec<String> = of_kind
                        .map(|event| format!("{:.3} ({:.2})", event.time_s, event.confidence))
                        .collect();
                    if !times.is_empty() {
                        println!("  {side:?} {kind:?}: {}", times.join(", "));
                    }
                }
            }
            if gait_events == GaitMethod::default() {
                for measure in &person.findings.measures {
                    let side = measure.side.map_or("", Side::id);
                    print!("  {:38} {side:5} ", measure.id);
                    match &measure.outcome {
                        Outcome::Given {
                            value,
                            sd,
                            count,
                            confidence,
                        } => println!(
                            "{value:9.3} {} ± {:.3}, n = {count}, confidence {confidence:.2}",
                            measure.unit,
                            sd.unwrap_or(f64::NAN)
                        ),
                        Outcome::Withheld { reason } => println!("withheld: {reason}"),
                    }
                }
            }
        }
    }
    Ok(())
}

//! Measures of jumps.

use super::{Kind, Sample, withheld};
use crate::events::jumps::{GRAVITY_M_S2, Jump};
use crate::{Measure, Scale};

const FLIGHT_TIME: Kind = Kind::new("jump_flight_time", "Flight time", "s");
const HEIGHT_BY_FLIGHT: Kind = Kind::new("jump_height_by_flight_time", "Jump height by flight time", "m");
const HEIGHT_BY_RISE: Kind = Kind::new("jump_height_by_rise", "Jump height by rise of the body", "m");
const CONTACT_TIME: Kind = Kind::new("jump_contact_time", "Contact time between jumps", "s");
const REACTIVE_STRENGTH: Kind = Kind::new("reactive_strength_index", "Reactive strength index", "m_per_s");

/// How take-off and landing are found.
const FEET: &str = "feet_off_floor_ballistic_pelvis";
/// Bosco, Luhtanen and Komi 1983 (European Journal of Applied Physiology 50, 273–282).
const BOSCO: &str = "flight_time_bosco_1983";

/// Longer on the floor than this in seconds, somebody stands between two jumps and does not rebound.
const LONGEST_CONTACT_S: f64 = 1.0;

/// All measures of jumps.
pub(crate) fn measures(jumps: &[Jump], scale: Option<&Scale>) -> Vec<Measure> {
    let none = "no jump was found: both feet never left the floor together while the pelvis flew";
    let flights: Vec<Sample> = jumps.iter().map(|jump| sample(jump, jump.flight_s())).collect();
    let level: Vec<&Jump> = jumps.iter().filter(|jump| jump.level).collect();
    let heights: Vec<Sample> = level.iter().map(|jump| sample(jump, height_m(jump))).collect();
    let not_level = if jumps.is_empty() {
        none
    } else {
        "the jump lands higher or lower than it took off"
    };
    let contacts: Vec<(f64, &Jump)> = jumps
        .windows(2)
        .map(|pair| (pair[1].take_off_s - pair[0].landing_s, &pair[1]))
        .filter(|(contact_s, _)| *contact_s > 0.0 && *contact_s <= LONGEST_CONTACT_S)
        .collect();
    let times: Vec<Sample> = contacts
        .iter()
        .map(|(contact_s, jump)| sample(jump, *contact_s))
        .collect();
    let rebounds: Vec<Sample> = contacts
        .iter()
        .filter(|(_, jump)| jump.level)
        .map(|(contact_s, jump)| sample(jump, height_m(jump) / contact_s))
        .collect();
    let alone = if jumps.is_empty() {
        none
    } else {
        "no jump follows another within a second"
    };
    vec![
        FLIGHT_TIME.of(None, FEET, &flights, none),
        HEIGHT_BY_FLIGHT.of(None, BOSCO, &heights, not_level),
        by_rise(jumps, scale, none),
        CONTACT_TIME.of(None, FEET, &times, alone),
        REACTIVE_STRENGTH.of(None, BOSCO, &rebounds, alone),
    ]
}

/// `g·t²/8`: half the flight is a fall from rest.
fn height_m(jump: &Jump) -> f64 {
    GRAVITY_M_S2 * jump.flight_s().powi(2) / 8.0
}

fn sample(jump: &Jump, value: f64) -> Sample {
    Sample {
        value,
        confidence: jump.confidence,
    }
}

fn by_rise(jumps: &[Jump], scale: Option<&Scale>, none: &str) -> Measure {
    let method = if !jumps.is_empty() && jumps.iter().all(|jump| jump.of_centre) {
        "centre_of_mass_rise"
    } else {
        "pelvis_rise"
    };
    let Some(scale) = scale.filter(|_| !jumps.is_empty()) else {
        let reason = if jumps.is_empty() {
            none
        } else {
            "no scale is known: give the person's height or a known length"
        };
        return HEIGHT_BY_RISE.measure(None, method, withheld(reason));
    };
    let rise = |jump: &Jump| {
        jump.rise_px.map(|rise_px| Sample {
            value: rise_px * scale.m_per_px,
            confidence: jump.confidence * scale.confidence,
        })
    };
    let rises: Vec<Sample> = jumps.iter().filter_map(rise).collect();
    HEIGHT_BY_RISE.of(None, method, &rises, "the pelvis was not seen at take-off")
}

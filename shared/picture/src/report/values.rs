//! The numbers behind the curves, for the page's script to read out at the cursor.

use marey_motion::Analysis;
use serde_json::{Map, Value, json};

use super::figure;

/// More samples than this cannot be told apart at the cursor.
const MOST_SAMPLES: usize = 1500;

/// The first `people` people's filtered series as JSON that is safe inside a `script` element.
pub(super) fn json(analysis: &Analysis, people: usize) -> String {
    let stride = analysis.time_s.len().div_ceil(MOST_SAMPLES).max(1);
    let time_s: Vec<Value> = analysis
        .time_s
        .iter()
        .step_by(stride)
        .map(|&time_s| rounded(time_s, 1e3))
        .collect();
    let people: Vec<Value> = analysis
        .people
        .iter()
        .take(people)
        .enumerate()
        .map(|(index, person)| {
            let series: Map<String, Value> = person
                .angles
                .iter()
                .map(|series| {
                    let values = series.value_deg.iter().step_by(stride);
                    (
                        series.id(),
                        values
                            .map(|value| value.map_or(Value::Null, |value| rounded(value, 10.0)))
                            .collect(),
                    )
                })
                .collect();
            json!({ "time_s": time_s, "series": series, "figure": figure::values(analysis, index, stride) })
        })
        .collect();
    // Only numbers and our own names are inside; the escape holds should that ever change.
    Value::Array(people).to_string().replace('<', "\\u003c")
}

fn rounded(value: f64, steps: f64) -> Value {
    serde_json::Number::from_f64((value * steps).round() / steps).map_or(Value::Null, Value::Number)
}

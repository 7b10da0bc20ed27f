//! docs/EVENTS.md against the code.

use super::*;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/EVENTS.md");

/// The examples of events: JSON blocks with a type.
pub(super) fn examples() -> Vec<Value> {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let blocks = text
        .split("```json\n")
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next());
    let values = blocks.map(|block| serde_json::from_str::<Value>(block).unwrap_or_else(|e| panic!("{e}: {block}")));
    values.filter(|value| value.get("type").is_some()).collect()
}

#[test]
fn every_type_has_one_example_and_every_example_is_what_the_code_writes() {
    let mut kinds = Vec::new();
    for example in examples() {
        let event: Event = serde_json::from_value(example.clone()).unwrap_or_else(|e| panic!("{e}: {example}"));
        assert_eq!(serde_json::to_value(&event).unwrap(), example);
        assert_eq!(event.schema_version, EVENT_VERSION);
        kinds.push(event.kind());
    }
    kinds.sort_unstable();
    let mut all = Change::KINDS;
    all.sort_unstable();
    assert_eq!(kinds, all);
}

#[test]
fn every_type_and_every_reason_is_explained() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    for kind in Change::KINDS {
        assert!(text.contains(&format!("\n`{kind}`: ")), "{kind} is not explained");
    }
    let reasons = [
        RepairReason::LeaseExpired,
        RepairReason::MessageLost,
        RepairReason::MessageOverdue,
        RepairReason::OnHold,
        RepairReason::AttemptsUsedUp,
        RepairReason::PlanNotCarriedOut,
        RepairReason::PastDeadline,
        RepairReason::UploadUnannounced,
    ];
    for reason in reasons {
        assert!(text.contains(&format!("`{reason}`")), "{reason} is not explained");
    }
}

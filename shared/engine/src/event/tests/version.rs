//! Events across versions: what was once published is read for ever, and what is written now has everything that was
//! once there.

use super::*;

/// One event of each type, as version 1 of the form was first published. Types are added here and nothing is changed.
const VERSION_1: &str = include_str!("version_1.json");

fn published() -> Vec<Value> {
    serde_json::from_str(VERSION_1).unwrap()
}

/// Every path to a value, with the kind of value that lies there.
fn shape(value: &Value, path: &str, found: &mut BTreeMap<String, &'static str>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(items) => {
            for item in items {
                shape(item, &format!("{path}[]"), found);
            }
            "list"
        }
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| shape(field, &format!("{path}.{name}"), found));
            "object"
        }
    };
    found.insert(path.to_owned(), kind);
}

fn shape_of(value: &Value) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    shape(value, "", &mut found);
    found
}

#[test]
fn what_was_published_is_read_and_written_with_all_that_was_there() {
    for old in published() {
        let event: Event = serde_json::from_value(old.clone()).unwrap_or_else(|e| panic!("{e}: {old}"));
        let new = serde_json::to_value(event.check().unwrap()).unwrap();
        let (old_shape, new_shape) = (shape_of(&old), shape_of(&new));
        for (path, kind) in old_shape {
            assert_eq!(new_shape.get(&path), Some(&kind), "{path} of {}", old["type"]);
        }
    }
}

#[test]
fn every_type_has_been_published() {
    let kinds: Vec<_> = published()
        .iter()
        .map(|event| event["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in Change::KINDS {
        assert!(
            kinds.iter().any(|known| known == kind),
            "add an example of {kind} to version_1.json"
        );
    }
}

#[test]
fn what_a_later_version_adds_is_passed_over() {
    for mut event in published() {
        event["added"] = json!({"later": 1});
        event["detail"]["added"] = json!([1]);
        let read: Result<Event, _> = serde_json::from_value(event.clone());
        assert!(read.is_ok(), "{event}: {read:?}");
    }
}

#[test]
fn a_newer_form_is_refused_with_what_to_do() {
    let mut event = published().remove(0);
    event["schema_version"] = json!(EVENT_VERSION + 1);
    let event: Event = serde_json::from_value(event).unwrap();
    let refused = event.check().unwrap_err().to_string();
    assert_eq!(
        refused,
        "the event has schema version 2, this program reads 1: install the newer version"
    );
}

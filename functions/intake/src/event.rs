//! Reads what S3 says.

use aws_lambda_events::event::s3::S3EventRecord;
use serde::Deserialize;
use serde_json::Value;

/// An object that S3 announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// The version, where the bucket keeps versions.
    pub version: Option<String>,
}

/// What a message of the bucket says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// S3 tried whether the queue can be written; there is no object.
    Test,
    /// These objects were created; a record that cannot be read does not hide the others.
    Objects(Vec<Result<Announced, Unreadable>>),
}

/// A message, or a record of one, that is not one of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// `{"Service": "Amazon S3", "Event": "s3:TestEvent", …}`
#[derive(Deserialize)]
struct TestEvent {
    #[serde(rename = "Event")]
    event: String,
}

/// `{"Records": […]}`, whatever the records are.
#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// Reads the body of a message.
///
/// # Errors
/// It is neither an event of a bucket nor its test.
pub(crate) fn read(body: &str) -> Result<Announcement, Unreadable> {
    if serde_json::from_str::<TestEvent>(body).is_ok_and(|test| test.event == "s3:TestEvent") {
        return Ok(Announcement::Test);
    }
    let event: Records = serde_json::from_str(body).map_err(|e| Unreadable(e.to_string()))?;
    if event.records.is_empty() {
        return Err(Unreadable("the event has no records".to_owned()));
    }
    Ok(Announcement::Objects(
        event.records.into_iter().filter_map(announced).collect(),
    ))
}

/// What a record announces; nothing if it tells of something else than a new object.
fn announced(record: Value) -> Option<Result<Announced, Unreadable>> {
    let record: S3EventRecord = match serde_json::from_value(record) {
        Ok(record) => record,
        Err(error) => return Some(Err(Unreadable(error.to_string()))),
    };
    let created = record
        .event_name
        .as_deref()
        .is_none_or(|name| name.trim_start_matches("s3:").starts_with("ObjectCreated"));
    created.then(|| object(record))
}

fn object(record: S3EventRecord) -> Result<Announced, Unreadable> {
    let missing = |what: &str| Unreadable(format!("a record names no {what}"));
    let bucket = record
        .s3
        .bucket
        .name
        .filter(|name| !name.is_empty())
        .ok_or_else(|| missing("bucket"))?;
    let key = record
        .s3
        .object
        .key
        .filter(|key| !key.is_empty())
        .ok_or_else(|| missing("key"))?;
    let version = record
        .s3
        .object
        .version_id
        .filter(|version| !version.is_empty() && version != "null");
    Ok(Announced {
        bucket,
        key: decode(&key)?,
        version,
    })
}

/// Keys come form-encoded: `+` is a space, then percent-decode (Amazon S3 User Guide, "Event message structure").
fn decode(key: &str) -> Result<String, Unreadable> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes());
    String::from_utf8(decoded).map_err(|_| Unreadable(format!("the key {key} is not UTF-8")))
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| (byte as char).to_digit(16);
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (*first, tail)
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            decoded.push((high * 16 + low) as u8);
            rest = after;
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_once() {
        let cases = [
            ("uploads/a+b.mp4", "uploads/a b.mp4"),
            ("uploads/a%20b.mp4", "uploads/a b.mp4"),
            ("uploads/1%2B1.mp4", "uploads/1+1.mp4"),
            ("uploads/100%25.mp4", "uploads/100%.mp4"),
            ("uploads/%2541.mp4", "uploads/%41.mp4"),
            ("uploads/l%C3%A4ufer%F0%9F%8F%83.mp4", "uploads/läufer🏃.mp4"),
            ("uploads/odd%zz%4", "uploads/odd%zz%4"),
        ];
        for (raw, expected) in cases {
            assert_eq!(decode(raw).as_deref(), Ok(expected));
        }
        assert!(decode("%ff").is_err(), "bytes that are no text");
    }

    #[test]
    fn the_test_event_is_known_and_other_texts_are_refused() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-21T00:00:00.000Z","Bucket":"b"}"#;
        assert_eq!(read(test), Ok(Announcement::Test));
        for wrong in ["", "{}", "[]", "null", r#"{"Records":[]}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_record_is_read_by_itself() {
        let good = r#"{"eventName": "ObjectCreated:Put", "eventTime": "2026-11-21T00:00:00.000Z", "userIdentity": {},
            "requestParameters": {}, "responseElements": {}, "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}"#;
        let removed = good.replace("ObjectCreated:Put", "ObjectRemoved:Delete");
        let nameless = good.replace("\"k\"", "\"\"");
        let body = format!(r#"{{"Records":[{{"s3":{{}}}}, 7, {good}, {removed}, {nameless}]}}"#);
        let Ok(Announcement::Objects(objects)) = read(&body) else {
            panic!("the message was refused")
        };
        let read: Vec<_> = objects.iter().map(Result::is_ok).collect();
        assert_eq!(read, [false, false, true, false]);
    }
}

//! The table's stream, as Lambda hands it over (AWS Lambda Developer Guide, "Process DynamoDB records with Lambda").

use jiff::Timestamp;
use marey_engine::event::Row;
use serde::Deserialize;
use serde_json::Value;

use super::rows::{self, sort_key};
use crate::publish::{Content, Record};

/// A record as it comes. Rows are read one by one, so that one that cannot be read costs itself only.
#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "eventName")]
    kind: String,
    dynamodb: Images,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    sequence_number: String,
    approximate_creation_date_time: f64,
    new_image: Option<Value>,
    old_image: Option<Value>,
}

/// A record without what every record has. It could not be named in the answer, so the whole batch must come back.
#[derive(Debug, thiserror::Error)]
#[error("a record of the stream cannot be read: {0}")]
pub struct NoRecord(#[from] serde_json::Error);

/// Reads a record.
///
/// # Errors
/// It has no sequence number, or is no record at all.
pub fn read_record(raw: &Value) -> Result<Record, NoRecord> {
    let Raw { kind, dynamodb } = Raw::deserialize(raw)?;
    let content = match (&kind[..], &dynamodb.new_image) {
        ("INSERT" | "MODIFY", Some(new)) => read_change(dynamodb.old_image.as_ref(), new),
        _ => Ok(Content::Other),
    };
    let seconds = dynamodb.approximate_creation_date_time;
    Ok(Record {
        sequence: dynamodb.sequence_number,
        // Whole seconds from the service, with a fraction from some that play it.
        written_at: Timestamp::from_millisecond((seconds * 1000.0) as i64).unwrap_or(Timestamp::UNIX_EPOCH),
        content: content.unwrap_or_else(|problem| Content::Unreadable {
            body: raw.to_string(),
            problem,
        }),
    })
}

fn read_change(old: Option<&Value>, new: &Value) -> Result<Content, String> {
    let Some(new) = read_row(new)? else {
        return Ok(Content::Other);
    };
    let old = old.map(read_row).transpose()?.flatten();
    Ok(Content::Change { old, new })
}

/// The row of an image, if its changes are events.
fn read_row(image: &Value) -> Result<Option<Row>, String> {
    let item = serde_dynamo::Item::deserialize(image).map_err(|e| e.to_string())?;
    let item: rows::Item = item.into();
    let key = sort_key(&item);
    if key == "JOB" {
        rows::read(&item)
            .map(|row| Some(Row::Job(Box::new(row))))
            .map_err(|e| e.to_string())
    } else if key.starts_with("SHARD#") {
        rows::read(&item)
            .map(|row| Some(Row::Shard(Box::new(row))))
            .map_err(|e| e.to_string())
    } else {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::contract::new_job;

    fn record(kind: &str, new: &Value) -> Value {
        json!({
            "eventID": "e", "eventName": kind, "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
            "dynamodb": {
                "SequenceNumber": "49", "ApproximateCreationDateTime": 1_795_240_865, "SizeBytes": 9,
                "StreamViewType": "NEW_AND_OLD_IMAGES", "NewImage": new,
            },
        })
    }

    /// A job's row as the stream has it.
    fn image(job: &marey_engine::Job) -> Value {
        let data: serde_dynamo::AttributeValue = serde_dynamo::to_attribute_value(job).unwrap();
        json!({
            "PK": {"S": format!("JOB#{}", job.id)}, "SK": {"S": "JOB"}, "version": {"N": "3"},
            "schema_version": {"N": "1"}, "data": data,
        })
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let (job, _) = new_job("ann", 0);
        let read = read_record(&record("INSERT", &image(&job))).unwrap();
        assert_eq!(read.sequence, "49");
        assert_eq!(read.written_at.as_second(), 1_795_240_865);
        let Content::Change {
            old: None,
            new: Row::Job(row),
        } = read.content
        else {
            panic!("{:?}", read.content)
        };
        assert_eq!((row.value, row.version), (job, 3));
    }

    #[test]
    fn what_is_no_event_is_passed_over() {
        let (job, _) = new_job("ann", 0);
        let mut stage = image(&job);
        stage["SK"] = json!({"S": "STAGE#pose"});
        assert_eq!(read_record(&record("INSERT", &stage)).unwrap().content, Content::Other);
        assert_eq!(
            read_record(&record("REMOVE", &image(&job))).unwrap().content,
            Content::Other
        );
    }

    #[test]
    fn a_row_that_cannot_be_read_keeps_its_number() {
        let (job, _) = new_job("ann", 0);
        let (mut newer, mut broken) = (image(&job), image(&job));
        newer["schema_version"] = json!({"N": "2"});
        broken["data"] = json!({"M": {}});
        for (row, expected) in [(newer, "newer Marey"), (broken, "missing field")] {
            let read = read_record(&record("MODIFY", &row)).unwrap();
            assert_eq!(read.sequence, "49");
            let Content::Unreadable { body, problem } = read.content else {
                panic!("{:?}", read.content)
            };
            assert!(problem.contains(expected), "{problem}");
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), record("MODIFY", &row));
        }
    }

    #[test]
    fn a_record_without_a_number_is_none() {
        for wrong in [json!({}), json!(null), json!({"eventName": "INSERT", "dynamodb": {}})] {
            assert!(read_record(&wrong).is_err(), "{wrong}");
        }
    }
}

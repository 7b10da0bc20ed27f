use std::io::{Read, Write};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use super::*;
use crate::store::contract::new_job;

/// A table whose every write meets a row with this content and version, and whose reads are not asked for.
fn table_that_holds(data: &serde_json::Value, version: u64) -> Table {
    let data: AttributeValue = to_attribute_value(data).unwrap();
    let answer = serde_json::json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": {
            "PK": {"S": "p"}, "SK": {"S": "s"}, "data": wire(&data),
            "version": {"N": version.to_string()}, "schema_version": {"N": "1"},
        },
    })
    .to_string();
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !is_whole(&request) {
                let mut part = [0; 4096];
                let length = stream.read(&mut part).unwrap();
                request.extend_from_slice(&part[..length]);
            }
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close";
            write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).unwrap();
        }
    });
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version_latest()
        .region(aws_sdk_dynamodb::config::Region::new("eu-west-1"))
        .credentials_provider(aws_credential_types::Credentials::new("a", "s", None, None, "test"))
        .endpoint_url(format!("http://{address}"));
    Table {
        client: Client::from_conf(config.build()),
        name: "jobs".into(),
    }
}

/// Whether a request has come to its end.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// An attribute as DynamoDB's JSON has it.
fn wire(value: &AttributeValue) -> serde_json::Value {
    use serde_json::json;
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        // As the service does: a number comes back in its shortest form.
        AttributeValue::N(text) => json!({"N": text.trim_end_matches(".0")}),
        AttributeValue::Bool(truth) => json!({"BOOL": truth}),
        AttributeValue::L(list) => json!({"L": list.iter().map(wire).collect::<Vec<_>>()}),
        AttributeValue::M(map) => {
            json!({"M": map.iter().map(|(name, value)| (name.clone(), wire(value))).collect::<BTreeMap<_, _>>()})
        }
        _ => json!({"NULL": true}),
    }
}

#[tokio::test]
async fn a_row_that_was_written_although_the_answer_was_lost_is_written() {
    let (job, _) = new_job("ann", 0);
    let key = ShardKey {
        job: job.id,
        stage: "pose".parse().unwrap(),
        shard: 0,
    };
    let mine = Shard::queued(key, 0, job.created_at);
    let theirs = Shard {
        attempt: 1,
        ..mine.clone()
    };
    let meets = async |found: &Shard, version| {
        let table = table_that_holds(&serde_json::to_value(found).unwrap(), version);
        table.put_shard(&mine, Some(6)).await
    };
    assert_eq!(meets(&mine, 7).await.unwrap().version, 7);
    assert!(matches!(meets(&theirs, 7).await, Err(CloudError::Conflict)));
    assert!(matches!(meets(&mine, 8).await, Err(CloudError::Conflict)));
}

#[test]
fn a_call_that_is_not_answered_ends() {
    let settings = Settings::from_lookup(|name| (!name.ends_with("BYTES")).then(|| "x".to_owned())).unwrap();
    let config = SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::v2026_01_12())
        .build();
    let table = Table::new(&config, &settings);
    let timeouts = table.client.config().timeout_config().unwrap();
    assert!(timeouts.operation_attempt_timeout().is_some());
}

#[test]
fn failures_sort_by_time_also_within_a_second() {
    let job = JobId::of_object("b", "k", None, "e");
    let failure = |at: &str| {
        RowKey::failure(&FailureRecord {
            job,
            at: at.parse().unwrap(),
            failure: marey_engine::Failure {
                code: "C".into(),
                message: String::new(),
                hint: String::new(),
                stage: None,
                attempt: 0,
                class: marey_engine::FailureClass::Transient,
            },
            cause: String::new(),
            message: None,
            id: "i".into(),
        })
    };
    assert!(failure("2026-11-21T10:00:00Z").sort < failure("2026-11-21T10:00:00.5Z").sort);
}

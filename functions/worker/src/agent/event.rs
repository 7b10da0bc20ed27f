//! The event of a failed Batch job, in EventBridge's form (AWS Batch User Guide, "Job state change events").

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Order;

/// The account of every local cloud.
const ACCOUNT: &str = "000000000000";

/// The event.
pub(super) fn failed(order: &Order, code: i32, queue: &str, began: Timestamp, ended: Timestamp) -> Value {
    let region = marey_cloud::lambda::region();
    let arn = |what: &str| format!("arn:aws:batch:{region}:{ACCOUNT}:{what}");
    let id = order.id();
    let reason = "Essential container in task exited";
    let (began_ms, ended_ms) = (began.as_millisecond(), ended.as_millisecond());
    let array = match order.index {
        Some(index) => json!({ "index": index }),
        None => json!({}),
    };
    json!({
        "version": "0",
        "id": uuid::Uuid::new_v4().to_string(),
        "detail-type": "Batch Job State Change",
        "source": "aws.batch",
        "account": ACCOUNT,
        "time": ended.to_string(),
        "region": region,
        "resources": [arn(&format!("job/{id}"))],
        "detail": {
            "jobArn": arn(&format!("job/{id}")),
            "jobName": order.name.to_string(),
            "jobId": id,
            "jobQueue": arn(&format!("job-queue/{queue}")),
            "status": "FAILED",
            "statusReason": reason,
            "attempts": [{
                "container": {"exitCode": code},
                "startedAt": began_ms,
                "stoppedAt": ended_ms,
                "statusReason": reason,
            }],
            "startedAt": began_ms,
            "stoppedAt": ended_ms,
            "arrayProperties": array,
            "container": {"exitCode": code},
        },
    })
}

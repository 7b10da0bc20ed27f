//! What a request for an upload must be like, and how it is written into the object's metadata.

use std::collections::BTreeMap;

use marey_contract::{RunsOn, VideoRequest};
use marey_engine::{
    BatchId, Workflow,
    event::check_notify,
    parameter,
    upload::{DEFAULT_WORKFLOW, MANIFEST_ENDING},
};
use serde_json::Value;

use crate::answer::Refusal;

/// The longest file name in bytes; a key of S3 has 1024 in all.
const LONGEST_NAME: usize = 255;

/// What an object's own metadata may weigh, names and values together (Amazon S3 User Guide, "Working with object metadata").
const MOST_METADATA: usize = 2048;

/// A sound request for an upload.
#[derive(Debug)]
pub(crate) struct Wish {
    /// File name.
    pub(crate) name: String,
    /// The workflow.
    pub(crate) workflow: Workflow,
    /// What goes into the object's metadata.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// Accepts a request whose name can be a file's, whose workflow exists and grants what is asked of it.
pub(crate) fn check(request: &VideoRequest, batch: Option<BatchId>) -> Result<Wish, Refusal> {
    let name = check_name(&request.name)?;
    let workflow = check_workflow(request.workflow.as_deref())?;
    check_priority(request.priority)?;
    parameter::settle(&workflow, &request.params)?;
    if let Some(address) = &request.notify {
        check_notify(address).map_err(|unfit| {
            Refusal::bad_request(
                format!("{unfit}."),
                "Give an address such as https://example.org/marey.",
            )
        })?;
    }
    let metadata = metadata(request, batch);
    let weight: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if weight > MOST_METADATA {
        let message = format!("The parameters and the address weigh {weight} bytes, S3 takes {MOST_METADATA}.");
        return Err(Refusal::bad_request(
            message,
            "Leave out parameters that have their default, or shorten them.",
        ));
    }
    Ok(Wish {
        name,
        workflow,
        metadata,
    })
}

fn check_name(given: &str) -> Result<String, Refusal> {
    let name = given.trim().to_owned();
    let unfit = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.is_empty() || name == "." || name == ".." || name.len() > LONGEST_NAME || name.contains(unfit) {
        return Err(Refusal::bad_request(
            format!("{given:?} cannot be the name of a file."),
            "Give the file's own name without its folder, such as squat.mp4.",
        ));
    }
    if name.ends_with(MANIFEST_ENDING) {
        // It would make a batch, whose id is another than the one that this leave promises.
        return Err(Refusal::bad_request(
            format!("{given:?} is the name of a batch's manifest, not of a video."),
            "Announce a batch with POST /batches, or put the manifest into the bucket itself.",
        ));
    }
    Ok(name)
}

/// A workflow by name; the default one without.
pub(crate) fn check_workflow(name: Option<&str>) -> Result<Workflow, Refusal> {
    let name = name.unwrap_or(DEFAULT_WORKFLOW);
    Workflow::shipped(name).ok_or_else(|| {
        let known: Vec<_> = Workflow::all_shipped().iter().map(Workflow::name).collect();
        let hint = format!("Ask for one of these: {}.", known.join(", "));
        Refusal::bad_request(format!("There is no workflow called {name:?}."), hint)
    })
}

/// Accepts a priority of 0 to 9.
pub(crate) fn check_priority(priority: Option<u8>) -> Result<(), Refusal> {
    if priority.is_some_and(|priority| priority > 9) {
        let hint = "Give 0 to 9; 7 and above is express.";
        return Err(Refusal::bad_request("The priority is above 9.", hint));
    }
    Ok(())
}

/// The names are those that `marey_engine::upload::Metadata` reads.
fn metadata(request: &VideoRequest, batch: Option<BatchId>) -> BTreeMap<String, String> {
    let params = (!request.params.is_empty()).then(|| ascii(&request.params));
    let runs_on = request.runs_on.map(|place| match place {
        RunsOn::Lambda => "lambda".to_owned(),
        RunsOn::Batch => "batch".to_owned(),
        RunsOn::Auto => "auto".to_owned(),
    });
    [
        ("priority", request.priority.map(|priority| priority.to_string())),
        ("params", params),
        ("runs-on", runs_on),
        ("reuse", request.reuse.then(|| "true".to_owned())),
        ("notify", request.notify.clone()),
        ("batch", batch.map(|id| id.to_string())),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// JSON in ASCII alone: what else stands in an object's metadata does not come back from S3 as it went in.
fn ascii(params: &BTreeMap<String, Value>) -> String {
    let text = serde_json::to_string(params).unwrap_or_default();
    let mut units = [0; 2];
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            escaped.push(c);
        } else {
            escaped.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use marey_engine::upload::Metadata;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_what_intake_reads() {
        let request = VideoRequest {
            name: "a.mp4".into(),
            priority: Some(8),
            params: BTreeMap::from([("cutoff_hz".to_owned(), json!(4.5))]),
            runs_on: Some(RunsOn::Batch),
            reuse: true,
            notify: Some("https://example.org/hook".into()),
            ..VideoRequest::default()
        };
        let batch: BatchId = "91592905-a4e1-421d-86a6-012dd5758e03".parse().unwrap();
        let wish = check(&request, Some(batch)).unwrap();
        let read = Metadata::read(|name| wish.metadata.get(name).cloned());
        let asked = marey_engine::upload::Request::read("uploads/a.mp4", &read);
        assert_eq!((asked.priority, asked.problem), (8, None));
        assert_eq!(asked.wishes.params, request.params);
        assert_eq!(asked.wishes.runs_on, Some(marey_engine::RunsOn::Batch));
        assert_eq!((asked.wishes.reuse, asked.wishes.batch), (true, Some(batch)));
        assert_eq!(asked.wishes.notify, request.notify);
    }

    #[test]
    fn there_is_no_leave_for_a_manifest_which_makes_no_job_of_its_own() {
        let request = |name: &str| VideoRequest {
            name: name.into(),
            ..VideoRequest::default()
        };
        assert!(check(&request("x.manifest.jsonl"), None).is_err());
        assert!(check(&request("x.manifest.jsonl.mp4"), None).is_ok());
    }

    #[test]
    fn any_text_comes_back_from_ascii() {
        let params = BTreeMap::from([("title".to_owned(), json!("Läufer 🏃 \"1\""))]);
        let text = ascii(&params);
        assert!(text.is_ascii());
        assert_eq!(serde_json::from_str::<BTreeMap<String, Value>>(&text).unwrap(), params);
    }
}

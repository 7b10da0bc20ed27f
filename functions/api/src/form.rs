//! What a request for an upload must be like.

use marey_contract::VideoRequest;
use marey_engine::{Workflow, upload::DEFAULT_WORKFLOW};

use crate::answer::Refusal;

/// The longest file name in bytes; a key of S3 has 1024 in all.
const LONGEST_NAME: usize = 255;

/// A sound request for an upload.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) workflow: String,
    pub(crate) priority: Option<u8>,
}

/// Accepts a request whose name can be a file's, whose workflow exists and whose priority is 0 to 9.
pub(crate) fn check(request: VideoRequest) -> Result<Wish, Refusal> {
    let name = request.name.trim().to_owned();
    let unfit = |c: char| c.is_control() || matches!(c, '/' | '\\');
    if name.is_empty() || name == "." || name == ".." || name.len() > LONGEST_NAME || name.contains(unfit) {
        let message = format!("{:?} cannot be the name of a file.", request.name);
        return Err(Refusal::bad_request(
            message,
            "Give the file's own name without its folder, such as squat.mp4.",
        ));
    }
    let workflow = request.workflow.unwrap_or_else(|| DEFAULT_WORKFLOW.to_owned());
    if Workflow::shipped(&workflow).is_none() {
        let known: Vec<_> = Workflow::all_shipped().iter().map(|w| w.name().to_owned()).collect();
        let hint = format!("Ask for one of these: {}.", known.join(", "));
        return Err(Refusal::bad_request(
            format!("There is no workflow called {workflow:?}."),
            hint,
        ));
    }
    if request.priority.is_some_and(|priority| priority > 9) {
        return Err(Refusal::bad_request(
            "The priority is above 9.",
            "Give 0 to 9; 7 and above is express.",
        ));
    }
    Ok(Wish {
        name,
        workflow,
        priority: request.priority,
    })
}

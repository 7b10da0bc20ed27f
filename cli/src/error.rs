//! Everything that can go wrong between a person and Marey, with a stable code and a hint.

use std::path::PathBuf;

use marey_contract::ErrorBody;

use crate::words::{size, tame};

/// Why something did not work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody said where Marey is.
    #[error("no endpoint is set")]
    NoEndpoint,
    /// The endpoint cannot be used.
    #[error("the endpoint `{given}` cannot be used: {why}")]
    BadEndpoint {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// The address to connect to cannot be used.
    #[error("`{given}` cannot be connected to in place of the endpoint: {why}")]
    BadConnectTo {
        /// What was given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was given is not a job's id.
    #[error("`{given}` is not a job's id")]
    BadJobId {
        /// What was given.
        given: String,
    },
    /// What was given is not the name of a batch, a workflow, a queue or a key.
    #[error("`{given}` is not the name of a {kind}")]
    BadName {
        /// What it should name.
        kind: &'static str,
        /// What was given.
        given: String,
    },
    /// The API key cannot be sent.
    #[error("the API key has characters that no key has")]
    BadApiKey,
    /// A parameter that the workflow does not know, or a value that does not fit it.
    #[error("{}", tame(why))]
    BadParameter {
        /// What is wrong.
        why: String,
        /// The workflow.
        workflow: String,
    },
    /// No such workflow.
    #[error("there is no workflow `{}` {source_of}", tame(name))]
    NoWorkflow {
        /// What was asked for.
        name: String,
        /// Among which: `at HOST` or `in this version of the tool`.
        source_of: String,
        /// What there is.
        known: String,
    },
    /// A manifest that cannot be read.
    #[error("`{}`, line {line}: {why}", path.display())]
    BadManifest {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// An archive that must not be unpacked.
    #[error("the archive `{}` is refused, and nothing was sent: {}", path.display(), told(refusal))]
    ArchiveRefused {
        /// The archive.
        path: PathBuf,
        /// Everything that is wrong with it.
        refusal: marey_archive::Refusal,
    },
    /// A video that could not be taken out of its archive.
    #[error("`{}`: {source}", tame(video))]
    NotExtracted {
        /// Its path in the archive.
        video: String,
        /// Why.
        source: marey_archive::ExtractError,
    },
    /// Earlier jobs have the names of videos of an archive.
    #[error("{} of the names are those of earlier jobs, and nothing was sent: {}", names.len(), tame(&names.join(", ")))]
    NamesTaken {
        /// The names.
        names: Vec<String>,
    },
    /// Nothing that could be uploaded was named.
    #[error("there is no video in {}", tame(place))]
    NoVideos {
        /// Where it was looked for.
        place: String,
    },
    /// A video of a batch for which no leave to upload was given.
    #[error("there was no leave to upload `{}`", tame(name))]
    NoTicket {
        /// The video.
        name: String,
    },
    /// Something that cannot be taken back was not agreed to.
    #[error("nothing was deleted: nobody agreed to it")]
    NotConfirmed,
    /// No connection, or none that lasted until the answer was there.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// Host and port.
        host: String,
        /// The innermost cause.
        why: String,
    },
    /// Marey answered with an error of the contract.
    #[error("{}", tame(&body.message))]
    Answer {
        /// The HTTP status.
        status: u16,
        /// What was answered.
        body: ErrorBody,
    },
    /// Something answered with an error that is not of the contract: a gateway, a proxy, another server.
    #[error("{host} answered with HTTP status {status}: {said}")]
    Status {
        /// Host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The beginning of what was said.
        said: String,
    },
    /// A success that does not follow the contract.
    #[error("{host} answered something that is not Marey's: {why}")]
    NotMarey {
        /// Host and port.
        host: String,
        /// Where it differs.
        why: String,
    },
    /// Requests shall be signed, but no credentials were found.
    #[error("no AWS credentials were found: {why}")]
    NoCredentials {
        /// What the chain of providers said.
        why: String,
    },
    /// Requests shall be signed, but the region is not known.
    #[error("the AWS region is not known")]
    NoRegion,
    /// Credentials would travel unencrypted over a network.
    #[error("signatures and API keys are not sent to `{host}` without encryption")]
    Unencrypted {
        /// The host.
        host: String,
    },
    /// A request could not be signed.
    #[error("the request could not be signed: {why}")]
    Signing {
        /// What the signer said.
        why: String,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read: {why}", path.display())]
    FileUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file has no content.
    #[error("`{}` is empty", path.display())]
    FileEmpty {
        /// The file.
        path: PathBuf,
    },
    /// A file is larger than what the bucket takes.
    #[error("`{}` is too large: {}, where {} are allowed", path.display(), size(*bytes), size(*max_bytes))]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The largest size that is taken.
        max_bytes: u64,
    },
    /// A recording is larger than what this machine should hold at once.
    #[error("`{}` is too large: {}, where {} are allowed", path.display(), size(*bytes), size(*max_bytes))]
    RecordingTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, as far as it is known.
        bytes: u64,
        /// The largest size that is read.
        max_bytes: u64,
    },
    /// Neither its content nor its name says that a file is a recording.
    #[error("`{}` is not a recording in a format that Marey reads", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
    },
    /// A folder has two files for the same frame.
    #[error("`{}` has two files for one frame, `{one}` and `{other}`", folder.display())]
    FramesMixed {
        /// The folder.
        folder: PathBuf,
        /// Name of a file.
        one: String,
        /// Name of a file with the same number.
        other: String,
    },
    /// Nobody said in which format something shall be written.
    #[error("nothing says in which format `{}` shall be", path.display())]
    NoFormat {
        /// The file to be.
        path: PathBuf,
    },
    /// An analysis file cannot be used, or not with these recordings.
    #[error("`{}`: {}", path.display(), tame(&cause.to_string()))]
    BadAnalysis {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: marey_motion::protocol::ProtocolError,
    },
    /// Neither the command line nor the analysis file names a recording.
    #[error("no recording is named")]
    NoRecording,
    /// A file's size changed while it was sent.
    #[error("`{}` changed while it was being uploaded", path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
    },
    /// The bucket did not take the upload.
    #[error("the upload was refused (HTTP status {status}, {reason})")]
    UploadRefused {
        /// The HTTP status.
        status: u16,
        /// The bucket's own code and message.
        reason: String,
    },
    /// The connection broke or stood still during the upload. A bucket that refuses before it has read everything may
    /// also just hang up.
    #[error("the upload broke off after {}: {why}", size(*sent_bytes))]
    UploadBroken {
        /// How much had left this machine.
        sent_bytes: u64,
        /// What happened.
        why: String,
    },
    /// A result's name would lead out of the folder or is no file name.
    #[error("the result `{}` has a name that is not safe to write", tame(name))]
    UnsafeName {
        /// The name as it was given.
        name: String,
    },
    /// There already is something else of that name.
    #[error("`{}` is already there and differs", path.display())]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// A file would be overwritten.
    #[error("`{}` is already there", path.display())]
    FileInTheWay {
        /// The file.
        path: PathBuf,
    },
    /// Two results would have the same name.
    #[error("two results would be written to `{}`", path.display())]
    SameFile {
        /// The file.
        path: PathBuf,
    },
    /// A video is not that of a recording.
    #[error("`{}` is not the video of that recording: {why}", path.display())]
    OtherVideo {
        /// The video.
        path: PathBuf,
        /// What differs.
        why: String,
    },
    /// A file holds no movement, or movements cannot be compared.
    #[error("{}{source}", about(path.as_ref()))]
    Motion {
        /// The file, if it is one file's fault.
        path: Option<PathBuf>,
        /// What is wrong.
        source: marey_motion::MotionError,
    },
    /// A video cannot be read or written.
    #[error("{}{source}", about(Some(path)))]
    Media {
        /// The video.
        path: PathBuf,
        /// What is wrong.
        source: marey_media::MediaError,
    },
    /// A picture cannot be made.
    #[error("{0}")]
    Picture(#[from] marey_picture::PictureError),
    /// The content received is not what was promised.
    #[error("`{}` arrived damaged: {why}", tame(name))]
    Damaged {
        /// The result's name.
        name: String,
        /// Which promise is broken.
        why: String,
    },
    /// The link was refused.
    #[error("the link to `{}` was refused (HTTP status {status})", tame(name))]
    LinkRefused {
        /// The result's name.
        name: String,
        /// The HTTP status.
        status: u16,
    },
    /// The connection broke or stood still during a download.
    #[error("the download of `{}` broke off: {why}", tame(name))]
    DownloadBroken {
        /// The result's name.
        name: String,
        /// What happened.
        why: String,
    },
    /// A file or folder cannot be written.
    #[error("`{}` cannot be written: {why}", path.display())]
    FileUnwritable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A model could not be run on this machine.
    #[error("{}", tame(message))]
    Work {
        /// The code that the part gives that failed.
        code: &'static str,
        /// What happened, with its cause.
        message: String,
        /// What the person can do.
        hint: String,
    },
    /// Standard output does not take what is written.
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
    /// A part of this program that should not fail did.
    #[error("the tool could not start: {why}")]
    Start {
        /// What failed.
        why: String,
    },
}

impl Error {
    /// Stable and upper-case.
    pub fn code(&self) -> &str {
        match self {
            Self::NoEndpoint => "NO_ENDPOINT",
            Self::BadEndpoint { .. } => "BAD_ENDPOINT",
            Self::BadConnectTo { .. } => "BAD_CONNECT_TO",
            Self::BadJobId { .. } => "BAD_JOB_ID",
            Self::BadName { .. } => "BAD_NAME",
            Self::BadApiKey => "BAD_API_KEY",
            Self::BadParameter { .. } => "BAD_PARAMETER",
            Self::NoWorkflow { .. } => "NO_WORKFLOW",
            Self::BadManifest { .. } => "BAD_MANIFEST",
            Self::ArchiveRefused { refusal, .. } => refusal.code(),
            Self::NotExtracted { source, .. } => source.code(),
            Self::NamesTaken { .. } => "NAMES_TAKEN",
            Self::NoVideos { .. } => "NO_VIDEOS",
            Self::NoTicket { .. } => "NO_TICKET",
            Self::NotConfirmed => "NOT_CONFIRMED",
            Self::Unreachable { .. } => "UNREACHABLE",
            Self::Answer { body, .. } => &body.code,
            Self::Status { status: 401 | 403, .. } => "NOT_ALLOWED",
            Self::Status { status: 429, .. } => "TOO_MANY_REQUESTS",
            Self::Status { status: 500.., .. } => "SERVER_ERROR",
            Self::Status { .. } | Self::NotMarey { .. } => "NOT_MAREY",
            Self::NoCredentials { .. } => "NO_CREDENTIALS",
            Self::NoRegion => "NO_REGION",
            Self::Unencrypted { .. } => "UNENCRYPTED",
            Self::Signing { .. } => "SIGNING_FAILED",
            Self::FileUnreadable { .. } => "FILE_UNREADABLE",
            Self::FileEmpty { .. } => "FILE_EMPTY",
            Self::FileTooLarge { .. } => "FILE_TOO_LARGE",
            Self::RecordingTooLarge { .. } => "RECORDING_TOO_LARGE",
            Self::NotARecording { .. } => "NOT_A_RECORDING",
            Self::FramesMixed { .. } => "FRAMES_MIXED",
            Self::NoFormat { .. } => "NO_FORMAT",
            Self::BadAnalysis { cause, .. } => cause.code(),
            Self::NoRecording => "NO_RECORDING",
            Self::FileChanged { .. } => "FILE_CHANGED",
            Self::UploadRefused { .. } => "UPLOAD_REFUSED",
            Self::UploadBroken { .. } => "UPLOAD_BROKEN",
            Self::UnsafeName { .. } => "UNSAFE_NAME",
            Self::FileExists { .. } | Self::FileInTheWay { .. } => "FILE_EXISTS",
            Self::SameFile { .. } => "SAME_FILE",
            Self::OtherVideo { .. } => "OTHER_VIDEO",
            Self::Motion { source, .. } => source.code(),
            Self::Media { source, .. } => source.code(),
            Self::Picture(source) => source.code(),
            Self::Damaged { .. } => "DAMAGED",
            Self::LinkRefused { .. } => "LINK_REFUSED",
            Self::DownloadBroken { .. } => "DOWNLOAD_BROKEN",
            Self::FileUnwritable { .. } => "FILE_UNWRITABLE",
            Self::Work { code, .. } => code,
            Self::Output(_) => "OUTPUT_FAILED",
            Self::Start { .. } => "START_FAILED",
        }
    }

    /// What the person can do.
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::NoEndpoint => {
                "Run `cargo xtask demo` for a local Marey, or set --endpoint or MAREY_ENDPOINT to the stack's output ApiUrl or FunctionUrl."
            }
            Self::BadEndpoint { .. } => {
                "Give an address such as https://abc123.execute-api.eu-west-1.amazonaws.com or http://127.0.0.1:4566."
            }
            Self::BadConnectTo { .. } => {
                "Give --connect-to or MAREY_CONNECT_TO an address such as 127.0.0.1:4566 and the endpoint a host name, or leave the former away."
            }
            Self::BadJobId { .. } => "`marey jobs` lists the ids.",
            Self::BadName { kind, .. } => {
                return match *kind {
                    "batch" => "`marey batch list` lists the ids.",
                    "workflow" => "`marey workflows` lists them.",
                    "key" => "`marey keys list` lists the ids.",
                    _ => "`marey system` shows the stages; each has a queue of its name.",
                }
                .to_owned();
            }
            Self::BadApiKey => "Copy it again from where `marey keys create` showed it, without spaces and line ends.",
            Self::BadParameter { workflow, .. } => {
                return format!(
                    "`marey workflows {}` shows the parameters and what they may be.",
                    tame(workflow)
                );
            }
            Self::NoWorkflow { known, .. } => return format!("There is {}.", tame(known)),
            Self::BadManifest { .. } => {
                "Each line is a path in quotes or an object: {\"file\": \"squat.mp4\", \"params\": {\"cutoff_hz\": 8}}."
            }
            Self::NoVideos { .. } => {
                "Name files, a folder with .mp4, .mov, .m4v, .mkv, .webm, .avi, .mpg, .mpeg, .ts or .mts files, or a manifest ending in .jsonl."
            }
            Self::ArchiveRefused { refusal, .. } => return refusal.hint(),
            Self::NotExtracted { source, .. } => source.hint(),
            Self::NamesTaken { .. } => "Use --force to send them again: the earlier jobs and their results stay.",
            Self::NoTicket { .. } => "Submit the file again, alone or with the others that failed.",
            Self::NotConfirmed => {
                "Say yes when asked at a terminal, or give --yes; --dry-run only shows what it would be."
            }
            Self::Unreachable { .. } => {
                "Check the endpoint and that Marey is running; `cargo xtask demo` starts a local one."
            }
            Self::Answer { body, .. } => return tame(&body.hint),
            Self::Status { status: 401 | 403, .. } => {
                "Set MAREY_API_KEY to a key that allows it, or sign the requests (--auth iam) with credentials that may call the API."
            }
            Self::Status { status: 429, .. } => "Wait a little and try again.",
            Self::Status { status: 500.., .. } => "Try again; if it stays, look at the logs of the function `api`.",
            Self::Status { .. } | Self::NotMarey { .. } => {
                "The endpoint is probably another server or lacks a part of its path: compare it with the stack's outputs."
            }
            Self::NoCredentials { .. } => {
                "Run `aws sso login`, set AWS_PROFILE or the AWS_ACCESS_KEY_ID variables, or use --auth none."
            }
            Self::NoRegion => "Set AWS_REGION: a host name of your own does not tell it.",
            Self::Unencrypted { .. } => "Use https, or --auth none without an API key.",
            Self::Signing { .. } => "Check the credentials; --auth none sends unsigned requests.",
            Self::FileUnreadable { .. } => "Check that the path is right and leads to a file that you may read.",
            Self::FileEmpty { .. } => "Export or copy the video again.",
            Self::FileTooLarge { .. } => "Cut the video, or reduce its resolution or bit rate.",
            Self::RecordingTooLarge { .. } => "Cut the recording into shorter ones.",
            Self::NotARecording { .. } => {
                "Marey reads recordings as Parquet and JSON, TRC, C3D, OpenPose's and NeuroPose's JSON; `marey analyze` and `marey convert` take the format with --from."
            }
            Self::FramesMixed { .. } => "Put the frames of each video into a folder of their own.",
            Self::NoFormat { .. } => {
                "Name it with --to, or end the name with .trc, .c3d, .mot, .csv, .parquet, .json or .jsonl."
            }
            Self::BadAnalysis { cause, .. } => cause.hint(),
            Self::NoRecording => "Name one: `marey analyze RECORDING`, or `inputs.primary` in the analysis file.",
            Self::FileChanged { .. } => "Wait until the file is complete, then submit it again.",
            Self::UploadRefused { .. } => "Submit the file again: the leave to upload ends after some minutes.",
            Self::UploadBroken { .. } => {
                "Check the connection and submit the file again; if all of it had left, `marey jobs` tells whether its job began."
            }
            Self::UnsafeName { .. } => "Nothing was written; report this name to whoever runs this Marey.",
            Self::SameFile { .. } => "Give `output.report` a name that no other result has.",
            Self::OtherVideo { .. } => "Check that --video-a and --video-b are not exchanged, or draw without videos.",
            Self::Motion { source, .. } => source.hint(),
            Self::Media { source, .. } => source.hint(),
            Self::Picture(source) => source.hint(),
            Self::FileExists { .. } | Self::FileInTheWay { .. } => "Use --force to overwrite it, or another folder.",
            Self::Damaged { .. } => "Nothing was kept; try again.",
            Self::LinkRefused { .. } => "Links end after some minutes: run the command again for fresh ones.",
            Self::DownloadBroken { .. } => "Run the command again: what is already complete is skipped.",
            Self::FileUnwritable { .. } => "Check the folder's permissions and free space.",
            Self::Work { hint, .. } => return hint.clone(),
            Self::Output(_) => "Check what reads the output, and free space.",
            Self::Start { .. } => "Check the limits on threads and open files.",
        };
        hint.to_owned()
    }

    /// An error of a part that works on this machine, with its causes in one line.
    #[cfg(feature = "benchmark")]
    fn work(code: &'static str, hint: &str, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self::Work {
            code,
            message,
            hint: hint.to_owned(),
        }
    }

    /// Whether the same request may succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Answer { status, .. } | Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    /// Whether Marey says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Answer { status: 404, .. })
    }

    /// The same in the words of the contract, for machine-readable output.
    pub fn to_body(&self) -> ErrorBody {
        match self {
            Self::Answer { body, .. } => body.clone(),
            _ => ErrorBody {
                code: self.code().to_owned(),
                message: self.to_string(),
                hint: self.hint(),
                stage: None,
                attempt: None,
            },
        }
    }
}

/// The beginning of a sentence about a file.
fn about(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| format!("`{}`: ", path.display()))
}

/// What is wrong with an archive, as far as it fits into a message; `marey ingest` shows all of it.
fn told(refusal: &marey_archive::Refusal) -> String {
    const MOST: usize = 20;
    let violations = refusal.violations();
    let told: Vec<_> = violations.iter().take(MOST).map(ToString::to_string).collect();
    match violations.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{}; and {more} more problems", tame(&told.join("; "))),
        _ => tame(&told.join("; ")),
    }
}

#[cfg(feature = "benchmark")]
impl From<marey_vision::VisionError> for Error {
    fn from(error: marey_vision::VisionError) -> Self {
        Self::work(error.code(), error.hint(), &error)
    }
}

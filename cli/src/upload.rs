//! Uploads: a form posted to the bucket itself, its file streamed from disk.
//!
//! Memory does not grow with the file: one buffer is read, sent and dropped at a time, and the form's length is
//! announced before (buckets take no chunked forms).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::Stream;
use futures_util::stream::try_unfold;
use marey_contract::UploadTicket;
use reqwest::multipart::{Form, Part};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::client::{Client, cause};
use crate::error::Error;
use crate::words::tame;

/// Read at once: large enough for a fast disk, small enough for a smooth bar.
const BUFFER_BYTES: usize = 256 * 1024;
/// An upload that moved nothing for this long has broken off; the answer after the last byte may take as long.
const STALLED_AFTER: Duration = Duration::from_mins(2);

/// A file that can be uploaded.
#[derive(Debug)]
pub struct VideoFile {
    path: PathBuf,
    name: String,
    bytes: u64,
    file: File,
    /// Nobody else can change it, and it has no path.
    is_temporary: bool,
}

impl VideoFile {
    /// Opens a file and looks whether it can be a video at all.
    ///
    /// # Errors
    /// [`Error::FileUnreadable`] if it is not there, not ours to read or no regular file, [`Error::FileEmpty`].
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |why: String| Error::FileUnreadable {
            path: path.to_owned(),
            why,
        };
        // Opening a pipe would wait for its writer, so the kind is looked at first.
        let seen = tokio::fs::metadata(path)
            .await
            .map_err(|error| unreadable(error.to_string()))?;
        if !seen.is_file() {
            return Err(unreadable("it is not a regular file".to_owned()));
        }
        let file = File::open(path).await.map_err(|error| unreadable(error.to_string()))?;
        let bytes = file
            .metadata()
            .await
            .map_err(|error| unreadable(error.to_string()))?
            .len();
        if bytes == 0 {
            return Err(Error::FileEmpty { path: path.to_owned() });
        }
        let name = path
            .file_name()
            .unwrap_or(path.as_os_str())
            .to_string_lossy()
            .into_owned();
        Ok(Self {
            path: path.to_owned(),
            name,
            bytes,
            file,
            is_temporary: false,
        })
    }

    /// A file that this program made and that nobody else can name. `path` says in messages what it is.
    pub(crate) fn temporary(path: PathBuf, name: String, bytes: u64, file: std::fs::File) -> Self {
        Self {
            path,
            name,
            bytes,
            file: File::from_std(file),
            is_temporary: true,
        }
    }

    /// The file name, with its extension.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Posts a file with its ticket. `sent` is told how many bytes of the file have left so far.
///
/// # Errors
/// [`Error::FileTooLarge`] before anything is sent; [`Error::UploadRefused`], [`Error::UploadBroken`] and
/// [`Error::FileChanged`] after.
pub async fn upload(
    client: &Client,
    ticket: &UploadTicket,
    video: VideoFile,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> Result<(), Error> {
    let VideoFile {
        path,
        name,
        bytes,
        file,
        is_temporary,
    } = video;
    if bytes > ticket.max_bytes {
        return Err(Error::FileTooLarge {
            path,
            bytes,
            max_bytes: ticket.max_bytes,
        });
    }
    let moved = Arc::new(AtomicU64::new(0));
    let body = contents(file, bytes, Arc::clone(&moved), sent);
    let form = ticket.fields.iter().fold(Form::new(), |form, (name, value)| {
        form.text(name.clone(), value.clone())
    });
    let part = Part::stream_with_length(reqwest::Body::wrap_stream(body), bytes).file_name(name);
    let request = client
        .links()
        .post(&ticket.url)
        .multipart(form.part("file", part))
        .send();

    let broken = |why: String| Error::UploadBroken {
        sent_bytes: moved.load(Ordering::Relaxed),
        why,
    };
    let answer = tokio::select! {
        answer = request => answer,
        () = stalled(&moved) => return Err(broken(format!("nothing moved for {} s", STALLED_AFTER.as_secs()))),
    };
    let size_now = if is_temporary {
        Some(bytes)
    } else {
        tokio::fs::metadata(&path).await.map(|seen| seen.len()).ok()
    };
    let response = match answer {
        Ok(response) => response,
        Err(_) if size_now != Some(bytes) => return Err(Error::FileChanged { path }),
        Err(error) => return Err(broken(cause(&error))),
    };
    let status = response.status();
    if status.is_success() {
        return if size_now == Some(bytes) {
            Ok(())
        } else {
            Err(Error::FileChanged { path })
        };
    }
    let said = response.text().await.unwrap_or_default();
    Err(Error::UploadRefused {
        status: status.as_u16(),
        reason: bucket_reason(&said),
    })
}

/// The file's content in buffers, no longer than was announced.
fn contents(
    file: File,
    bytes: u64,
    moved: Arc<AtomicU64>,
    sent: impl Fn(u64) + Send + Sync + 'static,
) -> impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static {
    let sent = Arc::new(sent);
    try_unfold(file.take(bytes), move |mut file| {
        let (moved, sent) = (Arc::clone(&moved), Arc::clone(&sent));
        async move {
            let mut buffer = BytesMut::with_capacity(BUFFER_BYTES);
            let read = file.read_buf(&mut buffer).await?;
            if read == 0 {
                return Ok(None);
            }
            let total = moved.fetch_add(read as u64, Ordering::Relaxed) + read as u64;
            sent(total);
            Ok(Some((buffer.freeze(), file)))
        }
    })
}

/// Ends when nothing has moved for too long.
async fn stalled(moved: &AtomicU64) {
    let mut before = moved.load(Ordering::Relaxed);
    loop {
        tokio::time::sleep(STALLED_AFTER).await;
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
    }
}

/// S3's reason for a refusal: code and message from its XML.
fn bucket_reason(said: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = said.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once(&format!("</{name}>"))?;
        Some(tame(text))
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code,
        _ => "no reason given".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_bucket_is_found_in_its_answer() {
        let said = r#"<?xml version="1.0"?><Error><Code>EntityTooLarge</Code><Message>Too big</Message></Error>"#;
        assert_eq!(bucket_reason(said), "EntityTooLarge: Too big");
        assert_eq!(
            bucket_reason("<Error><Code>AccessDenied</Code></Error>"),
            "AccessDenied"
        );
        for said in ["", "<Code>", "</Code><Code>", "<html>"] {
            assert_eq!(bucket_reason(said), "no reason given");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_a_video_is_told_before() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.mp4");
        std::fs::write(&empty, b"").unwrap();
        assert_eq!(VideoFile::open(&empty).await.unwrap_err().code(), "FILE_EMPTY");
        assert_eq!(
            VideoFile::open(folder.path()).await.unwrap_err().code(),
            "FILE_UNREADABLE"
        );
        assert_eq!(
            VideoFile::open(&folder.path().join("none.mp4"))
                .await
                .unwrap_err()
                .code(),
            "FILE_UNREADABLE"
        );
    }
}

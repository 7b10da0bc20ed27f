//! Looking at uploads, and reading parts of them.

use std::{ops::Range, path::Path};

use aws_sdk_s3::primitives::ByteStream;
use marey_engine::{
    Upload,
    upload::{Member, Metadata, UPLOADS_PREFIX},
};
use tokio::io::AsyncWriteExt;

use super::{Buckets, instant, is_missing};
use crate::{
    CloudError,
    uploads::{
        ListUploads, LookAtUploads, Place, ReadTexts, StoredUpload, UNPACKED_AT_ONCE, UploadHead, UploadPage,
        not_unpacked, unpacking,
    },
};

impl Buckets {
    /// Unpacks a video of an archive into a file, while its bytes come.
    pub(super) async fn unpack(&self, upload: &Upload, member: &Member, to: &Path) -> Result<(), CloudError> {
        let write_failed = |error| CloudError::service("write file", error);
        let (range, mut unpacker) = unpacking(member, upload.bytes);
        let mut body = self.range(upload, range).await?;
        let mut file = tokio::fs::File::create(to).await.map_err(write_failed)?;
        while let Some(chunk) = body
            .try_next()
            .await
            .map_err(|e| CloudError::service("read upload", e))?
        {
            for packed in chunk.chunks(UNPACKED_AT_ONCE) {
                unpacker.push(packed).map_err(|error| not_unpacked(upload, error))?;
                file.write_all(unpacker.writer()).await.map_err(write_failed)?;
                unpacker.writer().clear();
            }
        }
        unpacker.finish().map_err(|error| not_unpacked(upload, error))?;
        file.flush().await.map_err(write_failed)
    }

    /// A part of an object, which is checked to be as long as it was asked for: whoever ignores the range sends everything.
    ///
    /// MiniStack does so for a range of a version. The `ETag` names the same content, and with that it keeps to the range; where a newer
    /// version lies at the key, this is an error and nothing is read in its place.
    async fn range(&self, upload: &Upload, range: Range<u64>) -> Result<ByteStream, CloudError> {
        let bytes = range.end.saturating_sub(range.start);
        let wanted = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
        let of_content = || {
            let call = self.client.get_object().bucket(&upload.bucket).key(&upload.key);
            call.if_match(format!("\"{}\"", upload.etag))
        };
        let mut came = None;
        for call in [self.exactly(upload), of_content()] {
            let object = match call.range(&wanted).send().await {
                Ok(object) => object,
                Err(error) if is_missing(&error) => {
                    return Err(CloudError::Missing {
                        what: format!("upload {}", upload.key),
                    });
                }
                Err(error) => return Err(CloudError::service("read upload", error)),
            };
            came = object.content_length();
            if came.is_some_and(|length| length as u64 == bytes) {
                return Ok(object.body);
            }
        }
        Err(CloudError::service(
            "read upload",
            format!("{came:?} instead of {bytes} bytes came"),
        ))
    }
}

impl LookAtUploads for Buckets {
    async fn look(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Option<UploadHead>, CloudError> {
        let call = self.client.head_object().bucket(bucket).key(key);
        let head = match call.set_version_id(version.map(str::to_owned)).send().await {
            Ok(head) => head,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(CloudError::service("head upload", error)),
        };
        let metadata = Metadata::read(|name| head.metadata().and_then(|all| all.get(name)).cloned());
        Ok(Some(UploadHead {
            bytes: head.content_length().unwrap_or(0).max(0) as u64,
            etag: unquoted(head.e_tag()),
            version: real_version(head.version_id()),
            metadata,
        }))
    }
}

impl ReadTexts for Buckets {
    async fn read(&self, bucket: &str, key: &str, version: Option<&str>, most: u64) -> Result<Vec<u8>, CloudError> {
        let call = self.client.get_object().bucket(bucket).key(key);
        let call = call.set_version_id(version.map(str::to_owned));
        let mut object = match call.send().await {
            Ok(object) => object,
            Err(error) if is_missing(&error) => return Err(CloudError::Missing { what: key.to_owned() }),
            Err(error) => return Err(CloudError::service("read upload", error)),
        };
        let mut content = Vec::new();
        // Not a range: an empty object has none.
        while (content.len() as u64) < most {
            let chunk = object.body.try_next().await;
            match chunk.map_err(|e| CloudError::service("read upload", e))? {
                Some(chunk) => content.extend_from_slice(&chunk),
                None => break,
            }
        }
        content.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(content)
    }

    async fn piece(&self, upload: &Upload, range: Range<u64>) -> Result<Vec<u8>, CloudError> {
        let body = self.range(upload, range).await?;
        let content = body
            .collect()
            .await
            .map_err(|e| CloudError::service("read upload", e))?;
        Ok(content.to_vec())
    }
}

impl ListUploads for Buckets {
    async fn uploads(&self, bucket: &str, after: Option<&Place>) -> Result<UploadPage, CloudError> {
        let mut call = self.client.list_object_versions().bucket(bucket).prefix(UPLOADS_PREFIX);
        if let Some(place) = after {
            call = call.key_marker(&place.key).set_version_id_marker(place.version.clone());
        }
        let page = call.send().await;
        let page = page.map_err(|e| CloudError::service("list uploads", e))?;
        let uploads = page.versions().iter().filter_map(|listed| {
            Some(StoredUpload {
                key: listed.key()?.to_owned(),
                version: real_version(listed.version_id()),
                etag: unquoted(listed.e_tag()),
                stored_at: instant(listed.last_modified()?)?,
            })
        });
        let next = page.next_key_marker().map(|key| Place {
            key: key.to_owned(),
            version: page.next_version_id_marker().map(str::to_owned),
        });
        Ok(UploadPage {
            uploads: uploads.collect(),
            next: next.filter(|_| page.is_truncated() == Some(true)),
        })
    }
}

/// An object that was stored while its bucket kept no versions has the version `null`.
fn real_version(version: Option<&str>) -> Option<String> {
    version.filter(|version| *version != "null").map(str::to_owned)
}

fn unquoted(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

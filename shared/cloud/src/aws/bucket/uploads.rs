//! Looking at uploads.

use marey_engine::upload::{Metadata, UPLOADS_PREFIX};

use super::{Buckets, instant, is_missing};
use crate::{
    CloudError,
    uploads::{ListUploads, LookAtUploads, Place, ReadTexts, StoredUpload, UploadHead, UploadPage},
};

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

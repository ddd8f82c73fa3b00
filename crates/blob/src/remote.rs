//! Uploads in a bucket: what each request does.

use std::{collections::HashMap, sync::Arc, time::SystemTime};

use base::Id;
use futures_util::TryStreamExt;
use oci::Digest;
use tokio::{io::AsyncRead, sync::OwnedSemaphorePermit};

use crate::{
    Chunk, Error, Upload, UploadState,
    bucket::Bucket,
    parts::{Parts, data_key, tail_key},
    receive::Finished,
    state::{Place, Sent},
};

/// Add a body to an upload; see [`crate::Blobs::append`].
pub(crate) async fn append<F>(
    bucket: &Bucket,
    id: &Id<Upload>,
    known: &mut Option<UploadState>,
    chunk: Chunk,
    body: impl AsyncRead + Unpin + Send,
    note: impl FnMut(Option<UploadState>) -> F,
) -> Result<u64, Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let length = known.as_ref().map_or(0, UploadState::length);
    if let Some(given) = chunk.offset.filter(|given| *given != length) {
        return Err(Error::OutOfOrder { given, length });
    }
    if chunk.length == Some(0) {
        return Ok(length);
    }
    let _sender = sender(bucket).await?;
    remove_stale(bucket, id, known.as_ref()).await?;
    let mut parts = Parts::of_upload(bucket, id, known.as_ref()).await?;
    let outcome = parts.receive(body, chunk, note).await;
    // Of every other error nothing stays: parts that were sent are sent again under the same numbers.
    if !matches!(outcome, Ok(()) | Err(Error::Body(_))) {
        parts.back_to(known.as_ref()).await;
        return outcome.map(|()| length);
    }
    if parts.length() > length {
        *known = Some(parts.rest(id, known.as_ref()).await?);
    }
    outcome.map(|()| known.as_ref().map_or(0, UploadState::length))
}

/// Both of the above and below; what the bucket has is noted in between.
pub(crate) async fn complete<F>(
    bucket: &Bucket,
    id: &Id<Upload>,
    known: &mut Option<UploadState>,
    chunk: Chunk,
    body: impl AsyncRead + Unpin + Send,
    mut note: impl FnMut(Option<UploadState>) -> F,
    digest: &Digest,
) -> Result<Finished, Error>
where
    F: Future<Output = Result<(), Error>>,
{
    append(bucket, id, known, chunk, body, &mut note).await?;
    note(known.clone()).await?;
    Ok(finish(bucket, id, known.as_ref(), digest).await)
}

/// Make an upload a blob, and remove what is left of it in any case.
pub(crate) async fn finish(
    bucket: &Bucket,
    id: &Id<Upload>,
    known: Option<&UploadState>,
    digest: &Digest,
) -> Result<u64, Error> {
    let _sender = sender(bucket).await?;
    let outcome = match Parts::of_upload(bucket, id, known).await {
        Ok(parts) => parts.finish(digest).await,
        Err(error) => Err(error),
    };
    if known.is_some() {
        // A multipart upload that was completed is no more and cannot be aborted; one that was not is no longer wanted.
        let removed = remove(bucket, id, known).await;
        if let Err(error) = removed {
            tracing::warn!(%id, %error, "what is left of an upload stays in the bucket until it expires");
        }
    }
    outcome
}

/// The uploads that lie in the bucket and when each was last written to. Parts that were not completed show in no list.
pub(crate) async fn uploads(bucket: &Bucket) -> Result<Vec<(Id<Upload>, SystemTime)>, Error> {
    let mut uploads = HashMap::new();
    let mut objects = bucket.list("uploads", None)?;
    while let Some(object) = objects.try_next().await? {
        let name = object.key.split('/').nth(1).unwrap_or_default();
        if let Ok(id) = name.parse::<Id<Upload>>() {
            let newest = uploads.entry(id).or_insert(object.modified);
            *newest = object.modified.max(*newest);
        }
    }
    Ok(uploads.into_iter().collect())
}

/// Wait for room for one more part in memory.
pub(crate) async fn sender(bucket: &Bucket) -> Result<OwnedSemaphorePermit, Error> {
    Arc::clone(&bucket.senders).acquire_owned().await.map_err(|_| Error::Unavailable("the server stops".to_owned()))
}

/// Remove everything the bucket holds of an upload.
pub(crate) async fn remove(bucket: &Bucket, id: &Id<Upload>, known: Option<&UploadState>) -> Result<(), Error> {
    if let Some(UploadState { place: Place::Bucket(Sent { multipart: Some(multipart), .. }), .. }) = known {
        bucket.abort(&data_key(id), multipart).await?;
    }
    let mut objects = bucket.list(&format!("uploads/{id}"), None)?;
    while let Some(object) = objects.try_next().await? {
        bucket.delete(&object.key).await?;
    }
    Ok(())
}

/// Remove the tail before the present one: the state that named it was replaced.
async fn remove_stale(bucket: &Bucket, id: &Id<Upload>, known: Option<&UploadState>) -> Result<(), Error> {
    match known {
        Some(UploadState { place: Place::Bucket(Sent { stale: Some(length), .. }), .. }) => {
            bucket.delete(&tail_key(id, *length)).await
        }
        _ => Ok(()),
    }
}

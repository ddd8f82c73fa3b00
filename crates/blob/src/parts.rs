//! Bytes on their way into a bucket: whole parts go as they fill, the rest waits.
//!
//! ```text
//!   an upload      PATCH ─► parts of uploads/ID/data, rest ─► uploads/ID/tail-LENGTH ─► state ─► … ─► PUT
//!   at its end     no part: the tail becomes the blob │ parts: complete, copy to blobs/…, remove uploads/ID/
//!   whole blobs    parts of blobs/… itself, completed only when the digest is right
//! ```
//!
//! A part that was sent twice has the later content. The state names parts by what the store said of them, so completing with a
//! part of somebody else fails, and the digest is compared with what this state's sender sent.

use base::{Id, limits};
use bytes::Bytes;
use futures_util::TryStreamExt;
use oci::{Algorithm, Digest, Hasher};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

use crate::{
    Chunk, Error, Upload, UploadState,
    bucket::Bucket,
    layout,
    reader::Checked,
    state::{Place, Sent},
};

/// The bytes of one object on their way.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    bucket: &'a Bucket,
    /// The object that the parts become.
    key: String,
    sent: Sent,
    /// What was received after the last part.
    rest: Vec<u8>,
    hasher: Hasher,
    length: u64,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(bucket: &'a Bucket, key: String, algorithm: Algorithm) -> Parts<'a> {
        Parts { bucket, key, sent: Sent::default(), rest: Vec::new(), hasher: Hasher::new(algorithm), length: 0 }
    }

    /// Go on with an upload where its state ends.
    pub(crate) async fn of_upload(
        bucket: &'a Bucket,
        id: &Id<Upload>,
        known: Option<&UploadState>,
    ) -> Result<Parts<'a>, Error> {
        let mut parts = Parts::new(bucket, data_key(id), Algorithm::Sha256);
        let Some(known) = known else { return Ok(parts) };
        // Begun in a folder, before the store was changed.
        let Place::Bucket(sent) = &known.place else { return Err(Error::Over) };
        parts.sent = sent.clone();
        parts.hasher = known.hasher();
        parts.length = known.length();
        if let Some(digest) = &sent.tail {
            let key = tail_key(id, known.length());
            let stream = bucket.get(&key, None).await?.ok_or(Error::Over)?;
            let length = known.length() - (sent.parts.len() * limits::PART_BYTES) as u64;
            let hasher = Hasher::new(digest.algorithm());
            Checked::new(stream, length, (hasher, digest.clone())).read_to_end(&mut parts.rest).await?;
        }
        Ok(parts)
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Take a body to its end, sending whole parts. Between parts, when much was sent or the sender is slow, `note` is told the
    /// state that the bucket holds.
    pub(crate) async fn receive<F>(
        &mut self,
        mut body: impl AsyncRead + Unpin + Send,
        chunk: Chunk,
        mut note: impl FnMut(Option<UploadState>) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
        let mut received = 0_u64;
        let (mut state, mut noted) = (None, self.length);
        loop {
            let before = self.rest.len();
            let room = (limits::PART_BYTES - before).min(limits::CHUNK_BYTES) as u64;
            let Ok(read) = timeout(limits::UPLOAD_NOTE, (&mut body).take(room).read_buf(&mut self.rest)).await else {
                note(state.clone()).await?;
                continue;
            };
            let count = read.map_err(Error::broken_off)? as u64;
            received += count;
            self.length += count;
            self.hasher.update(&self.rest[before..]);
            if self.length > limits::BLOB_BYTES {
                return Err(Error::TooLarge);
            }
            match chunk.length {
                Some(announced) if received > announced || (count == 0 && received != announced) => {
                    return Err(Error::Length { announced, received });
                }
                _ if count == 0 => return Ok(()),
                _ => {}
            }
            if self.rest.len() == limits::PART_BYTES {
                let part = Bytes::from(std::mem::take(&mut self.rest));
                self.send(part).await?;
                state = Some(self.state());
                if self.length - noted >= limits::UPLOAD_NOTE_BYTES {
                    note(state.clone()).await?;
                    noted = self.length;
                }
            }
        }
    }

    /// Forget what was sent since this state.
    pub(crate) async fn back_to(self, known: Option<&UploadState>) {
        let had = known.is_some_and(|known| matches!(&known.place, Place::Bucket(sent) if sent.multipart.is_some()));
        if let (Some(id), false) = (&self.sent.multipart, had) {
            // The store tidies up what cannot be aborted now.
            let _ = self.bucket.abort(&self.key, id).await;
        }
    }

    async fn send(&mut self, part: Bytes) -> Result<(), Error> {
        let id = match &self.sent.multipart {
            Some(id) => id,
            None => self.sent.multipart.insert(self.bucket.begin_parts(&self.key).await?),
        };
        let name = self.bucket.put_part(&self.key, id, self.sent.parts.len(), part).await?;
        self.sent.parts.push(name);
        // The tail is in the part now. Its object stays: the state before this one names it until it is replaced.
        (self.sent.tail, self.sent.stale) = (None, None);
        Ok(())
    }

    /// What the bucket holds, when nothing is left over.
    fn state(&self) -> UploadState {
        UploadState::new(self.length, &self.hasher, Place::Bucket(self.sent.clone()))
    }

    /// Put what is left over into the bucket too; gives the state to go on from.
    pub(crate) async fn rest(mut self, id: &Id<Upload>, known: Option<&UploadState>) -> Result<UploadState, Error> {
        self.sent.tail = None;
        self.sent.stale = known.filter(|known| has_tail(known)).map(UploadState::length);
        if !self.rest.is_empty() {
            self.sent.tail = Some(Digest::sha256_of(&self.rest));
            let tail = Bytes::from(std::mem::take(&mut self.rest));
            self.bucket.put(&tail_key(id, self.length), tail).await?;
        }
        Ok(self.state())
    }

    /// Make it the blob of this digest, or say which other one it has. Gives the size.
    pub(crate) async fn finish(mut self, digest: &Digest) -> Result<u64, Error> {
        let blob = layout::key_of(digest);
        let actual = self.digest_by(digest.algorithm());
        if let Some(actual) = actual.filter(|actual| actual != digest) {
            return Err(Error::WrongDigest { expected: digest.clone(), actual });
        }
        let rest = Bytes::from(std::mem::take(&mut self.rest));
        if self.sent.multipart.is_none() {
            return self.bucket.put(&blob, rest).await.map(|()| self.length);
        }
        if !rest.is_empty() {
            self.send(rest).await?;
        }
        let Sent { multipart, parts, .. } = std::mem::take(&mut self.sent);
        let id = multipart.expect("looked at above");
        self.bucket.complete(&self.key, &id, parts).await?;
        if self.key != blob {
            if self.hasher.algorithm() != digest.algorithm() {
                self.compare(digest).await?;
            }
            self.place(digest, &blob).await?;
        }
        match self.bucket.size(&blob).await? {
            Some(size) if size == self.length => Ok(size),
            other => Err(Error::damaged(digest, &format!("{other:?} bytes instead of {}", self.length))),
        }
    }

    /// The digest of everything, when it can be told without reading it again.
    fn digest_by(&self, algorithm: Algorithm) -> Option<Digest> {
        if self.hasher.algorithm() == algorithm {
            Some(self.hasher.clone().finish())
        } else {
            self.sent.parts.is_empty().then(|| Digest::of(algorithm, &self.rest))
        }
    }

    /// Read the completed object by another algorithm than the running one.
    async fn compare(&self, digest: &Digest) -> Result<(), Error> {
        let mut stream = self.bucket.get(&self.key, None).await?.ok_or(Error::Over)?;
        let mut hasher = Hasher::new(digest.algorithm());
        while let Some(piece) = stream.try_next().await? {
            hasher.update(&piece);
        }
        match hasher.finish() {
            actual if actual == *digest => Ok(()),
            actual => Err(Error::WrongDigest { expected: digest.clone(), actual }),
        }
    }

    /// Bring the completed object to the blob's name.
    async fn place(&self, digest: &Digest, blob: &str) -> Result<(), Error> {
        if self.length <= self.bucket.copy_bytes {
            return self.bucket.copy(&self.key, blob).await;
        }
        // Too large for one request: it goes through this process.
        let stream = self.bucket.get(&self.key, None).await?.ok_or(Error::Over)?;
        let whole = (Hasher::new(digest.algorithm()), digest.clone());
        let body = Checked::new(stream, self.length, whole);
        let parts = Parts::new(self.bucket, blob.to_owned(), digest.algorithm());
        Box::pin(parts.take(body, Chunk { offset: None, length: Some(self.length) }, digest)).await.map(drop)
    }

    /// Take a whole body as this blob: what does not have the digest is never completed.
    pub(crate) async fn take(
        mut self,
        body: impl AsyncRead + Unpin + Send,
        chunk: Chunk,
        digest: &Digest,
    ) -> Result<u64, Error> {
        let nothing = |_| async { Ok(()) };
        let (bucket, key) = (self.bucket, self.key.clone());
        let outcome = self.receive(body, chunk, nothing).await;
        let id = self.sent.multipart.clone();
        let outcome = match outcome {
            Ok(()) => self.finish(digest).await,
            Err(error) => Err(error),
        };
        if let (Err(_), Some(id)) = (&outcome, id) {
            // The store tidies up what cannot be aborted now.
            let _ = bucket.abort(&key, &id).await;
        }
        outcome
    }
}

fn has_tail(state: &UploadState) -> bool {
    matches!(&state.place, Place::Bucket(sent) if sent.tail.is_some())
}

pub(crate) fn data_key(id: &Id<Upload>) -> String {
    format!("uploads/{id}/data")
}

pub(crate) fn tail_key(id: &Id<Upload>, length: u64) -> String {
    format!("uploads/{id}/tail-{length}")
}

//! An image in a registry, for code that reads it on a thread that may block.

use std::io::{self, Read};

use anyhow::Result;
use oci::{Digest, Hasher, ImageRef, Reference};
use remote::{Credentials, Transport};
use tokio::runtime::Handle;
use tokio_util::io::SyncIoBridge;

/// What somebody who was refused does about it.
const SIGN_IN: &str = "use: docker login";

/// One image of a registry. Its methods block: call them where that is allowed.
#[derive(Debug)]
pub(crate) struct Remote {
    repository: remote::Remote,
    runtime: Handle,
    reference: Reference,
}

impl Remote {
    /// `http` must follow redirects: registries send layers from elsewhere.
    pub(crate) fn new(
        http: reqwest::Client,
        image: &ImageRef,
        plain_http: bool,
        credentials: Option<Credentials>,
    ) -> Result<Remote> {
        let host = image.host().unwrap_or("docker.io");
        let repository = remote::Remote::new(Transport::Open(http), host, plain_http, image.path(), credentials)?;
        Ok(Remote { repository, runtime: Handle::current(), reference: image.reference() })
    }

    /// The manifest or index that the reference names, its digest and media type.
    pub(crate) fn manifest(&self) -> Result<(Digest, Vec<u8>, String)> {
        let fetched = self.runtime.block_on(self.repository.manifest(&self.reference)).map_err(told)?;
        Ok((fetched.digest, fetched.bytes, fetched.media_type))
    }

    /// One that an index names. Registries keep manifests apart from blobs (OCI distribution specification, "Pulling manifests").
    pub(crate) fn child(&self, digest: &Digest) -> Result<Vec<u8>> {
        let reference = Reference::Digest(digest.clone());
        Ok(self.runtime.block_on(self.repository.manifest(&reference)).map_err(told)?.bytes)
    }

    /// A blob, whose last read fails when the bytes were not those of the digest.
    pub(crate) fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        let reader = self.runtime.block_on(self.repository.blob(digest)).map_err(told)?;
        let reader = SyncIoBridge::new_with_handle(reader, self.runtime.clone());
        Ok(Box::new(Checked::new(reader, digest)))
    }
}

fn told(error: remote::Error) -> anyhow::Error {
    match error {
        remote::Error::Denied(why) => anyhow::anyhow!("{why}; {SIGN_IN}"),
        error => error.into(),
    }
}

/// Bytes that are hashed as they pass, so that the end of other bytes than promised is an error.
pub(crate) struct Checked<R> {
    reader: R,
    hasher: Option<Hasher>,
    digest: Digest,
}

impl<R: Read> Checked<R> {
    pub(crate) fn new(reader: R, digest: &Digest) -> Checked<R> {
        Checked { reader, hasher: Some(Hasher::new(digest.algorithm())), digest: digest.clone() }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        if count > 0 {
            if let Some(hasher) = &mut self.hasher {
                hasher.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(hasher) = self.hasher.take()
        {
            let found = hasher.finish();
            if found != self.digest {
                return Err(io::Error::other(format!("{} has other bytes: their digest is {found}", self.digest)));
            }
        }
        Ok(count)
    }
}

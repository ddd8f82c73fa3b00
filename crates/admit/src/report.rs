//! What a guard reports: verdicts it gave, to be recorded.

use audit::Entry;
use base::{AccountName, Timestamp, limits};
use oci::{Digest, ImageRef};
use serde::Deserialize;

use crate::Error;

/// One verdict of a guard.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// By the guard's clock.
    pub at: Timestamp,
    /// The name in the client's certificate; empty for the engine's unix socket.
    pub user: String,
    pub method: String,
    /// Without its query.
    pub path: String,
    /// As it was asked for.
    pub image: Option<String>,
    pub digest: Option<Digest>,
    pub allowed: bool,
    pub reason: String,
}

impl Reported {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let texts = [&self.user, &self.method, &self.path, &self.reason];
        if texts.into_iter().chain(&self.image).any(|text| text.len() > limits::ADMISSION_TEXT_BYTES) {
            let limit = limits::ADMISSION_TEXT_BYTES;
            return Err(Error::Invalid(format!("a text of a verdict has at most {limit} bytes")));
        }
        Ok(())
    }

    /// The entry about it: found by the digest, the repository, the engine.
    pub(crate) fn entry(&self, authority: &str, guard: &AccountName) -> Entry {
        let kind = if self.allowed { "admission.allowed" } else { "admission.refused" };
        let mut entry = Entry::new(kind).about(format!("engine/{guard}"));
        if let Some(digest) = &self.digest {
            entry = entry.about(digest);
        }
        let reference = self.image.as_deref().and_then(|image| image.parse::<ImageRef>().ok());
        let own = reference.filter(|reference| reference.is_on(authority));
        if let Some(repository) = own.and_then(|reference| reference.repo().ok()) {
            entry = entry.about(format!("repository/{repository}"));
        }
        entry
            .detail("at", self.at.to_string())
            .detail("user", &self.user)
            .detail("method", &self.method)
            .detail("path", &self.path)
            .detail("image", &self.image)
            .detail("digest", &self.digest)
            .detail("reason", &self.reason)
    }
}

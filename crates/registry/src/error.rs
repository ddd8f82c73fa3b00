//! Why something in a repository could not be done.

use base::Kind;
use oci::{Digest, ErrorCode, ManifestError, RepoName, Tag};

use crate::Usage;

/// By what the caller can do. [`Error::code`] is the code of the distribution specification.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Nobody is signed in, and only somebody who is may see or do this.
    #[error("sign in to use this repository")]
    Unauthenticated,
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Conflict(String),
    #[error(
        "no human builds or deploys here: {repository} takes pushes from robots and jobs of pipelines only, says the {said_by}; \
         let a pipeline push it, or sign in as a robot"
    )]
    RobotsOnly { repository: RepoName, said_by: String },
    /// Not there, or not for this account to see.
    #[error("there is no repository {0} that you may see")]
    NameUnknown(RepoName),
    /// Nobody is this namespace; said only to those who could create a repository in it.
    #[error(
        "there is no account {0}; a repository is in the namespace of a user or an organization, so create that first"
    )]
    NoAccount(String),
    #[error("there is no manifest {reference} in {repository}")]
    ManifestUnknown { repository: RepoName, reference: String },
    #[error("there is no blob {digest} in {repository}")]
    BlobUnknown { repository: RepoName, digest: Digest },
    /// A manifest names something that is not in the repository.
    #[error("the manifest names the {what} {digest}, which is not in {repository}; push it first")]
    Missing { repository: RepoName, what: &'static str, digest: Digest },
    #[error("there is no such upload here; it is over, it expired, or it belongs to somebody else; begin a new one")]
    UploadUnknown,
    /// The upload goes on at `length`.
    #[error("the chunk begins at {given}, but the upload goes on at {length}")]
    OutOfOrder { given: u64, length: u64 },
    #[error("the content has the digest {actual}, not {expected}; nothing was kept, send it again")]
    DigestInvalid { expected: Digest, actual: Digest },
    #[error("{0}")]
    SizeInvalid(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("the manifest is refused: {0}")]
    Manifest(#[from] ManifestError),
    #[error("{0}")]
    Invalid(String),
    /// The words of DTR, which scripts look for. `place` is `host/namespace/name`.
    #[error("tag={tag} cannot be overwritten because {place} is an immutable repository")]
    Immutable { tag: Tag, place: String },
    #[error(
        "tag={tag} cannot be overwritten because {place} is an immutable repository; the tag was deleted there, but it named \
         {digest} before and may only come back with that"
    )]
    TagUsed { tag: Tag, place: String, digest: Digest },
    #[error("{what} cannot be deleted: {reason} (held by {owner})")]
    Held { what: String, owner: String, reason: String },
    #[error("{digest} cannot be deleted: the manifest {by} in the same repository names it; delete that first")]
    Referenced { digest: Digest, by: Digest },
    #[error("{0} names something else by now; delete or move that first")]
    Taken(String),
    #[error("there is a repository {0} already")]
    Exists(RepoName),
    #[error("too many uploads are under way; finish or cancel some, or wait")]
    TooManyUploads,
    #[error("{digest} was stored before and is just being removed as garbage; send it again in a few seconds", digest = .0)]
    Sweeping(Digest),
    #[error("a garbage collection is running; wait until it has ended")]
    Collecting,
    #[error("nothing can be pushed or deleted at present, the registry is read-only: {0}")]
    ReadOnly(String),
    #[error(
        "the quota of {of} is exceeded: {} of {} bytes are in use, and this needs {more} more; delete what is not needed, or ask \
         an administrator", usage.used_bytes, usage.quota_bytes
    )]
    QuotaExceeded { of: String, usage: Usage, more: u64 },
    #[error(transparent)]
    Blob(blob::Error),
    #[error(transparent)]
    Identity(identity::Error),
    #[error(transparent)]
    Database(#[from] db::Error),
}

impl Error {
    pub fn kind(&self) -> Kind {
        match self {
            Error::Unauthenticated => Kind::Unauthenticated,
            Error::Denied(_) | Error::RobotsOnly { .. } | Error::ReadOnly(_) | Error::QuotaExceeded { .. } => {
                Kind::Denied
            }
            Error::NameUnknown(_)
            | Error::NoAccount(_)
            | Error::ManifestUnknown { .. }
            | Error::BlobUnknown { .. }
            | Error::Missing { .. }
            | Error::UploadUnknown => Kind::NotFound,
            Error::OutOfOrder { .. }
            | Error::Conflict(_)
            | Error::Immutable { .. }
            | Error::TagUsed { .. }
            | Error::Held { .. }
            | Error::Referenced { .. }
            | Error::Collecting
            | Error::Taken(_)
            | Error::Exists(_) => Kind::Conflict,
            Error::DigestInvalid { .. } | Error::SizeInvalid(_) | Error::Invalid(_) => Kind::Invalid,
            Error::TooLarge(_) => Kind::TooLarge,
            Error::Manifest(error) => error.kind(),
            Error::TooManyUploads => Kind::RateLimited,
            Error::Sweeping(_) => Kind::Unavailable,
            Error::Blob(error) => error.kind(),
            Error::Identity(error) => error.kind(),
            Error::Database(error) => error.kind(),
        }
    }

    /// The code of the distribution specification that goes with it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Error::Unauthenticated => ErrorCode::Unauthorized,
            Error::Denied(_)
            | Error::RobotsOnly { .. }
            | Error::ReadOnly(_)
            | Error::QuotaExceeded { .. }
            | Error::Held { .. }
            | Error::Referenced { .. } => ErrorCode::Denied,
            Error::Sweeping(_) => ErrorCode::Unavailable,
            Error::NameUnknown(_) | Error::NoAccount(_) => ErrorCode::NameUnknown,
            Error::ManifestUnknown { .. } => ErrorCode::ManifestUnknown,
            Error::BlobUnknown { .. } => ErrorCode::BlobUnknown,
            Error::Missing { .. } => ErrorCode::ManifestBlobUnknown,
            Error::UploadUnknown => ErrorCode::BlobUploadUnknown,
            Error::OutOfOrder { .. } => ErrorCode::BlobUploadInvalid,
            Error::DigestInvalid { .. } => ErrorCode::DigestInvalid,
            Error::SizeInvalid(_) | Error::TooLarge(_) => ErrorCode::SizeInvalid,
            Error::Manifest(error) => error.code(),
            Error::Invalid(_) => ErrorCode::ManifestInvalid,
            Error::Immutable { .. }
            | Error::Conflict(_)
            | Error::TagUsed { .. }
            | Error::Collecting
            | Error::Taken(_)
            | Error::Exists(_) => ErrorCode::Unknown,
            Error::TooManyUploads => ErrorCode::TooManyRequests,
            Error::Blob(blob::Error::Busy | blob::Error::Body(_)) => ErrorCode::BlobUploadInvalid,
            Error::Blob(error) if error.kind() == Kind::Unavailable => ErrorCode::Unavailable,
            Error::Database(error) if error.kind() == Kind::Unavailable => ErrorCode::Unavailable,
            Error::Identity(error) => match error.kind() {
                Kind::Unauthenticated => ErrorCode::Unauthorized,
                Kind::Unavailable => ErrorCode::Unavailable,
                Kind::RateLimited => ErrorCode::TooManyRequests,
                _ => ErrorCode::Denied,
            },
            Error::Blob(_) | Error::Database(_) => ErrorCode::Unknown,
        }
    }
}

impl From<blob::Error> for Error {
    fn from(error: blob::Error) -> Error {
        match error {
            blob::Error::Over => Error::UploadUnknown,
            blob::Error::OutOfOrder { given, length } => Error::OutOfOrder { given, length },
            blob::Error::WrongDigest { expected, actual } => Error::DigestInvalid { expected, actual },
            blob::Error::Length { .. } => Error::SizeInvalid(error.to_string()),
            blob::Error::TooLarge => Error::TooLarge(error.to_string()),
            _ => Error::Blob(error),
        }
    }
}

impl From<identity::Error> for Error {
    fn from(error: identity::Error) -> Error {
        match error {
            identity::Error::Unauthenticated => Error::Unauthenticated,
            identity::Error::Denied(why) => Error::Denied(why),
            identity::Error::Database(error) => Error::Database(error),
            identity::Error::NotFound { what: "account", name } => Error::NoAccount(name),
            error => Error::Identity(error),
        }
    }
}

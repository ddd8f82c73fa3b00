//! What a path under `/v2/` asks for.
//!
//! A repository's name may hold slashes, so the path is read from its end: OCI distribution 1.1, "Endpoints".

use base::Id;
use oci::{Digest, Reference, RepoName};

/// One endpoint of the distribution specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OciPath {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/tags/list`
    Tags(RepoName),
    /// `/v2/<name>/manifests/<reference>`
    Manifest(RepoName, Reference),
    /// `/v2/<name>/blobs/<digest>`
    Blob(RepoName, Digest),
    /// `/v2/<name>/blobs/uploads/`
    Uploads(RepoName),
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload(RepoName, Id<blob::Upload>),
    /// `/v2/<name>/referrers/<digest>`
    Referrers(RepoName, Digest),
}

/// Why a path asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoPath {
    /// No endpoint has this form.
    Unknown,
    Name(String),
    Reference(String),
    Digest(String),
    /// No upload can have this id.
    Upload,
}

impl OciPath {
    /// Read a path. Percent-encoding is not undone: no name, tag or digest needs it, and two spellings of one name are one too
    /// many.
    pub(crate) fn parse(path: &str) -> Result<OciPath, NoPath> {
        let rest = match path {
            "/v2" | "/v2/" => return Ok(OciPath::Base),
            "/v2/_catalog" => return Ok(OciPath::Catalog),
            _ => path.strip_prefix("/v2/").ok_or(NoPath::Unknown)?,
        };
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(OciPath::Tags(repo(name)?));
        }
        if let Some(name) = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads")) {
            return Ok(OciPath::Uploads(repo(name)?));
        }
        let (head, last) = rest.rsplit_once('/').ok_or(NoPath::Unknown)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            return Ok(OciPath::Upload(repo(name)?, last.parse().map_err(|_| NoPath::Upload)?));
        }
        if let Some(name) = head.strip_suffix("/manifests") {
            let reference = last.parse().map_err(|error: base::InvalidName| NoPath::Reference(error.to_string()))?;
            return Ok(OciPath::Manifest(repo(name)?, reference));
        }
        if let Some(name) = head.strip_suffix("/blobs") {
            return Ok(OciPath::Blob(repo(name)?, digest(last)?));
        }
        if let Some(name) = head.strip_suffix("/referrers") {
            return Ok(OciPath::Referrers(repo(name)?, digest(last)?));
        }
        Err(NoPath::Unknown)
    }

    /// The repository the path is about.
    pub(crate) fn repo(&self) -> Option<&RepoName> {
        match self {
            OciPath::Base | OciPath::Catalog => None,
            OciPath::Tags(repo)
            | OciPath::Manifest(repo, _)
            | OciPath::Blob(repo, _)
            | OciPath::Uploads(repo)
            | OciPath::Upload(repo, _)
            | OciPath::Referrers(repo, _) => Some(repo),
        }
    }
}

fn repo(name: &str) -> Result<RepoName, NoPath> {
    name.parse().map_err(|error: base::InvalidName| NoPath::Name(error.to_string()))
}

fn digest(text: &str) -> Result<Digest, NoPath> {
    text.parse().map_err(|error: base::InvalidName| NoPath::Digest(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NoPath, OciPath};

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn each_endpoint_is_told_apart() {
        let is = |path: &str, want: fn(&OciPath) -> bool| {
            let parsed = OciPath::parse(path);
            assert!(parsed.as_ref().is_ok_and(want), "{path}: {parsed:?}");
        };
        is("/v2/", |path| matches!(path, OciPath::Base));
        is("/v2/_catalog", |path| matches!(path, OciPath::Catalog));
        is("/v2/admin/flask/tags/list", |path| matches!(path, OciPath::Tags(repo) if repo.as_str() == "admin/flask"));
        is("/v2/a/b/c/manifests/latest", |path| matches!(path, OciPath::Manifest(repo, _) if repo.as_str() == "a/b/c"));
        is(&format!("/v2/a/b/manifests/{DIGEST}"), |path| matches!(path, OciPath::Manifest(..)));
        is(&format!("/v2/a/b/blobs/{DIGEST}"), |path| matches!(path, OciPath::Blob(..)));
        is("/v2/a/b/blobs/uploads/", |path| matches!(path, OciPath::Uploads(_)));
        is("/v2/a/b/blobs/uploads/01k804mtbe1bqdv75chkeeng61", |path| matches!(path, OciPath::Upload(..)));
        is(&format!("/v2/a/b/referrers/{DIGEST}"), |path| matches!(path, OciPath::Referrers(..)));
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        let refused = |path: &str| OciPath::parse(path).expect_err(path);
        assert!(matches!(refused("/v2/single/tags/list"), NoPath::Name(_)));
        assert!(matches!(refused("/v2/../x/tags/list"), NoPath::Name(_)));
        assert!(matches!(refused("/v2/a/B/tags/list"), NoPath::Name(_)));
        assert!(matches!(refused("/v2/a/b%2fc/tags/list"), NoPath::Name(_)));
        assert!(matches!(refused("/v2/a/b/blobs/sha256:12"), NoPath::Digest(_)));
        assert!(matches!(refused("/v2/a/b/manifests/-bad"), NoPath::Reference(_)));
        assert!(matches!(refused("/v2/a/b/blobs/uploads/../../x"), NoPath::Unknown));
        assert!(matches!(refused("/v2/a/b"), NoPath::Unknown));
    }

    proptest! {
        #[test]
        fn never_panics(path in "(/|v2|blobs|uploads|manifests|tags|list|a|:|%|\\PC){0,20}") {
            let _ = OciPath::parse(&path);
        }
    }
}

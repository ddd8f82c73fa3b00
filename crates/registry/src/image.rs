//! The nouns: what is known about a manifest, a tag and how it came.

use std::{collections::BTreeMap, fmt};

use base::Timestamp;
use oci::{Descriptor, Digest, MediaType, Platform, RepoName, Tag};
use serde::{Deserialize, Serialize};

/// What a manifest says about itself; the same in every repository that holds it.
#[derive(Clone, Debug)]
pub struct Image {
    pub digest: Digest,
    pub media_type: MediaType,
    /// The explicit type of an artifact.
    pub artifact_type: Option<MediaType>,
    /// The manifest this one is about.
    pub subject: Option<Digest>,
    /// `None` for an index.
    pub config: Option<Config>,
    /// Bytes of the manifest itself.
    pub size: u64,
    /// Bytes of everything it names; for an index, of the images it names.
    pub total_bytes: u64,
    /// From the configuration of an image that can run.
    pub platform: Option<Platform>,
}

/// The configuration an image names.
#[derive(Clone, Debug)]
pub struct Config {
    pub digest: Digest,
    pub media_type: MediaType,
    pub size: u64,
}

/// One layer, lowest first in a list of them; also a child of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    pub digest: Digest,
    pub media_type: MediaType,
    pub size: u64,
}

/// A manifest with its bytes as they were pushed.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    pub digest: Digest,
    pub media_type: MediaType,
    pub bytes: Vec<u8>,
}

/// A tag with what it names, as lists and pages show it.
#[derive(Clone, Debug)]
pub struct TagView {
    pub tag: Tag,
    pub image: Image,
    /// Who set it: the name of an account, or `system:promote`.
    pub pushed_by: String,
    pub pushed_at: Timestamp,
    /// The CI job that made the image, when a job's token pushed it. It stays with the image when that is promoted.
    pub job: Option<i64>,
    pub origin: Origin,
}

/// How a tag came to name its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "how")]
pub enum Origin {
    Pushed,
    /// Copied from another repository; `policy` is `None` when a person asked for it.
    Promoted {
        policy: Option<String>,
        source: RepoName,
        source_tag: Option<Tag>,
    },
}

/// Where a digest is: a repository, and its tags there.
#[derive(Clone, Debug)]
pub struct Place {
    pub repository: RepoName,
    pub tags: Vec<Tag>,
}

/// A manifest about another one, for the referrers API.
#[derive(Clone, Debug)]
pub struct Referrer {
    pub image: Image,
    pub annotations: BTreeMap<String, String>,
}

/// One page of a list, and whether there is more behind it.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub more: bool,
}

impl Image {
    /// Whether this is an image that can run, not some other artifact in the form of one.
    pub fn is_runnable(&self) -> bool {
        self.artifact_type.is_none() && self.config.as_ref().is_some_and(|config| config.media_type.is_image_config())
    }

    pub fn is_index(&self) -> bool {
        self.media_type.is_index()
    }
}

impl Referrer {
    /// The type the referrers API lists: the explicit one, else that of the configuration.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        self.image.artifact_type.as_ref().or_else(|| self.image.config.as_ref().map(|config| &config.media_type))
    }

    pub fn descriptor(&self) -> Descriptor {
        let image = &self.image;
        let mut descriptor = Descriptor::new(image.media_type.clone(), image.digest.clone(), image.size);
        descriptor.artifact_type = self.artifact_type().cloned();
        descriptor.annotations = self.annotations.clone();
        descriptor
    }
}

impl<T> Page<T> {
    /// A page of `limit` items out of a list that was asked for one more.
    pub(crate) fn of(mut items: Vec<T>, limit: usize) -> Page<T> {
        let more = items.len() > limit;
        items.truncate(limit);
        Page { items, more }
    }
}

impl Origin {
    /// One word: `pushed` or `promoted`.
    pub fn word(&self) -> &'static str {
        match self {
            Origin::Pushed => "pushed",
            Origin::Promoted { .. } => "promoted",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Pushed => out.write_str("pushed"),
            Origin::Promoted { policy, source, source_tag } => {
                write!(out, "promoted from {source}")?;
                if let Some(tag) = source_tag {
                    write!(out, ":{tag}")?;
                }
                match policy {
                    Some(policy) => write!(out, " policy {policy}"),
                    None => Ok(()),
                }
            }
        }
    }
}

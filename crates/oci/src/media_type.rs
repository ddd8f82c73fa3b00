//! Media types of manifests, configurations and layers, and what they say about the bytes.

use std::{borrow::Cow, str};

use base::InvalidName;

use crate::text::text_type;

/// A media type as RFC 6838 section 4.2 writes it, with parameters if it has any (clients push `text/plain; charset=utf-8`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MediaType {
    text: Cow<'static, str>,
}

/// How the bytes of a layer are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// RFC 6838 section 4.2 allows 127 bytes on each side of the slash.
const LENGTH: usize = 255;

impl MediaType {
    pub const OCI_MANIFEST: MediaType = MediaType::constant("application/vnd.oci.image.manifest.v1+json");
    pub const OCI_INDEX: MediaType = MediaType::constant("application/vnd.oci.image.index.v1+json");
    pub const OCI_CONFIG: MediaType = MediaType::constant("application/vnd.oci.image.config.v1+json");
    pub const OCI_EMPTY: MediaType = MediaType::constant("application/vnd.oci.empty.v1+json");
    pub const OCI_LAYER: MediaType = MediaType::constant("application/vnd.oci.image.layer.v1.tar");
    pub const OCI_LAYER_GZIP: MediaType = MediaType::constant("application/vnd.oci.image.layer.v1.tar+gzip");
    pub const OCI_LAYER_ZSTD: MediaType = MediaType::constant("application/vnd.oci.image.layer.v1.tar+zstd");
    pub const DOCKER_MANIFEST: MediaType = MediaType::constant("application/vnd.docker.distribution.manifest.v2+json");
    pub const DOCKER_INDEX: MediaType =
        MediaType::constant("application/vnd.docker.distribution.manifest.list.v2+json");
    pub const DOCKER_CONFIG: MediaType = MediaType::constant("application/vnd.docker.container.image.v1+json");
    pub const DOCKER_LAYER: MediaType = MediaType::constant("application/vnd.docker.image.rootfs.diff.tar");
    pub const DOCKER_LAYER_GZIP: MediaType = MediaType::constant("application/vnd.docker.image.rootfs.diff.tar.gzip");
    pub const DOCKER_LAYER_ZSTD: MediaType = MediaType::constant("application/vnd.docker.image.rootfs.diff.tar.zstd");

    const fn constant(text: &'static str) -> MediaType {
        MediaType { text: Cow::Borrowed(text) }
    }

    /// An image manifest of OCI or of Docker's schema 2.
    pub fn is_manifest(&self) -> bool {
        *self == MediaType::OCI_MANIFEST || *self == MediaType::DOCKER_MANIFEST
    }

    /// An image index of OCI or a manifest list of Docker.
    pub fn is_index(&self) -> bool {
        *self == MediaType::OCI_INDEX || *self == MediaType::DOCKER_INDEX
    }

    /// A manifest or index of the OCI image specification.
    pub fn is_oci_document(&self) -> bool {
        *self == MediaType::OCI_MANIFEST || *self == MediaType::OCI_INDEX
    }

    /// Docker's first manifest format, signed or not.
    pub fn is_schema1(&self) -> bool {
        matches!(
            self.as_str(),
            "application/vnd.docker.distribution.manifest.v1+json"
                | "application/vnd.docker.distribution.manifest.v1+prettyjws"
        )
    }

    /// The configuration of a runnable image.
    pub fn is_image_config(&self) -> bool {
        *self == MediaType::OCI_CONFIG || *self == MediaType::DOCKER_CONFIG
    }

    /// How a layer of this type is packed; `None` when this is no layer of a file system that we can read.
    pub fn layer_compression(&self) -> Option<Compression> {
        let behind = [
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.docker.image.rootfs.foreign.diff.tar",
        ]
        .iter()
        .find_map(|prefix| self.text.strip_prefix(prefix))?;
        match behind {
            "" => Some(Compression::None),
            "+gzip" | ".gzip" => Some(Compression::Gzip),
            "+zstd" | ".zstd" => Some(Compression::Zstd),
            _ => None,
        }
    }

    /// A layer that its licence keeps out of registries; nobody must push it, and it may be fetched from its URLs.
    pub fn is_nondistributable(&self) -> bool {
        self.text.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar")
            || self.text.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar")
    }

    /// The type of a `Content-Type` header: without its parameters, and in lower case, for there case means nothing.
    pub fn from_content_type(header: &str) -> Result<MediaType, InvalidName> {
        let essence = header.split(';').next().unwrap_or(header).trim();
        essence.get(..LENGTH.min(essence.len())).unwrap_or("").to_ascii_lowercase().parse()
    }
}

impl str::FromStr for MediaType {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<MediaType, InvalidName> {
        let refused = || InvalidName::new("media type", text, "type/subtype as in RFC 6838");
        if text.len() > LENGTH {
            return Err(refused());
        }
        let (essence, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (left, right) = essence.split_once('/').ok_or_else(refused)?;
        let printable = parameters.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if is_restricted_name(left) && is_restricted_name(right) && printable {
            Ok(MediaType { text: Cow::Owned(text.to_owned()) })
        } else {
            Err(refused())
        }
    }
}

text_type!(MediaType);

/// `restricted-name` of RFC 6838 section 4.2.
fn is_restricted_name(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Compression, MediaType};

    #[test]
    fn layers() {
        let read = |text: &str| text.parse::<MediaType>().unwrap().layer_compression();
        assert_eq!(read("application/vnd.oci.image.layer.v1.tar"), Some(Compression::None));
        assert_eq!(read("application/vnd.oci.image.layer.v1.tar+zstd"), Some(Compression::Zstd));
        assert_eq!(read("application/vnd.docker.image.rootfs.diff.tar.gzip"), Some(Compression::Gzip));
        assert_eq!(read("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), None);
        assert_eq!(read("application/vnd.in-toto+json"), None);
        let foreign: MediaType = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".parse().unwrap();
        assert!(foreign.is_nondistributable());
        assert_eq!(foreign.layer_compression(), Some(Compression::Gzip));
    }

    #[test]
    fn headers_and_forms() {
        let header = " Application/vnd.OCI.image.manifest.v1+json ; charset=utf-8";
        assert_eq!(MediaType::from_content_type(header), Ok(MediaType::OCI_MANIFEST));
        assert!("text/plain; charset=utf-8".parse::<MediaType>().is_ok());
        for bad in
            ["", "/", "a", "a/", "/b", "a/b/c", "a b/c", "a/b\n", "a/b;\0", "ä/b", &format!("a/{}", "b".repeat(255))]
        {
            assert!(bad.parse::<MediaType>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,300}") {
            let _ = MediaType::from_content_type(&text);
            if let Ok(media_type) = text.parse::<MediaType>() {
                prop_assert_eq!(media_type.to_string(), text);
            }
        }
    }
}

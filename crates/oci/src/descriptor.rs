//! Descriptors: how one document names another by type, digest and size.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value;

use crate::{Digest, ManifestError, MediaType, fields::Fields};

/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md>. The `data` member is checked to be a string and
/// not kept: a registry serves the content by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    /// Bytes; at most 2^63 - 1, for other programs hold it in a signed number.
    pub size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What an image of an index runs on. Empty parts are left out; attestations say `unknown/unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
    #[serde(rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    #[serde(rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

/// The answer of the referrers API: an index that holds these descriptors.
/// <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers>
pub fn referrers_json(descriptors: &[Descriptor]) -> Vec<u8> {
    let index = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": descriptors,
    });
    index.to_string().into_bytes()
}

impl Descriptor {
    /// A descriptor of a document with nothing but its name.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        let (urls, annotations) = (Vec::new(), BTreeMap::new());
        Descriptor { media_type, digest, size, artifact_type: None, platform: None, urls, annotations }
    }

    pub(crate) fn read(value: &Value, path: &str) -> Result<Descriptor, ManifestError> {
        const KNOWN: [&str; 8] =
            ["mediaType", "digest", "size", "urls", "annotations", "data", "artifactType", "platform"];
        let fields = Fields::new(value, path)?;
        fields.refuse_variants(&KNOWN)?;
        fields.string("data")?;
        Ok(Descriptor {
            media_type: fields.parsed("mediaType")?.ok_or_else(|| fields.wrong("mediaType", "missing"))?,
            digest: fields.parsed("digest")?.ok_or_else(|| fields.wrong("digest", "missing"))?,
            size: read_size(&fields)?,
            artifact_type: fields.parsed("artifactType")?,
            platform: fields.object("platform")?.map(|fields| Platform::read(&fields)).transpose()?,
            urls: fields.strings("urls")?,
            annotations: fields.string_map("annotations")?,
        })
    }
}

impl Platform {
    fn read(fields: &Fields<'_>) -> Result<Platform, ManifestError> {
        fields.refuse_variants(&["architecture", "os", "os.version", "os.features", "variant"])?;
        Ok(Platform {
            architecture: fields.text("architecture")?.unwrap_or_default(),
            os: fields.text("os")?.unwrap_or_default(),
            os_version: fields.text("os.version")?,
            os_features: fields.strings("os.features")?,
            variant: fields.text("variant")?,
        })
    }
}

impl fmt::Display for Platform {
    /// `linux/arm64/v8`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(out, "/{variant}"))
    }
}

/// `-0`, `1.0` and `1e3` are refused with the rest: not every reader takes them for whole numbers.
fn read_size(fields: &Fields<'_>) -> Result<u64, ManifestError> {
    let size = fields.required("size")?.as_u64().filter(|size| i64::try_from(*size).is_ok());
    size.ok_or_else(|| fields.wrong("size", "expected a whole number of bytes from 0 to 2^63 - 1"))
}

//! Manifests and indexes of OCI and Docker's schema 2, read in one way or refused.

use std::collections::BTreeMap;

use base::limits;
use serde_json::Value;

use crate::{Descriptor, ManifestError, MediaType, fields::Fields, json};

/// A manifest or index. Its bytes stay with the caller: nothing here can be written back, for the digest is over the
/// bytes that were pushed.
///
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>,
/// <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    media_type: MediaType,
    kind: ManifestKind,
    artifact_type: Option<MediaType>,
    subject: Option<Descriptor>,
    annotations: BTreeMap<String, String>,
    total_bytes: u64,
}

/// What a manifest is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    Image { config: Descriptor, layers: Vec<Descriptor> },
    Index { manifests: Vec<Descriptor> },
}

const KNOWN: [&str; 9] = [
    "schemaVersion",
    "mediaType",
    "artifactType",
    "config",
    "layers",
    "manifests",
    "subject",
    "annotations",
    "fsLayers",
];

impl Manifest {
    /// Read a manifest that came with this `Content-Type`. The media type must be in the header, in the body, or the same
    /// in both; only OCI types may stand in the header alone.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Manifest, ManifestError> {
        if bytes.len() > limits::MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { bytes: bytes.len() });
        }
        let header = content_type.map(MediaType::from_content_type).transpose();
        let header = header.map_err(|error| ManifestError::MediaType(format!("Content-Type: {error}")))?;
        if header.as_ref().is_some_and(MediaType::is_schema1) {
            return Err(ManifestError::Schema1);
        }
        let value = json::strict_with_maps(bytes, limits::DOCUMENT_DEPTH, &["annotations"])?;
        let fields = Fields::new(&value, "").map_err(|_| ManifestError::field("manifest", "expected an object"))?;
        fields.refuse_variants(&KNOWN)?;
        check_schema_version(&fields)?;
        let media_type = agreed_media_type(&fields, header)?;
        let kind = if media_type.is_index() { read_index(&fields)? } else { read_image(&fields)? };
        let subject = fields.get("subject").map(|value| Descriptor::read(value, "subject")).transpose()?;
        Ok(Manifest {
            total_bytes: total_bytes(&kind)?,
            artifact_type: fields.parsed("artifactType")?,
            annotations: fields.string_map("annotations")?,
            media_type,
            kind,
            subject,
        })
    }

    pub fn kind(&self) -> &ManifestKind {
        &self.kind
    }

    pub fn is_index(&self) -> bool {
        matches!(self.kind, ManifestKind::Index { .. })
    }

    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The configuration; an index has none.
    pub fn config(&self) -> Option<&Descriptor> {
        match &self.kind {
            ManifestKind::Image { config, .. } => Some(config),
            ManifestKind::Index { .. } => None,
        }
    }

    /// The layers, lowest first; an index has none.
    pub fn layers(&self) -> &[Descriptor] {
        match &self.kind {
            ManifestKind::Image { layers, .. } => layers,
            ManifestKind::Index { .. } => &[],
        }
    }

    /// The manifests of an index, with their platforms and annotations; an image has none.
    pub fn manifests(&self) -> &[Descriptor] {
        match &self.kind {
            ManifestKind::Image { .. } => &[],
            ManifestKind::Index { manifests } => manifests,
        }
    }

    /// The blobs that must be in the repository before this is taken: configuration and layers, without those that nobody
    /// may push.
    pub fn required_blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config().into_iter().chain(self.layers()).filter(|blob| !blob.media_type.is_nondistributable())
    }

    /// The manifest this one is about; it need not exist yet.
    pub fn subject(&self) -> Option<&Descriptor> {
        self.subject.as_ref()
    }

    /// The explicit type of an artifact.
    pub fn artifact_type(&self) -> Option<&MediaType> {
        self.artifact_type.as_ref()
    }

    /// The type that the referrers API lists and filters by: the explicit one, else that of an image's configuration.
    pub fn effective_artifact_type(&self) -> Option<&MediaType> {
        self.artifact_type().or_else(|| self.config().map(|config| &config.media_type))
    }

    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }

    /// Whether this is an image that can run, not some other artifact in the form of one.
    pub fn is_runnable(&self) -> bool {
        self.artifact_type.is_none() && self.config().is_some_and(|config| config.media_type.is_image_config())
    }

    /// What the descriptors add up to, without the manifest itself.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }
}

fn check_schema_version(fields: &Fields<'_>) -> Result<(), ManifestError> {
    match fields.get("schemaVersion").map(Value::as_u64) {
        Some(Some(2)) => Ok(()),
        Some(Some(1)) => Err(ManifestError::Schema1),
        Some(_) => Err(fields.wrong("schemaVersion", "expected the number 2")),
        None => Err(fields.wrong("schemaVersion", "missing; expected the number 2")),
    }
}

/// One document has one type (GHSA-qq97-vm5h-rrhg): the header's and the body's must agree.
fn agreed_media_type(fields: &Fields<'_>, header: Option<MediaType>) -> Result<MediaType, ManifestError> {
    let refused = |text: String| Err(ManifestError::MediaType(text));
    let body: Option<MediaType> = fields.parsed("mediaType")?;
    let media_type = match (header, body) {
        (Some(header), Some(body)) if header != body => {
            return refused(format!(
                "mediaType is {body} in the manifest and {header} in Content-Type; send the same in both"
            ));
        }
        (_, Some(body)) => body,
        (Some(header), None) if header.is_oci_document() || !header.is_manifest() && !header.is_index() => header,
        (Some(header), None) => return refused(format!("mediaType is missing in the manifest; {header} requires it")),
        (None, None) => {
            return refused("mediaType is missing in the manifest, and there is no Content-Type".to_owned());
        }
    };
    if media_type.is_schema1() {
        Err(ManifestError::Schema1)
    } else if media_type.is_manifest() || media_type.is_index() {
        Ok(media_type)
    } else {
        refused(format!("{media_type} is not the type of a manifest or index of OCI or of Docker's schema 2"))
    }
}

fn read_image(fields: &Fields<'_>) -> Result<ManifestKind, ManifestError> {
    refuse_members(fields, &["manifests", "fsLayers"], "an image manifest")?;
    let config = Descriptor::read(fields.required("config")?, "config")?;
    Ok(ManifestKind::Image { config, layers: read_descriptors(fields, "layers")? })
}

fn read_index(fields: &Fields<'_>) -> Result<ManifestKind, ManifestError> {
    refuse_members(fields, &["config", "layers", "fsLayers"], "an index")?;
    Ok(ManifestKind::Index { manifests: read_descriptors(fields, "manifests")? })
}

fn refuse_members(fields: &Fields<'_>, names: &[&str], what: &str) -> Result<(), ManifestError> {
    match names.iter().find(|name| fields.get(name).is_some()) {
        Some(name) => {
            Err(fields.wrong(name, format!("{what} cannot have it; some programs would read another document")))
        }
        None => Ok(()),
    }
}

fn read_descriptors(fields: &Fields<'_>, key: &str) -> Result<Vec<Descriptor>, ManifestError> {
    if !fields.has_key(key) {
        return Err(fields.wrong(key, "missing; an empty list is allowed"));
    }
    let list = fields.list(key)?;
    if list.len() > limits::MANIFEST_DESCRIPTORS {
        return Err(ManifestError::TooManyDescriptors { count: list.len() });
    }
    list.iter().enumerate().map(|(index, value)| Descriptor::read(value, &format!("{key}[{index}]"))).collect()
}

fn total_bytes(kind: &ManifestKind) -> Result<u64, ManifestError> {
    let (config, list) = match kind {
        ManifestKind::Image { config, layers } => (Some(config), layers),
        ManifestKind::Index { manifests } => (None, manifests),
    };
    let sum = config.into_iter().chain(list).try_fold(0_u64, |sum, descriptor| sum.checked_add(descriptor.size));
    sum.filter(|sum| i64::try_from(*sum).is_ok()).ok_or(ManifestError::SizeOverflow)
}

#[cfg(test)]
mod tests;

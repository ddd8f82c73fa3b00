//! Where the documents and layers of an image lie: in an archive, in a layout, or on a registry.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom, Take},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use base::limits::{LAYER_MEMBERS, MANIFEST_BYTES};
use oci::{Descriptor, Digest, Manifest, MediaType};
use serde::Deserialize;

use super::remote::Remote;

/// Indexes within indexes that are looked into.
const NESTED_INDEXES: usize = 4;

/// One place with documents and layers by digest.
#[derive(Debug)]
pub(crate) enum Store {
    Archive(Archive),
    Layout(PathBuf),
    Remote(Remote),
}

/// A tar file with the places of its members.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    /// Offset and length, by normalised name.
    members: BTreeMap<String, (u64, u64)>,
}

/// An image as its place gives it.
#[derive(Debug)]
pub(crate) struct Found {
    /// The digest of its manifest; an archive of `docker save` has none.
    pub(crate) digest: Option<Digest>,
    /// What the place calls it, where it has a name of its own.
    pub(crate) name: Option<String>,
    pub(crate) config: Vec<u8>,
    /// Of its manifest.
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) layers: Vec<Layer>,
}

/// One layer, lowest first.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) digest: Option<Digest>,
    pub(crate) size: u64,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Blob,
    Member(String),
}

/// One image of `manifest.json` (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

impl Store {
    /// The image of an archive or layout; of several platforms the one that is asked for.
    pub(crate) fn image(&self, platform: &str) -> Result<Found> {
        match self {
            Store::Archive(archive) if archive.members.contains_key("manifest.json") => archive.saved(),
            Store::Archive(archive) => self.indexed(&archive.read("index.json").context("this is no image")?, platform),
            Store::Layout(folder) => {
                let path = folder.join("index.json");
                let index = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                self.indexed(&index, platform)
            }
            Store::Remote(remote) => {
                let (digest, bytes, media_type) = remote.manifest()?;
                self.of_manifest(&bytes, Some(&media_type), digest, platform, NESTED_INDEXES)
            }
        }
    }

    /// The packed bytes of a layer.
    pub(crate) fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>> {
        match (self, &layer.place, &layer.digest) {
            (Store::Archive(archive), Place::Member(name), _) => Ok(Box::new(archive.open(name)?)),
            (Store::Archive(archive), Place::Blob, Some(digest)) => Ok(Box::new(archive.open(&blob_name(digest))?)),
            (Store::Layout(folder), _, Some(digest)) => {
                let path = folder.join(blob_name(digest));
                Ok(Box::new(File::open(&path).with_context(|| format!("cannot read {}", path.display()))?))
            }
            (Store::Remote(remote), _, Some(digest)) => remote.blob(digest),
            _ => bail!("a layer without a digest has no place"),
        }
    }

    /// An OCI index (OCI image specification, "Image Layout").
    fn indexed(&self, index: &[u8], platform: &str) -> Result<Found> {
        let parsed =
            Manifest::parse(index, Some(MediaType::OCI_INDEX.as_ref())).context("index.json cannot be read")?;
        let [only] = parsed.manifests() else {
            return self.of_index(&parsed, platform, NESTED_INDEXES);
        };
        let name = only.annotations.get("org.opencontainers.image.ref.name").cloned();
        let found = self.of_descriptor(only, platform, NESTED_INDEXES)?;
        Ok(Found { name: found.name.or(name), ..found })
    }

    fn of_index(&self, index: &Manifest, platform: &str, depth: usize) -> Result<Found> {
        ensure!(depth > 0, "indexes are nested deeper than {NESTED_INDEXES}");
        let fits = |descriptor: &&Descriptor| {
            descriptor.platform.as_ref().is_some_and(|found| {
                let plain = format!("{}/{}", found.os, found.architecture);
                let whole = found.variant.as_ref().map(|variant| format!("{plain}/{variant}"));
                plain == platform || whole.as_deref() == Some(platform)
            })
        };
        let found = index.manifests().iter().find(fits);
        let found = found.or_else(|| index.manifests().iter().find(|one| one.platform.is_none()));
        let found = found.with_context(|| {
            let platforms = index.manifests().iter().filter_map(|one| one.platform.as_ref());
            let names: Vec<String> = platforms.map(|found| format!("{}/{}", found.os, found.architecture)).collect();
            format!("there is no image for {platform}; there are {}; use --platform", names.join(", "))
        })?;
        self.of_descriptor(found, platform, depth - 1)
    }

    fn of_descriptor(&self, descriptor: &Descriptor, platform: &str, depth: usize) -> Result<Found> {
        let bytes = match self {
            Store::Remote(remote) => remote.child(&descriptor.digest)?,
            _ => self.document(&descriptor.digest)?,
        };
        let media_type = descriptor.media_type.to_string();
        self.of_manifest(&bytes, Some(&media_type), descriptor.digest.clone(), platform, depth)
    }

    fn of_manifest(
        &self,
        bytes: &[u8],
        media_type: Option<&str>,
        digest: Digest,
        platform: &str,
        depth: usize,
    ) -> Result<Found> {
        let manifest = Manifest::parse(bytes, media_type).with_context(|| format!("{digest} cannot be read"))?;
        if manifest.is_index() {
            return self.of_index(&manifest, platform, depth);
        }
        ensure!(manifest.is_runnable(), "{digest} is no image that can run, but {}", manifest.media_type());
        let config = manifest.config().context("an image names its configuration")?;
        let layers = manifest.layers().iter().map(|layer| Layer {
            digest: Some(layer.digest.clone()),
            size: layer.size,
            place: Place::Blob,
        });
        Ok(Found {
            digest: Some(digest),
            name: None,
            config: self.document(&config.digest)?,
            annotations: manifest.annotations().clone(),
            layers: layers.collect(),
        })
    }

    /// A small blob, which is what its digest says.
    fn document(&self, digest: &Digest) -> Result<Vec<u8>> {
        let bytes = match self {
            Store::Archive(archive) => archive.read(&blob_name(digest))?,
            Store::Layout(folder) => {
                let path = folder.join(blob_name(digest));
                let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
                read_document(file, &path.display().to_string())?
            }
            Store::Remote(remote) => read_document(remote.blob(digest)?, digest.as_ref())?,
        };
        let found = Digest::of(digest.algorithm(), &bytes);
        ensure!(found == *digest, "{digest} has other bytes: their digest is {found}");
        Ok(bytes)
    }
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm().as_str(), digest.hex())
}

fn read_document(file: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(MANIFEST_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    ensure!(bytes.len() <= MANIFEST_BYTES, "{name} is larger than the limit of {MANIFEST_BYTES} bytes");
    Ok(bytes)
}

impl Archive {
    /// Find the members of a tar file, without reading their content.
    pub(crate) fn open_file(path: &Path) -> Result<Archive> {
        let place = || format!("cannot read {}", path.display());
        let mut file = File::open(path).with_context(place)?;
        let mut magic = [0; 4];
        let count = file.read(&mut magic).with_context(place)?;
        if inventory::Compression::sniff(&magic[..count]) != inventory::Compression::None {
            bail!("{} is compressed as a whole; unpack it first, as by gunzip or zstd -d", path.display());
        }
        file.seek(SeekFrom::Start(0)).with_context(place)?;
        let mut members = BTreeMap::new();
        let mut links = Vec::new();
        for entry in tar::Archive::new(file).entries_with_seek().with_context(place)? {
            let entry = entry.with_context(place)?;
            ensure!(
                members.len() + links.len() < LAYER_MEMBERS as usize,
                "the archive has more than {LAYER_MEMBERS} members"
            );
            let name = package::path::normalise(&entry.path_bytes()).map_err(anyhow::Error::msg)?;
            match (entry.header().entry_type(), entry.link_name_bytes()) {
                (tar::EntryType::Symlink, Some(target)) => {
                    links.extend(package::path::follow(&name, &package::path::text(&target)).map(|to| (name, to)));
                }
                (tar::EntryType::Link, Some(target)) => {
                    links.extend(package::path::normalise(&target).ok().map(|to| (name, to)));
                }
                _ => drop(members.insert(name, (entry.raw_file_position(), entry.size()))),
            }
        }
        for (name, target) in links {
            if let Some(place) = members.get(&target).copied() {
                members.entry(name).or_insert(place);
            }
        }
        Ok(Archive { path: path.to_owned(), members })
    }

    fn open(&self, name: &str) -> Result<Take<File>> {
        let (offset, length) = self.place(name)?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file.take(length))
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        read_document(self.open(name)?, name)
    }

    fn place(&self, name: &str) -> Result<(u64, u64)> {
        self.members.get(name).copied().with_context(|| format!("{} has no {name} in it", self.path.display()))
    }

    /// What `docker save` wrote; of several images there would be no telling which was meant.
    fn saved(&self) -> Result<Found> {
        let images: Vec<Saved> = serde_json::from_slice(&self.read("manifest.json")?)
            .context("manifest.json of the archive cannot be read")?;
        let [image] = &images[..] else {
            bail!("the archive holds {} images; save one alone", images.len());
        };
        let layers = image.layers.iter().map(|name| {
            let name = package::path::normalise(name.as_bytes()).map_err(anyhow::Error::msg)?;
            let (_, size) = self.place(&name)?;
            let digest = name.strip_prefix("blobs/sha256/").and_then(|hex| format!("sha256:{hex}").parse().ok());
            Ok(Layer { digest, size, place: Place::Member(name) })
        });
        Ok(Found {
            digest: None,
            name: image.repo_tags.iter().flatten().next().cloned(),
            config: self.read(&package::path::normalise(image.config.as_bytes()).map_err(anyhow::Error::msg)?)?,
            annotations: BTreeMap::new(),
            layers: layers.collect::<Result<_>>()?,
        })
    }
}

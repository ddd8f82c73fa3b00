//! The header of one package (rpm, "RPM V4 Package Format", section "Header Structure"), as the database keeps it.
//!
//! ```text
//!   entries: u32   data bytes: u32   entries × { tag, type, offset, count }   data        all big-endian
//! ```

use base64::{Engine, prelude::BASE64_STANDARD};

use base::limits::{LAYER_MEMBERS, LAYER_NAMES_BYTES, LAYER_PATH_BYTES, PACKAGE_FIELD_BYTES};

use super::{
    broken,
    field::{Order, index, part},
    signature,
};
use crate::{Error, OwnedFile, Package, path};

/// Tags as rpm numbers them (`rpmtag.h`).
mod tag {
    pub(super) const SIGPGP: u32 = 259;
    pub(super) const SIGGPG: u32 = 262;
    pub(super) const DSAHEADER: u32 = 267;
    pub(super) const RSAHEADER: u32 = 268;
    pub(super) const OPENPGP: u32 = 278;
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const LICENSE: u32 = 1014;
    pub(super) const PACKAGER: u32 = 1015;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const FILEMODES: u32 = 1030;
    pub(super) const FILEDIGESTS: u32 = 1035;
    pub(super) const SOURCERPM: u32 = 1044;
    pub(super) const DIRINDEXES: u32 = 1116;
    pub(super) const BASENAMES: u32 = 1117;
    pub(super) const DIRNAMES: u32 = 1118;
    pub(super) const FILEDIGESTALGO: u32 = 5011;
    pub(super) const MODULARITYLABEL: u32 = 5096;
}

/// Types of an entry's data.
const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const BIN: u32 = 7;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// File type bits of a mode, and those of a regular file.
const TYPE_BITS: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;

/// A package, and what tells who published it.
#[derive(Debug)]
pub(super) struct Installed {
    pub(super) package: Package,
    pub(super) vendor: Option<String>,
    pub(super) packager: Option<String>,
    /// The last eight bytes of the fingerprint of the key that signed it, in hex.
    pub(super) key: Option<String>,
}

/// None for a public key. `room` is what all packages of a database may still take: several tags may point to the same bytes.
pub(super) fn installed(blob: &[u8], room: &mut u64) -> Result<Option<Installed>, Error> {
    let header = Header::open(blob)?;
    let name = header.required(tag::NAME, "NAME")?;
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let label = format!("{}-{}", header.required(tag::VERSION, "VERSION")?, header.required(tag::RELEASE, "RELEASE")?);
    let epoch = header.number(tag::EPOCH).map(|epoch| format!("{epoch}:")).unwrap_or_default();
    let version = format!("{epoch}{label}");
    let (source, source_version) = match header.text(tag::SOURCERPM).as_deref().and_then(source) {
        // The name of a source package has no epoch; of one that has the binary's version it is the binary's.
        Some((source, built)) if built == label => (source.to_owned(), version.clone()),
        Some((source, built)) => (source.to_owned(), built.to_owned()),
        None => (name.clone(), version.clone()),
    };
    let owns = header.owned(room)?;
    let installed = Installed {
        package: Package {
            architecture: header.text(tag::ARCH),
            licenses: header.text(tag::LICENSE).into_iter().collect(),
            module: header.text(tag::MODULARITYLABEL),
            name,
            owns,
            source,
            source_version,
            version,
            ..Package::default()
        },
        vendor: header.text(tag::VENDOR),
        packager: header.text(tag::PACKAGER),
        key: header.signing_key(),
    };
    spend(room, size_of::<Installed>() + text_bytes(&installed))?;
    Ok(Some(installed))
}

fn text_bytes(installed: &Installed) -> usize {
    let Package { architecture, licenses, module, name, source, source_version, version, .. } = &installed.package;
    let optional = [architecture, module, &installed.vendor, &installed.packager].into_iter().flatten();
    optional.chain(licenses).chain([name, source, source_version, version]).map(String::len).sum()
}

fn spend(room: &mut u64, bytes: usize) -> Result<(), Error> {
    let too_large = Error::TooLarge { what: "bytes of names and files", limit: LAYER_NAMES_BYTES };
    *room = room.checked_sub(bytes as u64).ok_or(too_large)?;
    Ok(())
}

/// `openssl-3.0.7-25.el9.src.rpm`: name, and version with release.
fn source(file: &str) -> Option<(&str, &str)> {
    let stem = file.strip_suffix(".rpm")?;
    let stem = stem.strip_suffix(".src").or_else(|| stem.strip_suffix(".nosrc"))?;
    let release = stem.rfind('-')?;
    let version = stem[..release].rfind('-')?;
    Some((&stem[..version], &stem[version + 1..])).filter(|(name, _)| !name.is_empty())
}

struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

struct Entry<'a> {
    kind: u32,
    count: usize,
    /// From its offset to the end of the data.
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn open(blob: &'a [u8]) -> Result<Header<'a>, Error> {
        let cut = || broken("a header is cut off");
        let entries = index(Order::Big.u32(blob, 0).ok_or_else(cut)?);
        let data_bytes = index(Order::Big.u32(blob, 4).ok_or_else(cut)?);
        let index_bytes = entries.checked_mul(16).ok_or_else(cut)?;
        let index = part(blob, 8, index_bytes).ok_or_else(cut)?;
        let data = part(blob, 8 + index_bytes, data_bytes).ok_or_else(cut)?;
        Ok(Header { index, data })
    }

    /// What was added to a header when it was installed follows the signed part, and counts where both have a tag.
    fn entry(&self, tag: u32) -> Option<Entry<'a>> {
        let entry = self.index.rchunks_exact(16).find(|entry| Order::Big.u32(entry, 0) == Some(tag))?;
        let data = self.data.get(index(Order::Big.u32(entry, 8)?)..)?;
        Some(Entry { kind: Order::Big.u32(entry, 4)?, count: index(Order::Big.u32(entry, 12)?), data })
    }

    /// The first text of a tag; None when it is empty, or longer than any that people write.
    fn text(&self, tag: u32) -> Option<String> {
        let entry = self.entry(tag).filter(|entry| [STRING, STRING_ARRAY, I18N_STRING].contains(&entry.kind))?;
        let field = entry.data.get(..PACKAGE_FIELD_BYTES).unwrap_or(entry.data);
        let end = field.iter().position(|byte| *byte == 0)?;
        (end > 0).then(|| path::text(&field[..end]))
    }

    fn required(&self, tag: u32, what: &str) -> Result<String, Error> {
        self.text(tag).ok_or_else(|| broken(format!("a header has no {what}")))
    }

    fn number(&self, tag: u32) -> Option<u32> {
        let entry = self.entry(tag).filter(|entry| entry.kind == INT32 && entry.count > 0)?;
        Order::Big.u32(entry.data, 0)
    }

    fn binary(&self, tag: u32) -> Option<&'a [u8]> {
        let entry = self.entry(tag).filter(|entry| entry.kind == BIN)?;
        entry.data.get(..entry.count)
    }

    /// Of the signature over the header, or over header and content in packages of old; in base64 since rpm 6.
    fn signing_key(&self) -> Option<String> {
        let tags = [tag::RSAHEADER, tag::DSAHEADER, tag::SIGPGP, tag::SIGGPG];
        let in_base64 = || signature::key_id(&BASE64_STANDARD.decode(self.text(tag::OPENPGP)?).ok()?);
        tags.into_iter().find_map(|tag| signature::key_id(self.binary(tag)?)).or_else(in_base64)
    }

    /// Texts of a list, each ended by a NUL; empty where the tag is missing.
    fn texts(&self, tag: u32) -> Result<Vec<&'a [u8]>, Error> {
        let Some(entry) = self.entry(tag) else { return Ok(Vec::new()) };
        if entry.kind != STRING_ARRAY || entry.count > entry.data.len() {
            return Err(broken(format!("the list of tag {tag} is none")));
        }
        if entry.count as u64 > LAYER_MEMBERS {
            return Err(Error::TooLarge { what: "files in one package", limit: LAYER_MEMBERS });
        }
        let mut found = Vec::with_capacity(entry.count);
        let mut rest = entry.data;
        for _ in 0..entry.count {
            let end = rest.iter().position(|byte| *byte == 0);
            let end = end.ok_or_else(|| broken(format!("the list of tag {tag} is cut off")))?;
            found.push(&rest[..end]);
            rest = &rest[end + 1..];
        }
        Ok(found)
    }

    /// Regular files of the package with what their content was. Directories, links and files that it only claims have no sum.
    fn owned(&self, room: &mut u64) -> Result<Vec<OwnedFile>, Error> {
        let (names, directories) = (self.texts(tag::BASENAMES)?, self.texts(tag::DIRNAMES)?);
        let (sums, places, modes) =
            (self.texts(tag::FILEDIGESTS)?, self.entry(tag::DIRINDEXES), self.entry(tag::FILEMODES));
        let algorithm = algorithm(self.number(tag::FILEDIGESTALGO));
        let mut found = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let mode = modes.as_ref().filter(|modes| modes.kind == INT16 && at < modes.count);
            let mode = mode.and_then(|modes| Order::Big.u16(modes.data, 2 * at));
            let place = places.as_ref().filter(|places| places.kind == INT32 && at < places.count);
            let place = place.and_then(|places| Order::Big.u32(places.data, 4 * at));
            let directory = place.and_then(|place| directories.get(index(place)));
            let directory = directory.ok_or_else(|| broken("a file of a package has no directory"))?;
            let sum = sums.get(at).filter(|sum| !sum.is_empty());
            if mode.is_some_and(|mode| mode & TYPE_BITS != REGULAR) || (mode.is_none() && sum.is_none()) {
                continue;
            }
            if directory.len() + name.len() > LAYER_PATH_BYTES {
                return Err(broken("a path of a package is longer than any file system takes"));
            }
            let path = path::normalise(&[directory, &b"/"[..], name].concat()).map_err(broken)?;
            let sum = sum.map(|sum| format!("{algorithm}:{}", path::text(sum).to_ascii_lowercase()));
            spend(room, size_of::<OwnedFile>() + path.len() + sum.as_ref().map_or(0, String::len))?;
            found.push(OwnedFile { path, sum });
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// Hash algorithms of OpenPGP (RFC 9580, section 9.5), which rpm numbers the same; without a tag it is MD5.
fn algorithm(number: Option<u32>) -> &'static str {
    match number {
        None | Some(1) => "md5",
        Some(2) => "sha1",
        Some(8) => "sha256",
        Some(9) => "sha384",
        Some(10) => "sha512",
        Some(11) => "sha224",
        // Equal to no sum of ours, so that the file is judged by itself.
        Some(_) => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn source_packages_are_named_by_their_file() {
        assert_eq!(source("openssl-3.0.7-25.el9_3.src.rpm"), Some(("openssl", "3.0.7-25.el9_3")));
        assert_eq!(source("gcc-toolset-12-gcc-12.2.1-7.el8.nosrc.rpm"), Some(("gcc-toolset-12-gcc", "12.2.1-7.el8")));
        for wrong in ["(none)", "a-1.src.rpm", "-1-2.src.rpm", "a-1-2.x86_64.rpm", ""] {
            assert_eq!(source(wrong), None, "{wrong}");
        }
    }
}

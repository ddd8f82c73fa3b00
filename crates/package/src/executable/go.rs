//! Go's build information: the module list that the linker puts into every program (Go 1.13 and later, `debug/buildinfo`).
//!
//! ```text
//!    0  \xff Go buildinf:
//!   14  size of a pointer
//!   15  flags: 1 big endian, 2 inline
//!   16  before Go 1.18: two pointers, to the headers of two Go strings
//!   32  inline: varint, compiler's version, varint, module list between two marks of 16 bytes
//! ```

use std::collections::BTreeMap;

use base::limits::{BUILD_RECORD_BYTES, NAMED_PACKAGES};
use object::{Object, ObjectSection, ObjectSegment};

use crate::{Error, Package, language};

/// What a build information begins with. It lies at an address that is a multiple of 16.
pub const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
/// Bytes before the inline strings.
const HEADER_BYTES: usize = 32;
const ALIGN: usize = 16;
const EXPECTED: &str = "Go's build information";
/// Places in one segment that are tried: a program may hold the magic as a constant, but not often.
const PLACES: usize = 1_000;

/// What the linker knew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// `go1.21.5`, `devel go1.22-a1b2c3`
    pub go_version: String,
    /// The package of `main`.
    pub path: String,
    pub main: Option<Module>,
    /// With replacements applied.
    pub modules: Vec<Module>,
    /// `vcs.revision`, `vcs.time`, `vcs.modified`, `GOOS`, `-tags`, …
    pub settings: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    pub path: String,
    /// `v1.2.3`, or `(devel)`.
    pub version: String,
}

impl BuildInfo {
    /// The build information that begins with the first byte of `bytes`, in the inline format of Go 1.18 and later. For programs
    /// too large to be held: look for [`MAGIC`] in the stream at offsets that are multiples of 16, and hand over what follows, up to
    /// `base::limits::BUILD_RECORD_BYTES`; a real one has some hundred kilobytes.
    ///
    /// None when it is not one: the magic is also a constant in programs that look for it, and before Go 1.18 only pointers follow, which
    /// need the whole file ([`super::in_executable`]). Errors: it is beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<Option<BuildInfo>, Error> {
        if !bytes.starts_with(MAGIC) || bytes.get(15).is_none_or(|flags| flags & 2 == 0) {
            return Ok(None);
        }
        let Some((version, rest)) = bytes.get(HEADER_BYTES..).and_then(string) else { return Ok(None) };
        if !is_version(version) {
            return Ok(None);
        }
        let modules = string(rest).map(|(modules, _)| modules).ok_or_else(cut)?;
        BuildInfo::new(version, modules).map(Some)
    }

    fn new(version: &[u8], modules: &[u8]) -> Result<BuildInfo, Error> {
        let mut info = BuildInfo { go_version: String::from_utf8_lossy(version).into_owned(), ..BuildInfo::default() };
        let text = String::from_utf8_lossy(without_marks(modules));
        let mut last = Last::None;
        for line in text.lines() {
            let mut words = line.split('\t');
            let (kind, first, second) =
                (words.next(), words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let module = Module { path: first.to_owned(), version: second.to_owned() };
            match kind {
                Some("path") => info.path = first.to_owned(),
                Some("mod") => {
                    info.main = Some(module);
                    last = Last::Main;
                }
                Some("dep") => {
                    info.modules.push(module);
                    last = Last::Module;
                }
                // A folder in another's place has no version: it stays known by what it replaces.
                Some("=>") if !matches!(second, "" | "(devel)") => match last {
                    Last::Main => info.main = Some(module),
                    Last::Module => info.modules.last_mut().into_iter().for_each(|last| *last = module.clone()),
                    Last::None => {}
                },
                Some("build") => {
                    let (key, value) = first.split_once('=').unwrap_or((first, ""));
                    info.settings.insert(key.to_owned(), value.trim_matches('"').to_owned());
                }
                _ => {}
            }
            if info.modules.len() > NAMED_PACKAGES || info.settings.len() > NAMED_PACKAGES {
                return Err(Error::TooLarge { what: "modules", limit: NAMED_PACKAGES as u64 });
            }
        }
        Ok(info)
    }

    /// The modules, the main one where it has a version, and the standard library as `stdlib` of the compiler's version.
    pub fn packages(&self) -> Vec<Package> {
        let library = self.go_version.split_whitespace().find_map(|word| word.strip_prefix("go"));
        let library = library.and_then(|version| language::package("stdlib", version, Vec::new()));
        let modules = self.main.iter().chain(&self.modules).filter(|module| module.version != "(devel)");
        let modules = modules.filter_map(|module| language::package(&module.path, &module.version, Vec::new()));
        library.into_iter().chain(modules).collect()
    }
}

#[derive(Clone, Copy)]
enum Last {
    None,
    Main,
    Module,
}

/// The build information of a parsed file: in its own section, or found in the segments.
pub(super) fn in_file(file: &object::File<'_>) -> Result<Option<BuildInfo>, Error> {
    let own = [".go.buildinfo", "__go_buildinfo"].iter().find_map(|name| file.section_by_name(name)?.data().ok());
    if let Some(section) = own.filter(|section| section.starts_with(MAGIC)) {
        return match at(file, section)? {
            Some(info) => Ok(Some(info)),
            None => Err(Error::Broken { expected: EXPECTED, reason: "its section holds something else".to_owned() }),
        };
    }
    for segment in file.segments() {
        let Ok(data) = segment.data() else { continue };
        for place in places(data).take(PLACES) {
            if let Some(info) = at(file, &data[place..])? {
                return Ok(Some(info));
            }
        }
    }
    Ok(None)
}

/// Offsets of the magic that are multiples of 16, as segments begin at such addresses.
fn places(data: &[u8]) -> impl Iterator<Item = usize> {
    (0..data.len()).step_by(ALIGN).filter(|place| data[*place] == MAGIC[0] && data[*place..].starts_with(MAGIC))
}

fn at(file: &object::File<'_>, bytes: &[u8]) -> Result<Option<BuildInfo>, Error> {
    let Some(flags) = bytes.get(15) else { return Ok(None) };
    if flags & 2 != 0 {
        return BuildInfo::parse(bytes);
    }
    let pointers = Pointers { file, size: usize::from(bytes[14]), big: flags & 1 != 0 };
    let string = |offset: usize| pointers.string(pointers.number(bytes, offset)?);
    let Some(version) = string(16).filter(|version| is_version(version)) else { return Ok(None) };
    let modules = string(16 + pointers.size).unwrap_or_default();
    BuildInfo::new(version, modules).map(Some)
}

/// The format before Go 1.18.
struct Pointers<'f, 'a> {
    file: &'f object::File<'a>,
    size: usize,
    big: bool,
}

impl<'a> Pointers<'_, 'a> {
    fn number(&self, bytes: &[u8], at: usize) -> Option<u64> {
        let field = bytes.get(at..at.checked_add(self.size)?)?;
        match (self.size, self.big) {
            (4, false) => Some(u64::from(u32::from_le_bytes(field.try_into().ok()?))),
            (4, true) => Some(u64::from(u32::from_be_bytes(field.try_into().ok()?))),
            (8, false) => Some(u64::from_le_bytes(field.try_into().ok()?)),
            (8, true) => Some(u64::from_be_bytes(field.try_into().ok()?)),
            _ => None,
        }
    }

    /// A Go string is an address and a length.
    fn string(&self, header: u64) -> Option<&'a [u8]> {
        let header = self.mapped(header)?;
        let length = usize::try_from(self.number(header, self.size)?).ok().filter(|n| *n <= BUILD_RECORD_BYTES)?;
        self.mapped(self.number(header, 0)?)?.get(..length)
    }

    fn mapped(&self, address: u64) -> Option<&'a [u8]> {
        self.file.segments().find_map(|segment| {
            let at = address.checked_sub(segment.address())?;
            segment.data().ok()?.get(usize::try_from(at).ok()?..)
        })
    }
}

/// `encoding/binary.Uvarint`, and so many bytes.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0usize;
    for (at, byte) in bytes.iter().take(5).enumerate() {
        length |= usize::from(byte & 0x7f).checked_shl(7 * u32::try_from(at).ok()?)?;
        if byte & 0x80 == 0 {
            let rest = &bytes[at + 1..];
            return (length <= BUILD_RECORD_BYTES).then(|| rest.split_at_checked(length))?;
        }
    }
    None
}

fn is_version(version: &[u8]) -> bool {
    const LONGEST: usize = 200;
    let printable = version.iter().all(|byte| (b' '..=b'~').contains(byte));
    version.len() <= LONGEST && printable && (version.starts_with(b"go") || version.starts_with(b"devel"))
}

/// The list stands between two marks of 16 bytes, by which it can be found in memory; it ends with a line's end.
fn without_marks(modules: &[u8]) -> &[u8] {
    const MARK_BYTES: usize = 16;
    let inside = modules.len().checked_sub(MARK_BYTES).and_then(|end| modules.get(MARK_BYTES..end));
    inside.filter(|inside| inside.ends_with(b"\n")).unwrap_or_default()
}

fn cut() -> Error {
    Error::Broken { expected: EXPECTED, reason: "it is cut off".to_owned() }
}

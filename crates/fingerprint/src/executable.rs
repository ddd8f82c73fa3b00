//! Sections, exported names and texts of one ELF, PE or Mach-O image, as far as its tables can be believed.
//!
//! The `object` library reads the tables lazily; what is hostile there costs at most the budgets below, and what cannot be read is
//! passed over: the streaming pass over all bytes does not depend on it.

use base::limits::{FINGERPRINT_NAME_BYTES, FINGERPRINT_SECTIONS, FINGERPRINT_SYMBOLS};
use object::read::macho::{FatArch as _, MachOFatFile32};
use object::{BinaryFormat, Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

use crate::hash::text_hash;

/// One image; a fat Mach-O file holds several.
pub struct Executable<'b> {
    file: object::File<'b>,
    /// Where the image begins in the file.
    base: u64,
}

/// A section with bytes in the file.
pub struct Section<'b> {
    pub name: String,
    pub offset: u64,
    pub bytes: &'b [u8],
    pub holds: Holds,
}

/// What a section holds, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Code,
    ReadOnly,
    Data,
    /// Names of symbols and whatever else is no text of the program.
    Tables,
}

impl std::fmt::Debug for Executable<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executable").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Whether bytes begin like ELF, PE (`MZ`) or Mach-O, thin or fat.
#[must_use]
pub fn is_executable(head: &[u8]) -> bool {
    let Some(magic) = head.first_chunk::<4>() else { return false };
    match magic {
        [0x7f, b'E', b'L', b'F'] | [b'M', b'Z', ..] => true,
        [0xfe, 0xed, 0xfa, 0xce | 0xcf] | [0xce | 0xcf, 0xfa, 0xed, 0xfe] => true,
        // A Java class begins the same; its version (45 and more) stands where a fat file says how many images it has.
        [0xca, 0xfe, 0xba, 0xbe] => head.get(4..8).is_some_and(|count| count[..3] == [0; 3] && count[3] < 20),
        _ => false,
    }
}

/// The images of a file; none when its headers cannot be read.
#[must_use]
pub fn images(bytes: &[u8]) -> Vec<Executable<'_>> {
    if let Ok(fat) = MachOFatFile32::parse(bytes) {
        let slices = fat.arches().iter().take(8);
        return slices
            .filter_map(|arch| {
                let slice = arch.data(bytes).ok()?;
                Some(Executable { file: object::File::parse(slice).ok()?, base: arch.file_range().0 })
            })
            .collect();
    }
    object::File::parse(bytes).map(|file| Executable { file, base: 0 }).into_iter().collect()
}

impl<'b> Executable<'b> {
    /// The sections that have bytes, at most [`FINGERPRINT_SECTIONS`] of them.
    pub fn sections(&self) -> impl Iterator<Item = Section<'b>> + '_ {
        self.file.sections().take(FINGERPRINT_SECTIONS).filter_map(|section| {
            let (offset, _) = section.file_range()?;
            let bytes = section.data().ok().filter(|bytes| !bytes.is_empty())?;
            let name: String = String::from_utf8_lossy(section.name_bytes().ok()?).chars().take(64).collect();
            Some(Section { holds: holds(&name, section.kind()), name, offset: self.base + offset, bytes })
        })
    }

    /// Hashes of the names this image offers to others: what makes a stripped library its own. Weak ones are what compilers make of
    /// headers in whoever includes them.
    #[must_use]
    pub fn exports(&self) -> Vec<u64> {
        let mut names = Names::default();
        if self.file.format() == BinaryFormat::Pe {
            for export in self.file.exports().into_iter().flatten() {
                let Ok(export) = export else { break };
                if let object::NameOrOrdinal::Name(name) = export.name()
                    && !names.take(name)
                {
                    break;
                }
            }
            return names.sorted();
        }
        let macho = self.file.format() == BinaryFormat::MachO;
        let symbols = self.file.dynamic_symbols().chain(self.file.symbols().filter(|_| macho));
        for symbol in symbols.filter(|symbol| symbol.is_definition() && symbol.is_global() && !symbol.is_weak()) {
            let Ok(name) = symbol.name_bytes() else { break };
            if !names.take(if macho { name.strip_prefix(b"_").unwrap_or(name) } else { name }) {
                break;
            }
        }
        names.sorted()
    }

    /// Hashes of every name in the dynamic symbol table, also those asked of others; for the learner.
    #[must_use]
    pub fn dynamic_names(&self) -> Vec<u64> {
        let mut names = Names::default();
        for symbol in self.file.dynamic_symbols() {
            let Ok(name) = symbol.name_bytes() else { break };
            if !names.take(name) {
                break;
            }
        }
        names.sorted()
    }
}

/// Names within a budget: a table of a million symbols may point all of them at one long name.
#[derive(Default)]
struct Names {
    hashes: Vec<u64>,
    bytes: usize,
}

impl Names {
    fn take(&mut self, name: &[u8]) -> bool {
        self.bytes += name.len();
        if (4..=512).contains(&name.len()) {
            self.hashes.push(text_hash(name));
        }
        self.bytes <= FINGERPRINT_NAME_BYTES && self.hashes.len() < FINGERPRINT_SYMBOLS
    }

    fn sorted(mut self) -> Vec<u64> {
        self.hashes.sort_unstable();
        self.hashes.dedup();
        self.hashes
    }
}

fn holds(name: &str, kind: SectionKind) -> Holds {
    match kind {
        SectionKind::Text => Holds::Code,
        SectionKind::ReadOnlyData | SectionKind::ReadOnlyString | SectionKind::ReadOnlyDataWithRel => match name {
            ".dynstr" | ".dynsym" | ".gnu.version" | ".gnu.version_r" | ".gnu.version_d" | ".gnu.hash" | ".hash"
            | ".interp" | ".eh_frame" | ".eh_frame_hdr" | ".gcc_except_table" => Holds::Tables,
            _ if name.starts_with(".note") || name.starts_with(".rel") => Holds::Tables,
            _ => Holds::ReadOnly,
        },
        SectionKind::Data => Holds::Data,
        _ => Holds::Tables,
    }
}

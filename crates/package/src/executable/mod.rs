//! What executables say about the packages they were built from: ELF, PE and Mach-O.
//!
//! ```text
//!   Go            .go.buildinfo, or the magic in a data segment ─► modules, and the standard library of the compiler's version
//!   Rust          .dep-v0 of cargo-auditable                    ─► crates that run, not those that only built
//!   ELF           .note.package                                 ─► the package of a distribution
//!   GraalVM       sbom, sbom_length                             ─► what went into a native image
//!   .NET          a bundle behind the host                      ─► its deps.json
//! ```
//!
//! Claims of the file about itself: a file without any is not clean, it is silent.

mod bundle;
pub mod go;
mod graal;
mod marks;
mod note;
mod rust;

use std::collections::BTreeMap;

use object::{Object, ObjectSection};

pub use marks::Marks;

use crate::{Document, Error, Package, PackageType, document::sorted};

/// Every package that an executable names, one document a type, sorted by it. None of them for what is no ELF, PE or Mach-O, and for
/// one whose tables are damaged: nothing could run it.
///
/// Errors: a record that is there and cannot be read, or is beyond a limit: what the program holds is then not known. A Mach-O with several
/// architectures is read by its first.
pub fn in_executable(bytes: &[u8]) -> Result<Vec<Document>, Error> {
    let Some(bytes) = slice_of(bytes) else { return Ok(Vec::new()) };
    let Ok(file) = object::File::parse(bytes) else { return Ok(Vec::new()) };
    let mut found: BTreeMap<PackageType, Vec<Package>> = BTreeMap::new();
    let mut add = |kind: PackageType, packages: Vec<Package>| found.entry(kind).or_default().extend(packages);
    if let Some(info) = go::in_file(&file)? {
        add(PackageType::Golang, info.packages());
    }
    if let Some(section) = section(&file, ".dep-v0") {
        add(PackageType::Cargo, rust::packages(section)?);
    }
    if let Some((kind, package)) = section(&file, ".note.package").map(note::package).transpose()?.flatten() {
        add(kind, vec![package]);
    }
    if let Some(sbom) = graal::sbom(&file) {
        for (kind, package) in graal::packages(sbom)? {
            add(kind, vec![package]);
        }
    }
    if let Some(deps) = bundle::deps(bytes) {
        add(PackageType::Nuget, crate::language::dotnet_packages(deps)?);
    }
    let documents = found.into_iter().filter(|(_, packages)| !packages.is_empty());
    Ok(documents.map(|(kind, packages)| Document::Packages { kind, packages: sorted(packages) }).collect())
}

/// The file itself, or the first architecture of a Mach-O with several.
fn slice_of(bytes: &[u8]) -> Option<&[u8]> {
    use object::{FileKind, read::macho};
    match FileKind::parse(bytes).ok()? {
        FileKind::Elf32 | FileKind::Elf64 | FileKind::Pe32 | FileKind::Pe64 => Some(bytes),
        FileKind::MachO32 | FileKind::MachO64 => Some(bytes),
        FileKind::MachOFat32 => {
            use macho::FatArch;
            macho::MachOFatFile32::parse(bytes).ok()?.arches().first()?.data(bytes).ok()
        }
        FileKind::MachOFat64 => {
            use macho::FatArch;
            macho::MachOFatFile64::parse(bytes).ok()?.arches().first()?.data(bytes).ok()
        }
        _ => None,
    }
}

fn section<'a>(file: &object::File<'a>, name: &str) -> Option<&'a [u8]> {
    file.section_by_name(name)?.data().ok().filter(|data| !data.is_empty())
}

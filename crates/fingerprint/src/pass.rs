//! One pass over the bytes of an executable of any size: its texts and banners, looked up as they come.

use std::collections::BTreeMap;

use crate::evidence::{EXAMPLES, Evidence, Found, Identification, shown};
use crate::hash::text_hash;
use crate::index::{ALONE, EXPORT, Index, KIND_SHIFT, LIBRARY, Tables};
use crate::observation::text_weight;
use crate::runs::Runs;
use crate::skeleton::{Part, Skeleton};
use crate::verdict::{Identity, judge};

/// Banners kept of one product, and texts that are nothing but a version: beyond these, more of them say nothing more.
const BANNERS: usize = 64;
const BARE: usize = 512;

/// Reads an executable in chunks. Memory grows with what is found, which the index bounds, not with what is read.
#[derive(Debug)]
pub struct Pass<'i> {
    seen: Seen<'i>,
    /// The first bytes, until there are enough to say whether it is a PE file, whose texts may be wide.
    head: Vec<u8>,
    runs: Option<Runs>,
}

/// What was found so far.
#[derive(Debug)]
pub struct Seen<'i> {
    pub index: &'i Index,
    tables: Tables<'i>,
    skeleton: Skeleton,
    pub products: BTreeMap<u16, Hits>,
    /// Texts that are nothing but a version.
    pub bare: Vec<(u64, String)>,
    pub package: Option<PackageName>,
}

/// `libkrb5.so.3.3-1.18.2-34.el8_10.x86_64.debug`: where RPM puts the debugging data of a file, which linkers write into it.
#[derive(Debug)]
pub struct PackageName {
    pub offset: u64,
    pub text: String,
    pub version: String,
}

/// What was found of one product.
#[derive(Debug, Default)]
pub struct Hits {
    /// By hash: versions that have the text, its weight, its first offset.
    pub texts: BTreeMap<u64, TextHit>,
    pub examples: Vec<Found>,
    pub banners: Vec<BannerHit>,
    pub exports: BTreeMap<u64, u32>,
    pub identities: Vec<Identity>,
}

#[derive(Debug, Clone, Copy)]
pub struct TextHit {
    pub versions: u32,
    pub weight: u8,
    pub library: bool,
    /// Of which kind of file of the product.
    pub kind: u8,
    /// Words with a space between them, or the product's name in it: lists of names that many hold (colours, glyphs, time zones)
    /// are neither.
    pub telling: bool,
    pub offset: u64,
}

#[derive(Debug, Clone)]
pub struct BannerHit {
    pub offset: u64,
    pub text: String,
    pub template: String,
    pub part: Part,
    pub version: String,
    pub alone: bool,
}

impl<'i> Pass<'i> {
    /// A pass that looks up in `index`.
    #[must_use]
    pub fn new(index: &'i Index) -> Self {
        let seen = Seen {
            index,
            tables: index.tables(),
            skeleton: Skeleton::default(),
            products: BTreeMap::new(),
            bare: Vec::new(),
            package: None,
        };
        Self { seen, head: Vec::new(), runs: None }
    }

    /// Reads on. Cutting the input anywhere gives the same result.
    pub fn feed(&mut self, chunk: &[u8]) {
        if let Some(runs) = &mut self.runs {
            let seen = &mut self.seen;
            runs.feed(chunk, &mut |offset, text| seen.text(offset, text));
            return;
        }
        let taken = chunk.len().min(2 - self.head.len());
        self.head.extend_from_slice(&chunk[..taken]);
        if self.head.len() < 2 {
            return;
        }
        let mut runs = Runs::new(self.head == b"MZ");
        let seen = &mut self.seen;
        let mut sink = |offset: u64, text: &[u8]| seen.text(offset, text);
        runs.feed(&self.head, &mut sink);
        runs.feed(&chunk[taken..], &mut sink);
        self.runs = Some(runs);
    }

    /// The end of the executable: what it holds, the surest first.
    #[must_use]
    pub fn finish(self) -> Vec<Identification> {
        judge(&self.close())
    }

    pub(crate) fn close(mut self) -> Seen<'i> {
        if let Some(runs) = self.runs.take() {
            let seen = &mut self.seen;
            runs.finish(&mut |offset, text| seen.text(offset, text));
        }
        self.seen
    }
}

/// Bytes of code that hardly stay the same from release to release.
const CODE_OF_A_VERSION: u64 = 16 << 10;

impl Seen<'_> {
    fn text(&mut self, offset: u64, text: &[u8]) {
        let trimmed = text.trim_ascii();
        let offset = offset + (text.len() - text.trim_ascii_start().len()) as u64;
        if (8..=240).contains(&trimmed.len()) {
            let hash = text_hash(trimmed);
            // What the learner would not take for a text counts for nothing here either, whatever hash it has.
            let row = if self.tables.filter.may_hold(hash) { self.tables.texts.get(hash) } else { None };
            let row = row.filter(|row| row.flags & EXPORT == 0 && text_weight(trimmed).is_some());
            if let Some(row) = row {
                let hits = self.products.entry(row.product).or_default();
                let library = row.flags & LIBRARY != 0;
                let kind = row.flags >> KIND_SHIFT;
                let telling = trimmed.contains(&b' ') || self.index.names(row.product, trimmed);
                let hit = TextHit { versions: row.versions, weight: row.kind, library, kind, telling, offset };
                if hits.texts.insert(hash, hit).is_none() && hits.examples.len() < EXAMPLES {
                    hits.examples.push(Found { offset, text: shown(trimmed) });
                }
            }
        }
        if trimmed.ends_with(b".debug") && self.package.is_none() {
            self.package = package_name(offset, trimmed);
        }
        if self.skeleton.read(trimmed) {
            self.banner(offset, trimmed);
        }
    }

    fn banner(&mut self, offset: u64, text: &[u8]) {
        for candidate in self.skeleton.candidates(text) {
            if self.skeleton.is_bare() && self.bare.len() < BARE {
                self.bare.push((offset, candidate.value.to_owned()));
            }
            for (part, key) in self.skeleton.keys(&candidate).into_iter().flatten() {
                let Some(row) = self.tables.templates.get(key) else { continue };
                let hits = self.products.entry(row.product).or_default();
                if hits.banners.len() < BANNERS {
                    hits.banners.push(BannerHit {
                        offset,
                        text: shown(text),
                        template: self.skeleton.template(&candidate, part),
                        part,
                        version: crate::origin::plain_version(candidate.value),
                        alone: row.flags & ALONE != 0,
                    });
                }
            }
        }
    }

    /// Looks up a name that the executable exports.
    pub(crate) fn export(&mut self, hash: u64) {
        if let Some(row) = self.tables.texts.get(hash).filter(|row| row.flags & EXPORT != 0) {
            self.products.entry(row.product).or_default().exports.insert(hash, row.versions);
        }
    }

    /// Looks up the SHA-256 of the file or of a section.
    pub(crate) fn digest(&mut self, digest: &[u8; 32], what: Evidence, kind: u8) {
        let row = self.tables.identities.get(crate::observation::short(digest));
        if let Some(row) = row.filter(|row| row.kind == kind) {
            let hits = self.products.entry(row.product).or_default();
            if hits.identities.len() < BANNERS {
                let version = if tells_version(&what) { row.versions } else { u32::MAX };
                hits.identities.push(Identity { version, what });
            }
        }
    }
}

/// Whether bytes that are known tell a version: tables often stay as they are from release to release, and so does little code.
fn tells_version(what: &Evidence) -> bool {
    match what {
        Evidence::Section { name, size_bytes, .. } => {
            matches!(name.as_str(), ".text" | "__text") && *size_bytes >= CODE_OF_A_VERSION
        }
        _ => true,
    }
}

fn package_name(offset: u64, text: &[u8]) -> Option<PackageName> {
    let text = std::str::from_utf8(text).ok()?;
    let (name, architecture) = text.strip_suffix(".debug")?.rsplit_once('.')?;
    let known = ["x86_64", "i686", "i386", "aarch64", "armv7hl", "ppc64le", "s390x", "riscv64"].contains(&architecture);
    let mut parts = name.rsplitn(3, '-');
    let (_release, version) = (parts.next()?, parts.next()?);
    parts.next()?;
    let plain = version.starts_with(|c: char| c.is_ascii_digit()) && version.len() <= 40;
    (known && plain).then(|| PackageName { offset, text: shown(text.as_bytes()), version: version.to_owned() })
}

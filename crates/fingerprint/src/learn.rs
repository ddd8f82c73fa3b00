//! The learner: from executables of known origin to an index.
//!
//! ```text
//!   packages ─► observations ─┬─ files, sections ───────────────────────────────► identities
//!                             ├─ texts, exports ─ who owns them? which to keep? ─► texts      (owners.rs)
//!                             └─ numbers beside words ─ are they the version? ───► templates  (banners.rs)
//! ```
//!
//! The same observations in any order give the same bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::banners::{Sightings, choose_templates};
use crate::error::Error;
use crate::hash::text_hash;
use crate::index::{BARE_VERSIONS, EXPORT, KIND_SHIFT, ONE_SECTION, WHOLE_FILE};
use crate::observation::{Banner, Observation, short};
use crate::origin::{Aliases, Origin, plain_version, same_version};
use crate::owners::{Kin, Text, choose_texts};
use crate::skeleton::Skeleton;
use crate::table::Row;
use crate::write::{Contents, ProductRow, write};

/// Versions of one product that have a bit each; the newest are kept.
const VERSIONS: usize = 32;

/// Gathers observations; [`Learner::finish`] makes the index.
#[derive(Debug, Default)]
pub struct Learner {
    products: BTreeMap<String, Learnt>,
    identities: HashMap<u64, (u8, Vec<Origin>)>,
    sightings: Sightings,
    /// Every name of every dynamic symbol table: a text like that stands in whoever uses the product.
    names: HashSet<u64>,
}

/// What is known of one product while learning.
#[derive(Debug, Default)]
pub struct Learnt {
    /// Versions in the order they came; the place of each is its bit in `Seen`.
    pub versions: Vec<String>,
    pub texts: HashMap<u64, Seen>,
    pub exports: HashMap<u64, Seen>,
    /// File names without versions: `libavcodec`, `ffmpeg`. What a text is from is a number made of that.
    pub roles: BTreeSet<String>,
    /// Whether the index names it; else it only shows what is common.
    pub known: bool,
    bare: u32,
}

/// Where a text of a product was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    pub versions: u32,
    pub files: u16,
    pub weight: u8,
    pub role: u16,
    /// In a shared library: only those are copied into other programs.
    pub library: bool,
}

impl Learner {
    /// Adds what was seen in one executable of `origin`, which lay at `path`.
    pub fn add(&mut self, origin: &Origin, path: &str, seen: &Observation) {
        self.products.entry(origin.product.clone()).or_default().known = true;
        self.identify(short(&seen.sha256), WHOLE_FILE, origin);
        for section in &seen.sections {
            self.identify(*section, ONE_SECTION, origin);
        }
        self.add_background(origin, path, seen);
    }

    /// Adds what was seen in an executable of a product that the index shall not name: what others have in common with it tells
    /// nothing of them.
    pub fn add_background(&mut self, origin: &Origin, path: &str, seen: &Observation) {
        let product = self.products.entry(origin.product.clone()).or_default();
        let Some(version) = product.version(&origin.version) else { return };
        let role = product.role(path);
        let library = path.contains(".so");
        for (hash, weight) in &seen.texts {
            product.texts.entry(*hash).or_default().add(version, role, library, *weight);
        }
        for hash in &seen.exports {
            product.exports.entry(*hash).or_default().add(version, role, library, 8);
        }
        if seen.bare.iter().any(|value| same_version(value, &origin.version)) {
            product.bare |= 1 << version;
        }
        self.names.extend(&seen.names);
        for banner in seen.banners.iter().chain(&file_name_banners(path)) {
            self.sightings.add(origin, banner);
        }
    }

    /// The bytes of an index of everything that was added. `created_by` says what that was.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the format cannot count it.
    pub fn finish(self, aliases: &Aliases, created_by: &str) -> Result<Vec<u8>, Error> {
        let (names, products) = self.in_order();
        let numbers = numbers(&names);
        let known = products.iter().filter(|product| product.known).count();
        let order: Vec<Vec<usize>> = products[..known].iter().map(|product| product.order()).collect();
        let kin = kin(aliases, &numbers);
        let texts = choose_texts(&products, known, &self.names, &kin);
        let mut contents = Contents { created_by: created_by.to_owned(), ..Contents::default() };
        for (number, product) in products[..known].iter().enumerate() {
            let own = || texts.iter().filter(|text| usize::from(text.product) == number);
            let count = |export: u8| own().filter(|text| text.flags & EXPORT == export).count();
            contents.products.push(ProductRow {
                name: names[number].clone(),
                cpe: aliases.cpe(names[number]).unwrap_or_default().to_owned(),
                versions: order[number].iter().map(|index| plain_version(&product.versions[*index])).collect(),
                flags: if product.bare.count_ones() as usize * 2 >= product.versions.len() { BARE_VERSIONS } else { 0 },
                texts: u16::try_from(count(0)).unwrap_or(u16::MAX),
                exports: u16::try_from(count(EXPORT)).unwrap_or(u16::MAX),
                kinds: kinds(own()),
            });
        }
        for text in texts {
            let versions = reorder(text.versions, &order[usize::from(text.product)]);
            let row = Row { product: text.product, kind: text.weight, flags: text.flags, versions };
            contents.texts.push((text.hash, row));
        }
        contents.templates = choose_templates(&self.sightings, &numbers, &products);
        // What people wrote goes before what was learnt: the writer keeps the first row of a key.
        contents.templates.splice(0..0, written_templates(aliases, &numbers));
        contents.identities = self.identity_rows(&numbers, &products, &order);
        write(contents)
    }

    /// The templates that were learnt so far, a line each, for people who want to see them.
    #[must_use]
    pub fn templates(&self) -> Vec<String> {
        let (names, products) = self.in_order();
        let numbers = numbers(&names);
        let templates = self.sightings.templates(&numbers, &products);
        let mut lines: Vec<String> = templates
            .map(|(owner, part, template, alone)| {
                format!("{owner}\t{part:?}\t{}\t{template}", if alone { "alone" } else { "" })
            })
            .collect();
        lines.sort_unstable();
        lines
    }

    /// The products that the index names, then the others; each by name.
    fn in_order(&self) -> (Vec<&String>, Vec<&Learnt>) {
        let mut all: Vec<(&String, &Learnt)> = self.products.iter().collect();
        all.sort_by_key(|(_, product)| !product.known);
        all.into_iter().unzip()
    }

    fn identify(&mut self, hash: u64, kind: u8, origin: &Origin) {
        let (_, origins) = self.identities.entry(hash).or_insert_with(|| (kind, Vec::new()));
        if !origins.contains(origin) && origins.len() < 8 {
            origins.push(origin.clone());
        }
    }

    fn identity_rows(
        &self,
        numbers: &HashMap<&str, u16>,
        products: &[&Learnt],
        order: &[Vec<usize>],
    ) -> Vec<(u64, Row)> {
        let mut rows = Vec::new();
        for (hash, (kind, origins)) in &self.identities {
            let first = &origins[0];
            // Bytes that several products ship belong to none of them for certain.
            if origins.iter().any(|origin| origin.product != first.product) {
                continue;
            }
            let product = numbers[first.product.as_str()];
            let place = || {
                let learnt = products[usize::from(product)];
                let index = learnt.versions.iter().position(|version| *version == first.version)?;
                u32::try_from(order[usize::from(product)].iter().position(|other| *other == index)?).ok()
            };
            let versions = if origins.len() == 1 { place().unwrap_or(u32::MAX) } else { u32::MAX };
            rows.push((*hash, Row { product, kind: *kind, flags: 0, versions }));
        }
        rows
    }
}

impl Learnt {
    fn version(&mut self, version: &str) -> Option<u32> {
        let known = self.versions.iter().position(|known| known == version);
        let index = known.unwrap_or(self.versions.len());
        if known.is_none() && index < VERSIONS {
            self.versions.push(version.to_owned());
        }
        u32::try_from(index).ok().filter(|index| *index < VERSIONS as u32)
    }

    fn role(&mut self, path: &str) -> u16 {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name
            .split(".so")
            .next()
            .unwrap_or(name)
            .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | '_'));
        let stem = if stem.is_empty() { name } else { stem };
        self.roles.insert(stem.to_owned());
        // Two kinds of file under one number do little harm, and the number does not depend on what came first.
        (text_hash(stem.as_bytes()) >> 48) as u16
    }

    /// The numbers of the versions, oldest version first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.versions.len()).collect();
        order.sort_by_key(|index| natural(&self.versions[*index]));
        order
    }

    /// How many of its versions have it.
    #[must_use]
    pub fn share(&self, seen: &Seen) -> f64 {
        f64::from(seen.versions.count_ones()) / self.versions.len().max(1) as f64
    }
}

impl Seen {
    fn add(&mut self, version: u32, role: u16, library: bool, weight: u8) {
        self.library |= library;
        self.role = if self.files == 0 { role } else { self.role.min(role) };
        self.versions |= 1 << version;
        self.files = self.files.saturating_add(1);
        self.weight = weight;
    }
}

fn numbers<'n>(names: &[&'n String]) -> HashMap<&'n str, u16> {
    names.iter().zip(0..).map(|(name, number)| (name.as_str(), number)).collect()
}

/// How many of the texts of one product are of each kind of file.
fn kinds<'t>(texts: impl Iterator<Item = &'t Text>) -> Vec<u16> {
    let mut kinds = Vec::new();
    for text in texts.filter(|text| text.flags & EXPORT == 0) {
        let kind = usize::from(text.flags >> KIND_SHIFT);
        kinds.resize(kinds.len().max(kind + 1), 0);
        kinds[kind] += 1;
    }
    kinds
}

/// What people wrote of products and one another, in numbers.
fn kin(aliases: &Aliases, numbers: &HashMap<&str, u16>) -> Kin {
    let pair = |(one, other): (&str, &str)| Some((*numbers.get(one)?, *numbers.get(other)?));
    Kin { forks: aliases.forks().filter_map(pair).collect(), copies: aliases.copies().filter_map(pair).collect() }
}

/// Templates of the banners that people wrote down.
fn written_templates(aliases: &Aliases, numbers: &HashMap<&str, u16>) -> Vec<(u64, Row)> {
    let mut rows = Vec::new();
    for (product, version, text) in aliases.banners() {
        let Some(product) = numbers.get(product) else { continue };
        let banners = full_banners(text).into_iter().filter(|banner| banner.value == version);
        rows.extend(
            banners
                .map(|banner| (banner.key, Row { product: *product, kind: banner.part as u8, flags: 0, versions: 0 })),
        );
    }
    rows
}

/// What linkers, and tools that bundle libraries, write of a library's file name into it: `libzstd.so.1.5.5`, and with a part of a
/// digest `libzstd-40ad5e7e.so.1.5.7`. Where that number is the product's version, it tells it.
fn file_name_banners(path: &str) -> Vec<Banner> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some((stem, version)) = name.split_once(".so.").filter(|(_, version)| version.contains('.')) else {
        return Vec::new();
    };
    let written = [name.to_owned(), format!("{stem}-0a1b2c3d.so.{version}")];
    written.iter().flat_map(|text| full_banners(text)).filter(|banner| banner.value == version).collect()
}

/// The banners of a text under its most exact keys.
fn full_banners(text: &str) -> Vec<Banner> {
    let mut skeleton = Skeleton::default();
    skeleton.read(text.as_bytes());
    let candidates = skeleton.candidates(text.as_bytes());
    let full = candidates.filter_map(|candidate| {
        let (part, key) = skeleton.keys(&candidate)[0]?;
        Some(Banner { key, part, value: candidate.value.to_owned(), template: skeleton.template(&candidate, part) })
    });
    full.collect()
}

/// Numbers as numbers, everything else as letters: good enough to list versions by age.
fn natural(version: &str) -> Vec<(u64, String)> {
    let mut parts = Vec::new();
    for part in version.split(['.', '-', '~', '_', '+']) {
        let digits = part.chars().take_while(char::is_ascii_digit).count();
        parts.push((part[..digits].parse().unwrap_or(0), part[digits..].to_owned()));
    }
    parts
}

fn reorder(versions: u32, order: &[usize]) -> u32 {
    order.iter().enumerate().filter(|(_, old)| versions >> **old & 1 == 1).fold(0, |bits, (new, _)| bits | 1 << new)
}

//! The index: what was learnt, in one file that is read where it lies.
//!
//! ```text
//!     0  "ASSAYFP2"
//!     8  SHA-256 of everything from byte 40 on: the digest that names the index
//!    40  directory: 11 × (offset u64, size in bytes u64), in the order of `Part`
//!   216  tables, each beginning at a multiple of eight
//!
//!   pool         the strings all others point into
//!   created-by   string: what it was learnt from
//!   products     32 bytes each: name's offset u32, its size u16, CPE's size u16, its offset u32, first version u32, then u16 each:
//!                count of versions, flags, count of texts, count of exports; first kind of file u32, count of them u16; zeroes
//!   versions     8 bytes each: string (offset u32, size u32)
//!   kinds        2 bytes each: how many texts stand for one kind of file of a product (`libavcodec`, `ffmpeg`)
//!   identities   hash table: first eight bytes of a SHA-256, of a file or a section
//!   texts        hash table: texts, and exported names
//!   templates    hash table: keys of skeletons
//! ```
//!
//! A hash table is two parts, buckets and rows (see `table`). Opening looks at the directory alone; everything else is checked where
//! it is read, so that hostile bytes give wrong answers or none, and no panic.

use std::sync::{Arc, OnceLock};

use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::table::{Filter, Table};

pub const MAGIC: &[u8; 8] = b"ASSAYFP2";
pub const PARTS: usize = 11;
pub const DIRECTORY_AT: usize = 40;
pub const TABLES_AT: usize = DIRECTORY_AT + PARTS * 16;
pub const PRODUCT: usize = 32;
pub const VERSION: usize = 8;

/// Set on a product whose binaries hold their version as a text of its own.
pub const BARE_VERSIONS: u16 = 1;
/// Set on a template that nobody else's binaries hold: it shows the product without further evidence.
pub const ALONE: u8 = 1;
/// Set on a row of the texts that is an exported name.
pub const EXPORT: u8 = 1;
/// Set on a text that stands in a shared library of the product, which others may link in.
pub const LIBRARY: u8 = 2;
/// The bits of a text's flags above this say which kind of file of its product it is from.
pub const KIND_SHIFT: u32 = 2;
/// So many kinds are told apart; the last one is all others together.
pub const KINDS: usize = 64;
/// Kinds of identity.
pub const WHOLE_FILE: u8 = 0;
pub const ONE_SECTION: u8 = 1;

/// The tables, in the order of the directory.
#[derive(Debug, Clone, Copy)]
pub enum Part {
    Pool,
    CreatedBy,
    Products,
    Versions,
    Kinds,
    IdentityBuckets,
    Identities,
    TextBuckets,
    Texts,
    TemplateBuckets,
    Templates,
}

/// An opened index. Cheap to share; its bytes may be a memory-mapped file.
#[derive(Clone)]
pub struct Index {
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
    parts: [(usize, usize); PARTS],
    /// Made when the first executable is looked at.
    filter: Arc<OnceLock<Filter>>,
}

/// What an index was made of, for people and for records that name it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// What it was learnt from, as its maker wrote.
    pub created_by: String,
    /// SHA-256 in hex that names the index.
    pub digest: String,
    pub products: usize,
    pub versions: usize,
    pub texts: usize,
    pub templates: usize,
    pub identities: usize,
}

/// One product of an index.
#[derive(Debug, Clone, Copy)]
pub struct Product<'i> {
    pub name: &'i str,
    /// `vendor:product`, or empty.
    pub cpe: &'i str,
    pub flags: u16,
    /// Texts and exported names that stand for it.
    pub texts: u16,
    pub exports: u16,
    versions: (u32, u16),
    kinds: (u32, u16),
}

/// An index with its tables laid out, for a pass.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'i> {
    pub identities: Table<'i>,
    pub texts: Table<'i>,
    /// Of the texts.
    pub filter: &'i Filter,
    pub templates: Table<'i>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("about", &self.about()).finish()
    }
}

impl Index {
    /// Opens an index.
    ///
    /// # Errors
    /// [`Error::Index`] when the bytes are of another format or cut off. That they are the ones their digest names is not checked
    /// here: see [`Index::verify`].
    pub fn open(bytes: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Result<Self, Error> {
        let parts = directory((*bytes).as_ref())?;
        let index = Self { bytes, parts, filter: Arc::default() };
        for part in [Part::IdentityBuckets, Part::TextBuckets, Part::TemplateBuckets] {
            index.table(part).ok_or(Error::Index("tables whose sizes do not fit"))?;
        }
        Ok(index)
    }

    /// The index that comes with the program.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Index> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            let bytes: &'static [u8] = include_bytes!("../data/builtin.index");
            Self::open(Arc::new(bytes)).expect("the index that comes with the program was written by it")
        })
    }

    /// Reads every byte and says whether they are those that the digest names.
    #[must_use]
    pub fn verify(&self) -> bool {
        let bytes = self.bytes();
        Sha256::digest(&bytes[DIRECTORY_AT..])[..] == bytes[8..DIRECTORY_AT]
    }

    #[must_use]
    pub fn about(&self) -> About {
        About {
            created_by: String::from_utf8_lossy(self.part(Part::CreatedBy)).into_owned(),
            digest: hex::encode(&self.bytes()[8..DIRECTORY_AT]),
            products: self.part(Part::Products).len() / PRODUCT,
            versions: self.part(Part::Versions).len() / VERSION,
            texts: self.tables().texts.len(),
            templates: self.tables().templates.len(),
            identities: self.tables().identities.len(),
        }
    }

    /// The product of a number; `None` for one that is not there.
    #[must_use]
    pub fn product(&self, number: u16) -> Option<Product<'_>> {
        let row: &[u8; PRODUCT] = self.part(Part::Products).get(usize::from(number) * PRODUCT..)?.first_chunk()?;
        let u16_at = |at: usize| u16::from_le_bytes([row[at], row[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        Some(Product {
            name: self.string(u32_at(0), u32::from(u16_at(4)))?,
            cpe: self.string(u32_at(8), u32::from(u16_at(6)))?,
            versions: (u32_at(12), u16_at(16)),
            flags: u16_at(18),
            texts: u16_at(20),
            exports: u16_at(22),
            kinds: (u32_at(24), u16_at(28)),
        })
    }

    /// Whether a text has a product's name in it, in capitals or not; names of three letters say nothing.
    pub(crate) fn names(&self, product: u16, text: &[u8]) -> bool {
        let name = self.product(product).map_or("", |product| product.name);
        let name = name.strip_prefix("lib").unwrap_or(name).as_bytes();
        name.len() >= 4 && text.windows(name.len()).any(|window| window.eq_ignore_ascii_case(name))
    }

    /// The learnt versions of a product, oldest first; the place of each is its bit.
    pub fn versions<'i>(&'i self, product: &Product<'i>) -> impl Iterator<Item = &'i str> + use<'i> {
        let (first, count) = product.versions;
        (0..u32::from(count)).map_while(move |n| self.version(first.checked_add(n)?))
    }

    /// How many texts stand for one kind of file of a product.
    #[must_use]
    pub fn texts_of_kind(&self, product: &Product<'_>, kind: u8) -> Option<u16> {
        let (first, count) = product.kinds;
        let at = (first as usize).checked_add(usize::from(kind))?.checked_mul(2)?;
        let bytes = self.part(Part::Kinds).get(at..)?.first_chunk()?;
        (u16::from(kind) < count).then(|| u16::from_le_bytes(*bytes))
    }

    pub(crate) fn tables(&self) -> Tables<'_> {
        let table = |part| self.table(part).expect("opening looked at every table");
        let texts = table(Part::TextBuckets);
        Tables {
            identities: table(Part::IdentityBuckets),
            texts,
            filter: self.filter.get_or_init(|| Filter::of(&texts)),
            templates: table(Part::TemplateBuckets),
        }
    }

    fn version(&self, number: u32) -> Option<&str> {
        let at = (number as usize).checked_mul(VERSION)?;
        let row: &[u8; VERSION] = self.part(Part::Versions).get(at..)?.first_chunk()?;
        let word = |at: usize| u32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]]);
        self.string(word(0), word(4))
    }

    fn string(&self, offset: u32, size: u32) -> Option<&str> {
        let bytes = self.part(Part::Pool).get(offset as usize..)?.get(..size as usize)?;
        std::str::from_utf8(bytes).ok()
    }

    fn table(&self, buckets: Part) -> Option<Table<'_>> {
        let rows = match buckets {
            Part::IdentityBuckets => Part::Identities,
            Part::TextBuckets => Part::Texts,
            _ => Part::Templates,
        };
        Table::new(self.part(buckets), self.part(rows))
    }

    fn part(&self, part: Part) -> &[u8] {
        let (from, to) = self.parts[part as usize];
        &self.bytes()[from..to]
    }

    fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }
}

/// Where every part lies, within the bytes.
fn directory(bytes: &[u8]) -> Result<[(usize, usize); PARTS], Error> {
    if !bytes.starts_with(MAGIC) {
        return Err(Error::Index("another format or version"));
    }
    let entries = bytes.get(DIRECTORY_AT..TABLES_AT).ok_or(Error::Index("cut off"))?;
    let mut parts = [(0, 0); PARTS];
    for (part, entry) in parts.iter_mut().zip(entries.chunks_exact(16)) {
        let number = |at: usize| u64::from_le_bytes(*entry[at..].first_chunk().expect("an entry has sixteen bytes"));
        let (from, size) = (usize::try_from(number(0)), usize::try_from(number(8)));
        let (Ok(from), Ok(size)) = (from, size) else { return Err(Error::Index("a table beyond the end")) };
        let to =
            from.checked_add(size).filter(|to| *to <= bytes.len()).ok_or(Error::Index("a table beyond the end"))?;
        *part = (from, to);
    }
    Ok(parts)
}

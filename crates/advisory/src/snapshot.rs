//! A digest-named set of advisories in one file, opened without reading it.
//!
//! How the file is laid out is drawn in `layout.rs`. Bytes come from the caller, who may map them; a snapshot is cheap to clone.

use std::sync::Arc;

use base::{
    Timestamp,
    limits::{SNAPSHOT_ABOUT_BYTES, SNAPSHOT_BYTES},
};

use crate::{
    About, Advisory, Ecosystem, Epss, Error, Family,
    build::build,
    layout::{Bytes, MAGIC, Section, Tables},
    text,
};

/// Immutable, so that its digest names it for good.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) tables: Tables,
    about: Arc<About>,
    digest: Arc<str>,
    /// By the numbers that entries hold; None for one that this program does not know.
    pub(crate) ecosystems: Arc<[Option<Ecosystem>]>,
    /// With the range of its packages.
    pub(crate) families: Arc<[(Family, std::ops::Range<u32>)]>,
}

impl Snapshot {
    /// Build one of records, in memory. Records of one id and source are joined; what they list twice is kept once, and a
    /// record that no statement about a package needs is left out.
    pub fn new(about: About, advisories: Vec<Advisory>) -> Result<Snapshot, Error> {
        let file = build(&about, advisories)?;
        let digest = digest_of(&file);
        Snapshot::open(Arc::new(file), digest)
    }

    /// Open a file that was verified when it was imported, and whose name is this digest. Nothing but the header is read:
    /// what is damaged in it afterwards makes findings wrong, and never anything fail.
    pub fn open(bytes: Bytes, digest: impl Into<Arc<str>>) -> Result<Snapshot, Error> {
        let snapshot = Snapshot::open_any(bytes, digest)?;
        let found = snapshot.tables.key_format;
        if found != version::KEY_FORMAT {
            let reason = format!("its versions are written in format {found}, not {}", version::KEY_FORMAT);
            return Err(Error::File { reason });
        }
        Ok(snapshot)
    }

    /// Also when its keys are of another format, so that its records can still be read.
    fn open_any(bytes: Bytes, digest: impl Into<Arc<str>>) -> Result<Snapshot, Error> {
        let tables = Tables::open(bytes)?;
        let wrong = |what: &str| Error::File { reason: format!("its {what} cannot be read") };
        let about = tables.section(Section::About);
        if about.len() > SNAPSHOT_ABOUT_BYTES {
            let what = "what the snapshot says about itself".to_owned();
            return Err(Error::TooLarge { what, limit: SNAPSHOT_ABOUT_BYTES });
        }
        let about = serde_json::from_slice(about).map_err(|_| wrong("head"))?;
        let (ecosystems, families) = (tables.rows(Section::Ecosystems), tables.rows(Section::Families));
        if ecosystems > u32::from(u16::MAX) || families as usize > Family::all().count() {
            return Err(wrong("list of ecosystems"));
        }
        let ecosystems = (0..ecosystems).map(|number| {
            let row = tables.row(Section::Ecosystems, number)?;
            let family = Family::named(tables.text(row.word(0)))?;
            Some(Ecosystem::new(family, Some(tables.text(row.word(4)))))
        });
        let ecosystems = ecosystems.collect();
        let families = (0..families).filter_map(|number| {
            let row = tables.row(Section::Families, number)?;
            let family = Family::named(tables.text(row.word(0)))?;
            Some((family, row.word(4)..row.word(4).saturating_add(row.word(8))))
        });
        let families = families.collect();
        Ok(Snapshot { tables, about: Arc::new(about), digest: digest.into(), ecosystems, families })
    }

    /// Read and verify what somebody brings: a snapshot's file, or the text of version 1 or 2. A file whose keys are of
    /// another format is built anew, and then has another digest.
    pub fn parse(bytes: &[u8]) -> Result<Snapshot, Error> {
        if bytes.len() > SNAPSHOT_BYTES {
            return Err(Error::TooLarge { what: "the snapshot's file".to_owned(), limit: SNAPSHOT_BYTES });
        }
        if !bytes.starts_with(&MAGIC) {
            let (about, advisories) = text::parse(bytes)?;
            return Snapshot::new(about, advisories);
        }
        let snapshot = Snapshot::open_any(Arc::new(bytes.to_vec()), digest_of(bytes))?;
        if snapshot.tables.key_format != version::KEY_FORMAT {
            return Snapshot::new(snapshot.about().clone(), snapshot.records()?);
        }
        snapshot.verify()?;
        Ok(snapshot)
    }

    /// Check all of the file: that its digest is what it is called, and that it is what its records make. Takes about as
    /// long as building it.
    pub fn verify(&self) -> Result<(), Error> {
        if digest_of(self.bytes()) != *self.digest {
            return Err(Error::File { reason: format!("it is not the file that {} names", self.digest) });
        }
        let built = build(&self.about, self.records()?)?;
        if built != self.bytes() {
            let at = built.iter().zip(self.bytes()).take_while(|(left, right)| left == right).count();
            let reason = format!("it is not what its own records make, from byte {at} on");
            return Err(Error::File { reason });
        }
        Ok(())
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        self.tables.file()
    }

    /// A copy of the file.
    pub fn serialise(&self) -> Vec<u8> {
        self.bytes().to_vec()
    }

    /// `sha256:…` of the file.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub fn about(&self) -> &About {
        &self.about
    }

    /// How many records it has.
    pub fn advisory_count(&self) -> usize {
        self.tables.rows(Section::Records) as usize
    }

    /// How many vulnerabilities they are about.
    pub fn vulnerability_count(&self) -> usize {
        self.tables.rows(Section::Vulnerabilities) as usize
    }

    /// How many packages they speak of.
    pub fn package_count(&self) -> usize {
        self.tables.rows(Section::Packages) as usize
    }

    /// True when nothing newer came for so many days: what was published since is not found.
    pub fn is_stale(&self, now: Timestamp, days: u32) -> bool {
        !self.about.never_stale && now.duration_since(self.about.created).as_hours() >= i64::from(days) * 24
    }

    /// True when a feed was read that would speak of this ecosystem.
    pub fn covers(&self, ecosystem: &Ecosystem) -> bool {
        self.number_of(ecosystem).is_some() || self.number_of(&Ecosystem::new(ecosystem.family(), None)).is_some()
    }

    /// The ecosystems that are covered.
    pub fn covered(&self) -> impl Iterator<Item = &Ecosystem> {
        self.ecosystems.iter().flatten()
    }

    /// The chance that this vulnerability, by its own id or an alias, is exploited soon.
    pub fn epss(&self, id: &str) -> Option<Epss> {
        let row = self.tables.row(Section::Vulnerabilities, self.vulnerabilities_named(id).next()?)?;
        self.epss_of(row)
    }

    /// The vulnerabilities that an id, an alias or a bulletin's id stands for: their own ids.
    pub fn resolve(&self, id: &str) -> Vec<&str> {
        let rows =
            self.vulnerabilities_named(id).filter_map(|number| self.tables.row(Section::Vulnerabilities, number));
        rows.map(|row| self.tables.text(row.word(0))).collect()
    }

    pub(crate) fn vulnerabilities_named(&self, id: &str) -> impl Iterator<Item = u32> {
        let rows = self.tables.rows(Section::Names);
        let text = |number: u32| self.tables.row(Section::Names, number).map(|row| self.tables.text(row.word(0)));
        let first =
            self.tables.partition(Section::Names, 0, rows, |row| self.tables.bytes(row.word(0)) < id.as_bytes());
        let found = (first..rows).take_while(move |number| text(*number) == Some(id));
        found.filter_map(|number| self.tables.row(Section::Names, number).map(|row| row.word(4)))
    }

    /// The number that entries of this ecosystem hold.
    pub(crate) fn number_of(&self, ecosystem: &Ecosystem) -> Option<u16> {
        let found = self.ecosystems.binary_search_by(|known| known.as_ref().cmp(&Some(ecosystem)));
        found.ok().and_then(|number| u16::try_from(number).ok())
    }

    /// The row of a package, whose name is in the family's spelling.
    pub(crate) fn package(&self, family: Family, name: &str) -> Option<u32> {
        let at = self.families.binary_search_by_key(&family, |(family, _)| *family).ok()?;
        let range = &self.families[at].1;
        let text = |row: crate::layout::Row<'_>| self.tables.bytes(row.word(0)).cmp(name.as_bytes());
        let found = self.tables.partition(Section::Packages, range.start, range.end, |row| text(row).is_lt());
        self.tables.row(Section::Packages, found).filter(|row| found < range.end && text(*row).is_eq()).map(|_| found)
    }
}

/// `sha256:…` of a file.
pub(crate) fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", base::digest_hex(bytes))
}

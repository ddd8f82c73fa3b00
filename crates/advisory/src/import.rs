//! The feeds of others: bytes of a file in, records out, in whichever format the file is.
//!
//! ```text
//!   name, bytes ─► Format::of ─► one reader a format ─► Import { advisories, skipped by reason, wrong by name }
//! ```
//!
//! A file is read whole and nothing else is: the caller brings the bytes, of a folder's files or of an archive's members.
//! One record that is wrong is named, and the rest goes on.

mod alma;
mod arch;
mod archive;
mod changelog;
mod codename;
mod csaf;
mod csaf_product;
mod debian_list;
mod debian_tracker;
mod detect;
mod elements;
mod epss;
mod gem;
mod ids;
mod interval;
mod kev;
mod nvd;
mod nvd_cpe;
mod osv;
mod osv_source;
mod oval;
mod oval_tree;
mod photon;
mod php;
mod rocky;
mod rustsec;
mod secdb;
mod table;
mod ubuntu_cve;
mod ubuntu_usn;
mod updateinfo;
mod xml;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use base::{
    Timestamp,
    limits::{ADVISORY_ENTRIES, ADVISORY_FEED_BYTES, SNAPSHOT_ADVISORIES},
};

use crate::{Advisory, Ecosystem, Error, Source};

pub use changelog::from_changelog;

/// Wrong records that are kept to be shown; a folder of other files would name each of them.
const ERRORS_SHOWN: usize = 100;

/// What came of a set of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Import {
    pub advisories: Vec<Advisory>,
    /// Releases that a feed was read for, as it names itself: where it says nothing of a package, that is an answer.
    pub covered: BTreeSet<Ecosystem>,
    /// Files by format; those of no format are counted as skipped.
    pub files: BTreeMap<&'static str, u64>,
    /// Records and entries that were left out for a good reason, counted by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// The first hundred records that could not be read, with their file names.
    pub wrong: Vec<Error>,
    pub wrong_total: u64,
}

/// How a feed writes its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// AlmaLinux's `errata.json`.
    AlmaErrata,
    /// Arch Linux's `issues/all.json`.
    Arch,
    /// Security advisories and VEX of Red Hat, SUSE and others, CSAF 2.0.
    Csaf,
    /// The lists of Debian's DSAs and DLAs, as the security tracker's repository keeps them.
    DebianList,
    /// The security tracker's `data/json`.
    DebianTracker,
    /// EPSS scores as a table.
    Epss,
    KevJson,
    /// The catalogue of known exploited vulnerabilities as a table.
    KevTable,
    /// NVD's API 2.0 and its feeds, and single records of that shape.
    Nvd,
    OsvJson,
    OsvYaml,
    /// OVAL definitions of Oracle, Azure Linux, SUSE and Red Hat.
    Oval,
    /// FriendsOfPHP.
    Php,
    Photon,
    Rocky,
    RubySec,
    RustSec,
    /// Alpine's security database and those of its shape: Wolfi, Chainguard.
    SecDbJson,
    SecDbYaml,
    /// One file of Ubuntu's CVE tracker.
    UbuntuCve,
    /// Ubuntu's `database.json` of security notices.
    UbuntuUsn,
    /// `updateinfo.xml` of a dnf repository: Amazon Linux and others.
    UpdateInfo,
}

/// Read OSV records, each with the name of its file.
pub fn import<N: AsRef<str>, B: AsRef<[u8]>>(records: impl IntoIterator<Item = (N, B)>) -> Result<Import, Error> {
    let mut import = Import::default();
    for (name, bytes) in records {
        Format::OsvJson.read(name.as_ref(), bytes.as_ref(), &mut import)?;
    }
    Ok(import)
}

impl Format {
    /// What a file is, from its name and its beginning. None for what is no feed: a licence, a readme, a schema.
    pub fn of(name: &str, bytes: &[u8]) -> Option<Format> {
        detect::format(name, bytes)
    }

    /// Read one file into what was read so far. Refused as a whole is only what is beyond a limit.
    pub fn read(self, name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
        if bytes.len() > ADVISORY_FEED_BYTES {
            return Err(Error::TooLarge { what: name.to_owned(), limit: ADVISORY_FEED_BYTES });
        }
        *import.files.entry(self.as_str()).or_default() += 1;
        match self.dispatch(name, bytes, import) {
            Err(Error::Record { reason, .. }) => {
                import.wrong(name, reason);
                Ok(())
            }
            other => other,
        }
    }

    fn dispatch(self, name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
        match self {
            Format::AlmaErrata => alma::read(name, bytes, import),
            Format::Arch => arch::read(name, bytes, import),
            Format::Csaf => csaf::read(name, bytes, import),
            Format::DebianList => debian_list::read(name, bytes, import),
            Format::DebianTracker => debian_tracker::read(name, bytes, import),
            Format::Epss => epss::read(name, bytes, import),
            Format::KevJson => kev::read_json(name, bytes, import),
            Format::KevTable => kev::read_table(name, bytes, import),
            Format::Nvd => nvd::read(name, bytes, import),
            Format::OsvJson => osv::read_json(name, bytes, import),
            Format::OsvYaml => osv::read_yaml(name, bytes, import),
            Format::Oval => oval::read(name, bytes, import),
            Format::Php => php::read(name, bytes, import),
            Format::Photon => photon::read(name, bytes, import),
            Format::Rocky => rocky::read(name, bytes, import),
            Format::RubySec => gem::read(name, bytes, import),
            Format::RustSec => rustsec::read(name, bytes, import),
            Format::SecDbJson => secdb::read_json(name, bytes, import),
            Format::SecDbYaml => secdb::read_yaml(name, bytes, import),
            Format::UbuntuCve => ubuntu_cve::read(name, bytes, import),
            Format::UbuntuUsn => ubuntu_usn::read(name, bytes, import),
            Format::UpdateInfo => updateinfo::read(name, bytes, import),
        }
    }

    /// Its name in counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::AlmaErrata => "alma-errata",
            Format::Arch => "arch",
            Format::Csaf => "csaf",
            Format::DebianList => "debian-list",
            Format::DebianTracker => "debian-tracker",
            Format::Epss => "epss",
            Format::KevJson => "kev-json",
            Format::KevTable => "kev-csv",
            Format::Nvd => "nvd",
            Format::OsvJson => "osv-json",
            Format::OsvYaml => "osv-yaml",
            Format::Oval => "oval",
            Format::Php => "php",
            Format::Photon => "photon",
            Format::Rocky => "rocky",
            Format::RubySec => "rubysec",
            Format::RustSec => "rustsec",
            Format::SecDbJson => "secdb-json",
            Format::SecDbYaml => "secdb-yaml",
            Format::UbuntuCve => "ubuntu-cve",
            Format::UbuntuUsn => "ubuntu-usn",
            Format::UpdateInfo => "updateinfo",
        }
    }
}

impl Import {
    /// Read a file of whatever format. What is no feed is counted, as a folder of records also holds licences and readmes.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Option<Format>, Error> {
        let format = Format::of(name, bytes);
        match format {
            Some(format) => format.read(name, bytes, self)?,
            None => self.skip("file that is no feed"),
        }
        Ok(format)
    }

    /// Read every member of a zip, a tar (also packed by gzip or zstd) or a packed file; of anything else, the file itself.
    pub fn add_archive(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        archive::each(name, bytes, &mut |name, bytes| self.add(name, bytes).map(drop))
    }

    /// Where the records come from, for [`crate::About::sources`].
    pub fn sources(&self) -> Vec<Source> {
        let mut sources: BTreeMap<&str, (Option<Timestamp>, u64)> = BTreeMap::new();
        for advisory in &self.advisories {
            let (date, records) = sources.entry(&advisory.source).or_default();
            *date = (*date).max(advisory.modified.or(advisory.published));
            *records += 1;
        }
        let sources = sources.into_iter();
        sources.map(|(name, (date, records))| Source { name: name.to_owned(), date, records }).collect()
    }

    fn push(&mut self, advisory: Advisory) -> Result<(), Error> {
        if self.advisories.len() >= SNAPSHOT_ADVISORIES {
            return Err(Error::TooLarge { what: "the number of records".to_owned(), limit: SNAPSHOT_ADVISORIES });
        }
        if advisory.affected.len() > ADVISORY_ENTRIES {
            self.wrong(&advisory.id, format!("it has more than {ADVISORY_ENTRIES} entries"));
            return Ok(());
        }
        self.advisories.push(advisory);
        Ok(())
    }

    fn skip(&mut self, reason: &'static str) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    fn wrong(&mut self, name: &str, reason: impl Into<String>) {
        self.wrong_total += 1;
        if self.wrong.len() < ERRORS_SHOWN {
            self.wrong.push(Error::Record { file: name.to_owned(), reason: reason.into() });
        }
    }
}

/// The file as a whole cannot be read.
fn refused(name: &str, reason: impl std::fmt::Display) -> Error {
    Error::Record { file: name.to_owned(), reason: reason.to_string() }
}

/// A feed's text. Old lists hold a few bytes of Latin-1 in people's names, which nothing here reads.
fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// A point in time as feeds write it: RFC 3339, without a zone (which is UTC), or a day. None for the year 1, which stands
/// for none.
fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let spelled = text.replacen(' ', "T", 1);
    let found = if text.len() == 10 {
        format!("{text}T00:00:00Z").parse()
    } else {
        spelled.parse().or_else(|_| format!("{spelled}Z").parse())
    };
    found.ok().filter(|time: &Timestamp| !text.starts_with("0001") && time.as_second() != 0)
}

//! Limits of advisory snapshots, of the feeds they are made from, and of fetching them.

use std::time::Duration;

/// One advisory snapshot, and the records in it. All of OSV's Debian, Alpine and PyPI records are about 300 MB.
pub const SNAPSHOT_BYTES: usize = 1024 * 1024 * 1024;
pub const SNAPSHOT_ADVISORIES: usize = 2_000_000;

/// What a snapshot keeps of a record's prose: one line for a table, and addresses to read on. All of a day's records would
/// otherwise be hundreds of megabytes that nobody looks at.
pub const ADVISORY_SUMMARY_BYTES: usize = 240;
pub const ADVISORY_REFERENCES: usize = 4;
pub const ADVISORY_URL_BYTES: usize = 400;

/// Statements about packages in one record: a kernel bulletin names some hundred binary packages for each architecture.
pub const ADVISORY_ENTRIES: usize = 100_000;

/// What a snapshot says about itself: a label, and a line for each source and each release it covers.
pub const SNAPSHOT_ABOUT_BYTES: usize = 1024 * 1024;

/// What the records of a snapshot's file may come to in memory when all of them are copied out of it: the file says common
/// things once, and a hostile one could say one thing a billion times.
pub const SNAPSHOT_DECODED_BYTES: usize = 4 * 1024 * 1024 * 1024;

/// One advisory record of a foreign database; the largest real ones list every version of a package in 1 MB.
pub const ADVISORY_BYTES: usize = 16 * 1024 * 1024;

/// A document that lists many packages and is read at once: Red Hat's word about one CVE of the kernel has 30 MB, and what Debian
/// says of all of the kernel's 10 MB.
pub const ADVISORY_LIST_BYTES: usize = 64 * 1024 * 1024;

/// One file of a feed, and one member of an archive of them, unpacked: a year of NVD has 150 MB, all of Oracle's OVAL 400 MB.
pub const ADVISORY_FEED_BYTES: usize = 1024 * 1024 * 1024;

/// What an archive of records may come to, and how many members it may have: all of OSV unpacked is 6 GB in 500,000 files.
pub const ADVISORY_ARCHIVE_BYTES: u64 = 32 * 1024 * 1024 * 1024;
pub const ADVISORY_ARCHIVE_MEMBERS: usize = 4_000_000;

/// Values of one YAML feed after aliases are expanded; Alpine's largest has 20,000.
pub const ADVISORY_YAML_NODES: usize = 2_000_000;

/// Nesting of elements in an XML feed. Real ones stay below 12.
pub const ADVISORY_XML_DEPTH: usize = 64;

/// How old a snapshot may grow before it is called stale, unless a setting says otherwise: feeds change every day, and a week is
/// what a holiday and a broken mirror take together.
pub const SNAPSHOT_STALE_DAYS: u32 = 7;

/// How far in the future a snapshot may say it was made: what clocks differ by. One of next year would keep every other out.
pub const SNAPSHOT_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys that snapshots are trusted by, and addresses they are fetched from: one of each, and what it is replaced by.
pub const UPDATE_KEYS: usize = 16;
pub const UPDATE_URLS: usize = 16;

/// One address that snapshots are fetched from.
pub const UPDATE_URL_BYTES: usize = 2_048;

/// Redirects that are followed for one file: a download page and the store behind it need two.
pub const UPDATE_REDIRECTS: usize = 5;

/// How long fetching one file may take, how long it may send nothing, and how long connecting may take. The largest snapshot
/// needs half an hour at 5 Mbit/s.
pub const UPDATE_TIME: Duration = Duration::from_secs(30 * 60);
pub const UPDATE_SILENCE: Duration = Duration::from_secs(60);
pub const UPDATE_CONNECT: Duration = Duration::from_secs(15);

/// Snapshots that a published folder keeps, with a delta from each to the newest: whoever looks once a week finds one.
pub const PUBLISHED_SNAPSHOTS: usize = 7;

//! The places of the product that sync, told apart by what they sync: the classes that can be ignored.

use std::{fmt, str::FromStr};

/// One class of syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    /// The file of an upload, before it becomes a blob.
    BlobFile,
    /// The folder a blob was moved to.
    BlobFolder,
    /// The file of a manifest, before it becomes a blob.
    ManifestFile,
    /// The folder a manifest was moved to.
    ManifestFolder,
    /// A manifest that was there when it was pushed.
    PresentFile,
    /// The folder of a manifest that was there when it was pushed.
    PresentFolder,
    /// The 256 folders of an algorithm, at start.
    PrefixFolders,
    /// The folders of the algorithms, at start.
    AlgorithmFolders,
    /// `blobs` and `uploads`, at start.
    StoreFolder,
    /// What lies in the data folder.
    DataFolder,
    /// The data folder's own name.
    AboveData,
    /// SQLite's write-ahead log.
    Wal,
    /// The folder of the write-ahead log, synced by SQLite.
    WalFolder,
    /// SQLite's database, at a checkpoint.
    Database,
    /// SQLite's rollback journal, before it is in WAL mode.
    Journal,
    KeyFile,
    KeyFolder,
    LogFile,
    LogFolder,
    /// A file or folder that is none of these.
    Other,
}

const NAMES: [(Site, &str); 20] = [
    (Site::BlobFile, "blob-file"),
    (Site::BlobFolder, "blob-folder"),
    (Site::ManifestFile, "manifest-file"),
    (Site::ManifestFolder, "manifest-folder"),
    (Site::PresentFile, "present-file"),
    (Site::PresentFolder, "present-folder"),
    (Site::PrefixFolders, "prefix-folders"),
    (Site::AlgorithmFolders, "algorithm-folders"),
    (Site::StoreFolder, "store-folder"),
    (Site::DataFolder, "data-folder"),
    (Site::AboveData, "above-data"),
    (Site::Wal, "wal"),
    (Site::WalFolder, "wal-folder"),
    (Site::Database, "database"),
    (Site::Journal, "journal"),
    (Site::KeyFile, "key-file"),
    (Site::KeyFolder, "key-folder"),
    (Site::LogFile, "log-file"),
    (Site::LogFolder, "log-folder"),
    (Site::Other, "other"),
];

impl Site {
    /// The site of a sync of this path; `before` is what the same thread synced before.
    pub fn of(path: &str, before: Option<Site>) -> Site {
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            [""] => Site::AboveData,
            ["data"] if matches!(before, Some(Site::Wal | Site::Database | Site::Journal)) => Site::WalFolder,
            ["data"] => Site::DataFolder,
            ["data", "assay.db"] => Site::Database,
            ["data", "assay.db-wal"] => Site::Wal,
            ["data", "assay.db-journal"] => Site::Journal,
            ["data", "keys"] => Site::KeyFolder,
            ["data", "keys", _] => Site::KeyFile,
            ["data", "blobs"] => Site::StoreFolder,
            ["data", "blobs", "blobs"] => Site::AlgorithmFolders,
            ["data", "blobs", "blobs", _] => Site::PrefixFolders,
            ["data", "blobs", "blobs", _, _] => match before {
                Some(Site::PresentFile) => Site::PresentFolder,
                Some(Site::ManifestFile) => Site::ManifestFolder,
                _ => Site::BlobFolder,
            },
            ["data", "blobs", "blobs", _, _, _] => Site::PresentFile,
            ["data", "blobs", "uploads", name] if name.starts_with("put-") => Site::ManifestFile,
            ["data", "blobs", "uploads", _] => Site::BlobFile,
            ["data", "log", .., ".writing"] => Site::LogFile,
            ["data", "log", ..] => Site::LogFolder,
            _ => Site::Other,
        }
    }

    /// All sites.
    pub fn all() -> impl Iterator<Item = Site> {
        NAMES.iter().map(|(site, _)| *site)
    }

    /// The sites of a word given by a person: one, or a group of them.
    pub fn group(word: &str) -> Result<Vec<Site>, String> {
        use Site::*;
        match word {
            "files" => Ok(vec![BlobFile, ManifestFile, PresentFile]),
            "folders" => {
                Ok(vec![BlobFolder, ManifestFolder, PresentFolder, PrefixFolders, AlgorithmFolders, StoreFolder])
            }
            "databases" => Ok(vec![Wal, WalFolder, Database, Journal]),
            "keys" => Ok(vec![KeyFile, KeyFolder]),
            "log" => Ok(vec![LogFile, LogFolder]),
            "all" => Ok(Site::all().collect()),
            word => word.parse().map(|site| vec![site]),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = NAMES.iter().find(|(site, _)| site == self).expect("every site has a name");
        out.pad(name)
    }
}

impl FromStr for Site {
    type Err = String;

    fn from_str(text: &str) -> Result<Site, String> {
        let names = || NAMES.map(|(_, name)| name).join(", ");
        let found = NAMES.iter().find(|(_, name)| *name == text).map(|(site, _)| *site);
        found.ok_or_else(|| {
            format!(
                "{text:?} is no class of syncs; there are {}, and the groups files, folders, databases, keys, log, all",
                names()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Site;

    #[test]
    fn sites_by_path() {
        let cases = [
            ("", None, Site::AboveData),
            ("data", None, Site::DataFolder),
            ("data", Some(Site::Wal), Site::WalFolder),
            ("data/assay.db-wal", None, Site::Wal),
            ("data/blobs/blobs/sha256/9f", Some(Site::BlobFile), Site::BlobFolder),
            ("data/blobs/blobs/sha256/9f", Some(Site::ManifestFile), Site::ManifestFolder),
            ("data/blobs/blobs/sha256/9f", Some(Site::PresentFile), Site::PresentFolder),
            ("data/blobs/blobs/sha256", None, Site::PrefixFolders),
            ("data/blobs/blobs/sha256/9f/9f86", None, Site::PresentFile),
            ("data/blobs/uploads/put-0b3k", None, Site::ManifestFile),
            ("data/blobs/uploads/0b3k", None, Site::BlobFile),
            ("data/log/.writing", None, Site::LogFile),
            ("data/log/tile/0", None, Site::LogFolder),
            ("data/git/x", None, Site::Other),
        ];
        for (path, before, site) in cases {
            assert_eq!(Site::of(path, before), site, "{path}");
        }
    }

    #[test]
    fn names_are_read_back() {
        for site in Site::all() {
            assert_eq!(site.to_string().parse(), Ok(site));
            assert_eq!(Site::group(&site.to_string()), Ok(vec![site]));
        }
        assert!(Site::group("nonsense").unwrap_err().contains("blob-file"));
        assert_eq!(Site::group("all").unwrap().len(), 20);
    }
}

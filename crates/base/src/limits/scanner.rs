//! Limits of the scanner: what it reads of texts and databases, and what it keeps.

/// How far back a zstd stream may refer, as a power of two: 128 MiB, what `zstd` unpacks unless it is told otherwise.
pub const LAYER_ZSTD_WINDOW_LOG: u32 = 27;

/// Lines of a package database that is text, each of which may become a package or a file that one owns: dpkg's status of a full desktop
/// has 150,000.
pub const DATABASE_LINES: usize = 1_000_000;

/// One record of the scanner, unpacked: the list of a million files with long names.
pub const RECORD_BYTES: usize = 1024 * 1024 * 1024;

/// How long a snapshot stays after it was taken into use, when no scan and no decision names it any more.
pub const SNAPSHOT_KEPT: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);

/// A file that is looked through for secrets. What is larger is data; a person does not write 16 MiB of configuration.
pub const SECRETS_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Secrets that are told of one file; a file of more is a list of them, and the first say so.
pub const SECRETS_OF_FILE: usize = 100;

/// Beginnings of private keys and JSON Web Tokens in one file that are followed: each may be read for some kilobytes, and a file of
/// nothing but beginnings would take minutes. Lists of keys have some hundred.
pub const SECRETS_FOLLOWED: usize = 10_000;

/// Longest value that may be a secret. Google's service accounts and JSON Web Tokens reach 2 KB.
pub const SECRET_BYTES: usize = 8 * 1024;

/// One document of exploitability statements that a server keeps: one about a product has kilobytes, and it is read again whenever what
/// it speaks of is shown or judged. Those of whole distributions are for `assay scan --vex`.
pub const VEX_KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What it may name, after its references were followed, and how much memory that takes.
pub const VEX_KEPT_PRODUCTS: usize = 100_000;
pub const VEX_KEPT_PRODUCT_BYTES: usize = 16 * 1024 * 1024;

/// Documents of one repository, of one image, or of everything, and their bytes together.
pub const VEX_PER_SCOPE: usize = 200;
pub const VEX_SCOPE_BYTES: i64 = 16 * 1024 * 1024;

/// Memory for documents that were read, so that a page of tags does not read them for each of its images.
pub const VEX_READ_BYTES: usize = 64 * 1024 * 1024;

/// How far ahead of ours the clock of a document's author may be: one that is dated later would outdo all that is said until then.
pub const VEX_AHEAD: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Places that one fact about an image names, and how much of each: the sentence and the number say the rest.
pub const FACT_PLACES: usize = 100;
pub const FACT_PLACE_CHARS: usize = 300;

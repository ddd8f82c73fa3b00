//! Every limit of the product, by name, with the reason for its number.

mod advisory;
mod identity;
mod mirror;
mod scanner;
mod webhook;

pub use advisory::*;
pub use identity::*;
pub use mirror::*;
pub use scanner::*;
pub use webhook::*;

/// DTR cut `organization/repository` at 56 characters because of its database; we have no such reason, but a name is read
/// by people and stands in a URL.
pub const ACCOUNT_NAME_BYTES: usize = 64;

/// OCI distribution asks registries to take manifests of at least 4 MB; what is larger is refused with 413.
pub const MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// Nesting of JSON and YAML from outside. Real documents stay below 20; serde_json itself stops at 128.
pub const DOCUMENT_DEPTH: usize = 100;

/// Values of one JSON document from outside, a list or object counting as eight: `{"a":1}` is 8 bytes on the wire and
/// 600 in memory, so bytes alone bound nothing. The fullest allowed manifest (4,000 descriptors) stays below 200,000.
pub const DOCUMENT_VALUES: usize = 400_000;

/// Descriptors in one manifest or index. The largest real indexes name some hundred platforms and layers.
pub const MANIFEST_DESCRIPTORS: usize = 4_000;

/// One repository name with its namespace, as OCI distribution recommends.
pub const REPOSITORY_NAME_BYTES: usize = 255;

/// A tag, as OCI distribution defines it.
pub const TAG_BYTES: usize = 128;

/// Rules of one promotion policy, the values of one rule, and one value of it (a pattern included). A person writes
/// these by hand; a list of forbidden components is the longest real use.
pub const POLICY_RULES: usize = 100;
pub const POLICY_RULE_VALUES: usize = 1_000;
pub const POLICY_VALUE_BYTES: usize = 1_024;
/// Groups in each other: what is deeper nobody follows.
pub const POLICY_GROUP_DEPTH: usize = 5;
/// Names and values of an image's labels that become evidence; those of real images stay below 10 KB.
pub const POLICY_LABELS_BYTES: usize = 64 * 1024;
/// Seconds since 1970: images that say they were made before 2013, when there were none, say nothing.
pub const POLICY_CREATED_FROM: i64 = 1_356_998_400;
/// A configuration whose time is farther ahead of the decision than clocks are apart is not believed.
pub const POLICY_CREATED_AHEAD: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// One SPDX expression that a decision reads; the longest of a real package are some hundred bytes.
pub const POLICY_EXPRESSION_BYTES: usize = 16_384;

/// Memory of one compiled pattern of a policy: `(a{999}){999}` is short, its automaton is not.
pub const POLICY_PATTERN_BYTES: usize = 128 * 1024;

/// Manifests that were just answered and are kept in memory, and their bytes (32 MiB).
pub const RECENT_ANSWERS: usize = 20_000;
pub const RECENT_BYTES: usize = 32 * 1024 * 1024;

/// Jobs that ended and are kept to be looked at, whatever is set: some 100 MB.
pub const JOB_HISTORY: u32 = 100_000;
/// The end of an error that a job's record keeps, for each of its tries.
pub const JOB_ERROR_CHARS: usize = 1_000;

/// Repositories whose pulls are counted in memory until they are written, and how often that is: a crash forgets as much.
pub const TRAFFIC_REPOSITORIES: usize = 40_000;
pub const TRAFFIC_GRAIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Answers of list calls when the client names no size, and the most it may ask for: bounds memory per request.
pub const PAGE_DEFAULT: usize = 100;
pub const PAGE_MAX: usize = 1_000;

/// A body of JSON or a form on the administrative APIs.
pub const API_BODY_BYTES: usize = 1024 * 1024;

/// One blob. A layer larger than this is a mistake in nearly every case, and a disk is finite.
pub const BLOB_BYTES: u64 = 20 * 1024 * 1024 * 1024;

/// One chunk that is held in memory while a body is read, hashed and written.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// What a connection holds in memory of what it sends, and of what it has received and nobody took yet. More makes nothing
/// faster: this much stays in the nearest cache of a processor on its way from the kernel and back.
pub const SEND_BYTES: usize = 64 * 1024;

/// What the kernel is asked to send of a file at once; nothing of it is held in memory by us. A socket takes less anyhow.
pub const SENDFILE_BYTES: usize = 1024 * 1024;

/// Uploads whose file stays open and whose running hash stays in memory; a resting one beyond that is read again when its
/// sender goes on. Bounds open files: an engine sends five layers at once.
pub const UPLOADS_OPEN: usize = 256;

/// One part of an upload to a bucket: the least that S3 takes of any part but the last. It is held in memory until the bucket
/// has it, so it is not larger than it must be; a blob of 20 GiB has 4,096 of them, and S3 takes 10,000.
pub const PART_BYTES: usize = 5 * 1024 * 1024;

/// Requests that send to a bucket at once, each with at most one part in memory (640 MiB); the next ones wait.
pub const BUCKET_SENDERS: usize = 128;

/// How long a replica holds an upload that it notes nothing about, and how often it notes something while a sender is slow:
/// after a replica died its uploads wait so long for another one.
pub const UPLOAD_LEASE: std::time::Duration = std::time::Duration::from_secs(60);
pub const UPLOAD_NOTE: std::time::Duration = std::time::Duration::from_secs(15);

/// Bytes of an upload between two notes about it. In a folder the note spares reading them again after a restart, which takes
/// less than a tenth of a second; in a bucket it is what a killed server loses of a request.
pub const UPLOAD_NOTE_BYTES: u64 = 64 * 1024 * 1024;

/// From here on an upload may be read while it comes. A smaller layer is read in some 50 ms when all of it is there.
pub const UPLOAD_WATCHED_BYTES: u64 = 16 * 1024 * 1024;

/// Layers that are read while they are pushed: each keeps up to three threads busy, which a push needs as well.
pub const LAYERS_READ_AHEAD: usize = 2;

/// A multipart upload's id, and what a store calls one part. AWS's have 128 and 32 characters.
pub const STORE_NAME_BYTES: usize = 1024;

/// What S3 copies inside a bucket in one request; more goes through the server.
pub const BUCKET_COPY_BYTES: u64 = 5 * 1024 * 1024 * 1024;

/// One piece of a blob in a bucket, of which a part is asked for: so much is read and compared before any of it is handed on, and
/// two of them are in memory for each such request. The digests of a blob of 20 GiB are 320 KiB in one row.
pub const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// How long a link to a blob in a bucket works: a client follows it at once.
pub const REDIRECT_LIFETIME: std::time::Duration = std::time::Duration::from_secs(10 * 60);

/// How long a store may take to take a connection, to say the next bytes (it copies up to 5 GiB in silence), and all tries of
/// one request together.
pub const STORE_CONNECT: std::time::Duration = std::time::Duration::from_secs(5);
pub const STORE_SILENCE: std::time::Duration = std::time::Duration::from_secs(120);
pub const STORE_TRIES: std::time::Duration = std::time::Duration::from_secs(30);

/// Tags that one push of a manifest may set; OCI distribution asks registries to take at least ten.
/// More than these would not fit into one audit entry.
pub const PUSH_TAGS: usize = 20;

/// How long an upload may rest: a client that was cut off in the evening goes on in the morning.
pub const UPLOAD_LIFETIME: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// How long a blob that no manifest names stays in a repository after it came there, or after a manifest that named it was
/// deleted: a client pushes the blobs first, and a large image over a thin line takes hours.
pub const LINK_REVIEW_AFTER: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// How long bytes stay that no repository links any more. A push that stores bytes links them well within this time.
pub const BYTES_REVIEW_AFTER: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// One garbage collection; it stops after half of that, so that the next one never meets it.
pub const COLLECTION_TIME: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// How often stored bytes are read to be compared with their digests, and the bytes of one run, of which there is one an
/// hour: 1 TB is read in a month of slow disk time.
pub const SCRUB_EVERY: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 60 * 60);
pub const SCRUB_RUN_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Blobs found damaged or lost by readers that wait to be looked at; those beyond are noted by their next reader.
pub const SUSPECTS: usize = 10_000;

/// Blobs that are copied to the replica store at the same time: one far away answers slowly, and pulls come first.
pub const COPIES_AT_ONCE: usize = 4;

/// How often the replica store is looked at when nobody says that something was pushed: it may be back, or another server of the
/// same database took the push.
pub const COPIES_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// The words that everybody reads who pushes while the registry is read-only.
pub const READ_ONLY_REASON_BYTES: usize = 1_000;

/// Uploads of one account that are under way in all repositories; a build farm behind one robot pushes some hundred layers.
pub const UPLOADS_OF_ONE: i64 = 1_000;

/// Manifests of one image with its children and all that refers to them, copied in one transaction.
pub const IMAGE_MANIFESTS: usize = 10_000;

/// Members of one layer's archive; a full distribution image has about 60,000.
pub const LAYER_MEMBERS: u64 = 1_000_000;

/// Unpacked bytes of one layer, and the ratio to its packed size: an archive bomb is refused, not inflated.
pub const LAYER_UNPACKED_BYTES: u64 = 64 * 1024 * 1024 * 1024;
pub const LAYER_RATIO: u64 = 2_000;

/// One file of a layer that is kept in memory to be read (package databases). dpkg's status of a full desktop is 6 MB.
pub const LAYER_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Below this many unpacked bytes the ratio is not looked at: a small layer of zeros packs without harm.
pub const LAYER_RATIO_FLOOR_BYTES: u64 = 64 * 1024 * 1024;

/// One path in a layer: PATH_MAX of Linux, beyond which no engine could make the file.
pub const LAYER_PATH_BYTES: usize = 4096;

/// How long one layer may be read. 64 GiB unpack in some three minutes on two slow cores; a disk that hangs must not hold a worker.
pub const LAYER_READING: std::time::Duration = std::time::Duration::from_secs(30 * 60);

/// All paths and link targets of one layer, which an inventory holds in memory; 60,000 real ones take 5 MB.
pub const LAYER_NAMES_BYTES: u64 = 256 * 1024 * 1024;

/// All files of one layer that are kept to be read, together.
pub const LAYER_TEXT_BYTES: u64 = 256 * 1024 * 1024;

/// One extension header (long name, pax record) of a layer's archive, as Go's archive/tar: engines refuse more as well.
pub const LAYER_HEADER_BYTES: u64 = 1024 * 1024;

/// One executable that is held in memory, so that its sections and build records can be read. Of a larger one the texts are read as
/// they pass, and so are the records that Go writes into its data.
pub const EXECUTABLE_BYTES: u64 = 32 * 1024 * 1024;

/// Executables that wait to be looked at or are, while a layer is read: two of the largest, or hundreds of usual ones.
pub const EXECUTABLES_WAITING_BYTES: usize = 2 * EXECUTABLE_BYTES as usize;

/// Secrets and licence files that one layer's inventory lists; more of them say nothing new.
pub const LAYER_SECRETS: usize = 1_000;
pub const LAYER_LICENSE_FILES: usize = 20_000;

/// A Debian copyright file or the head of a Python METADATA that is read; a larger one is hashed only.
pub const LAYER_NOTICE_BYTES: u64 = 256 * 1024;

/// A lock file or the metadata of one package that is held in memory, and the values in it, which bound what it becomes there:
/// npm's lock file of 5,000 packages has 2.5 MB and 150,000 values.
pub const METADATA_FILE_BYTES: u64 = 16 * 1024 * 1024;
pub const METADATA_VALUES: usize = 1_000_000;

/// The name or version of one package: PyPI, npm and Maven allow 214 or fewer; a longer one is none that anybody published.
pub const PACKAGE_NAME_BYTES: usize = 1024;

/// One Java archive, wheel or egg that is held in memory to be read. A few on Maven Central (cloud SDKs in one jar) are larger, and
/// an image with one of them is unknown: two layers read at once must not take a gigabyte.
pub const ARCHIVE_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Members of one archive with all archives inside it, and how deep these are nested: an ear holds wars that hold jars that hold jars.
pub const ARCHIVE_MEMBERS: u64 = 1_000_000;
pub const ARCHIVE_DEPTH: usize = 5;

/// What is inflated of one archive with all archives inside it: so many times its size, and never more than this in total. Jars
/// inside jars hardly shrink; below the floor the ratio is not looked at.
pub const ARCHIVE_RATIO: u64 = 20;
pub const ARCHIVE_RATIO_FLOOR_BYTES: u64 = 64 * 1024 * 1024;
pub const ARCHIVE_INFLATED_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What is read of one manifest, pom or METADATA inside an archive, from its beginning. OSGi manifests reach 300 kB.
pub const ARCHIVE_NOTICE_BYTES: u64 = 2 * 1024 * 1024;

/// Packages that one archive or one program names; the largest fat jars have some hundreds, Go programs up to 2,000.
pub const NAMED_PACKAGES: usize = 50_000;

/// What an executable says of itself, unpacked: a Go program's module list has up to 200 kB, a Rust program's less.
pub const BUILD_RECORD_BYTES: usize = 16 * 1024 * 1024;

/// One field of a package's metadata in a database: a name, a version, a licence expression. The longest real ones have some kB.
pub const PACKAGE_FIELD_BYTES: usize = 64 * 1024;

/// Scanned images that one search by vulnerability, component, layer or licence looks at before it says where to go on. Each is read
/// and perhaps matched, some milliseconds.
pub const SCANS_SEARCHED: usize = 200;

/// `.gitlab-ci.yml`, and what it may grow to when aliases are expanded.
pub const PIPELINE_FILE_BYTES: usize = 1024 * 1024;
pub const PIPELINE_NODES: usize = 100_000;

/// Text of a pipeline after aliases, `extends`, `!reference` and variables are expanded. The file itself is at most
/// 1 MiB; what is said once and used by every job may multiply it, and real plans stay far below this.
pub const PIPELINE_EXPANDED_BYTES: usize = 16 * 1024 * 1024;

/// Jobs of one `.gitlab-ci.yml`. The largest of 5,180 public files has 638.
pub const PIPELINE_JOBS: usize = 5_000;

/// Different regular expressions of one pipeline: each compiled one holds memory while the plan is made.
pub const PIPELINE_PATTERNS: usize = 200;

/// Tokens of one `rules:if` expression, as GitLab limits them.
pub const PIPELINE_EXPRESSION_TOKENS: usize = 100;

/// Problems, and warnings, that are told about one pipeline file: after so many the first ones are mended first.
pub const PIPELINE_PROBLEMS: usize = 100;

/// One push of git objects: source code, not artifacts.
pub const GIT_PUSH_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// What a client says before a fetch: wants and haves, 50 bytes each. Half a million of them.
pub const GIT_FETCH_BYTES: u64 = 32 * 1024 * 1024;

/// Refs that one push may change: the first push of a project with many tags fits.
pub const GIT_PUSH_REFS: usize = 5_000;

/// The full name of a ref; longer ones do not fit into a file name.
pub const GIT_REF_BYTES: usize = 240;

/// Files of one commit that are listed, and one file that is read out of a repository for a page or an API.
pub const GIT_FILES: usize = 200_000;
pub const GIT_FILE_BYTES: usize = 16 * 1024 * 1024;

/// Children of git at one time: each holds memory for the pack it makes or takes.
pub const GIT_CHILDREN: usize = 32;

/// Variables of one project and one value: a key or a certificate bundle fits.
pub const CI_VARIABLES: usize = 500;
pub const CI_VARIABLE_BYTES: usize = 64 * 1024;

/// The log of one job, as the stock runner's default.
pub const JOB_TRACE_BYTES: u64 = 4 * 1024 * 1024;

/// One publish of trust data; the stock client reads at most 100 MiB, real ones are kilobytes.
pub const TRUST_UPLOAD_BYTES: usize = 16 * 1024 * 1024;

/// Documents of one publish: a signer publishes two to four. An audit entry names each, and it has a limit of its own.
pub const TRUST_PARTS: usize = 32;

/// The name of a trust role (`targets/releases`); Notary's own limit, and what bounds the depth of delegations.
pub const TRUST_ROLE_NAME_BYTES: usize = 255;

/// Signatures on one trust document, and keys or delegations in one: each signature costs a public-key operation. Real
/// documents carry a handful.
pub const TRUST_SIGNATURES: usize = 100;
pub const TRUST_KEYS: usize = 1_000;

/// One public key or certificate bundle inside a trust document.
pub const TRUST_KEY_BYTES: usize = 64 * 1024;

/// Versions of trust documents: Notary keeps them in 32 bits, and one that jumps ahead by more than a client ever does would
/// leave no room for the next (a fast-forward attack).
pub const TRUST_VERSION: u64 = 2_147_483_647;
pub const TRUST_VERSION_STEP: u64 = 1_000;

/// One leaf of the audit log: the entry bundles of C2SP tlog-tiles give the length in 16 bits.
pub const AUDIT_LEAF_BYTES: usize = 65_535;

/// Leaves of one log: what a signed 64-bit column of either database can count.
pub const AUDIT_LOG_LEAVES: u64 = i64::MAX as u64;

/// Entries that get their index in one round of the sequencer: holds SQLite's one writer for some ten milliseconds.
pub const AUDIT_BATCH_ENTRIES: usize = 512;

/// Problems that one verification of the log lists; a log with more is lost anyway, and a report is read by people.
pub const AUDIT_PROBLEMS: usize = 1_000;

/// One signed note. Sixteen post-quantum signatures of 5 kB, which C2SP signed-note asks verifiers to accept, need 80 kB.
pub const NOTE_BYTES: usize = 256 * 1024;

/// Signatures under one note. C2SP signed-note asks verifiers to accept 16; more than this is nobody's set of witnesses.
pub const NOTE_SIGNATURES: usize = 64;

/// The name of a key that signs notes: a URL without its scheme.
pub const NOTE_KEY_NAME_BYTES: usize = 255;

/// Opaque data beside a receipt; it may hold the leaf itself.
pub const RECEIPT_EXTRA_BYTES: usize = 128 * 1024;

/// One receipt as text: its checkpoint, its extra data in base64 and at most 63 hashes.
pub const RECEIPT_BYTES: usize = 512 * 1024;

/// A value that is stored with an account or repository for people to read (descriptions).
pub const TEXT_BYTES: usize = 64 * 1024;

/// One JSON answer that the runner reads from a Docker engine or the server. A job with 500 long variables stays below 4 MB.
pub const RUNNER_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Unpacked artifacts of one job, collected or taken over by the runner: as much as an image's layer usually has.
pub const RUNNER_ARTIFACT_BYTES: u64 = 1024 * 1024 * 1024;

/// Files in the artifacts of one job: bounds the zip's directory, which is kept in memory.
pub const RUNNER_ARTIFACT_FILES: usize = 100_000;

/// One allow-set as it travels to the guards: some 400 bytes per signed tag, so room for 80,000 of them.
pub const ADMISSION_SET_BYTES: usize = 32 * 1024 * 1024;

/// Teams that must all have signed, and guards that may fetch the set: named by hand, one guard per engine.
pub const ADMISSION_TEAMS: usize = 50;
pub const ADMISSION_GUARDS: usize = 1_000;

/// Entries about one subject that are read at once, for the whole chain of an image: some 100 MB.
pub const AUDIT_ABOUT_ENTRIES: usize = 100_000;

/// Characters of a value that can be masked in logs: GitLab's number. Shorter ones would strike out ordinary words.
pub const MASKED_CHARS: usize = 8;

/// Verdicts in one report of a guard, and the bytes of a text in one: each becomes an audit entry.
pub const ADMISSION_REPORT_VERDICTS: usize = 200;
pub const ADMISSION_TEXT_BYTES: usize = 2_000;

/// One report of a guard: its verdicts, each with six texts.
pub const ADMISSION_REPORT_BYTES: usize = 4 * 1024 * 1024;

/// One question of a Docker engine: it passes bodies of at most 1 MiB, in base64, with the headers and the certificates.
pub const GUARD_QUESTION_BYTES: usize = 4 * 1024 * 1024;

/// Verdicts a guard keeps while the server is away; then the oldest are dropped and counted.
pub const GUARD_QUEUE_VERDICTS: usize = 10_000;

/// What an engine says about one image or service.
pub const GUARD_ENGINE_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Names of one server certificate: an engine has a few addresses and a few names, and the certificate goes over the wire
/// in every handshake.
pub const CERTIFICATE_NAMES: usize = 50;

/// Promotion policies of one source repository: each push is held against all of them.
pub const POLICIES_PER_REPOSITORY: usize = 100;

/// Waivers of one repository, of one image, or of everything: each evaluation reads them all.
pub const WAIVERS_PER_SCOPE: usize = 1_000;

/// Why a finding is waived; a person writes and reads it.
pub const WAIVER_REASON_BYTES: usize = 4_096;

/// The id of an advisory, `CVE-2021-44228`, or the name of a component in a waiver.
pub const ADVISORY_ID_BYTES: usize = 256;

/// Objections that one audit entry quotes of a decision, and the bytes of each; the decision holds them whole.
pub const DECISION_QUOTES: usize = 20;
pub const DECISION_QUOTE_BYTES: usize = 400;

/// How long a client may take for the TLS handshake, and for the head of a request. The second is also how long a connection may
/// rest between two requests; clients open a new one then.
pub const HANDSHAKE: std::time::Duration = std::time::Duration::from_secs(15);
pub const REQUEST_HEAD: std::time::Duration = std::time::Duration::from_secs(30);

/// How long a client may be waited for in the middle of a body or an answer, and the bytes that earn it one more second: a network
/// may be away for a minute, and the slowest line in use moves more than this.
pub const CLIENT_PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
pub const CLIENT_BYTES_PER_S: u32 = 4 * 1024;

/// Connections at one time: some 100 kB each in the worst case. No more than half of the open files that the system allows.
pub const CONNECTIONS: usize = 4_096;

/// Connections from one IPv4 address or IPv6 /64, behind which an office or a proxy may sit: nobody can take them all.
pub const CONNECTIONS_FROM_ADDRESS: usize = 1_024;

/// Connections beyond those that are told so; more are closed without a word.
pub const CONNECTIONS_REFUSED: usize = 64;

/// Tokens of the token service whose signature need not be verified again; each client has one at a time, of half a KiB.
pub const VERIFIED_TOKENS: usize = 4_096;

/// What a package may say about its licence to be read as a name; more is taken for the text of the licence itself.
pub const LICENSE_NAME_BYTES: usize = 1_000;

/// Statements of one package about its licence that are joined. PyPI's classifiers are a dozen at most.
pub const LICENSE_STATEMENTS: usize = 100;

/// Characters of a name that becomes a `LicenseRef-`; what is longer is prose, and its beginning tells it apart.
pub const LICENSE_REFERENCE_CHARS: usize = 64;

/// Of a file that may hold licences so much is read. The notices of a browser are 12 MB; their beginning is enough.
pub const LICENSE_FILE_BYTES: usize = 4 * 1024 * 1024;

/// Licences that one file is said to hold. Collections of notices name some dozens.
pub const LICENSE_MATCHES: usize = 100;

/// One printable run that the search for fingerprints takes for a text. The longest texts anybody wrote for people end a line
/// before; what is longer is data.
pub const FINGERPRINT_RUN_BYTES: usize = 1_024;

/// Sections of one executable that are hashed. Real ones have some forty; with one section a function, a few thousand.
pub const FINGERPRINT_SECTIONS: usize = 4_096;

/// Symbols of one executable whose names are looked up, and the bytes of those names: a table may point every symbol at one
/// long name, which would cost the square of its size. Chromium exports some thousand.
pub const FINGERPRINT_SYMBOLS: usize = 200_000;
pub const FINGERPRINT_NAME_BYTES: usize = 32 * 1024 * 1024;

/// One member of a Debian package that the learner unpacks, and all of them. Debug-free libraries reach 150 MB.
pub const LEARN_MEMBER_BYTES: u64 = 512 * 1024 * 1024;
pub const LEARN_PACKAGE_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// One bill of materials or set of exploitability statements of somebody else. Bills of images with 5,000 components have 20 MB.
pub const BOM_BYTES: usize = 64 * 1024 * 1024;

/// A statement about an image that is signed and attached to it. Ten times what an image of 3,000 components needs, a fourth of what cosign
/// reads; it counts in no quota, so a small layer must not make a large one.
pub const ATTESTATION_BYTES: usize = 32 * 1024 * 1024;

/// Components of one bill or report: ten times what the largest images hold.
pub const BOM_COMPONENTS: usize = 200_000;

/// A name, version or identifier in a bill: package URLs and CPEs stay below 1 KiB, and each is copied into tables.
pub const BOM_TEXT_BYTES: usize = 8 * 1024;

/// How deep components or products may lie in each other; CSAF has at most 30 branches.
pub const BOM_DEPTH: usize = 50;

/// Products that all statements of one document name together, after references were followed, and the bytes of their identifiers:
/// a reference of 5 bytes may stand for a product of kilobytes. Red Hat's largest have 100,000.
pub const VEX_PRODUCTS: usize = 1_000_000;
pub const VEX_PRODUCT_BYTES: usize = 256 * 1024 * 1024;

/// Package URLs of one product in CSAF, which relationships multiply; and references of notes to products that are followed in one
/// document, as one note may name groups of all products.
pub const VEX_NAMES: usize = 100;
pub const VEX_REFERENCES: usize = 10_000_000;

//! Every limit of the product, by name, with the reason for its number.

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

/// Memory of one compiled pattern of a policy: `(a{999}){999}` is short, its automaton is not.
pub const POLICY_PATTERN_BYTES: usize = 128 * 1024;

/// Answers of list calls when the client names no size, and the most it may ask for: bounds memory per request.
pub const PAGE_DEFAULT: usize = 100;
pub const PAGE_MAX: usize = 1_000;

/// A body of JSON or a form on the administrative APIs.
pub const API_BODY_BYTES: usize = 1024 * 1024;

/// One blob. A layer larger than this is a mistake in nearly every case, and a disk is finite.
pub const BLOB_BYTES: u64 = 20 * 1024 * 1024 * 1024;

/// One chunk that is held in memory while a body is read, hashed and written.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Members of one layer's archive; a full distribution image has about 60,000.
pub const LAYER_MEMBERS: u64 = 1_000_000;

/// Unpacked bytes of one layer, and the ratio to its packed size: an archive bomb is refused, not inflated.
pub const LAYER_UNPACKED_BYTES: u64 = 64 * 1024 * 1024 * 1024;
pub const LAYER_RATIO: u64 = 2_000;

/// One file of a layer that is kept in memory to be read (package databases). dpkg's status of a full desktop is 6 MB.
pub const LAYER_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// `.gitlab-ci.yml`, and what it may grow to when aliases are expanded.
pub const PIPELINE_FILE_BYTES: usize = 1024 * 1024;
pub const PIPELINE_NODES: usize = 100_000;

/// One push of git objects: source code, not artifacts.
pub const GIT_PUSH_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The log of one job, as the stock runner's default.
pub const JOB_TRACE_BYTES: u64 = 4 * 1024 * 1024;

/// One publish of trust data; the stock client reads at most 100 MiB, real ones are kilobytes.
pub const TRUST_UPLOAD_BYTES: usize = 16 * 1024 * 1024;

/// One leaf of the audit log: the entry bundles of C2SP tlog-tiles give the length in 16 bits.
pub const AUDIT_LEAF_BYTES: usize = 65_535;

/// Leaves of one log: what a signed 64-bit column of either database can count.
pub const AUDIT_LOG_LEAVES: u64 = i64::MAX as u64;

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

/// The URL of a webhook; some proxies cut longer ones.
pub const WEBHOOK_URL_BYTES: usize = 2_048;

/// The key of a webhook's HMAC: what is longer than one block of SHA-256 is hashed down anyway.
pub const WEBHOOK_SECRET_BYTES: usize = 256;

/// How much of a receiver's answer is read and kept: enough for an error message, too little to exhaust us.
pub const WEBHOOK_RESPONSE_BYTES: usize = 4 * 1024;

/// Webhooks of one repository or namespace: each event is sent to all of them.
pub const WEBHOOKS_PER_KEY: usize = 100;

/// Ended deliveries that are kept for each webhook to look at and to send again.
pub const WEBHOOK_DELIVERIES_KEPT: usize = 1_000;

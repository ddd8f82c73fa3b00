//! One file while its bytes pass: hashed whatever it is, and read for what it may say.
//!
//! ```text
//!   path ─► describes packages? ─► kept, read as that
//!   head ─► an executable? ─► its texts looked up as they pass; kept when it is not too large, for sections and build records
//!        └► text? ─► kept when it is not too large, for secrets and licences
//! ```

use base::limits::{EXECUTABLE_BYTES, LICENSE_FILE_BYTES, SECRETS_FILE_BYTES};
use fingerprint::{Identification, Index, Pass, identify, is_executable};
use license::{classify, is_license_file};
use md5::Md5;
use package::{Document, Form, Marks, PackageType, go, in_executable};
use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes that tell what a file is; git's rule looks at as many for a zero.
const HEAD_BYTES: usize = 8_000;

/// Where distributions install executables, by the first parts of the path. Elsewhere nobody keeps sums of them.
const SYSTEM: [&str; 12] = [
    "bin/",
    "lib/",
    "lib32/",
    "lib64/",
    "sbin/",
    "usr/bin/",
    "usr/games/",
    "usr/lib/",
    "usr/lib32/",
    "usr/lib64/",
    "usr/libexec/",
    "usr/sbin/",
];

/// What an executable holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Packages that it names itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// Products found in its bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifications: Vec<Identification>,
}

/// A key or token that lies in a file, masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundSecret {
    pub column: u64,
    pub confidence: String,
    pub line: u64,
    pub masked: String,
    pub rule: String,
    pub title: String,
}

/// An executable that is whole: what it holds is found out by another thread, while the next files pass.
pub(crate) struct Executable {
    pub(crate) path: String,
    pub(crate) sha256: String,
    digest: [u8; 32],
    bytes: Vec<u8>,
}

/// What one file says, beside its digest.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) broken: Option<String>,
    pub(crate) document: Option<Document>,
    /// The SPDX expression of a licence file.
    pub(crate) license: Option<String>,
    pub(crate) program: Option<Program>,
    pub(crate) secrets: Vec<FoundSecret>,
    /// Other sums than SHA-256, of what is a component in itself.
    pub(crate) sums: Vec<String>,
}

/// A file whose bytes are coming.
pub(crate) struct Content<'a> {
    path: &'a str,
    size_bytes: u64,
    index: &'a Index,
    form: Option<Form>,
    /// Bytes that are wanted, once that is known.
    keep_bytes: usize,
    kept: Vec<u8>,
    seen_bytes: u64,
    sha256: Sha256,
    kind: Kind<'a>,
}

enum Kind<'a> {
    /// Its head is not there yet.
    Unknown,
    /// Kept, to be looked at when it is whole.
    Executable,
    LargeExecutable(Box<Running<'a>>),
    Text,
    Other,
}

/// An executable that is too large to be kept, as far as it came.
struct Running<'a> {
    pass: Pass<'a>,
    go: GoRecord,
    marks: Marks,
    sums: Option<Sums>,
}

/// As package databases write them; SHA-256 is known of every file.
#[derive(Default)]
struct Sums {
    md5: Md5,
    sha1: Sha1,
}

/// The record that Go writes into a program, found in the stream.
#[derive(Default)]
struct GoRecord {
    /// What begins with the magic, or the last bytes before the present ones, in which it may begin.
    bytes: Vec<u8>,
    found: bool,
}

impl<'a> Content<'a> {
    /// `form` where the path says that the file describes packages, and how many bytes are needed for that.
    pub(crate) fn new(
        path: &'a str,
        size_bytes: u64,
        index: &'a Index,
        form: Option<Form>,
        keep_bytes: u64,
    ) -> Content<'a> {
        Content {
            path,
            size_bytes,
            index,
            form,
            keep_bytes: usize::try_from(keep_bytes).unwrap_or(usize::MAX),
            kept: Vec::new(),
            seen_bytes: 0,
            sha256: Sha256::new(),
            kind: Kind::Unknown,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        let before = self.seen_bytes;
        self.seen_bytes += bytes.len() as u64;
        if matches!(self.kind, Kind::Unknown) {
            self.kept.extend_from_slice(bytes);
            if self.kept.len() >= HEAD_BYTES || self.seen_bytes == self.size_bytes {
                self.decide();
            }
            return;
        }
        if let Kind::LargeExecutable(running) = &mut self.kind {
            running.feed(bytes, before);
        }
        let wanted = self.keep_bytes.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
    }

    /// The head is there: what is this?
    fn decide(&mut self) {
        let head = std::mem::take(&mut self.kept);
        let text = !head[..head.len().min(HEAD_BYTES)].contains(&0);
        if self.form.is_none() && is_executable(&head) && self.size_bytes <= EXECUTABLE_BYTES {
            self.keep_bytes = usize::MAX;
            self.kind = Kind::Executable;
        } else if self.form.is_none() && is_executable(&head) {
            let sums = is_system(self.path).then(Sums::default);
            let (pass, go, marks) = (Pass::new(self.index), GoRecord::default(), Marks::default());
            let mut running = Running { pass, go, marks, sums };
            running.feed(&head, 0);
            self.keep_bytes = 0;
            self.kind = Kind::LargeExecutable(Box::new(running));
        } else if self.form.is_none() && text {
            let limit = if is_license_file(self.path) { LICENSE_FILE_BYTES } else { SECRETS_FILE_BYTES };
            self.keep_bytes =
                if self.size_bytes <= SECRETS_FILE_BYTES as u64 { usize::MAX } else { limit.min(LICENSE_FILE_BYTES) };
            self.kind = Kind::Text;
        } else {
            self.kind = if text { Kind::Text } else { Kind::Other };
        }
        self.kept = head;
        self.kept.truncate(self.keep_bytes);
        // Where it will lie as a whole: growing step by step would copy it twice over.
        let whole = usize::try_from(self.size_bytes).unwrap_or(usize::MAX).min(self.keep_bytes);
        if whole <= EXECUTABLE_BYTES as usize {
            self.kept.reserve_exact(whole.saturating_sub(self.kept.len()));
        }
    }

    /// The file's SHA-256, what it says, and what is left to be looked at.
    pub(crate) fn finish(mut self) -> (String, Said, Option<Executable>) {
        if matches!(self.kind, Kind::Unknown) {
            self.decide();
        }
        let digest: [u8; 32] = self.sha256.finalize_reset().into();
        let sha256 = hex::encode(digest);
        let mut said = match std::mem::replace(&mut self.kind, Kind::Other) {
            Kind::Executable => {
                let (path, bytes) = (self.path.to_owned(), self.kept);
                let whole = Executable { path, sha256: sha256.clone(), digest, bytes };
                return (sha256, Said::default(), Some(whole));
            }
            Kind::LargeExecutable(running) => running.finish(),
            Kind::Text => self.text(),
            Kind::Other | Kind::Unknown => Said::default(),
        };
        if let Some(form) = self.form.filter(|_| self.keep_bytes > 0 || self.size_bytes == 0) {
            match form.read(self.path, &self.kept) {
                Ok(document) => said.document = document,
                Err(error) => said.broken = Some(error.to_string()),
            }
            if matches!(&said.document, Some(Document::Packages { kind, .. }) if !kind.is_distribution()) {
                said.sums = Sums::of(&self.kept);
            }
        }
        if !said.sums.is_empty() {
            said.sums.push(format!("sha256:{sha256}"));
        }
        (sha256, said, None)
    }

    fn text(&self) -> Said {
        let mut said = Said::default();
        if is_license_file(self.path) {
            let ids: Vec<String> = classify(&self.kept).into_iter().map(|found| found.id).collect();
            said.license = license::all(ids.iter().map(String::as_str)).spdx;
        }
        if self.kept.len() as u64 == self.size_bytes {
            let found = secrets::find(self.path, &self.kept, None).secrets;
            said.secrets = found.into_iter().map(FoundSecret::from).collect();
        }
        said
    }
}

impl Executable {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn look(&self, index: &Index) -> Said {
        let mut said = Said::default();
        let identifications = identify(index, &self.bytes, Some(&self.digest));
        let mut program = Program { identifications, ..Program::default() };
        match in_executable(&self.bytes) {
            Ok(documents) => program.documents = documents,
            Err(error) => said.broken = Some(error.to_string()),
        }
        if program != Program::default() {
            if is_system(&self.path) {
                said.sums = Sums::of(&self.bytes);
                said.sums.push(format!("sha256:{}", self.sha256));
            }
            said.program = Some(program);
        }
        said
    }
}

/// True for a path where distributions install executables: their databases keep sums of what is there.
fn is_system(path: &str) -> bool {
    SYSTEM.iter().any(|place| path.starts_with(place))
}

impl Running<'_> {
    fn feed(&mut self, bytes: &[u8], offset: u64) {
        self.pass.feed(bytes);
        self.go.feed(bytes, offset);
        self.marks.feed(bytes);
        if let Some(sums) = &mut self.sums {
            sums.update(bytes);
        }
    }

    fn finish(self) -> Said {
        let mut said = Said::default();
        let mut program = Program { identifications: self.pass.finish(), ..Program::default() };
        match self.go.document() {
            Ok(document) => program.documents.extend(document),
            Err(error) => said.broken = Some(error.to_string()),
        }
        if let Some(what) = self.marks.found() {
            said.broken = Some(format!(
                "its record {what} is not read, as it has more bytes than the limit of {EXECUTABLE_BYTES}"
            ));
        }
        if program != Program::default() || said.broken.is_some() {
            said.sums = self.sums.map(Sums::finish).unwrap_or_default();
            said.program = Some(program).filter(|program| *program != Program::default());
        }
        said
    }
}

impl GoRecord {
    fn feed(&mut self, bytes: &[u8], offset: u64) {
        if self.found {
            let wanted = base::limits::BUILD_RECORD_BYTES.saturating_sub(self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
            return;
        }
        let start = offset - self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        let at = memchr::memmem::find_iter(&self.bytes, go::MAGIC).find(|at| (start + *at as u64).is_multiple_of(16));
        let from = at.unwrap_or_else(|| self.bytes.len().saturating_sub(go::MAGIC.len() - 1));
        self.found = at.is_some();
        self.bytes.drain(..from);
    }

    fn document(self) -> Result<Option<Document>, package::Error> {
        let info = if self.found { go::BuildInfo::parse(&self.bytes)? } else { None };
        Ok(info.map(|info| Document::Packages { kind: PackageType::Golang, packages: info.packages() }))
    }
}

impl From<secrets::Secret> for FoundSecret {
    fn from(secret: secrets::Secret) -> FoundSecret {
        FoundSecret {
            column: secret.column as u64,
            confidence: format!("{:?}", secret.confidence).to_lowercase(),
            line: secret.line as u64,
            masked: secret.masked,
            rule: secret.rule.to_owned(),
            title: secret.description.to_owned(),
        }
    }
}

impl Sums {
    fn of(bytes: &[u8]) -> Vec<String> {
        let mut sums = Sums::default();
        sums.update(bytes);
        sums.finish()
    }

    /// Both are chains in which every step waits for the last: in short turns a processor has the one to do while it waits for the other.
    fn update(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(64) {
            self.md5.update(part);
            self.sha1.update(part);
        }
    }

    fn finish(self) -> Vec<String> {
        let (md5, sha1) = (hex::encode(self.md5.finalize()), hex::encode(self.sha1.finalize()));
        vec![format!("md5:{md5}"), format!("sha1:{sha1}")]
    }
}

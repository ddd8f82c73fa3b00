//! The noun: a finding that somebody accepted, with the reason.

use std::{fmt, str};

use base::{Id, Timestamp, limits};
use bom::Justification;
use oci::{Digest, RepoName};
use scan::ImageFinding;

use crate::Error;

/// Findings of one advisory that do not count, where and until when.
#[derive(Clone, Debug)]
pub struct Waiver {
    pub id: Id<Waiver>,
    pub scope: WaiverScope,
    /// `CVE-2021-44228`, or the id of another catalogue; matches an advisory's id and its aliases.
    pub advisory: String,
    /// In this component only; `None` in all.
    pub component: Option<String>,
    pub reason: String,
    /// Why the image is not affected, where it is not; without it the risk is accepted.
    pub justification: Option<Justification>,
    /// The name of the account that answers for it.
    pub author: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// A waiver to be made.
#[derive(Clone, Debug)]
pub struct NewWaiver {
    pub scope: WaiverScope,
    pub advisory: String,
    pub component: Option<String>,
    pub reason: String,
    pub justification: Option<Justification>,
    pub expires_at: Option<Timestamp>,
}

/// Where a waiver, or a VEX document, holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaiverScope {
    Everywhere,
    Repository(RepoName),
    Image(Digest),
}

impl Waiver {
    /// Whether the finding is one of those this waiver accepts.
    pub fn covers(&self, finding: &ImageFinding) -> bool {
        self.accepts(&finding.about.advisory, &finding.about.aliases, &finding.component)
    }

    /// The same for a vulnerability, with its aliases, in a component.
    pub fn accepts(&self, advisory: &str, aliases: &[String], component: &str) -> bool {
        let names = |id: &str| id.eq_ignore_ascii_case(&self.advisory);
        (names(advisory) || aliases.iter().any(|alias| names(alias)))
            && self.component.as_ref().is_none_or(|own| own == component)
    }

    pub(crate) fn state_key(&self) -> String {
        format!("promote/waiver/{}", self.id)
    }

    /// The value under [`Waiver::state_key`] in the audit log; its texts by digest, for they may be long.
    pub(crate) fn state(&self) -> String {
        let component = self.component.as_deref().unwrap_or_default();
        let expires = self.expires_at.map(|at| at.to_string()).unwrap_or_default();
        let mut texts = format!("{}\n{component}\n{}\n{}\n{expires}", self.advisory, self.reason, self.author);
        // Older entries know of none.
        if let Some(justification) = self.justification {
            texts.push('\n');
            texts.push_str(justification.as_str());
        }
        format!("{} {}", self.scope, base::digest_hex(texts.as_bytes()))
    }
}

impl NewWaiver {
    /// The waiver without what would make it invisible or endless by mistake.
    pub(crate) fn checked(self, now: Timestamp) -> Result<NewWaiver, Error> {
        let word = |byte: u8| byte.is_ascii_graphic();
        if self.advisory.is_empty()
            || self.advisory.len() > limits::ADVISORY_ID_BYTES
            || !self.advisory.bytes().all(word)
        {
            return Err(Error::Invalid("name the advisory that is waived, such as CVE-2021-44228".to_owned()));
        }
        if self.component.as_ref().is_some_and(|name| name.is_empty() || name.len() > limits::ADVISORY_ID_BYTES) {
            return Err(Error::Invalid(format!("a component's name has 1 to {} bytes", limits::ADVISORY_ID_BYTES)));
        }
        if self.reason.trim().is_empty() || self.reason.len() > limits::WAIVER_REASON_BYTES {
            return Err(Error::Invalid(format!(
                "say why this is accepted, in 1 to {} bytes; a waiver without a reason is refused",
                limits::WAIVER_REASON_BYTES
            )));
        }
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err(Error::Invalid("the waiver would have expired already; give a later date".to_owned()));
        }
        Ok(self)
    }
}

impl fmt::Display for WaiverScope {
    /// `everywhere`, `admin/flask` or `sha256:…`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaiverScope::Everywhere => out.write_str("everywhere"),
            WaiverScope::Repository(name) => name.fmt(out),
            WaiverScope::Image(digest) => digest.fmt(out),
        }
    }
}

impl str::FromStr for WaiverScope {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<WaiverScope, base::InvalidName> {
        match text {
            "everywhere" => Ok(WaiverScope::Everywhere),
            _ if text.contains(':') => text.parse().map(WaiverScope::Image),
            _ => text.parse().map(WaiverScope::Repository),
        }
    }
}

//! The noun: a finding that somebody accepted, with the reason.

use std::{fmt, str};

use base::{AccountName, Actor, Id, Timestamp, limits};
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
    /// In this version of the component only.
    pub version: Option<String>,
    pub reason: String,
    /// Why the image is not affected, where it is not; without it the risk is accepted.
    pub justification: Option<Justification>,
    /// The name of the account that answers for it.
    pub author: String,
    /// Its id, where an account made it.
    pub(crate) author_account: Option<String>,
    pub approval: Approval,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
}

/// Whether somebody else agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approval {
    /// When it was made none was asked for.
    NotNeeded,
    /// It counts for nothing until somebody else approves it.
    Proposed,
    Given {
        /// The name of the account.
        by: String,
        at: Timestamp,
    },
}

/// A waiver to be made.
#[derive(Clone, Debug)]
pub struct NewWaiver {
    pub scope: WaiverScope,
    pub advisory: String,
    pub component: Option<String>,
    pub version: Option<String>,
    pub reason: String,
    pub justification: Option<Justification>,
    pub expires_at: Option<Timestamp>,
}

/// Where a waiver, or a VEX document, holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaiverScope {
    Everywhere,
    /// All repositories of an organization or user.
    Namespace(AccountName),
    Repository(RepoName),
    Image(Digest),
    /// What this layer brought, in every image that has it; for waivers only.
    Layer(Digest),
}

impl Waiver {
    /// Whether the finding is one of those this waiver accepts, in an image with these layers.
    pub(crate) fn covers(&self, finding: &ImageFinding, layers: &[Digest]) -> bool {
        let layer = usize::try_from(finding.layer).ok().and_then(|layer| layers.get(layer));
        self.names(&finding.about.advisory, &finding.about.aliases)
            && self.is_of(&finding.component, &finding.version, layer)
    }

    /// The same for a finding as a report has it.
    pub(crate) fn accepts(&self, finding: &bom::Finding, layers: &[Digest]) -> bool {
        let layer = finding.layer.and_then(|layer| layers.get(layer));
        self.names(&finding.id, &finding.aliases) && self.is_of(&finding.component, &finding.version, layer)
    }

    fn names(&self, advisory: &str, aliases: &[String]) -> bool {
        let same = |id: &str| id.eq_ignore_ascii_case(&self.advisory);
        same(advisory) || aliases.iter().any(|alias| same(alias))
    }

    fn is_of(&self, component: &str, version: &str, layer: Option<&Digest>) -> bool {
        let in_layer = match &self.scope {
            WaiverScope::Layer(own) => layer == Some(own),
            _ => true,
        };
        in_layer
            && self.component.as_ref().is_none_or(|own| own == component)
            && self.version.as_ref().is_none_or(|own| own == version)
    }

    /// Whether it counts: approved where it has to be, and not expired.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.approval != Approval::Proposed && self.expires_at.is_none_or(|at| now < at)
    }

    /// Since when it counts, if it does.
    pub(crate) fn since(&self) -> Timestamp {
        match &self.approval {
            Approval::Given { at, .. } => *at,
            Approval::NotNeeded | Approval::Proposed => self.created_at,
        }
    }

    /// Whether the actor made it: under whatever name the account goes now.
    pub fn is_by(&self, actor: &Actor) -> bool {
        let same = match actor {
            Actor::Account(principal) => self.author_account.as_deref() == Some(principal.account.as_str()),
            Actor::Anonymous | Actor::System(_) => false,
        };
        same || self.author == actor.label()
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
        // Neither of the one nor of the other.
        if let Some(version) = &self.version {
            texts.push_str(&format!("\nversion {version}"));
        }
        match &self.approval {
            Approval::NotNeeded => {}
            Approval::Proposed => texts.push_str("\nproposed"),
            Approval::Given { by, at } => texts.push_str(&format!("\napproved {by} {at}")),
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
        if self.version.as_ref().is_some_and(|text| text.is_empty() || text.len() > limits::ADVISORY_ID_BYTES) {
            return Err(Error::Invalid(format!("a version has 1 to {} bytes", limits::ADVISORY_ID_BYTES)));
        }
        if self.version.is_some() && self.component.is_none() {
            return Err(Error::Invalid("a version is one of a component; name the component too".to_owned()));
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
    /// `everywhere`, `admin/*`, `admin/flask`, `sha256:…` or `layer:sha256:…`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaiverScope::Everywhere => out.write_str("everywhere"),
            WaiverScope::Namespace(name) => write!(out, "{name}/*"),
            WaiverScope::Repository(name) => name.fmt(out),
            WaiverScope::Image(digest) => digest.fmt(out),
            WaiverScope::Layer(digest) => write!(out, "layer:{digest}"),
        }
    }
}

impl str::FromStr for WaiverScope {
    type Err = base::InvalidName;

    fn from_str(text: &str) -> Result<WaiverScope, base::InvalidName> {
        match text {
            "everywhere" => Ok(WaiverScope::Everywhere),
            _ if text.contains(':') => match text.strip_prefix("layer:") {
                Some(layer) => layer.parse().map(WaiverScope::Layer),
                None => text.parse().map(WaiverScope::Image),
            },
            _ => match text.strip_suffix("/*") {
                Some(namespace) => namespace.parse().map(WaiverScope::Namespace),
                None => text.parse().map(WaiverScope::Repository),
            },
        }
    }
}

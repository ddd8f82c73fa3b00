//! What a webhook can ask for: DTR's types, and those of what DTR did not have.

use std::{fmt, str};

use crate::Error;

/// What a webhook can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    TagPush,
    TagPull,
    TagDelete,
    ManifestPush,
    ManifestPull,
    ManifestDelete,
    ScanCompleted,
    ScanFailed,
    Promotion,
    PushMirroring,
    PollMirroring,
    /// A repository was created, updated or deleted.
    Repository,
    /// Other advisories are in use: about the whole installation.
    ScannerUpdate,
    /// A tag was signed. This and what follows is ours.
    TagSigned,
    /// A policy decided that an image is not promoted, or an allowed one could not be.
    PromotionRefused,
    /// An image that was promoted no longer satisfies its policy.
    PromotionLapsed,
    /// A waiver was created, deleted, or expired.
    Waiver,
}

impl EventType {
    pub const ALL: [EventType; 17] = [
        EventType::TagPush,
        EventType::TagPull,
        EventType::TagDelete,
        EventType::ManifestPush,
        EventType::ManifestPull,
        EventType::ManifestDelete,
        EventType::ScanCompleted,
        EventType::ScanFailed,
        EventType::Promotion,
        EventType::PushMirroring,
        EventType::PollMirroring,
        EventType::Repository,
        EventType::ScannerUpdate,
        EventType::TagSigned,
        EventType::PromotionRefused,
        EventType::PromotionLapsed,
        EventType::Waiver,
    ];

    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// The words of DTR's form for it.
    pub fn label(self) -> &'static str {
        self.names().1
    }

    /// The attribute `type` of a CloudEvent.
    pub fn cloud_type(self) -> &'static str {
        self.names().2
    }

    /// Whether it is about the installation and not about a repository.
    pub fn is_global(self) -> bool {
        self == EventType::ScannerUpdate
    }

    pub(crate) fn is_pull(self) -> bool {
        matches!(self, EventType::TagPull | EventType::ManifestPull)
    }

    fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            EventType::TagPush => ("TAG_PUSH", "Tag pushed to repository", "assay.tag.pushed"),
            EventType::TagPull => ("TAG_PULL", "Tag pulled from repository", "assay.tag.pulled"),
            EventType::TagDelete => ("TAG_DELETE", "Tag deleted from repository", "assay.tag.deleted"),
            EventType::ManifestPush => ("MANIFEST_PUSH", "Manifest pushed to repository", "assay.manifest.pushed"),
            EventType::ManifestPull => ("MANIFEST_PULL", "Manifest pulled from repository", "assay.manifest.pulled"),
            EventType::ManifestDelete => {
                ("MANIFEST_DELETE", "Manifest deleted from repository", "assay.manifest.deleted")
            }
            EventType::ScanCompleted => ("SCAN_COMPLETED", "Security scan completed", "assay.scan.completed"),
            EventType::ScanFailed => ("SCAN_FAILED", "Security scan failed", "assay.scan.failed"),
            EventType::Promotion => ("PROMOTION", "Image promoted from repository", "assay.image.promoted"),
            EventType::PushMirroring => ("PUSH_MIRRORING", "Image mirrored from repository", "assay.mirror.pushed"),
            EventType::PollMirroring => {
                ("POLL_MIRRORING", "Image mirrored from remote repository", "assay.mirror.polled")
            }
            EventType::Repository => {
                ("REPO_EVENT", "Repository created, updated or deleted", "assay.repository.changed")
            }
            EventType::ScannerUpdate => {
                ("SCANNER_UPDATE_COMPLETED", "Security scanner update completed", "assay.scanner.updated")
            }
            EventType::TagSigned => ("TAG_SIGNED", "Tag signed", "assay.tag.signed"),
            EventType::PromotionRefused => ("PROMOTION_REFUSED", "Promotion refused", "assay.promotion.refused"),
            EventType::PromotionLapsed => {
                ("PROMOTION_LAPSED", "Promoted image no longer satisfies its policy", "assay.promotion.lapsed")
            }
            EventType::Waiver => ("WAIVER_EVENT", "Waiver created, deleted or expired", "assay.waiver.changed"),
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl str::FromStr for EventType {
    type Err = Error;

    fn from_str(text: &str) -> Result<EventType, Error> {
        if matches!(text, "CHART_PUSH" | "CHART_PULL" | "CHART_DELETE" | "CHART_LINTED") {
            return Err(Error::Invalid(format!(
                "event type {text} is not served: a Helm chart comes here as any OCI artifact does; subscribe to TAG_PUSH, \
                 TAG_PULL or TAG_DELETE of its repository"
            )));
        }
        EventType::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
            let given: String = text.chars().take(80).collect();
            Error::Invalid(format!("event type {given:?} is not served; use one of {}", known.join(", ")))
        })
    }
}

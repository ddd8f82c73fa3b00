//! The types of DTR's webhooks.

use std::{fmt, str};

use crate::Error;

/// What a webhook can ask for, of the types DTR had: those that happen here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    TagPush,
    TagDelete,
    ManifestPush,
    ManifestDelete,
    ScanCompleted,
    ScanFailed,
    Promotion,
    /// A repository was created, updated or deleted.
    Repository,
}

impl EventType {
    pub const ALL: [EventType; 8] = [
        EventType::TagPush,
        EventType::TagDelete,
        EventType::ManifestPush,
        EventType::ManifestDelete,
        EventType::ScanCompleted,
        EventType::ScanFailed,
        EventType::Promotion,
        EventType::Repository,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            EventType::TagPush => "TAG_PUSH",
            EventType::TagDelete => "TAG_DELETE",
            EventType::ManifestPush => "MANIFEST_PUSH",
            EventType::ManifestDelete => "MANIFEST_DELETE",
            EventType::ScanCompleted => "SCAN_COMPLETED",
            EventType::ScanFailed => "SCAN_FAILED",
            EventType::Promotion => "PROMOTION",
            EventType::Repository => "REPO_EVENT",
        }
    }

    /// The words of DTR's form for it.
    pub fn label(self) -> &'static str {
        match self {
            EventType::TagPush => "Tag pushed to repository",
            EventType::TagDelete => "Tag deleted from repository",
            EventType::ManifestPush => "Manifest pushed to repository",
            EventType::ManifestDelete => "Manifest deleted from repository",
            EventType::ScanCompleted => "Security scan completed",
            EventType::ScanFailed => "Security scan failed",
            EventType::Promotion => "Image promoted from repository",
            EventType::Repository => "Repository created, updated or deleted",
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
        EventType::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = EventType::ALL.iter().map(|kind| kind.as_str()).collect();
            let given: String = text.chars().take(80).collect();
            Error::Invalid(format!("event type {given:?} is not served; use one of {}", known.join(", ")))
        })
    }
}

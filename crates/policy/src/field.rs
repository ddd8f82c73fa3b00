//! What a rule can be about.

use crate::Operator;

/// What of an image, or of its tag, is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    Tag,
    ComponentName,
    LicenseName,
    VulnerabilityAll,
    VulnerabilityCritical,
    VulnerabilityMajor,
    VulnerabilityMinor,
    UpdatedAt,
    UpdatedAtDuration,
    SecretKind,
    SecretAll,
    /// Of the configuration or the files: `runs-as-root`.
    Fact,
    SetuidFiles,
    /// Whether every component's SPDX expression can be met with these licenses, or without them.
    LicenseExpression,
    BaseName,
    ConfidenceLowest,
    EndOfLife,
    EndOfLifeDuration,
    /// Findings that somebody accepted, by severity.
    WaivedAll,
    WaivedCritical,
    WaivedMajor,
    WaivedMinor,
    /// Findings for which a version is known in which they are mended.
    VulnerabilityFixable,
    /// Findings that are known to be exploited.
    KevAll,
    /// The highest chance of a finding to be exploited within 30 days.
    EpssHighest,
    /// An account whose key signed this tag with this digest.
    SignatureSigner,
    SignatureCount,
    /// `NAME=VALUE` of the image's configuration.
    Label,
    /// When the image was made, as its configuration says.
    CreatedAt,
    CreatedAtDuration,
    /// Who pushed it.
    PushedBy,
    /// Of the pipeline whose job pushed it.
    ProvenanceProject,
    ProvenanceRef,
}

/// What a value is read as, and so which operators there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    Text,
    /// Texts that are compared as a whole only.
    List,
    /// A whole number.
    Number,
    /// `10`, `0.5`: up to three digits after the point.
    Percent,
    /// A point in time (RFC 3339).
    Time,
    /// A time before (or after) the decision: `72h`.
    Duration,
}

/// Which part of the evidence a field asks for. Who gathers evidence gathers no more than is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Need {
    /// What the registry knows of the tag.
    Tag,
    /// Who pushed it.
    Push,
    Configuration,
    Signatures,
    /// The result of a scan.
    Scan,
    /// Each of the scan's findings with what is said of it.
    Findings,
}

const STRINGS: [Operator; 7] = [
    Operator::Equal,
    Operator::StartsWith,
    Operator::EndsWith,
    Operator::Contains,
    Operator::OneOf,
    Operator::NotOneOf,
    Operator::Matches,
];
const NUMBERS: [Operator; 6] = [
    Operator::GreaterOrEqual,
    Operator::Greater,
    Operator::Equal,
    Operator::NotEqual,
    Operator::LessOrEqual,
    Operator::Less,
];
const LISTS: [Operator; 2] = [Operator::OneOf, Operator::NotOneOf];
const TIMES: [Operator; 2] = [Operator::Before, Operator::After];

impl Field {
    /// In the order a form offers them: those of DTR, then ours.
    pub const ALL: [Field; 33] = [
        Field::Tag,
        Field::ComponentName,
        Field::LicenseName,
        Field::VulnerabilityAll,
        Field::VulnerabilityCritical,
        Field::VulnerabilityMajor,
        Field::VulnerabilityMinor,
        Field::UpdatedAt,
        Field::UpdatedAtDuration,
        Field::SecretKind,
        Field::SecretAll,
        Field::Fact,
        Field::SetuidFiles,
        Field::LicenseExpression,
        Field::BaseName,
        Field::ConfidenceLowest,
        Field::EndOfLife,
        Field::EndOfLifeDuration,
        Field::WaivedAll,
        Field::WaivedCritical,
        Field::WaivedMajor,
        Field::WaivedMinor,
        Field::VulnerabilityFixable,
        Field::KevAll,
        Field::EpssHighest,
        Field::SignatureSigner,
        Field::SignatureCount,
        Field::Label,
        Field::CreatedAt,
        Field::CreatedAtDuration,
        Field::PushedBy,
        Field::ProvenanceProject,
        Field::ProvenanceRef,
    ];

    pub fn as_str(self) -> &'static str {
        self.row().0
    }

    /// What the pages of the product call it.
    pub fn label(self) -> &'static str {
        self.row().1
    }

    pub fn value_kind(self) -> ValueKind {
        self.row().2
    }

    pub fn need(self) -> Need {
        self.row().3
    }

    /// The operators that go with the field, in the order a form offers them.
    pub fn operators(self) -> &'static [Operator] {
        match self.value_kind() {
            ValueKind::Text => &STRINGS,
            ValueKind::List => &LISTS,
            ValueKind::Number | ValueKind::Percent => &NUMBERS,
            ValueKind::Time | ValueKind::Duration => &TIMES,
        }
    }

    /// Whether only a scan can tell; such a rule is unknown until the image was scanned.
    pub fn needs_scan(self) -> bool {
        matches!(self.need(), Need::Scan | Need::Findings)
    }

    /// Whether time alone can change what a rule about it says.
    pub fn uses_clock(self) -> bool {
        self.value_kind() == ValueKind::Duration
    }

    fn row(self) -> (&'static str, &'static str, ValueKind, Need) {
        use ValueKind::{Duration, List, Number, Percent, Text, Time};
        match self {
            Field::Tag => ("tag", "Tag name", Text, Need::Tag),
            Field::ComponentName => ("component.name", "Component name", Text, Need::Scan),
            Field::LicenseName => ("license.name", "License name", List, Need::Scan),
            Field::VulnerabilityAll => ("vulnerability_all", "All vulnerabilities", Number, Need::Scan),
            Field::VulnerabilityCritical => ("vulnerability_critical", "Critical vulnerabilities", Number, Need::Scan),
            Field::VulnerabilityMajor => ("vulnerability_major", "Major vulnerabilities", Number, Need::Scan),
            Field::VulnerabilityMinor => ("vulnerability_minor", "Minor vulnerabilities", Number, Need::Scan),
            Field::UpdatedAt => ("updated_at", "Last updated at", Time, Need::Tag),
            Field::UpdatedAtDuration => ("updated_at_duration", "Last updated at, relative", Duration, Need::Tag),
            Field::SecretKind => ("secret.kind", "Kind of secret", Text, Need::Scan),
            Field::SecretAll => ("secret_all", "All secrets", Number, Need::Scan),
            Field::Fact => ("fact", "Configuration fact", Text, Need::Scan),
            Field::SetuidFiles => ("setuid_files", "Setuid files", Number, Need::Scan),
            Field::LicenseExpression => ("license.expression", "License expression", List, Need::Scan),
            Field::BaseName => ("base.name", "Base image", Text, Need::Scan),
            Field::ConfidenceLowest => ("confidence_lowest", "Lowest confidence of a component", Number, Need::Scan),
            Field::EndOfLife => ("end_of_life", "End of the distribution's updates", Time, Need::Scan),
            Field::EndOfLifeDuration => {
                ("end_of_life_duration", "End of the distribution's updates, relative", Duration, Need::Scan)
            }
            Field::WaivedAll => ("waived_all", "All waived findings", Number, Need::Findings),
            Field::WaivedCritical => ("waived_critical", "Waived critical findings", Number, Need::Findings),
            Field::WaivedMajor => ("waived_major", "Waived major findings", Number, Need::Findings),
            Field::WaivedMinor => ("waived_minor", "Waived minor findings", Number, Need::Findings),
            Field::VulnerabilityFixable => {
                ("vulnerability_fixable", "Vulnerabilities with a fix", Number, Need::Findings)
            }
            Field::KevAll => ("kev_all", "Vulnerabilities known to be exploited", Number, Need::Findings),
            Field::EpssHighest => ("epss_highest", "Highest chance of exploitation", Percent, Need::Findings),
            Field::SignatureSigner => ("signature.signer", "Signer", Text, Need::Signatures),
            Field::SignatureCount => ("signature_count", "Signatures", Number, Need::Signatures),
            Field::Label => ("label", "Label", Text, Need::Configuration),
            Field::CreatedAt => ("created_at", "Image made at", Time, Need::Configuration),
            Field::CreatedAtDuration => {
                ("created_at_duration", "Image made at, relative", Duration, Need::Configuration)
            }
            Field::PushedBy => ("pushed.by", "Pushed by", Text, Need::Push),
            Field::ProvenanceProject => ("provenance.project", "Project that built it", Text, Need::Push),
            Field::ProvenanceRef => ("provenance.ref", "Branch or tag it was built from", Text, Need::Push),
        }
    }
}

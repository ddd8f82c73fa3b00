//! The tags of a repository, with shields and badges.

use maud::{Markup, PreEscaped, html};

use crate::{
    Frame,
    advisories::aged,
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
};

/// One repository with its tags.
#[derive(Clone, Debug)]
pub struct RepositoryView {
    pub tabs: Tabs,
    pub private: bool,
    pub immutable: bool,
    pub tags: Vec<TagRow>,
    /// Where the next page of tags starts.
    pub next: Option<String>,
    /// The label of the advisory snapshot that findings come from.
    pub snapshot: String,
    /// How old that is, in words, and whether it is stale.
    pub snapshot_age: (String, bool),
}

/// One tag.
#[derive(Clone, Debug)]
pub struct TagRow {
    pub tag: String,
    pub digest: String,
    pub platform: String,
    pub size_bytes: u64,
    pub pushed_by: String,
    pub pushed_at: String,
    pub scan: ScanState,
    /// Where it was promoted from: `admin/flask_build:7`.
    pub promoted_from: Option<String>,
    /// Why its policy would not promote it today, and since when.
    pub lapsed: Option<String>,
    /// Who signed this tag with this digest.
    pub signed_by: Vec<String>,
    /// A signature names this tag with another digest: the tag moved after it was signed.
    pub signature_mismatch: bool,
}

/// What is known of an image's vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanState {
    Done(Counts),
    /// Some was found, and something could not be judged, and why.
    Partly(Counts, String),
    /// Waiting or under way.
    Pending,
    /// Not scanned, or it failed, and why. Unknown is not clean.
    Unknown(String),
}

/// Findings by severity; waived ones are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub critical: u64,
    pub major: u64,
    pub minor: u64,
    pub unknown: u64,
    pub waived: u64,
}

impl Counts {
    pub fn all(self) -> u64 {
        self.critical + self.major + self.minor + self.unknown
    }
}

/// The page.
pub fn tags(frame: &Frame, view: &RepositoryView) -> Markup {
    let name = &view.tabs.repository;
    let content = html! {
        (view.tabs.at(frame, Tab::Tags))
        p.quiet {
            (if view.private { "private" } else { "public" })
            @if view.immutable { ", immutable" }
            " · advisories: " a href="/advisories" { (view.snapshot) } (aged(&view.snapshot_age))
        }
        p { code { "docker pull " (frame.authority) "/" (name) } }
        table {
            thead { tr { th { "Tag" } th { "Image" } th { "Vulnerabilities" } th { "Size" } th { "Pushed" } th { "Chain" } } }
            tbody { @for row in &view.tags { (tag_row(name, row)) } }
        }
        @if view.tags.is_empty() { p { "No tag yet." } }
        @if let Some(next) = &view.next {
            p { a href={ "/repositories/" (name) "?after=" (next) } { "More" } }
        }
    };
    page(frame, name, &content)
}

fn tag_row(repository: &str, row: &TagRow) -> Markup {
    html! {
        tr data-tag=(row.tag) {
            td {
                a href={ "/images/" (repository) "@" (row.digest) } { (row.tag) } " "
                @if let Some(source) = &row.promoted_from {
                    span.badge.promoted title={ "promoted from " (source) } { "PROMOTED" } " "
                }
                @if let Some(why) = &row.lapsed {
                    span.bad title=(why) { "✕ no longer satisfies its policy" } " "
                }
                @if !row.signed_by.is_empty() {
                    span.badge.signed title={ "signed by " (row.signed_by.join(", ")) } { "SIGNED" }
                }
                @if row.signature_mismatch { span.bad { "✕ moved after it was signed" } }
            }
            td { (short_digest(&row.digest)) br; span.quiet { (row.platform) } }
            td { (shield(&row.scan)) }
            td { (size(row.size_bytes)) }
            td { (row.pushed_at) br; span.quiet { "by " (row.pushed_by) } }
            td { a href={ "/chain/" (row.digest) } { "chain" } }
        }
    }
}

/// Drawn, because few fonts have the sign; the words beside it say the same.
const SHIELD: PreEscaped<&str> = PreEscaped(
    r#"<svg viewBox="0 0 16 16" aria-hidden="true"><path fill="currentColor" d="M8 1 2 3v5c0 3.6 2.5 6 6 7 3.5-1 6-3.4 6-7V3z"/></svg>"#,
);

/// The shield of the reference architecture: green when nothing was found, red with the three counts when something was, and
/// neither while nothing is known.
pub(crate) fn shield(scan: &ScanState) -> Markup {
    match scan {
        ScanState::Done(counts) if counts.all() == 0 => html! {
            span.shield.good data-shield="green" { (SHIELD) "Clean" }
            @if counts.waived > 0 { " " span.quiet { (counts.waived) " waived" } }
        },
        ScanState::Done(counts) => red(*counts),
        ScanState::Partly(counts, why) => html! { (red(*counts)) br; span.wait { "? and more unknown: " (why) } },
        ScanState::Pending => html! { span.shield.wait data-shield="pending" { "⏳ scanning" } },
        ScanState::Unknown(why) => html! { span.shield.wait data-shield="unknown" { "? unknown: " (why) } },
    }
}

fn red(counts: Counts) -> Markup {
    html! {
        span.shield.bad data-shield="red" {
            (SHIELD) (counts.critical) " critical, " (counts.major) " major, " (counts.minor) " minor"
            @if counts.unknown > 0 { ", " (counts.unknown) " unknown" }
        }
        @if counts.waived > 0 { " " span.quiet { (counts.waived) " waived" } }
    }
}

/// Bytes in a unit a person reads.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = "B";
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{}.{} {unit}", tenths / 10, tenths % 10) }
}

#[cfg(test)]
mod tests {
    use super::{Counts, ScanState, shield, size};

    #[test]
    fn unknown_is_never_green() {
        let unknown = shield(&ScanState::Unknown("not scanned".into())).into_string();
        assert!(!unknown.contains("green") && unknown.contains("unknown: not scanned"));
        let clean = shield(&ScanState::Done(Counts::default())).into_string();
        assert!(clean.contains("data-shield=\"green\""));
        let nothing = Counts::default();
        let partly = shield(&ScanState::Partly(nothing, "a layer is encrypted".into())).into_string();
        assert!(!partly.contains("green") && partly.contains("a layer is encrypted"));
        let one = Counts { unknown: 1, ..Counts::default() };
        assert!(shield(&ScanState::Done(one)).into_string().contains("data-shield=\"red\""));
    }

    #[test]
    fn what_comes_from_outside_is_text() {
        let hostile = shield(&ScanState::Unknown("<script>alert(1)</script>".into())).into_string();
        assert!(!hostile.contains("<script>"));
    }

    #[test]
    fn sizes() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1024), "1.0 KiB");
        assert_eq!(size(1_572_864), "1.5 MiB");
    }
}

//! The advisories that findings are made with: which, how old, from whom, and newer ones.

use maud::{Markup, html};

use crate::{Frame, assets::address, layout::page};

/// The snapshot in use, and how new ones come.
#[derive(Clone, Debug)]
pub struct AdvisoriesView {
    pub label: String,
    pub digest: String,
    /// In words, and whether it is stale.
    pub age: (String, bool),
    pub in_use_since: Option<String>,
    /// Names and ids of keys; empty for one that nobody vouches for.
    pub signed_by: Vec<String>,
    pub vulnerabilities: usize,
    pub advisories: usize,
    pub packages: usize,
    pub sources: Vec<SourceView>,
    pub updates: UpdatesView,
    /// Whether the reader may bring another.
    pub may_change: bool,
}

/// One database that records were taken from.
#[derive(Clone, Debug)]
pub struct SourceView {
    pub name: String,
    pub date: Option<String>,
    pub records: u64,
}

/// How new ones come.
#[derive(Clone, Debug)]
pub struct UpdatesView {
    /// While the scanner is switched off, none does.
    pub scanner_on: bool,
    pub online: bool,
    pub urls: Vec<String>,
    /// `03:00`
    pub daily_at: String,
    /// Names and ids of trusted keys.
    pub trusted: Vec<String>,
    pub stale_days: u32,
    /// Why the last one was refused or could not be fetched.
    pub error: Option<String>,
    pub asked_at: Option<String>,
    pub answered_at: Option<String>,
    /// What is being fetched.
    pub progress: Option<String>,
}

/// How old a snapshot is: words behind its label, with a sign where it is stale.
pub(crate) fn aged((words, stale): &(String, bool)) -> Markup {
    html! {
        @if *stale { ", " span.wait data-stale { "⚠ " (words) } } @else { span.quiet { ", " (words) } }
    }
}

/// The page.
pub fn advisories(frame: &Frame, view: &AdvisoriesView) -> Markup {
    let content = html! {
        dl.facts #snapshot {
            dt { "In use" } dd { (view.label) (aged(&view.age)) }
            dt { "Digest" } dd { code { (view.digest) } }
            @if let Some(since) = &view.in_use_since { dt { "Taken here" } dd { (since) } }
            dt { "Signed by" }
            dd {
                @if view.signed_by.is_empty() { span.wait { "? nobody that is trusted here" } }
                @for key in &view.signed_by { code { (key) } " " }
            }
            dt { "Holds" }
            dd {
                (view.vulnerabilities) " vulnerabilities, told in " (view.advisories) " records about "
                (view.packages) " packages"
            }
        }
        (updates(&view.updates))
        @if view.may_change { (forms(&view.updates)) }
        (sources(&view.sources))
    };
    page(frame, "Advisories", &content)
}

fn updates(view: &UpdatesView) -> Markup {
    html! {
        h2 { "New advisories" }
        dl.facts #updates {
            dt { "Fetched" }
            dd {
                @if view.online { "every day at " (view.daily_at) " UTC, from" } @else { "never: this server is set to offline" }
                @for url in &view.urls { " " code { (url) } }
                @if view.online && view.urls.is_empty() { " nowhere yet: no address is set" }
            }
            dt { "Trusted" }
            dd {
                @for key in &view.trusted { code { (key) } " " }
                @if view.trusted.is_empty() { "no key: administrators may bring unsigned ones, and none is fetched" }
            }
            dt { "Stale" } dd { "after " (view.stale_days) " days" }
            @if let Some(at) = &view.asked_at { dt { "Last asked" } dd { (at) } }
            @if let Some(at) = &view.answered_at { dt { "Last answered" } dd { (at) } }
            @if let Some(error) = &view.error { dt { "Last update" } dd { span.bad { "✕ " (error) } } }
            @if let Some(progress) = &view.progress {
                dt { "Now" } dd { still-running { span.wait { "⏳ " (progress) } } }
            }
        }
    }
}

fn forms(view: &UpdatesView) -> Markup {
    html! {
        @if !view.scanner_on { p.wait { "The scanner is switched off, and takes no advisories." } }
        @else {
            @if view.online {
                form.inline method="post" action="/advisories/fetch" { button type="submit" { "Fetch now" } }
            }
            upload-form {
                form.inline method="post" action="/advisories/upload" enctype="multipart/form-data" {
                    label {
                        "A snapshot, or a delta to the one in use (.tar)"
                        input type="file" name="file" required;
                    }
                    button type="submit" { "Upload" }
                }
                progress hidden aria-label="How far the upload is" {}
            }
            p.quiet { "Everything that was scanned is matched again; no image is read for that." }
            script type="module" src=(address("/assets/upload.js")) {}
        }
    }
}

fn sources(sources: &[SourceView]) -> Markup {
    html! {
        h2 { "Sources" }
        @if sources.is_empty() { p { "The snapshot does not say where its records come from." } }
        @else {
            table #sources {
                thead { tr { th { "Source" } th { "Newest record" } th { "Records" } } }
                tbody {
                    @for source in sources {
                        tr {
                            td { (source.name) }
                            td { (source.date.as_deref().unwrap_or("not known")) }
                            td { (source.records) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::aged;

    #[test]
    fn a_stale_age_is_a_word_and_a_sign() {
        let stale = aged(&("of <b>, 9 days old: STALE".to_owned(), true)).into_string();
        assert!(stale.contains("⚠") && stale.contains("STALE") && !stale.contains("<b>"), "{stale}");
        assert!(!aged(&("of yesterday".to_owned(), false)).into_string().contains("⚠"));
    }
}

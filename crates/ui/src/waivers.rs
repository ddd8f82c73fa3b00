//! Waivers: which findings somebody accepted where and why, who agreed, and the form that asks for one.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal, button, unfolded},
    layout::page,
    tabs::{Tab, Tabs},
};

/// The waivers of one scope, or all that the reader may see.
#[derive(Clone, Debug)]
pub struct WaiversView {
    /// `admin/shop`, `admin/*`, a digest, `everywhere`.
    pub scope: Option<String>,
    /// Where the scope is a repository.
    pub tabs: Option<Tabs>,
    pub waivers: Vec<WaiverRow>,
    /// A waiver counts only once somebody else approved it.
    pub need_approval: bool,
    /// The reader may change that.
    pub administrator: bool,
    pub refused: Option<Refusal>,
}

/// One waiver.
#[derive(Clone, Debug)]
pub struct WaiverRow {
    pub id: String,
    pub advisory: String,
    /// Component and version it is narrowed to.
    pub component: Option<String>,
    pub scope: String,
    /// In words of OpenVEX.
    pub justification: Option<String>,
    pub reason: String,
    pub author: String,
    pub created: String,
    pub state: WaiverState,
    pub until: Option<String>,
    /// The reader may approve it.
    pub approvable: bool,
    /// The reader may take it back.
    pub removable: bool,
}

/// How a waiver stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaiverState {
    /// Who approved it and when, where that was needed.
    InForce(Option<(String, String)>),
    Proposed,
    Expired,
}

/// A waiver as somebody is asking for it.
#[derive(Clone, Debug, Default)]
pub struct WaiverForm {
    /// Of the image it was asked from: repository and digest.
    pub from: Option<(String, String)>,
    /// Where it could hold, with words; empty where that has to be typed.
    pub scopes: Vec<(String, String)>,
    pub scope: String,
    pub advisory: String,
    pub component: String,
    pub version: String,
    pub justification: String,
    /// Word and meaning.
    pub justifications: Vec<(&'static str, &'static str)>,
    pub reason: String,
    /// A day.
    pub until: String,
    pub need_approval: bool,
    pub refused: Option<Refusal>,
}

/// The list.
pub fn waivers(frame: &Frame, view: &WaiversView) -> Markup {
    let title = match &view.scope {
        Some(scope) => format!("Waivers of {scope}"),
        None => "Waivers".to_owned(),
    };
    let content = html! {
        @if let Some(tabs) = &view.tabs { (tabs.at(frame, Tab::Waivers)) }
        p {
            "A waiver says that a finding is accepted, where and why; it then counts in no policy. "
            @if view.need_approval { "It counts once somebody else approved it." } @else { "It counts at once." }
        }
        p.quiet {
            @if let Some(scope) = &view.scope {
                "Wider ones hold here too: " a href="/waivers" { "all that you may see" } ". "
                @if view.tabs.is_some() { a href={ "/waivers/new?scope=" (scope) } { "New waiver" } ". " }
            } @else { a href="/waivers/new" { "New waiver" } ". " }
            "What an image's waivers say is in its OpenVEX document, to be had on the image's page."
        }
        (Fields(view.refused.as_ref()).top())
        @if view.waivers.is_empty() { p { "No waiver." } }
        @else { div.wide { table #waivers {
            thead { tr { th { "Finding" } th { "Where" } th { "Why" } th { "Who" } th { "State" } th { span.unseen { "Actions" } } } }
            tbody { @for row in &view.waivers { (waiver_row(view, row)) } }
        } } }
        @if view.administrator { (approval_setting(view.need_approval)) }
    };
    page(frame, &title, &content)
}

fn waiver_row(view: &WaiversView, row: &WaiverRow) -> Markup {
    let action = |verb: &str| format!("/waivers/{}/{verb}", row.id);
    let hidden = [("scope", view.scope.as_deref().unwrap_or_default())];
    html! {
        tr data-waiver=(row.id) {
            td { (row.advisory) @if let Some(component) = &row.component { br; span.quiet { "in " (component) } } }
            td { (row.scope) }
            td { (row.reason) @if let Some(why) = &row.justification { br; code.quiet { (why) } } }
            td { (row.author) br; span.quiet { (row.created) } }
            td {
                @match &row.state {
                    WaiverState::InForce(None) => span.good { "✓ in force" },
                    WaiverState::InForce(Some((by, at))) => { span.good { "✓ in force" } br; span.quiet { "approved by " (by) ", " (at) } },
                    WaiverState::Proposed => span.wait { "⏳ proposed: waits for somebody else" },
                    WaiverState::Expired => span.quiet { "○ expired" },
                }
                @if let Some(until) = &row.until { br; span.quiet { "until " (until) } }
            }
            td { div.actions {
                @if row.approvable { (button(&action("approve"), &hidden, "Approve")) }
                @if row.removable && row.approvable { (unfolded(&action("withdraw"), &hidden, "Refuse", "The proposal is deleted; the log keeps that it was made and refused.")) }
                @else if row.removable { (unfolded(&action("withdraw"), &hidden, "Withdraw", "Its findings count again. What was promoted stays promoted.")) }
            } }
        }
    }
}

fn approval_setting(need: bool) -> Markup {
    html! {
        h2 { "Two people" }
        p { "For the whole installation, from now on: " @if need { "a waiver counts once somebody else approved it." } @else { "a waiver counts at once." } }
        (button("/waivers/settings", &[("need", if need { "false" } else { "true" })], if need { "Ask for no approval" } else { "Ask for an approval by somebody else" }))
    }
}

/// The form that asks for one.
pub fn waiver_form(frame: &Frame, form: &WaiverForm) -> Markup {
    let fields = Fields(form.refused.as_ref());
    let content = html! {
        @if let Some((repository, digest)) = &form.from {
            p { "Asked from " a href={ "/images/" (repository) "@" (digest) } { (repository) "@" (crate::layout::short(digest)) } "." }
        }
        @if form.need_approval { p { "It is a proposal until somebody else who may waive there approves it." } }
        (fields.top())
        form.stacked method="post" action="/waivers/create" {
            @if let Some((repository, digest)) = &form.from {
                input type="hidden" name="repository" value=(repository);
                input type="hidden" name="image" value=(digest);
            }
            (fields.text("Finding", "advisory", &form.advisory, "CVE-2021-44228"))
            @if form.scopes.is_empty() {
                (fields.text("Where it holds", "scope", &form.scope, "namespace/name, namespace/*, sha256:…, layer:sha256:… or everywhere"))
            } @else {
                (fields.choice("Where it holds", "scope", &form.scope, form.scopes.iter().map(|(scope, words)| (scope.as_str(), words.as_str()))))
            }
            (fields.text("Component; empty for all", "component", &form.component, "openssl"))
            (fields.text("Version of it; empty for all", "version", &form.version, ""))
            (fields.choice("Why the image is not affected", "justification", &form.justification,
                [("", "It may be: the risk is accepted")].into_iter().chain(form.justifications.iter().copied())))
            (fields.area("Reason", "reason", &form.reason, (3, "who decided, and where more is written")))
            (fields.input("Until the end of this day (UTC); empty for ever", "until", "date", &form.until, ""))
            div.actions { button type="submit" { @if form.need_approval { "Propose" } @else { "Waive" } } }
        }
    };
    page(frame, "New waiver", &content)
}

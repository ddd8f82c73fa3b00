//! Pruning of a repository: what tags go by themselves and why, a form for a policy, and what a draft would delete.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal, RulesHelp, button, unfolded},
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
};

/// What is pruned in one repository.
#[derive(Clone, Debug)]
pub struct PruningView {
    pub tabs: Tabs,
    pub policies: Vec<PruningRow>,
    /// 0 for none.
    pub tag_limit: u32,
    /// The form, for who may write policies here.
    pub form: Option<PruningForm>,
    pub help: RulesHelp,
    /// The latest tags that went by themselves.
    pub gone: Vec<GoneTag>,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct PruningRow {
    pub id: String,
    pub enabled: bool,
    /// In words.
    pub rules: Vec<String>,
    /// Only tags that were set from then on.
    pub since: Option<String>,
    pub promoted_too: bool,
    pub last_pruned: Option<String>,
}

/// A tag that a policy or the limit deleted.
#[derive(Clone, Debug)]
pub struct GoneTag {
    pub at: String,
    pub tag: String,
    pub digest: String,
    /// `pruning policy`, `tag limit`.
    pub by: String,
    pub reasons: Vec<String>,
}

/// A policy as somebody is writing it.
#[derive(Clone, Debug, Default)]
pub struct PruningForm {
    /// The policy that is changed; empty for a new one.
    pub policy: String,
    pub rules: String,
    pub enabled: bool,
    pub promoted_too: bool,
    pub refused: Option<Refusal>,
    pub tried: Option<Tried>,
}

/// What a draft would do to the tags there are.
#[derive(Clone, Debug)]
pub struct Tried {
    pub rows: Vec<TriedRow>,
    /// There are more than are shown.
    pub more: bool,
}

/// One tag, judged by a draft.
#[derive(Clone, Debug)]
pub struct TriedRow {
    pub tag: String,
    pub digest: String,
    /// It would go; else `reasons` say why it stays.
    pub goes: bool,
    /// Whether that is so is not known.
    pub unknown: bool,
    pub reasons: Vec<String>,
}

/// The page.
pub fn pruning(frame: &Frame, view: &PruningView) -> Markup {
    let content = html! {
        (view.tabs.at(frame, Tab::Pruning))
        p {
            "Every fifteen minutes each tag that satisfies all rules of one of these policies is deleted, unless it is signed, promoted or part of an index. "
            "It can be brought back for a while."
        }
        p.quiet {
            @match view.tag_limit { 0 => "No tag limit.", limit => { "At most " (limit) " tags: a push beyond that drops the one that was set the longest ago." } }
            @if view.tabs.administers { " " a href={ "/settings/of/" (view.tabs.repository) } { "Change the limit" } }
        }
        @if view.policies.is_empty() { p { "No policy yet: only the limit and people delete tags." } }
        @else { div.wide { table #policies {
            thead { tr { th { "A tag goes when" } th { "Of" } th { "State" } th { "Last pruned" } @if view.form.is_some() { th { span.unseen { "Actions" } } } } }
            tbody { @for row in &view.policies { (policy_row(view, row)) } }
        } } }
        @if let Some(form) = &view.form { (form_of(view, form)) }
        h2 { "Tags that went" }
        @if view.gone.is_empty() { p { "None went by a policy or the limit of late." } }
        @else { div.wide { table #gone {
            thead { tr { th { "When" } th { "Tag" } th { "Image" } th { "By" } th { "Why" } } }
            tbody { @for gone in &view.gone { tr {
                td { (gone.at) }
                td { (gone.tag) }
                td { (short_digest(&gone.digest)) }
                td { (gone.by) }
                td { @for reason in &gone.reasons { (reason) br; } }
            } } }
        } } }
    };
    page(frame, &format!("Pruning of {}", view.tabs.repository), &content)
}

fn policy_row(view: &PruningView, row: &PruningRow) -> Markup {
    let hidden = [("repository", view.tabs.repository.as_str())];
    let action = |verb: &str| format!("/pruning/{}/{verb}", row.id);
    html! {
        tr data-policy=(row.id) {
            td { @for (number, rule) in row.rules.iter().enumerate() { @if number > 0 { br; span.quiet { "and " } } (rule) } }
            td {
                @match &row.since { None => "all tags", Some(since) => { "tags set since " (since) } }
                @if row.promoted_too { br; span.quiet { "also promoted ones" } }
            }
            td { @if row.enabled { span.good { "✓ enabled" } } @else { span.quiet { "○ disabled" } } }
            td { (row.last_pruned.as_deref().unwrap_or("never")) }
            @if view.form.is_some() { td { div.actions {
                a.button href={ "/pruning/of/" (view.tabs.repository) "?edit=" (row.id) "#form" } { "Edit" }
                @if row.enabled { (button(&action("disable"), &hidden, "Disable")) } @else { (button(&action("enable"), &hidden, "Enable")) }
                (unfolded(&action("delete"), &hidden, "Delete", "What it deleted stays so, and can be brought back as before."))
            } } }
        }
    }
}

fn form_of(view: &PruningView, form: &PruningForm) -> Markup {
    let fields = Fields(form.refused.as_ref());
    html! {
        h2 #form { @if form.policy.is_empty() { "New policy" } @else { "Change the policy" } }
        (fields.top())
        form.stacked method="post" action="/pruning/save" {
            input type="hidden" name="repository" value=(view.tabs.repository);
            input type="hidden" name="policy" value=(form.policy);
            (fields.rules("Delete a tag if every one of these holds, one a line", &form.rules, &view.help, "updated_at_duration bf 720h"))
            (fields.check("Also tags that came by a promotion", "promoted_too", form.promoted_too))
            (fields.check("Enabled", "enabled", form.enabled))
            div.actions {
                button type="submit" formaction="/pruning/try" { "Show what would go" }
                button type="submit" { "Prune future tags" }
                button type="submit" formaction="/pruning/save?all=true" { "Prune all tags" }
                @if !form.policy.is_empty() { a.button href={ "/pruning/of/" (view.tabs.repository) } { "Cancel" } }
            }
        }
        @if let Some(tried) = &form.tried { (tried_of(tried)) }
    }
}

fn tried_of(tried: &Tried) -> Markup {
    let going = tried.rows.iter().filter(|row| row.goes).count();
    html! {
        h2 #tried { "What would go" }
        p role="status" {
            (going) " of the " (tried.rows.len()) " tags would go"
            @if tried.more { span.quiet { "; there are more tags: all of them " code { "assay pruning test" } } }
        }
        div.wide { table {
            thead { tr { th { "Tag" } th { "Image" } th { "Would" } th { "Why" } } }
            tbody { @for row in &tried.rows {
                tr data-tag=(row.tag) data-goes=(row.goes) {
                    td { (row.tag) }
                    td { (short_digest(&row.digest)) }
                    td { @match (row.goes, row.unknown) {
                        (true, _) => span.bad { "✕ go" },
                        (false, true) => span.wait { "? stay, for it is not known" },
                        (false, false) => span.good { "✓ stay" },
                    } }
                    td { @for reason in &row.reasons { (reason) br; } }
                }
            } }
        } }
    }
}

//! Promotion policies: what goes on from where to where and why, a form to write one, and what a draft would do.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal, RulesHelp},
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
};

/// The policies of one repository, as source or as target.
#[derive(Clone, Debug)]
pub struct PoliciesView {
    pub tabs: Tabs,
    /// The repository is the source of these; else their target.
    pub source: bool,
    pub policies: Vec<PolicyRow>,
    /// The form, for who may write policies here.
    pub form: Option<PolicyForm>,
    pub help: RulesHelp,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct PolicyRow {
    pub id: String,
    /// The other repository.
    pub other: String,
    pub tag: String,
    pub enabled: bool,
    /// `vulnerability_all lte 0`, or a group in JSON.
    pub rules: Vec<String>,
    pub last_promoted: Option<String>,
    /// The reader may delete it.
    pub deletable: bool,
}

/// A policy as somebody is writing it.
#[derive(Clone, Debug, Default)]
pub struct PolicyForm {
    pub target: String,
    pub tag: String,
    pub rules: String,
    pub refused: Option<Refusal>,
    pub trials: Option<TrialsView>,
}

/// What a draft would do.
#[derive(Clone, Debug)]
pub struct TrialsView {
    /// With the evidence of past decisions.
    pub past: bool,
    pub rows: Vec<TrialRow>,
    /// There are more than are shown.
    pub more: bool,
}

/// One image, judged by a draft.
#[derive(Clone, Debug)]
pub struct TrialRow {
    pub tag: String,
    pub digest: String,
    pub at: String,
    pub verdict: Verdict,
    /// What was decided then.
    pub was: Option<Verdict>,
    /// The tag it would have in the target, or why none can be.
    pub target: Result<String, String>,
    pub present: bool,
    pub reasons: Vec<String>,
}

/// What came of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    Refused,
    Unknown,
}

/// One decision with its reasons.
#[derive(Clone, Debug)]
pub struct DecisionView {
    pub id: String,
    pub repository: String,
    pub tag: String,
    pub digest: String,
    pub verdict: Verdict,
    /// The word, and why.
    pub effect: (String, Option<String>),
    pub decided: String,
    pub evaluator: String,
    /// Outcome and sentence.
    pub reasons: Vec<(&'static str, String)>,
    pub policy_digest: String,
    pub evidence_digest: String,
    pub decision_digest: String,
    pub signed: bool,
}

/// Decisions about the images of a repository.
#[derive(Clone, Debug)]
pub struct DecisionsView {
    pub tabs: Tabs,
    pub decisions: Vec<DecisionView>,
    /// Where the next page starts.
    pub next: Option<String>,
}

/// The page of policies.
pub fn policies(frame: &Frame, view: &PoliciesView) -> Markup {
    let here = format!("/policies/of/{}", view.tabs.repository);
    let content = html! {
        (view.tabs.at(frame, Tab::Promotions))
        nav.switch aria-label="Side" {
            a href=(here) aria-current=[view.source.then_some("page")] { "Is source" } " · "
            a href={ (here) "?source=false" } aria-current=[(!view.source).then_some("page")] { "Is target" }
        }
        @if view.policies.is_empty() {
            p { @if view.source { "Nothing is promoted from here yet." } @else { "No policy promotes to here." } }
        } @else {
            table #policies {
                thead { tr {
                    th { @if view.source { "Target repository" } @else { "Source repository" } }
                    th { "Tag in target" } th { "Criteria" } th { "Last promoted" } th { "" }
                } }
                tbody { @for row in &view.policies { (policy_row(row)) } }
            }
        }
        @if let Some(form) = &view.form { (policy_form(view, form)) }
    };
    page(frame, &format!("Promotions of {}", view.tabs.repository), &content)
}

fn policy_row(row: &PolicyRow) -> Markup {
    html! {
        tr data-policy=(row.id) {
            td { a href={ "/policies/of/" (row.other) } { (row.other) } @if !row.enabled { br; span.quiet { "○ disabled" } } }
            td { code { (row.tag) } }
            td {
                @if row.rules.is_empty() { span.quiet { "none: everything is promoted" } }
                @for rule in &row.rules { code { (rule) } br; }
            }
            td { (row.last_promoted.as_deref().unwrap_or("never")) }
            td {
                @if row.deletable {
                    form method="post" action={ "/policies/" (row.id) "/delete" } { button type="submit" { "Delete" } }
                }
            }
        }
    }
}

fn policy_form(view: &PoliciesView, form: &PolicyForm) -> Markup {
    let fields = Fields(form.refused.as_ref());
    html! {
        h2 { "New policy" }
        (fields.top())
        form.stacked method="post" action="/policies/save" {
            input type="hidden" name="source" value=(view.tabs.repository);
            (fields.rules("Promote to target if every one of these holds, one a line", &form.rules, &view.help, "vulnerability_all lte 0"))
            label {
                "Target repository"
                input name="target" required value=(form.target) placeholder="namespace/name" autocomplete="off";
            }
            label {
                "Tag name in target"
                input name="tag" required value=(form.tag) autocomplete="off";
                span.quiet { "%n is the tag itself, %Y %m %d the day" }
            }
            div.actions {
                button type="submit" formaction="/policies/try" { "Try on what is here" }
                button type="submit" formaction="/policies/try?past=true" { "Try on the past" }
                button type="submit" { "Save" }
                button type="submit" formaction="/policies/save?apply=true" { "Save & Apply" }
            }
        }
        @if let Some(trials) = &form.trials { (trials_of(trials)) }
    }
}

fn trials_of(view: &TrialsView) -> Markup {
    let count = |verdict| view.rows.iter().filter(|row| row.verdict == verdict).count();
    html! {
        h2 #trials { @if view.past { "What it would have decided" } @else { "What it would decide" } }
        p {
            (count(Verdict::Allowed)) " promoted, " (count(Verdict::Refused)) " refused, " (count(Verdict::Unknown)) " unknown"
            @if view.more { span.quiet { " of the first " (view.rows.len()) "; all of them: " code { "assay policy test" } } }
        }
        table {
            thead { tr {
                th { "Tag" } th { "Image" } @if view.past { th { "Decided" } th { "Was" } } th { "Would be" } th { "Tag in target" } th { "Why" }
            } }
            tbody { @for row in &view.rows {
                tr data-tag=(row.tag) data-verdict=(word(row.verdict)) {
                    td { (row.tag) }
                    td { (short_digest(&row.digest)) }
                    @if view.past { td { (row.at) } td { @if let Some(was) = row.was { (verdict(was)) } } }
                    td { (verdict(row.verdict)) }
                    td { @match &row.target {
                        Ok(tag) => { code { (tag) } @if row.present { " " span.quiet { "there already" } } }
                        Err(why) => span.bad { (why) },
                    } }
                    td { @for reason in &row.reasons { (reason) br; } }
                }
            } }
        }
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::Refused => "refused",
        Verdict::Unknown => "unknown",
    }
}

fn verdict(verdict: Verdict) -> Markup {
    html! { @match verdict {
        Verdict::Allowed => span.good { "✓ allowed" },
        Verdict::Refused => span.bad { "✕ refused" },
        Verdict::Unknown => span.wait { "? unknown" },
    } }
}

/// The page of all decisions of a repository.
pub fn decisions(frame: &Frame, view: &DecisionsView) -> Markup {
    let content = html! {
        (view.tabs.at(frame, Tab::Decisions))
        @if view.decisions.is_empty() { p { "Nothing was decided about images of this repository yet." } }
        @else {
            table {
                thead { tr { th { "Decided" } th { "Tag" } th { "Image" } th { "Verdict" } th { "Effect" } th { "Why" } } }
                tbody { @for one in &view.decisions {
                    tr data-decision=(one.id) {
                        td { a href={ "/decisions/" (one.id) } { (one.decided) } }
                        td { (one.tag) }
                        td { (short_digest(&one.digest)) }
                        td { (verdict(one.verdict)) }
                        td { (one.effect.0) }
                        td { @for (_, sentence) in &one.reasons { (sentence) br; } }
                    }
                } }
            }
        }
        @if let Some(next) = &view.next {
            p { a href={ "/decisions/of/" (view.tabs.repository) "?before=" (next) } { "More" } }
        }
    };
    page(frame, &format!("Decisions of {}", view.tabs.repository), &content)
}

/// The page of one decision.
pub fn decision(frame: &Frame, view: &DecisionView) -> Markup {
    let document = |name: &str| format!("/api/v1/decisions/{}/{name}", view.id);
    let content = html! {
        p { (verdict(view.verdict)) " " (view.repository) ":" (view.tag) ", " (view.decided) }
        dl.facts {
            dt { "Image" } dd { a href={ "/images/" (view.repository) "@" (view.digest) } { code { (view.digest) } } }
            dt { "Effect" } dd { (view.effect.0) @if let Some(why) = &view.effect.1 { ": " (why) } }
            dt { "Evaluator" } dd { code { (view.evaluator) } }
            dt { "Policy" } dd { a href=(document("policy")) { code { (view.policy_digest) } } }
            dt { "Evidence" } dd { a href=(document("evidence")) { code { (view.evidence_digest) } } }
            dt { "Decision" } dd { a href=(document("decision")) { code { (view.decision_digest) } } }
            @if view.signed { dt { "Signed" } dd { a href=(document("statement")) { "verification summary" } } }
        }
        h2 { "Reasons" }
        table { tbody { @for (outcome, sentence) in &view.reasons {
            tr { td { (outcome) } td { (sentence) } }
        } } }
        @if view.reasons.is_empty() { p { "The policy has no rules: it allows everything." } }
        p.quiet { "Made again from these documents, without the server: " code { "assay decision recompute " (view.id) } }
    };
    page(frame, "Decision", &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text() {
        let frame = Frame { account: None, authority: "h".into() };
        let bad = "<script>alert(1)</script>".to_owned();
        let row = TrialRow {
            tag: bad.clone(),
            digest: bad.clone(),
            at: bad.clone(),
            verdict: Verdict::Unknown,
            was: None,
            target: Err(bad.clone()),
            present: false,
            reasons: vec![bad.clone()],
        };
        let trials = TrialsView { past: true, rows: vec![row], more: true };
        let form = PolicyForm {
            target: bad.clone(),
            tag: bad.clone(),
            rules: bad.clone(),
            refused: Some(Refusal { field: "", why: bad }),
            trials: Some(trials),
        };
        let view = PoliciesView {
            tabs: Tabs { repository: "a/b".into(), administers: true },
            source: true,
            policies: Vec::new(),
            form: Some(form),
            help: RulesHelp::default(),
        };
        let html = policies(&frame, &view).into_string();
        assert!(!html.contains("<script>alert") && html.contains("&lt;script&gt;alert"));
        assert!(html.contains("0 promoted, 0 refused, 1 unknown"));
    }
}

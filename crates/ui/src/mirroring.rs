//! Mirroring of a repository: its policies, one of them with how far each tag is, and the form that makes and tries one.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal, RulesHelp, button, unfolded},
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
    tags::size,
};

/// The policies of one repository; for those who may change them.
#[derive(Clone, Debug)]
pub struct MirroringView {
    pub tabs: Tabs,
    pub policies: Vec<MirroringRow>,
    pub form: MirroringForm,
    pub help: RulesHelp,
}

/// One policy.
#[derive(Clone, Debug)]
pub struct MirroringRow {
    pub id: String,
    /// Images go there; else they are fetched from there.
    pub push: bool,
    /// `host/repository`.
    pub remote: String,
    /// In words; a policy that polls has none.
    pub rules: Vec<String>,
    pub tag: String,
    pub enabled: bool,
    pub last_mirrored: Option<String>,
    pub state: MirrorState,
}

/// How the last try went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MirrorState {
    Waiting,
    /// When.
    Good(String),
    /// When, and why.
    Failed(String, String),
}

/// One policy with all there is to know of it.
#[derive(Clone, Debug)]
pub struct MirrorView {
    pub tabs: Tabs,
    pub row: MirroringRow,
    pub host: String,
    pub username: String,
    /// A password or token is kept; it is never shown.
    pub has_secret: bool,
    pub verified: &'static str,
    pub created: (String, String),
    pub work: Vec<MirrorWork>,
    pub form: MirroringForm,
    pub help: RulesHelp,
    /// What trying the connection came to.
    pub connection: Option<Result<String, String>>,
}

/// One tag and how far it is.
#[derive(Clone, Debug)]
pub struct MirrorWork {
    pub tag: String,
    pub digest: String,
    pub remote_tag: String,
    pub state: WorkState,
    /// Blobs that are there, and all that are known of.
    pub blobs: (u64, u64),
    pub bytes: (u64, u64),
    pub at: String,
}

/// How one tag stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkState {
    Mirrored,
    Waiting,
    /// How often, and why the last try failed.
    Failing(u64, String),
}

/// A policy as somebody is writing it; what is secret is typed anew each time.
#[derive(Clone, Debug, Default)]
pub struct MirroringForm {
    /// The policy that is changed; empty for a new one.
    pub policy: String,
    pub direction: String,
    pub host: String,
    pub remote: String,
    pub username: String,
    pub ca: String,
    pub skip_tls: bool,
    pub referrers: bool,
    pub enabled: bool,
    pub rules: String,
    pub tag: String,
    pub refused: Option<Refusal>,
    /// What trying the connection came to.
    pub connection: Option<Result<String, String>>,
}

/// The page of all policies.
pub fn mirroring(frame: &Frame, view: &MirroringView) -> Markup {
    let repository = &view.tabs.repository;
    let content = html! {
        (view.tabs.at(frame, Tab::Mirroring))
        p.quiet { "Images of this repository follow push policies to other registries; a policy that polls fetches those of another registry, every half hour." }
        @if view.policies.is_empty() { p { "Nothing is mirrored yet." } }
        @else { div.wide { table #policies {
            thead { tr { th { "Direction" } th { "Remote repository" } th { "What" } th { "State" } th { "Last mirrored" } } }
            tbody { @for row in &view.policies {
                tr data-policy=(row.id) {
                    td { (if row.push { "push" } else { "poll" }) @if !row.enabled { br; span.quiet { "○ disabled" } } }
                    td { a href={ "/mirroring/of/" (repository) "?policy=" (row.id) } { (row.remote) } }
                    td { (what(row)) }
                    td { (state(&row.state)) }
                    td { (row.last_mirrored.as_deref().unwrap_or("never")) }
                }
            } }
        } } }
        h2 #form { "New policy" }
        (form_of(repository, &view.form, &view.help))
    };
    page(frame, &format!("Mirroring of {repository}"), &content)
}

fn what(row: &MirroringRow) -> Markup {
    html! {
        @if row.rules.is_empty() { "all tags" }
        @for (number, rule) in row.rules.iter().enumerate() { @if number > 0 { br; span.quiet { "and " } } (rule) }
        @if row.push && row.tag != "%n" { br; span.quiet { "as " code { (row.tag) } } }
    }
}

fn state(state: &MirrorState) -> Markup {
    html! { @match state {
        MirrorState::Waiting => span.wait { "⏳ not tried yet" },
        MirrorState::Good(at) => { span.good { "✓ went well" } br; span.quiet { (at) } },
        MirrorState::Failed(at, why) => { span.bad { "✕ failed: " (why) } br; span.quiet { (at) } },
    } }
}

/// The page of one policy.
pub fn mirror(frame: &Frame, view: &MirrorView) -> Markup {
    let (row, repository) = (&view.row, &view.tabs.repository);
    let hidden = [("repository", repository.as_str()), ("direction", if row.push { "push" } else { "poll" })];
    let action = |verb: &str| format!("/mirroring/{}/{verb}", row.id);
    let content = html! {
        (view.tabs.at(frame, Tab::Mirroring))
        p { a href={ "/mirroring/of/" (repository) } { "All policies" } }
        p.verdict { (state(&row.state)) }
        dl.facts #mirror {
            dt { "Direction" } dd { @if row.push { "push: images go there" } @else { "poll: images are fetched from there" } }
            dt { "Registry" } dd { code { (view.host) } }
            dt { "Repository there" } dd { (row.remote) }
            dt { "What" } dd { (what(row)) }
            dt { "Enabled" } dd { (if row.enabled { "yes" } else { "no" }) }
            dt { "Signed in as" }
            dd {
                @if view.username.is_empty() && !view.has_secret { "nobody" } @else { (view.username) }
                @if view.has_secret { span.quiet { " with a password or token that is kept sealed" } }
            }
            dt { "Verified by" } dd { (view.verified) }
            dt { "Created" } dd { (view.created.0) " by " (view.created.1) }
            dt { "Last mirrored" } dd { (row.last_mirrored.as_deref().unwrap_or("never")) }
        }
        (connection(view.connection.as_ref()))
        (Fields(view.form.refused.as_ref()).top())
        div.actions {
            @if row.enabled { (button(&action("run"), &hidden, "Run now")) }
            (button(&action("test"), &hidden, "Test the connection"))
            @if row.enabled { (button(&action("disable"), &hidden, "Disable")) } @else { (button(&action("enable"), &hidden, "Enable")) }
            details open[view.form.refused.is_some()] {
                summary { "Change" }
                (form_of(repository, &view.form, &view.help))
            }
            (unfolded(&action("delete"), &hidden, "Delete", "Its credentials go too. What it mirrored stays where it is."))
        }
        h2 { "Images" }
        @if view.work.is_empty() { p { "It asks for no image yet." } }
        @else { div.wide { table #work {
            thead { tr { th { "Tag" } th { "Image" } th { "There" } th { "State" } th { "Progress" } th { "When" } } }
            tbody { @for work in &view.work { (work_row(work)) } }
        } } }
    };
    page(frame, &format!("Mirroring of {repository}"), &content)
}

fn work_row(work: &MirrorWork) -> Markup {
    let (done, all) = work.blobs;
    html! {
        tr data-tag=(work.tag) {
            td { (work.tag) }
            td { (short_digest(&work.digest)) }
            td { (work.remote_tag) }
            td { @match &work.state {
                WorkState::Mirrored => span.good { "✓ mirrored" },
                WorkState::Waiting => span.wait { "⏳ waiting" },
                WorkState::Failing(times, why) => span.bad { "✕ failed " (times) @if *times == 1 { " time: " } @else { " times: " } (why) },
            } }
            td { @if all > 0 {
                @if work.state != WorkState::Mirrored { progress max=(all) value=(done) aria-label="Blobs" {} br; }
                (done) " of " (all) " blobs, " (size(work.bytes.0)) " of " (size(work.bytes.1))
            } }
            td { (work.at) }
        }
    }
}

fn connection(outcome: Option<&Result<String, String>>) -> Markup {
    html! { @match outcome {
        None => {},
        Some(Ok(words)) => p.good role="status" { "✓ " (words) },
        Some(Err(why)) => p.bad role="alert" { "✕ " (why) },
    } }
}

fn form_of(repository: &str, form: &MirroringForm, help: &RulesHelp) -> Markup {
    let fields = Fields(form.refused.as_ref());
    let (is_new, push) = (form.policy.is_empty(), form.direction != "poll");
    html! {
        @if is_new { (fields.top()) }
        (connection(form.connection.as_ref()))
        @if form.connection.is_some() { p.quiet { "A password or token has to be typed again; it is in no page." } }
        form.stacked method="post" action="/mirroring/save" {
            input type="hidden" name="repository" value=(repository);
            input type="hidden" name="policy" value=(form.policy);
            @if is_new {
                (fields.choice("Direction", "direction", &form.direction, [
                    ("push", "Push: images here go there"), ("poll", "Poll: images there are fetched"),
                ]))
            } @else { input type="hidden" name="direction" value=(form.direction); }
            (fields.text("Registry", "host", &form.host, "https://registry.example"))
            (fields.text("Repository there", "remote", &form.remote, "namespace/name"))
            (fields.text("User name there", "username", &form.username, ""))
            @let keeps = if is_new { "" } else { "; empty keeps the present one" };
            (fields.secret(&format!("Password{keeps}"), "password"))
            (fields.secret(&format!("Or a token{keeps}"), "token"))
            details open[!form.ca.is_empty() || form.skip_tls || !form.referrers || fields.0.is_some_and(|why| why.field == "ca")] {
                summary { "Show advanced settings" }
                div.stacked {
                    (fields.area("Certificates that are trusted there (PEM); empty for the usual ones", "ca", &form.ca, (4, "")))
                    (fields.check("Do not verify the other registry, and allow http://", "skip_tls", form.skip_tls))
                    (fields.check("Signatures and attestations come along", "referrers", form.referrers))
                }
            }
            @if is_new || push {
                @let only = if is_new { " (only for push)" } else { "" };
                (fields.rules(&format!("Push a tag if every one of these holds, one a line{only}"), &form.rules, help, "vulnerability_critical lte 0"))
                (fields.text(&format!("Tag there{only}; %n is the tag itself"), "tag", &form.tag, "%n"))
            }
            (fields.check("Enabled", "enabled", form.enabled))
            div.actions {
                @if is_new { button type="submit" formaction="/mirroring/try" { "Test the connection" } }
                button type="submit" { "Save" }
                button type="submit" formaction="/mirroring/save?apply=true" { "Save & Apply" }
            }
        }
    }
}

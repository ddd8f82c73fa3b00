//! The settings of a repository, and what a tag limit would drop.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal},
    layout::{page, short_digest},
    tabs::{Tab, Tabs},
};

/// The settings as they are, or as somebody is changing them.
#[derive(Clone, Debug)]
pub struct SettingsView {
    pub tabs: Tabs,
    pub public: bool,
    pub immutable: bool,
    pub scan_on_push: bool,
    pub only_robots_push: bool,
    pub short_description: String,
    pub long_description: String,
    /// As it was typed.
    pub tag_limit: String,
    pub refused: Option<Refusal>,
    /// They were kept just now.
    pub saved: bool,
    pub beyond: Option<Vec<BeyondRow>>,
}

/// A tag that a limit leaves over.
#[derive(Clone, Debug)]
pub struct BeyondRow {
    pub tag: String,
    pub digest: String,
    pub set: String,
    /// Why it stays all the same.
    pub kept: Option<String>,
}

/// The page; for those who may change them.
pub fn settings(frame: &Frame, view: &SettingsView) -> Markup {
    let fields = Fields(view.refused.as_ref());
    let content = html! {
        (view.tabs.at(frame, Tab::Settings))
        @if view.saved { p.good role="status" { "✓ Saved." } }
        (fields.top())
        form.stacked method="post" action="/settings/save" {
            input type="hidden" name="repository" value=(view.tabs.repository);
            (fields.choice("Visibility", "visibility", if view.public { "public" } else { "private" }, [
                ("private", "Private: those who were granted something see it"),
                ("public", "Public: everybody may pull"),
            ]))
            (fields.text("Description", "short_description", &view.short_description, ""))
            (fields.area("README", "long_description", &view.long_description, (6, "")))
            (fields.check("Scan on push", "scan_on_push", view.scan_on_push))
            (fields.check("Only robots and jobs of pipelines push here", "only_robots_push", view.only_robots_push))
            (fields.check("Immutable: a tag, once pushed, keeps its image", "immutable", view.immutable))
            (fields.input("Tag limit; 0 for none, and none while immutable", "tag_limit", "text", &view.tag_limit, "0"))
            div.actions {
                button type="submit" { "Save" }
                button type="submit" formaction="/settings/try" { "Show what the limit would drop" }
            }
        }
        @if let Some(rows) = &view.beyond { (beyond(rows)) }
    };
    page(frame, &format!("Settings of {}", view.tabs.repository), &content)
}

fn beyond(rows: &[BeyondRow]) -> Markup {
    let going = rows.iter().filter(|row| row.kept.is_none()).count();
    html! {
        h2 #beyond { "What the limit would drop" }
        p role="status" { "The next push of a new tag would drop " (going) " of the tags there are; nothing was saved." }
        @if !rows.is_empty() { div.wide { table {
            thead { tr { th { "Tag" } th { "Image" } th { "Set" } th { "Would" } } }
            tbody { @for row in rows {
                tr data-tag=(row.tag) {
                    td { (row.tag) } td { (short_digest(&row.digest)) } td { (row.set) }
                    td { @match &row.kept {
                        None => span.bad { "✕ go" },
                        Some(why) => { span.good { "✓ stay: " } (why) },
                    } }
                }
            } }
        } } }
    }
}

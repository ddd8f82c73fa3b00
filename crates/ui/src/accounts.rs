//! One account: its access tokens, its robots, and who pushes into its repositories.

use maud::{Markup, html};

use crate::{
    Frame,
    form::{Fields, Refusal, button, unfolded},
    layout::page,
};

/// What the owner of an account sees of it.
#[derive(Clone, Debug)]
pub struct AccountView {
    pub name: String,
    pub organization: bool,
    /// The organizations that this user owns.
    pub owns: Vec<String>,
    /// The tokens of a user, for that user and administrators.
    pub tokens: Option<Vec<TokenRow>>,
    pub robots: Vec<RobotRow>,
    pub only_robots_push: bool,
    pub token_form: TokenForm,
    pub robot_form: RobotForm,
    /// About neither form.
    pub refused: Option<Refusal>,
    /// A value that was made just now: of what, and the value. It is in this page and nowhere else.
    pub made: Option<(String, String)>,
}

/// One access token.
#[derive(Clone, Debug)]
pub struct TokenRow {
    pub id: String,
    pub label: String,
    /// What it may be used for at most; empty for everything.
    pub scope: Vec<String>,
    pub created: String,
    pub last_used: Option<String>,
    pub expires: Option<String>,
    pub state: (bool, &'static str),
    /// A program made it for its own sign-in.
    pub automatic: bool,
}

/// One robot.
#[derive(Clone, Debug)]
pub struct RobotRow {
    /// Its own part of the name: `deploy` of `ops+deploy`.
    pub own: String,
    pub description: String,
    pub grants: Vec<String>,
    pub last_used: Option<String>,
    pub expires: Option<String>,
    /// Tokens that can be used now.
    pub tokens: usize,
}

/// A token as somebody is making it.
#[derive(Clone, Debug, Default)]
pub struct TokenForm {
    pub label: String,
    pub scope: String,
    pub days: String,
    pub refused: Option<Refusal>,
}

/// A robot as somebody is making it.
#[derive(Clone, Debug, Default)]
pub struct RobotForm {
    pub name: String,
    pub description: String,
    pub grants: String,
    pub days: String,
    pub refused: Option<Refusal>,
}

/// The page.
pub fn account(frame: &Frame, view: &AccountView) -> Markup {
    let content = html! {
        p.quiet { (if view.organization { "organization" } else { "user" }) " · " a href={ "/waivers?scope=" (view.name) "/*" } { "Waivers" } " · " a href={ "/webhooks/of/" (view.name) } { "Webhooks" } }
        @if !view.owns.is_empty() { p { "Owner of " @for (number, name) in view.owns.iter().enumerate() { @if number > 0 { ", " } a href={ "/accounts/" (name) } { (name) } } } }
        @if let Some((what, value)) = &view.made {
            div.panel role="status" #made {
                p.good { "✓ " (what) }
                p { code #value { (value) } }
                p { "Copy it now: it is shown this once." }
            }
        }
        (Fields(view.refused.as_ref()).top())
        @if let Some(tokens) = &view.tokens { (tokens_of(view, tokens)) }
        (robots_of(view))
        h2 { "Pushes" }
        p { @if view.only_robots_push { "Only robots and jobs of pipelines push into the repositories of " (view.name) "." } @else { "People push into the repositories of " (view.name) ", where these do not say otherwise." } }
        (button(&format!("/accounts/{}/pushers", view.name), &[("only_robots", if view.only_robots_push { "false" } else { "true" })],
            if view.only_robots_push { "Let people push" } else { "Let only robots push" }))
    };
    page(frame, &view.name, &content)
}

fn tokens_of(view: &AccountView, tokens: &[TokenRow]) -> Markup {
    let (form, fields) = (&view.token_form, Fields(view.token_form.refused.as_ref()));
    html! {
        h2 { "Access tokens" }
        p.quiet { "A token stands in for the password in programs, and does what its account may do, or less." }
        @if tokens.is_empty() { p { "No token yet." } }
        @else { div.wide { table #tokens {
            thead { tr { th { "Label" } th { "For" } th { "Created" } th { "Last used" } th { "Ends" } th { "State" } th { span.unseen { "Actions" } } } }
            tbody { @for token in tokens { tr data-token=(token.id) {
                td { (token.label) @if token.automatic { br; span.quiet { "made by a program" } } }
                td { @if token.scope.is_empty() { "everything" } @for place in &token.scope { (place) br; } }
                td { (token.created) }
                td { (token.last_used.as_deref().unwrap_or("never")) }
                td { (token.expires.as_deref().unwrap_or("never")) }
                td { @if token.state.0 { span.good { "✓ " (token.state.1) } } @else { span.quiet { "○ " (token.state.1) } } }
                td { (unfolded(&format!("/accounts/{}/tokens/{}/revoke", view.name, token.id), &[], "Revoke", "Whatever uses it is refused from then on.")) }
            } } }
        } } }
        details open[form.refused.is_some()] {
            summary { "New token" }
            (fields.top())
            form.stacked method="post" action={ "/accounts/" (view.name) "/tokens" } {
                (fields.text("Label", "label", &form.label, "laptop"))
                (fields.area("For, one a line; empty for everything the account may do", "scope", &form.scope, (3, PLACES)))
                (fields.input("Ends after so many days; empty for never", "days", "text", &form.days, "90"))
                button type="submit" { "Make the token" }
            }
        }
    }
}

/// What a line of places looks like.
const PLACES: &str = "namespace/name read-write\nnamespace read-only\nproject namespace/name read-only";

fn robots_of(view: &AccountView) -> Markup {
    let (form, fields) = (&view.robot_form, Fields(view.robot_form.refused.as_ref()));
    html! {
        h2 { "Robots" }
        p.quiet { "A robot is a program with rights and a token of its own; it can do nothing else, and never more than push." }
        @if view.robots.is_empty() { p { "No robot yet." } }
        @else { div.wide { table #robots {
            thead { tr { th { "Name" } th { "May" } th { "Last used" } th { "Ends" } th { span.unseen { "Actions" } } } }
            tbody { @for robot in &view.robots {
                @let action = |verb: &str| format!("/accounts/{}/robots/{}/{verb}", view.name, robot.own);
                tr data-robot=(robot.own) {
                    td { (view.name) "+" (robot.own) @if !robot.description.is_empty() { br; span.quiet { (robot.description) } } }
                    td { @if robot.grants.is_empty() { "nothing yet" } @for grant in &robot.grants { (grant) br; } }
                    td { (robot.last_used.as_deref().unwrap_or("never")) }
                    td { (robot.expires.as_deref().unwrap_or("never")) br; span.quiet { (robot.tokens) @if robot.tokens == 1 { " token in use" } @else { " tokens in use" } } }
                    td { div.actions {
                        (unfolded(&action("rotate"), &[], "Rotate", "It gets a new token; the present ones end after an hour."))
                        (unfolded(&action("delete"), &[], "Delete", "Its tokens are worthless at once, and its rights go."))
                    } }
                }
            } }
        } } }
        details open[form.refused.is_some()] {
            summary { "New robot" }
            (fields.top())
            form.stacked method="post" action={ "/accounts/" (view.name) "/robots" } {
                (fields.text(&format!("Name, after {}+", view.name), "name", &form.name, "deploy"))
                (fields.text("What it is for", "description", &form.description, ""))
                (fields.area("What it may do, one a line", "grants", &form.grants, (3, PLACES)))
                (fields.input("Its token ends after so many days; empty for 90, 0 for never", "days", "text", &form.days, "90"))
                button type="submit" { "Make the robot" }
            }
        }
    }
}

//! What surrounds every page.

use maud::{DOCTYPE, Markup, html};

use crate::assets::address;

/// Who looks, and where they are: the frame of a page.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The signed-in account.
    pub account: Option<String>,
    /// The installation's host and port, as it stands in image references.
    pub authority: String,
}

/// A whole page with this title and content.
pub(crate) fn page(frame: &Frame, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Assay" }
                link rel="stylesheet" href=(address("/assets/style.css"));
                link rel="icon" href=(address("/assets/icon.svg"));
                script type="module" src=(address("/assets/live-log.js")) {}
            }
            body {
                header.site {
                    a.name href="/" { "Assay" }
                    nav aria-label="Main" {
                        a href="/repositories" { "Repositories" }
                        a href="/projects" { "Projects" }
                        a href="/advisories" { "Advisories" }
                        a href="/waivers" { "Waivers" }
                        a href="/webhooks" { "Webhooks" }
                        a href="/api" { "API" }
                    }
                    span.quiet { (frame.authority) }
                    @if let Some(account) = &frame.account {
                        a href="/accounts" title="Access tokens and robots" { (account) }
                        form method="post" action="/sign-out" { button type="submit" { "Sign out" } }
                    } @else {
                        a href="/sign-in" { "Sign in" }
                    }
                }
                main { h1 { (title) } (content) }
            }
        }
    }
}

/// The first twelve characters of a digest's hex, the whole in its title.
pub(crate) fn short_digest(digest: &str) -> Markup {
    html! { span.digest title=(digest) data-digest=(digest) { (short(digest)) } }
}

/// The first twelve characters of a digest's hex: enough to tell images apart for a person, and for nothing else.
pub(crate) fn short(digest: &str) -> &str {
    let hex = digest.split_once(':').map_or(digest, |(_, hex)| hex);
    hex.get(..12).unwrap_or(hex)
}

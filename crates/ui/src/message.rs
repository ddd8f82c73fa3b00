//! A page with one message: something was not found, or went wrong.

use maud::{Markup, html};

use crate::{Frame, layout::page};

/// What happened, and what to do about it.
pub fn message(frame: &Frame, title: &str, text: &str, request_id: &str) -> Markup {
    let content = html! {
        p { (text) }
        p.quiet { "Request id: " code { (request_id) } }
    };
    page(frame, title, &content)
}

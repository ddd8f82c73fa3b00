//! The API, to read and to try.

use maud::{Markup, html};

use crate::{Frame, assets::address, layout::page};

/// Swagger UI over the description at this address. Whoever signed in tries requests with their session; others only read.
pub fn api(frame: &Frame, description: &str) -> Markup {
    let signed_in = frame.account.is_some();
    let content = html! {
        link rel="stylesheet" href=(address("/assets/swagger-ui.css"));
        p {
            "What a DTR lacked is under " code { "/api/v1" } ". Tools read the same in "
            a href=(description) { (description) } " (OpenAPI 3.1)."
        }
        @if let Some(account) = &frame.account {
            p.quiet { "What is tried here is really done, as " strong { (account) } "." }
        } @else {
            p.quiet { a href="/sign-in?to=%2Fapi" { "Sign in" } " to try requests here." }
        }
        div #swagger-ui data-description=(description) data-tried[signed_in] {}
        noscript { p { "This page needs scripts; the description does not." } }
        script defer src=(address("/assets/swagger-ui-bundle.js")) {}
        script defer src=(address("/assets/api.js")) {}
    };
    page(frame, "API", &content)
}

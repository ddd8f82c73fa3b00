//! The sign-in page.

use maud::{Markup, html};

use crate::{Frame, layout::page};

/// The form; `refused` is why the last try failed, `to` where to go afterwards (a path of ours).
pub fn sign_in(frame: &Frame, refused: Option<&str>, to: &str) -> Markup {
    let content = html! {
        form.sign-in.panel method="post" action="/sign-in" {
            @if let Some(why) = refused {
                p.bad role="alert" { "✕ " (why) }
            }
            input type="hidden" name="to" value=(to);
            label { "User name" input name="username" autocomplete="username" autofocus required; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            button type="submit" { "Sign in" }
        }
    };
    page(frame, "Sign in", &content)
}

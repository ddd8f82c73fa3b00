//! The sign-in page.

use maud::{Markup, html};

use crate::{Frame, layout::page};

/// An identity provider beside the form.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere<'a> {
    pub title: &'a str,
    /// A path of ours that leads there.
    pub path: &'a str,
}

/// The form; `refused` is why the last try failed, `to` where to go afterwards (a path of ours).
pub fn sign_in(frame: &Frame, refused: Option<&str>, to: &str, elsewhere: Option<Elsewhere<'_>>) -> Markup {
    let content = html! {
        form.sign-in.panel method="post" action="/sign-in" {
            @if let Some(why) = refused {
                p.bad role="alert" { "✕ " (why) }
            }
            input type="hidden" name="to" value=(to);
            label { "User name" input name="username" autocomplete="username" autofocus required; }
            label { "Password" input name="password" type="password" autocomplete="current-password" required; }
            button type="submit" { "Sign in" }
            @if let Some(Elsewhere { title, path }) = elsewhere {
                p { a.button href=(path) { "Sign in with " (title) } }
            }
        }
    };
    page(frame, "Sign in", &content)
}

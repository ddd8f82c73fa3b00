//! Signing in and out with a browser.

use axum::{
    Form,
    extract::Query,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base::Secret;
use serde::Deserialize;

use super::{Failure, Visitor, html_page, see_other};
use crate::caller::{SESSION_COOKIE, same_origin, session_cookie};

#[derive(Debug, Deserialize)]
pub(super) struct Whither {
    #[serde(default)]
    to: String,
}

/// `GET /sign-in?to=…`
pub(super) async fn form(visitor: Visitor, Query(whither): Query<Whither>) -> Response {
    let html = ui::sign_in(&visitor.frame(), None, local(&whither.to)).into_string();
    visitor.answer(Ok(html))
}

#[derive(Debug, Deserialize)]
pub(super) struct Submitted {
    username: String,
    password: Secret,
    #[serde(default)]
    to: String,
}

/// `POST /sign-in`: only from our own page, so that no other site can sign somebody in as somebody else.
pub(super) async fn submit(visitor: Visitor, headers: HeaderMap, Form(submitted): Form<Submitted>) -> Response {
    if !same_origin(&visitor.app, &headers) {
        return foreign(&visitor);
    }
    let to = local(&submitted.to);
    let opened = visitor.app.identity.open_session(&visitor.ctx, &submitted.username, &submitted.password).await;
    match opened {
        Ok(session) => {
            let mut response = see_other(to);
            set_cookie(&mut response, session.expose());
            response
        }
        Err(identity::Error::Unauthenticated) => {
            let why = "The user name or the password is wrong.";
            html_page(StatusCode::FORBIDDEN, ui::sign_in(&visitor.frame(), Some(why), to).into_string())
        }
        Err(error @ identity::Error::TooManyAttempts { .. }) => {
            let form = ui::sign_in(&visitor.frame(), Some(&error.to_string()), to);
            html_page(StatusCode::TOO_MANY_REQUESTS, form.into_string())
        }
        Err(error) => visitor.answer(Err(Failure::from(error))),
    }
}

/// `POST /sign-out`
pub(super) async fn sign_out(visitor: Visitor, headers: HeaderMap) -> Response {
    if !same_origin(&visitor.app, &headers) {
        return foreign(&visitor);
    }
    if let Some(session) = session_cookie(&headers)
        && let Err(error) = visitor.app.identity.close_session(&visitor.ctx, &session).await
    {
        return visitor.answer(Err(Failure::from(error)));
    }
    let mut response = see_other("/sign-in");
    set_cookie(&mut response, "; Max-Age=0");
    response
}

fn foreign(visitor: &Visitor) -> Response {
    let text = "This request came from another site, or from a very old browser. Open the sign-in page of this server and try again.";
    visitor.message(StatusCode::FORBIDDEN, "Refused", text)
}

fn set_cookie(response: &mut Response, value: &str) {
    let cookie = format!("{SESSION_COOKIE}={value}; Secure; HttpOnly; SameSite=Lax; Path=/");
    let cookie = HeaderValue::from_str(&cookie).expect("a session's value is letters and digits");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
}

/// The path if it is one of ours, else the start page: never another site, however the address is spelled. Browsers take
/// `//host`, `/\host` and addresses with white space in them for other sites.
fn local(to: &str) -> &str {
    let plain = to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if plain && to.starts_with('/') && !to.starts_with("//") { to } else { "/" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::local;

    #[test]
    fn only_paths_of_ours() {
        for good in ["/", "/repositories/admin/flask?after=1", "/chain/sha256:aa", "/a//b"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "",
            "https://evil.test",
            "//evil.test",
            "/\\evil.test",
            "\\/evil.test",
            "/\t/evil.test",
            "/ä",
            " /",
            "evil",
            "/\r\nx",
        ] {
            assert_eq!(local(bad), "/", "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_another_site(to in "(/|\\\\|\t|https?:|evil\\.test|:|@|\\PC){0,8}") {
            let path = local(&to);
            prop_assert!(path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\t', '\r', '\n']));
        }
    }
}

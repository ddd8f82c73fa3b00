//! Signing in and out with a browser.

use axum::{
    Form,
    extract::Query,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use base::{Secret, limits};
use identity::Returned;
use serde::Deserialize;

use super::{Failure, Visitor, html_page, see_other};
use crate::{
    caller::{SESSION_COOKIE, cookie, same_origin, session_cookie},
    error::{message_for, status},
};

/// What a sign-in with the identity provider was begun with.
const BEGUN_COOKIE: &str = "__Host-assay-oidc";

#[derive(Debug, Deserialize)]
pub(super) struct Whither {
    #[serde(default)]
    to: String,
}

/// `GET /sign-in?to=…`
pub(super) async fn form(visitor: Visitor, Query(whither): Query<Whither>) -> Response {
    let html = filled(&visitor, None, local(&whither.to));
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
            html_page(StatusCode::FORBIDDEN, filled(&visitor, Some(why), to))
        }
        // The directory is away, or has nobody here that this can be, or there were too many tries.
        Err(
            error @ (identity::Error::TooManyAttempts { .. }
            | identity::Error::Unavailable(_)
            | identity::Error::Conflict(_)
            | identity::Error::Denied(_)),
        ) => html_page(status(error.kind()), filled(&visitor, Some(&error.to_string()), to)),
        Err(error) => visitor.answer(Err(Failure::from(error))),
    }
}

/// The page with its form, and the identity provider when there is one.
fn filled(visitor: &Visitor, refused: Option<&str>, to: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("to", to).finish();
    let path = format!("/sign-in/oidc?{query}");
    let elsewhere = visitor.app.oidc.as_ref().map(|oidc| ui::Elsewhere { title: oidc.title(), path: &path });
    ui::sign_in(&visitor.frame(), refused, to, elsewhere).into_string()
}

/// `GET /sign-in/oidc?to=…`: to the provider, with what was begun in a cookie of this browser. It may come back from another
/// site, so that the cookie is `Lax`.
pub(super) async fn to_provider(visitor: Visitor, Query(whither): Query<Whither>) -> Response {
    let Some(oidc) = &visitor.app.oidc else { return visitor.answer(Err(Failure::NotFound)) };
    match oidc.begin(&visitor.ctx, local(&whither.to)).await {
        Ok((url, begun)) => {
            let mut response = see_other(&url);
            let lifetime_s = limits::OIDC_SIGN_IN.as_secs();
            append_cookie(&mut response, &format!("{BEGUN_COOKIE}={begun}; Max-Age={lifetime_s}"));
            response
        }
        Err(error) => refused_page(&visitor, &error),
    }
}

/// `GET /sign-in/oidc/callback`: back from the provider.
pub(super) async fn from_provider(visitor: Visitor, headers: HeaderMap, Query(returned): Query<Returned>) -> Response {
    let Some(oidc) = &visitor.app.oidc else { return visitor.answer(Err(Failure::NotFound)) };
    let begun = cookie(&headers, BEGUN_COOKIE).unwrap_or_default();
    let finished = visitor.app.identity.finish_oidc(&visitor.ctx, oidc, &begun, &returned).await;
    let mut response = match &finished {
        Ok((session, to)) => {
            let mut response = see_other(local(to));
            set_cookie(&mut response, session.expose());
            response
        }
        Err(error) => refused_page(&visitor, error),
    };
    append_cookie(&mut response, &format!("{BEGUN_COOKIE}=; Max-Age=0"));
    response
}

fn refused_page(visitor: &Visitor, error: &identity::Error) -> Response {
    let text = match error {
        identity::Error::Unauthenticated => "This account is switched off here; ask an administrator.".to_owned(),
        error => message_for(error.kind(), error),
    };
    html_page(status(error.kind()), filled(visitor, Some(&text), "/"))
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
    append_cookie(response, &format!("{SESSION_COOKIE}={value}"));
}

fn append_cookie(response: &mut Response, cookie: &str) {
    let cookie = format!("{cookie}; Secure; HttpOnly; SameSite=Lax; Path=/");
    let cookie = HeaderValue::from_str(&cookie).expect("a cookie's value is letters and digits, or base64 of a URL");
    response.headers_mut().append(header::SET_COOKIE, cookie);
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

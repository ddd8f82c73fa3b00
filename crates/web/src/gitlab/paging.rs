//! Lists in pages, with the headers that GitLab's clients follow.

use axum::{
    Json,
    http::{HeaderMap, HeaderValue},
    response::{IntoResponse, Response},
};
use base::limits;
use serde_json::Value;

use super::Fields;
use crate::App;

/// Which page is asked for; GitLab's defaults.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) page: usize,
    pub(crate) per_page: usize,
}

const PER_PAGE: usize = 20;

impl Page {
    pub(crate) fn of(fields: &Fields) -> Page {
        let number = |key: &str| fields.number(key).and_then(|number| usize::try_from(number).ok());
        Page {
            page: number("page").unwrap_or(1).clamp(1, 1_000_000),
            per_page: number("per_page").unwrap_or(PER_PAGE).clamp(1, limits::PAGE_DEFAULT),
        }
    }

    pub(crate) fn offset(self) -> usize {
        (self.page - 1) * self.per_page
    }

    /// The part of a whole list that is this page.
    pub(crate) fn cut(self, app: &App, path: &str, all: &[Value]) -> Response {
        let part = all.iter().skip(self.offset()).take(self.per_page).cloned().collect();
        self.answer(app, path, part, all.len())
    }

    /// A page of a list of `total` entries.
    pub(crate) fn answer(self, app: &App, path: &str, part: Vec<Value>, total: usize) -> Response {
        let pages = total.div_ceil(self.per_page).max(1);
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(name, value);
            }
        };
        put("x-page", self.page.to_string());
        put("x-per-page", self.per_page.to_string());
        put("x-total", total.to_string());
        put("x-total-pages", pages.to_string());
        put("x-prev-page", if self.page > 1 { (self.page - 1).to_string() } else { String::new() });
        put("x-next-page", if self.page < pages { (self.page + 1).to_string() } else { String::new() });
        let link = |page: usize, rel: &str| {
            format!("<{}{path}?page={page}&per_page={}>; rel=\"{rel}\"", app.site.url, self.per_page)
        };
        let mut links = vec![link(1, "first"), link(pages, "last")];
        if self.page < pages {
            links.insert(0, link(self.page + 1, "next"));
        }
        put("link", links.join(", "));
        (headers, Json(Value::Array(part))).into_response()
    }
}

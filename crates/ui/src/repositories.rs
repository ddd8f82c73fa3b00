//! The list of repositories.

use maud::{Markup, html};

use crate::{Frame, layout::page};

/// One repository in the list.
#[derive(Clone, Debug)]
pub struct RepositoryRow {
    /// `admin/flask`.
    pub name: String,
    pub private: bool,
    pub immutable: bool,
    pub scan_on_push: bool,
    pub description: String,
}

/// The repositories the reader may see, and where the next page starts.
pub fn repositories(frame: &Frame, rows: &[RepositoryRow], next: Option<&str>) -> Markup {
    let content = html! {
        @if rows.is_empty() {
            p { "There is nothing here that you may see. Push an image to " code { (frame.authority) "/ACCOUNT/NAME:TAG" } "." }
        } @else {
            table {
                thead { tr { th { "Repository" } th { "Visibility" } th { "Settings" } th { "Description" } } }
                tbody {
                    @for row in rows {
                        tr {
                            td { a href={ "/repositories/" (row.name) } { (row.name) } }
                            td { (if row.private { "private" } else { "public" }) }
                            td {
                                @if row.immutable { "immutable " }
                                @if row.scan_on_push { "scan on push" }
                            }
                            td { (row.description) }
                        }
                    }
                }
            }
            @if let Some(next) = next {
                p { a href={ "/repositories?after=" (next) } { "More" } }
            }
        }
    };
    page(frame, "Repositories", &content)
}

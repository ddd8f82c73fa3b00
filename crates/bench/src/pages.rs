//! Pages of long lists: a hundred out of a hundred thousand tags, and of as many repositories.

use std::path::Path;

use anyhow::{Context, Result};

use crate::content::REPOSITORY;
use crate::report::Line;
use crate::rows::{Say, Turns, read};
use crate::side::Side;
use crate::store;

const SEARCH: &str = "/api/v0/index/autocomplete?includeRepositories=true";

/// One client goes for the first page and for one deep inside, of each list.
pub fn all(turns: &Turns, ours: &Side, folder: &Path, only: &str, say: Say<'_>) -> Result<()> {
    let rows = [
        ("tags-first-page", format!("/v2/{REPOSITORY}/tags/list?n=100")),
        ("tags-deep-page", format!("/v2/{REPOSITORY}/tags/list?n=100&last=s090000")),
        ("dtr-tags-first-page", format!("/api/v0/repositories/{REPOSITORY}/tags?pageSize=100")),
        ("dtr-tags-deep-page", format!("/api/v0/repositories/{REPOSITORY}/tags?pageSize=100&pageStart=s090000")),
        ("dtr-repositories-page", "/api/v0/repositories?pageSize=100".to_owned()),
        ("dtr-repositories-deep-page", "/api/v0/repositories?pageSize=100&pageStart=admin/app-090000".to_owned()),
        ("search-first-page", format!("{SEARCH}&query=app&limit=100")),
        ("search-deep-page", format!("{SEARCH}&query=app&limit=100&pageStart=app%20admin/app-090000")),
        ("search-one", format!("{SEARCH}&query=090000&limit=100")),
    ];
    let catalog = "/v2/_catalog?n=100&last=admin/app-090000";
    if !rows.iter().any(|(name, _)| name.contains(only)) && !"catalog-deep-page".contains(only) {
        return Ok(());
    }
    store::seed(&folder.join("data/assay.db")).context("the tags could not be written")?;
    let alone = Turns { clients: 1, ..*turns };
    for (name, path) in rows.iter().filter(|(name, _)| name.contains(only)) {
        say(Line::time(name, read(&alone, ours, "GET", path, false)?));
    }
    if "catalog-deep-page".contains(only) {
        say(Line::time("catalog-deep-page", read(&alone, ours, "GET", catalog, true)?));
    }
    Ok(())
}

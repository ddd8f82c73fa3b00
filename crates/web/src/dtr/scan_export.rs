//! What a scan found, as a file: JSON, or CSV for spreadsheets.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing::get,
};
use registry::Registry;

use super::{
    body::Params,
    repositories::repo_name,
    scan_image::{Told, decimal, overrides_of},
    scans::{Shown, images_of, reference},
};
use crate::{App, caller::Caller, error::ApiError, scanned::scanned};

/// The columns of the CSV.
const COLUMNS: [&str; 16] = [
    "image",
    "component",
    "version",
    "type",
    "layer",
    "paths",
    "licenses",
    "cve",
    "severity",
    "cvss",
    "status",
    "fixed in",
    "kev",
    "epss",
    "source",
    "waived",
];

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/api/v0/imagescan/scansummary/repositories/{namespace}/{repo}/{tag}/export", get(export))
}

/// Every component with everything found in it, and one element or row at least for each component.
async fn export(
    State(app): State<App>,
    Caller(ctx): Caller,
    Params(asked): Params<Shown>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = repo_name(&asked.namespace, &asked.repo)?;
    let image = app.registry.image(&ctx, &name, &reference(&asked.tag)?).await?;
    let waivers = app.promote.all_waivers(&ctx).await?;
    let mut tx = app.db.read().await?;
    let images = images_of(&mut tx, &name, image).await?;
    let accepts = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let csv = accepts.contains("text/csv");
    let mut table = row(COLUMNS.iter().map(|name| (*name).to_owned()));
    let mut views = Vec::with_capacity(images.len());
    for image in &images {
        let scan = scanned(&app, &mut tx, ctx.now, &name, image).await?;
        let inventory = app.scan.inventory(&mut tx, &name, &image.digest).await?;
        let triage = app.promote.triage(&mut tx, ctx.now, &name, &[&image.digest]).await?;
        let layers = Registry::layers(&mut tx, &image.digest).await?;
        let told = Told {
            repository: &name,
            tag: Some(asked.tag.clone()),
            digest: &image.digest,
            scan: &scan,
            layers: &layers,
            components: &inventory.map(|inventory| inventory.components).unwrap_or_default(),
            findings: &app.promote.found(&mut tx, ctx.now, (&name, image), &triage).await?,
            overrides: overrides_of(&waivers, ctx.now, &layers),
        };
        match csv {
            true => rows(&told, &mut table),
            false => views.push(told.summary()),
        }
    }
    Ok(match csv {
        true => ([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], table).into_response(),
        false => Json(views).into_response(),
    })
}

fn rows(told: &Told<'_>, table: &mut String) {
    for component in told.components {
        let about = [
            told.digest.to_string(),
            component.name.clone(),
            component.version.clone(),
            component.kind.as_str().to_owned(),
            (component.layer + 1).to_string(),
            component.paths.join("; "),
            component.licenses.join("; "),
        ];
        let own: Vec<_> = told.findings.iter().filter(|found| found.finding.purl == component.purl).collect();
        if own.is_empty() {
            let rest = COLUMNS.len() - about.len();
            table.push_str(&row(about.into_iter().chain((0..rest).map(|_| String::new()))));
            continue;
        }
        for one in own {
            let found = &one.finding.about;
            let rest = [
                found.advisory.clone(),
                found.severity.as_str().to_owned(),
                found.cvss_tenths.map(|tenths| decimal(tenths).to_string()).unwrap_or_default(),
                found.status.as_str().to_owned(),
                found.fixed_version.clone().unwrap_or_default(),
                found.kev.as_ref().map(|_| "yes".to_owned()).unwrap_or_default(),
                found.epss.as_ref().map(|epss| (f64::from(epss.probability_1e5) / 1e5).to_string()).unwrap_or_default(),
                found.source.clone(),
                one.closed_because().unwrap_or_default(),
            ];
            table.push_str(&row(about.iter().cloned().chain(rest)));
        }
    }
}

/// One record (RFC 4180).
fn row(cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = cells.map(|cell| quoted(&cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// What an image's author wrote must not become a formula in somebody's spreadsheet.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::{quoted, row};

    #[test]
    fn cells_hold_what_they_are_given_and_start_no_formula() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"x\"\n"), "\"say \"\"x\"\"\n\"");
        assert_eq!(quoted("=cmd()"), "'=cmd()");
        assert_eq!(row(["a".to_owned(), String::new()].into_iter()), "a,\r\n");
    }
}

//! CISA's catalogue of known exploited vulnerabilities, as JSON and as a table.

use serde::Deserialize;
use serde_json::Value;

use super::{Import, elements, ids, refused, table, text};
use crate::{Advisory, Error, Kev};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "cveID")]
    cve_id: String,
    vulnerability_name: Option<String>,
    date_added: String,
    known_ransomware_campaign_use: Option<String>,
}

pub(super) fn read_json(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let mut each = |value: Value| match serde_json::from_value(value) {
        Ok(line) => record(line, name, import),
        Err(error) => {
            import.wrong(name, error.to_string());
            Ok(())
        }
    };
    elements::list(bytes, "vulnerabilities", &mut each).map_err(|stopped| stopped.of(name))
}

pub(super) fn read_table(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let text = text(bytes);
    let mut rows = table::Rows::new(&text);
    let head = rows.next().unwrap_or_default();
    let names = ["cveID", "vulnerabilityName", "dateAdded", "knownRansomwareCampaignUse"];
    let columns = table::columns(&head, names).map_err(|reason| refused(name, reason))?;
    for row in rows {
        if row.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        let [Some(id), Some(title), Some(added), Some(ransomware)] = columns.map(|at| row.get(at)) else {
            import.wrong(name, format!("a line has {} columns, the head {}", row.len(), head.len()));
            continue;
        };
        let line = Line {
            cve_id: id.clone(),
            vulnerability_name: Some(title.clone()),
            date_added: added.clone(),
            known_ransomware_campaign_use: Some(ransomware.clone()),
        };
        record(line, name, import)?;
    }
    Ok(())
}

fn record(line: Line, name: &str, import: &mut Import) -> Result<(), Error> {
    let id = line.cve_id.trim();
    let day = line.date_added.trim();
    let is_day = day.len() == 10 && super::time(day).is_some();
    if !ids::is_cve(id) || !is_day {
        import.wrong(name, format!("{id:?} added {day:?}: neither may be other than a CVE and a day"));
        return Ok(());
    }
    let ransomware = line.known_ransomware_campaign_use.is_some_and(|used| used.trim().eq_ignore_ascii_case("known"));
    import.push(Advisory {
        id: id.to_owned(),
        kev: Some(Kev { added: day.to_owned(), ransomware }),
        modified: super::time(day),
        source: "kev".to_owned(),
        summary: line.vulnerability_name,
        ..Advisory::default()
    })
}

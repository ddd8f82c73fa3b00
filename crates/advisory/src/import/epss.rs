//! FIRST's exploit prediction scores: a table with its date in front.

use super::{Import, ids, refused, table, text};
use crate::{Advisory, Epss, Error};

pub(super) fn read(name: &str, bytes: &[u8], import: &mut Import) -> Result<(), Error> {
    let text = text(bytes);
    let (head, rest) = match text.split_once('\n') {
        Some((first, rest)) if first.starts_with('#') => (first, rest),
        _ => ("", &*text),
    };
    // `#model_version:v2025.03.14,score_date:2026-08-20T12:55:00Z`; a file without it is named after its day.
    let said = head.split(',').find_map(|part| part.trim().strip_prefix("score_date:"));
    let date = said.or_else(|| name.split("epss_scores-").nth(1)).and_then(|text| text.trim().get(..10));
    let date = date.filter(|date| super::time(date).is_some());
    let date = date.ok_or_else(|| refused(name, "it does not say of which day its scores are"))?;
    let mut rows = table::Rows::new(rest);
    let columns = table::columns(&rows.next().unwrap_or_default(), ["cve", "epss", "percentile"]);
    let columns = columns.map_err(|reason| refused(name, reason))?;
    for row in rows {
        let [id, probability, percentile] = columns.map(|at| row.get(at).map(String::as_str).unwrap_or_default());
        if id.is_empty() && row.len() <= 1 {
            continue;
        }
        let (Some(probability_1e5), Some(percentile_1e5), true) =
            (share(probability), share(percentile), ids::is_cve(id))
        else {
            import.wrong(name, format!("the line of {id:?} is no score"));
            continue;
        };
        import.push(Advisory {
            id: id.to_owned(),
            epss: Some(Epss { date: date.to_owned(), percentile_1e5, probability_1e5 }),
            source: "epss".to_owned(),
            ..Advisory::default()
        })?;
    }
    Ok(())
}

/// `0.00043` in hundred-thousandths.
fn share(text: &str) -> Option<u32> {
    let share: f64 = text.trim().parse().ok()?;
    (0.0..=1.0).contains(&share).then(|| (share * 100_000.0).round() as u32)
}

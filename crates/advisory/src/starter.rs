//! The starter set: famous advisories that are compiled in, so that a fresh offline start is not blind.
//!
//! `data/starter.txt` is written for people to read and extend; its head says what it is and how a line is made.

use std::sync::LazyLock;

use crate::{About, Advisory, Affected, Ecosystem, Error, Range, Rating, Snapshot};

/// The starter set. It names itself as such in [`About::label`], and never goes stale.
pub fn starter() -> &'static Snapshot {
    static STARTER: LazyLock<Snapshot> = LazyLock::new(|| {
        parse(include_str!("../data/starter.txt")).expect("the starter set is part of the program and is tested")
    });
    &STARTER
}

/// `ID | ECOSYSTEM, … | PACKAGE, … | RANGES | CVSS | NAME`, comments, and `! KEY: VALUE` lines for the head.
fn parse(text: &str) -> Result<Snapshot, Error> {
    let mut about = About {
        created: base::Timestamp::UNIX_EPOCH,
        label: String::new(),
        name: String::new(),
        never_stale: true,
        ..About::default()
    };
    let mut advisories = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let wrong = |reason: String| Error::Line { line: at + 1, reason };
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_prefix('!') {
            Some(head) => head_line(head, &mut about).map_err(wrong)?,
            None => advisories.push(advisory(line).map_err(wrong)?),
        }
    }
    Snapshot::new(about, advisories)
}

fn head_line(line: &str, about: &mut About) -> Result<(), String> {
    let (key, value) = line.split_once(':').ok_or("the head has lines of the form ! KEY: VALUE")?;
    let value = value.trim();
    match key.trim() {
        "name" => about.name = value.to_owned(),
        "label" => about.label = value.to_owned(),
        "created" => about.created = value.parse().map_err(|error| format!("{value} is no date: {error}"))?,
        other => return Err(format!("the head has no key {other}")),
    }
    Ok(())
}

fn advisory(line: &str) -> Result<Advisory, String> {
    let columns: Vec<&str> = line.split('|').map(str::trim).collect();
    let [ids, ecosystems, packages, ranges, cvss, name] = columns[..] else {
        return Err(format!("it has {} columns, not ID | ECOSYSTEM | PACKAGE | RANGES | CVSS | NAME", columns.len()));
    };
    let mut ids = ids.split(',').map(|id| id.trim().to_owned());
    let id = ids.next().filter(|id| !id.is_empty()).ok_or("it has no id")?;
    let cvss_tenths = tenths(cvss)?;
    let ranges = ranges.split(';').map(|range| parse_range(range.trim())).collect::<Result<Vec<_>, _>>()?;
    let mut affected = Vec::new();
    for ecosystem in ecosystems.split(',') {
        let ecosystem: Ecosystem = ecosystem.trim().parse()?;
        for package in packages.split(',').map(str::trim) {
            if package.is_empty() {
                return Err("it has an empty package name".to_owned());
            }
            affected.push(Affected { ranges: ranges.clone(), ..Affected::new(ecosystem.clone(), package) });
        }
    }
    Ok(Advisory {
        affected,
        aliases: ids.collect(),
        id,
        name: (!name.is_empty()).then(|| name.to_owned()),
        ratings: vec![Rating::of_score("starter", cvss_tenths)],
        source: "starter".to_owned(),
        ..Advisory::default()
    })
}

/// `9.8` as 98.
fn tenths(cvss: &str) -> Result<u8, String> {
    let wrong = || format!("{cvss} is no CVSS score from 0.0 to 10.0");
    let (whole, tenth) = cvss.split_once('.').ok_or_else(wrong)?;
    let (whole, tenth): (u8, u8) = (whole.parse().map_err(|_| wrong())?, tenth.parse().map_err(|_| wrong())?);
    let tenths = whole.checked_mul(10).and_then(|tens| tens.checked_add(tenth));
    tenths.filter(|tenths| *tenths <= 100 && tenth < 10).ok_or_else(wrong)
}

/// `*`, `<1.2`, `<=1.2`, `>=1.0 <1.2`, `=1.2`.
fn parse_range(text: &str) -> Result<Range, String> {
    let mut range = Range::default();
    let mut bounds = 0;
    for bound in text.split_whitespace().filter(|bound| *bound != "*") {
        bounds += 1;
        let version = Some(bound.trim_start_matches(['<', '>', '=']).to_owned()).filter(|version| !version.is_empty());
        let version = version.ok_or_else(|| format!("the bound {bound} has no version"))?;
        match &bound[..bound.len() - version.len()] {
            "<" => range.fixed = Some(version),
            "<=" => range.last_affected = Some(version),
            ">=" => range.introduced = Some(version),
            "=" => {
                range.introduced = Some(version.clone());
                range.last_affected = Some(version);
            }
            _ => return Err(format!("the bound {bound} does not begin with <, <=, >= or =")),
        }
    }
    if bounds == 0 && text != "*" {
        return Err("a range is empty: write * for every version".to_owned());
    }
    Ok(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_lines_are_named() {
        for (line, expected) in [
            ("CVE-1 | debian", "2 columns"),
            ("CVE-1 | zpm | x | * | 5.0 |", "zpm"),
            ("CVE-1 | debian | x | ~1 | 5.0 |", "bound ~1"),
            ("CVE-1 | debian | x | < | 5.0 |", "no version"),
            ("CVE-1 | debian | x | * | high |", "CVSS"),
            ("CVE-1 | debian | x | * | 11.0 |", "CVSS"),
            ("CVE-1 | debian | x | | 5.0 |", "range is empty"),
            ("| debian | x | * | 5.0 |", "no id"),
            ("! colour: red", "colour"),
        ] {
            let message = parse(&format!("# comment\n\n{line}\n")).unwrap_err().to_string();
            assert!(message.contains("line 3") && message.contains(expected), "{message}");
        }
    }

    #[test]
    fn lines_of_one_id_are_one_advisory() {
        let text =
            "CVE-1, GHSA-1 | debian:11 | a | <1 | 9.8 | Name\nCVE-1 | debian:12, alpine | a, b | >=1 <2; =3 | 9.8 |\n";
        let snapshot = parse(text).unwrap();
        let records = snapshot.records().unwrap();
        let [advisory] = &records[..] else { panic!("one advisory") };
        assert_eq!(advisory.affected.len(), 5);
        assert_eq!((advisory.ratings[0].score_tenths, advisory.name.as_deref()), (Some(98), Some("Name")));
        assert_eq!(advisory.aliases, ["GHSA-1"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "([A-Z0-9-]{0,8}[|,;<>=* ]){0,12}\\PC{0,6}\n?") {
            let _ = parse(&text);
        }
    }
}

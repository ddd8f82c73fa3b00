//! Ids of vulnerabilities in text.

use std::collections::BTreeSet;

/// The CVE ids in a text, in its order, each once: `CVE-2021-44228`, also of years to come.
pub(super) fn cves(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, _) in text.match_indices("CVE-") {
        let rest = &text[at + 4..];
        let year = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(number) = rest.get(year..).and_then(|rest| rest.strip_prefix('-')) else { continue };
        let digits = number.bytes().take_while(u8::is_ascii_digit).count();
        let id = &text[at..at + 4 + year + 1 + digits];
        if is_cve(id) && seen.insert(id) {
            found.push(id.to_owned());
        }
    }
    found
}

/// `CVE-`, four digits, and four or more.
pub(super) fn is_cve(id: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = id.strip_prefix("CVE-").and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(year, number)| {
        year.len() == 4 && (4..=19).contains(&number.len()) && digits(year) && digits(number)
    })
}

/// True for what a database would call a record: capital letters, a dash, and something behind it.
pub(super) fn is_id(text: &str) -> bool {
    let prefix = text.split_once('-').map(|(prefix, rest)| (prefix, !rest.is_empty()));
    prefix.is_some_and(|(prefix, rest)| {
        rest && prefix.len() >= 2
            && prefix.starts_with(|letter: char| letter.is_ascii_uppercase())
            && prefix.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    })
}

/// Database and record of ids that somebody wrote beside each other: with one CVE the others are its aliases; several CVEs are
/// several vulnerabilities, and others are left out as it is not said whose they are.
pub(super) fn grouped(text: &str) -> Vec<(String, Vec<String>)> {
    let trim = |word: &str| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned();
    let ids: Vec<String> = text.split([' ', ',', ';', '\t', '/']).map(trim).filter(|word| is_id(word)).collect();
    let mut cves: Vec<String> = ids.iter().filter(|id| is_cve(id)).cloned().collect();
    cves.dedup();
    match cves.len() {
        0 => ids.into_iter().map(|id| (id, Vec::new())).collect(),
        1 => {
            let cve = cves.remove(0);
            let others = ids.into_iter().filter(|id| *id != cve && !id.starts_with("CVE-")).collect();
            vec![(cve, others)]
        }
        _ => cves.into_iter().map(|cve| (cve, Vec::new())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found() {
        assert_eq!(
            cves("Closes: CVE-2021-44228, cve CVE-2021-4 and (CVE-2020-11022)"),
            ["CVE-2021-44228", "CVE-2020-11022"]
        );
        assert_eq!(cves("CVE-2014-0160CVE-2014-0160 CVE-"), ["CVE-2014-0160"]);
        assert!(is_cve("CVE-2026-1234567") && !is_cve("CVE-2026-123") && !is_cve("CVE-26-1234"));
        assert_eq!(grouped("CVE-2019-3828 (+ regression)"), [("CVE-2019-3828".to_owned(), vec![])]);
        assert_eq!(grouped("CVE-2017-2616 GHSA-1 "), [("CVE-2017-2616".to_owned(), vec!["GHSA-1".to_owned()])]);
        assert_eq!(grouped("XSA-248 XSA-249").len(), 2);
        assert_eq!(grouped("CVE-2017-2616 CVE-2017-2617 XSA-1").len(), 2);
    }
}

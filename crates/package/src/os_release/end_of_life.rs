//! Until when a release of a distribution gets security updates.

use jiff::civil::Date;

use super::OsRelease;

mod table;

/// The last days with security updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndOfLife {
    /// For everybody, from the distribution itself.
    pub standard: Date,
    /// From its long-term or paid service; never before the standard end.
    pub extended: Option<Date>,
}

/// None for a rolling release, an unknown one, and one whose end is not announced.
///
/// The table comes first, then what os-release itself says in `SUPPORT_END`: a distribution changes its plans after an image is built.
pub fn end_of_life(os: &OsRelease) -> Option<EndOfLife> {
    known(os).or_else(|| Some(EndOfLife { standard: os.support_end.parse().ok()?, extended: None }))
}

fn known(os: &OsRelease) -> Option<EndOfLife> {
    // CentOS Stream has the id and the numbers of CentOS, and another life.
    let id = if os.id == "centos" && os.pretty_name.contains("Stream") { "centos-stream" } else { os.id.as_str() };
    let lines = table::LINES.iter().filter(|line| line.id == id && is_release(line, os));
    // 15.4 before 15.
    let line = lines.max_by_key(|line| line.release.len())?;
    let (year, month, day) = line.standard;
    let date = |(year, month, day): table::Day| Date::new(year, month, day).ok();
    Some(EndOfLife { standard: date((year, month, day))?, extended: line.extended.and_then(date) })
}

/// The release itself or a minor one of it; by the code name where an image has no number.
fn is_release(line: &table::Line, os: &OsRelease) -> bool {
    match os.version_id.strip_prefix(line.release) {
        // A service pack has an end of its own: SLES 15.9 is not SLES 15.
        Some(rest) => {
            rest.is_empty() || (rest.starts_with('.') && !matches!(line.id, "sles" | "opensuse-leap" | "ubuntu"))
        }
        None => os.version_id.is_empty() && !line.codename.is_empty() && os.codename == line.codename,
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn os(id: &str, version_id: &str) -> OsRelease {
        OsRelease { id: id.to_owned(), version_id: version_id.to_owned(), ..OsRelease::default() }
    }

    #[test]
    fn releases_are_found_by_their_number() {
        for (id, version, standard, extended) in [
            ("debian", "12", date(2026, 7, 11), Some(date(2028, 6, 30))),
            ("ubuntu", "22.04", date(2027, 6, 1), Some(date(2032, 4, 21))),
            ("alpine", "3.19.1", date(2025, 11, 1), None),
            ("rhel", "9.3", date(2032, 5, 31), Some(date(2035, 5, 31))),
            ("centos", "7", date(2024, 6, 30), None),
            ("amzn", "2", date(2026, 6, 30), None),
            ("sles", "15.4", date(2023, 12, 31), Some(date(2026, 12, 31))),
            ("fedora", "39", date(2024, 11, 26), None),
        ] {
            assert_eq!(end_of_life(&os(id, version)), Some(EndOfLife { standard, extended }), "{id} {version}");
        }
        for (id, version) in
            [("arch", ""), ("wolfi", "20230201"), ("debian", ""), ("alpine", "3.1"), ("sles", "15.99"), ("", "")]
        {
            assert_eq!(end_of_life(&os(id, version)), None, "{id} {version}");
        }
    }

    #[test]
    fn stream_is_not_centos_and_a_code_name_will_do() {
        let stream = OsRelease { pretty_name: "CentOS Stream 8".to_owned(), ..os("centos", "8") };
        assert_eq!(end_of_life(&stream).unwrap().standard, date(2024, 5, 31));
        assert_eq!(end_of_life(&os("centos", "8")).unwrap().standard, date(2021, 12, 31));
        let named = OsRelease { codename: "bullseye".to_owned(), ..os("debian", "") };
        assert_eq!(end_of_life(&named).unwrap().standard, date(2024, 8, 14));
        let told = OsRelease { support_end: "2030-01-31".to_owned(), ..os("fedora", "99") };
        assert_eq!(end_of_life(&told).unwrap().standard, date(2030, 1, 31));
        assert_eq!(end_of_life(&OsRelease { support_end: "soon".to_owned(), ..told }), None);
    }

    #[test]
    fn every_line_is_a_date_and_stands_once() {
        for (at, line) in table::LINES.iter().enumerate() {
            let os = OsRelease {
                pretty_name: if line.id == "centos-stream" { "CentOS Stream".to_owned() } else { String::new() },
                ..os(line.id.trim_end_matches("-stream"), line.release)
            };
            let found = end_of_life(&os).unwrap();
            assert!(found.extended.is_none_or(|extended| extended >= found.standard), "{line:?}");
            assert_eq!(line.extended.is_some(), found.extended.is_some(), "{line:?}");
            assert!(
                table::LINES[..at].iter().all(|other| (other.id, other.release) != (line.id, line.release)),
                "{line:?}"
            );
        }
    }

    /// Debian and Ubuntu keep the dates of both in one package, which may be installed here.
    #[test]
    fn dates_agree_with_distro_info_data() {
        for (id, extended) in [("debian", 6), ("ubuntu", 7)] {
            let Ok(text) = std::fs::read_to_string(format!("/usr/share/distro-info/{id}.csv")) else {
                use std::io::Write;
                let _ = writeln!(std::io::stderr(), "SKIPPED: install distro-info-data to compare the dates of {id}");
                continue;
            };
            for line in table::LINES.iter().filter(|line| line.id == id) {
                let row: Vec<&str> = text
                    .lines()
                    .map(|row| row.split(',').collect::<Vec<_>>())
                    .find(|row| row[2] == line.codename)
                    .unwrap_or_else(|| panic!("{line:?}"));
                let found = end_of_life(&os(id, line.release)).unwrap();
                assert_eq!(found.standard.to_string(), row[5], "{line:?}");
                let expected = row.get(extended).map(|day| (*day).to_owned());
                assert_eq!(found.extended.map(|day| day.to_string()), expected, "{line:?}");
            }
        }
    }
}

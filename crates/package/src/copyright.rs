//! Licence names in `usr/share/doc/PACKAGE/copyright` (Debian, "Machine-readable debian/copyright file", version 1.0).

/// More names than this in one package are not helpful to anybody.
const NAMES: usize = 50;
const NAME_BYTES: usize = 200;

/// Short names in the order of the alphabet; empty when the file is prose.
pub(crate) fn licenses(text: &str) -> Vec<String> {
    let machine_readable = text.lines().find(|line| !line.trim().is_empty()).is_some_and(|line| {
        line.get(..7).is_some_and(|field| field.eq_ignore_ascii_case("format:")) && line.contains("copyright-format")
    });
    if !machine_readable {
        return Vec::new();
    }
    let mut names: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("License:"))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name.len() <= NAME_BYTES)
        .collect();
    names.sort();
    names.dedup();
    names.truncate(NAMES);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_machine_readable_files_name_licences() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
            Files: *\nLicense: GPL-2+\n Text.\n\nFiles: x\nLicense: BSD-3-clause or MIT\n\nLicense: GPL-2+\n";
        assert_eq!(licenses(text), ["BSD-3-clause or MIT", "GPL-2+"]);
        assert_eq!(licenses("This package was debianized by hand.\nLicense: GPL\n"), Vec::<String>::new());
    }
}

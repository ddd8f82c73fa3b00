//! The main section of `META-INF/MANIFEST.MF` (JAR File Specification, "JAR Manifest").

use std::collections::BTreeMap;

/// Attributes by name in lower case: names are compared without case.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    attributes: BTreeMap<String, String>,
}

impl Manifest {
    /// A line that begins with a space goes on with the one before. An empty line ends the section.
    pub(super) fn parse(text: &str) -> Manifest {
        let mut attributes = BTreeMap::new();
        let mut name = String::new();
        for line in text.trim_start_matches('\u{feff}').lines() {
            if line.is_empty() {
                break;
            }
            if let Some(more) = line.strip_prefix(' ') {
                attributes.entry(name.clone()).and_modify(|value: &mut String| value.push_str(more));
            } else if let Some((key, value)) = line.split_once(':') {
                name = key.to_ascii_lowercase();
                attributes.insert(name.clone(), value.trim_start().to_owned());
            }
        }
        Manifest { attributes }
    }

    /// Trimmed, and None where it is empty or a placeholder that a build left behind.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.attributes.get(&name.to_ascii_lowercase())?.trim();
        (!value.is_empty() && !value.contains("${")).then_some(value)
    }

    /// `Bundle-License` (OSGi Core, 3.2.1.10): names or addresses separated by commas, each with attributes behind `;`.
    pub(super) fn licenses(&self) -> Vec<String> {
        let value = self.get("Bundle-License").unwrap_or_default();
        let names = value.split(',').filter_map(|license| license.split(';').next());
        names.map(|name| name.trim().trim_matches('"')).filter_map(crate::language::license).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_and_only_the_first_section_counts() {
        let text = "Manifest-Version: 1.0\r\nBundle-SymbolicName: org.apa\r\n che.x;singleton:=true\r\n\
            Bundle-License: \"Apache-2.0\";link=\"https://x\", MIT\r\nV: ${x}\r\n\r\nName: a\r\nImplementation-Version: 9\r\n";
        let manifest = Manifest::parse(text);
        assert_eq!(manifest.get("bundle-symbolicname"), Some("org.apache.x;singleton:=true"));
        assert_eq!(manifest.get("Implementation-Version"), None);
        assert_eq!(manifest.get("V"), None);
        assert_eq!(manifest.licenses(), ["Apache-2.0", "MIT"]);
    }
}

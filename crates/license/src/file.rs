//! Which files hold licences.

/// Names that licence files have, in lower case, before any extension or `-NAME`.
const STEMS: [&str; 9] =
    ["license", "licence", "licenses", "licences", "copying", "copyright", "notice", "unlicense", "copyleft"];
/// Endings of prose. Code that is called `license.py` is none.
const PROSE: [&str; 10] = ["txt", "md", "markdown", "rst", "html", "htm", "text", "lesser", "lib", "adoc"];

/// Whether the file at this path holds a licence, by its name or folder: `LICENSE-MIT`, `COPYING.LESSER`, `notice.txt`,
/// `usr/share/common-licenses/GPL-3`, `x.dist-info/licenses/AUTHORS`, `LICENSES/MIT.txt` (REUSE 3.3).
pub fn is_license_file(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = folder.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    if lower.is_empty() {
        return false;
    }
    let in_license_folder = parent == "common-licenses" || parent == "LICENSES" || parent == "licenses";
    let extension = lower.rsplit_once('.').map(|(_, extension)| extension);
    if in_license_folder {
        return !extension.is_some_and(is_code);
    }
    let stem =
        |text: &str| STEMS.iter().find(|stem| text.starts_with(**stem)).map(|stem| text[stem.len()..].to_owned());
    if let Some(rest) = stem(&lower) {
        return match rest.chars().next() {
            None => true,
            Some('.') => PROSE.contains(&&rest[1..]) || !rest[1..].contains('.') && !is_code(&rest[1..]),
            Some('-' | '_' | ' ') => !extension.is_some_and(is_code),
            Some(_) => false,
        };
    }
    // `MIT-LICENSE.txt`, `apache.license`, `3rdparty-licenses.txt`, `gpl-3.0.txt`.
    let bare = extension
        .filter(|extension| PROSE.contains(extension))
        .map_or(lower.as_str(), |extension| &lower[..lower.len() - extension.len() - 1]);
    let ends = ["-license", "_license", ".license", "-licence", "-licenses", "-copying", "-copyright"];
    ends.iter().any(|end| bare.ends_with(end))
        || matches!(bare, "gpl" | "lgpl" | "gpl-2.0" | "gpl-3.0" | "lgpl-2.1" | "lgpl-3.0")
}

fn is_code(extension: &str) -> bool {
    [
        "py", "pyc", "pyi", "js", "mjs", "cjs", "ts", "rs", "go", "c", "h", "cc", "cpp", "hpp", "java", "class", "rb",
        "php", "json", "xml", "yaml", "yml", "toml", "css", "svg", "png", "gif", "so", "dll", "exe", "sh", "pl", "pm",
        "lua", "map", "cs", "kt", "swift", "jar", "gz", "zip", "db", "vue", "tsx", "jsx", "bin",
    ]
    .contains(&extension)
}

#[cfg(test)]
mod tests {
    use super::is_license_file;

    #[test]
    fn licence_files_by_their_names() {
        for path in [
            "LICENSE",
            "a/LICENSE.md",
            "a/License.txt",
            "LICENCE",
            "COPYING",
            "COPYING.LESSER",
            "COPYING.LIB",
            "LICENSE-MIT",
            "LICENSE_1_0.txt",
            "NOTICE",
            "usr/share/doc/bash/copyright",
            "usr/share/common-licenses/GPL-3",
            "LICENSES/MIT.txt",
            "x.dist-info/licenses/AUTHORS",
            "MIT-LICENSE.txt",
            "UNLICENSE",
            "license.apache2",
            "node_modules/x/license",
        ] {
            assert!(is_license_file(path), "{path}");
        }
        for path in [
            "",
            "/",
            "license.py",
            "src/license/mod.rs",
            "licensed.txt",
            "LICENSE.json",
            "README.md",
            "copyright.js",
            "notices.go",
            "lib/licenses/index.js",
            "noticeboard",
        ] {
            assert!(!is_license_file(path), "{path}");
        }
    }
}

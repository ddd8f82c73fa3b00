//! Path patterns of artifacts: `*`, `?`, `[…]` within one folder, `**` across folders.

/// A pattern relative to the project's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<String>,
}

impl Pattern {
    /// `None` for a path that leads out of the project.
    pub(crate) fn parse(text: &str, project_dir: &str) -> Option<Pattern> {
        let inner = match text.strip_prefix(project_dir) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.trim_start_matches('/'),
            _ if text.starts_with('/') => return None,
            _ => text,
        };
        let parts = inner.split('/').filter(|part| !part.is_empty() && *part != ".");
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        if inner.contains('\0') || parts.len() > 64 || parts.iter().any(|part| part == "..") {
            return None;
        }
        Some(Pattern { parts })
    }

    /// The folders and files in front of the first wildcard: where to look.
    pub(crate) fn fixed(&self) -> String {
        let fixed = self.parts.iter().take_while(|part| !part.contains(['*', '?', '[']));
        fixed.map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// Whether the pattern names this path or a folder above it.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        matches(&self.parts, &path)
    }
}

/// Dynamic programming over parts, so that many `**` cannot make it slow: `reached[n]` says that the pattern so far can
/// match the first `n` parts of the path.
fn matches(pattern: &[String], path: &[&str]) -> bool {
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for part in pattern {
        if part == "**" {
            for index in 0..path.len() {
                reached[index + 1] |= reached[index];
            }
        } else {
            for index in (0..path.len()).rev() {
                reached[index + 1] = reached[index] && matches_part(part, path[index]);
            }
            reached[0] = false;
        }
    }
    // A prefix that matches is a folder, and what is in it belongs to it.
    reached.contains(&true)
}

/// The same inside one name.
fn matches_part(pattern: &str, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let mut reached = vec![false; name.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        if first == '*' {
            for index in 0..name.len() {
                reached[index + 1] |= reached[index];
            }
            continue;
        }
        let class = if first == '[' { rest.split_once(']') } else { None };
        if let Some((_, after)) = class {
            rest = after;
        }
        for index in (0..name.len()).rev() {
            let fits = match (first, class) {
                ('?', _) => true,
                (_, Some((set, _))) => in_class(set, name[index]),
                (literal, None) => literal == name[index],
            };
            reached[index + 1] = reached[index] && fits;
        }
        reached[0] = false;
    }
    reached[name.len()]
}

fn in_class(set: &str, one: char) -> bool {
    let (negated, set) = match set.strip_prefix(['!', '^']) {
        Some(set) => (true, set),
        None => (false, set),
    };
    let set: Vec<char> = set.chars().collect();
    let mut found = false;
    let mut index = 0;
    while index < set.len() {
        if index + 2 < set.len() && set[index + 1] == '-' {
            found |= (set[index]..=set[index + 2]).contains(&one);
            index += 3;
        } else {
            found |= set[index] == one;
            index += 1;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pattern;

    #[test]
    fn matches_as_people_expect() {
        for (pattern, path, expected) in [
            ("dist", "dist/a/b.txt", true),
            ("dist/", "dist/a", true),
            ("./dist/*.js", "dist/a.js", true),
            ("dist/*.js", "dist/a/b.js", false),
            ("dist/**/*.js", "dist/a/b/c.js", true),
            ("dist/**/*.js", "dist/c.js", true),
            ("**/*.log", "a.log", true),
            ("*.log", "x.log", true),
            ("*.log", "d/x.log", false),
            ("a?[0-9x].txt", "ab7.txt", true),
            ("a?[!0-9].txt", "ab7.txt", false),
            ("[", "[", true),
            ("/builds/g/p/out", "out/x", true),
        ] {
            let pattern = Pattern::parse(pattern, "/builds/g/p").unwrap();
            assert_eq!(pattern.matches(path), expected, "{pattern:?} {path}");
        }
        for bad in ["../x", "a/../../x", "/etc/passwd", "/builds/g/pq"] {
            assert!(Pattern::parse(bad, "/builds/g/p").is_none(), "{bad}");
        }
        assert_eq!(Pattern::parse("a/b/*.x", "/p").unwrap().fixed(), "a/b");
    }

    proptest! {
        #[test]
        fn never_panics_and_plain_names_match_themselves(pattern in "[a*?\\[\\]!/.é-]{0,40}", path in "[a/é]{0,30}", name in "[a-z]{1,8}") {
            if let Some(pattern) = Pattern::parse(&pattern, "/p") {
                pattern.matches(&path);
                pattern.fixed();
            }
            prop_assert!(Pattern::parse(&name, "/p").unwrap().matches(&name));
        }
    }
}

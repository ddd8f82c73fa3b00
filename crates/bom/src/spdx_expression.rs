//! Licence expressions (SPDX 2.3, annex D) as far as documents need them: is it one, is it one identifier, several joined.

/// Licences of a component, in the form that a document can hold.
pub(crate) enum Form<'a> {
    None,
    /// Single identifiers and plain names only.
    List {
        ids: Vec<&'a str>,
        names: Vec<&'a str>,
    },
    /// At least one compound expression: everything joined to one. Names are references then.
    Expression(String),
}

/// `licenses` are expressions, `names` what has no identifier.
pub(crate) fn form<'a>(licenses: &'a [String], names: &'a [String]) -> Form<'a> {
    if licenses.is_empty() && names.is_empty() {
        return Form::None;
    }
    // What is no expression is a name, whatever the caller thought.
    let (expressions, others): (Vec<&str>, Vec<&str>) =
        licenses.iter().map(String::as_str).partition(|l| is_expression(l));
    let names = others.into_iter().chain(names.iter().map(String::as_str)).filter(|name| !name.trim().is_empty());
    if expressions.iter().all(|expression| is_identifier(expression)) {
        return Form::List { ids: expressions, names: names.collect() };
    }
    let references: Vec<String> = names.map(reference).collect();
    Form::Expression(join(expressions.into_iter().chain(references.iter().map(String::as_str))))
}

/// All of them, as one expression; None when there are none.
pub(crate) fn joined(licenses: &[String], names: &[String]) -> Option<String> {
    match form(licenses, names) {
        Form::None => None,
        Form::Expression(expression) => Some(expression),
        Form::List { ids, names } => {
            let references: Vec<String> = names.into_iter().map(reference).collect();
            let joined = join(ids.into_iter().chain(references.iter().map(String::as_str)));
            Some(joined).filter(|joined| !joined.is_empty())
        }
    }
}

/// `LicenseRef-…`: letters, digits, dots and dashes of the name, and a digest where that loses something.
pub(crate) fn reference(name: &str) -> String {
    let slug: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '-' })
        .take(64)
        .collect();
    let slug = slug.trim_matches('-');
    if slug == name {
        format!("LicenseRef-{slug}")
    } else {
        let digest = crate::identity::short(&[name]);
        format!("LicenseRef-{slug}{}{}", if slug.is_empty() { "" } else { "-" }, &digest[..8])
    }
}

/// One word of an expression: an identifier of the list, perhaps with a plus, or a reference.
fn is_identifier(text: &str) -> bool {
    let bare = text.strip_suffix('+').unwrap_or(text);
    let bare = match bare.split_once(':') {
        Some((document, reference)) if document.starts_with("DocumentRef-") && reference.starts_with("LicenseRef-") => {
            return document.bytes().chain(reference.bytes()).all(is_id_byte);
        }
        _ => bare,
    };
    !bare.is_empty() && bare.bytes().all(is_id_byte) && !matches!(bare, "AND" | "OR" | "WITH" | "NONE" | "NOASSERTION")
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.'
}

/// True when the words stand as the grammar wants them; whether identifiers exist is not asked.
pub(crate) fn is_expression(text: &str) -> bool {
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut depth = 0_usize;
    // True where an operand must come next.
    let mut operand = true;
    let mut exception = false;
    for word in spaced.split_whitespace() {
        match word {
            "(" if operand && !exception => depth += 1,
            ")" if !operand && depth > 0 => depth -= 1,
            "AND" | "OR" if !operand => operand = true,
            "WITH" if !operand => (operand, exception) = (true, true),
            "(" | ")" | "AND" | "OR" | "WITH" => return false,
            word if operand && is_identifier(word) => (operand, exception) = (false, false),
            _ => return false,
        }
    }
    !operand && depth == 0
}

/// True for a name that others write where an expression belongs: a compound one, or one of the frequent identifiers. One word of any
/// other kind may be somebody's own abbreviation.
pub(crate) fn is_meant_as_expression(name: &str) -> bool {
    is_frequent(name) || (is_expression(name) && !is_identifier(name))
}

/// The references `LicenseRef-…` in an expression: documents must explain each.
pub(crate) fn references(expression: &str) -> impl Iterator<Item = &str> {
    expression.split(|c: char| c.is_whitespace() || c == '(' || c == ')').filter(|word| word.starts_with("LicenseRef-"))
}

fn join<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.collect();
    if let [one] = parts[..] {
        return one.to_owned();
    }
    let parts = parts.iter().map(|part| if is_identifier(part) { (*part).to_owned() } else { format!("({part})") });
    parts.collect::<Vec<_>>().join(" AND ")
}

/// Identifiers of the SPDX list that nearly every component uses: written as `id`, which readers compare with their lists. Any other is
/// written as an expression of one word, which says the same.
pub(crate) fn is_frequent(id: &str) -> bool {
    FREQUENT.binary_search(&id).is_ok()
}

const FREQUENT: [&str; 44] = [
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "GFDL-1.3-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ISC",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "OFL-1.1",
    "OpenSSL",
    "PSF-2.0",
    "Python-2.0",
    "Ruby",
    "Unlicense",
    "WTFPL",
    "Zlib",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frequent_ones_are_sorted() {
        assert!(FREQUENT.is_sorted());
        assert!(is_frequent("MIT") && !is_frequent("mit"));
    }

    #[test]
    fn expressions_follow_the_grammar() {
        for right in [
            "MIT",
            "GPL-2.0+",
            "(MIT OR Apache-2.0) AND ISC",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "LicenseRef-x",
            "DocumentRef-a:LicenseRef-b",
        ] {
            assert!(is_expression(right), "{right}");
        }
        for wrong in [
            "",
            "MIT OR",
            "MIT Apache-2.0",
            "(MIT",
            "MIT)",
            "AND MIT",
            "BSD or MIT",
            "GPL (>= 2)",
            "a WITH (b)",
            "NOASSERTION",
        ] {
            assert!(!is_expression(wrong), "{wrong}");
        }
    }

    #[test]
    fn several_are_joined() {
        let list = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            joined(&list(&["ISC", "MIT OR ISC"]), &list(&["Public domain"])).as_deref(),
            Some(format!("ISC AND (MIT OR ISC) AND {}", reference("Public domain")).as_str())
        );
        assert_eq!(joined(&list(&["MIT"]), &[]).as_deref(), Some("MIT"));
        assert_eq!(joined(&[], &[]), None);
        assert_eq!(joined(&list(&["see the file"]), &[]), Some(reference("see the file")));
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_an_expression_comes_out(a in "\\PC{0,12}", b in "(MIT|ISC| OR |\\(|\\)| AND ){0,6}", name in "\\PC{0,80}") {
            if let Some(expression) = joined(&[a, b], &[name]) {
                proptest::prop_assert!(is_expression(&expression), "{}", expression);
            }
        }
    }
}

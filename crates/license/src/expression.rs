//! An SPDX expression and what one may ask of it.

use base::limits;
use serde::Serialize;

use crate::{Evidence, classify, parse, phrase};

/// What a package says about its licence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expression {
    /// By the grammar of SPDX 3.0, annex B, with `LicenseRef-` for what is not on the list; `None` when nothing is said
    /// (`UNKNOWN`, `NOASSERTION`, `see LICENSE`).
    pub spdx: Option<String>,
    /// Every licence of it once, sorted, without exceptions: `GPL-2.0-or-later`, `LicenseRef-public-domain`.
    pub ids: Vec<String>,
    #[serde(skip)]
    tree: Option<Node>,
}

/// Words that say that nothing is said.
const NOTHING: [&str; 14] = [
    "",
    "unknown",
    "none",
    "noassertion",
    "n/a",
    "na",
    "other",
    "custom",
    "license",
    "see license",
    "see license file",
    "see license in license",
    "osi approved",
    "dual license",
];

/// Reads one spelling: a short name of a distribution, an SPDX expression, a PyPI classifier, a URL, prose. A text of many
/// lines is taken for the licence itself and compared with the texts that are known.
pub fn expression(text: &str) -> Expression {
    let text = text.trim().trim_matches(['"', '\'']).trim();
    if text.len() > limits::LICENSE_NAME_BYTES || text.lines().nth(4).is_some() {
        return from_text(text);
    }
    let text = classifier(text);
    let spoken = text.to_lowercase().replace(['-', '_', '.'], " ");
    if NOTHING.contains(&spoken.trim()) || spoken.starts_with("see license in") {
        return Expression::default();
    }
    Expression::of(parse_urls(text).or_else(|| parse::parse(&without_urls(text))))
}

/// Several statements that all hold, such as the classifiers of one package: the same twice is once.
pub fn all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Expression {
    let trees = texts.into_iter().take(limits::LICENSE_STATEMENTS).filter_map(|text| expression(text).tree);
    Expression::of(Node::and(trees.collect()))
}

impl Expression {
    /// Whether somebody who takes only these licences may use it: one side of an `OR` is enough. Exceptions give more
    /// rights and are not asked about. Says no when nothing is said.
    pub fn allows(&self, mut taken: impl FnMut(&str) -> bool) -> bool {
        self.tree.as_ref().is_some_and(|tree| tree.allows(&mut taken))
    }

    fn of(tree: Option<Node>) -> Expression {
        let Some(tree) = tree else { return Expression::default() };
        let mut ids = Vec::new();
        tree.collect(&mut ids);
        ids.sort();
        ids.dedup();
        Expression { spdx: Some(tree.render(false)), ids, tree: Some(tree) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// An identifier, perhaps `WITH` an exception.
    Leaf(String),
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    /// An identifier, or one of the few names that mean an expression (`CDDL+GPL`).
    pub(crate) fn leaf(text: &str) -> Node {
        match text.split_once(" OR ") {
            Some((left, right)) => Node::Or(vec![Node::leaf(left), Node::leaf(right)]),
            None => Node::Leaf(text.to_owned()),
        }
    }

    pub(crate) fn and(parts: Vec<Node>) -> Option<Node> {
        let inner = |node| match node {
            Node::And(parts) => parts,
            other => vec![other],
        };
        Node::joined(parts, inner, Node::And)
    }

    pub(crate) fn or(parts: Vec<Node>) -> Option<Node> {
        let inner = |node| match node {
            Node::Or(parts) => parts,
            other => vec![other],
        };
        Node::joined(parts, inner, Node::Or)
    }

    fn joined(parts: Vec<Node>, inner: impl Fn(Node) -> Vec<Node>, join: impl Fn(Vec<Node>) -> Node) -> Option<Node> {
        let mut once: Vec<Node> = Vec::new();
        for part in parts.into_iter().flat_map(inner) {
            if !once.contains(&part) {
                once.push(part);
            }
        }
        if once.len() > 1 { Some(join(once)) } else { once.pop() }
    }

    pub(crate) fn reference(text: &str) -> Option<Node> {
        Node::name("LicenseRef-", text).map(Node::Leaf)
    }

    /// `idstring` of the grammar: letters, digits, `-` and `.`.
    pub(crate) fn name(prefix: &str, text: &str) -> Option<String> {
        let mut name = String::new();
        for letter in text.chars().take(limits::LICENSE_REFERENCE_CHARS) {
            match letter {
                '.' => name.push('.'),
                letter if letter.is_ascii_alphanumeric() => name.push(letter),
                _ if !name.ends_with('-') => name.push('-'),
                _ => {}
            }
        }
        let name = name.trim_matches(['-', '.']);
        (!name.is_empty()).then(|| format!("{prefix}{name}"))
    }

    /// Whether any licence of it is on the SPDX list.
    pub(crate) fn knows_any(&self) -> bool {
        match self {
            Node::Leaf(id) => !id.starts_with("LicenseRef-") || id == "LicenseRef-public-domain",
            Node::And(parts) | Node::Or(parts) => parts.iter().any(Node::knows_any),
        }
    }

    fn render(&self, inside: bool) -> String {
        let (parts, sign) = match self {
            Node::Leaf(id) => return id.clone(),
            Node::And(parts) => (parts, " AND "),
            Node::Or(parts) => (parts, " OR "),
        };
        let text = parts.iter().map(|part| part.render(true)).collect::<Vec<_>>().join(sign);
        if inside { format!("({text})") } else { text }
    }

    fn collect(&self, ids: &mut Vec<String>) {
        match self {
            Node::Leaf(id) => ids.push(base_id(id).to_owned()),
            Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| part.collect(ids)),
        }
    }

    fn allows(&self, taken: &mut impl FnMut(&str) -> bool) -> bool {
        match self {
            Node::Leaf(id) => taken(base_id(id)),
            Node::And(parts) => parts.iter().all(|part| part.allows(taken)),
            Node::Or(parts) => parts.iter().any(|part| part.allows(taken)),
        }
    }
}

fn base_id(id: &str) -> &str {
    id.split_once(" WITH ").map_or(id, |(base, _)| base)
}

/// `License :: OSI Approved :: MIT License` says `MIT License`.
fn classifier(text: &str) -> &str {
    match text.strip_prefix("License ::") {
        Some(path) => path.rsplit("::").next().unwrap_or(path).trim(),
        None => text,
    }
}

/// A text that is nothing but the address of a licence.
fn parse_urls(text: &str) -> Option<Node> {
    if !text.contains("://") || text.split_whitespace().count() != 1 {
        return None;
    }
    let (_, address) = text.split_once("://")?;
    let path = address.trim_start_matches("www.").split(['?', '#']).next()?.trim_end_matches(['/', '.']);
    let path = [".txt", ".html", ".php", ".htm", ".md"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    if let Some(id) = phrase::by_words(&phrase::key(path)) {
        return Some(Node::leaf(id));
    }
    let known_place =
        ["opensource.org/licenses/", "spdx.org/licenses/", "licenses.nuget.org/", "choosealicense.com/licenses/"];
    match known_place.iter().find_map(|place| path.strip_prefix(place)) {
        Some(name) => parse::parse(&name.trim_end_matches('/').replace("%20", " ")),
        None => Node::reference(path),
    }
}

fn without_urls(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().filter(|word| !word.contains("://")).collect();
    words.join(" ")
}

fn from_text(text: &str) -> Expression {
    let matches = classify(text.as_bytes());
    let texts = matches.iter().filter(|found| found.evidence != Evidence::Notice || matches.len() == 1);
    Expression::of(Node::and(texts.map(|found| Node::leaf(&found.id)).collect()))
}

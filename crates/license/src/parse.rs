//! Free text as a tree of licences: names and GNU names joined by "and", "or", "with" and their signs.

use crate::{
    expression::Node,
    gnu,
    phrase::{self, PHRASE_WORDS, Token},
};

/// Tokens of one text, and parentheses inside of each other; what has more is no expression.
pub(crate) const TOKENS: usize = 2_000;
const DEPTH: usize = 20;

/// More than a list of names nobody knows has.
const PROSE_TOKENS: usize = 7;

/// Between a licence and where to read it: what follows names nothing.
const POINTERS: [&str; 8] = ["see", "for", "file", "copying", "readme", "http", "https", "details"];
/// After a licence's name: something like it, which is another licence.
const LIKENESS: [&str; 8] = ["style", "like", "alike", "variant", "derived", "based", "compatible", "ish"];

pub(crate) fn parse(text: &str) -> Option<Node> {
    let tokens = phrase::tokens(text);
    if tokens.len() > TOKENS {
        return None;
    }
    let mut parser = Parser { text, tokens, at: 0 };
    let mut parts = Vec::new();
    while parser.at < parser.tokens.len() {
        let before = parser.at;
        parts.extend(parser.either(0)?);
        // A sign that fits nowhere, such as a parenthesis that nobody opened.
        if parser.at == before {
            parser.at += 1;
        }
    }
    let node = Node::and(parts)?;
    // A sentence in which no licence is known has "and" and "or" of its own.
    let own = (0..parser.tokens.len()).any(|at| parser.word(at) == Some("licenseref"));
    if parser.tokens.len() > PROSE_TOKENS && !own && !node.knows_any() { Node::reference(text) } else { Some(node) }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
}

impl Parser<'_> {
    /// `both (or both)*`. Debian's rule that ", and" binds more loosely than "or" is kept: such a comma ends the alternatives.
    fn either(&mut self, depth: usize) -> Option<Option<Node>> {
        if depth > DEPTH {
            return None;
        }
        let mut groups: Vec<Vec<Node>> = vec![Vec::new()];
        let mut parts = Vec::new();
        loop {
            if matches!(self.tokens.get(self.at), None | Some(Token::Close)) {
                break;
            }
            match self.operator() {
                Some((Operator::Or, used)) => {
                    self.at += used;
                    groups.push(Vec::new());
                }
                Some((Operator::CommaAnd, used)) => {
                    self.at += used;
                    parts.extend(Node::or(groups.into_iter().filter_map(Node::and).collect()));
                    groups = vec![Vec::new()];
                }
                // A comma between alternatives is one of them: "A, B or C".
                Some((Operator::Comma, used)) => {
                    self.at += used;
                    if self.alternatives_follow() {
                        groups.push(Vec::new());
                    }
                }
                Some((Operator::And, used)) => self.at += used,
                None => {
                    let before = self.at;
                    let node = self.one(depth)?;
                    if self.at == before {
                        break;
                    }
                    groups.last_mut().expect("there is always a group").extend(node);
                }
            }
        }
        parts.extend(Node::or(groups.into_iter().filter_map(Node::and).collect()));
        Some(Node::and(parts))
    }

    fn word(&self, at: usize) -> Option<&str> {
        match self.tokens.get(at) {
            Some(Token::Word { key, .. }) => Some(key),
            _ => None,
        }
    }

    fn operator(&self) -> Option<(Operator, usize)> {
        let at = self.at;
        match self.tokens.get(at)? {
            Token::Slash => Some((Operator::Or, 1)),
            Token::Pipe => Some((Operator::Or, 1 + usize::from(self.tokens.get(at + 1) == Some(&Token::Pipe)))),
            Token::Ampersand | Token::Plus { glued: false } => Some((Operator::And, 1)),
            Token::Comma if self.word(at + 1) == Some("and") => Some((Operator::CommaAnd, 2)),
            Token::Comma if self.word(at + 1) == Some("or") => Some((Operator::Or, 2)),
            Token::Comma => Some((Operator::Comma, 1)),
            Token::Word { key, .. } if key == "or" => Some((Operator::Or, 1)),
            Token::Word { key, .. } if key == "and" => {
                let or = self.tokens.get(at + 1) == Some(&Token::Slash) && self.word(at + 2) == Some("or");
                Some(if or { (Operator::Or, 3) } else { (Operator::And, 1) })
            }
            _ => None,
        }
    }

    /// Whether the list that this comma is in goes on to an "or" before any "and".
    fn alternatives_follow(&self) -> bool {
        for at in self.at..self.tokens.len() {
            match self.tokens.get(at) {
                Some(Token::Word { key, .. }) if key == "or" => return gnu_later(&self.tokens[at..]).is_none(),
                Some(Token::Word { key, .. }) if key == "and" => return false,
                Some(Token::Open | Token::Close) | None => return false,
                Some(_) => {}
            }
        }
        false
    }

    /// One licence, with its exception; or a parenthesis.
    fn one(&mut self, depth: usize) -> Option<Option<Node>> {
        if self.tokens.get(self.at) == Some(&Token::Open) && self.known(self.at).is_none() {
            self.at += 1;
            let inner = self.either(depth + 1)?;
            if self.tokens.get(self.at) == Some(&Token::Close) {
                self.at += 1;
            }
            return Some(inner);
        }
        let start = self.at;
        if self.word(start) == Some("licenseref") {
            let name = self.own_reference(start).and_then(|name| Node::name("LicenseRef-", &name));
            return match name {
                Some(id) if self.word(self.at) == Some("with") => self.rest_of(start, id, true),
                name => Some(name.map(Node::Leaf)),
            };
        }
        let Some((id, used)) = self.known(start) else {
            return Some(self.unknown(start));
        };
        self.at += used;
        let mut id = id;
        if self.tokens.get(self.at) == Some(&(Token::Plus { glued: true })) {
            self.at += 1;
            id = or_later(&id);
        } else if let Some(used) = gnu_later(&self.tokens[self.at..]) {
            self.at += used;
            id = or_later(&id);
        }
        self.rest_of(start, id, false)
    }

    /// What follows a known name up to the next operator: an exception, a pointer to more text, or words that make it another.
    fn rest_of(&mut self, start: usize, id: String, own: bool) -> Option<Option<Node>> {
        let comma = self.tokens.get(self.at) == Some(&Token::Comma) && self.word(self.at + 1) == Some("with");
        self.at += usize::from(comma);
        let from = self.at;
        let end = self.item_end(from);
        if end == from {
            return Some(Some(Node::leaf(&id)));
        }
        let words: Vec<String> = (from..end).filter_map(|at| self.word(at)).map(str::to_owned).collect();
        let glued = matches!(self.tokens.get(from), Some(Token::Word { glued: true, .. }));
        let first = words.first().map_or("", String::as_str);
        if first == "with" || first == "w" || words.last().is_some_and(|last| last.starts_with("exception")) {
            let named: Vec<&str> =
                words.iter().map(String::as_str).filter(|word| !matches!(*word, "with" | "w")).collect();
            let may_have_one = !id.contains(' ') && (own || !id.starts_with("LicenseRef-"));
            let reference = (from..end).find(|at| self.word(*at) == Some("additionref"));
            if let Some(at) = reference
                && may_have_one
                && let Some(name) = self.own_reference(at).and_then(|name| Node::name("AdditionRef-", &name))
            {
                return Some(Some(Node::leaf(&format!("{id} WITH {name}"))));
            }
            let exception = exception(&id, &named);
            self.at = end;
            return Some(Some(match exception {
                Some(exception) if may_have_one => Node::leaf(&format!("{id} WITH {exception}")),
                _ => return Some(self.reference(start, end)),
            }));
        }
        // "BSD-3-clause-PADL", "MIT-style", "BSD like": somebody's own words.
        if glued || LIKENESS.contains(&first) {
            self.at = end;
            return Some(self.reference(start, end));
        }
        if POINTERS.contains(&first) {
            self.at = end;
            return Some(Some(Node::leaf(&id)));
        }
        if self.known(from).is_none() && self.tokens.get(from) != Some(&Token::Open) {
            self.at = end;
            return Some(self.reference(start, end));
        }
        // A name again, as in "MIT License (MIT)": the caller reads it next, and the same twice is once.
        Some(Some(Node::leaf(&id)))
    }

    /// The longest name that begins here, and the tokens it takes.
    fn known(&self, start: usize) -> Option<(String, usize)> {
        let mut best: Option<(String, usize)> = None;
        let (mut words, mut key, mut depth) = (0, String::new(), 0i32);
        for at in start..self.tokens.len() {
            match &self.tokens[at] {
                Token::Word { key: word, .. } => {
                    if words > 0 {
                        key.push(' ');
                    }
                    key.push_str(word);
                    words += 1;
                }
                Token::Plus { .. } => key.push_str(" +"),
                Token::Open if at > start => depth += 1,
                Token::Close => depth -= 1,
                Token::Slash | Token::Comma => continue,
                Token::Open | Token::Ampersand | Token::Pipe => break,
            }
            if words > PHRASE_WORDS || depth < 0 {
                break;
            }
            let id = if depth == 0 { phrase::by_words(&key) } else { None };
            if let Some(id) = id {
                best = Some((id.to_owned(), at + 1 - start));
            }
        }
        let gnu = gnu::read(&self.tokens[start..]);
        match (best, gnu) {
            (Some(best), Some(gnu)) => Some(if gnu.1 > best.1 { gnu } else { best }),
            (best, gnu) => best.or(gnu),
        }
    }

    /// What stands behind `LicenseRef-` or `AdditionRef-`, as it is written (SPDX 3.0, annex B, `idstring`).
    fn own_reference(&mut self, start: usize) -> Option<String> {
        let Some(Token::Word { end, .. }) = self.tokens.get(start) else { return None };
        let rest = self.text.get(*end..)?;
        let name = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        let length = rest.chars().take_while(name).count();
        let stop = end + length;
        let inside = |token: &Token| !matches!(token, Token::Word { start, .. } if *start >= stop);
        let words = |token: &Token| matches!(token, Token::Word { .. } | Token::Plus { glued: true }) && inside(token);
        self.at = start + self.tokens[start..].iter().take_while(|token| words(token)).count();
        Some(rest[..length].trim_start_matches('-').to_owned())
    }

    fn unknown(&mut self, start: usize) -> Option<Node> {
        self.at = self.item_end(start);
        if self.word(start).is_some_and(|first| POINTERS.contains(&first)) {
            return None;
        }
        self.reference(start, self.at)
    }

    /// The next operator or parenthesis.
    fn item_end(&self, from: usize) -> usize {
        let ends = |at: &usize| match &self.tokens[*at] {
            Token::Word { key, .. } => key == "and" || key == "or",
            Token::Plus { glued } => !glued,
            _ => true,
        };
        (from..self.tokens.len()).find(ends).unwrap_or(self.tokens.len())
    }

    fn reference(&self, start: usize, end: usize) -> Option<Node> {
        let place = |token: &Token| match token {
            Token::Word { start, end, .. } => Some((*start, *end)),
            _ => None,
        };
        let mut places = self.tokens[start..end].iter().filter_map(place);
        let first = places.next()?;
        let last = places.next_back().unwrap_or(first);
        Node::reference(&self.text[first.0..last.1])
    }
}

enum Operator {
    And,
    Or,
    Comma,
    CommaAnd,
}

fn gnu_later(tokens: &[Token]) -> Option<usize> {
    gnu::later_words(tokens)
}

fn or_later(id: &str) -> String {
    match id.strip_suffix("-only") {
        Some(base) => format!("{base}-or-later"),
        None if id.ends_with("-or-later") || id.contains(' ') || id.starts_with("LicenseRef-") => id.to_owned(),
        None => format!("{id}+"),
    }
}

/// An exception by its words; one that is not on the SPDX list is an `AdditionRef-` (SPDX 3.0). Words that do not speak of an
/// exception are none: "MIT with advertising" is another licence.
fn exception(id: &str, words: &[&str]) -> Option<String> {
    let speaks = words.last().is_some_and(|last| last.starts_with("exception"));
    let joined = words.join(" ");
    let exact = spdx::identifiers::EXCEPTIONS.iter().find(|exception| phrase::key(exception.name) == joined);
    if let Some(exact) = exact {
        return Some(exact.name.to_owned());
    }
    let name = joined.trim_end_matches("exceptions").trim_end_matches("exception").trim();
    let version_3 = id.contains("GPL-3");
    let known = match name {
        "autoconf" if version_3 => "Autoconf-exception-3.0",
        "autoconf" => "Autoconf-exception-2.0",
        "bison" => "Bison-exception-2.2",
        "libtool" => "Libtool-exception",
        "classpath" | "gnu classpath" | "cpe" => "Classpath-exception-2.0",
        "font" => "Font-exception-2.0",
        "gcc" | "gcc runtime library" | "gcc runtime" | "runtime" if version_3 => "GCC-exception-3.1",
        "gcc" => "GCC-exception-2.0",
        "llvm" => "LLVM-exception",
        "linux syscall note" | "linux syscall" => "Linux-syscall-note",
        "texinfo" => "Texinfo-exception",
        "qt" => "Qt-GPL-exception-1.0",
        "swift" => "Swift-exception",
        "bootloader" => "Bootloader-exception",
        "foss" | "universal foss" => "Universal-FOSS-exception-1.0",
        _ if speaks => return Node::name("AdditionRef-", &words.join("-")),
        _ => return None,
    };
    Some(known.to_owned())
}

/// The licence that a text begins with, after "the terms of the", "either", "a".
pub(crate) fn leading_name(text: &str) -> Option<String> {
    let parser = Parser { text, tokens: phrase::tokens(text), at: 0 };
    let filler =
        |at: usize| matches!(parser.word(at), Some("either" | "both" | "conditions" | "and" | "same" | "standard"));
    let start = (0..3).find(|at| !filler(*at))?;
    let (id, used) = parser.known(start)?;
    // "under the MIT-style license" names another one.
    let next = parser.word(start + used);
    (!next.is_some_and(|next| LIKENESS.contains(&next))).then_some(id)
}

//! Python's order: PyPA "Version specifiers" (formerly PEP 440), and setuptools' order for what came before it.

use std::cmp::Ordering;

use super::{Number, split_digits};

pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim().to_ascii_lowercase(), right.trim().to_ascii_lowercase());
    match (Release::parse(&left), Release::parse(&right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (None, None) => legacy(&left).cmp(&legacy(&right)),
    }
}

/// In the order in which the fields decide.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Release<'a> {
    epoch: Number<'a>,
    /// Without zeros at the end.
    numbers: Vec<Number<'a>>,
    pre: Pre<'a>,
    post: Option<Number<'a>>,
    dev: Dev<'a>,
    /// None before any local version; words before numbers.
    local: Option<Vec<Local<'a>>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Pre<'a> {
    /// A development release of the final one sorts before its alphas.
    DevOfFinal,
    Named(char, Number<'a>),
    Final,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Dev<'a> {
    Numbered(Number<'a>),
    None,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local<'a> {
    Word(&'a str),
    Number(Number<'a>),
}

const PRE: [(&str, char); 8] =
    [("alpha", 'a'), ("beta", 'b'), ("preview", 'r'), ("pre", 'r'), ("rc", 'r'), ("a", 'a'), ("b", 'b'), ("c", 'r')];

impl<'a> Release<'a> {
    fn parse(version: &'a str) -> Option<Release<'a>> {
        let version = version.strip_prefix('v').unwrap_or(version);
        let (version, local) = match version.split_once('+') {
            Some((version, local)) => (version, Some(parse_local(local)?)),
            None => (version, None),
        };
        let (epoch, rest) = match version.split_once('!') {
            Some((epoch, rest)) if !epoch.is_empty() && split_digits(epoch).1.is_empty() => (Number::new(epoch), rest),
            Some(_) => return None,
            None => (Number::new(""), version),
        };
        let (numbers, rest) = parse_numbers(rest)?;
        let (pre, rest) = parse_pre(rest);
        let (post, rest) = parse_post(rest);
        let (dev, rest) = parse_tag(rest, &["dev"]);
        if !rest.is_empty() {
            return None;
        }
        let pre = match pre {
            Some((letter, number)) => Pre::Named(letter, number),
            None if post.is_none() && dev.is_some() => Pre::DevOfFinal,
            None => Pre::Final,
        };
        Some(Release { epoch, numbers, pre, post, dev: dev.map_or(Dev::None, Dev::Numbered), local })
    }
}

fn parse_numbers(mut rest: &str) -> Option<(Vec<Number<'_>>, &str)> {
    let mut numbers = Vec::new();
    loop {
        let (digits, after) = split_digits(rest);
        if digits.is_empty() {
            return None;
        }
        numbers.push(Number::new(digits));
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
            _ => break,
        }
    }
    while numbers.last().is_some_and(|number| number.length == 0) {
        numbers.pop();
    }
    Some((numbers, rest))
}

fn parse_pre(rest: &str) -> (Option<(char, Number<'_>)>, &str) {
    let text = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
    for (name, letter) in PRE {
        if let Some(after) = text.strip_prefix(name) {
            let (number, after) = tag_number(after);
            return (Some((letter, number)), after);
        }
    }
    (None, rest)
}

/// `.post1`, `-rev1`, `r1`, or the short form `-1`.
fn parse_post(rest: &str) -> (Option<Number<'_>>, &str) {
    if let Some(after) = rest.strip_prefix('-') {
        let (digits, after) = split_digits(after);
        if !digits.is_empty() {
            return (Some(Number::new(digits)), after);
        }
    }
    parse_tag(rest, &["post", "rev", "r"])
}

fn parse_tag<'a>(rest: &'a str, names: &[&str]) -> (Option<Number<'a>>, &'a str) {
    let text = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
    match names.iter().find_map(|name| text.strip_prefix(name)) {
        Some(after) => {
            let (number, after) = tag_number(after);
            (Some(number), after)
        }
        None => (None, rest),
    }
}

/// The number after a tag, which a separator may precede; missing is zero.
fn tag_number(rest: &str) -> (Number<'_>, &str) {
    let text = rest.strip_prefix(['.', '-', '_']).unwrap_or(rest);
    match split_digits(text) {
        ("", _) => (Number::new(""), rest),
        (digits, after) => (Number::new(digits), after),
    }
}

fn parse_local(local: &str) -> Option<Vec<Local<'_>>> {
    local
        .split(['.', '-', '_'])
        .map(|part| match part {
            _ if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_alphanumeric()) => None,
            _ if split_digits(part).1.is_empty() => Some(Local::Number(Number::new(part))),
            _ => Some(Local::Word(part)),
        })
        .collect()
}

/// What is no version by today's rules: words and numbers, each turned so that plain text order is the right one.
fn legacy(version: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for word in legacy_words(version).into_iter().chain(["final"]) {
        let word = match word {
            "pre" | "preview" | "rc" => "c",
            "-" => "final-",
            "dev" => "@",
            other => other,
        };
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            parts.push(format!("{word:0>8}"));
            continue;
        }
        let before_final = word < "final";
        while before_final && parts.last().is_some_and(|part| part == "*final-") {
            parts.pop();
        }
        while parts.last().is_some_and(|part| part == "00000000") {
            parts.pop();
        }
        parts.push(format!("*{word}"));
    }
    parts
}

/// Runs of digits, runs of letters, and single other characters; dots only separate.
fn legacy_words(version: &str) -> Vec<&str> {
    let class = |c: char| match c {
        '0'..='9' => 0,
        'a'..='z' => 1,
        _ => 2,
    };
    let mut words = Vec::new();
    let mut rest = version;
    while let Some(first) = rest.chars().next() {
        let same = |c: &char| class(*c) == class(first);
        let length =
            if class(first) == 2 { first.len_utf8() } else { rest.chars().take_while(same).map(char::len_utf8).sum() };
        let (word, after) = rest.split_at(length);
        if word != "." {
            words.push(word);
        }
        rest = after;
    }
    words
}

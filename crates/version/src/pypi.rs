//! Python's order: PyPA's ["Version specifiers"] (formerly PEP 440), and setuptools' order for what came before it.
//!
//! `epoch!1.2rc3.post4.dev5+local`. In a key:
//!
//! ```text
//! epoch FF n, or nothing | numbers | 02 dev of final, 03 alpha n, 04 beta n, 05 candidate n, 06 final
//!                        | 0A post n, or nothing | 08 dev n, 09 none | 01 local: 10 words, 20..AF numbers
//! 00 | what is no version by these rules
//! ```
//!
//! ["Version specifiers"]: https://packaging.python.org/en/latest/specifications/version-specifiers/

use super::{
    encode::Encoder,
    text::{is_number, split_digits},
};

pub(super) fn write(text: &str, out: &mut Encoder) {
    let lower = text.to_ascii_lowercase();
    match Release::parse(&lower) {
        Some(release) => release.write(out),
        None => write_legacy(&lower, out),
    }
}

struct Release<'a> {
    epoch: &'a str,
    /// With dots between them.
    numbers: &'a str,
    pre: Option<(u8, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// A development release of the final one comes before its alphas.
const DEV_OF_FINAL: u8 = 0x02;
const ALPHA: u8 = 0x03;
const BETA: u8 = 0x04;
const CANDIDATE: u8 = 0x05;
const FINAL: u8 = 0x06;
const DEV: u8 = 0x08;
const NO_DEV: u8 = 0x09;
const POST: u8 = 0x0A;
const LEGACY: u8 = 0x00;
const LOCAL: u8 = 0x01;
const LOCAL_WORD: u8 = 0x10;
const EPOCH: u8 = 0xFF;

const SEPARATORS: [char; 3] = ['.', '-', '_'];
const PRE: [(&str, u8); 8] = [
    ("alpha", ALPHA),
    ("beta", BETA),
    ("preview", CANDIDATE),
    ("pre", CANDIDATE),
    ("rc", CANDIDATE),
    ("a", ALPHA),
    ("b", BETA),
    ("c", CANDIDATE),
];

impl<'a> Release<'a> {
    fn parse(version: &'a str) -> Option<Release<'a>> {
        let version = version.strip_prefix('v').unwrap_or(version);
        let (version, local) = match version.split_once('+') {
            Some((version, local)) => (version, Some(local).filter(|local| is_local(local))?.into()),
            None => (version, None),
        };
        let (epoch, rest) = match version.split_once('!') {
            Some((epoch, rest)) if is_number(epoch) => (epoch, rest),
            Some(_) => return None,
            None => ("", version),
        };
        let (numbers, rest) = parse_numbers(rest)?;
        let (pre, rest) = parse_pre(rest);
        let (post, rest) = parse_post(rest);
        let (dev, rest) = parse_tag(rest, &["dev"]);
        rest.is_empty().then_some(Release { epoch, numbers, pre, post, dev, local })
    }

    fn write(&self, out: &mut Encoder) {
        if !self.epoch.trim_start_matches('0').is_empty() {
            out.mark(EPOCH);
            out.number(self.epoch);
        }
        out.release(self.numbers.split('.'));
        match self.pre {
            Some((mark, number)) => {
                out.mark(mark);
                out.number(number);
            }
            None if self.post.is_none() && self.dev.is_some() => out.mark(DEV_OF_FINAL),
            None => out.mark(FINAL),
        }
        if let Some(post) = self.post {
            out.mark(POST);
            out.number(post);
        }
        match self.dev {
            Some(dev) => {
                out.mark(DEV);
                out.number(dev);
            }
            None => out.mark(NO_DEV),
        }
        if let Some(local) = self.local {
            out.mark(LOCAL);
            write_local(local, out);
        }
    }
}

fn parse_numbers(text: &str) -> Option<(&str, &str)> {
    let mut length = split_digits(text).0.len();
    if length == 0 {
        return None;
    }
    while let Some(after) = text[length..].strip_prefix('.') {
        match split_digits(after).0.len() {
            0 => break,
            digits => length += 1 + digits,
        }
    }
    Some(text.split_at(length))
}

fn parse_pre(rest: &str) -> (Option<(u8, &str)>, &str) {
    let text = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    for (name, mark) in PRE {
        if let Some(after) = text.strip_prefix(name) {
            let (number, after) = tag_number(after);
            return (Some((mark, number)), after);
        }
    }
    (None, rest)
}

/// `.post1`, `-rev1`, `r1`, or the short form `-1`.
fn parse_post(rest: &str) -> (Option<&str>, &str) {
    if let Some(after) = rest.strip_prefix('-') {
        let (digits, after) = split_digits(after);
        if !digits.is_empty() {
            return (Some(digits), after);
        }
    }
    parse_tag(rest, &["post", "rev", "r"])
}

fn parse_tag<'a>(rest: &'a str, names: &[&str]) -> (Option<&'a str>, &'a str) {
    let text = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    match names.iter().find_map(|name| text.strip_prefix(name)) {
        Some(after) => {
            let (number, after) = tag_number(after);
            (Some(number), after)
        }
        None => (None, rest),
    }
}

/// The number after a tag, which a separator may precede; missing is zero.
fn tag_number(rest: &str) -> (&str, &str) {
    let text = rest.strip_prefix(SEPARATORS).unwrap_or(rest);
    match split_digits(text) {
        ("", _) => ("", rest),
        (digits, after) => (digits, after),
    }
}

fn is_local(local: &str) -> bool {
    local.split(SEPARATORS).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Words before numbers, fewer before more: the end of the key is the end of the row.
fn write_local(local: &str, out: &mut Encoder) {
    for part in local.split(SEPARATORS) {
        if is_number(part) {
            out.number(part);
        } else {
            out.mark(LOCAL_WORD);
            out.text(part);
        }
    }
}

/// A word or number of what is no version by today's rules, in setuptools' old order.
#[derive(Clone, Copy, PartialEq)]
enum Legacy<'a> {
    /// By letters, before `final`; development is the least of all letters.
    Before(&'a str),
    Final,
    /// What a dash stands for.
    Dash,
    After(&'a str),
    Number(&'a str),
}

/// What is no version by today's rules comes before all that is.
fn write_legacy(version: &str, out: &mut Encoder) {
    out.mark(LEGACY);
    for part in legacy(version) {
        match part {
            Legacy::Before(word) => {
                out.mark(0x10);
                out.text(word);
            }
            Legacy::Final => out.mark(0x11),
            Legacy::Dash => out.mark(0x12),
            Legacy::After(word) => {
                out.mark(0x13);
                out.text(word);
            }
            Legacy::Number(digits) => out.number(digits),
        }
    }
}

/// Before a word, zeros say nothing; nor does a dash before a word that comes before the final one.
fn legacy(version: &str) -> Vec<Legacy<'_>> {
    let mut parts: Vec<Legacy> = Vec::new();
    for word in legacy_words(version).into_iter().chain(["final"]) {
        let part = match word {
            "-" => Legacy::Dash,
            "pre" | "preview" | "rc" => Legacy::Before("c"),
            "dev" => Legacy::Before("@"),
            "final" => Legacy::Final,
            number if is_number(number) => Legacy::Number(number),
            word if word < "final" => Legacy::Before(word),
            word => Legacy::After(word),
        };
        if !matches!(part, Legacy::Number(_)) {
            while matches!(part, Legacy::Before(_)) && parts.last() == Some(&Legacy::Dash) {
                parts.pop();
            }
            let zero =
                |part: &Legacy| matches!(part, Legacy::Number(digits) if digits.bytes().all(|digit| digit == b'0'));
            while parts.last().is_some_and(zero) {
                parts.pop();
            }
        }
        parts.push(part);
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

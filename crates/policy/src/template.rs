//! "Tag name in target": templates with the letters of strftime, and `%n` for the tag that is promoted.

use std::{fmt, str};

use base::{Timestamp, limits};
use jiff::{civil::DateTime, tz::TimeZone};

use crate::PolicyError;

/// A template that was parsed: every variable is known and every other character may stand in a tag. The moment is that
/// of the promotion, in UTC. There is no way to write a `%`: no tag may hold one.
#[derive(Clone, PartialEq, Eq)]
pub struct TagTemplate {
    text: Box<str>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Tag,
    /// One of the letters in [`VARIABLES`] except `n`.
    Time(char),
}

/// The letters with what they stand for, in the order a form explains them.
const VARIABLES: [(char, &str); 19] = [
    ('n', "the tag being promoted"),
    ('A', "weekday, Sunday"),
    ('a', "weekday, Sun"),
    ('w', "weekday as a number, 0 for Sunday"),
    ('d', "day of the month, 01 to 31"),
    ('B', "month, January"),
    ('b', "month, Jan"),
    ('m', "month, 01 to 12"),
    ('Y', "year, 2048"),
    ('y', "year, 48"),
    ('H', "hour, 00 to 23"),
    ('I', "hour, 01 to 12"),
    ('p', "AM or PM"),
    ('M', "minute, 00 to 59"),
    ('S', "second, 00 to 59"),
    ('f', "microsecond, 000000 to 999999"),
    ('Z', "time zone, UTC"),
    ('j', "day of the year, 001 to 366"),
    ('W', "week of the year, 00 to 53, from its first Monday"),
];

const TAG: &str = "1 to 128 of a-z, A-Z, 0-9, '_', '.' and '-', not beginning with '.' or '-'";

impl TagTemplate {
    /// The nineteen variables, `%` and letter, with what they stand for.
    pub fn variables() -> impl Iterator<Item = (char, &'static str)> {
        VARIABLES.into_iter()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The tag in the target for this `tag`, promoted `at` this moment.
    pub fn render(&self, tag: &str, at: Timestamp) -> Result<String, PolicyError> {
        let moment = TimeZone::UTC.to_datetime(at);
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Tag => out.push_str(tag),
                Part::Time(letter) => out.push_str(&time(*letter, moment)),
            }
        }
        if is_tag(&out) {
            Ok(out)
        } else {
            let shortened = PolicyError::shortened(&out);
            Err(PolicyError::Tag { tag: shortened, template: self.text.to_string(), expected: TAG })
        }
    }
}

impl str::FromStr for TagTemplate {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<TagTemplate, PolicyError> {
        let refused = |problem: String| PolicyError::Template { given: PolicyError::shortened(text), problem };
        // Each variable takes two bytes and gives one or more, so that a longer template cannot give a tag.
        if text.is_empty() || text.len() > 2 * limits::TAG_BYTES {
            return Err(refused(format!("expected 1 to {} bytes; %n keeps the tag as it is", 2 * limits::TAG_BYTES)));
        }
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                if !(letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '-')) {
                    return Err(refused(format!("{letter:?} cannot stand in a tag")));
                }
                literal.push(letter);
                continue;
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(match letters.next() {
                Some('n') => Part::Tag,
                Some(letter) if VARIABLES.iter().any(|(known, _)| *known == letter) => Part::Time(letter),
                other => return Err(refused(unknown_variable(other))),
            });
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if let Some(Part::Literal(first)) = parts.first()
            && first.starts_with(['.', '-'])
        {
            return Err(refused("a tag cannot begin with '.' or '-'".to_owned()));
        }
        Ok(TagTemplate { text: text.into(), parts })
    }
}

impl fmt::Display for TagTemplate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for TagTemplate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn unknown_variable(letter: Option<char>) -> String {
    let known: String = VARIABLES.iter().map(|(letter, _)| format!(" %{letter}")).collect();
    match letter {
        Some(letter) => format!("%{letter} is not a variable; use one of{known}"),
        None => format!("a variable's letter is missing after the last %; use one of{known}"),
    }
}

/// The form of OCI distribution. Our own check: formats do not lean on each other.
fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= limits::TAG_BYTES
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

fn time(letter: char, at: DateTime) -> String {
    const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let weekday = at.weekday().to_sunday_zero_offset();
    let day = DAYS[usize::from(weekday.unsigned_abs())];
    let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
    match letter {
        'A' => day.to_owned(),
        'a' => day[..3].to_owned(),
        'w' => weekday.to_string(),
        'd' => format!("{:02}", at.day()),
        'B' => month.to_owned(),
        'b' => month[..3].to_owned(),
        'm' => format!("{:02}", at.month()),
        'Y' => format!("{:04}", at.year()),
        'y' => format!("{:02}", at.year().rem_euclid(100)),
        'H' => format!("{:02}", at.hour()),
        'I' => format!("{:02}", (at.hour() + 11) % 12 + 1),
        'p' => if at.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        'M' => format!("{:02}", at.minute()),
        'S' => format!("{:02}", at.second()),
        'f' => format!("{:06}", at.subsec_nanosecond() / 1_000),
        'Z' => "UTC".to_owned(),
        'j' => format!("{:03}", at.day_of_year()),
        'W' => format!("{:02}", week_from_monday(at)),
        _ => unreachable!("only the letters of VARIABLES are parsed"),
    }
}

/// C's `%W`: days before the year's first Monday are in week 0.
fn week_from_monday(at: DateTime) -> i16 {
    let since_monday = i16::from(at.weekday().to_monday_zero_offset());
    (at.day_of_year() + 6 - since_monday) / 7
}

#[cfg(test)]
mod tests;

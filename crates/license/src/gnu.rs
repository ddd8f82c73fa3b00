//! The GNU licences, whose names carry a version and whether later ones may be chosen.

use crate::phrase::Token;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Gpl,
    Lgpl,
    Agpl,
    Gfdl,
}

/// A GNU licence whose name begins with the first token, and how many tokens the name takes.
///
/// Without a version any published one may be chosen (each GNU licence says so), hence the first `-or-later`.
pub(crate) fn read(tokens: &[Token]) -> Option<(String, usize)> {
    let mut at = usize::from(word(tokens, 0) == Some("gnu"));
    let (family, used) = family(&tokens[at..])?;
    at += used;
    let mut end = at;
    let mut version: Option<String> = None;
    let mut later = false;
    let mut fixed = false;
    let mut invariants = None;
    let mut open = 0usize;
    while let Some(token) = tokens.get(at) {
        let mut taken = 1;
        match token {
            Token::Open => open += 1,
            Token::Close if open > 0 => {
                open -= 1;
                end = at + 1;
            }
            Token::Comma => {}
            Token::Plus { glued: true } if version.is_some() => {
                later = true;
                end = at + 1;
            }
            Token::Word { key, .. } => match key.as_str() {
                "only" if version.is_some() => {
                    fixed = true;
                    end = at + 1;
                }
                "niv" if family == Family::Gfdl => invariants = Some("-no-invariants"),
                number if (version.is_none() || open > 0) && is_version(number) => {
                    version.get_or_insert_with(|| number.to_owned());
                    end = at + 1;
                }
                _ => match (later_words(&tokens[at..]), self::family(&tokens[at..])) {
                    (Some(used), _) if version.is_some() => {
                        later = true;
                        taken = used;
                        end = at + used;
                    }
                    // "GNU General Public License (GPL) 3": the same once more, short.
                    (_, Some((again, used))) if again == family && (open > 0 || version.is_none()) => {
                        taken = used;
                        end = at + used;
                    }
                    _ => break,
                },
            },
            _ => break,
        }
        at += taken;
    }
    // A parenthesis that stays open belongs to whoever comes next.
    let opened = tokens[..end].iter().filter(|token| **token == Token::Open).count();
    let closed = tokens[..end].iter().filter(|token| **token == Token::Close).count();
    if opened > closed && tokens.get(end) == Some(&Token::Close) {
        end += 1;
    }
    Some((id(family, version.as_deref(), later && !fixed, invariants)?, end))
}

fn word(tokens: &[Token], at: usize) -> Option<&str> {
    match tokens.get(at) {
        Some(Token::Word { key, .. }) => Some(key),
        _ => None,
    }
}

fn family(tokens: &[Token]) -> Option<(Family, usize)> {
    let at = usize::from(word(tokens, 0) == Some("gnu"));
    let short = |family| Some((family, at + 1));
    match word(tokens, at)? {
        "gpl" => return short(Family::Gpl),
        // A transposition that Debian's files have.
        "lgpl" | "lpgl" => return short(Family::Lgpl),
        "agpl" => return short(Family::Agpl),
        "gfdl" | "fdl" => return short(Family::Gfdl),
        _ => {}
    }
    let words: Vec<&str> = (at..at + 6).map_while(|at| word(tokens, at)).collect();
    let starts = |phrase: &[&str]| words.starts_with(phrase);
    [
        (&["library", "or", "lesser", "general", "public"][..], Family::Lgpl),
        (&["lesser", "or", "library", "general", "public"], Family::Lgpl),
        (&["lesser", "general", "public"], Family::Lgpl),
        (&["library", "general", "public"], Family::Lgpl),
        (&["affero", "general", "public"], Family::Agpl),
        (&["affero", "gpl"], Family::Agpl),
        (&["lesser", "gpl"], Family::Lgpl),
        (&["library", "gpl"], Family::Lgpl),
        (&["general", "public"], Family::Gpl),
        (&["free", "documentation"], Family::Gfdl),
    ]
    .into_iter()
    .find(|(phrase, _)| starts(phrase))
    .map(|(phrase, family)| (family, at + phrase.len()))
}

fn is_version(word: &str) -> bool {
    matches!(word, "1" | "1.1" | "1.2" | "1.3" | "2" | "2.1" | "3")
}

/// "or later", "or any later version", "or newer", "or greater", "or (at your option) any later version".
pub(crate) fn later_words(tokens: &[Token]) -> Option<usize> {
    let first = word(tokens, 0)?;
    if first == "and" && word(tokens, 1) == Some("later") {
        return Some(2);
    }
    if first != "or" {
        return None;
    }
    for at in 1..8 {
        match tokens.get(at)? {
            Token::Word { key, .. } => match key.as_str() {
                "later" | "newer" | "greater" | "above" | "higher" => return Some(at + 1),
                "any" | "at" | "your" | "option" => {}
                _ => return None,
            },
            Token::Open | Token::Close | Token::Comma => {}
            _ => return None,
        }
    }
    None
}

fn id(family: Family, version: Option<&str>, later: bool, invariants: Option<&str>) -> Option<String> {
    let (name, oldest, published): (&str, &str, &[&str]) = match family {
        Family::Gpl => ("GPL", "1", &["1", "2", "3"]),
        Family::Lgpl => ("LGPL", "2", &["2", "2.1", "3"]),
        Family::Agpl => ("AGPL", "3", &["1", "3"]),
        Family::Gfdl => ("GFDL", "1.1", &["1.1", "1.2", "1.3"]),
    };
    let later = later || version.is_none();
    let mut version = version.unwrap_or(oldest);
    // There was no LGPL 1; what says "LGPL 1 or later" means the first.
    if !published.contains(&version) {
        if !later {
            return None;
        }
        version = oldest;
    }
    let point = if version.contains('.') { "" } else { ".0" };
    let which = if later { "or-later" } else { "only" };
    Some(format!("{name}-{version}{point}{}-{which}", invariants.unwrap_or_default()))
}

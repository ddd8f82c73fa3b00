//! File patterns of `changes` and `exists`, as Ruby's `File.fnmatch` with PATHNAME, DOTMATCH and EXTGLOB.
//!
//! `*` stays inside one folder, `**/` goes through any number of them, `?` is one character, `[a-z]` a set, `{a,b}` either.
//! Time is the product of both lengths: after a mismatch only the last star is widened.

/// Alternatives that the braces of one pattern may make.
const ALTERNATIVES: usize = 64;

/// A pattern with its braces spread out.
pub(crate) struct Glob {
    alternatives: Vec<String>,
}

impl Glob {
    /// A pattern whose braces make too many alternatives fits nothing.
    pub fn new(pattern: &str) -> Glob {
        Glob { alternatives: alternatives(pattern).unwrap_or_default() }
    }

    pub fn fits(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        self.alternatives.iter().any(|pattern| folders(&pattern.split('/').collect::<Vec<_>>(), &path))
    }

    /// Bytes of all alternatives: with the length of a path, what a comparison costs.
    pub fn length(&self) -> usize {
        self.alternatives.iter().map(String::len).sum()
    }
}

/// `a/{b,c}` as `a/b` and `a/c`.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut open = vec![pattern.to_owned()];
    let mut done = Vec::new();
    while let Some(pattern) = open.pop() {
        let Some((before, choices, after)) = braces(&pattern) else {
            done.push(pattern);
            continue;
        };
        open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}")));
        if open.len() + done.len() > ALTERNATIVES {
            return None;
        }
    }
    Some(done)
}

/// The first balanced pair of braces: what stands before, the choices, what stands after.
fn braces(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let start = pattern.find('{')?;
    let mut depth = 0;
    let mut from = start + 1;
    let mut choices = Vec::new();
    for (at, byte) in pattern.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 1 => {
                choices.push(&pattern[from..at]);
                from = at + 1;
            }
            _ => {}
        }
        if depth == 0 {
            choices.push(&pattern[from..at]);
            return Some((&pattern[..start], choices, &pattern[at + 1..]));
        }
    }
    None
}

fn folders(pattern: &[&str], path: &[&str]) -> bool {
    // `**` at the end is no folder star but a name star, as in Ruby.
    let is_star = |at: usize| pattern[at] == "**" && at + 1 < pattern.len();
    widen(pattern.len(), path.len(), is_star, |at, name| name_fits(pattern[at], path[name]))
}

fn name_fits(pattern: &str, name: &str) -> bool {
    let Some(pieces) = pieces(pattern) else { return pattern == name };
    let name: Vec<char> = name.chars().collect();
    let fits = |at: usize, from: usize| match &pieces[at] {
        Piece::Star => false,
        Piece::Any => true,
        Piece::One(one) => *one == name[from],
        Piece::Set(negated, ranges) => ranges.iter().any(|&(low, high)| (low..=high).contains(&name[from])) != *negated,
    };
    widen(pieces.len(), name.len(), |at| matches!(pieces[at], Piece::Star), fits)
}

/// Matches a row of pattern parts with a row of subjects, where a star takes any number of subjects.
fn widen(parts: usize, subjects: usize, is_star: impl Fn(usize) -> bool, fits: impl Fn(usize, usize) -> bool) -> bool {
    let (mut part, mut subject) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while subject < subjects {
        if part < parts && is_star(part) {
            last_star = Some((part, subject));
            part += 1;
        } else if part < parts && fits(part, subject) {
            part += 1;
            subject += 1;
        } else if let Some((star, from)) = last_star {
            last_star = Some((star, from + 1));
            part = star + 1;
            subject = from + 1;
        } else {
            return false;
        }
    }
    (part..parts).all(is_star)
}

enum Piece {
    Star,
    Any,
    One(char),
    Set(bool, Vec<(char, char)>),
}

/// The parts of one name's pattern; `None` when a set is not closed.
fn pieces(pattern: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(next) = chars.next() {
        pieces.push(match next {
            '*' => Piece::Star,
            '?' => Piece::Any,
            '\\' => Piece::One(chars.next().unwrap_or('\\')),
            '[' => {
                let negated = chars.next_if(|&sign| matches!(sign, '!' | '^')).is_some();
                let mut ranges = Vec::new();
                loop {
                    let low = match chars.next()? {
                        ']' if !ranges.is_empty() => break,
                        '\\' => chars.next()?,
                        low => low,
                    };
                    let high = if chars.peek() == Some(&'-') {
                        chars.next();
                        match chars.next()? {
                            ']' => {
                                ranges.extend([(low, low), ('-', '-')]);
                                break;
                            }
                            high => high,
                        }
                    } else {
                        low
                    };
                    ranges.push((low, high));
                }
                Piece::Set(negated, ranges)
            }
            one => Piece::One(one),
        });
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &str) -> bool {
        Glob::new(pattern).fits(path)
    }

    #[test]
    fn as_file_fnmatch_with_pathname_dotmatch_and_extglob() {
        let yes = [
            ("Dockerfile", "Dockerfile"),
            ("*.md", "README.md"),
            ("*", ".hidden"),
            ("docker/*", "docker/a.yml"),
            ("docker/**/*", "docker/a.yml"),
            ("docker/**/*", "docker/x/y/a.yml"),
            ("**/*.rb", "a.rb"),
            ("**/*.{rb,py}", "deep/er/a.py"),
            ("a?[c-e].txt", "abd.txt"),
            ("[!a]x", "bx"),
            ("src/**/test/*.rs", "src/a/test/b/test/c.rs"),
        ];
        for (pattern, path) in yes {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        let no = [
            ("docker/*", "docker/x/a.yml"),
            ("*.md", "docs/README.md"),
            ("**", "a/b"),
            ("[!a]x", "ax"),
            ("*.{rb,py}", "a.go"),
            ("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", "aaaaaaaa"),
        ];
        for (pattern, path) in no {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        assert!(!matches(&"*a".repeat(200), &format!("{}b", "a".repeat(5_000))));
    }
}

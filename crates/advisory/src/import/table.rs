//! Comma-separated lines (RFC 4180): a field in quotes may hold commas, line ends and doubled quotes.

/// The rows of a table, each a list of fields. A quote that is never closed ends with the text.
pub(super) struct Rows<'a> {
    rest: &'a str,
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a str) -> Rows<'a> {
        Rows { rest: text }
    }
}

impl Iterator for Rows<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        if self.rest.is_empty() {
            return None;
        }
        let (mut row, mut field, mut quoted) = (Vec::new(), String::new(), false);
        let mut letters = self.rest.char_indices().peekable();
        let mut end = self.rest.len();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' if quoted && letters.peek().is_some_and(|(_, next)| *next == '"') => {
                    letters.next();
                    field.push('"');
                }
                '"' => quoted = !quoted,
                ',' if !quoted => row.push(std::mem::take(&mut field)),
                '\n' if !quoted => {
                    end = at + 1;
                    break;
                }
                '\r' if !quoted => {}
                letter => field.push(letter),
            }
        }
        self.rest = &self.rest[end..];
        row.push(field);
        Some(row)
    }
}

/// The position of each of these columns in the first row, or the name of the one that is missing.
pub(super) fn columns<const N: usize>(head: &[String], names: [&str; N]) -> Result<[usize; N], String> {
    let mut found = [0; N];
    for (place, name) in found.iter_mut().zip(names) {
        let at = head.iter().position(|column| column.trim() == name);
        *place = at.ok_or_else(|| format!("it has no column {name}"))?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas_and_lines() {
        let rows: Vec<_> = Rows::new("a,\"b, \"\"c\"\"\nd\",\r\n\ne").collect();
        assert_eq!(rows, [vec!["a", "b, \"c\"\nd", ""], vec![""], vec!["e"]]);
        assert_eq!(Rows::new("\"open").collect::<Vec<_>>(), [vec!["open"]]);
    }
}

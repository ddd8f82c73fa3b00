//! Statements about many rows at once: what each statement costs besides its work is paid once for a hundred rows.

use std::sync::OnceLock;

use crate::{Error, Row, Tx, Val};

/// Rows that one run of a statement takes; what is left over takes the next smaller number, so that few texts are prepared.
const SIZES: [usize; 3] = [100, 10, 1];

/// A statement over a list of rows of `WIDTH` values each.
///
/// Where its text says `{rows}` stands `($2, $3), ($4, $5), …`, with numbers that follow those of the arguments that all rows
/// share. After `VALUES` that is a table, whose columns both engines call `column1`, `column2` and so on:
///
/// ```text
/// UPDATE t SET a = v.column2, at = $1 FROM (VALUES {rows}) AS v WHERE t.id = v.column1
/// ```
///
/// Many rows take several runs, so a statement must mean the same for each part of them.
#[derive(Debug)]
pub struct Bulk<const WIDTH: usize> {
    text: &'static str,
    shared: usize,
    sized: [OnceLock<String>; SIZES.len()],
}

impl<const WIDTH: usize> Bulk<WIDTH> {
    /// A statement with so many arguments that all rows share.
    pub const fn new(text: &'static str, shared: usize) -> Bulk<WIDTH> {
        Bulk { text, shared, sized: [const { OnceLock::new() }; SIZES.len()] }
    }

    /// Run the statement; gives the number of rows it changed.
    pub async fn execute(&'static self, tx: &mut Tx, shared: &[Val], rows: &[[Val; WIDTH]]) -> Result<u64, Error> {
        let (mut rest, mut changed) = (rows, 0);
        while let Some((sql, args)) = self.next(shared, &mut rest) {
            changed += tx.execute(sql, &args).await?;
        }
        Ok(changed)
    }

    /// All rows that the statement gives.
    pub async fn all(&'static self, tx: &mut Tx, shared: &[Val], rows: &[[Val; WIDTH]]) -> Result<Vec<Row>, Error> {
        let (mut rest, mut found) = (rows, Vec::new());
        while let Some((sql, args)) = self.next(shared, &mut rest) {
            found.extend(tx.all(sql, &args).await?);
        }
        Ok(found)
    }

    /// The text and the arguments of the next run; takes its rows away.
    fn next(&'static self, shared: &[Val], rest: &mut &[[Val; WIDTH]]) -> Option<(&'static str, Vec<Val>)> {
        let (at, size) = SIZES.iter().enumerate().find(|(_, size)| **size <= rest.len())?;
        let (rows, later) = rest.split_at(*size);
        *rest = later;
        let text = self.sized[at].get_or_init(|| self.text.replace("{rows}", &self.numbers(*size)));
        Some((text, shared.iter().chain(rows.as_flattened()).cloned().collect()))
    }

    fn numbers(&self, rows: usize) -> String {
        let row = |row: usize| {
            let numbers = (1..=WIDTH).map(|column| format!("${}", self.shared + row * WIDTH + column));
            format!("({})", numbers.collect::<Vec<_>>().join(", "))
        };
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    }
}

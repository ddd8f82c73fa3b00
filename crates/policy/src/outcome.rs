//! The three states of one test, and tests over numbers that are known only as a range.

use serde::{Deserialize, Serialize};

use crate::Operator;

/// What came of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Satisfied,
    Unsatisfied,
    /// The evidence does not say.
    Unknown,
}

/// A whole number of which only the bounds are known, both inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

impl Outcome {
    pub(crate) fn of(holds: bool) -> Outcome {
        if holds { Outcome::Satisfied } else { Outcome::Unsatisfied }
    }

    /// What comes of rules that all must hold.
    pub(crate) fn all(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
        let mut worst = Outcome::Satisfied;
        for outcome in outcomes {
            match outcome {
                Outcome::Satisfied => {}
                Outcome::Unsatisfied => return Outcome::Unsatisfied,
                Outcome::Unknown => worst = Outcome::Unknown,
            }
        }
        worst
    }
}

/// What is not known stays not known.
impl std::ops::Not for Outcome {
    type Output = Outcome;

    fn not(self) -> Outcome {
        match self {
            Outcome::Satisfied => Outcome::Unsatisfied,
            Outcome::Unsatisfied => Outcome::Satisfied,
            Outcome::Unknown => Outcome::Unknown,
        }
    }
}

impl Range {
    /// At least so many, and perhaps some more.
    pub(crate) fn above(low: u64, more: u64) -> Range {
        Range { low, high: low.saturating_add(more) }
    }

    /// Satisfied when every number of the range satisfies the test, unsatisfied when none does.
    pub(crate) fn test(self, operator: Operator, bound: u64) -> Outcome {
        let Range { low, high } = self;
        let (all, none) = match operator {
            Operator::Less => (high < bound, low >= bound),
            Operator::LessOrEqual => (high <= bound, low > bound),
            Operator::Greater => (low > bound, high <= bound),
            Operator::GreaterOrEqual => (low >= bound, high < bound),
            Operator::Equal => (low == bound && high == bound, bound < low || high < bound),
            Operator::NotEqual => (bound < low || high < bound, low == bound && high == bound),
            // No other operator is parsed for a number.
            _ => (false, false),
        };
        match (all, none) {
            (true, _) => Outcome::Satisfied,
            (false, true) => Outcome::Unsatisfied,
            (false, false) => Outcome::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Outcome, Range};
    use crate::{Field, Operator};

    fn holds(operator: Operator, number: u64, bound: u64) -> bool {
        match operator.as_str() {
            "lt" => number < bound,
            "lte" => number <= bound,
            "gt" => number > bound,
            "gte" => number >= bound,
            "eq" => number == bound,
            "neq" => number != bound,
            other => panic!("{other} is not for numbers"),
        }
    }

    proptest! {
        #[test]
        fn a_range_is_all_of_its_numbers(low in 0..8_u64, more in 0..4_u64, bound in 0..14_u64) {
            for operator in Field::VulnerabilityAll.operators() {
                let each: Vec<bool> = (low..=low + more).map(|number| holds(*operator, number, bound)).collect();
                let expected = match (each.contains(&true), each.contains(&false)) {
                    (true, false) => Outcome::Satisfied,
                    (false, _) => Outcome::Unsatisfied,
                    (true, true) => Outcome::Unknown,
                };
                prop_assert_eq!(Range { low, high: low + more }.test(*operator, bound), expected);
            }
        }
    }
}

//! Schedules in cron's form with seconds, as DTR writes them: `0 */15 * * * *`.
//!
//! ```text
//!   seconds  minutes  hours  day of month  month      day of week
//!   0-59     0-59     0-23   1-31          1-12, JAN  0-6, SUN       each: *, 5, 1-5, */2, 1-9/2, and lists of these
//! ```
//!
//! Also `@hourly`, `@daily` (`@midnight`), `@weekly`, `@monthly`, `@yearly` (`@annually`). Times are UTC. Where both days are
//! limited, either will do, as in every cron.

use std::{fmt, str::FromStr};

use base::Timestamp;
use jiff::{ToSpan, civil::Date, tz::TimeZone};

/// When something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    /// One bit for each second, minute, hour, day of the month, month and day of the week.
    fields: [u64; 6],
    /// Whether the day of the month and that of the week are `*`.
    any_day: (bool, bool),
}

/// A schedule that cannot be read, and why.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCron(String);

struct Field {
    name: &'static str,
    first: u64,
    last: u64,
    words: &'static [&'static str],
}

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const FIELDS: [Field; 6] = [
    Field { name: "seconds", first: 0, last: 59, words: &[] },
    Field { name: "minutes", first: 0, last: 59, words: &[] },
    Field { name: "hours", first: 0, last: 23, words: &[] },
    Field { name: "day of month", first: 1, last: 31, words: &[] },
    Field { name: "month", first: 1, last: 12, words: MONTHS },
    Field { name: "day of week", first: 0, last: 6, words: DAYS },
];

/// The longest schedule that is read.
const BYTES: usize = 256;
/// A 29th of February that is no other day comes within eight years.
const LOOK_DAYS: usize = 9 * 366;
const DAY_S: u32 = 24 * 60 * 60;

impl Cron {
    /// The first time after this one, in whole seconds; none for a day that never comes.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let start = Timestamp::from_second(after.as_second().checked_add(1)?).ok()?.to_zoned(TimeZone::UTC);
        let mut date = start.date();
        let of_day = |at: &jiff::Zoned| {
            u32::try_from(i32::from(at.hour()) * 3_600 + i32::from(at.minute()) * 60 + i32::from(at.second())).ok()
        };
        let mut from = of_day(&start)?;
        for _ in 0..LOOK_DAYS {
            if self.has_day(date)
                && let Some(second) = (from..DAY_S).find(|second| self.has_second(*second))
            {
                let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
                return Timestamp::from_second(midnight.as_second() + i64::from(second)).ok();
            }
            date = date.checked_add(1.day()).ok()?;
            from = 0;
        }
        None
    }

    fn has(&self, field: usize, value: i64) -> bool {
        self.fields[field] & (1 << value) != 0
    }

    fn has_second(&self, second: u32) -> bool {
        let second = i64::from(second);
        self.has(2, second / 3_600) && self.has(1, second / 60 % 60) && self.has(0, second % 60)
    }

    fn has_day(&self, date: Date) -> bool {
        let month_day = self.has(3, i64::from(date.day()));
        let week_day = self.has(5, i64::from(date.weekday().to_sunday_zero_offset()));
        let day = match self.any_day {
            (false, false) => month_day || week_day,
            _ => month_day && week_day,
        };
        day && self.has(4, i64::from(date.month()))
    }
}

impl FromStr for Cron {
    type Err = BadCron;

    fn from_str(text: &str) -> Result<Cron, BadCron> {
        if text.len() > BYTES {
            return Err(BadCron(format!("a schedule has at most {BYTES} bytes")));
        }
        let plain = match text.trim() {
            "@hourly" => "0 0 * * * *",
            "@daily" | "@midnight" => "0 0 0 * * *",
            "@weekly" => "0 0 0 * * 0",
            "@monthly" => "0 0 0 1 * *",
            "@yearly" | "@annually" => "0 0 0 1 1 *",
            other => other,
        };
        let parts: Vec<&str> = plain.split_whitespace().collect();
        let Ok(parts) = <[&str; 6]>::try_from(parts) else {
            return Err(BadCron(format!(
                "{text:?} is no schedule; it has six fields: seconds, minutes, hours, day of month, month, day of week, such as \
                 0 30 2 * * *"
            )));
        };
        let mut fields = [0; 6];
        for ((part, field), bits) in parts.iter().zip(&FIELDS).zip(&mut fields) {
            *bits = field.bits(part).map_err(|why| BadCron(format!("{}: {why}", field.name)))?;
        }
        let any = |part: &str| part.starts_with('*') || part == "?";
        Ok(Cron { text: plain.to_owned(), fields, any_day: (any(parts[3]), any(parts[5])) })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Field {
    fn bits(&self, text: &str) -> Result<u64, String> {
        text.split(',').try_fold(0, |bits, part| Ok(bits | self.range(part)?))
    }

    fn range(&self, text: &str) -> Result<u64, String> {
        let (span, step) = match text.split_once('/') {
            Some((span, step)) => (span, step.parse().ok().filter(|step| (1..=self.last).contains(step))),
            None => (text, Some(1)),
        };
        let step = step.ok_or_else(|| format!("{text:?} has no step from 1 to {}", self.last))?;
        let (first, last) = match span.split_once('-') {
            _ if span == "*" || span == "?" => (self.first, self.last),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            // `5/10` begins at 5 and has no end.
            None if text.contains('/') => (self.value(span)?, self.last),
            None => (self.value(span)?, self.value(span)?),
        };
        if first > last {
            return Err(format!("{text:?} ends before it begins"));
        }
        let step = usize::try_from(step).unwrap_or(1);
        Ok((first..=last).step_by(step).fold(0, |bits, value| bits | 1 << value))
    }

    fn value(&self, text: &str) -> Result<u64, String> {
        let word = self.words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let value = match word {
            Some(place) => Some(place as u64 + self.first),
            None => text.parse().ok(),
        };
        let value = value.filter(|value| (self.first..=self.last).contains(value));
        value.ok_or_else(|| format!("{text:?} is no number from {} to {}", self.first, self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::Cron;

    #[test]
    fn the_next_time_is_the_first_that_fits() {
        for (cron, after, next) in [
            ("0 */15 * * * *", "2026-12-01T10:14:59.5Z", "2026-12-01T10:15:00Z"),
            ("0 */15 * * * *", "2026-12-01T10:15:00Z", "2026-12-01T10:30:00Z"),
            ("57 54 3 * * *", "2017-02-21T03:54:57Z", "2017-02-22T03:54:57Z"),
            ("0 0 1 * * 0", "2026-12-01T00:00:00Z", "2026-12-06T01:00:00Z"),
            ("0 0 1 * * SAT", "2026-12-05T00:59:59Z", "2026-12-05T01:00:00Z"),
            ("@monthly", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            // Either day, where both are limited.
            ("0 0 0 13 * FRI", "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"),
            ("30 5,10-12/2 8/6 * JAN-MAR *", "2026-12-01T00:00:00Z", "2027-01-01T08:05:30Z"),
            ("0 0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"),
        ] {
            let cron: Cron = cron.parse().unwrap();
            assert_eq!(cron.next_after(after.parse().unwrap()), Some(next.parse().unwrap()), "{cron} after {after}");
        }
        let never: Cron = "0 0 0 31 2 *".parse().unwrap();
        assert_eq!(never.next_after("2026-12-01T00:00:00Z".parse().unwrap()), None);
    }

    #[test]
    fn what_is_no_schedule_is_refused_where_it_is_wrong() {
        for (text, place) in [
            ("", "six fields"),
            ("* * * * *", "six fields"),
            ("@every 1h", "six fields"),
            ("60 * * * * *", "seconds"),
            ("* * 24 * * *", "hours"),
            ("* * * 0 * *", "day of month"),
            ("* * * * 13 *", "month"),
            ("* * * * * 7", "day of week"),
            ("* */0 * * * *", "step"),
            ("* 9-3 * * * *", "ends before"),
            ("* -1 * * * *", "minutes"),
            ("* 1, * * * *", "minutes"),
        ] {
            let error = text.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(place), "{text:?}: {error}");
        }
    }
}

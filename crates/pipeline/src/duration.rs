//! Durations as GitLab writes them: `1h 30m`, `3 hours and 10 minutes`, `1 week`, `3600` (seconds).

const DAY: u64 = 24 * 60 * 60;

/// Whole seconds, or `None` when it is no duration.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.is_empty() || text.len() > 100 {
        return None;
    }
    let mut rest = text;
    let mut sum = 0_u64;
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if let Some(after) = rest.strip_prefix("and ") {
            rest = after.trim_start();
        }
        if rest.is_empty() {
            return Some(sum);
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit = match rest[..letters].to_ascii_lowercase().as_str() {
            "" => 1,
            name => unit_seconds(name)?,
        };
        rest = &rest[letters..];
        sum = sum.checked_add(number.checked_mul(unit)?)?;
    }
}

/// A month has 30 days and a year 365.25, as in the library that GitLab uses (ChronicDuration).
fn unit_seconds(name: &str) -> Option<u64> {
    Some(match name {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => DAY,
        "w" | "wk" | "wks" | "week" | "weeks" => 7 * DAY,
        "mo" | "mos" | "month" | "months" => 30 * DAY,
        "y" | "yr" | "yrs" | "year" | "years" => 1461 * DAY / 4,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_documentation() {
        let cases = [
            ("42", 42),
            ("42 seconds", 42),
            ("3 mins 4 sec", 184),
            ("2 hrs 20 min", 8400),
            ("2h20min", 8400),
            ("6 mos 1 day", 181 * DAY),
            ("47 yrs 6 mos and 4d", 47 * 1461 * DAY / 4 + 184 * DAY),
            ("3 weeks and 2 days", 23 * DAY),
            ("1 week", 7 * DAY),
            ("1h 30m", 5400),
        ];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "1 fortnight", "-3m", "99999999999999999999", "18446744073709551615 weeks", "é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}

//! Durations in Go's syntax (`1h30m`, `0.5s`), as `updated_at_duration` has them.

use jiff::SignedDuration;

/// Parse what Go's `time.ParseDuration` takes, without a sign: one or more numbers, each with its unit; or `0`.
/// `None` when it has another form or is longer than 2^63 nanoseconds (292 years).
pub fn parse(text: &str) -> Option<SignedDuration> {
    if text == "0" {
        return Some(SignedDuration::ZERO);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let (whole, behind) = digits(rest);
        let (fraction, behind) = match behind.strip_prefix('.') {
            Some(behind) => digits(behind),
            None => ("", behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit_ns, behind) = unit(behind)?;
        total = total.checked_add(nanoseconds(whole, fraction, unit_ns)?)?;
        rest = behind;
    }
    Some(SignedDuration::from_nanos(total))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// The unit at the beginning, in nanoseconds. Longer names first: `ms` is not `m`.
fn unit(text: &str) -> Option<(i64, &str)> {
    const UNITS: [(&str, i64); 8] = [
        ("ns", 1),
        ("us", 1_000),
        ("\u{b5}s", 1_000),
        ("\u{3bc}s", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    UNITS.iter().find_map(|(name, unit_ns)| Some((*unit_ns, text.strip_prefix(name)?)))
}

/// Digits beyond the 18th after the point are below a nanosecond of any unit.
fn nanoseconds(whole: &str, fraction: &str, unit_ns: i64) -> Option<i64> {
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let (mut scaled, mut scale) = (0_i128, 1_i128);
    for digit in fraction.bytes().take(18) {
        scaled = scaled * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    let part = i64::try_from(scaled * i128::from(unit_ns) / scale).ok()?;
    whole.checked_mul(unit_ns)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn as_go_reads_them() {
        let nanos = |text: &str| parse(text).map(|duration| duration.as_nanos());
        assert_eq!(parse("72h"), Some(SignedDuration::from_hours(72)));
        assert_eq!(parse("1h30m"), Some(SignedDuration::from_mins(90)));
        assert_eq!(nanos("1.5s"), Some(1_500_000_000));
        assert_eq!(nanos(".5h"), Some(1_800_000_000_000));
        assert_eq!(nanos("1.s"), Some(1_000_000_000));
        assert_eq!(nanos("10ms3us7ns"), Some(10_003_007));
        assert_eq!(nanos("1\u{b5}s1\u{3bc}s"), Some(2_000));
        assert_eq!(nanos("0"), Some(0));
        assert_eq!(nanos("0.3333333333333333333h"), Some(1_199_999_999_999));
        for bad in
            ["", "1", ".", ".s", "s", "-1h", "+1h", "1d", "7 h", "1h ", "h1", "1.2.3s", "\u{663}h", "9999999999h", "1H"]
        {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_negative(text in "([0-9]{0,20}\\.?[0-9]{0,25}(ns|us|ms|s|m|h)?){0,4}|.{0,20}") {
            if let Some(duration) = parse(&text) {
                prop_assert!(!duration.is_negative());
            }
        }

        #[test]
        fn whole_units_add_up(hours in 0..10_000_i64, minutes in 0..10_000_i64, seconds in 0..10_000_i64) {
            let text = format!("{hours}h{minutes}m{seconds}s");
            prop_assert_eq!(parse(&text), Some(SignedDuration::from_secs(hours * 3600 + minutes * 60 + seconds)));
        }
    }
}

//! Plain scalars of YAML 1.1 as Ruby's Psych reads them (`Psych::ScalarScanner`).

use std::sync::Arc;

use super::Value;

/// The value of a plain (unquoted) scalar.
pub(super) fn read(text: &str) -> Value {
    if text.is_empty() || text == "~" || text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => return Value::Bool(true),
        "no" | "false" | "off" => return Value::Bool(false),
        ".inf" | "+.inf" => return Value::Float(f64::INFINITY),
        "-.inf" => return Value::Float(f64::NEG_INFINITY),
        ".nan" => return Value::Float(f64::NAN),
        _ => {}
    }
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return Value::Text(Arc::from(text));
    }
    integer(text)
        .map(Value::Int)
        .or_else(|| float(text).map(Value::Float))
        .or_else(|| sexagesimal(text).map(Value::Int))
        .unwrap_or_else(|| Value::Text(Arc::from(text)))
}

/// A number as Ruby prints it: a whole float keeps its `.0`.
pub(super) fn float_text(value: f64) -> String {
    format!("{value:?}")
}

/// `12`, `1_000`, `1,000`, `010` (eight), `0x1f`, `0b11`. What does not fit 64 bits stays text.
fn integer(text: &str) -> Option<i64> {
    let (sign, digits) = signed(text);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || radix == 10 && !digits.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let bare: String = digits.chars().filter(|&digit| !matches!(digit, '_' | ',')).collect();
    if bare.is_empty() || bare.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(&bare, radix).ok()?.checked_mul(sign)
}

/// `1.5`, `.5`, `1.`, `1_000.25`, `1.5e+3`. Without a dot it is no float: `1e3` is text.
fn float(text: &str) -> Option<f64> {
    let (sign, digits) = signed(text);
    let (whole, rest) = digits.split_once('.')?;
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_fits = whole.is_empty()
        || whole.starts_with(|first: char| first.is_ascii_digit())
            && whole.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b','));
    let exponent_fits = exponent.is_none_or(|exponent| {
        exponent.strip_prefix(['+', '-']).is_some_and(|digits| !digits.is_empty() && digits_only(digits))
    });
    if !whole_fits || !digits_only(fraction) || !exponent_fits || whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let number: f64 = format!("0{whole}.{fraction}0e{}", exponent.unwrap_or("0")).parse().ok()?;
    Some(if sign < 0 { -number } else { number })
}

/// `1:30` is base 60 in YAML 1.1: Psych reads one or two colons as hours, minutes, seconds.
fn sexagesimal(text: &str) -> Option<i64> {
    let (sign, digits) = signed(text);
    let parts: Vec<&str> = digits.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    let mut sum = 0_i64;
    for (at, part) in parts.iter().enumerate() {
        let fits = if at == 0 {
            part.starts_with(|first: char| first.is_ascii_digit())
                && part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
        } else {
            matches!(part.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'5', b'0'..=b'9'])
        };
        if !fits {
            return None;
        }
        let number: i64 = part.replace('_', "").parse().ok()?;
        sum = sum.checked_add(number.checked_mul([3600, 60, 1][at])?)?;
    }
    sum.checked_mul(sign)
}

fn signed(text: &str) -> (i64, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    }
}

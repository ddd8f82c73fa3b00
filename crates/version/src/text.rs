//! Cutting a version's text into the runs that all orders are made of.

/// The leading digits and the rest.
pub(super) fn split_digits(text: &str) -> (&str, &str) {
    split_while(text, |byte| byte.is_ascii_digit())
}

/// The leading letters and the rest.
pub(super) fn split_letters(text: &str) -> (&str, &str) {
    split_while(text, |byte| byte.is_ascii_alphabetic())
}

/// `take` may hold for ASCII only, or for every byte that is not ASCII, so that no character is cut.
pub(super) fn split_while(text: &str, take: impl Fn(u8) -> bool) -> (&str, &str) {
    let length = text.bytes().position(|byte| !take(byte)).unwrap_or(text.len());
    text.split_at(length)
}

/// Not empty, and nothing but digits.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `12:rest`: an epoch and what it precedes. Without one, the whole text.
pub(super) fn split_epoch(text: &str) -> (&str, &str) {
    match split_digits(text) {
        (digits, rest) if rest.starts_with(':') => (digits, &rest[1..]),
        _ => ("", text),
    }
}

/// Without one leading `v` before a digit.
pub(super) fn strip_v(text: &str) -> &str {
    match text.as_bytes() {
        [b'v' | b'V', b'0'..=b'9', ..] => &text[1..],
        _ => text,
    }
}

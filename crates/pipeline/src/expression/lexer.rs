//! The tokens of a condition.

use base::limits;

use super::InvalidExpression;
use crate::variable::name_length;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    Not,
    And,
    Or,
    Equal,
    NotEqual,
    Matches,
    NotMatches,
    Null,
    Bool(bool),
    Variable(String),
    Text(String),
    /// With its slashes and flags.
    Regex(String),
}

/// Longest first, so that `!=` is not `!`.
const SIGNS: [(&str, Token); 9] = [
    ("&&", Token::And),
    ("||", Token::Or),
    ("==", Token::Equal),
    ("!=", Token::NotEqual),
    ("=~", Token::Matches),
    ("!~", Token::NotMatches),
    ("(", Token::Open),
    (")", Token::Close),
    ("!", Token::Not),
];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, InvalidExpression> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        if tokens.len() >= limits::PIPELINE_EXPRESSION_TOKENS {
            let most = limits::PIPELINE_EXPRESSION_TOKENS;
            return Err(InvalidExpression::new(format!(
                "the condition has more than {most} tokens; part it in two rules"
            )));
        }
        let (token, length) = token(rest)?;
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The token a text begins with, and its length.
fn token(text: &str) -> Result<(Token, usize), InvalidExpression> {
    if let Some((sign, token)) = SIGNS.iter().find(|(sign, _)| text.starts_with(sign)) {
        return Ok((token.clone(), sign.len()));
    }
    match text.as_bytes()[0] {
        b'$' => variable(text),
        quote @ (b'"' | b'\'') => {
            let inner = &text[1..];
            let end = inner.find(char::from(quote)).ok_or_else(|| unknown(text, "has no closing quote"))?;
            Ok((Token::Text(inner[..end].to_owned()), end + 2))
        }
        b'/' => regex(text),
        _ => word(text),
    }
}

fn variable(text: &str) -> Result<(Token, usize), InvalidExpression> {
    let length = name_length(&text[1..]);
    if length > 0 {
        return Ok((Token::Variable(text[1..=length].to_owned()), length + 1));
    }
    if text.starts_with("$[[") {
        return Err(unknown(text, "is an input, which is not supported; use a variable"));
    }
    Err(unknown(text, "is no variable; in a condition it is written `$NAME`, without braces"))
}

fn regex(text: &str) -> Result<(Token, usize), InvalidExpression> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'/' if at > 1 => {
                let flags = text[at + 1..].bytes().take_while(|flag| matches!(flag, b'i' | b's' | b'm' | b'U')).count();
                let length = at + 1 + flags;
                return Ok((Token::Regex(text[..length].to_owned()), length));
            }
            _ => {}
        }
    }
    Err(unknown(text, "has no closing `/`"))
}

fn word(text: &str) -> Result<(Token, usize), InvalidExpression> {
    let length = name_length(text);
    let token = match &text[..length] {
        "null" => Token::Null,
        "true" => Token::Bool(true),
        "false" => Token::Bool(false),
        _ => return Err(unknown(text, "is not understood; write $NAME, \"text\", /regex/ or null")),
    };
    Ok((token, length))
}

fn unknown(text: &str, why: &str) -> InvalidExpression {
    let start: String = text.chars().take(30).collect();
    InvalidExpression::new(format!("`{start}` {why}"))
}

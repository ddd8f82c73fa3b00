//! From tokens to a tree. Depth is bounded by the number of tokens.

use std::{fmt, iter::Peekable, vec};

use super::{InvalidExpression, lexer::Token};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Null,
    Bool(bool),
    Variable(String),
    Text(String),
    Regex(String),
    Not(Box<Term>),
    Both(Box<Term>, Operator, Box<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

type Tokens = Peekable<vec::IntoIter<Token>>;

pub(super) fn parse(tokens: Vec<Token>) -> Result<Term, InvalidExpression> {
    if tokens.is_empty() {
        return Err(InvalidExpression::new("the condition is empty; write one, or leave the keyword out"));
    }
    let mut tokens = tokens.into_iter().peekable();
    let term = chain(&mut tokens, 0)?;
    match tokens.next() {
        None => Ok(term),
        Some(Token::Close) => Err(InvalidExpression::new("a `)` closes nothing; take it out")),
        Some(_) => {
            Err(InvalidExpression::new("two values stand side by side; put an operator such as `==` or `&&` between"))
        }
    }
}

/// One level of the grammar, from the loosest (0, `||`) to the tightest (2, `==`); all bind to the left.
fn chain(tokens: &mut Tokens, level: u8) -> Result<Term, InvalidExpression> {
    if level > 2 {
        return term(tokens);
    }
    let mut left = chain(tokens, level + 1)?;
    while let Some(operator) = tokens.peek().and_then(operator).filter(|operator| operator.level() == level) {
        tokens.next();
        let right = chain(tokens, level + 1)?;
        left = Term::Both(Box::new(left), operator, Box::new(right));
    }
    Ok(left)
}

fn term(tokens: &mut Tokens) -> Result<Term, InvalidExpression> {
    Ok(match tokens.next() {
        Some(Token::Null) => Term::Null,
        Some(Token::Bool(value)) => Term::Bool(value),
        Some(Token::Variable(name)) => Term::Variable(name),
        Some(Token::Text(text)) => Term::Text(text),
        Some(Token::Regex(literal)) => Term::Regex(literal),
        Some(Token::Not) => Term::Not(Box::new(term(tokens)?)),
        Some(Token::Open) => {
            let inner = chain(tokens, 0)?;
            if tokens.next() != Some(Token::Close) {
                return Err(InvalidExpression::new("a `(` is not closed; write the `)`"));
            }
            inner
        }
        Some(_) => return Err(InvalidExpression::new("an operator stands where a value belongs")),
        None => return Err(InvalidExpression::new("the condition ends where a value belongs")),
    })
}

fn operator(token: &Token) -> Option<Operator> {
    Some(match token {
        Token::Or => Operator::Or,
        Token::And => Operator::And,
        Token::Equal => Operator::Equal,
        Token::NotEqual => Operator::NotEqual,
        Token::Matches => Operator::Matches,
        Token::NotMatches => Operator::NotMatches,
        _ => return None,
    })
}

impl Operator {
    fn level(self) -> u8 {
        match self {
            Operator::Or => 0,
            Operator::And => 1,
            _ => 2,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Equal => "==",
            Operator::NotEqual => "!=",
            Operator::Matches => "=~",
            Operator::NotMatches => "!~",
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Null => out.write_str("null"),
            Term::Bool(value) => value.fmt(out),
            Term::Variable(name) => write!(out, "${name}"),
            Term::Text(text) if text.contains('"') => write!(out, "'{text}'"),
            Term::Text(text) => write!(out, "\"{text}\""),
            Term::Regex(literal) => out.write_str(literal),
            Term::Not(inner) => write!(out, "!{}", Inner(inner)),
            Term::Both(left, operator, right) => {
                write!(out, "{} {} {}", Inner(left), operator.sign(), Inner(right))
            }
        }
    }
}

/// A term inside another: in parentheses when it has parts.
struct Inner<'t>(&'t Term);

impl fmt::Display for Inner<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Term::Both(..) => write!(out, "({})", self.0),
            term => term.fmt(out),
        }
    }
}

//! Why a signature could not be read, and why one that was read counts for nothing.

/// The bytes are not of the form they are found as: whoever made them has to make them again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Read, and not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is about something else.
    #[error("it signs {0}")]
    AnotherImage(String),
    /// None of the operator's keys and authorities made it.
    #[error("{0}")]
    UnknownSigner(String),
    /// It claims a signer who did not make it, or what it signs was changed.
    #[error("the signature does not hold: {0}")]
    Forged(String),
    /// It held once.
    #[error("{0}")]
    Expired(String),
    /// Its certificate may not sign images, or its form asks for what is not known here.
    #[error("{0}")]
    NotAllowed(String),
}

impl Unreadable {
    pub(crate) fn new(why: impl Into<String>) -> Unreadable {
        Unreadable(why.into())
    }
}

/// A text from outside, cut and quoted so that an error never echoes a huge or unprintable input.
pub(crate) fn short(text: &str) -> String {
    format!("{:?}", text.chars().take(80).collect::<String>())
}

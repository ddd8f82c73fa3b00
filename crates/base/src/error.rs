//! The kinds of failure, by what the caller can do about them.

/// What a caller can do about an error. Each context's error enum maps to one of these; `web` maps them to HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sign in and ask again.
    Unauthenticated,
    /// Ask somebody for the right; asking again does not help.
    Denied,
    /// Check the name.
    NotFound,
    /// Look at the present state and decide again.
    Conflict,
    /// Mend the input.
    Invalid,
    /// Send less.
    TooLarge,
    /// Wait, then ask again.
    RateLimited,
    /// Ask again later; nothing was wrong with the request.
    Unavailable,
    /// Tell the operator, with the request id.
    Internal,
}

//! What packages say and what their licence files hold, from folders of cases and from the SPDX texts themselves.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod corpus;
mod spellings;
mod texts;

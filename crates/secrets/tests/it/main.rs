//! What is found in files with secrets, in files without, and in anything.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod files;
mod hostile;
mod rules;

//! The words every crate shares: who asks, what time it is, how errors are grouped, how much is too much.
//!
//! Small, and hard to add to. Nothing here does I/O except [`Clock::System`] and [`Entropy::System`], which are the only
//! two places of the whole program that read the clock and the randomness of the machine. Everything else takes them
//! from a [`Ctx`], so that a test can hold time still and repeat a run.
//!
//! What this crate does not know: SQL, HTTP, any format, any noun of the product.

mod ctx;
mod entropy;
mod error;
mod id;
pub mod limits;
mod name;
mod secret;
mod time;

pub use ctx::{Actor, Credential, Ctx, Principal};
pub use entropy::Entropy;
pub use error::Kind;
pub use id::Id;
pub use name::{AccountName, InvalidName};
pub use secret::{Secret, constant_time_eq, digest_hex};
pub use time::{Clock, Timestamp, from_micros, micros};

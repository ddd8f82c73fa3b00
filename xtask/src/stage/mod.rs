//! Where a story plays: its folder, its processes, its progress lines, and an end that always cleans.

mod cleanup;
mod process;
mod run;
mod steps;

pub use cleanup::{Cleanup, Ticket, with_cleanup};
pub use process::{Process, signal};
pub use run::Run;
pub use steps::Steps;

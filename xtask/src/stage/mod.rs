//! Where a story plays: its folder, its processes, its progress lines, who kills in it, and an end that always cleans.

mod cleanup;
mod process;
mod run;

mod durations;
mod killer;
mod program;
mod steps;

pub use cleanup::{Cleanup, Ticket, with_cleanup};
pub use durations::Durations;
pub use killer::Killer;
pub use process::{Process, signal};
pub use program::{Program, Recipe};
pub use run::Run;
pub use steps::Steps;

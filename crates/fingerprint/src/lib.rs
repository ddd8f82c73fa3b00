//! Components in the bytes of executables, whatever their name.

mod banners;
mod deb;
mod error;
mod evidence;
mod executable;
mod hash;
mod identify;
mod index;
mod learn;
mod observation;
mod origin;
mod owners;
mod pass;
mod pe;
mod runs;
mod skeleton;
mod table;
mod verdict;
mod versions;
mod write;

pub use deb::{Control, read_deb};
pub use error::Error;
pub use evidence::{Evidence, Found, Identification};
pub use executable::is_executable;
pub use identify::identify;
pub use index::{About, Index};
pub use learn::Learner;
pub use observation::{Banner, Observation};
pub use origin::{Aliases, Origin};
pub use pass::Pass;
pub use skeleton::Part;

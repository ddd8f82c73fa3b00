//! How much one layer may be.

use base::limits;

/// The limits of [`crate::read_layer`]; the default takes all of them from `base::limits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Headers in the archive, extension headers included.
    pub members: u64,
    /// Bytes of the tar stream, padding and trailing zeros included.
    pub unpacked_bytes: u64,
    /// Unpacked bytes per packed byte, looked at once `ratio_floor_bytes` are unpacked.
    pub ratio: u64,
    pub ratio_floor_bytes: u64,
    /// One package database that is kept in memory.
    pub file_bytes: u64,
    /// One Java archive, wheel or egg that is kept in memory.
    pub archive_bytes: u64,
    /// All files that are kept in memory, one after the other.
    pub text_bytes: u64,
    /// All paths and link targets.
    pub names_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            members: limits::LAYER_MEMBERS,
            unpacked_bytes: limits::LAYER_UNPACKED_BYTES,
            ratio: limits::LAYER_RATIO,
            ratio_floor_bytes: limits::LAYER_RATIO_FLOOR_BYTES,
            file_bytes: limits::LAYER_FILE_BYTES,
            archive_bytes: limits::ARCHIVE_FILE_BYTES,
            text_bytes: limits::LAYER_TEXT_BYTES,
            names_bytes: limits::LAYER_NAMES_BYTES,
        }
    }
}

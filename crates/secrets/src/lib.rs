//! Keys and tokens in files, masked.

//! Configuration of images, as facts.

//! Which layers came with the base image.

use std::collections::BTreeMap;

use crate::Config;

/// What an image says of the image it was built from (OCI image specification 1.1, annotations.md).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// `org.opencontainers.image.base.name`: a reference.
    pub name: Option<String>,
    /// `org.opencontainers.image.base.digest`: of the manifest.
    pub digest: Option<String>,
}

/// How many of the lowest layers are those of a base whose diff ids are known: all of them, or none when the image was not
/// built on it.
pub fn base_layers<T: PartialEq>(image: &[T], base: &[T]) -> usize {
    if !base.is_empty() && image.starts_with(base) { base.len() } else { 0 }
}

/// What labels of a configuration, or annotations of a manifest, say; nobody checks them, so they are a hint.
pub fn base_named(labels: &BTreeMap<String, String>) -> Base {
    let label = |name: &str| labels.get(name).filter(|value| !value.is_empty()).cloned();
    Base { name: label("org.opencontainers.image.base.name"), digest: label("org.opencontainers.image.base.digest") }
}

/// A guess from the history alone: a base ends with the last `CMD` or `ENTRYPOINT` that a later step builds layers on. Zero
/// when the history does not fit the layers, or no such step is there.
pub fn layers_of_history(config: &Config) -> usize {
    let total = config.history.iter().filter(|step| !step.empty_layer).count();
    if total != config.diff_ids.len() {
        return 0;
    }
    let mut layers = 0;
    let mut base = 0;
    for step in &config.history {
        let line = crate::instruction(&step.created_by);
        layers += usize::from(!step.empty_layer);
        // Once other layers lie above it, what started the base is behind us.
        if (line.starts_with("CMD") || line.starts_with("ENTRYPOINT")) && layers < total {
            base = layers;
        }
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Step;

    #[test]
    fn a_base_is_a_beginning() {
        assert_eq!(base_layers(&["a", "b", "c"], &["a", "b"]), 2);
        assert_eq!(base_layers(&["a", "b"], &["a", "b"]), 2);
        assert_eq!(base_layers(&["a", "b"], &["b"]), 0);
        assert_eq!(base_layers(&["a"], &["a", "b"]), 0);
        assert_eq!(base_layers::<&str>(&["a"], &[]), 0);
    }

    #[test]
    fn a_base_ends_with_its_command() {
        let step =
            |created_by: &str, empty_layer| Step { created_by: created_by.to_owned(), empty_layer, ..Step::default() };
        let history = vec![
            step("/bin/sh -c #(nop) ADD file:1 in /", false),
            step("/bin/sh -c #(nop) CMD [\"bash\"]", true),
            step("RUN /bin/sh -c make # buildkit", false),
            step("ENTRYPOINT [\"/app\"]", true),
        ];
        let mut config = Config { history, diff_ids: vec!["x".to_owned(), "y".to_owned()], ..Config::default() };
        assert_eq!(layers_of_history(&config), 1);
        config.diff_ids.pop();
        assert_eq!(layers_of_history(&config), 0);
    }
}

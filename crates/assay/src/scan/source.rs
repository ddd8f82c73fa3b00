//! What can be scanned, and how a person names it.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use oci::ImageRef;

/// `KIND:PLACE`, or a place alone that tells its kind by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A file as `docker save` or `skopeo copy … oci-archive:` writes it.
    Archive(PathBuf),
    /// A folder with an `oci-layout` file in it.
    Layout(PathBuf),
    /// A folder that is looked at as the root of an image with one layer.
    Folder(PathBuf),
    /// A bill of materials of another tool.
    Bill(PathBuf),
    Registry(ImageRef),
}

const KINDS: &str =
    "docker-archive:FILE, oci-archive:FILE, oci-dir:FOLDER, dir:FOLDER, sbom:FILE or registry:REFERENCE";

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Source, String> {
        let reference = |text: &str| {
            text.parse::<ImageRef>().map(Source::Registry).map_err(|error| {
                format!("{text} is neither a file nor a folder, and no reference to an image: {error}; use {KINDS}")
            })
        };
        match text.split_once(':') {
            Some(("docker-archive" | "oci-archive", place)) => Ok(Source::Archive(place.into())),
            Some(("oci-dir", place)) => Ok(Source::Layout(place.into())),
            Some(("dir", place)) => Ok(Source::Folder(place.into())),
            Some(("sbom", place)) => Ok(Source::Bill(place.into())),
            Some(("registry" | "docker", place)) => reference(place),
            _ => on_disk(Path::new(text)).map_or_else(|| reference(text), Ok),
        }
    }
}

/// What lies at a path, if anything does.
fn on_disk(path: &Path) -> Option<Source> {
    let metadata = std::fs::metadata(path).ok()?;
    let place = path.to_owned();
    Some(if metadata.is_dir() {
        if path.join("oci-layout").is_file() { Source::Layout(place) } else { Source::Folder(place) }
    } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        Source::Bill(place)
    } else {
        Source::Archive(place)
    })
}

impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Archive(path) | Source::Layout(path) | Source::Folder(path) | Source::Bill(path) => {
                path.display().fmt(out)
            }
            Source::Registry(reference) => reference.fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_named_or_seen() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("layout")).unwrap();
        for file in ["layout/oci-layout", "image.tar", "bom.json"] {
            std::fs::write(at(file), "{}").unwrap();
        }
        let seen = |name: &str| at(name).display().to_string().parse::<Source>().unwrap();
        assert_eq!(seen("layout"), Source::Layout(at("layout")));
        assert_eq!(seen("image.tar"), Source::Archive(at("image.tar")));
        assert_eq!(seen("bom.json"), Source::Bill(at("bom.json")));
        assert_eq!(seen(""), Source::Folder(at("")));
        assert_eq!("dir:x/y".parse(), Ok(Source::Folder("x/y".into())));
        let reference = "registry.example:5000/team/app:1";
        assert_eq!(reference.parse(), Ok(Source::Registry(reference.parse().unwrap())));
        assert_eq!(format!("registry:{reference}").parse(), Ok(Source::Registry(reference.parse().unwrap())));
        assert!("No Such Thing".parse::<Source>().unwrap_err().contains("oci-dir:FOLDER"));
    }
}

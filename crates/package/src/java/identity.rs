//! The name of an archive that no pom names: from its manifest, its file's name and the packages of its classes.

use super::{groups, manifest::Manifest, pom::Coordinates};

/// The package that all classes share, folder by folder.
#[derive(Debug, Default)]
pub(super) struct Classes {
    shared: Option<Vec<String>>,
}

impl Classes {
    pub(super) fn take(&mut self, path: &str) {
        if !path.ends_with(".class") || path.starts_with("META-INF/") {
            return;
        }
        let Some((directory, _)) = path.rsplit_once('/') else { return };
        match &mut self.shared {
            None => self.shared = Some(directory.split('/').map(str::to_owned).collect()),
            Some(shared) => {
                let same = shared.iter().zip(directory.split('/')).take_while(|(a, b)| a == b).count();
                shared.truncate(same);
            }
        }
    }
}

/// The artifact that an archive without any pom is. The manifest is believed before the file's name, which counts where it does not
/// contradict: `spring-core-5.3.9.jar` of version 5.3.9.
pub(super) fn of(stem: &str, manifest: &Manifest, classes: &Classes) -> Option<Coordinates> {
    let versions: Vec<&str> = ["Implementation-Version", "Bundle-Version", "Specification-Version"]
        .iter()
        .filter_map(|name| manifest.get(name))
        .filter_map(|version| version.split_whitespace().next())
        .collect();
    let called = name_and_version(stem);
    let agrees = |version: &str| {
        versions.iter().any(|said| said.starts_with(version) || version.starts_with(said)) || versions.is_empty()
    };
    let symbolic = manifest.get("Bundle-SymbolicName").and_then(|name| name.split(';').next()).map(str::trim);
    let (artifact, version) = match called.filter(|(_, version)| agrees(version)) {
        Some((artifact, version)) => (artifact, version),
        None => {
            let title = manifest.get("Implementation-Title").filter(|title| is_word(title));
            let said = title.or(symbolic).or(manifest.get("Automatic-Module-Name"));
            let stem = called.map_or(stem, |(name, _)| name);
            let name = said.filter(|said| title.is_some() || !share_a_word(said, stem)).unwrap_or(stem);
            (name, *versions.first()?)
        }
    };
    // `org.springframework:spring-core` as a title.
    let (titled, artifact) = match artifact.split_once([':', '#']) {
        Some((group, artifact)) => (Some(group), artifact),
        None => (None, artifact),
    };
    // All of Apache is nobody's group.
    let vendor = || manifest.get("Implementation-Vendor-Id").filter(|id| is_word(id) && *id != "org.apache");
    let group = titled
        .or_else(|| groups::of(artifact))
        .or_else(vendor)
        .map(str::to_owned)
        .or_else(|| inside(symbolic?, artifact))
        .or_else(|| inside(manifest.get("Automatic-Module-Name")?, artifact))
        .or_else(|| shared(classes, artifact))
        .unwrap_or_default();
    Some(Coordinates { group, artifact: artifact.to_owned(), version: version.to_owned(), licenses: Vec::new() })
}

/// A jar that many were shaded into and whose own pom is gone: the manifest may be of any of them, so only the file's name tells.
pub(super) fn of_shaded(stem: &str, manifest: &Manifest, classes: &Classes) -> Option<Coordinates> {
    let empty = Manifest::default();
    of(stem, if name_and_version(stem).is_some() { &empty } else { manifest }, classes)
}

/// `commons-lang3-3.12.0` is `commons-lang3` of version `3.12.0`.
fn name_and_version(stem: &str) -> Option<(&str, &str)> {
    let (at, _) = stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    (at > 0).then(|| (&stem[..at], &stem[at + 1..]))
}

/// A symbolic name says where the classes are, and a file that is called alike says what the artifact is.
fn share_a_word(symbolic: &str, stem: &str) -> bool {
    let words = |text: &str| text.split(['.', '-', '_']).map(str::to_lowercase).collect::<Vec<String>>();
    let said = words(symbolic);
    words(stem).iter().any(|word| word.len() > 2 && said.contains(word))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:#".contains(c))
}

/// A symbolic name that ends with the artifact's begins with the group's. Where little would be left, the project is called as the
/// artifact: `org.objenesis`, `org.apache.ivy`.
fn inside(symbolic: &str, artifact: &str) -> Option<String> {
    let group = symbolic.strip_suffix(artifact)?.strip_suffix(['.', '-'])?;
    let little = !group.contains('.') || group == "org.apache";
    (!group.is_empty()).then(|| if little { symbolic.to_owned() } else { group.to_owned() })
}

/// The package of all classes, when it is one of somebody's own: at least two folders, and no more than three.
fn shared(classes: &Classes, artifact: &str) -> Option<String> {
    const FOLDERS: std::ops::RangeInclusive<usize> = 2..=3;
    let mut folders = classes.shared.as_deref()?.to_vec();
    folders.truncate(*FOLDERS.end());
    let words: Vec<&str> = artifact.split(['-', '_', '.']).collect();
    // The last folder is often the artifact, and what stands before it the group; projects of Apache have one each.
    let apache = folders.starts_with(&["org".to_owned(), "apache".to_owned()]);
    let least = FOLDERS.start() + usize::from(apache);
    while folders.len() > least && folders.last().is_some_and(|last| words.contains(&last.as_str())) {
        folders.pop();
    }
    (folders.len() >= *FOLDERS.start()).then(|| folders.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(stem: &str, manifest: &str, classes: &[&str]) -> Option<String> {
        let mut seen = Classes::default();
        classes.iter().for_each(|path| seen.take(path));
        let found = of(stem, &Manifest::parse(manifest), &seen)?;
        Some(format!("{}:{}:{}", found.group, found.artifact, found.version))
    }

    #[test]
    fn a_jar_without_a_pom_is_named_by_what_agrees() {
        let spring = "Implementation-Title: spring-core\nImplementation-Version: 5.3.9\n";
        let expected = Some("org.springframework:spring-core:5.3.9".to_owned());
        assert_eq!(found("spring-core-5.3.9", spring, &[]), expected);
        assert_eq!(found("renamed", spring, &[]), expected);
        // The name of the file is not believed against the manifest.
        assert_eq!(found("innocent-1.0", spring, &[]), expected);
        assert_eq!(
            found("x-1.2", "", &["com/example/x/A.class", "com/example/x/b/C.class"]).unwrap(),
            "com.example:x:1.2"
        );
        assert_eq!(found("x-1.2", "", &["org/apache/x/A.class"]).unwrap(), "org.apache.x:x:1.2");
        assert_eq!(found("application", "", &["com/example/A.class"]), None);
        let bundle = |name: &str| format!("Bundle-SymbolicName: {name};x:=1\nBundle-Version: 2\n");
        assert_eq!(found("y-2", &bundle("org.z.y"), &[]).unwrap(), "org.z:y:2");
        assert_eq!(
            found("guice-abc", &bundle("g.inject.abc"), &["g/inject/abc/A.class"]).unwrap(),
            "g.inject:guice-abc:2"
        );
        assert_eq!(found("renamed", &bundle("g.inject.abc"), &[]).unwrap(), ":g.inject.abc:2");
        assert_eq!(found("y-2", &bundle("org.y"), &[]).unwrap(), "org.y:y:2");
        assert_eq!(found("y-2", &bundle("org.apache.y"), &[]).unwrap(), "org.apache.y:y:2");
    }
}

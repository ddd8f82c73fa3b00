//! The name of an archive that no pom names: from its manifest, its file's name and the packages of its classes.

use super::{manifest::Manifest, pom::Coordinates};

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

/// Groups whose artifacts are built without Maven's records, by the beginning of the artifact's name. The longest counts.
const GROUPS: [(&str, &str); 42] = [
    ("activation", "javax.activation"),
    ("ant", "org.apache.ant"),
    ("antlr", "antlr"),
    ("asm", "org.ow2.asm"),
    ("aspectjrt", "org.aspectj"),
    ("aspectjweaver", "org.aspectj"),
    ("bcpkix-", "org.bouncycastle"),
    ("bcprov-", "org.bouncycastle"),
    ("bcutil-", "org.bouncycastle"),
    ("byte-buddy", "net.bytebuddy"),
    ("commons-", "org.apache.commons"),
    ("ecj", "org.eclipse.jdt"),
    ("groovy", "org.codehaus.groovy"),
    ("h2", "com.h2database"),
    ("hibernate-core", "org.hibernate"),
    ("hsqldb", "org.hsqldb"),
    ("jasper", "org.apache.tomcat"),
    ("junit", "junit"),
    ("kafka", "org.apache.kafka"),
    ("kotlin-", "org.jetbrains.kotlin"),
    ("kotlinx-", "org.jetbrains.kotlinx"),
    ("lombok", "org.projectlombok"),
    ("lucene-", "org.apache.lucene"),
    ("micrometer-", "io.micrometer"),
    ("okhttp", "com.squareup.okhttp3"),
    ("okio", "com.squareup.okio"),
    ("postgresql", "org.postgresql"),
    ("reactor-", "io.projectreactor"),
    ("reactor-netty", "io.projectreactor.netty"),
    ("retrofit", "com.squareup.retrofit2"),
    ("rxjava", "io.reactivex"),
    ("scala-", "org.scala-lang"),
    ("solr-", "org.apache.solr"),
    ("spring-", "org.springframework"),
    ("spring-batch-", "org.springframework.batch"),
    ("spring-boot", "org.springframework.boot"),
    ("spring-cloud-", "org.springframework.cloud"),
    ("spring-data-", "org.springframework.data"),
    ("spring-integration-", "org.springframework.integration"),
    ("spring-security-", "org.springframework.security"),
    ("tomcat-", "org.apache.tomcat"),
    ("tomcat-embed-", "org.apache.tomcat.embed"),
];

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
            let module = manifest.get("Automatic-Module-Name");
            let name = title.or(symbolic).or(module).or(called.map(|(name, _)| name)).unwrap_or(stem);
            (name, *versions.first()?)
        }
    };
    // `org.springframework:spring-core` as a title.
    let (titled, artifact) = match artifact.split_once([':', '#']) {
        Some((group, artifact)) => (Some(group), artifact),
        None => (None, artifact),
    };
    let group = titled
        .or_else(|| manifest.get("Implementation-Vendor-Id").filter(|id| is_word(id)))
        .map(str::to_owned)
        .or_else(|| known(artifact))
        .or_else(|| inside(symbolic?, artifact))
        .or_else(|| shared(classes, artifact))
        .unwrap_or_default();
    Some(Coordinates { group, artifact: artifact.to_owned(), version: version.to_owned(), licenses: Vec::new() })
}

/// `commons-lang3-3.12.0` is `commons-lang3` of version `3.12.0`.
fn name_and_version(stem: &str) -> Option<(&str, &str)> {
    let (at, _) = stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|c: char| c.is_ascii_digit()))?;
    (at > 0).then(|| (&stem[..at], &stem[at + 1..]))
}

fn is_word(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "._-:#".contains(c))
}

fn known(artifact: &str) -> Option<String> {
    let fits = |start: &str| {
        let rest = artifact.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || start.ends_with('-') || rest.starts_with('-'))
    };
    let longest = GROUPS.iter().filter(|(start, _)| fits(start)).max_by_key(|(start, _)| start.len());
    longest.map(|(_, group)| (*group).to_owned())
}

/// A symbolic name that ends with the artifact's begins with the group's.
fn inside(symbolic: &str, artifact: &str) -> Option<String> {
    let group = symbolic.strip_suffix(artifact)?.strip_suffix(['.', '-'])?;
    (!group.is_empty()).then(|| group.to_owned())
}

/// The package of all classes, when it is one of somebody's own: at least two folders, and no more than three.
fn shared(classes: &Classes, artifact: &str) -> Option<String> {
    const FOLDERS: std::ops::RangeInclusive<usize> = 2..=3;
    let mut folders = classes.shared.as_deref()?.to_vec();
    folders.truncate(*FOLDERS.end());
    let words: Vec<&str> = artifact.split(['-', '_', '.']).collect();
    // The last folder is often the artifact, and what stands before it the group.
    while folders.len() > *FOLDERS.start() && folders.last().is_some_and(|last| words.contains(&last.as_str())) {
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
        assert_eq!(found("application", "", &["com/example/A.class"]), None);
        assert_eq!(found("y-2", "Bundle-SymbolicName: org.z.y;x:=1\nBundle-Version: 2\n", &[]).unwrap(), "org.z:y:2");
    }
}

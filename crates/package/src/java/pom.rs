//! Maven's coordinates in `pom.properties` and `pom.xml`.

/// Group, artifact and version of Maven; the group is empty where nothing tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Coordinates {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) licenses: Vec<String>,
}

impl Coordinates {
    pub(super) fn key(&self) -> (String, String) {
        (self.group.clone(), self.artifact.clone())
    }

    fn complete(self) -> Option<Coordinates> {
        let plain = |text: &str| !text.is_empty() && !text.contains(['$', '{', ':', ' ']);
        (plain(&self.group) && plain(&self.artifact) && plain(&self.version)).then_some(self)
    }
}

/// Properties (java.util.Properties): `key=value`, `key: value`.
pub(super) fn properties(text: &str) -> Option<Coordinates> {
    let value = |wanted: &str| {
        let mut pairs = text.lines().filter_map(|line| line.split_once(['=', ':']));
        pairs.find(|(key, _)| key.trim() == wanted).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let (group, artifact, version) = (value("groupId"), value("artifactId"), value("version"));
    Coordinates { group, artifact, version, licenses: Vec::new() }.complete()
}

/// The head of a POM: coordinates, those of the parent where they are inherited, and names of licences. No entity, no CDATA and no
/// property is resolved: coordinates with one are left out.
pub(super) fn model(text: &str) -> Option<Coordinates> {
    let (mut own, mut parent) = (Coordinates::default(), Coordinates::default());
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let content = rest[..at].trim();
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let Some(end) = rest.find('>') else { break };
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if tag.starts_with('/') {
            place(&open, content, &mut own, &mut parent);
            open.pop();
        } else if !tag.starts_with(['?', '!']) && !tag.ends_with('/') {
            open.push(tag.split_whitespace().next().unwrap_or_default());
        }
    }
    if own.group.is_empty() {
        own.group = parent.group;
    }
    if own.version.is_empty() {
        own.version = parent.version;
    }
    own.complete()
}

fn place(open: &[&str], content: &str, own: &mut Coordinates, parent: &mut Coordinates) {
    let field = match open {
        ["project", "groupId"] => &mut own.group,
        ["project", "artifactId"] => &mut own.artifact,
        ["project", "version"] => &mut own.version,
        ["project", "parent", "groupId"] => &mut parent.group,
        ["project", "parent", "version"] => &mut parent.version,
        ["project", "licenses", "license", "name"] => {
            own.licenses.extend(crate::language::license(content));
            return;
        }
        _ => return,
    };
    *field = content.to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_inherits_from_its_parent() {
        let text = "<?xml version='1.0'?><!-- <project> --><project xmlns='x'>\n<parent><groupId>g</groupId>\
            <artifactId>p</artifactId><version>1</version></parent><artifactId>a</artifactId><name/>\
            <licenses><license><name>Apache-2.0</name></license></licenses>\
            <dependencies><dependency><artifactId>d</artifactId></dependency></dependencies></project>";
        let found = model(text).unwrap();
        assert_eq!((found.group.as_str(), found.artifact.as_str(), found.version.as_str()), ("g", "a", "1"));
        assert_eq!(found.licenses, ["Apache-2.0"]);
        assert_eq!(model(&text.replace("<version>1<", "<version>${revision}<")), None);
    }

    #[test]
    fn properties_need_all_three() {
        let found = properties("#x\nversion=1.0\ngroupId=g\nartifactId=a\n").unwrap();
        assert_eq!(found.version, "1.0");
        assert_eq!(properties("version=1.0\ngroupId=g\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn any_model_is_read(text in "(<(project|parent|version|!--|/[a-z]{0,4})?>?|\\PC){0,40}") {
            model(&text);
            properties(&text);
        }
    }
}

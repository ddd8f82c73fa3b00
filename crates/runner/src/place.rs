//! Where a project stands inside its container.

/// ```text
/// /builds/group/project        the source, the working directory of the script
/// /builds/group/project.tmp    file variables and the scripts themselves
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Place {
    builds: String,
    project: String,
}

impl Place {
    /// `None` when the project's path cannot be a path.
    pub(crate) fn new(builds: &str, project: &str) -> Option<Place> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
        let part = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.starts_with('-') && part.bytes().all(plain)
        };
        if project.len() <= base::limits::REPOSITORY_NAME_BYTES && project.split('/').all(part) {
            Some(Place { builds: builds.to_owned(), project: project.to_owned() })
        } else {
            None
        }
    }

    pub(crate) fn project_dir(&self) -> String {
        format!("{}/{}", self.builds, self.project)
    }

    pub(crate) fn temporary_dir(&self) -> String {
        format!("{}/{}.tmp", self.builds, self.project)
    }

    pub(crate) fn variable_file(&self, name: &str) -> String {
        format!("{}/{name}", self.temporary_dir())
    }

    pub(crate) fn script_file(&self, step: &str) -> String {
        // A variable's name has no dot, so no file variable can be called so.
        format!("{}/.{step}.sh", self.temporary_dir())
    }

    /// Each folder from the top down to the project's and its `.tmp`, as members of an archive unpacked at `/`.
    pub(crate) fn folders(&self) -> Vec<String> {
        let project = self.project_dir();
        let inner = &project[1..];
        let parents = inner.match_indices('/').map(|(at, _)| inner[..at].to_owned());
        parents.chain([inner.to_owned(), self.temporary_dir()[1..].to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn takes_paths_and_refuses_tricks() {
        let place = Place::new("/builds", "g/sub/p").unwrap();
        assert_eq!(place.folders(), ["builds", "builds/g", "builds/g/sub", "builds/g/sub/p", "builds/g/sub/p.tmp"]);
        assert_eq!(place.script_file("script"), "/builds/g/sub/p.tmp/.script.sh");
        for bad in ["", "/", "g/", "../p", "g/../../p", "g/./p", "-g/p", "g/p\n", "g p/x", "g/$(x)"] {
            assert!(Place::new("/builds", bad).is_none(), "{bad:?}");
        }
    }
}

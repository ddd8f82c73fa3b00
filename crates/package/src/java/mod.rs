//! Java archives: which artifacts of Maven they are and hold, however deep they are nested.
//!
//! ```text
//!   app.war ─ WEB-INF/lib/*.jar ─ META-INF/maven/GROUP/ARTIFACT/pom.properties   each one is a package: a shaded jar has many
//!                               ├ META-INF/MANIFEST.MF                           names the archive when no pom does
//!                               └ NAME-VERSION.jar                               when the manifest says nothing either
//! ```
//!
//! A file that is no zip is no archive: no runtime loads it. One that is damaged or beyond a limit is an error.

mod groups;
mod identity;
mod manifest;
mod pom;

use std::collections::{BTreeMap, BTreeSet};

use base::limits::{ARCHIVE_DEPTH, ARCHIVE_NOTICE_BYTES};
use sha1::{Digest, Sha1};

use crate::{
    Error, Package,
    archive::{Budget, Member, Zip},
    path,
};
use identity::Classes;
use manifest::Manifest;
use pom::Coordinates;

/// Every artifact in the archive at `path`, with the SHA-1 of each archive that is one.
pub(crate) fn packages(path: &str, bytes: &[u8]) -> Result<Vec<Package>, Error> {
    let mut budget = Budget::of(bytes.len() as u64);
    let mut found = Vec::new();
    archive(path::split(path).1, bytes, ARCHIVE_DEPTH, &mut budget, &mut found)?;
    Ok(found)
}

/// What one archive says of itself.
#[derive(Default)]
struct Said {
    poms: BTreeSet<Coordinates>,
    /// `pom.xml` by group and artifact; the properties do not tell licences.
    models: BTreeMap<(String, String), Coordinates>,
    manifest: Manifest,
    classes: Classes,
}

fn archive(name: &str, bytes: &[u8], depth: usize, budget: &mut Budget, found: &mut Vec<Package>) -> Result<(), Error> {
    let Some(zip) = Zip::open(bytes)? else { return Ok(()) };
    if depth == 0 {
        return Err(Error::TooLarge { what: "archives inside each other", limit: ARCHIVE_DEPTH as u64 });
    }
    let mut said = Said::default();
    for member in zip.members() {
        let member = member?;
        budget.member()?;
        let path = String::from_utf8_lossy(member.name);
        if is_archive(&path) {
            let inner = zip.whole(&member, budget)?;
            archive(path::split(&path).1, &inner, depth - 1, budget, found)?;
        } else {
            said.take(&zip, &member, &path, budget)?;
        }
    }
    let mut artifacts = said.artifacts();
    let own = said.own(name, &artifacts);
    if own.is_some() {
        budget.package()?;
    }
    artifacts.extend(own.clone());
    found.extend(artifacts.iter().filter_map(|artifact| {
        let is_own = own.as_ref() == Some(artifact);
        said.package(artifact, is_own.then_some(bytes))
    }));
    Ok(())
}

fn is_archive(path: &str) -> bool {
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("jar" | "war" | "ear" | "jpi" | "hpi" | "par" | "sar" | "nar" | "lpkg" | "rar"))
}

impl Said {
    fn take(&mut self, zip: &Zip<'_>, member: &Member<'_>, path: &str, budget: &mut Budget) -> Result<(), Error> {
        let head = |budget: &mut Budget| {
            let bytes = zip.head(member, ARCHIVE_NOTICE_BYTES, budget)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        if path.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
            self.manifest = Manifest::parse(&head(budget)?);
        } else if path.contains("META-INF/maven/") && path.ends_with("/pom.properties") {
            budget.package()?;
            self.poms.extend(pom::properties(&head(budget)?));
        } else if path.contains("META-INF/maven/") && path.ends_with("/pom.xml") {
            budget.package()?;
            let model = pom::model(&head(budget)?);
            self.models.extend(model.map(|model| (model.key(), model)));
        } else {
            self.classes.take(path);
        }
        Ok(())
    }

    /// What the poms name: a `pom.xml` counts where its properties are missing.
    fn artifacts(&self) -> BTreeSet<Coordinates> {
        let named: BTreeSet<_> = self.poms.iter().map(Coordinates::key).collect();
        let missing = self.models.iter().filter(|(key, _)| !named.contains(key)).map(|(_, model)| model);
        self.poms.iter().chain(missing).cloned().collect()
    }

    /// The archive itself: the only pom, or the pom that the file is called after, or what the manifest and the file's name tell.
    fn own(&self, name: &str, artifacts: &BTreeSet<Coordinates>) -> Option<Coordinates> {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if artifacts.len() == 1 {
            return artifacts.first().cloned();
        }
        let called = artifacts.iter().find(|pom| {
            let rest = stem.strip_prefix(pom.artifact.as_str());
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(&pom.version))
            })
        });
        let unnamed = if artifacts.is_empty() { identity::of } else { identity::of_shaded };
        called.cloned().or_else(|| unnamed(stem, &self.manifest, &self.classes))
    }

    fn package(&self, artifact: &Coordinates, archive: Option<&[u8]>) -> Option<Package> {
        let model = self.models.get(&artifact.key());
        let mut licenses = model.map(|model| model.licenses.clone()).unwrap_or_default();
        if licenses.is_empty() && archive.is_some() {
            licenses = self.manifest.licenses();
        }
        let name = match artifact.group.as_str() {
            "" => artifact.artifact.clone(),
            group => format!("{group}:{}", artifact.artifact),
        };
        let package = crate::language::package(&name, &artifact.version, licenses)?;
        Some(Package { sha1: archive.map(|bytes| hex::encode(Sha1::digest(bytes))), ..package })
    }
}

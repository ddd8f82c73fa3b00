//! Package URLs (ECMA-427), with the definitions of their types as far as they change a name.
//!
//! ```text
//!   pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl#subpath
//!       type namespace name version         qualifiers, sorted
//! ```

mod escape;
mod of_package;
mod rules;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt, str::FromStr};

pub use of_package::purl;

/// A package URL in its canonical form: [`Purl::new`] and parsing put it there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    /// The type, in lower case.
    pub kind: String,
    /// Segments joined by slashes; empty where there is none.
    pub namespace: String,
    pub name: String,
    /// Empty where there is none.
    pub version: String,
    pub qualifiers: BTreeMap<String, String>,
    /// Segments joined by slashes; empty where there is none.
    pub subpath: String,
}

/// Why a text is no package URL; part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no package URL: {reason}")]
pub struct PurlError {
    reason: String,
}

impl PurlError {
    fn new(reason: impl Into<String>) -> PurlError {
        PurlError { reason: reason.into() }
    }
}

impl Purl {
    /// From unescaped parts, each of which may be empty but type and name.
    ///
    /// # Errors
    /// The type or a qualifier's key has other characters than it may, or the type forbids what the parts say.
    pub fn new(
        kind: &str,
        namespace: &str,
        name: &str,
        version: &str,
        qualifiers: BTreeMap<String, String>,
        subpath: &str,
    ) -> Result<Purl, PurlError> {
        let kind = kind.to_ascii_lowercase();
        let starts_well = kind.starts_with(|first: char| first.is_ascii_alphabetic());
        if !starts_well || !kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)) {
            return Err(PurlError::new(
                "its type is missing or has other characters than letters, digits, dots and dashes",
            ));
        }
        if let Some(key) = qualifiers.keys().find(|key| !is_key(key)) {
            return Err(PurlError::new(format!("{key:?} is no key of a qualifier")));
        }
        let name = if rules::has_path(&kind) { segments(name, |_| true) } else { name.trim_matches('/').to_owned() };
        let mut purl = Purl {
            kind,
            namespace: segments(namespace, |_| true),
            name,
            version: version.to_owned(),
            qualifiers: qualifiers.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            subpath: segments(subpath, |segment| segment != "." && segment != ".."),
        };
        if purl.name.is_empty() {
            return Err(PurlError::new("it has no name"));
        }
        rules::apply(&mut purl)?;
        Ok(purl)
    }

    /// The text of ECMA-427, section "How to parse a PURL string": parts are cut off from the right.
    ///
    /// # Errors
    /// As [`Purl::new`], and for what is no such text at all.
    pub fn parse(text: &str) -> Result<Purl, PurlError> {
        let (rest, subpath) = text.rsplit_once('#').unwrap_or((text, ""));
        let (rest, qualifiers) = rest.rsplit_once('?').unwrap_or((rest, ""));
        let (scheme, rest) = rest.split_once(':').ok_or_else(|| PurlError::new("it has no scheme"))?;
        if !scheme.eq_ignore_ascii_case("pkg") {
            return Err(PurlError::new(format!("its scheme is {scheme:?}, not pkg")));
        }
        let (kind, rest) =
            rest.trim_matches('/').split_once('/').ok_or_else(|| PurlError::new("it has no type or no name"))?;
        let (rest, version) = match rest.rsplit_once('@') {
            // The at sign of a scope that was not escaped, `npm/@babel/core`.
            Some((before, after)) if before.is_empty() && after.contains('/') => (rest, ""),
            Some((rest, version)) => (rest, version),
            None => (rest, ""),
        };
        let cut = if rules::has_path(kind) { rest.split_once('/') } else { rest.rsplit_once('/') };
        let (namespace, name) = cut.unwrap_or(("", rest));
        let name = if rules::has_path(kind) { escape::decoded_segments(name)? } else { escape::decoded(name)? };
        Purl::new(
            kind,
            &escape::decoded_segments(namespace)?,
            &name,
            &escape::decoded(version)?,
            parse_qualifiers(qualifiers)?,
            &escape::decoded_segments(subpath)?,
        )
    }
}

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Purl, PurlError> {
        Purl::parse(text)
    }
}

impl fmt::Display for Purl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "pkg:{}/", self.kind)?;
        for segment in self.namespace.split('/').filter(|segment| !segment.is_empty()) {
            write!(out, "{}/", escape::Escaped(segment))?;
        }
        if rules::has_path(&self.kind) {
            write!(
                out,
                "{}",
                self.name.split('/').map(|part| escape::Escaped(part).to_string()).collect::<Vec<_>>().join("/")
            )?;
        } else {
            write!(out, "{}", escape::Escaped(&self.name))?;
        }
        if !self.version.is_empty() {
            write!(out, "@{}", escape::Escaped(&self.version))?;
        }
        for (at, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(out, "{}{key}={}", if at == 0 { '?' } else { '&' }, escape::Escaped(value))?;
        }
        for (at, segment) in self.subpath.split('/').filter(|segment| !segment.is_empty()).enumerate() {
            write!(out, "{}{}", if at == 0 { '#' } else { '/' }, escape::Escaped(segment))?;
        }
        Ok(())
    }
}

/// A key is the same in any case, so two that differ in case only are one.
fn parse_qualifiers(text: &str) -> Result<BTreeMap<String, String>, PurlError> {
    let mut found = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or_else(|| PurlError::new(format!("{pair:?} is no qualifier")))?;
        if found.insert(key.to_ascii_lowercase(), escape::decoded(value)?).is_some() {
            return Err(PurlError::new(format!("it has the qualifier {key} twice")));
        }
    }
    Ok(found)
}

fn is_key(key: &str) -> bool {
    key.starts_with(|first: char| first.is_ascii_lowercase())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte))
}

fn segments(path: &str, keep: impl Fn(&str) -> bool) -> String {
    path.split('/').filter(|segment| !segment.is_empty() && keep(segment)).collect::<Vec<_>>().join("/")
}

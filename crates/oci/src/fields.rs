//! Typed access to the members of an object that was read strictly, with the path for error sentences.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{ManifestError, json};

/// An object and where it stands. A member that is `null` counts as absent, as it does for the Go programs that write
/// `"layers": null` for an empty list.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(value: &'a Value, path: &str) -> Result<Fields<'a>, ManifestError> {
        match value.as_object() {
            Some(object) => Ok(Fields { object, path: path.to_owned() }),
            None => Err(ManifestError::field(path, "expected an object")),
        }
    }

    /// Refuse keys that a Go program takes for one of `known` although they are written differently. Without this,
    /// `{"Layers": [...]}` has no layers for us and some for an engine.
    pub(crate) fn refuse_variants(&self, known: &[&str]) -> Result<(), ManifestError> {
        for key in self.object.keys() {
            if let Some(name) = known.iter().find(|name| **name != key && json::same_key(name, key)) {
                return Err(ManifestError::field(self.at(name), format!("the key is written {key:?}; write {name:?}")));
            }
        }
        Ok(())
    }

    pub(crate) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Value> {
        json::find(self.object, key).filter(|value| !value.is_null())
    }

    pub(crate) fn required(&self, key: &str) -> Result<&'a Value, ManifestError> {
        self.get(key).ok_or_else(|| ManifestError::field(self.at(key), "missing"))
    }

    pub(crate) fn has_key(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    pub(crate) fn string(&self, key: &str) -> Result<Option<&'a str>, ManifestError> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "expected a string")),
        }
    }

    /// A string, owned; an empty one is `None`, for Go writes the empty string where it means nothing.
    pub(crate) fn text(&self, key: &str) -> Result<Option<String>, ManifestError> {
        Ok(self.string(key)?.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<bool, ManifestError> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(key, "expected true or false")),
        }
    }

    pub(crate) fn list(&self, key: &str) -> Result<&'a [Value], ManifestError> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(key, "expected a list")),
        }
    }

    pub(crate) fn strings(&self, key: &str) -> Result<Vec<String>, ManifestError> {
        let strings = self.list(key)?.iter().map(|item| item.as_str().map(str::to_owned));
        strings.collect::<Option<Vec<_>>>().ok_or_else(|| self.wrong(key, "expected a list of strings"))
    }

    pub(crate) fn string_map(&self, key: &str) -> Result<BTreeMap<String, String>, ManifestError> {
        let Some(value) = self.get(key) else { return Ok(BTreeMap::new()) };
        let object = value.as_object().ok_or_else(|| self.wrong(key, "expected an object"))?;
        let pairs = object.iter().map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        pairs.collect::<Option<BTreeMap<_, _>>>().ok_or_else(|| self.wrong(key, "expected an object of strings"))
    }

    pub(crate) fn object(&self, key: &str) -> Result<Option<Fields<'a>>, ManifestError> {
        self.get(key).map(|value| Fields::new(value, &self.at(key))).transpose()
    }

    /// A string that is parsed into `T`.
    pub(crate) fn parsed<T>(&self, key: &str) -> Result<Option<T>, ManifestError>
    where
        T: std::str::FromStr<Err = base::InvalidName>,
    {
        let Some(text) = self.string(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: base::InvalidName| self.wrong(key, error.to_string()))
    }

    pub(crate) fn wrong(&self, key: &str, problem: impl Into<String>) -> ManifestError {
        ManifestError::field(self.at(key), problem)
    }
}

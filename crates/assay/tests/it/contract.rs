//! What is asked of `/api/v1` and what it answers, held against its description: nothing is there that is not described.
//!
//! The description leaves members open, so that clients take no harm from new ones; here all of them are closed.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::server::Answer;

/// One request, as it was sent.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    /// With its query.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

pub struct Operation {
    pub id: String,
    method: String,
    /// `/api/v1/robots/{robot}`
    path: String,
    described: Value,
}

pub struct Contract {
    document: Value,
    pub operations: Vec<Operation>,
    /// By the schema's text: making one takes longer than using it.
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

pub static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(web::description()).unwrap();
    close(&mut document);
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let id = described["operationId"].as_str().unwrap().to_owned();
            let (method, path) = (method.to_uppercase(), path.clone());
            operations.push(Operation { id, method, path, described: described.clone() });
        }
    }
    Contract { document, operations, validators: Mutex::default() }
});

/// Let no object have members that are not described.
fn close(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(close);
            if members.contains_key("properties") && !members.contains_key("additionalProperties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

impl Operation {
    /// `GET /api/v1/robots/{robot}`, as the router has it.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// What stands in the places of the path's parameters, if this is its path.
    fn matches(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let (own, given): (Vec<&str>, Vec<&str>) = (self.path.split('/').collect(), path.split('/').collect());
        if own.len() != given.len() {
            return None;
        }
        let mut found = Vec::new();
        for (own, given) in own.into_iter().zip(given) {
            match own.strip_prefix('{').and_then(|own| own.strip_suffix('}')) {
                Some(name) => found.push((name, decoded(given))),
                None if own == given => {}
                None => return None,
            }
        }
        Some(found)
    }
}

/// A part of a path: percent signs count there, a plus is a plus.
fn decoded(part: &str) -> String {
    let part = part.replace('+', "%2B");
    form_urlencoded::parse(part.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

impl Contract {
    /// The operation that a request asks for: a literal path before one with places in it.
    pub fn operation(&self, request: &Request<'_>) -> Option<&Operation> {
        let path = request.path.split('?').next().unwrap_or_default();
        let method = if request.method == "HEAD" { "GET" } else { request.method };
        let found = self.operations.iter().filter(|one| one.method == method && one.matches(path).is_some());
        found.min_by_key(|one| one.path.matches('{').count())
    }

    /// What in a request or in its answer is not as it is described.
    pub fn check(&self, request: &Request<'_>, answer: &Answer) -> Result<(), String> {
        let Some(operation) = self.operation(request) else {
            if ![404, 405].contains(&answer.status) {
                return Err("this operation is not described".to_owned());
            }
            return self.valid(&json!({"$ref": "#/components/schemas/Errors"}), &parsed(&answer.bytes)?);
        };
        let responses = &operation.described["responses"];
        let response = self.resolved(&responses[answer.status.to_string()]);
        if response.is_null() {
            return Err(format!("{} does not describe the status {}", operation.id, answer.status));
        }
        if request.method != "HEAD" {
            self.check_answer(response, answer)?;
        }
        if answer.status < 300 {
            self.check_parameters(operation, request)?;
            self.check_body(operation, request)?;
            check_credentials(operation, &self.document, request)?;
        }
        Ok(())
    }

    fn check_answer(&self, response: &Value, answer: &Answer) -> Result<(), String> {
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            if self.resolved(header)["required"] == true && answer.header(name).is_none() {
                return Err(format!("the header {name} is missing"));
            }
        }
        let kind = answer.header("content-type").unwrap_or_default();
        match response["content"].get(kind) {
            None if answer.bytes.is_empty() && response["content"].is_null() => Ok(()),
            None => Err(format!("a body of type {kind:?} is not described")),
            Some(content) if kind.contains("json") => self.valid(&content["schema"], &parsed(&answer.bytes)?),
            Some(_) => Ok(()),
        }
    }

    /// What was taken was described.
    fn check_parameters(&self, operation: &Operation, request: &Request<'_>) -> Result<(), String> {
        let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
        let query =
            form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()));
        let places = operation.matches(path).unwrap_or_default();
        let places = places.into_iter().map(|(name, value)| ("path", name.to_owned(), value));
        let given = places.chain(query.map(|(name, value)| ("query", name, value)));
        let described: Vec<&Value> = operation.described["parameters"].as_array().into_iter().flatten().collect();
        for (place, name, value) in given {
            let mut described = described.iter().map(|one| self.resolved(one));
            let found = described.find(|one| one["in"] == place && one["name"] == name.as_str());
            let schema =
                &found.ok_or_else(|| format!("the parameter {name} in the {place} is not described"))?["schema"];
            let value = match schema["type"].as_str() {
                Some("integer" | "boolean") => parsed(value.as_bytes())?,
                _ => Value::from(value),
            };
            self.valid(schema, &value).map_err(|why| format!("the parameter {name}: {why}"))?;
        }
        Ok(())
    }

    fn check_body(&self, operation: &Operation, request: &Request<'_>) -> Result<(), String> {
        match operation.described.get("requestBody") {
            None => Ok(()),
            Some(body) => match body["content"].get("application/json") {
                Some(content) => self.valid(&content["schema"], &parsed(request.body)?),
                None => Ok(()),
            },
        }
        .map_err(|why| format!("what was sent: {why}"))
    }

    /// Whether a value is as the schema says; both the first thing that is not, and where.
    pub fn valid(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let validator = {
            let mut made = self.validators.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            Arc::clone(made.entry(schema.to_string()).or_insert_with(|| Arc::new(self.validator(schema))))
        };
        match validator.iter_errors(value).next() {
            None => Ok(()),
            Some(error) => Err(format!("{error} at {:?}, by {}", error.instance_path().as_str(), error.schema_path())),
        }
    }

    fn validator(&self, schema: &Value) -> Validator {
        let mut whole: Map<String, Value> = schema.as_object().cloned().unwrap_or_default();
        whole.insert("components".to_owned(), self.document["components"].clone());
        jsonschema::draft202012::options().should_validate_formats(true).build(&Value::Object(whole)).unwrap()
    }

    /// What a reference stands for.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
            Some(place) => self.document.pointer(place).unwrap_or(&Value::Null),
            None => value,
        }
    }
}

/// Whoever came without credentials was answered only where that is described.
fn check_credentials(operation: &Operation, document: &Value, request: &Request<'_>) -> Result<(), String> {
    const CREDENTIALS: [&str; 3] = ["authorization", "private-token", "cookie"];
    let signed_in =
        request.headers.iter().any(|(name, _)| CREDENTIALS.iter().any(|one| name.eq_ignore_ascii_case(one)));
    let ways = operation.described.get("security").unwrap_or(&document["security"]).as_array().unwrap();
    if signed_in || ways.is_empty() || ways.contains(&json!({})) {
        return Ok(());
    }
    Err(format!("{} answers without credentials, and that is not described", operation.id))
}

fn parsed(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("{:?} is no JSON: {error}", String::from_utf8_lossy(bytes)))
}

/// Stop the test where something is not as it is described. What the server did not finish is not looked at.
pub fn hold(request: &Request<'_>, answer: &Answer) {
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let cut_off = request.method != "HEAD" && length.is_some_and(|length: usize| length != answer.bytes.len());
    if cut_off || !request.path.starts_with("/api/v1/") {
        return;
    }
    if let Err(why) = CONTRACT.check(request, answer) {
        let (method, path, status) = (request.method, request.path, answer.status);
        let body: String = answer.body.chars().take(2_000).collect();
        panic!("the description of the API is not what is served: {method} {path} ({status}): {why}\n{body}");
    }
}

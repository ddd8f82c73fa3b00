//! What a call wants to bring in or start, read from its query and body in one way only.

use base::limits;
use oci::{Digest, ImageRef, Tag, json};
use serde_json::Value;

use crate::{endpoint, question::Question, target::Target};

/// Objects whose keys a person chooses; the engine keeps their case too.
const FREE_MAPS: [&str; 14] = [
    "Labels",
    "Env",
    "Volumes",
    "ExposedPorts",
    "PortBindings",
    "Sysctls",
    "Tmpfs",
    "StorageOpt",
    "Annotations",
    "EndpointsConfig",
    "DriverOpts",
    "Options",
    "Config",
    "GenericResources",
];

/// One image that a call needs allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// A pull: a reference with a tag or a digest.
    Pull(ImageRef),
    /// An image of this engine, as the caller names it: reference, local name or id.
    Local(String),
    /// An image that other nodes pull without asking anybody.
    Task(ImageRef),
    /// What a service ran before.
    Previous { service: String },
}

/// A call that is refused whatever is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) image: Option<String>,
    pub(crate) reason: String,
}

fn refused<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { image: None, reason: reason.into() })
}

fn unclear(error: crate::target::Unclear) -> Refusal {
    Refusal { image: None, reason: error.to_string() }
}

const UNSEEN: &str =
    "the engine did not show the body of this request to the guard; send it as application/json, below 1 MiB";
const BODY: &str = "this request takes its parameters in the query; send it without a body";

/// `POST /images/{name}/tag`: the tag of its own repository for an image named by digest, which is what a client does after a pull
/// with content trust. It is judged by that digest. Any other name would hide where an image came from.
pub(crate) fn tag(name: &str, target: &Target) -> Result<Wanted, Refusal> {
    let (repo, tag) = (target.parameter("repo").map_err(unclear)?, target.parameter("tag").map_err(unclear)?);
    let Ok(source) = name.parse::<ImageRef>() else { return refused(endpoint::TAG) };
    let Some(digest) = source.digest() else { return refused(endpoint::TAG) };
    match format!("{repo}:{tag}@{digest}").parse::<ImageRef>() {
        Ok(named) if named.host() == source.host() && named.path() == source.path() => Ok(Wanted::Pull(named)),
        _ => refused(endpoint::TAG),
    }
}

/// `POST /images/create`, as `daemon/images` puts the reference together from `fromImage` and `tag`.
pub(crate) fn pull(question: &Question, target: &Target) -> Result<Wanted, Refusal> {
    // A form in the body would come before the query.
    if target.has("fromSrc") {
        return refused(endpoint::IMPORT);
    }
    if !question.is_surely_without_body() {
        return refused(BODY);
    }
    let image = target.parameter("fromImage").map_err(unclear)?;
    let tag = target.parameter("tag").map_err(unclear)?;
    if image.is_empty() {
        return refused(endpoint::IMPORT);
    }
    let named = |reason: String| Refusal { image: Some(short(image)), reason };
    let reference: ImageRef = image.parse().map_err(|error| named(format!("{error}")))?;
    let complete = reference.tag().is_some() || reference.digest().is_some();
    match (complete, tag) {
        (true, "") => Ok(Wanted::Pull(reference)),
        (true, _) => Err(named(format!("{reference} with tag {:?} names two images; name one", short(tag)))),
        (false, "") => Err(named(format!(
            "pulling all tags of {reference} could bring in unsigned images; name a tag or a digest"
        ))),
        (false, tag) => {
            let whole = match tag.parse::<Digest>() {
                Ok(digest) => reference.pinned(digest).to_string(),
                Err(_) => {
                    let tag: Tag = tag.parse().map_err(|error| named(format!("{error}")))?;
                    format!("{reference}:{tag}")
                }
            };
            Ok(Wanted::Pull(whole.parse().map_err(|error| named(format!("{error}")))?))
        }
    }
}

/// `POST /containers/create`: the image, and images that are mounted.
pub(crate) fn container(question: &Question) -> Result<Vec<Wanted>, Refusal> {
    let body = body(question)?;
    let image = text(&body, "Image")?;
    if image.is_empty() {
        return refused("a container without an image runs what nobody signed; name an image");
    }
    let mut wanted = vec![Wanted::Local(image.to_owned())];
    // Old engines also read the members of HostConfig at the top.
    for place in [part(&body, "HostConfig")?, Some(&body)] {
        wanted.extend(mounted_images(place)?.into_iter().map(Wanted::Local));
    }
    Ok(wanted)
}

/// `POST /containers/{id}/start`: a checkpoint would start other bytes than the container's image.
pub(crate) fn start(question: &Question, target: &Target) -> Result<(), Refusal> {
    if !question.is_surely_without_body() {
        return refused(BODY);
    }
    if target.has("checkpoint") || target.has("checkpoint-dir") {
        return refused("starting from a checkpoint would run what nobody signed; start the container without it");
    }
    Ok(())
}

/// `POST /services/create` and `/services/{id}/update`.
pub(crate) fn service(question: &Question, target: &Target, id: Option<&str>) -> Result<Vec<Wanted>, Refusal> {
    let body = body(question)?;
    let mut wanted = task(part(&body, "TaskTemplate")?)?;
    if let Some(id) = id
        && !target.parameter("rollback").map_err(unclear)?.is_empty()
    {
        wanted.push(Wanted::Previous { service: id.to_owned() });
    }
    Ok(wanted)
}

/// The images of a service's task, from a request or from the engine's own answer.
pub(crate) fn task(template: Option<&Value>) -> Result<Vec<Wanted>, Refusal> {
    const PLAIN: &str = "only services of containers may run here, and this one has none; name an image";
    let Some(template) = template else { return refused(PLAIN) };
    if present(template, "PluginSpec") || present(template, "NetworkAttachmentSpec") {
        return refused("a service of plugins or network attachments is not a signed image; run containers");
    }
    let runtime = text(template, "Runtime")?;
    if !runtime.is_empty() && runtime != "container" {
        return refused(format!(
            "a service with the runtime {:?} is not a signed image; run containers",
            short(runtime)
        ));
    }
    let Some(spec) = part(template, "ContainerSpec")? else { return refused(PLAIN) };
    let mut wanted = Vec::new();
    for name in std::iter::once(text(spec, "Image")?.to_owned()).chain(mounted_images(Some(spec))?) {
        let reference =
            name.parse().map_err(|error| Refusal { image: Some(short(&name)), reason: format!("{error}") })?;
        wanted.push(Wanted::Task(reference));
    }
    Ok(wanted)
}

/// Sources of mounts of type `image` (API 1.48).
fn mounted_images(place: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let Some(mounts) = place.and_then(|place| json::lookup(place, "Mounts")) else { return Ok(Vec::new()) };
    let mounts = match mounts {
        Value::Array(mounts) => mounts.as_slice(),
        Value::Null => &[],
        _ => return refused("Mounts is not a list"),
    };
    let mut images = Vec::new();
    for mount in mounts {
        if text(mount, "Type")? == "image" {
            images.push(text(mount, "Source")?.to_owned());
        }
    }
    Ok(images)
}

/// The body, which must be there: these calls mean nothing without one, so an empty one was not shown.
fn body(question: &Question) -> Result<Value, Refusal> {
    let bytes = match question.body() {
        Some(bytes) if !bytes.is_empty() => bytes,
        _ => return refused(UNSEEN),
    };
    match json::strict_with_maps(&bytes, limits::DOCUMENT_DEPTH, &FREE_MAPS) {
        Ok(body @ Value::Object(_)) => Ok(body),
        Ok(_) => refused("the body of this request is not a JSON object"),
        Err(error) => refused(format!("the body of this request can be read in more than one way: {error}")),
    }
}

/// A text; absent and null are empty.
fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    match json::lookup(value, key) {
        None | Some(Value::Null) => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => refused(format!("{key} is not a text")),
    }
}

/// An object; absent and null are none.
fn part<'a>(value: &'a Value, key: &str) -> Result<Option<&'a Value>, Refusal> {
    match json::lookup(value, key) {
        None | Some(Value::Null) => Ok(None),
        Some(part @ Value::Object(_)) => Ok(Some(part)),
        Some(_) => refused(format!("{key} is not an object")),
    }
}

fn present(value: &Value, key: &str) -> bool {
    !matches!(json::lookup(value, key), None | Some(Value::Null))
}

/// A text from outside as an answer and a report may repeat it.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests;

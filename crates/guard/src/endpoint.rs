//! Which calls of the engine's API are harmless, which bring in or start an image, and which are refused.
//!
//! Docker Engine API 1.24 to 1.52. The list names what is allowed; whatever else changes something is refused.

/// What a call is, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Brings in no image and starts none that was not checked when its container was made.
    Harmless,
    /// `POST /images/create`: a pull or an import.
    Pull,
    /// `POST /images/{name}/tag`: a client that pulled a digest by content trust gives it its tag.
    Tag(String),
    /// `POST /containers/create`.
    CreateContainer,
    /// `POST /containers/{id}/start`: harmless, unless it starts something else than the container.
    StartContainer,
    /// `POST /services/create`.
    CreateService,
    /// `POST /services/{id}/update`.
    UpdateService(String),
    /// For administrators of the machine: who comes over its unix socket.
    Node,
    /// Never, with the reason.
    Refused(&'static str),
}

const UNSIGNED: &str =
    "an image that is made here is signed by nobody; build it in a pipeline and pull it from the registry";
const BUILD: &str =
    "this engine runs only signed images, and what is built here is signed by nobody; build in a pipeline";
const LOAD: &str = "images that are loaded from a file are signed by nobody; push them to the registry and pull them";
pub(crate) const TAG: &str =
    "another name for an image on this engine would hide where it came from; tag it in the registry";
const COMMIT: &str = "a commit of a container is an image signed by nobody; build it in a pipeline";
const PLUGIN: &str =
    "engine plugins run as root beside every container and are not signed images; ask the engine's operator";
const ARCHIVE: &str = "copying files into a container would run what nobody signed; build them into the image";
const UNKNOWN: &str =
    "this call of the engine's API is not known to the guard, so it is refused; a newer guard may know it";

/// What a method and the parts of a path ask for. Names may have slashes, so only first and last parts are looked at.
pub(crate) fn classify(method: &str, segments: &[String]) -> Endpoint {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    match method {
        // Looking changes nothing. The router takes methods as they are written.
        "GET" | "HEAD" => Endpoint::Harmless,
        "POST" => post(&parts),
        "PUT" => put(&parts),
        "DELETE" => delete(&parts),
        _ => Endpoint::Refused(UNKNOWN),
    }
}

fn post(parts: &[&str]) -> Endpoint {
    match parts {
        ["containers", "create"] => Endpoint::CreateContainer,
        ["containers", "prune"] => Endpoint::Harmless,
        ["containers", .., "start"] if parts.len() > 2 => Endpoint::StartContainer,
        ["containers", .., action] if parts.len() > 2 => container(action),
        ["exec", _, "start" | "resize"] => Endpoint::Harmless,

        ["images", "create"] => Endpoint::Pull,
        ["images", "load"] => Endpoint::Refused(LOAD),
        ["images", "prune"] => Endpoint::Harmless,
        ["images", .., "push"] if parts.len() > 2 => Endpoint::Harmless,
        ["images", name @ .., "tag"] if !name.is_empty() => Endpoint::Tag(name.join("/")),
        ["build", "prune"] => Endpoint::Harmless,
        ["build", ..] | ["session" | "grpc"] => Endpoint::Refused(BUILD),
        ["commit"] => Endpoint::Refused(COMMIT),

        ["services", "create"] => Endpoint::CreateService,
        ["services", id, "update"] => Endpoint::UpdateService((*id).to_owned()),
        ["secrets" | "configs", "create"] | ["secrets" | "configs", _, "update"] => Endpoint::Harmless,
        ["swarm", "init" | "join" | "leave" | "update" | "unlock"] | ["nodes", _, "update"] => Endpoint::Node,

        ["networks", "create" | "prune"] | ["networks", _, "connect" | "disconnect"] => Endpoint::Harmless,
        ["volumes", "create" | "prune"] => Endpoint::Harmless,
        ["auth"] => Endpoint::Harmless,
        ["plugins", ..] => Endpoint::Refused(PLUGIN),
        _ => Endpoint::Refused(UNKNOWN),
    }
}

fn container(action: &str) -> Endpoint {
    match action {
        "stop" | "kill" | "restart" | "pause" | "unpause" | "wait" | "attach" | "resize" | "exec" | "rename"
        | "update" => Endpoint::Harmless,
        _ => Endpoint::Refused(UNKNOWN),
    }
}

fn put(parts: &[&str]) -> Endpoint {
    match parts {
        ["volumes", _] => Endpoint::Harmless,
        ["containers", .., "archive"] => Endpoint::Refused(ARCHIVE),
        _ => Endpoint::Refused(UNKNOWN),
    }
}

fn delete(parts: &[&str]) -> Endpoint {
    match parts {
        ["containers" | "networks" | "volumes" | "services" | "secrets" | "configs", _] | ["images", _, ..] => {
            Endpoint::Harmless
        }
        ["containers", _, "checkpoints", _] => Endpoint::Harmless,
        ["nodes", _] => Endpoint::Node,
        ["plugins", ..] => Endpoint::Refused(PLUGIN),
        _ => Endpoint::Refused(UNKNOWN),
    }
}

/// Importing an archive as an image.
pub(crate) const IMPORT: &str = UNSIGNED;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Endpoint, classify};
    use crate::target::Target;

    fn of(method: &str, path: &str) -> Endpoint {
        classify(method, &Target::parse(path).unwrap().segments)
    }

    #[test]
    fn what_the_engine_knows() {
        let harmless = [
            "GET /_ping",
            "HEAD /_ping",
            "GET /containers/json",
            "GET /images/host:1/a/b:c/json",
            "GET /distribution/a/b/json",
            "POST /containers/x/stop",
            "POST /containers/x/exec",
            "POST /exec/x/start",
            "POST /images/host:1/a/b/push",
            "POST /networks/create",
            "POST /networks/x/connect",
            "POST /volumes/create",
            "POST /secrets/create",
            "POST /configs/x/update",
            "POST /auth",
            "POST /build/prune",
            "DELETE /containers/x",
            "DELETE /images/host:1/a/b:c",
            "DELETE /services/x",
            "PUT /volumes/x",
            "POST /containers/x/attach",
            "POST /containers/x/wait",
        ];
        for line in harmless {
            let (method, path) = line.split_once(' ').unwrap();
            assert_eq!(of(method, path), Endpoint::Harmless, "{line}");
        }
        let refused = [
            "POST /build",
            "POST /session",
            "POST /grpc",
            "POST /commit",
            "POST /images/load",
            "POST /plugins/pull",
            "POST /plugins/x/y/enable",
            "DELETE /plugins/x",
            "POST /containers/x/checkpoints",
            "PUT /containers/x/archive",
            "POST /",
            "POST /new",
            "PATCH /containers/x",
            "CONNECT /x",
            "post /containers/x/stop",
            "get /_ping",
            "POST /containers/start",
            "DELETE /containers",
            "POST /build/cancel",
            "POST /v1.41/v1.41/containers/create",
            "POST /images/push",
            "DELETE /images",
            "POST /services/x/y/update",
            "OPTIONS /x",
            "",
            "POST /containers/x/copy",
        ];
        for line in refused {
            let (method, path) = line.split_once(' ').unwrap_or(("", "/"));
            assert!(matches!(of(method, path), Endpoint::Refused(_)), "{line}: {:?}", of(method, path));
        }
        assert_eq!(of("POST", "/containers/create"), Endpoint::CreateContainer);
        assert_eq!(of("POST", "/containers/create/start"), Endpoint::StartContainer);
        assert_eq!(of("POST", "/images/create"), Endpoint::Pull);
        assert_eq!(of("POST", "/images/a/b:c/tag"), Endpoint::Tag("a/b:c".to_owned()));
        assert_eq!(of("POST", "/services/create"), Endpoint::CreateService);
        assert_eq!(of("POST", "/services/x/update"), Endpoint::UpdateService("x".to_owned()));
        assert_eq!(of("POST", "/swarm/init"), Endpoint::Node);
        assert_eq!(of("DELETE", "/nodes/x"), Endpoint::Node);
    }

    proptest! {
        #[test]
        fn an_unknown_call_is_refused(
            method in "(POST|PUT|DELETE|PATCH|[A-Z]{1,6})",
            parts in prop::collection::vec("[a-z]{1,8}", 0..5),
        ) {
            const KNOWN: [&str; 12] = [
                "containers", "exec", "images", "build", "services", "secrets", "configs", "swarm", "nodes", "networks",
                "volumes", "auth",
            ];
            prop_assume!(!parts.first().is_some_and(|first| KNOWN.contains(&first.as_str())));
            prop_assume!(method != "GET" && method != "HEAD");
            prop_assert!(matches!(classify(&method, &parts), Endpoint::Refused(_)));
        }
    }
}

//! Files that exist to keep credentials, by their names.

use base::limits;
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{Confidence, find::Found, judge};

type Reader = fn(&str) -> Option<(usize, usize)>;

/// What each file keeps on one line: its name, or the end of its path, then rule, description and the reader of a line.
const FILES: [(&str, &str, &str, Reader); 13] = [
    (".netrc", "netrc-password", "Password in a netrc file", netrc),
    ("_netrc", "netrc-password", "Password in a netrc file", netrc),
    (".pgpass", "pgpass-password", "Password of PostgreSQL", pgpass),
    (".npmrc", "npmrc-credential", "Credential of an npm registry", npmrc),
    (".pypirc", "pypirc-password", "Password of a Python index", pypirc),
    (".docker/config.json", "docker-auth", "Password of a container registry", docker_auth),
    (".dockercfg", "docker-auth", "Password of a container registry", docker_auth),
    (".kube/config", "kubeconfig-credential", "Client key or token of a Kubernetes cluster", kubeconfig),
    ("kubeconfig", "kubeconfig-credential", "Client key or token of a Kubernetes cluster", kubeconfig),
    ("etc/kubernetes/admin.conf", "kubeconfig-credential", "Client key or token of a Kubernetes cluster", kubeconfig),
    ("wp-config.php", "wordpress-secret", "Password or key of WordPress", wordpress),
    ("etc/shadow", "password-hash", "Hash of a user's password", shadow),
    (".htpasswd", "password-hash", "Hash of a user's password", shadow),
];

pub(crate) fn find(path: &str, bytes: &[u8]) -> Vec<Found> {
    let Some((_, rule, description, read)) = FILES.iter().find(|(name, ..)| is_file(path, name)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut start = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let place =
            (line.len() <= limits::SECRET_BYTES).then_some(line).and_then(|line| std::str::from_utf8(line).ok());
        if let Some(line) = place
            && let Some((from, to)) = read(line)
            && let value = line[from..to].trim()
            && value.len() >= 4
            && let hash = *rule == "password-hash"
            && (hash || !judge::is_reference(value))
        {
            let start = start + from;
            let placeholder = !hash && judge::is_placeholder(value);
            let confidence = if placeholder { Confidence::Low } else { Confidence::High };
            found.push(Found { rule, description, start, end: start + value.len(), confidence, hidden: hash });
        }
        start += line.len();
        if found.len() == limits::SECRETS_OF_FILE {
            break;
        }
    }
    found
}

fn is_file(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// From the end of `key` to the next space or quote.
fn after(line: &str, key: &str, ends: &[char]) -> Option<(usize, usize)> {
    let from = line.find(key)? + key.len();
    let rest = &line[from..];
    let from = from + rest.len() - rest.trim_start_matches([' ', '\t', '"', '\'', '=', ':']).len();
    let length =
        line[from..].find(|letter: char| letter.is_whitespace() || ends.contains(&letter)).unwrap_or(line.len() - from);
    (length > 0).then_some((from, from + length))
}

fn netrc(line: &str) -> Option<(usize, usize)> {
    after(line, "password ", &[])
}

/// `host:port:database:user:password`; a comment begins with `#`.
fn pgpass(line: &str) -> Option<(usize, usize)> {
    let fields = line.match_indices(':').nth(3)?;
    (!line.starts_with('#')).then(|| (fields.0 + 1, line.trim_end().len().max(fields.0 + 1)))
}

fn npmrc(line: &str) -> Option<(usize, usize)> {
    ["_authToken", "_password", "_auth"].iter().find_map(|key| after(line, key, &['"', '\'']))
}

fn pypirc(line: &str) -> Option<(usize, usize)> {
    line.trim_start().starts_with("password").then(|| after(line, "password", &[]))?
}

/// `"auth": "…"` is `user:password` in base64.
fn docker_auth(line: &str) -> Option<(usize, usize)> {
    let (from, to) = after(line, "\"auth\"", &['"'])?;
    let pair = STANDARD.decode(&line[from..to]).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    (colon > 0 && colon + 1 < pair.len()).then_some((from, to))
}

fn kubeconfig(line: &str) -> Option<(usize, usize)> {
    let line_start = line.trim_start().trim_start_matches("- ");
    let key = ["client-key-data:", "token:", "password:"].into_iter().find(|key| line_start.starts_with(key))?;
    after(line, key, &['"', '\''])
}

fn wordpress(line: &str) -> Option<(usize, usize)> {
    let named = ["DB_PASSWORD", "AUTH_KEY", "AUTH_SALT", "LOGGED_IN_KEY", "NONCE_KEY", "LOGGED_IN_SALT", "NONCE_SALT"];
    let key =
        named.into_iter().find(|key| line.contains(&format!("'{key}'")) || line.contains(&format!("\"{key}\"")))?;
    let at = line.find(key)? + key.len() + 1;
    let quote = line[at..].find(['\'', '"'])? + at;
    let sign = line[quote..].chars().next()?;
    let length = line[quote + 1..].find(sign)?;
    let from = quote + 1;
    (!line[from..from + length].contains("put your unique phrase")).then_some((from, from + length))
}

/// `user:$id$salt$hash:…` (crypt(5)); `*`, `!` and nothing mean no password.
fn shadow(line: &str) -> Option<(usize, usize)> {
    let from = line.find(':')? + 1;
    let length = line[from..].find([':', '\n']).unwrap_or(line.len() - from);
    let hash = &line[from..from + length];
    (hash.starts_with('$') && hash.len() > 12).then_some((from, from + length))
}

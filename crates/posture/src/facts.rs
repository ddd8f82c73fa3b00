//! All facts of an image: its configuration's, its history's, its files'.

use crate::{
    Config, File,
    fact::{Fact, Gathered},
    files,
    history::instruction,
};

/// Names, or parts of them between `_`, whose values are secrets.
const SECRET_NAMES: [&str; 14] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
    "PASSPHRASE",
    "PRIVATEKEY",
    "ACCESSKEY",
    "SECRETKEY",
    "PWD_ROOT",
    "PAT",
    "AUTHKEY",
];
/// Two words of a name that only together are one.
const SECRET_PAIRS: [[&str; 2]; 4] = [["API", "KEY"], ["ACCESS", "KEY"], ["PRIVATE", "KEY"], ["AUTH", "KEY"]];
/// What such a name ends with when it holds something about a secret instead.
const NOT_ITSELF: [&str; 12] =
    ["FILE", "PATH", "URL", "NAME", "ID", "TTL", "DIR", "VERSION", "POLICY", "LENGTH", "TYPE", "HASH"];

/// The facts of one image, its files those that can be seen when all layers are merged. In a fixed order.
pub fn facts<'a>(config: &Config, files: impl IntoIterator<Item = File<'a>>) -> Vec<Fact> {
    let mut facts = Vec::new();
    facts.extend(user(config));
    facts.extend(healthcheck(config));
    facts.extend(environment(config));
    facts.extend(history(config));
    facts.extend(ports(config));
    facts.extend(files::facts(files));
    facts
}

/// CIS 4.1. A user is a name or number, perhaps with a group.
fn user(config: &Config) -> Option<Fact> {
    let user = config.user.split(':').next().unwrap_or_default().trim();
    let root = user.is_empty() || user == "root" || user.bytes().all(|byte| byte == b'0');
    root.then(|| Fact::new("runs-as-root", "The image runs as root unless it is told otherwise when it starts."))
}

/// CIS 4.6.
fn healthcheck(config: &Config) -> Option<Fact> {
    let none = config.healthcheck.iter().all(|word| word.is_empty() || word == "NONE");
    none.then(|| {
        Fact::new("no-healthcheck", "The image has no HEALTHCHECK: a hung program is taken for a healthy one.")
    })
}

/// CIS 4.10, in the environment: names alone, never values.
fn environment(config: &Config) -> Option<Fact> {
    let mut found =
        Gathered::new("secret-in-environment", "Everybody who can pull the image reads secrets in its environment.");
    for (name, value) in config.env.iter().filter_map(|pair| pair.split_once('=')) {
        if !value.trim().is_empty() && names_a_secret(name) {
            found.see(name);
        }
    }
    found.fact()
}

/// CIS 4.7, 4.9 and 4.10, in the steps of the build.
fn history(config: &Config) -> Vec<Fact> {
    let mut secrets =
        Gathered::new("secret-in-history", "Everybody who can pull the image reads secrets in how it was built.");
    let mut downloads = Gathered::new("add-from-url", "ADD fetched a URL: what came was not verified.");
    let mut updates =
        Gathered::new("update-alone", "A step updates package lists and installs nothing: later builds use old lists.");
    let mut pipes = Gathered::new("download-into-shell", "A download was run by a shell as it came.");
    let mut chmods = Gathered::new("chmod-777", "A step gave everybody every right to files.");
    for step in &config.history {
        arguments(&step.created_by, &mut secrets);
        let line = instruction(&step.created_by);
        if line.starts_with("ADD ") && (line.contains(" http://") || line.contains(" https://")) {
            downloads.see(&without_values(&line));
        }
        let Some(command) = line.strip_prefix("RUN ") else { continue };
        let updates_lists =
            ["apt-get update", "apt update", "apk update", "yum makecache"].iter().any(|text| command.contains(text));
        if updates_lists && !["install", "upgrade", "apk add"].iter().any(|text| command.contains(text)) {
            updates.see("apt-get update, apk update or yum makecache in a step of its own");
        }
        if is_piped_download(command) {
            pipes.see(&without_values(command));
        }
        if command.contains("chmod 777") || command.contains("chmod -R 777") || command.contains("chmod a+rwx") {
            chmods.see("chmod 777");
        }
    }
    [secrets, downloads, updates, pipes, chmods].into_iter().filter_map(Gathered::fact).collect()
}

/// `ARG TOKEN=…`, `ENV TOKEN=…` and the `|1 TOKEN=… /bin/sh -c` of a step.
fn arguments(created_by: &str, secrets: &mut Gathered) {
    let line = instruction(created_by);
    let declared = line.strip_prefix("ARG ").or_else(|| line.strip_prefix("ENV "));
    let text = match (declared, created_by.trim_start_matches("RUN ").strip_prefix('|')) {
        (Some(declared), _) => declared,
        (None, Some(arguments)) => arguments.split("/bin/").next().unwrap_or(arguments),
        (None, None) => return,
    };
    for (name, value) in text.split_whitespace().filter_map(|word| word.split_once('=')) {
        let value = value.trim_matches(['"', '\'']);
        if !value.is_empty() && !value.starts_with('$') && names_a_secret(name) {
            secrets.see(name);
        }
    }
    // The old form, `ENV NAME value`.
    if let Some((name, value)) = line.strip_prefix("ENV ").and_then(|rest| rest.split_once(' '))
        && !name.contains('=')
        && !value.trim().is_empty()
        && names_a_secret(name)
    {
        secrets.see(name);
    }
}

fn names_a_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let words: Vec<&str> = upper.split(['_', '-', '.']).collect();
    // A key that is known to be public, such as GPG_KEY, is asked for by neither list.
    let last = words.last().copied().unwrap_or_default();
    let named = words.iter().any(|word| SECRET_NAMES.contains(word))
        || words.windows(2).any(|pair| SECRET_PAIRS.iter().any(|secret| pair == secret));
    named && !NOT_ITSELF.contains(&last)
}

fn is_piped_download(command: &str) -> bool {
    let downloads = |text: &str| text.contains("curl ") || text.contains("wget ");
    let shell = |text: &str| {
        let program = text.trim_start().trim_start_matches("sudo ").split_whitespace().next().unwrap_or_default();
        ["sh", "bash", "ash", "/bin/sh", "/bin/bash", "python", "python3", "perl"].contains(&program)
    };
    command
        .split("&&")
        .flat_map(|part| part.split(';'))
        .any(|part| part.split_once('|').is_some_and(|(left, right)| downloads(left) && right.split('|').any(shell)))
}

/// The address without credentials and queries, which hold tokens.
fn without_values(command: &str) -> String {
    let word = command.split_whitespace().find(|word| word.contains("://")).unwrap_or_default();
    let word = word.trim_matches(['"', '\'']).split(['?', '#', '|']).next().unwrap_or_default();
    match word.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit_once('@').map_or(rest, |(_, host)| host)),
        None => "a download".to_owned(),
    }
}

/// CIS 5.8 speaks of running containers; an image says which ports it would have opened.
fn ports(config: &Config) -> Option<Fact> {
    let mut found =
        Gathered::new("privileged-ports", "The image exposes ports below 1024, for which a program once needed root.");
    for port in &config.exposed_ports {
        let number = port.split('/').next().and_then(|number| number.parse::<u16>().ok());
        if number.is_some_and(|number| number < 1_024) {
            found.see(port);
        }
    }
    found.fact()
}

//! A step of the history as the line of the Dockerfile that it was.

/// Makes `created_by` the instruction it came from:
///
/// ```text
///   /bin/sh -c #(nop)  CMD ["bash"]                      CMD ["bash"]                 the builder before BuildKit
///   /bin/sh -c #(nop) COPY file:0a1b… in /x              COPY file:0a1b… in /x
///   /bin/sh -c apt-get update                            RUN apt-get update
///   |1 VERSION=3 /bin/sh -c make                         RUN make
///   RUN |1 VERSION=3 /bin/sh -c make # buildkit          RUN make                     BuildKit
///   COPY app /srv # buildkit                             COPY app /srv
/// ```
///
/// Values of build arguments are left out: they hold secrets more often than they help.
pub fn instruction(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").map_or(text, str::trim_end);
    if text.is_empty() {
        return String::new();
    }
    if let Some((_, instruction)) = text.split_once("#(nop)")
        && text.find("#(nop)").is_some_and(|at| without_shell(without_arguments(&text[..at]).trim()).trim().is_empty())
    {
        return instruction.trim().to_owned();
    }
    let (run, command) = match text.strip_prefix("RUN ") {
        Some(command) => (true, command.trim_start()),
        None => (false, text),
    };
    let bare = without_arguments(command).trim_start();
    let inner = without_shell(bare);
    if run || inner.len() != command.len() {
        return format!("RUN {}", inner.trim());
    }
    text.to_owned()
}

/// `|2 A=1 B=2 command`: the number of arguments, each a word, and the command.
fn without_arguments(text: &str) -> &str {
    let Some(rest) = text.strip_prefix('|') else { return text };
    let Some((count, rest)) = rest.split_once(' ') else { return text };
    let Ok(count) = count.parse::<usize>() else { return text };
    // A value may hold spaces, so the shell that begins the command is a surer sign than the number.
    if let Some(at) = SHELLS.iter().filter_map(|shell| rest.find(shell)).min() {
        return &rest[at..];
    }
    let mut rest = rest;
    for _ in 0..count.min(1_000) {
        match rest.split_once(' ') {
            Some((_, after)) => rest = after,
            None => return "",
        }
    }
    rest
}

const SHELLS: [&str; 8] = [
    "/bin/sh -c",
    "/bin/bash -c",
    "/bin/bash -o pipefail -c",
    "/bin/sh -e -c",
    "/bin/ash -o pipefail -c",
    "/bin/ash -eo pipefail -c",
    "/bin/bash -eo pipefail -c",
    "cmd /S /C",
];

fn without_shell(text: &str) -> &str {
    SHELLS.iter().find_map(|shell| text.strip_prefix(shell)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::instruction;

    #[test]
    fn instructions_of_all_builders() {
        for (created_by, expected) in [
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            ("/bin/sh -c #(nop) ADD file:0a1b in / ", "ADD file:0a1b in /"),
            ("/bin/sh -c apt-get update && echo '#(nop)'", "RUN apt-get update && echo '#(nop)'"),
            ("|1 VERSION=3 /bin/sh -c make", "RUN make"),
            ("|1 NOTE=two words /bin/sh -c make", "RUN make"),
            ("|1 A=1 /bin/sh -c #(nop) ENV B=2", "ENV B=2"),
            ("|2 A=1 B=2 /usr/bin/tool x", "RUN /usr/bin/tool x"),
            ("RUN |1 VERSION=3 /bin/sh -c make all # buildkit", "RUN make all"),
            ("RUN /bin/sh -c make # buildkit", "RUN make"),
            ("RUN /bin/bash -o pipefail -c a | b # buildkit", "RUN a | b"),
            ("COPY app /srv # buildkit", "COPY app /srv"),
            ("CMD [\"python3\"]", "CMD [\"python3\"]"),
            ("", ""),
            ("|", "|"),
            ("|9 A=1", "RUN"),
            ("bazel build ...", "bazel build ..."),
        ] {
            assert_eq!(instruction(created_by).trim(), expected, "{created_by}");
        }
    }
}

//! The shell script of one step.

/// How the container's first process finds the best shell it has and hands it the script, whose path is `$0`. bash where
/// there is one, as the stock runner does: scripts rely on it.
const FIND_SHELL: &str = "for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash; do \
                          if [ -x \"$shell\" ]; then exec \"$shell\" \"$0\"; fi; done; exec sh \"$0\"";

/// The command of the container.
pub(crate) fn command(path: &str) -> [String; 4] {
    ["sh".to_owned(), "-c".to_owned(), FIND_SHELL.to_owned(), path.to_owned()]
}

/// POSIX shell that shows each command in green before it runs it, and stops at the first that fails.
///
/// The commands stand one after the other in one shell, so that what one sets the next one sees, and `a && b` in the middle
/// of a script means to `set -e` what it means everywhere.
pub(crate) fn script(directory: &str, lines: &[String], exports: &[(&str, &str)]) -> String {
    let mut out = String::from("if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi\nset -e\numask 0000\n");
    for (name, value) in exports {
        out += &format!("export {name}={}\n", quote(value));
    }
    out += &format!("cd {}\n", quote(directory));
    for line in lines {
        let line = line.replace('\0', "");
        out += &format!("printf '%s\\n' {}\n{line}\n", quote(&shown(&line)));
    }
    out
}

/// A command as the log shows it.
fn shown(line: &str) -> String {
    let trimmed = line.trim();
    match trimmed.split_once('\n') {
        None => format!("\x1b[32;1m$ {trimmed}\x1b[0;m"),
        Some((first, _)) => format!("\x1b[32;1m$ {} # collapsed multi-line command\x1b[0;m", first.trim_end()),
    }
}

/// In single quotes, where no character but the quote itself means anything.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{io::Write, process::Command};

    use proptest::prelude::*;

    use super::{quote, script};
    use crate::payload::Payload;

    /// A job with these variables, for tests of other modules too.
    pub(crate) fn payload(variables: &str) -> Payload {
        let text = format!(
            r#"{{"id":1,"token":"t","job_info":{{"project_full_path":"g/p"}},
                "git_info":{{"repo_url":"http://h/g/p.git","sha":"a"}},"variables":{variables}}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn run(lines: &[&str]) -> (String, i32) {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(script("/tmp", &lines, &[("CI_JOB_STATUS", "suc'cess")]).as_bytes()).unwrap();
        let output = Command::new("sh").arg(file.path()).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
    }

    #[test]
    fn shows_and_runs_each_command_in_one_shell() {
        let (log, code) = run(&["export A=1", "echo \"$A $PWD $CI_JOB_STATUS\"", "echo it\\'s; umask"]);
        assert_eq!(
            log,
            "\x1b[32;1m$ export A=1\x1b[0;m\n\x1b[32;1m$ echo \"$A $PWD $CI_JOB_STATUS\"\x1b[0;m\n1 /tmp suc'cess\n\
             \x1b[32;1m$ echo it\\'s; umask\x1b[0;m\nit's\n0000\n"
        );
        assert_eq!(code, 0);
    }

    #[test]
    fn stops_at_the_first_failure_with_its_code() {
        let (log, code) = run(&["(exit 7)", "echo never"]);
        assert!(!log.contains("never\n"));
        assert_eq!(code, 7);
        assert_eq!(run(&["false && true", "echo on"]).1, 0);
        assert_eq!(run(&["false"]).1, 1);
    }

    #[test]
    fn folds_commands_of_several_lines() {
        let (log, code) = run(&["if true; then\n  echo inside\nfi"]);
        assert_eq!(log, "\x1b[32;1m$ if true; then # collapsed multi-line command\x1b[0;m\ninside\n");
        assert_eq!(code, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn quoting_gives_the_text_back(text in "[ -~\n]{0,40}") {
            let output = Command::new("sh").arg("-c").arg(format!("printf '%s' {}", quote(&text))).output().unwrap();
            prop_assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
        }
    }
}

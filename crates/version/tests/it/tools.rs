//! The orders against the worlds' own tools, on made-up versions, where the tools are.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::{
    io::{self, Write},
    process::{Command, Stdio},
    thread,
};

use version::{Scheme, compare};

struct Tool {
    scheme: Scheme,
    /// A program and its arguments: pairs come in as lines with a tab, and -1, 0, 1 or `x` (no version) go out as words.
    command: &'static [&'static str],
    separators: &'static [&'static str],
    words: &'static [&'static str],
}

const TOOLS: [Tool; 5] = [
    Tool {
        scheme: Scheme::Debian,
        command: &[
            "perl",
            "-MDpkg::Version",
            "-ne",
            r#"chomp; my ($a, $b) = map { Dpkg::Version->new($_) } split /\t/;
               print(($a->is_valid && $b->is_valid) ? ($a <=> $b) : "x", "\n")"#,
        ],
        separators: &[".", "-", "", "+", ":", "~"],
        words: &["a", "b", "rc", "dfsg", "deb", "ubuntu"],
    },
    // Whole versions only: without a release on one side, rpm compares none.
    Tool {
        scheme: Scheme::Rpm,
        command: &[
            "rpm",
            "--eval",
            r#"%{lua: for line in io.lines() do
                local a, b = line:match("^(.-)\t(.*)$"); print(rpm.vercmp(a, b) .. " ") end}"#,
        ],
        separators: &[".", "", "_", "~", "^", "+"],
        words: &["a", "rc", "el", "git", "alpha"],
    },
    Tool {
        scheme: Scheme::Gem,
        command: &[
            "ruby",
            "-ne",
            r#"a, b = $_.chomp.split("\t"); 
               begin; puts Gem::Version.new(a) <=> Gem::Version.new(b); rescue ArgumentError; puts "x"; end"#,
        ],
        separators: &[".", ".", "-", ""],
        words: &["a", "b", "rc", "pre", "beta", "RC"],
    },
    Tool {
        scheme: Scheme::Composer,
        command: &[
            "php",
            "-r",
            r#"while ($l = fgets(STDIN)) { [$a, $b] = explode("\t", trim($l)); echo version_compare($a, $b), "\n"; }"#,
        ],
        separators: &[".", "-", "_", "+", ""],
        words: &["dev", "alpha", "beta", "RC", "rc", "pl", "p", "a", "b", "patch", "main"],
    },
    Tool {
        scheme: Scheme::Pypi,
        command: &[
            "python3",
            "-c",
            r#"
import sys
from packaging.version import InvalidVersion, Version
for line in sys.stdin:
    try:
        a, b = map(Version, line.split())
        print((a > b) - (a < b))
    except InvalidVersion:
        print("x")
"#,
        ],
        separators: &[".", "-", "_", "", "+"],
        words: &["a", "b", "rc", "dev", "post", "alpha", "c", "rev", "r"],
    },
];

const NUMBERS: [&str; 10] = ["0", "1", "2", "3", "10", "01", "00", "12", "100", "2020"];
const PAIRS: usize = 3_000;

#[test]
fn the_worlds_own_tools_agree() {
    for tool in &TOOLS {
        let pairs = pairs(tool);
        let Some(answers) = ask(tool.command, &pairs) else {
            // Not println: the test harness would swallow it.
            let _ = writeln!(io::stderr(), "SKIPPED: {} cannot be asked about {}", tool.command[0], tool.scheme);
            continue;
        };
        assert_eq!(answers.len(), pairs.len(), "{}: answers", tool.scheme);
        let mut compared = 0;
        for ((left, right), answer) in pairs.iter().zip(&answers).filter(|(_, answer)| *answer != "x") {
            let theirs = answer.parse::<i32>().unwrap().cmp(&0);
            assert_eq!(compare(tool.scheme, left, right), theirs, "{}: {left} and {right}", tool.scheme);
            compared += 1;
        }
        println!("{}: {compared} of {PAIRS} pairs as {} has them", tool.scheme, tool.command[0]);
        assert!(compared > PAIRS / 20, "{}: only {compared} pairs were versions", tool.scheme);
    }
}

/// None when the tool, or what it needs, is absent.
fn ask(command: &[&str], pairs: &[(String, String)]) -> Option<Vec<String>> {
    let mut tool = Command::new(command[0]);
    tool.args(&command[1..]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = tool.spawn().ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let text: String = pairs.iter().map(|(left, right)| format!("{left}\t{right}\n")).collect();
    // Written beside: a tool that answers before it has read all would wait for us otherwise.
    let writer = thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let written = writer.join().unwrap();
    (output.status.success() && written.is_ok())
        .then(|| String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect())
}

/// The same ones in every run.
fn pairs(tool: &Tool) -> Vec<(String, String)> {
    let mut state = 7_u32;
    let mut pick = |list: &[&'static str]| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        list[(state >> 8) as usize % list.len()]
    };
    let mut version = || {
        let mut text = pick(&["0", "1", "1", "2"]).to_owned();
        for _ in 0..pick(&["", "1", "22", "333", "4444"]).len() {
            text += pick(tool.separators);
            let word = pick(&["number", "word"]) == "word";
            text += pick(if word { tool.words } else { &NUMBERS });
        }
        text
    };
    (0..PAIRS).map(|_| (version(), version())).collect()
}

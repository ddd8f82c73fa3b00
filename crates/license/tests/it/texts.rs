//! The texts of the SPDX list are told apart, however they are set; notices and tags are read; any bytes are survived.

use license::{Evidence, classify, learn};

use crate::corpus;

#[test]
fn what_is_committed_is_what_the_tool_learns() {
    let learnt = learn(corpus::texts());
    assert!(learnt == include_bytes!("../../data/texts.bin"), "run: cargo run -p license --example learn");
    assert!(learnt.len() < 300_000, "{} bytes are part of every binary", learnt.len());
}

fn first(text: &str) -> Option<String> {
    let matches = classify(text.as_bytes());
    matches.into_iter().find(|found| found.evidence == Evidence::Text).map(|found| found.id)
}

/// Xnet is MIT with one sentence about the courts of California, which is taken for somebody's own.
const ALIKE: [[&str; 2]; 1] = [["Xnet", "MIT"]];

#[test]
fn every_text_is_itself() {
    let mut wrong = Vec::new();
    for (id, text) in corpus::texts() {
        let starred: String = text.lines().map(|line| format!(" * {}\n", line.to_uppercase())).collect();
        let wrapped = text
            .split_whitespace()
            .collect::<Vec<_>>()
            .chunks(9)
            .map(|line| line.join(" "))
            .collect::<Vec<_>>()
            .join("\n// ");
        for (how, text) in [("as it is", text.to_owned()), ("in a comment", starred), ("set anew", wrapped)] {
            let found = first(&text).unwrap_or_default();
            let same_words =
                corpus::texts().iter().any(|(other, words)| *other == found && same(words, corpus_text(id)));
            if found != id
                && !same_words
                && !ALIKE.iter().any(|pair| pair.contains(&id) && pair.contains(&found.as_str()))
            {
                wrong.push(format!("{id} {how}: {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn corpus_text(id: &str) -> &'static str {
    corpus::texts().iter().find(|(other, _)| *other == id).unwrap().1
}

fn same(left: &str, right: &str) -> bool {
    learn([("a", left), ("b", right)]).len() == learn([("a", left)]).len()
}

#[test]
fn several_licences_in_one_file() {
    let texts = ["Apache-2.0", "MIT", "BSD-3-Clause", "Zlib"].map(|id| format!("=== {id} ===\n{}\n", corpus_text(id)));
    let found: Vec<String> = classify(texts.concat().as_bytes()).into_iter().map(|found| found.id).collect();
    assert_eq!(found, ["Apache-2.0", "MIT", "BSD-3-Clause", "Zlib"]);
}

#[test]
fn filled_in_and_changed_texts() {
    let bsd = corpus_text("BSD-3-Clause").replace("the copyright holder", "Example Networks, Inc.");
    assert_eq!(first(&bsd).as_deref(), Some("BSD-3-Clause"));
    let half: String = corpus_text("MIT").split_inclusive(' ').take(70).collect();
    assert_eq!(first(&half), None);
    assert_eq!(first("The quick brown fox jumps over the lazy dog. ".repeat(50).as_str()), None);
}

fn found(text: &str) -> Vec<(String, Evidence)> {
    classify(text.as_bytes()).into_iter().map(|found| (found.id, found.evidence)).collect()
}

#[test]
fn notices() {
    let one = |id: &str| vec![(id.to_owned(), Evidence::Notice)];
    assert_eq!(
        found(
            "This program is free software; you can redistribute it and/or modify\n# it under the terms of the GNU General \
             Public License as published by\n# the Free Software Foundation; either version 2 of the License, or\n\
             # (at your option) any later version."
        ),
        one("GPL-2.0-or-later")
    );
    assert_eq!(
        found("You may use it under the terms of version 2.1 of the GNU Lesser General Public License."),
        one("LGPL-2.1-only")
    );
    assert_eq!(found("Licensed under the Apache License, Version 2.0 (the \"License\")"), one("Apache-2.0"));
    assert_eq!(
        found("This Source Code Form is subject to the terms of the Mozilla Public License, v. 2.0."),
        one("MPL-2.0")
    );
    assert_eq!(found("Released under the MIT license."), one("MIT"));
    assert_eq!(found("It comes under an MIT-style license."), []);
    assert_eq!(found("The GNU General Public License version 3 is a well known text."), []);
    let text = format!(
        "You may redistribute it under the terms of the GNU General Public License, version 3 or any later version.\n\n{}",
        corpus_text("GPL-3.0-only")
    );
    assert_eq!(found(&text), [("GPL-3.0-or-later".to_owned(), Evidence::Text)]);
}

#[test]
fn tags() {
    let tag = |id: &str| vec![(id.to_owned(), Evidence::Tag)];
    assert_eq!(found("/* SPDX-License-Identifier: GPL-2.0+ OR MIT */\nint x;"), tag("GPL-2.0-or-later OR MIT"));
    assert_eq!(found("# SPDX-License-Identifier: ISC\r\n"), tag("ISC"));
    assert_eq!(found("SPDX-License-Identifier:"), []);
}

#[test]
fn a_thousand_mutated_files_are_read() {
    let source =
        [corpus_text("ISC"), corpus_text("MIT"), "SPDX-License-Identifier: MIT\nunder the terms of the license"]
            .concat();
    let mut state = 3u32;
    for round in 0..1_000 {
        let mut bytes = source.as_bytes().to_vec();
        for _ in 0..8 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = (state >> 8) as usize % bytes.len();
            bytes[at] = (state >> 24) as u8;
        }
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes.truncate(bytes.len() - (state >> 8) as usize % (1 + round % 500));
        for found in classify(&bytes) {
            assert!(found.offset < bytes.len() && found.score_percent <= 100);
        }
    }
    assert_eq!(classify(b""), []);
    assert_eq!(classify(b"-\n-\n--a-\n"), []);
    assert_eq!(classify(b"SPDX-License-Identifier"), []);
}

//! Programs that the real Go toolchain makes, when it is there, for each kind of executable.

use std::{
    fs,
    io::{self, Write},
    process::Command,
};

use package::{Document, PackageType, go, in_executable};

#[test]
fn the_compiler_of_every_kind_of_program_is_found() {
    let Ok(version) = Command::new("go").args(["env", "GOVERSION"]).output() else {
        writeln!(io::stderr(), "SKIPPED: no go on this machine, so no real Go program was read").unwrap();
        return;
    };
    let version = String::from_utf8(version.stdout).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("go.mod"), "module example.org/app\n\ngo 1.18\n").unwrap();
    // No import: nothing but the runtime is compiled.
    fs::write(folder.path().join("main.go"), "package main\n\nfunc main() { println(1) }\n").unwrap();
    for (system, flags) in [("linux", "-s -w"), ("windows", "-s -w"), ("darwin", "")] {
        let program = folder.path().join(system);
        let made = Command::new("go")
            .current_dir(folder.path())
            .env("GOOS", system)
            .env("GOARCH", "amd64")
            .env("GOFLAGS", "-mod=mod -buildvcs=false")
            .args(["build", "-ldflags", flags, "-o"])
            .arg(&program)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let bytes = fs::read(&program).unwrap();
        let found = in_executable(&bytes).unwrap();
        let [Document::Packages { kind: PackageType::Golang, packages }] = found.as_slice() else {
            panic!("{system}: {found:?}")
        };
        assert_eq!(packages.len(), 1, "{system}: {packages:?}");
        assert_eq!(
            ("stdlib", version.trim()),
            (packages[0].name.as_str(), format!("go{}", packages[0].version).as_str())
        );

        // The same from the stream's point of view: whoever finds the magic hands over what follows.
        let places = (0..bytes.len()).step_by(16).filter(|at| bytes[*at..].starts_with(go::MAGIC));
        let infos: Vec<go::BuildInfo> = places.filter_map(|at| go::BuildInfo::parse(&bytes[at..]).unwrap()).collect();
        assert_eq!(infos.len(), 1, "{system}");
        assert_eq!(infos[0].path, "example.org/app");
        assert_eq!(infos[0].settings["GOOS"], system);
    }
}

//! Where the files of a language lie: what was installed, and not what a package brings along to test itself.

/// Folders of packages and of tests: a lock file in one of these is no statement about the image.
const NO_APPLICATION: [&str; 18] = [
    ".cache",
    ".git",
    ".npm",
    "__tests__",
    "bower_components",
    "dist-packages",
    "doc",
    "docs",
    "example",
    "examples",
    "fixtures",
    "gems",
    "node_modules",
    "site-packages",
    "spec",
    "test",
    "testdata",
    "tests",
];
/// Folders of tests inside a package.
const TESTS: [&str; 9] =
    ["__fixtures__", "__tests__", "example", "examples", "fixture", "fixtures", "spec", "test", "tests"];

/// True when a lock file in this folder belongs to an application.
pub(super) fn may_hold_lock(directory: &str) -> bool {
    !directory.split('/').any(|part| NO_APPLICATION.contains(&part))
}

/// True when `directory` is `…/node_modules/NAME` or `…/node_modules/@SCOPE/NAME`, and no folder of tests stands between the
/// outermost `node_modules` and it.
pub(super) fn is_npm_package(directory: &str) -> bool {
    let parts: Vec<&str> = directory.split('/').collect();
    let Some(outermost) = parts.iter().position(|part| *part == "node_modules") else { return false };
    let rest = match parts.as_slice() {
        [rest @ .., "node_modules", scope, _] if scope.starts_with('@') => rest,
        [rest @ .., "node_modules", name] if !name.starts_with(['@', '.']) => rest,
        _ => return false,
    };
    // A package may be called "test" itself: its name stands right behind `node_modules`.
    let inner = rest.get(outermost..).unwrap_or_default();
    !inner.iter().enumerate().any(|(at, part)| {
        let is_name = at > 0 && (inner[at - 1] == "node_modules" || inner[at - 1].starts_with('@'));
        TESTS.contains(part) && !is_name
    })
}

/// True for a folder of installed gems' specifications (Gem::Specification.dirs).
pub(super) fn is_specifications(directory: &str) -> bool {
    directory == "specifications"
        || directory.ends_with("/specifications")
        || directory.ends_with("/specifications/default")
}

/// True for GHC's package databases: `package.conf.d` of a compiler, `package.db` of Cabal and Stack.
pub(super) fn is_haskell_database(directory: &str) -> bool {
    let last = directory.rsplit('/').next().unwrap_or_default();
    last == "package.conf.d" || last == "package.db"
}

/// True for `lib/NAME/ebin` and `lib/NAME-VERSION/ebin` with `NAME.app`: OTP design principles, "Directory structure for a released
/// system".
pub(super) fn is_erlang_application(directory: &str, name: &str) -> bool {
    let mut parts = directory.rsplit('/');
    let application = name.strip_suffix(".app").unwrap_or(name);
    let (ebin, folder, lib) = (parts.next(), parts.next().unwrap_or_default(), parts.next());
    let version = folder.strip_prefix(application);
    ebin == Some("ebin") && lib == Some("lib") && version.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installed_package_stands_right_below_node_modules() {
        for directory in [
            "app/node_modules/lodash",
            "app/node_modules/@angular/core",
            "app/node_modules/a/node_modules/b",
            "app/node_modules/test",
            "app/node_modules/test/node_modules/b",
            "app/node_modules/.pnpm/a@1.0.0/node_modules/a",
            "test/node_modules/a",
            "usr/lib/node_modules/npm/node_modules/@npmcli/fs",
        ] {
            assert!(is_npm_package(directory), "{directory}");
        }
        for directory in [
            "app",
            "app/node_modules",
            "app/node_modules/@angular",
            "app/node_modules/.cache",
            "app/node_modules/a/lib",
            "app/node_modules/resolve/test/resolver/malformed",
            "app/node_modules/resolve/test/node_modules/b",
            "app/node_modules/@a/b/c",
        ] {
            assert!(!is_npm_package(directory), "{directory}");
        }
    }

    #[test]
    fn lock_files_of_packages_say_nothing_about_the_image() {
        assert!(may_hold_lock("app"));
        assert!(may_hold_lock(""));
        assert!(!may_hold_lock("app/node_modules/a"));
        assert!(!may_hold_lock("var/lib/gems/3.1.0/gems/rails-7.0.8"));
        assert!(!may_hold_lock("usr/share/doc/x"));
    }

    #[test]
    fn applications_of_erlang_are_called_as_their_folder() {
        assert!(is_erlang_application("app/lib/phoenix-1.7.0/ebin", "phoenix.app"));
        assert!(is_erlang_application("usr/lib/elixir/lib/elixir/ebin", "elixir.app"));
        assert!(!is_erlang_application("app/lib/phoenix-1.7.0/ebin", "plug.app"));
        assert!(!is_erlang_application("Applications/ebin", "Mail.app"));
    }
}

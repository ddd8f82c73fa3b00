//! Ascending lists of our own, one line each: what stands between `=` signs is the same version.

use version::{Scheme, compare};

const LISTS: [(Scheme, &str); 17] = [
    (
        Scheme::Alpine,
        "1.2_alpha < 1.2_alpha2 < 1.2_beta1 < 1.2_pre1 < 1.2_rc1 < 1.2 < 1.2-r1 < 1.2-r10 < 1.2_git20200101 < 1.2_p1 \
         < 1.2a < 1.2.01 < 1.2.1 < 1.10 = 01.10",
    ),
    (
        Scheme::Composer,
        "dev-main < 1.0-dev < 1.0-alpha1 = 1.0a1 < 1.0-beta2 = v1.0-beta2 = 1.0.b.2 < 1.0RC1 < 1.0 < 1.0.0 < 1.0.1 < 1.0.10 \
         < 1.0.10.1 < 1.0pl1 = 1.0-p1 = 1.0-patch1 < 1.2 < 10",
    ),
    (Scheme::Cran, "text < 0.9 < 0.75 = 0-75 < 1.0 < 1.0-0 = 1.0.0 < 1.0.1 < 1.0-2 < 1.00.10 = 1.0-10 < 1.1"),
    (
        Scheme::Debian,
        "0.9~rc1-1 < 0.9-1 < 1.0.1f-1 < 1.0.1g-1 < 1.0.1g-1+b1 < 1.0.2~beta1 < 1.0.2-1~deb12u1 < 1.0.2-1 = 0:1.0.2-1 \
         < 1.0.2-1ubuntu1 < 1.0.2-1ubuntu1.10 < 1.0.2-1+deb12u1 < 1.0.10-1 < 1.0.10+dfsg-1 < 1:0.1-1 < 2:0-1",
    ),
    (
        Scheme::Gem,
        "1.a.0.b < 1.a.0.0.b < 1.a < 1.a.0.1 < 1.a.1 < 1.0.0.beta.2 < 1.0.0.beta.10 < 1.0.0-1 = 1.0.0.pre.1 < 1.0.0.rc1 = 1.rc.1 \
         < 1 = 1.0 = 1.0.0 < 1.0.0.0.1 < 1.0.0.1 < 1.0.1.a < 1.0.1 < 1.0.10 < 1.2",
    ),
    (
        Scheme::Generic,
        "1.0.0~1 < 1.0.0-dev < 1.0.0-alpha1 = 1.0a1 < 1.0.0-beta < 1.0.0-beta2 = 1.0b2 < 1.0.0-pre1 < 1.0.0rc1 = 1.0-RC1 < 1.0 = 1.0.0 \
         = v1.0 = 1.0-stable = R_1_0 < 1.0.0-ubuntu < 1.0+git2020 < 1.0p1 = 1.0-P1 = 1.0-patch1 < 1.0p10 < 1.0.1",
    ),
    (
        Scheme::Generic,
        "1.0.2-beta1 < 1.0.2 < 1.0.2a < 1.0.2b < 1.0.2k = 1.0.2k-fips < 1.0.2l < 1.0.2z < 1.0.2za < 1.0.2zh < 1.1.0-pre1 < 1.1.0 \
         < 3.0.0-alpha17 < 3.0.0-beta1 < 3.0.0 < 3.0.7",
    ),
    (Scheme::Hackage, "text < 0 < 0.1.26 < 0.11.3 < 1 < 1.0 = 01.00 < 1.0.0 < 1.0.1 < 1.0.10 < 1.1"),
    (
        Scheme::Maven,
        "1.0-alpha-1-SNAPSHOT < 1.0-alpha-1 = 1a1 < 1.0-alpha-2 < 1.0-beta-1 < 1.0-M1 = 1-milestone-1 < 1.0-rc1 = 1-cr-1 < 1.0-SNAPSHOT < 1.0 \
         = 1 = 1.0.0.Final = 1.0.RELEASE = 1-ga < 1.0-sp < 1.0-jre8 < 1.0-xyz < 1.0-1 < 1.0-2 < 1.0.1 < 1.0.10 < 1.1.Alpha1 < 1.1-alpha1 < 1.1 < 1.1.sp < 1.1-sp",
    ),
    (
        Scheme::Maven,
        "1.0.0.Alpha1 < 1.0.0.Beta1 < 1.0.0.CR1 < 1.0.0.Final = 1.0 < 1.0.0.SP1 < 1.0.1.Beta1 < 1.0.1 < 1.0.1.SP1",
    ),
    (
        Scheme::Nuget,
        "1.0.0-1 < 1.0.0-alpha < 1.0.0-ALPHA.1 < 1.0.0-alpha.beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0 = 1.0 = 1.0.0.0 = 1.0.0+meta \
         < 1.0.0.1-rc < 1.0.0.1 < 1.0.1 = 1.0.01 < 1.0.10",
    ),
    (
        Scheme::Opam,
        "1.0~alpha < 1.0~beta < 1.0 < 1.0-1 < 1.0a < 1.0+2 < 1.0.0 < 1.0.1 < 1.0.10 < 4.14.0~rc1 < 4.14.0 < 4.14.0+trunk < v0.9.114 < v0.16.0",
    ),
    (
        Scheme::Pacman,
        "1.0a < 1.0b < 1.0beta < 1.0p < 1.0pre < 1.0rc < 1.0 < 1.0-1 < 1.0-1.1 < 1.0-2 < 1.0-10 < 1.0.a < 1.0.a.1 < 1.0.1 < 1.0.2 \
         < 1.1 < 1.11 < 1:0.9-1 < 2:0.1",
    ),
    (
        Scheme::Pub,
        "1.0.0-alpha < 1.0.0-alpha+1 < 1.0.0-alpha.1 < 1.0.0 = v1.0.0 < 1.0.0+1 < 1.0.0+1.2 < 1.0.0+10 < 1.0.0+a < 1.0.0+a.1 < 1.0.1",
    ),
    (
        Scheme::Pypi,
        "no.version < 1.0.dev1 < 1.0a1.dev1 < 1.0a1 = 1.0-alpha_1 < 1.0a2 < 1.0b1 < 1.0rc1 = 1.0c1 < 1.0 = v1.0.0 < 1.0+local < 1.0+1 < 1.0.post1.dev1 \
         < 1.0.post1 = 1.0-1 < 1.0.1 < 1.1 < 1.10 < 2024.1 < 1!0.1",
    ),
    (
        Scheme::Rpm,
        "1.0~rc1-1 < 1.0~rc2-1 < 1.0 < 1.0-1.el8 = 0:1.0-1_el8 < 1.0-1.el9 < 1.0-1.el9_2.1 < 1.0-2 < 1.0-10 < 1.0^20240101git-1 < 1.0a-1 \
         < 1.0.rc1-1 < 1.0.1-1 = 1.0.01-1 < 1.0.10-1 < 1:0.1-1 < 2:0.1-1",
    ),
    (
        Scheme::Semver,
        "1.0.0-1 < 1.0.0-2 < 1.0.0-10 < 1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 \
         < 1.0.0-rc.1 = v1.0.0-rc.1+meta = go1.0rc1 < 1.0.0 = 1 = v1.0 = 1.0.0+meta < 1.0.0.1 < 1.0.1-0.20191109021931-daa7c04131f5 < 1.0.1 < 1.0.10 < 1.1.0",
    ),
];

/// What upstreams published, each line ascending.
const RELEASES: [&str; 16] = [
    "OpenSSL_0_9_8zh < OpenSSL_1_0_0 < OpenSSL 1.0.2k-fips  26 Jan 2017 < OpenSSL 1.0.2l < 1.1.1 < 1.1.1w < openssl-3.0.0",
    "9.5p2 < 9.6 < 9.6p1 < OpenSSH_9.7 < OpenSSH_9.7p1, LibreSSL",
    "9.11.0a1 < 9.11.0b2 < 9.11.0rc1 < 9.11.0 < 9.11.0-P1 < 9.11.0-P2 < 9.11.1",
    "2.4.9 < 2.4.57-dev < 2.4.57 < 2.4.58",
    "2023c < 2023d < 2024a < 2024b < 2025a",
    "6b < 8 < 8d < 9 < 9e",
    "8.1.0alpha3 < 8.1.0beta1 < 8.1.0RC1 < 8.1.0 < 8.1.1",
    "curl-7_9_8 < curl-7_88_1 < 7.88.2-DEV < 7.88.2",
    "n4.4 < n4.4.1 < n5.0 < n5.1-dev < n5.1",
    "r99 < r123 < r1000",
    "20190131 < 20200101 < 20200101.1 < 20240131",
    "2020-01-31 < 2020-02-01 < 2021.01.01",
    "1.2.3 < 1.2.3+git2020 < 1.2.3+git2021 < 1.2.4",
    "1.0.2 < 1.0.2a < 1.0.2a-1 < 1.0.2b-fips < 1.0.2b.1",
    "5.5 beta 2 < 5.5 rc < 5.5 (Unix) < 5.5 Update 2 < 5.5 patch 10 < 5.6 26 Jan 2017 < 5.6.1",
    "8u362 < 8u372 < 11.0.2-ea < 11.0.2 < 11.0.2+7 < 11.0.2+9 < 17.0.7",
];

#[test]
fn ascending_lists_ascend() {
    for scheme in Scheme::ALL {
        assert!(LISTS.iter().any(|(listed, _)| *listed == scheme), "{scheme} has no list");
    }
    for (scheme, list) in LISTS {
        ascends(scheme, list);
    }
}

#[test]
fn upstream_releases_ascend() {
    RELEASES.iter().for_each(|list| ascends(Scheme::Generic, list));
}

/// Each with each, not only with its neighbour.
fn ascends(scheme: Scheme, list: &str) {
    let ranked: Vec<(usize, &str)> = (0..)
        .zip(list.split('<'))
        .flat_map(|(rank, equals)| equals.split('=').map(move |text| (rank, text.trim())))
        .collect();
    for (left_rank, left) in &ranked {
        for (right_rank, right) in &ranked {
            assert_eq!(compare(scheme, left, right), left_rank.cmp(right_rank), "{scheme}: {left} and {right}");
        }
    }
}

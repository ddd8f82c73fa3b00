//! The ends of releases, kept by hand: one line each, under the page that announces them.
//!
//! Rolling distributions (Arch, Wolfi, Chainguard, openSUSE Tumbleweed, Debian unstable) have none. Debian's and Ubuntu's lines are held against
//! the package distro-info-data by a test.

/// Year, month, day.
pub(super) type Day = (i16, i8, i8);

#[derive(Debug)]
pub(super) struct Line {
    /// As in os-release.
    pub(super) id: &'static str,
    pub(super) release: &'static str,
    /// Empty where images always have a number.
    pub(super) codename: &'static str,
    pub(super) standard: Day,
    pub(super) extended: Option<Day>,
}

const fn line(
    id: &'static str,
    release: &'static str,
    codename: &'static str,
    standard: Day,
    extended: Option<Day>,
) -> Line {
    Line { id, release, codename, standard, extended }
}

pub(super) const LINES: &[Line] = &[
    // distro-info-data of Debian: eol, and eol-lts of the LTS team.
    line("debian", "6", "squeeze", (2014, 5, 31), Some((2016, 2, 29))),
    line("debian", "7", "wheezy", (2016, 4, 25), Some((2018, 5, 31))),
    line("debian", "8", "jessie", (2018, 6, 17), Some((2020, 6, 30))),
    line("debian", "9", "stretch", (2020, 7, 18), Some((2022, 6, 30))),
    line("debian", "10", "buster", (2022, 9, 10), Some((2024, 6, 30))),
    line("debian", "11", "bullseye", (2024, 8, 14), Some((2026, 8, 31))),
    line("debian", "12", "bookworm", (2026, 7, 11), Some((2028, 6, 30))),
    line("debian", "13", "trixie", (2028, 8, 9), Some((2030, 6, 30))),
    // distro-info-data of Debian: eol, and eol-esm of Ubuntu Pro.
    line("ubuntu", "14.04", "trusty", (2019, 4, 25), Some((2024, 4, 25))),
    line("ubuntu", "14.10", "utopic", (2015, 7, 23), None),
    line("ubuntu", "15.04", "vivid", (2016, 2, 4), None),
    line("ubuntu", "15.10", "wily", (2016, 7, 28), None),
    line("ubuntu", "16.04", "xenial", (2021, 4, 30), Some((2026, 4, 23))),
    line("ubuntu", "16.10", "yakkety", (2017, 7, 20), None),
    line("ubuntu", "17.04", "zesty", (2018, 1, 13), None),
    line("ubuntu", "17.10", "artful", (2018, 7, 19), None),
    line("ubuntu", "18.04", "bionic", (2023, 5, 31), Some((2028, 4, 26))),
    line("ubuntu", "18.10", "cosmic", (2019, 7, 18), None),
    line("ubuntu", "19.04", "disco", (2020, 1, 23), None),
    line("ubuntu", "19.10", "eoan", (2020, 7, 17), None),
    line("ubuntu", "20.04", "focal", (2025, 5, 29), Some((2030, 4, 23))),
    line("ubuntu", "20.10", "groovy", (2021, 7, 22), None),
    line("ubuntu", "21.04", "hirsute", (2022, 1, 20), None),
    line("ubuntu", "21.10", "impish", (2022, 7, 14), None),
    line("ubuntu", "22.04", "jammy", (2027, 6, 1), Some((2032, 4, 21))),
    line("ubuntu", "22.10", "kinetic", (2023, 7, 20), None),
    line("ubuntu", "23.04", "lunar", (2024, 1, 25), None),
    line("ubuntu", "23.10", "mantic", (2024, 7, 11), None),
    line("ubuntu", "24.04", "noble", (2029, 5, 31), Some((2034, 4, 25))),
    line("ubuntu", "24.10", "oracular", (2025, 7, 10), None),
    line("ubuntu", "25.04", "plucky", (2026, 1, 15), None),
    line("ubuntu", "25.10", "questing", (2026, 7, 9), None),
    line("ubuntu", "26.04", "resolute", (2031, 5, 29), Some((2036, 4, 23))),
    line("ubuntu", "26.10", "stonking", (2027, 7, 15), None),
    // alpinelinux.org/releases
    line("alpine", "3.3", "", (2017, 11, 1), None),
    line("alpine", "3.4", "", (2018, 5, 1), None),
    line("alpine", "3.5", "", (2018, 11, 1), None),
    line("alpine", "3.6", "", (2019, 5, 1), None),
    line("alpine", "3.7", "", (2019, 11, 1), None),
    line("alpine", "3.8", "", (2020, 5, 1), None),
    line("alpine", "3.9", "", (2020, 11, 1), None),
    line("alpine", "3.10", "", (2021, 5, 1), None),
    line("alpine", "3.11", "", (2021, 11, 1), None),
    line("alpine", "3.12", "", (2022, 5, 1), None),
    line("alpine", "3.13", "", (2022, 11, 1), None),
    line("alpine", "3.14", "", (2023, 5, 1), None),
    line("alpine", "3.15", "", (2023, 11, 1), None),
    line("alpine", "3.16", "", (2024, 5, 23), None),
    line("alpine", "3.17", "", (2024, 11, 22), None),
    line("alpine", "3.18", "", (2025, 5, 9), None),
    line("alpine", "3.19", "", (2025, 11, 1), None),
    line("alpine", "3.20", "", (2026, 4, 1), None),
    line("alpine", "3.21", "", (2026, 11, 1), None),
    line("alpine", "3.22", "", (2027, 5, 1), None),
    line("alpine", "3.23", "", (2027, 11, 1), None),
    // access.redhat.com/support/policy/updates/errata: end of maintenance, end of extended life cycle support.
    line("rhel", "5", "", (2017, 3, 31), Some((2020, 11, 30))),
    line("rhel", "6", "", (2020, 11, 30), Some((2024, 6, 30))),
    line("rhel", "7", "", (2024, 6, 30), Some((2028, 6, 30))),
    line("rhel", "8", "", (2029, 5, 31), Some((2032, 5, 31))),
    line("rhel", "9", "", (2032, 5, 31), Some((2035, 5, 31))),
    line("rhel", "10", "", (2035, 5, 31), Some((2038, 5, 31))),
    // centos.org/centos-linux-eol and centos.org/cl-vs-cs: Stream ends with the full support of the release it leads to.
    line("centos", "5", "", (2017, 3, 31), None),
    line("centos", "6", "", (2020, 11, 30), None),
    line("centos", "7", "", (2024, 6, 30), None),
    line("centos", "8", "", (2021, 12, 31), None),
    line("centos-stream", "8", "", (2024, 5, 31), None),
    line("centos-stream", "9", "", (2027, 5, 31), None),
    line("centos-stream", "10", "", (2030, 5, 31), None),
    // wiki.almalinux.org/release-notes, wiki.rockylinux.org/rocky/version: as the release they rebuild.
    line("almalinux", "8", "", (2029, 5, 31), None),
    line("almalinux", "9", "", (2032, 5, 31), None),
    line("almalinux", "10", "", (2035, 5, 31), None),
    line("rocky", "8", "", (2029, 5, 31), None),
    line("rocky", "9", "", (2032, 5, 31), None),
    line("rocky", "10", "", (2035, 5, 31), None),
    // docs.fedoraproject.org/en-US/releases/eol
    line("fedora", "28", "", (2019, 5, 28), None),
    line("fedora", "29", "", (2019, 11, 26), None),
    line("fedora", "30", "", (2020, 5, 26), None),
    line("fedora", "31", "", (2020, 11, 24), None),
    line("fedora", "32", "", (2021, 5, 25), None),
    line("fedora", "33", "", (2021, 11, 30), None),
    line("fedora", "34", "", (2022, 6, 7), None),
    line("fedora", "35", "", (2022, 12, 13), None),
    line("fedora", "36", "", (2023, 5, 16), None),
    line("fedora", "37", "", (2023, 12, 5), None),
    line("fedora", "38", "", (2024, 5, 21), None),
    line("fedora", "39", "", (2024, 11, 26), None),
    line("fedora", "40", "", (2025, 5, 13), None),
    line("fedora", "41", "", (2025, 12, 15), None),
    // aws.amazon.com/amazon-linux-ami/faqs, aws.amazon.com/amazon-linux-2/faqs, docs.aws.amazon.com/linux/al2023/ug/release-cadence.html
    line("amzn", "2018.03", "", (2020, 12, 31), Some((2023, 12, 31))),
    line("amzn", "2", "", (2026, 6, 30), None),
    line("amzn", "2023", "", (2027, 6, 30), Some((2029, 6, 30))),
    // suse.com/lifecycle: general support, and LTSS.
    line("sles", "11.4", "", (2019, 3, 31), Some((2022, 3, 31))),
    line("sles", "12", "", (2016, 6, 30), Some((2019, 7, 1))),
    line("sles", "12.1", "", (2017, 5, 31), Some((2020, 5, 31))),
    line("sles", "12.2", "", (2018, 3, 31), Some((2021, 3, 31))),
    line("sles", "12.3", "", (2019, 6, 30), Some((2022, 6, 30))),
    line("sles", "12.4", "", (2020, 6, 30), Some((2023, 6, 30))),
    line("sles", "12.5", "", (2024, 10, 31), Some((2027, 10, 31))),
    line("sles", "15", "", (2019, 12, 31), Some((2022, 12, 31))),
    line("sles", "15.1", "", (2021, 1, 31), Some((2024, 1, 31))),
    line("sles", "15.2", "", (2021, 12, 31), Some((2024, 12, 31))),
    line("sles", "15.3", "", (2022, 12, 31), Some((2025, 12, 31))),
    line("sles", "15.4", "", (2023, 12, 31), Some((2026, 12, 31))),
    line("sles", "15.5", "", (2024, 12, 31), Some((2027, 12, 31))),
    line("sles", "15.6", "", (2025, 12, 31), Some((2028, 12, 31))),
    line("sles", "15.7", "", (2031, 7, 31), Some((2034, 7, 31))),
    // en.opensuse.org/Lifetime
    line("opensuse-leap", "42.3", "", (2019, 7, 1), None),
    line("opensuse-leap", "15.0", "", (2019, 12, 3), None),
    line("opensuse-leap", "15.1", "", (2021, 2, 2), None),
    line("opensuse-leap", "15.2", "", (2022, 1, 4), None),
    line("opensuse-leap", "15.3", "", (2022, 12, 31), None),
    line("opensuse-leap", "15.4", "", (2023, 12, 7), None),
    line("opensuse-leap", "15.5", "", (2024, 12, 31), None),
    line("opensuse-leap", "15.6", "", (2026, 4, 30), None),
    // oracle.com/a/ocom/docs/elsp-lifetime-069338.pdf: premier and extended support.
    line("ol", "6", "", (2021, 3, 31), Some((2024, 12, 31))),
    line("ol", "7", "", (2024, 12, 31), Some((2028, 6, 30))),
    line("ol", "8", "", (2029, 7, 31), Some((2032, 7, 31))),
    line("ol", "9", "", (2032, 6, 30), Some((2035, 6, 30))),
    line("ol", "10", "", (2035, 6, 30), Some((2038, 6, 30))),
    // blogs.vmware.com/photon and the lifecycle matrix of Photon OS; the ends of 4.0 and 5.0 were moved more than once.
    line("photon", "1.0", "", (2022, 2, 28), None),
    line("photon", "2.0", "", (2022, 12, 31), None),
    line("photon", "3.0", "", (2024, 3, 1), None),
    // github.com/microsoft/azurelinux: CBL-Mariner; Azure Linux 3.0 has no end announced.
    line("mariner", "1.0", "", (2023, 7, 31), None),
    line("mariner", "2.0", "", (2025, 7, 31), None),
];

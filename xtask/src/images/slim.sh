# mmdebstrap hook: removes from the root file system $1 what an image does not need.
#
# Copyright files and the package database stay: the first by law, the second because scanners read it.
set -eu
find "$1/usr/share/doc" -mindepth 1 -not -type d -not -name copyright -delete
find "$1/usr/share/doc" -mindepth 1 -depth -type d -empty -delete
rm -rf "$1/usr/share/man" "$1/usr/share/info" "$1/usr/share/locale"
rm -rf "$1/var/log/apt" "$1/var/log/dpkg.log" "$1/var/log/alternatives.log" "$1/var/log/bootstrap.log"
rm -rf "$1/var/cache/debconf"/*-old "$1/var/lib/dpkg"/*-old
# Options and names of the machine that made it.
rm -f "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
: > "$1/etc/resolv.conf"
: > "$1/etc/hostname"

# Makes the root file systems of both images: one bootstrap, then both finished side by side.
#
# Runs in mount and pid namespaces of its own, so whatever ends it leaves nothing mounted and nothing running.
#   WORK      an empty folder; becomes a tmpfs when MEMORY is 1 (three times as fast: dpkg syncs a lot)
#   OUT       gets base.tar and job.tar
#   SUITE     bookworm;  SOURCES  a sources.list with its security and updates suites
#   SLIM      slim.sh;   CLIENT   the docker client for the job image
#   "$@"      further options of mmdebstrap
set -eu

if [ "$MEMORY" = 1 ]; then
    mount -t tmpfs -o mode=755 tmpfs "$WORK"
fi
export TMPDIR="$WORK"

# The hook makes /bin, /lib, … links from the start; the package usrmerge would draw all of perl in.
mmdebstrap --mode=root --variant=minbase --format=tar --dpkgopt=force-unsafe-io "$@" \
    --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
    --skip=cleanup/apt/lists \
    --customize-hook="sh '$SLIM' \"\$1\"" \
    "$SUITE" "$WORK/minimal.tar" < "$SOURCES"

finish() { # NAME PACKAGES HOOK OPTION...
    name=$1 packages=$2 hook=$3
    shift 3
    mmdebstrap --mode=root --variant=custom --format=tar --dpkgopt=force-unsafe-io "$@" \
        --skip=update --skip=setup/mkdirs \
        --setup-hook="tar -C \"\$1\" -xf '$WORK/minimal.tar' --exclude='./dev/*'" \
        --customize-hook="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get --yes install -oDPkg::Chroot-Directory=\"\$1\" $packages" \
        --customize-hook="$hook" \
        --customize-hook="sh '$SLIM' \"\$1\" last" \
        "$SUITE" "$OUT/$name.part" < "$SOURCES"
    mv "$OUT/$name.part" "$OUT/$name.tar"
}

finish base 'python3 python3-flask' true "$@" &
base=$!
finish job 'git ca-certificates' "install -m 755 '$CLIENT' \"\$1/usr/local/bin/docker\"" "$@" &
job=$!
wait $base
wait $job

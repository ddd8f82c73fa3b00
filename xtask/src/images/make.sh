# Makes the layers of both images: one bootstrap, then what each image adds, side by side.
#
# Runs in mount and pid namespaces of its own, so whatever ends it leaves nothing mounted and nothing running.
#   WORK      an empty folder; becomes a tmpfs when MEMORY is 1 (three times as fast: dpkg syncs a lot)
#   OUT       gets minimal.tar, base.tar and job.tar; the last two hold only what they add to the first
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
    --customize-hook="cp -a \"\$1/var/lib/apt/lists\" '$WORK/lists'" \
    --customize-hook="sh '$SLIM' \"\$1\"" \
    "$SUITE" "$OUT/minimal.part" "$SOURCES"
mv "$OUT/minimal.part" "$OUT/minimal.tar"

finish() { # NAME PACKAGES HOOK OPTION...
    name=$1 packages=$2 hook=$3
    shift 3
    unpack="tar -C \"\$1\" -xf '$OUT/minimal.tar' --exclude='./dev/*' && cp -a '$WORK/lists' \"\$1/var/lib/apt/\""
    mmdebstrap --mode=root --variant=custom --format=directory --dpkgopt=force-unsafe-io "$@" \
        --skip=update --skip=setup/mkdirs \
        --setup-hook="$unpack && touch '$WORK/$name.unpacked'" \
        --customize-hook="APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get --yes install -oDPkg::Chroot-Directory=\"\$1\" $packages" \
        --customize-hook="$hook" \
        --customize-hook="sh '$SLIM' \"\$1\"" \
        "$SUITE" "$WORK/$name" "$SOURCES"
    # What was added or changed: the change time is the one that neither tar nor dpkg sets back.
    cd "$WORK/$name"
    find . -mindepth 1 -xdev \
        \( -path ./dev -o -path ./proc -o -path ./sys -o -path ./run -o -path ./tmp -o -path './var/lib/apt/lists/*' \) -prune \
        -o -cnewer "$WORK/$name.unpacked" -print0 | sort -z |
        tar --null --no-recursion --numeric-owner --files-from=- -cf "$OUT/$name.part"
    mv "$OUT/$name.part" "$OUT/$name.tar"
}

finish base 'python3 python3-flask' true "$@" &
base=$!
finish job 'git ca-certificates' "install -m 755 '$CLIENT' \"\$1/usr/local/bin/docker\"" "$@" &
job=$!
wait $base
wait $job

# The first process of an engine's namespaces: makes them private, then waits to be killed.
#
# Runs in fresh mount, network, pid and uts namespaces with a /proc of its own. DIR is the engine's folder:
#   DIR/etc      becomes /etc/docker          (daemon.json, certs.d)
#   DIR/hosts    becomes /etc/hosts
#   DIR/plugins  becomes /run/docker/plugins  (whoever listens there from outside is found by the engine)
#   DIR/ready    appears when all is done
set -eu

echo "$NAME" > /proc/sys/kernel/hostname
ip link set lo up

# A resolv.conf that is a link into /run would dangle once /run is private.
resolver=$(readlink -f /etc/resolv.conf || true)
cat /etc/resolv.conf > "$DIR/resolv.conf" 2>/dev/null || : > "$DIR/resolv.conf"

mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/docker/plugins
mount --bind "$DIR/plugins" /run/docker/plugins
case "$resolver" in
    /run/*) mkdir -p "$(dirname "$resolver")"; cp "$DIR/resolv.conf" "$resolver" ;;
esac

mount --bind "$DIR/hosts" /etc/hosts
mkdir -p /etc/docker
mount --bind "$DIR/etc" /etc/docker

: > "$DIR/ready"
# tini reaps what dockerd and the shims leave; the kernel kills everything in here when it is killed.
exec tini-static -s -- sleep infinity

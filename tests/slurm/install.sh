#!/bin/sh
# SLURM and what it needs, for 'make test-slurm': on Debian as root. Elsewhere the tests skip and say why.
set -eu
PATH="$PATH:/usr/sbin:/sbin"
command -v slurmctld >/dev/null && command -v slurmdbd >/dev/null && command -v mariadbd >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "SLURM is not here and can be installed by root on Debian only; its tests will be skipped" >&2
    exit 0
fi
# the tests start daemons of their own; the packages shall start none
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
{
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=400 install -y -qq --no-install-recommends \
        slurm-wlm munge slurmdbd mariadb-server
} >/dev/null || echo "SLURM could not be installed; its tests will be skipped" >&2

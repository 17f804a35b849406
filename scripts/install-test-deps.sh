#!/bin/sh
# Installs what some tests start, on Debian:
#
#   ngircd, inspircd, tor, python3, cc, systemd-analyze, ip, unshare
#             from the machine's own release, by apt (needs root)
#   bitcoind  unpacked below DIR with the libraries it needs, so that nothing
#             is installed or started system-wide; needs no root if DIR is
#             writable
#
# usage: scripts/install-test-deps.sh [DIR]
#
# DIR defaults to $JM_TESTDEPS, else /var/lib/joinmarket-testdeps, where the
# tests look for bin/bitcoind. What is there already is left alone.
set -eu

dir=${1:-${JM_TESTDEPS:-/var/lib/joinmarket-testdeps}}
package=bitcoin-knots # a bitcoind that Debian packages
suite=trixie          # the release that has it, in its backports
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
	echo "install-test-deps: $*" >&2
	exit 1
}

# debian PROGRAM PACKAGE...: installs packages unless the program is there.
debian() {
	program=$1
	shift
	if command -v "$program" >/dev/null; then
		echo "$program: present"
		return
	fi
	[ -n "${updated:-}" ] || apt-get update
	updated=yes
	apt-get install --yes --no-install-recommends "$@"
	# The tests start their own; the machine shall not serve because of them.
	case $program in
	ngircd | inspircd | tor)
		[ ! -d /run/systemd/system ] || systemctl disable --now "$program"
		;;
	esac
}

# mirror prints where this machine gets its release from.
mirror() {
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	# shellcheck disable=SC2016 # the names in $() are apt's, not the shell's
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
		awk -v release="$codename" '$1 == release && $2 == "main" { print $3; exit }'
}

# own_apt runs apt-get with the machine's settings, but with package lists, a
# cache and a record of installed packages (none) below the folder $work.
own_apt() {
	apt-get -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts="$work/none" \
		-o Dir::Etc::preferences="$work/none/file" -o Dir::Etc::preferencesparts="$work/none" \
		-o Dir::State="$work/state" -o Dir::State::status="$work/status" \
		-o Dir::Cache="$work/cache" -o APT::Sandbox::User= -o APT::Architectures= \
		-o Debug::NoLocking=1 "$@"
}

install_bitcoind() {
	if [ -x "$dir/bin/bitcoind" ] || command -v bitcoind >/dev/null; then
		echo "bitcoind: present"
		return
	fi
	[ -r "$keyring" ] || fail "install the package debian-archive-keyring first: $keyring is missing"
	from=$(mirror)
	[ -n "$from" ] || fail "apt knows no Debian mirror on this machine: see /etc/apt/sources.list"

	mkdir -p "$dir/bin"
	dir=$(cd "$dir" && pwd)
	work=$(mktemp -d "$dir/work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/root" "$work/none"
	: >"$work/status"
	for release in "$suite" "$suite-backports"; do
		echo "deb [signed-by=$keyring] $from $release main"
	done >"$work/sources.list"
	own_apt update
	own_apt install --yes --no-install-recommends --download-only \
		--target-release "$suite-backports" "$package"
	for deb in "$work"/cache/archives/*.deb; do
		dpkg-deb --extract "$deb" "$work/root"
	done
	rm -rf "$dir/root"
	mv "$work/root" "$dir/root"

	# The program runs with the C library it was built for, not the machine's.
	loader=$(find "$dir/root" -name 'ld-linux*.so.*' | head -n 1)
	libs=$(dirname "$(find "$dir/root" -name 'libc.so.6' | head -n 1)")
	cat >"$work/bitcoind" <<-END
		#!/bin/sh
		exec "$loader" --inhibit-cache --library-path "$libs" "$dir/root/usr/bin/bitcoind" "\$@"
	END
	chmod 755 "$work/bitcoind"
	"$work/bitcoind" --version | head -n 1
	mv "$work/bitcoind" "$dir/bin/bitcoind"
}

PATH=$PATH:/usr/sbin
debian ngircd ngircd
debian inspircd inspircd
debian tor tor
debian ip iproute2        # for a network in which packets are counted
debian unshare util-linux # the same
debian python3 python3 # for examples/
debian systemd-analyze systemd # reads the unit; is not started
debian cc gcc libc6-dev        # for the race detector
install_bitcoind

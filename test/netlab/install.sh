#!/usr/bin/env bash
# Installs what the tests need beyond Go: the lab's tools for network namespaces, a C
# compiler for the race detector, tmux for the menu, Python for the second receiver, PostgreSQL;
# where that is Debian and we are root. On any other machine the tests say by
# themselves what is missing. `install.sh rivals` adds the tools that groupcast is measured beside.
set -euo pipefail
missing=()
pairs=(ip:iproute2 nft:nftables ethtool:ethtool tcpdump:tcpdump gcc:gcc tmux:tmux)
[ "${1:-}" = rivals ] && pairs=(ip:iproute2 nft:nftables ethtool:ethtool uftp:uftp udp-sender:udpcast aria2c:aria2 mktorrent:mktorrent
	rsync:rsync zsync:zsync casync:casync nginx:nginx-light)
for pair in "${pairs[@]}"; do
	PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
[[ " ${missing[*]} " == *" gcc "* ]] && missing+=(libc6-dev)
[ "${1:-}" = rivals ] || /usr/bin/python3 -c 'import cryptography' 2>/dev/null || missing+=(python3-cryptography)
[ "${1:-}" = rivals ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
else
	echo "netlab: missing ${missing[*]}: install them as root to run the end-to-end test" >&2
fi

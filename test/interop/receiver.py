#!/usr/bin/env python3
"""A second receiver, written from docs/protocol.md and docs/format-2.md: it logs in, joins a group, receives
transfers of either format by multicast, puts their files below --out and hands in receipts. Python and its package
`cryptography` only; one transfer at a time, IPv4, and no resumption: it shows that the documents are enough, and is no
tool to work with."""

import argparse
import os
import socket
import sys
import threading
import time
from collections import deque
from pathlib import Path, PurePosixPath
from queue import Queue

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from control import Control, unbase64
from paged import Paged
from session import Session, say


def put(folder, files):
    """Writes what is delivered below folder; its paths cannot leave it."""
    for kind, mode, mtime, path, data in files:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
            raise SystemExit(f"{path!r} is no path for a file")
        to = folder.joinpath(*parts)
        if any(p.is_symlink() for p in [*to.parents] if folder in p.parents or p == folder):
            raise SystemExit(f"{path!r} leads through a link")
        to.parent.mkdir(parents=True, exist_ok=True)
        if kind == 1:
            to.mkdir(exist_ok=True)
            continue
        if kind == 2:
            if to.is_symlink():
                to.unlink()
            to.symlink_to(data)
            continue
        part = to.with_name(f".{to.name}.part")
        part.write_bytes(data)
        part.chmod(mode)
        os.utime(part, ns=(time.time_ns(), mtime))
        part.rename(to)


def listen(address, port, interface):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((address, port))
    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(address) + socket.inet_aton(interface))
    packets = deque(maxlen=20000)  # read beside the work: hashing a block takes as long as a socket's buffer lasts

    def read():
        while True:
            packet, source = s.recvfrom(65536)
            packets.append((packet, source[0], time.monotonic()))

    threading.Thread(target=read, daemon=True).start()
    return packets


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--server", required=True, help="IP:PORT")
    p.add_argument("--pin", required=True, help="the server's fingerprint, 64 hex digits")
    p.add_argument("--user", required=True)
    p.add_argument("--device", default="interop")
    p.add_argument("--group", required=True)
    p.add_argument("--interface", default="0.0.0.0", help="this machine's address towards the group")
    p.add_argument("--wire", type=int, default=2, choices=(1, 2), help="the newest format that it says it speaks")
    p.add_argument("--transfers", type=int, default=1, help="so many are received, one after another")
    p.add_argument("--out", required=True, type=Path)
    return p.parse_args()


def main():
    args = arguments()
    control, key = Control(args.server, args.pin), Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    device, cli_token = control.log_in(args.user, sys.stdin.readline().rstrip("\n"), args.device, public)
    control.join(args.group, cli_token)
    say("joined")

    events = Queue()
    threading.Thread(target=lambda: [events.put(e) for e in control.events(args.wire)], daemon=True).start()
    while True:
        kind, _ = events.get(timeout=120)
        state = control.call("GET", "/agent/state")
        groups = [g for g in state["groups"] or [] if g["name"] == args.group]
        if groups:
            break
    host, port = groups[0]["address"].rsplit(":", 1)
    packets = listen(host, int(port), args.interface)
    say("active")

    key_of_server, over, offered = control.signing_key(state["signing"]), set(), state["offers"] or []
    while len(over) < args.transfers:
        if not offered:
            kind, data = events.get(timeout=300)
            offered = [data["offer"]] if kind == "offer" else []
            continue
        session = session_of(control, key_of_server, offered.pop(0))
        if session.offer.transfer not in over:
            receive(session, packets, args.out / args.group, key, device)
            over.add(session.offer.transfer)


def session_of(control, key_of_server, offered):
    kind = Paged if unbase64(offered["offer"]).startswith(b"groupcast/2 ") else Session
    return kind(control, key_of_server, offered)


def receive(session, packets, folder, key, device):
    session.look(folder)
    session.get_keys()
    by_multicast = 0 if session.https else session.receive(packets)
    session.fetch_rest()
    put(folder, session.files())
    sequence = time.time_ns()  # larger with each receipt of this device
    receipt = session.receipt(key, device, sequence, "multicast" if by_multicast else "https")
    session.control.call("POST", "/agent/receipts", receipt)
    say(f"verified: {by_multicast} of {session.total} blocks by multicast, format {session.version}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A second receiver, written from docs/protocol.md: it logs in, joins a group, receives one transfer
by multicast, puts its files below --out and hands in a receipt. Python and its package
`cryptography` only; one transfer at a time, IPv4, and no resumption: it shows that the document is
enough, and is no tool to work with."""

import argparse
import hashlib
import os
import random
import socket
import struct
import sys
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path, PurePosixPath
from queue import Queue

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import wire
from blake3 import derive_key
from control import Control, base64_of, unbase64


class Session:
    """What arrives of one transfer."""

    def __init__(self, control, key, offered):
        self.control, self.key = control, key
        self.offer = wire.Offer(unbase64(offered["offer"]))
        key.verify(unbase64(offered["signature"]), self.offer.raw)
        self.total = self.offer.head() + self.offer.blocks
        self.symbols, self.lengths, self.blocks = {}, {}, {}
        self.index = self.manifest = self.sync = None
        self.high = self.declared = self.received = self.sequence = 0
        self.numbers, self.report_at, self.ask_at, self.held, self.over = set(), 0.0, None, {}, False
        self.https, self.forgotten = False, 0
        self.hasher, self.checking = ProcessPoolExecutor(1), {}  # a block takes a third of a second

    def get_keys(self):
        answer = self.control.call("POST", "/agent/ready", {
            "transfer": self.offer.transfer, "session": self.offer.session.hex(), "lacks": None, "lacks_all": True,
            "free_bytes": 1 << 40})
        self.https = answer["https"]
        if self.https:
            return
        self.keys = wire.Keys(self.offer, unbase64(answer["session_secret"]), unbase64(answer["feedback_key"]),
                              unbase64(answer["feedback_id"]))
        self.server = (self.control.at[0], self.offer.feedback_port)
        if answer.get("sync"):
            self.take(unbase64(answer["sync"]))

    # What comes.

    def take(self, packet):
        try:
            kind, number, body = self.keys.open(packet)
            if kind == wire.SYNC:
                self.take_sync(wire.Sync(self.offer, body, self.key))
            elif kind == wire.DATA and len(packet) == self.offer.symbol + 35:
                self.numbers.add(number)
                self.high = max(self.high, number)
                self.take_symbol(body)
        except (ValueError, InvalidTag, InvalidSignature):
            self.forgotten += 1

    def take_sync(self, sync):
        if sync.sequence <= self.sequence:
            return
        self.sequence, self.sync, self.sync_at = sync.sequence, sync, time.monotonic()
        if sync.first <= sync.last:
            self.declared += sync.last - sync.first + 1
            self.received += sum(n in self.numbers for n in range(sync.first, sync.last + 1))
        self.numbers = {n for n in self.numbers if n > sync.last}
        self.over = self.over or bool(sync.flags & wire.END)
        if sync.flags & wire.SOLICIT:
            self.report_at = min(self.report_at, self.sync_at + random.random() * sync.grtt)
        if self.ask_at is None and any(self.wanting()):
            self.ask_at = self.sync_at + random.random() * max(sync.backoff, 1) * sync.grtt

    def take_symbol(self, body):
        block, length, symbol = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:7], "big"), body[7]
        if block in self.blocks or block in self.checking or block >= self.total or not self.sync or not self.sync.low <= block < self.sync.high:
            return
        if length != self.lengths.setdefault(block, length) or not 0 < length <= wire.BLOCK:
            return
        have = self.symbols.setdefault(block, {})
        have.setdefault(symbol, body[8:])
        k = self.k(block)
        if len(have) >= k and self.digest(block):
            self.held.pop(block, None)
            self.check(block, wire.reconstruct(have, k)[:length])

    def k(self, block):
        return -(-self.lengths[block] // self.offer.symbol)

    def digest(self, block):
        """What a block must hash to; None while that is not known."""
        head = self.offer.head()
        if block == 0:
            return self.offer.index_digest
        if block < head:
            return self.index[32 * (block - 1):32 * block] if self.index else None
        return self.manifest.blocks[block - head][1] if self.manifest else None

    def check(self, block, data):
        """Hashes a block beside everything else."""
        self.symbols.pop(block, None)
        context = "groupcast 1 index" if block == 0 else "groupcast 1 block"
        self.checking[block] = (self.hasher.submit(derive_key, context, data), data)

    def checked(self, wait=False):
        """Takes what was hashed meanwhile."""
        for block, (future, data) in list(self.checking.items()):
            if wait or future.done():
                del self.checking[block]
                if future.result() != self.digest(block):
                    raise SystemExit(f"block {block} is not what was signed")
                self.keep(block, data)

    def keep(self, block, data):
        self.blocks[block] = data
        head = self.offer.head()
        if block == 0:
            self.index = data
        elif block < head and all(b in self.blocks for b in range(head)):
            self.manifest = wire.Manifest(b"".join(self.blocks[b] for b in range(1, head)))
            for number, (length, digest) in enumerate(self.manifest.blocks, head):
                if self.lengths.get(number, length) != length:  # said before it was known
                    self.symbols.pop(number, None)
                self.lengths[number] = length
                self.zeros(number, length, digest)
        else:
            return
        for waiting in list(self.symbols):  # complete, and only now to be checked
            have = self.symbols[waiting]
            if waiting not in self.blocks and self.digest(waiting) and len(have) >= self.k(waiting):
                self.check(waiting, wire.reconstruct(have, self.k(waiting))[:self.lengths[waiting]])

    def zeros(self, block, length, digest, known={}):
        """Blocks of zeros do not travel: their digests say what they are."""
        if length not in known:
            known[length] = derive_key("groupcast 1 block", bytes(length))
        if digest == known[length]:
            self.blocks[block] = bytes(length)

    # What is said.

    def wanting(self):
        """Blocks that the pass has left behind, with what they lack beyond what is advertised."""
        if not self.sync:
            return
        front = self.total if self.sync.flags & wire.PASS_DONE else self.sync.front
        now = time.monotonic()
        for block in range(front):
            if block in self.blocks or block in self.checking or self.held.get(block, (0,))[0] > now:
                continue
            have = self.symbols.get(block)
            lacks = self.k(block) - len(have) if have else None
            if have and self.sync.repairs.get(block, 0) >= lacks or have and lacks <= 0:
                continue
            yield block, lacks

    def due(self):
        """A feedback body to send now, or None."""
        now, sync = time.monotonic(), self.sync
        if not sync:
            return None
        done = len(self.blocks) == self.total
        nacks, ranges = [], []
        if self.ask_at is not None and now >= self.ask_at:
            self.ask_at = None
            for block, lacks in list(self.wanting())[:200]:
                if lacks is None:
                    if ranges and ranges[-1][0] + ranges[-1][1] == block:
                        ranges[-1] = (ranges[-1][0], ranges[-1][1] + 1)
                    elif len(ranges) < 40:
                        ranges.append((block, 1))
                else:
                    parity = max((s for s in self.symbols[block] if s >= self.k(block)), default=255)
                    nacks.append((block, lacks, parity if parity < 255 else 255))
                pause = min(2 * self.held.get(block, (0, max(sync.grtt, 0.02)))[1], 1)
                self.held[block] = (now + pause, pause)
            nacks = nacks[:100]
        if not nacks and not ranges and now < self.report_at:
            return None
        self.report_at = now + sync.interval * (0.5 + random.random())
        body = wire.feedback(sync, now - self.sync_at, self.high, len(self.blocks), self.declared, self.received,
                             wire.DONE if done else 0, nacks, ranges)
        self.declared = self.received = 0
        return self.keys.seal(body)

    def receive(self, packets):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        heard = time.monotonic()
        while len(self.blocks) < self.total and not self.over and time.monotonic() - heard < 10:
            if not packets:
                time.sleep(0.002)
            self.checked()
            for _ in range(min(len(packets), 64)):
                packet, source = packets.popleft()
                if source == self.offer.source:
                    heard = time.monotonic()
                    self.take(packet)
            if self.ask_at is None and any(self.wanting()):
                self.ask_at = time.monotonic() + random.random() * max(self.sync.backoff, 1) * self.sync.grtt
            if body := self.due():
                out.sendto(body, self.server)
        self.checked(wait=True)
        if len(self.blocks) < self.total:
            say("the session ended first" if self.over else "nothing was heard for 10 s")
        by_multicast = len(self.blocks)
        self.report_at = 0
        if by_multicast == self.total:
            out.sendto(self.due(), self.server)
        return by_multicast

    def fetch_rest(self):
        for block in range(self.total):
            if block in self.blocks:
                continue
            data = self.control.blocks(self.offer.transfer, block, 1)
            self.lengths[block] = len(data)
            self.check(block, data)
            self.checked(wait=True)


def put(folder, manifest, stream):
    """Writes the files of a manifest below folder; its paths cannot leave it."""
    at = 0
    for kind, mode, mtime, size, digest, path, target in manifest.files:
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
            to.symlink_to(target)
            continue
        data, at = stream[at:at + size], at + size
        if hashlib.sha256(data).digest() != digest:
            raise SystemExit(f"{path!r} is not what was signed")
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
            packets.append((packet, source[0]))

    threading.Thread(target=read, daemon=True).start()
    return packets


def sign_receipt(key, offer, device, sequence, outcome):
    return key.sign(b"groupcast/1 receipt\0" + offer.server + offer.group + struct.pack(">Q", offer.transfer)
                    + offer.index_digest + device + struct.pack(">Q", sequence) + outcome.encode())


def say(text):
    print(text, flush=True)


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--server", required=True, help="IP:PORT")
    p.add_argument("--pin", required=True, help="the server's fingerprint, 64 hex digits")
    p.add_argument("--user", required=True)
    p.add_argument("--device", default="interop")
    p.add_argument("--group", required=True)
    p.add_argument("--interface", default="0.0.0.0", help="this machine's address towards the group")
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
    threading.Thread(target=lambda: [events.put(e) for e in control.events()], daemon=True).start()
    while True:
        kind, _ = events.get(timeout=120)
        state = control.call("GET", "/agent/state")
        groups = [g for g in state["groups"] or [] if g["name"] == args.group]
        if groups:
            break
    host, port = groups[0]["address"].rsplit(":", 1)
    packets = listen(host, int(port), args.interface)
    say("active")

    offered = (state["offers"] or [None])[0]
    while not offered:
        kind, data = events.get(timeout=300)
        offered = data.get("offer") if kind == "offer" else None
    session = Session(control, control.signing_key(state["signing"]), offered)
    session.get_keys()
    by_multicast = 0 if session.https else session.receive(packets)
    session.fetch_rest()
    head = session.offer.head()
    put(args.out / args.group, session.manifest, b"".join(session.blocks[b] for b in range(head, session.total)))
    sequence = time.time_ns()  # larger with each receipt of this device
    control.call("POST", "/agent/receipts", {
        "transfer": session.offer.transfer, "root": session.offer.index_digest.hex(), "outcome": "verified",
        "path": "multicast" if by_multicast else "https", "sequence": sequence,
        "signature": base64_of(sign_receipt(key, session.offer, device, sequence, "verified"))})
    say(f"verified: {by_multicast} of {session.total} blocks by multicast")


if __name__ == "__main__":
    main()

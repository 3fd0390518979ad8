"""What arrives of one transfer: a session of docs/protocol.md, sections 2 to 7."""

import hashlib
import random
import socket
import struct
import time
from concurrent.futures import ProcessPoolExecutor

from cryptography.exceptions import InvalidSignature, InvalidTag

import wire
from blake3 import derive_key
from control import base64_of, unbase64


class Session:
    """What arrives of one transfer."""

    def __init__(self, control, key, offered):
        self.control, self.key = control, key
        raw = unbase64(offered["offer"])
        key.verify(unbase64(offered["signature"]), raw)
        self.offer = self.read_offer(raw)
        self.total = self.offer.head() + self.offer.blocks
        self.symbols, self.lengths, self.blocks = {}, {}, {}
        self.index = self.manifest = self.sync = None
        self.high = self.declared = self.received = self.sequence = 0
        self.numbers, self.report_at, self.ask_at, self.held, self.over = set(), 0.0, None, {}, False
        self.https, self.forgotten, self.had = False, 0, 0
        self.hasher, self.checking = ProcessPoolExecutor(1), {}  # a block takes a third of a second

    # What differs between the formats.

    version = 1

    def read_offer(self, raw):
        return wire.Offer(raw)

    def read_sync(self, body):
        return wire.Sync(self.offer, body, self.key)

    def ready(self):
        return {"transfer": self.offer.transfer, "session": self.offer.session.hex(), "lacks": None, "lacks_all": True,
                "free_bytes": 1 << 40}

    def has_place(self, block):
        """Whether symbols of a block are taken now."""
        return block < self.total and self.sync and self.sync.low <= block < self.sync.high

    def left_behind(self):
        """The blocks that the pass is past."""
        return range(self.total if self.sync.flags & wire.PASS_DONE else self.sync.front)

    def about_pages(self):
        """What stands before a feedback body."""
        return b""

    def about_forgers(self):
        """A flag of a report, if a member forged since the last one."""
        return 0

    def tick(self):
        """Is called again and again while something is received."""

    def context(self, block):
        return "groupcast 1 index" if block == 0 else "groupcast 1 block"

    def look(self, folder):
        """Finds what is here already, before the offer is answered."""

    def answer(self):
        """Answers the offer."""
        return self.control.call("POST", "/agent/ready", self.ready())

    # The beginning.

    def get_keys(self):
        answer = self.answer()
        self.https = answer["https"]
        if self.https:
            return
        self.keys = wire.Keys(self.offer, unbase64(answer["session_secret"]), unbase64(answer["feedback_key"]),
                              unbase64(answer["feedback_id"]), self.version)
        self.server = (self.control.at[0], self.offer.feedback_port)
        if answer.get("sync"):
            self.take(unbase64(answer["sync"]), time.monotonic())

    # What comes.

    def take(self, packet, at):
        """Takes a packet that came at a time."""
        try:
            kind, number, body = self.keys.open(packet)
            if kind == wire.SYNC:
                self.heed(self.read_sync(body))
            elif kind == wire.DATA:
                self.take_data(packet, at, number, body)
        except (ValueError, InvalidTag, InvalidSignature):
            self.forgotten += 1

    def take_data(self, packet, at, number, body):
        if len(body) == self.offer.symbol + 8:
            self.place(number, body)

    def heed(self, sync):
        """Takes a SYNC with a good signature."""
        self.take_sync(sync)

    def place(self, number, body):
        self.numbers.add(number)
        self.high = max(self.high, number)
        self.take_symbol(body)

    def take_sync(self, sync):
        if sync.sequence <= self.sequence:
            return
        self.sequence, self.sync, self.sync_at = sync.sequence, sync, time.monotonic()
        if sync.first <= sync.last:
            self.declared += sync.gone()
            self.received += sum(n in self.numbers for n in range(sync.first, sync.last + 1))
        self.numbers = {n for n in self.numbers if n > sync.last}
        self.over = self.over or bool(sync.flags & wire.END)
        if sync.flags & wire.SOLICIT:
            self.report_at = min(self.report_at, self.sync_at + random.random() * sync.grtt)
        if self.ask_at is None and any(self.wanting()):
            self.ask_at = self.sync_at + random.random() * max(sync.backoff, 1) * sync.grtt

    def take_symbol(self, body):
        block, length, symbol = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:7], "big"), body[7]
        if block in self.blocks or block in self.checking or not self.has_place(block):
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
        self.checking[block] = (self.hasher.submit(derive_key, self.context(block), data), data)

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
        self.check_waiting()

    def check_waiting(self):
        """Checks blocks that were complete before their digest was known."""
        for waiting in list(self.symbols):
            have = self.symbols[waiting]
            if waiting not in self.blocks and self.digest(waiting) and len(have) >= self.k(waiting):
                self.check(waiting, wire.reconstruct(have, self.k(waiting))[:self.lengths[waiting]])

    def zeros(self, block, length, digest, known={}):
        """Blocks of zeros do not travel: their digests say what they are."""
        if length not in known:
            known[length] = derive_key(self.context(block), bytes(length))
        if digest == known[length]:
            self.blocks[block] = bytes(length)

    # What is said.

    def wanting(self):
        """Blocks that the pass has left behind, with what they lack beyond what is advertised."""
        if not self.sync:
            return
        now = time.monotonic()
        for block in self.left_behind():
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
        flags = (wire.DONE if done else 0) | self.about_forgers()
        body = wire.feedback(sync, now - self.sync_at, self.high, len(self.blocks), self.declared, self.received,
                             flags, nacks, ranges)
        self.declared = self.received = 0
        return self.keys.seal(self.about_pages() + body)

    def receive(self, packets):
        out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        heard = time.monotonic()
        while len(self.blocks) < self.total and not self.over and time.monotonic() - heard < 10:
            if not packets:
                time.sleep(0.002)
            self.checked()
            self.tick()
            for _ in range(min(len(packets), 64)):
                packet, source, at = packets.popleft()
                if source == self.offer.source:
                    heard = time.monotonic()
                    self.take(packet, at)
            if self.ask_at is None and any(self.wanting()):
                self.ask_at = time.monotonic() + random.random() * max(self.sync.backoff, 1) * self.sync.grtt
            if body := self.due():
                out.sendto(body, self.server)
        self.checked(wait=True)
        if len(self.blocks) < self.total:
            say("the session ended first" if self.over else "nothing was heard for 10 s")
        self.report_at = 0
        if len(self.blocks) == self.total and (body := self.due()):
            out.sendto(body, self.server)
        return len(self.blocks) - self.had

    def fetch_rest(self):
        for block in range(self.total):
            if block in self.blocks:
                continue
            data = self.control.blocks(self.offer.transfer, block, 1)
            self.lengths[block] = len(data)
            self.check(block, data)
            self.checked(wait=True)

    # The end.

    def files(self):
        """(kind, mode, mtime, path, content or target) of what is delivered, compared with what was signed."""
        head, at = self.offer.head(), 0
        stream = b"".join(self.blocks[b] for b in range(head, self.total))
        for kind, mode, mtime, size, digest, path, target in self.manifest.files:
            data = stream[at:at + size] if kind == 0 else target
            if kind == 0:
                at += size
                if hashlib.sha256(data).digest() != digest:
                    raise SystemExit(f"{path!r} is not what was signed")
            yield kind, mode, mtime, path, data

    def receipt(self, key, device, sequence, path):
        """The receipt of a transfer that was delivered."""
        o = self.offer
        signed = (b"groupcast/1 receipt\0" + o.server + o.group + struct.pack(">Q", o.transfer) + o.index_digest
                  + device + struct.pack(">Q", sequence) + b"verified")
        return {"transfer": o.transfer, "root": o.index_digest.hex(), "outcome": "verified", "path": path,
                "sequence": sequence, "signature": base64_of(key.sign(signed))}


def say(text):
    print(text, flush=True)

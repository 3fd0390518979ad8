"""What arrives of one paged transfer: a session of docs/format-2.md."""

import struct
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import blake3
import format2
import marked
import wire
import wire2
from control import base64_of
from session import Session, say


class Paged(Session):
    version = 2

    def __init__(self, control, key, offered):
        super().__init__(control, key, offered)
        self.chain, self.sync_key = wire2.Chain(self.offer), Ed25519PublicKey.from_public_bytes(self.offer.sync_key)
        self.lengths[0] = 32 * self.offer.skeleton_blocks
        for n in range(self.offer.skeleton_blocks):
            self.lengths[1 + n] = min(wire.BLOCK, self.offer.skeleton_bytes - n * wire.BLOCK)
        self.skeleton = self.book = None
        self.pages, self.passed, self.fetched = {}, {}, 0
        self.waiting, self.reported = None, 0
        if self.offer.flags & wire2.MACS:
            self.waiting = marked.Held(self.offer, lambda: control.clocks(self.offer.session, 3))

    def read_offer(self, raw):
        return wire2.Offer(raw)

    def read_sync(self, body):
        return wire2.Sync(self.offer, body, self.sync_key, self.chain)

    def ready(self):
        return super().ready() | {"transfer_id": self.offer.transfer_id.hex()}

    # Mode delta: what is here already.

    def look(self, folder):
        """Of a transfer of mode delta: has all pages, and the blocks that files of these names below a folder have."""
        if not self.offer.flags & wire2.DELTA:
            return
        self.said = 0.0
        self.say_looking()
        self.fetch_skeleton()
        while not self.book.final:
            self.say_looking()
            self.fetch_pages(self.book.next)
        content = self.older(folder)
        for b, leaf in self.book.leaves.items():
            self.say_looking()
            block, (at, length) = self.offer.head() + b, self.book.blocks[b]
            data = bytes(content[at:at + length])
            if block not in self.blocks and format2.derived("block", data) == leaf:
                self.blocks[block] = data
        self.had = len(self.blocks)
        say(f"looked: {self.offer.blocks - len(self.lacking())} of {self.offer.blocks} blocks of the stream are here")

    def say_looking(self):
        """Says at once and every 30 s that it looks, for at most five minutes without a further word."""
        if time.monotonic() - self.said > 30 or not self.said:
            self.said = time.monotonic()
            ready = {"lacks_all": False, "looking": True, "eta_s": 300}
            self.control.call("POST", "/agent/ready", self.ready() | ready)

    def older(self, folder):
        """The stream as the files are now that have its names."""
        out = bytearray()
        for entry, size in self.book.order:
            path = folder / self.book.entries[entry][3]
            data = path.read_bytes()[:size] if path.is_file() and not path.is_symlink() else b""
            out += data.ljust(size, b"\0")
        return out

    def lacking(self):
        """The blocks of the stream that are not here."""
        return [b for b in range(self.offer.blocks) if self.offer.head() + b not in self.blocks]

    def answer(self):
        if not self.offer.flags & wire2.DELTA:
            return super().answer()
        raw = format2.lacks(self.offer.blocks, self.lacking())
        ready = self.ready() | {"lacks_all": False, "lacks_digest": format2.derived("lacks", raw).hex()}
        answer = self.control.call("POST", "/agent/ready", ready)
        if answer.get("lacks") == "send":
            self.control.keep_lacks(self.offer.transfer, raw)
            answer = self.control.call("POST", "/agent/ready", ready)
        return answer

    def about_pages(self):
        return struct.pack(">I", self.book.next if self.book else 0)

    # Blocks by their numbers.

    def page_of(self, block):
        """The number of the page that a block is; None for others."""
        number = block - self.offer.first_page()
        return number if 0 <= number < self.offer.pages else None

    def has_place(self, block):
        number = self.page_of(block)
        if number is not None:
            return self.sync and number < self.sync.pages and block in self.lengths
        return super().has_place(block)

    def left_behind(self):
        for block in super().left_behind():
            number = self.page_of(block)
            if number is None:
                yield block
        for number in range(self.sync.page_front):
            if self.offer.first_page() + number in self.lengths:
                yield self.offer.first_page() + number

    def context(self, block):
        return "groupcast 2 skeleton" if block == 0 else "groupcast 2 block"

    def digest(self, block):
        if block == 0:
            return self.offer.skeleton
        if block < self.offer.first_page():
            return self.index[32 * (block - 1):32 * block] if self.index else None
        if self.page_of(block) is not None:
            return b"its signature"
        return self.book.leaves.get(block - self.offer.head()) if self.book else None

    # What comes. With MACs it waits, data and SYNCs alike, until the sender disclosed the keys of what is before it.

    def receive(self, packets):
        try:
            if self.waiting:
                self.waiting.keep_time(time.monotonic())
            by_multicast = super().receive(packets)
        except marked.TooFar:
            say("the server is too far away for a session with MACs: everything comes over HTTPS")
            return 0
        if self.waiting:
            say(f"MACs: {self.waiting.judged} right, {self.waiting.forged} forged, {self.waiting.late} too late")
        return by_multicast

    def take_data(self, packet, at, number, body):
        if not self.waiting:
            super().take_data(packet, at, number, body)
        elif len(body) == self.offer.symbol + 8 + 1 + marked.MAC:
            self.waiting.keep(at, packet, number, body)

    def heed(self, sync):
        if not self.waiting or self.sync is None or sync.flags & wire.END:
            super().heed(sync)
        else:
            self.waiting.keep_sync(sync)
        if not self.waiting:
            return
        for held in self.waiting.release(sync.index, sync.element, sync.last):
            if isinstance(held, tuple):
                self.place(*held)
            else:
                self.take_sync(held)

    def about_forgers(self):
        forged = self.waiting.forged if self.waiting else 0
        mismatch, self.reported = forged > self.reported, forged
        return wire.MISMATCH if mismatch else 0

    def take_sync(self, sync):
        super().take_sync(sync)
        if self.sync is not sync:
            return
        for number, length in enumerate(sync.lengths, sync.pages - len(sync.lengths)):
            self.lengths.setdefault(self.offer.first_page() + number, length)
        for number in range(sync.page_front):
            self.passed.setdefault(number, time.monotonic())

    def check(self, block, data):
        number = self.page_of(block)
        if number is None:
            super().check(block, data)
            return
        self.symbols.pop(block, None)
        try:
            self.keep_page(number, data)
        except (ValueError, InvalidSignature):
            self.fetch_pages(number)

    def keep(self, block, data):
        self.blocks[block] = data
        m = self.offer.skeleton_blocks
        if block == 0:
            self.index = data
        elif block <= m and all(b in self.blocks for b in range(m + 1)):
            self.know(b"".join(self.blocks[b] for b in range(1, m + 1)))
        else:
            return
        self.check_waiting()

    def know(self, raw):
        """Takes the skeleton, and the pages that waited for it."""
        entries = wire2.skeleton(raw)
        self.skeleton, self.book = raw, wire2.Book(entries)
        o = self.offer
        said = len(raw), len(entries), len(self.book.blocks), sum(e[4] for e in entries if e[0] == 0)
        if said != (o.skeleton_bytes, o.entries, o.blocks, o.bytes):
            raise SystemExit("the skeleton does not agree with the offer")
        for number, (_, length) in enumerate(self.book.blocks, o.head()):
            if self.lengths.get(number, length) != length:  # said before it was known
                self.symbols.pop(number, None)
            self.lengths[number] = length
        self.turn_pages()

    def keep_page(self, number, raw):
        """Takes a page in any order; ValueError or InvalidSignature if it is none of this edition."""
        page = wire2.Page(self.offer, raw, self.key)
        if page.number != number:
            raise ValueError("a page with another number")
        if self.pages.setdefault(number, page).raw != raw:
            raise SystemExit("two pages for one number")
        self.blocks[self.offer.first_page() + number] = raw
        self.turn_pages()

    def turn_pages(self):
        while self.book and self.book.next in self.pages and not self.book.final:
            page = self.pages[self.book.next]
            self.book.take(page)
            for b in range(page.first, page.first + len(page.leaves)):
                block, length = self.offer.head() + b, self.book.blocks[b][1]
                self.zeros(block, length, self.book.leaves[b])
            self.let_go()
        self.check_waiting()

    def let_go(self):
        """Holds what nobody sends: blocks of void files and, with the final page, page numbers that are not used."""
        for b in self.book.nobodys():
            self.blocks[self.offer.head() + b] = bytes(self.book.blocks[b][1])
        if self.book.final:
            for number in range(self.book.next, self.offer.pages):
                self.blocks[self.offer.first_page() + number] = b""
        for block in [b for b in self.symbols if b in self.blocks]:
            del self.symbols[block]

    # What comes over HTTPS.

    def tick(self):
        now = time.monotonic()
        if self.waiting:
            self.waiting.keep_time(now)
        for number, since in self.passed.items():
            if now - since > 0.25 and number not in self.pages:
                self.fetch_pages(number)
                return

    def fetch_pages(self, first):
        """The pages from one on; False: there is none."""
        got = self.control.pages(self.offer.transfer, first)
        for number, raw in enumerate(got, first):
            self.fetched += number not in self.pages
            self.keep_page(number, raw)
        return bool(got)

    def fetch_skeleton(self):
        raw = self.control.skeleton(self.offer.transfer)
        self.index = format2.index(raw)
        if format2.derived("skeleton", self.index) != self.offer.skeleton:
            raise SystemExit("the skeleton is not what was signed")
        self.blocks[0] = self.index
        for n in range(self.offer.skeleton_blocks):
            self.blocks[1 + n] = raw[n * wire.BLOCK:(n + 1) * wire.BLOCK]
        self.know(raw)

    def fetch_rest(self):
        if not self.book:
            self.fetch_skeleton()
        while not self.book.final:
            self.fetch_pages(self.book.next)
        self.checked(wait=True)
        for b in range(self.offer.blocks):
            if self.offer.head() + b not in self.blocks:
                self.fetch_block(b)
        self.checked(wait=True)
        self.compare()

    def fetch_block(self, b):
        raw = self.control.stream(self.offer.transfer, b, 1)
        if int.from_bytes(raw[:4], "big") != b or len(raw) != 4 + self.book.blocks[b][1]:
            raise SystemExit(f"block {b} of the stream did not come")
        self.check(self.offer.head() + b, raw[4:])

    def compare(self):
        """HTTPS gives what came by multicast: the skeleton, all pages, and the first blocks of the stream."""
        o, first = self.offer, self.offer.first_page()
        same = self.control.skeleton(o.transfer) == self.skeleton
        got = []
        while len(got) < self.book.next:
            got += self.control.pages(o.transfer, len(got))
        same = same and got == [self.blocks[first + n] for n in range(self.book.next)]
        void = self.book.nobodys()
        blocks = [b for b in range(min(o.blocks, 4)) if b not in void]
        if blocks:
            want = b"".join(struct.pack(">I", b) + self.blocks[o.head() + b] for b in blocks)
            same = same and self.control.stream(o.transfer, blocks[0], blocks[-1] + 1 - blocks[0]) == want
        say(f"skeleton of {len(self.skeleton)} bytes, {self.book.next} pages, {self.fetched} of them over HTTPS, "
            f"{len(self.book.void)} void files; over HTTPS it is the same: {same}")

    # The end.

    def files(self):
        """(kind, mode, mtime, path, content or target) of what is delivered, compared with what was signed."""
        head, at, content = self.offer.head(), 0, {}
        stream = b"".join(self.blocks[b] for b in range(head, self.total))
        for entry, size in self.book.order:
            content[entry], at = stream[at:at + size], at + size
        for n, (kind, mode, mtime, path, what) in enumerate(self.book.entries):
            if kind != 0:
                yield kind, mode, mtime, path, what
            elif n not in self.book.void:
                data = content.get(n, b"")
                if self.hasher.submit(blake3.digest, data).result() != self.book.finished[n]:
                    raise SystemExit(f"{path!r} is not what was signed")
                yield kind, mode, mtime, path, data

    def receipt(self, key, device, sequence, path):
        o, void, nothing = self.offer, len(self.book.void), wire.entries_digest([])
        way = 1 if path == "multicast" else 2
        signed = format2.receipt(o.terms(), self.book.root, device, o.site, sequence, 1, way, (o.entries, 0, 0, void),
                                 o.bytes, b"", nothing)
        return {"transfer": o.transfer, "root": self.book.root.hex(), "outcome": "verified", "path": path,
                "sequence": sequence, "version": 3, "entries": o.entries, "void": void, "bytes": o.bytes,
                "list": nothing.hex(), "signature": base64_of(key.sign(signed)),
                "paged": {"transfer_id": o.transfer_id.hex(), "skeleton": o.skeleton.hex(), "edition": o.edition,
                          "site": o.site.hex()}}

"""Reading the messages of docs/format-2.md: offer, SYNC, skeleton, page. format2.py writes them; what is read is
written again, and has to be the same bytes."""

import hashlib
import struct

import format2
import wire

MULTICAST, MACS, DELTA, UNDERSTOOD = 1, 2, 8, 1 | 2 | 4 | 8  # flags of offers; 4 is STAGED
STARVED, FINAL = 8, 16  # flags of SYNCs
KNOWN = 1 | 2 | 4 | STARVED | FINAL


def same(written, raw, what):
    if written != raw:
        raise ValueError(f"{what} is not in the one encoding it has")


class Offer:
    """A signed offer (§4); raises ValueError for one that this program cannot take."""

    NUMBERS = {"membership", "number", "floor", "transfer", "site_epoch", "slot", "lag", "skeleton_bytes", "edition",
               "pages", "bytes", "entries", "blocks", "symbol", "max_k", "codec", "hash", "aead", "cutter", "life",
               "group_port", "source_port", "feedback_port", "relay_port", "flags"}

    def __init__(self, raw):
        fields, at = {}, 18
        for name, width in format2.OFFER:
            value, at = raw[at:at + width], at + width
            fields[name] = int.from_bytes(value, "big") if name in self.NUMBERS else value
        same(format2.offer(fields), raw, "the offer")
        if [fields[n] for n in ("codec", "hash", "aead", "cutter")] != [1, 4, 1, 1] or fields["flags"] & ~UNDERSTOOD:
            raise ValueError("the offer needs a newer program")
        bounds = {"skeleton_bytes": (24, 128 << 20), "pages": (1, 65536), "edition": (1, 1 << 32), "lag": (2, 8)}
        if any(not low <= fields[name] <= high for name, (low, high) in bounds.items()):
            raise ValueError("the offer is out of bounds")
        if any(fields["site"]) or any(fields["relay"]):
            raise ValueError("the offer is of another site")
        self.__dict__.update(fields, raw=raw)
        self.source = wire.dotted(self.source) if self.flags & MULTICAST else None
        self.skeleton_blocks = -(-self.skeleton_bytes // wire.BLOCK)

    def first_page(self):
        return 1 + self.skeleton_blocks

    def head(self):
        """Blocks before the stream's: the index, the skeleton and the pages."""
        return self.first_page() + self.pages

    def terms(self):
        return self.server, self.group, self.transfer, self.transfer_id, self.skeleton, self.edition


class Chain:
    """The elements that SYNCs bring (§5)."""

    def __init__(self, offer):
        self.session, self.index, self.element = offer.session, 0, offer.anchor

    def take(self, index, element):
        """Whether an element leads to the last one; it is kept by accept."""
        if not 0 <= index - self.index <= 256:
            return False
        for _ in range(index - self.index):
            element = hashlib.sha256(b"groupcast/2 chain\0" + self.session + element).digest()[:16]
        return element == self.element

    def accept(self, index, element):
        self.index, self.element = index, element


class Sync:
    """A SYNC (§6): the chain first, then the signature, then what it says."""

    FORMAT = struct.Struct(">QHIIBQ6s6sIIIIII")

    def __init__(self, offer, body, key, chain):
        if len(body) < 28 + 65 + 64:
            raise ValueError("too short for a SYNC")
        self.sequence, index = struct.unpack_from(">QI", body)
        element = body[12:28]
        self.index, self.element = index, element
        if not chain.take(index, element):
            raise ValueError("the chain does not lead there")
        key.verify(body[-64:], b"groupcast/2 sync\0" + hashlib.sha256(offer.raw).digest() + body[:-64])
        chain.accept(index, element)
        said, at = body[28:-64], 63
        (self.sent_at, self.flags, grtt, self.group_size, self.backoff, self.rate, first, last, self.low, self.high,
         self.front, interval, self.pages, self.page_front) = self.FORMAT.unpack(said[:at])
        self.grtt, self.interval = grtt / 1e6, interval / 1e6
        self.first, self.last = int.from_bytes(first, "big"), int.from_bytes(last, "big")
        self.lengths, at = self._list(said, at, 3, lambda b: int.from_bytes(b, "big"))
        self.gaps, at = self._list(said, at, 12, lambda b: (int.from_bytes(b[:6], "big"), int.from_bytes(b[6:], "big")))
        repairs, at = self._list(said, at, 5, lambda b: struct.unpack(">IB", b))
        self.repairs = dict(repairs)
        if at != len(said) or self.flags & ~KNOWN or self.page_front > self.pages:
            raise ValueError("no SYNC")
        if len(self.lengths) > min(16, self.pages) or self.pages > offer.pages:
            raise ValueError("no SYNC")

    @staticmethod
    def _list(said, at, width, read):
        n, at = said[at], at + 1
        return [read(said[at + width * i:at + width * (i + 1)]) for i in range(n)], at + width * n

    def gone(self):
        """How many packets of its range were sent."""
        return max(self.last - self.first + 1, 0) - sum(b - a + 1 for a, b in self.gaps)


def skeleton(raw):
    """The entries of a skeleton (§2), as format2.skeleton takes them."""
    if raw[:4] != b"GCS2":
        raise ValueError("no skeleton")
    at, last, entries = 24, b"", []

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte, at = raw[at], at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number that is too long")

    for _ in range(int.from_bytes(raw[4:8], "big")):
        kind, mode, mtime = struct.unpack_from(">BHq", raw, at)
        at += 11
        shared, rest = number(), number()
        path, at = last[:shared] + raw[at:at + rest], at + rest
        what = None
        if kind == 0:
            what = number()
        elif kind == 2:
            length = number()
            what, at = raw[at:at + length].decode(), at + length
        elif kind != 1:
            raise ValueError("an entry of another kind")
        if path <= last and entries or mode > 0o777:
            raise ValueError("entries that are out of order")
        entries.append((kind, mode, mtime, path.decode(), what))
        last = path
    paths = {e[3]: e[0] for e in entries}
    for path in paths:
        parts = path.split("/")
        if any(paths.get("/".join(parts[:n]), 1) != 1 for n in range(1, len(parts))):
            raise ValueError("a path below a file")
    same(format2.skeleton(entries), raw, "the skeleton")
    return entries


class Page:
    """One page (§3), signed by the server's key and of this offer's edition."""

    FIXED = struct.Struct(">IB32sIQIIQ")

    def __init__(self, offer, raw, key):
        self.raw, self.signed = raw, raw[:-64]
        try:
            self._parse(offer.terms())
        except struct.error as e:
            raise ValueError("no page") from e
        key.verify(raw[-64:], self.signed)

    def _parse(self, terms):
        begin = 17 + 32 + 16 + 8 + 16 + 32 + 4
        (self.number, flags, self.previous, self.first, self.offset, self.files, self.blocks,
         self.bytes) = self.FIXED.unpack_from(self.signed, begin)
        self.final, at = flags == 1, begin + self.FIXED.size
        self.leaves, at = self._list(at, 32, 4096, bytes)
        self.finished, at = self._list(at, 36, 2048, lambda b: (int.from_bytes(b[:4], "big"), b[4:]))
        self.void, at = self._list(at, 5, 2048, lambda b: (int.from_bytes(b[:4], "big"), b[4]))
        if flags > 1 or any(reason == 0 for _, reason in self.void):
            raise ValueError("a page of a newer kind")
        written = format2.page(terms, self.number, self.final, self.previous, self.first, self.offset, self.files,
                               self.blocks, self.bytes, self.leaves, self.finished, self.void)
        same(written, self.signed, "the page")

    def _list(self, at, width, most, read):
        n, = struct.unpack_from(">I", self.signed, at)
        if n > most or at + 4 + n * width > len(self.signed):
            raise ValueError("a list that is too long")
        return [read(self.signed[at + 4 + width * i:at + 4 + width * (i + 1)]) for i in range(n)], at + 4 + n * width

    def digest(self, context):
        return format2.derived(context, self.signed)


class Book:
    """What the skeleton and the pages so far say; take is what is checked of the next page in its order (§3)."""

    def __init__(self, entries):
        self.entries = entries
        self.blocks, self.order = format2.cut(entries)
        self.of = [set() for _ in self.blocks]  # the files whose bytes a block has
        begins = {offset: b for b, (offset, _) in enumerate(self.blocks)}
        at, block = 0, 0
        for entry, size in self.order:
            block = begins.get(at, block)
            end = at + size
            while block < len(self.blocks) and self.blocks[block][0] < end:
                self.of[block].add(entry)
                block += 1
            block, at = block - 1, end
        self.next, self.previous, self.end, self.final, self.root = 0, bytes(32), 0, False, bytes(32)
        self.finished, self.void, self.leaves, self.bytes = {}, {}, {}, 0

    def take(self, page):
        first, n = page.first, len(page.leaves)
        listed = [e for e, _ in page.finished] + [e for e, _ in page.void]
        self._need(page.number == self.next and not self.final, "the chain")
        self._need(page.previous == self.previous, "what is before it")
        for entries in ([e for e, _ in page.finished], [e for e, _ in page.void]):
            self._need(all(a < b for a, b in zip(entries, entries[1:])), "the order of its lists")
        for e in listed:
            self._need(e < len(self.entries) and self.entries[e][0] == 0, "an entry that is no file")
        self._need(len(set(listed)) == len(listed) and not set(listed) & (set(self.finished) | set(self.void)),
                   "two words for a file")
        void = set(self.void) | {e for e, _ in page.void}
        self._need(self.end <= first and first + n <= len(self.blocks) and (n or first == self.end), "its first block")
        self._need(all(self.of[b] <= void for b in range(self.end, first)), "blocks that it steps over")
        offset = self.blocks[first][0] if first < len(self.blocks) else sum(size for _, size in self.order)
        self._need(page.offset == offset, "its first offset")
        leaves = {**self.leaves, **{first + i: leaf for i, leaf in enumerate(page.leaves)}}
        size = self.bytes + sum(self.blocks[b][1] for b in range(first, first + n))
        counts = len(self.finished) + len(self.void) + len(listed), len(leaves), size
        self._need((page.files, page.blocks, page.bytes) == counts, "its counts")
        done = {e for e, _ in page.finished}
        self._need(all(b in leaves for b in range(len(self.blocks)) if self.of[b] & done), "files without their blocks")
        self._need(page.final or n or listed, "a page with nothing in it")
        if page.final:
            files = sum(e[0] == 0 for e in self.entries)
            self._need(page.files == files, "files that no page lists")
            covered = all(b in leaves or self.of[b] <= void for b in range(len(self.blocks)))
            self._need(covered, "blocks that no page covers")
            self.final, self.root = True, page.digest("root")
        self.next, self.previous, self.end = self.next + 1, page.digest("page"), first + n
        self.leaves, self.bytes = leaves, size
        self.finished.update(page.finished)
        self.void.update(page.void)

    @staticmethod
    def _need(right, what):
        if not right:
            raise SystemExit(f"a fault of the server in a page: {what}")

    def nobodys(self):
        """Blocks that are held because all of their bytes are of void files, as far as they are not covered or are."""
        return [b for b in range(len(self.blocks)) if self.of[b] and self.of[b] <= set(self.void)]

"""Reads the vectors of testdata/format2.json as a receiver does (wire2.py), and its pages with each byte changed and
signed again: all are refused but those with another digest of content."""

import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import format2
import wire2


FLAGS = 17 + 32 + 16 + 8 + 16 + 32 + 4 + 4  # where a page has them


class Terms:
    """As much of an offer as pages are compared with."""

    def __init__(self, skeleton):
        self.skeleton = skeleton

    def terms(self):
        return b"V" * 32, b"G" * 16, 7, b"T" * 16, self.skeleton, 1


def opaque(page):
    """The bytes of a page that are digests of content: whatever they are, they are believed."""
    at = len(page.signed) - 8 - 5 * len(page.void) - 36 * len(page.finished) - 32 * len(page.leaves)
    out = set(range(at, at + 32 * len(page.leaves)))
    at += 32 * len(page.leaves) + 4
    for n in range(len(page.finished)):
        out |= set(range(at + 36 * n + 4, at + 36 * n + 36))
    return out


def main():
    vectors = json.loads(format2.HERE.read_text())
    entries = wire2.skeleton(bytes.fromhex(vectors["skeleton"]["bytes"]))
    if entries != format2.ENTRIES:
        raise SystemExit("the skeleton is read otherwise than it was written")
    terms = Terms(bytes.fromhex(vectors["skeleton"]["digest"]))
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vectors["keys"]["server_seed"]))
    raws = [bytes.fromhex(p["signed"] + p["signature"]) for p in vectors["pages"]]
    tried = 0
    for number, raw in enumerate(raws):
        page = wire2.Page(terms, raw, key.public_key())
        spared = opaque(page)
        if page.final:
            spared.add(FLAGS)  # without FINAL it may still be followed by one that has it
        for at in range(len(page.signed)):
            if at not in spared:
                tried += 1
                changed = page.signed[:at] + bytes([page.signed[at] ^ 1]) + page.signed[at + 1:]
                refuse(terms, key, entries, raws[:number], changed, f"byte {at} of page {number}")
        try:
            wire2.Page(terms, raw[:-1] + bytes([raw[-1] ^ 1]), key.public_key())
            raise SystemExit("a wrong signature was taken")
        except InvalidSignature:
            pass
    book = book_of(terms, key, entries, raws)
    if not book.final or book.root != bytes.fromhex(vectors["root"]) or len(book.void) != 1:
        raise SystemExit("the pages say something else than was written")
    print(f"{len(raws)} pages, {tried} changed ones refused")


def book_of(terms, key, entries, raws):
    book = wire2.Book(entries)
    for raw in raws:
        book.take(wire2.Page(terms, raw, key.public_key()))
    return book


def refuse(terms, key, entries, before, signed, what):
    book = book_of(terms, key, entries, before)
    try:
        book.take(wire2.Page(terms, signed + key.sign(signed), key.public_key()))
    except (ValueError, SystemExit):
        return
    raise SystemExit(f"taken: {what}")


if __name__ == "__main__":
    main()

"""The formats of docs/format-2.md, written from that page alone: a second implementation of its messages, keys and
signatures. `python3 format2.py` writes testdata/format2.json, `python3 format2.py --check` compares it. The tests in Go of
internal/format2, internal/seal, internal/skeleton and internal/pages read that file."""

import hashlib
import hmac
import json
import pathlib
import struct
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import blake3

BLOCK = 230400
BIG = 1 << 20
HERE = pathlib.Path(__file__).parent / "testdata" / "format2.json"


# Numbers and digests.

def u(value, width):
    return value.to_bytes(width, "big")


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def derived(context, data):
    return blake3.derive_key("groupcast 2 " + context, data)


def expand(key, label, fields, length):
    info = b"groupcast/2 " + label + b"\0" + b"".join(u(len(f), 2) + f for f in fields)
    return hmac.new(key, info + b"\1", hashlib.sha256).digest()[:length]


def extract(salt, secret):
    return hmac.new(salt, secret, hashlib.sha256).digest()


# Section 2: the skeleton and the cut.

def skeleton(entries):
    """entries: (kind, mode, mtime, path, size or target), in order."""
    files = [e[4] for e in entries if e[0] == 0]
    out = b"GCS2" + u(len(entries), 4) + u(sum(n for n in files if n < BIG), 8) + u(sum(n for n in files if n >= BIG), 8)
    last = b""
    for kind, mode, mtime, path, what in entries:
        path = path.encode()
        shared = 0
        while shared < min(len(path), len(last)) and path[shared] == last[shared]:
            shared += 1
        out += bytes([kind]) + u(mode, 2) + struct.pack(">q", mtime) + varint(shared) + varint(len(path) - shared)
        out += path[shared:]
        if kind == 0:
            out += varint(what)
        elif kind == 2:
            out += varint(len(what)) + what.encode()
        last = path
    return out


def index(raw):
    return b"".join(derived("block", raw[at:at + BLOCK]) for at in range(0, len(raw), BLOCK))


def cut(entries):
    """Blocks as (offset, length), and the files in the order of the stream as (entry, size)."""
    sizes = [(i, e[4]) for i, e in enumerate(entries) if e[0] == 0 and e[4] > 0]
    small, big = [s for s in sizes if s[1] < BIG], [s for s in sizes if s[1] >= BIG]
    blocks, at = [], 0
    for total in [sum(n for _, n in small)] + [n for _, n in big]:
        for begin in range(0, total, BLOCK):
            blocks.append((at + begin, min(BLOCK, total - begin)))
        at += total
    return blocks, small + big


# Section 3: pages.

def page(terms, number, final, previous, first, offset, files, blocks, length, leaves, finished, void):
    server, group, transfer, transfer_id, digest, edition = terms
    out = b"groupcast/2 page\0" + server + group + u(transfer, 8) + transfer_id + digest + u(edition, 4) + u(number, 4)
    out += bytes([final]) + previous + u(first, 4) + u(offset, 8) + u(files, 4) + u(blocks, 4) + u(length, 8)
    out += u(len(leaves), 4) + b"".join(leaves)
    out += u(len(finished), 4) + b"".join(u(entry, 4) + digest for entry, digest in finished)
    return out + u(len(void), 4) + b"".join(u(entry, 4) + bytes([reason]) for entry, reason in void)


# Section 4: the offer.

OFFER = [("server", 32), ("group", 16), ("membership", 8), ("number", 8), ("floor", 8), ("transfer", 8), ("transfer_id", 16),
         ("site", 16), ("site_epoch", 8), ("relay", 16), ("session", 16), ("tag", 4), ("key_check", 16), ("sync_key", 32),
         ("anchor", 16), ("slot", 2), ("lag", 1), ("skeleton", 32), ("skeleton_bytes", 8), ("edition", 4), ("pages", 4),
         ("bytes", 8), ("entries", 4), ("blocks", 4), ("symbol", 2), ("max_k", 1), ("codec", 1), ("hash", 1), ("aead", 1),
         ("cutter", 1), ("life", 4), ("group_address", 16), ("group_port", 2), ("source", 16), ("source_port", 2),
         ("feedback_port", 2), ("relay_port", 2), ("flags", 2)]


def field(value, width):
    return value if isinstance(value, bytes) else u(value, width)


def offer(fields):
    return b"groupcast/2 offer\0" + b"".join(field(fields[name], width) for name, width in OFFER)


def opened(fields):
    """What a relay and the key of its SYNCs sign."""
    names = ("server", "site", "site_epoch", "relay", "session", "key_check", "sync_key", "anchor", "source", "source_port",
             "feedback_port", "relay_port")
    widths = dict(OFFER)
    return b"groupcast/2 sync-key\0" + b"".join(field(fields[n], widths[n]) for n in names)


# Sections 5 to 7: keys, packets, feedback.

def chain(session, last, n):
    """C_0 … C_n."""
    out = [last]
    for _ in range(n):
        out.append(hashlib.sha256(b"groupcast/2 chain\0" + session + out[-1]).digest()[:16])
    return out[::-1]


class Keys:
    def __init__(self, offer_bytes, secret):
        self.salt = hashlib.sha256(offer_bytes).digest()
        self.prk = extract(self.salt, secret)

    def seal(self, kind, tag, number, body):
        header = bytes([2 << 4 | kind]) + tag + u(number, 6)
        phase = u(number >> 28, 4)
        iv = int.from_bytes(expand(self.prk, b"data iv", [phase], 12), "big")
        return header + AESGCM(expand(self.prk, b"data key", [phase], 32)).encrypt(u(iv ^ number, 12), body, header)

    def mac(self, slot, element, number, plain):
        key = expand(extract(self.salt, element), b"symbol mac", [u(slot, 4)], 32)
        return AESGCM(key).encrypt(u(number, 12), b"", plain)[:7]


def sync_body(s):
    out = u(s["sent_at"], 8) + u(s["flags"], 2) + u(s["grtt"], 4) + u(s["group_size"], 4) + u(s["backoff"], 1)
    out += u(s["rate"], 8) + u(s["range"][0], 6) + u(s["range"][1], 6) + u(s["window"][0], 4) + u(s["window"][1], 4)
    out += u(s["front"], 4) + u(s["interval"], 4) + u(s["pages"], 4) + u(s["page_front"], 4)
    out += bytes([len(s["lengths"])]) + b"".join(u(n, 3) for n in s["lengths"])
    out += bytes([len(s["gaps"])]) + b"".join(u(a, 6) + u(b, 6) for a, b in s["gaps"])
    return out + bytes([len(s["repairs"])]) + b"".join(u(b, 4) + u(n, 1) for b, n in s["repairs"])


def feedback(key, fb_id, counter, body):
    header = bytes([2 << 4 | 8]) + fb_id + u(counter, 6)
    return header + AESGCM(key).encrypt(u(counter, 12), body, header)


# Section 8: lacks and receipts.

def lacks(blocks, members):
    out, members = b"GCL2" + u(blocks, 4), set(members)
    for low in range(0, blocks, 65536):
        out += lacks_chunk([n in members for n in range(low, min(low + 65536, blocks))])
    return out


def lacks_chunk(has):
    runs, at = [], 0
    while at < len(has):
        begin = at
        while at < len(has) and not has[at]:
            at += 1
        first = at
        while at < len(has) and has[at]:
            at += 1
        if at > first:
            runs.append((first - begin, at - first))
    if not runs:
        return b"\0"
    if runs == [(0, len(has))]:
        return b"\1"
    listed = u(len(runs) & 0xFFFF, 2) + b"".join(varint(gap) + varint(length) for gap, length in runs)
    bits = bytearray((len(has) + 7) // 8)
    if len(listed) < len(bits):
        return b"\2" + listed
    for i, x in enumerate(has):
        if x:
            bits[i // 8] |= 1 << i % 8
    return b"\3" + bytes(bits)


def receipt(terms, root, device, site, sequence, outcome, path, counts, size, reason, listed):
    server, group, transfer, transfer_id, digest, edition = terms
    out = b"groupcast/2 receipt\0" + server + group + u(transfer, 8) + transfer_id + digest + u(edition, 4) + root
    out += device + site + u(sequence, 8) + bytes([outcome, path]) + b"".join(u(n, 4) for n in counts) + u(size, 8)
    return out + hashlib.sha256(reason).digest() + listed


# One transfer, with everything in it.

def content(entry, size):
    """The bytes of a file; entry 5 has a block of zeros in its middle."""
    data = bytes((entry * 7 + i) % 251 for i in range(251)) * (size // 251 + 1)
    data = data[:size]
    if entry == 5:
        data = data[:BLOCK] + bytes(BLOCK) + data[2 * BLOCK:]
    return data


ENTRIES = [(1, 0o755, 1700000000000000000, "a", None), (0, 0o644, 1700000000000000001, "a/empty", 0),
           (0, 0o600, -5, "a/large", 1_400_000), (0, 0o644, 3, "a/largest", 300_001), (2, 0o777, 4, "a/link", "large"),
           (0, 0o755, 5, "b.bin", 1_048_576), (0, 0o444, 9_218_868_437_000_000_007, "ü/ä.txt", 7)]


def person(seed):
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return key, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def address(text):
    return bytes(10) + b"\xff\xff" + bytes(int(n) for n in text.split("."))


def pages(key, terms, blocks, order, raw):
    """Page 0 has block 0, page 1 the next three and two files, page 2 says that entry 5 changed after its third block."""
    leaves = [derived("block", raw[at:at + n]) for at, n in blocks]
    done = {i: blake3.digest(content(i, n)) for i, n in order}
    done[1] = blake3.digest(b"")
    small, large = 2, 7  # blocks of the small files; of entry 2
    plan = [(0, 0, 1, [1], []), (0, 1, 4, [3, 6], []), (1, 4, small + large + 3, [2], [(5, 1)])]
    out, previous, files, count, length = [], bytes(32), 0, 0, 0
    for number, (final, first, end, finished, void) in enumerate(plan):
        files += len(finished) + len(void)
        count += end - first
        length += sum(n for _, n in blocks[first:end])
        signed = page(terms, number, final, previous, first, blocks[first][0], files, count, length, leaves[first:end],
                      [(i, done[i]) for i in finished], void)
        out.append((signed, key.sign(signed)))
        previous = derived("page", signed)
    return out


def vectors():
    server_key, server_public = person(1)
    sync_key, sync_public = person(2)
    device_key, device_public = person(3)
    relay_key, relay_public = person(4)
    raw_skeleton = skeleton(ENTRIES)
    blocks, order = cut(ENTRIES)
    raw = b"".join(content(i, n) for i, n in order)
    secret, session = bytes(range(32)), b"S" * 16
    elements = chain(session, b"L" * 16, 40)
    check = expand(secret, b"key check", [b"V" * 32, session], 16)
    fields = dict(server=b"V" * 32, group=b"G" * 16, membership=3, number=11, floor=9, transfer=7, transfer_id=b"T" * 16,
                  site=b"I" * 16, site_epoch=2, relay=b"R" * 16, session=session, tag=b"\1\2\3\4", key_check=check,
                  sync_key=sync_public, anchor=elements[0], slot=50, lag=2, skeleton=derived("skeleton", index(raw_skeleton)),
                  skeleton_bytes=len(raw_skeleton), edition=1, pages=8, bytes=len(raw), entries=len(ENTRIES),
                  blocks=len(blocks), symbol=1408, max_k=164, codec=1, hash=4, aead=1, cutter=1, life=3600,
                  group_address=address("239.192.1.2"), group_port=7441, source=address("10.0.0.1"), source_port=40000,
                  feedback_port=7440, relay_port=7443, flags=3)
    raw_offer = offer(fields)
    terms = (b"V" * 32, b"G" * 16, 7, b"T" * 16, fields["skeleton"], 1)
    chained = pages(server_key, terms, blocks, order, raw)
    root = derived("root", chained[-1][0])
    keys = Keys(raw_offer, secret)
    return hexed({
        "keys": {"server_seed": b"\1" * 32, "sync_seed": b"\2" * 32, "device_seed": b"\3" * 32, "relay_seed": b"\4" * 32,
                 "server": server_public, "sync": sync_public, "device": device_public, "relay": relay_public},
        "skeleton": {"bytes": raw_skeleton, "index": index(raw_skeleton), "digest": fields["skeleton"],
                     "cut": [list(b) for b in blocks], "order": [list(f) for f in order]},
        "pages": [{"signed": s, "signature": g, "digest": derived("page", s)} for s, g in chained], "root": root,
        "offer": {"bytes": raw_offer, "signature": server_key.sign(raw_offer), "secret": secret,
                  "opened_by_relay": relay_key.sign(opened(fields)), "opened_by_sync_key": sync_key.sign(opened(fields))},
        "chain": elements, "prk": keys.prk, **packets(keys, elements, sync_key, raw[:1408]),
        **small_messages(server_key, relay_key, device_key, terms, root)})


def packets(keys, elements, sync_key, symbol):
    plain = u(12, 4) + u(BLOCK, 3) + bytes([1]) + symbol
    number, slot = 1 << 28 | 77, 300
    header = bytes([2 << 4 | 1]) + b"\1\2\3\4" + u(number, 6)
    marked = plain + bytes([slot & 255])
    marked += keys.mac(slot, elements[5], number, header + marked)
    said = {"sent_at": 1_234_567, "flags": 8 | 4, "grtt": 5000, "group_size": 3, "backoff": 1, "rate": 125_000_000,
            "range": [100, 240], "window": [9, 80], "front": 12, "interval": 100_000, "pages": 3, "page_front": 2,
            "lengths": [334, 434, 563], "gaps": [[110, 112], [200, 200]], "repairs": [[10, 2], [12, 255]]}
    signed = u(17, 8) + u(5, 4) + elements[5] + sync_body(said)
    signature = sync_key.sign(b"groupcast/2 sync\0" + keys.salt + signed)
    return {"data": {"number": 77, "body": plain, "packet": keys.seal(1, b"\1\2\3\4", 77, plain)},
            "marked": {"number": number, "slot": slot, "element": elements[5], "body": marked,
                       "packet": keys.seal(1, b"\1\2\3\4", number, marked)},
            "sync": {"number": 241, "signed": signed, "packet": keys.seal(2, b"\1\2\3\4", 241, signed + signature)}}


def small_messages(server_key, relay_key, device_key, terms, root):
    sets = [(0, []), (9, []), (9, range(9)), (100, [0]), (70_000, [3, 4, 5, 65_535, 65_536, 69_999]),
            (200, range(0, 200, 2))]
    signed = receipt(terms, root, b"D" * 16, b"I" * 16, 1_700_000_000_001, 1, 3, (7, 0, 1, 1), 1_700_009, b"", bytes(32))
    body = u(3, 4) + struct.pack(">QI6sIIIIIHB", 17, 2000, u(241, 6), 9, 141, 137, 0, 40, 1, 0)
    body += b"\1" + u(12, 4) + b"\3\xff" + b"\0\0"
    fb_key = expand(b"F" * 32, b"feedback key", [b"fbid1234", b"D" * 16], 32)
    clear = b"\x24" + b"V" * 8 + b"G" * 16 + u(11, 16)
    probe = b"\x25" + b"V" * 8 + b"G" * 16 + b"N" * 16
    certified = b"V" * 32 + b"I" * 16 + b"R" * 16 + person(4)[1] + u(6, 8)
    beacon = b"\x26" + certified + server_key.sign(b"groupcast/2 beacon-cert\0" + certified) + b"N" * 16 + u(99, 8)
    return {"lacks": [{"blocks": n, "members": list(m), "bytes": lacks(n, m), "digest": derived("lacks", lacks(n, m))}
                      for n, m in sets],
            "receipt": {"signed": signed, "signature": device_key.sign(signed)},
            "feedback": {"key": fb_key, "id": b"fbid1234", "body": body, "packet": feedback(fb_key, b"fbid1234", 0, body)},
            "announce": clear + server_key.sign(b"groupcast/2 announce\0" + clear),
            "probe": probe + server_key.sign(b"groupcast/2 probe\0" + probe),
            "beacon": beacon + relay_key.sign(b"groupcast/2 beacon\0" + beacon)}


def hexed(value):
    if isinstance(value, dict):
        return {k: hexed(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [hexed(v) for v in value]
    return bytes(value).hex() if isinstance(value, (bytes, bytearray)) else value


def main():
    text = json.dumps(vectors(), indent=None, separators=(",", ":"))
    text = text.replace('},"', '},\n"').replace('},{', '},\n{') + "\n"
    if "--check" in sys.argv:
        sys.exit(None if HERE.read_text() == text else f"{HERE} is not what this program makes")
    HERE.parent.mkdir(exist_ok=True)
    HERE.write_text(text)


if __name__ == "__main__":
    main()

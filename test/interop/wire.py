"""The formats of docs/protocol.md, sections 2 to 6, and the arithmetic of its parity."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

BLOCK = 230400
DATA, SYNC = 1, 2
PASS_DONE, END, SOLICIT = 1, 2, 4
BAR, DONE, MISMATCH = 1, 2, 4


def expand(key, label, fields, length, version=1):
    info = b"groupcast/%d " % version + label + b"\0" + b"".join(struct.pack(">H", len(f)) + f for f in fields)
    return hmac.new(key, info + b"\1", hashlib.sha256).digest()[:length]


class Offer:
    """A signed offer; raises ValueError for one that this program cannot take."""

    FORMAT = struct.Struct(">18s32s16sQQQQ16s4s16s32sQIQIIHBBBBB16sH16sHB")

    def __init__(self, raw):
        if len(raw) != self.FORMAT.size:
            raise ValueError("the offer has another length")
        (label, self.server, self.group, self.version, self.number, self.floor, self.transfer, self.session, self.tag,
         self.key_check, self.index_digest, self.manifest_bytes, self.manifest_blocks, self.bytes, self.files,
         self.blocks, self.symbol, self.max_k, codec, digest, aead, cutter, _, self.port, source,
         self.feedback_port, self.flags) = self.FORMAT.unpack(raw)
        if label != b"groupcast/1 offer\0" or (codec, digest, aead, cutter) != (1, 3, 1, 1):
            raise ValueError("the offer needs a newer program")
        self.raw, self.source = raw, dotted(source) if self.flags & 1 else None

    def head(self):
        """Blocks before the stream's: the index and the manifest."""
        return 1 + self.manifest_blocks


def dotted(address):
    if address[:12] != b"\0" * 10 + b"\xff\xff":
        raise ValueError("this program speaks IPv4 only")
    return ".".join(str(b) for b in address[12:])


class Keys:
    """Opens the packets of one session and seals this device's feedback."""

    def __init__(self, offer, handout_secret, feedback_key, feedback_id, version=1):
        self.offer, self.phases, self.counter, self.version = offer, {}, 0, version
        if expand(handout_secret, b"key check", [offer.server, offer.session], 16, version) != offer.key_check:
            raise ValueError("the keys are of another session")
        self.prk = hmac.new(hashlib.sha256(offer.raw).digest(), handout_secret, hashlib.sha256).digest()
        self.feedback, self.feedback_id = AESGCM(feedback_key), feedback_id

    def _phase(self, phase):
        if phase not in self.phases:
            field = [struct.pack(">I", phase)]
            self.phases[phase] = (AESGCM(expand(self.prk, b"data key", field, 32, self.version)),
                                  expand(self.prk, b"data iv", field, 12, self.version))
        return self.phases[phase]

    def open(self, packet):
        """(kind, packet number, body); InvalidTag or ValueError for anything else."""
        if len(packet) < 27 or packet[0] >> 4 != self.version or packet[1:5] != self.offer.tag:
            raise ValueError("not of this session")
        number = int.from_bytes(packet[5:11], "big")
        key, iv = self._phase(number >> 28)
        nonce = (int.from_bytes(iv, "big") ^ number).to_bytes(12, "big")
        return packet[0] & 15, number, key.decrypt(nonce, packet[11:], packet[:11])

    def seal(self, body):
        header = bytes([self.version << 4 | 8]) + self.feedback_id + self.counter.to_bytes(6, "big")
        sealed = self.feedback.encrypt(self.counter.to_bytes(12, "big"), body, header)
        self.counter += 1
        return header + sealed


class Sync:
    FORMAT = struct.Struct(">QBIIBQ6s6sIIIIB")

    def __init__(self, offer, body, key):
        """Checks the signature first."""
        sequence, middle, signature = body[:8], body[8:-64], body[-64:]
        key.verify(signature, b"groupcast/1 sync\0" + offer.session + sequence + middle)
        self.sequence = int.from_bytes(sequence, "big")
        (self.sent_at, self.flags, grtt, self.group_size, self.backoff, self.rate, first, last, self.low, self.high,
         self.front, interval, count) = self.FORMAT.unpack(middle[:55])
        self.grtt, self.interval = grtt / 1e6, interval / 1e6
        self.first, self.last = int.from_bytes(first, "big"), int.from_bytes(last, "big")
        self.repairs = dict(struct.unpack_from(">IB", middle, 55 + 5 * i) for i in range(count))

    def gone(self):
        """How many packets of its range were sent."""
        return max(self.last - self.first + 1, 0)


def feedback(sync, age, high, verified, declared, received, flags=0, nacks=(), ranges=()):
    body = struct.pack(">QI6sIIIIIHB", sync.sequence if sync else 0, int(age * 1e6), high.to_bytes(6, "big"),
                       verified, declared, received, 0, 0, 0, flags)
    body += bytes([len(nacks)]) + b"".join(struct.pack(">IBB", *n) for n in nacks)
    body += bytes([len(ranges)]) + b"".join(struct.pack(">II", *r) for r in ranges)
    return body + b"\0"


class Manifest:
    """The files and how their stream is cut into blocks."""

    def __init__(self, raw):
        magic, files, blocks, length = struct.unpack_from(">4sIIQ", raw)
        if magic != b"GCM1":
            raise ValueError("no manifest")
        at, self.files, self.blocks = 20, [], []
        for _ in range(files):
            kind, mode, mtime, size, digest, n = struct.unpack_from(">BHqQ32sH", raw, at)
            at += 53
            path, at = raw[at:at + n].decode(), at + n
            target = None
            if kind == 2:
                n, = struct.unpack_from(">H", raw, at)
                target, at = raw[at + 2:at + 2 + n].decode(), at + 2 + n
            self.files.append((kind, mode & 0o777, mtime, size, digest, path, target))
        for _ in range(blocks):
            self.blocks.append((int.from_bytes(raw[at:at + 3], "big"), raw[at + 3:at + 35]))
            at += 35
        if at != len(raw) or sum(b[0] for b in self.blocks) != length or sum(f[3] for f in self.files if f[0] == 0) != length:
            raise ValueError("a manifest that does not add up")


# GF(2^8) with the polynomial 0x11D.
EXP, LOG = [0] * 512, [0] * 256
_x = 1
for _i in range(255):
    EXP[_i], LOG[_x] = _x, _i
    _x = _x << 1 ^ (0x11D if _x & 128 else 0)
for _i in range(255, 512):
    EXP[_i] = EXP[_i - 255]


def multiply(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def inverse(a):
    return EXP[255 - LOG[a]]


TABLES = [bytes(multiply(c, v) for v in range(256)) for c in range(256)]


def xor(a, b):
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(len(a), "big")


def reconstruct(symbols, k):
    """Any k symbols of a block, by index, become its k source symbols."""
    missing = [j for j in range(k) if j not in symbols]
    parity = [i for i in sorted(symbols) if i >= k][:len(missing)]
    rows = []
    for i in parity:
        right = symbols[i]
        for j in range(k):
            if j in symbols:
                right = xor(right, symbols[j].translate(TABLES[inverse(i ^ j)]))
        rows.append(([inverse(i ^ j) for j in missing], right))
    for at in range(len(missing)):  # a Cauchy matrix: no pivot is 0 after elimination in order
        left, right = rows[at]
        scale = inverse(left[at])
        rows[at] = left, right = [multiply(v, scale) for v in left], right.translate(TABLES[scale])
        for other in range(len(missing)):
            factor = rows[other][0][at]
            if other != at and factor:
                rows[other] = ([a ^ multiply(factor, b) for a, b in zip(rows[other][0], left)],
                               xor(rows[other][1], right.translate(TABLES[factor])))
    found = {j: rows[n][1] for n, j in enumerate(missing)}
    return b"".join(symbols.get(j) or found[j] for j in range(k))


def entries_digest(entries):
    """The list digest of receipts; entries: (path, kind, result, name, reason)."""
    out = b""
    for text in ["groupcast/1 entries", None, *(t for e in entries for t in e)]:
        out += struct.pack(">Q", len(entries)) if text is None else struct.pack(">Q", len(text)) + text.encode()
    return hashlib.sha256(out).digest()

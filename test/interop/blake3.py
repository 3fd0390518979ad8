"""BLAKE3, plain and in derive_key mode, for messages that fit in memory (the BLAKE3 paper, section 2)."""

import struct

IV = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
CHUNK_START, CHUNK_END, PARENT, ROOT, CONTEXT, MATERIAL = 1, 2, 4, 8, 32, 64
MASK = 0xFFFFFFFF


def _schedule():
    """The order of the message words in each of the seven rounds."""
    order, rounds = list(range(16)), []
    for _ in range(7):
        rounds.append(tuple(order))
        order = [order[i] for i in PERMUTATION]
    return rounds


ROUNDS = _schedule()
COLUMNS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def _compress(chain, words, counter, length, flags):
    v = [*chain, *IV[:4], counter & MASK, counter >> 32, length, flags]
    for order in ROUNDS:
        at = 0
        for a, b, c, d in COLUMNS:
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + words[order[at]]) & MASK
            vd ^= va
            vd = (vd >> 16 | vd << 16) & MASK
            vc = (vc + vd) & MASK
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & MASK
            va = (va + vb + words[order[at + 1]]) & MASK
            vd ^= va
            vd = (vd >> 8 | vd << 24) & MASK
            vc = (vc + vd) & MASK
            vb ^= vc
            v[a], v[b], v[c], v[d] = va, (vb >> 7 | vb << 25) & MASK, vc, vd
            at += 2
    return [v[i] ^ v[i + 8] for i in range(8)]


def _words(block):
    return struct.unpack("<16I", block.ljust(64, b"\0"))


def _chunk(key, chunk, counter, flags, root):
    chain = list(key)
    last = max(len(chunk) - 1, 0) // 64 * 64
    for at in range(0, last + 1, 64):
        block = chunk[at:at + 64]
        f = flags | (CHUNK_START if at == 0 else 0) | ((CHUNK_END | root) if at == last else 0)
        chain = _compress(chain, _words(block), counter, len(block), f)
    return chain


def _parent(key, left, right, flags, root):
    return _compress(key, left + right, 0, 64, flags | PARENT | root)


def _tree(key, data, first, flags, root):
    if len(data) <= 1024:
        return _chunk(key, data, first, flags, root)
    half = 1024
    while half * 2 < len(data):
        half *= 2
    return _parent(key, _tree(key, data[:half], first, flags, 0), _tree(key, data[half:], first + half // 1024, flags, 0),
                   flags, root)


def derive_key(context, data):
    """32 bytes: derive_key(context, data) of the BLAKE3 paper."""
    key = _tree(IV, context.encode(), 0, CONTEXT, ROOT)
    return struct.pack("<8I", *_tree(key, bytes(data), 0, MATERIAL, ROOT))


def digest(data):
    """32 bytes: the hash of the BLAKE3 paper, without a key."""
    return struct.pack("<8I", *_tree(IV, bytes(data), 0, 0, ROOT))

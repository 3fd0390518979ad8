"""When a MAC counts: packets wait until the element of their slot is disclosed (docs/format-2.md, section 6)."""

import hashlib
import hmac

from format2 import Keys

MAC = 7
MOST, HELD, EVERY, DRIFT = 0.06, 64 << 20, 30, 1.0002


class TooFar(Exception):
    """The question for the sender's clock takes so long that every packet would come too late to be believed."""


class Held:
    """Packets and SYNCs of a session with MACs, slot by slot. Times are this machine's monotonic seconds."""

    def __init__(self, offer, ask):
        self.session, self.slot, self.lag = offer.session, offer.slot / 1000, offer.lag
        self.keys, self.ask = Keys(offer.raw, b""), ask
        self.disclosed, self.slots, self.bytes = 0, {}, 0
        self.clocks, self.asked = [], float("-inf")
        self.judged = self.forged = self.late = 0

    def keep_time(self, now):
        """Asks for the sender's clock at once and then every 30 s: ask() gives some (asked, answered, stamp)."""
        if now - self.asked < EVERY:
            return
        self.asked = now
        asked, answered, stamp = min(self.ask(), key=lambda a: a[1] - a[0])
        if answered - asked > MOST and not self.clocks:
            raise TooFar
        self.clocks.append((asked, stamp))

    def latest(self, at):
        """The most that the sender's clock can have said at a time."""
        return min(stamp + (at - asked) * DRIFT for asked, stamp in self.clocks)

    def keep(self, at, packet, number, body):
        """Takes an opened data packet; what may have been made by somebody who knows its key is lost."""
        low, latest = body[-1 - MAC], self.latest(at)
        current = int(latest / self.slot)
        slot = current - (current - low) % 256
        if slot <= self.disclosed or latest >= (slot + self.lag) * self.slot or self.bytes + len(body) > HELD:
            self.late += 1
            return
        self.bytes += len(body)
        self.slots.setdefault(slot, []).append((number, packet[:11], body))

    def keep_sync(self, sync):
        slot = max(self.disclosed + 1, int(sync.sent_at / 1e6 / self.slot))
        self.slots.setdefault(slot, []).append(sync)

    def release(self, index, element, last):
        """What is right of the slots up to index, whose element a SYNC brought, in its order: a SYNC, or
        (packet number, body without slot and MAC). last: the sender had used no higher number."""
        elements = {index: element}
        for slot in range(index, self.disclosed + 1, -1):
            elements[slot - 1] = hashlib.sha256(b"groupcast/2 chain\0" + self.session + elements[slot]).digest()[:16]
        self.disclosed = max(self.disclosed, index)
        for slot in sorted(s for s in self.slots if s <= index):
            for held in self.slots.pop(slot):
                if not isinstance(held, tuple):
                    yield held
                    continue
                number, header, body = held
                self.bytes -= len(body)
                if number > last:
                    continue
                mac = self.keys.mac(slot, elements[slot], number, header + body[:-MAC])
                if hmac.compare_digest(mac, body[-MAC:]):
                    self.judged += 1
                    yield number, body[:-1 - MAC]
                else:
                    self.forged += 1

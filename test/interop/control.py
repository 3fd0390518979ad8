"""The control plane of docs/protocol.md, section 11: the pinned connection, the calls, the events."""

import base64
import hashlib
import http.client
import json
import socket
import ssl
import time
from urllib.parse import quote, urlencode

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SIGNING_URI = "groupcast:sign"


def unbase64(text):
    return base64.b64decode(text) if text else b""


def base64_of(data):
    return base64.b64encode(data).decode()


def fingerprint(certificate):
    spki = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki).hexdigest()


class Problem(Exception):
    """An answer with an error: application/problem+json."""

    def __init__(self, status, body):
        self.status = status
        super().__init__(f"{status}: {body[:500].decode(errors='replace')}")


class Control:
    """One pinned server. Every connection is checked against the pin before a byte is sent."""

    def __init__(self, address, pin):
        host, port = address.rsplit(":", 1)
        self.at, self.pin, self.token = (host, int(port)), pin.lower(), None
        self.name = self.pin[:16] + ".groupcast.internal"
        self.authority = self._find_authority()

    def _find_authority(self):
        """The CA whose public key has the pinned fingerprint, from the chain that the server shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(socket.create_connection(self.at, 10), server_hostname=self.name) as s:
            for der in self._chain(s):
                certificate = x509.load_der_x509_certificate(der)
                if fingerprint(certificate) == self.pin:
                    return certificate
        raise SystemExit("this is not the server with that fingerprint")

    @staticmethod
    def _chain(s):
        if hasattr(s, "get_unverified_chain"):  # Python 3.13
            return s.get_unverified_chain()
        return [c.public_bytes(ssl._ssl.ENCODING_DER) for c in s._sslobj.get_unverified_chain()]

    def connect(self, timeout):
        """A connection to a leaf that the pinned CA signed for the server's internal name."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(cadata=self.authority.public_bytes(Encoding.PEM).decode())
        connection = http.client.HTTPSConnection(*self.at, timeout=timeout, context=context)
        connection.sock = context.wrap_socket(socket.create_connection(self.at, 10), server_hostname=self.name)
        connection.sock.settimeout(timeout)
        return connection

    def open(self, method, path, body=None, timeout=30):
        connection = self.connect(timeout)
        headers = {"Host": f"{self.at[0]}:{self.at[1]}"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/octet-stream"
        elif body is not None:
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request(method, "/api/v1" + path, body, headers)
        answer = connection.getresponse()
        if answer.status >= 300:
            raise Problem(answer.status, answer.read(65536))
        return answer

    def call(self, method, path, body=None):
        with self.open(method, path, body) as answer:
            raw = answer.read(64 << 20)
        return json.loads(raw) if raw else None

    def log_in(self, user, password, device, public_key):
        """Makes a device; returns its ID. The token for agents is kept, the user's returned."""
        got = self.call("POST", "/login", {
            "user": user, "password": password, "device": device, "public_key": base64_of(public_key),
            "os": "python", "version": "interop", "control_version": 1, "wire_version": 1})
        self.token = got["agent_token"]
        return bytes.fromhex(got["device"]["id"]), got["cli_token"]

    def join(self, group, cli_token):
        agent, self.token = self.token, cli_token
        self.call("POST", f"/groups/{quote(group)}/join", {})
        self.token = agent

    def signing_key(self, chain):
        """The key of offers and SYNCs: a leaf of the pinned CA for this purpose only."""
        leaf, authority = (x509.load_der_x509_certificate(unbase64(c)) for c in chain)
        if fingerprint(authority) != self.pin:
            raise ValueError("the signing leaf is of another CA")
        self.authority.public_key().verify(leaf.signature, leaf.tbs_certificate_bytes, ECDSA(leaf.signature_hash_algorithm))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usage = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if names.get_values_for_type(x509.UniformResourceIdentifier) != [SIGNING_URI]:
            raise ValueError("the signing leaf has another name")
        if [u.dotted_string for u in usage] != ["1.3.6.1.5.5.7.3.36"]:
            raise ValueError("the signing leaf has other purposes")
        return leaf.public_key()

    def events(self, wire):
        """Attaches the device, which speaks the wire up to a version; yields (kind, data) until the stream ends."""
        query = urlencode({"program": "interop", "control_least": 1, "control_most": 1, "wire_least": 1,
                           "wire_most": wire})
        with self.open("GET", "/agent/events?" + query, timeout=60) as stream:
            kind, data = None, b""
            for line in stream:
                line = line.rstrip(b"\r\n")
                if line.startswith(b"event:"):
                    kind = line[6:].strip().decode()
                elif line.startswith(b"data:"):
                    data += line[5:].strip()
                elif not line and data:
                    yield kind, json.loads(data)
                    kind, data = None, b""

    def blocks(self, transfer, first, count):
        return self.octets(f"/agent/transfers/{transfer}/blocks/{first}?count={count}")

    # Of paged transfers.

    def skeleton(self, transfer):
        return self.octets(f"/agent/transfers/{transfer}/skeleton")

    def pages(self, transfer, first):
        """The pages there are from one on, whole or not at all."""
        raw, at, out = self.octets(f"/agent/transfers/{transfer}/pages?from={first}"), 0, []
        while at < len(raw):
            length = int.from_bytes(raw[at:at + 3], "big")
            out.append(raw[at + 3:at + 3 + length])
            at += 3 + length
        return out

    def stream(self, transfer, first, count):
        """What is to be read of blocks of the stream: each one's number and then its bytes."""
        return self.octets(f"/agent/transfers/{transfer}/stream/{first}?count={count}")

    def clocks(self, session, times):
        """Asks for the sender's clock over one connection: (asked, answered, what it says), in seconds, each time."""
        connection, out = self.connect(5), []
        headers = {"Host": f"{self.at[0]}:{self.at[1]}", "Authorization": "Bearer " + self.token}
        for _ in range(times):
            asked = time.monotonic()
            connection.request("GET", f"/api/v1/agent/sessions/{session.hex()}/clock", None, headers)
            answer = connection.getresponse()
            raw, answered = answer.read(65536), time.monotonic()
            if answer.status != 200:
                raise Problem(answer.status, raw)
            out.append((asked, answered, json.loads(raw)["clock_us"] / 1e6))
        connection.close()
        return out

    def keep_lacks(self, transfer, raw):
        self.call("PUT", f"/agent/transfers/{transfer}/lacks", raw)

    def octets(self, path):
        with self.open("GET", path, timeout=120) as answer:
            return answer.read()

"""The DKIM look-up of `doctor`, asked of a name server of our own."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator

import pytest
from dns import flags, message, name, rcode, rdatatype, resolver, rrset

from publisher.cli import dns
from publisher.cli.dns import Verdict
from tests.dkim_keys import DOMAIN, signer

RSA, _ = signer().keys
HOST = f"s2026._domainkey.{DOMAIN}"


class _Server(socketserver.ThreadingUDPServer):
    """Answers TXT questions from `records`; what is not there does not exist."""

    records: dict[str, list[str]]


class _Question(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        content, socket = self.request
        asked = message.from_wire(content)
        reply = message.make_response(asked)
        reply.flags |= flags.AA | flags.RA
        assert isinstance(self.server, _Server)
        wanted = asked.question[0].name.to_text(omit_final_dot=True)
        if wanted in self.server.records:
            # Each string of a TXT record holds at most 255 bytes (RFC 1035 §3.3).
            texts = [
                " ".join(f'"{text[at : at + 250]}"' for at in range(0, len(text), 250))
                for text in self.server.records[wanted]
            ]
            found = rrset.from_text_list(name.from_text(wanted), 60, "IN", rdatatype.TXT, texts)
            reply.answer.append(found)
        else:
            reply.set_rcode(rcode.NXDOMAIN)
        socket.sendto(reply.to_wire(), self.client_address)


@pytest.fixture
def records() -> Iterator[dict[str, list[str]]]:
    with _Server(("127.0.0.1", 0), _Question) as server:
        server.records = {}
        threading.Thread(target=server.serve_forever, daemon=True).start()
        before = resolver.default_resolver
        ours = resolver.Resolver(configure=False)
        ours.nameservers, ours.port = ["127.0.0.1"], server.server_address[1]
        resolver.default_resolver = ours
        yield server.records
        resolver.default_resolver = before
        server.shutdown()


def test_the_key_that_signs_is_shown(records: dict[str, list[str]]) -> None:
    """Split into strings, with other tags and spaces about it."""
    records[HOST] = [RSA.record.replace("p=", "t=s; p= ")]
    answer = dns.dkim(DOMAIN, RSA)
    assert answer.verdict is Verdict.WELL
    assert HOST in answer.sentence


@pytest.mark.parametrize(
    "shown", [[], ["v=DKIM1; k=rsa; p=AAAA"], ["v=DKIM1; p="], [RSA.record, RSA.record + " "]]
)
def test_what_to_publish_is_said(records: dict[str, list[str]], shown: list[str]) -> None:
    """No record, another key, a withdrawn key, or two records: receivers would not trust us."""
    if shown:
        records[HOST] = shown
    answer = dns.dkim(DOMAIN, RSA)
    assert answer.verdict is Verdict.WRONG
    assert f'publish one TXT record "{RSA.record}"' in answer.sentence

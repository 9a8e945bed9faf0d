"""The SMTP transport against servers that say what they should not, on real sockets."""

from __future__ import annotations

import base64
import logging
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import transports
from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import SettingsError, TransportError, TransportUnavailable
from publisher.transports.exchange import Lost
from publisher.transports.session import stuffed
from publisher.transports.smtp import SmtpSender, SmtpTransport
from tests.transports import authority
from tests.transports.relay import Act, Answer, Relay

READER = Envelope("bounces@journal.example.org", "reader@example.org")
MESSAGE = b"Subject: Hello\r\n\r\nHello\r\n"

ACCEPTED, DEFERRED = OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED
REFUSED, UNKNOWN = OutcomeKind.REFUSED, OutcomeKind.UNKNOWN


def transport(relay: Relay, **options: Any) -> SmtpTransport:
    made = transports.connect(
        "main",
        "smtp",
        {
            "host": "127.0.0.1",
            "port": relay.port,
            "security": "none",
            "connect_timeout": 5,
            "command_timeout": 5,
            "final_timeout": 5,
            **options,
        },
    )
    assert isinstance(made, SmtpTransport)
    return made


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> authority.Authority:
    return authority.make(tmp_path_factory.mktemp("authority"))


def one(relay: Relay, envelope: Envelope = READER, **options: Any) -> tuple[Outcome, SmtpSender]:
    sender = transport(relay, **options).open()
    try:
        return sender.send(MESSAGE, envelope), sender
    finally:
        sender.close()


# --- what each reply comes to -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "code"),
    [
        ("MAIL", "451 4.3.0 try later", DEFERRED, 451),
        ("MAIL", "553 5.7.1 you may not send as this", DEFERRED, 553),
        ("MAIL", "354 what", DEFERRED, 354),
        ("RCPT", "450 4.2.0 greylisted", DEFERRED, 450),
        ("RCPT", "452 4.2.2 mailbox full", DEFERRED, 452),
        ("RCPT", "550 5.1.1 no such user", REFUSED, 550),
        ("DATA", "451 4.3.0 not now", DEFERRED, 451),
        ("DATA", "554 5.7.1 no", REFUSED, 554),
        ("BODY", "451 4.3.0 scanner is down", DEFERRED, 451),
        ("BODY", "550-5.7.1 this looks\r\n550 5.7.1 like spam", REFUSED, 550),
        ("BODY", "250-2.0.0 queued\r\n250-and\r\n250 well", ACCEPTED, 250),
        ("BODY", "252 probably", ACCEPTED, 252),
        ("RCPT", "251 will forward", ACCEPTED, 250),
    ],
)
def test_a_reply_concerns_this_message_only(
    verb: str, answer: str, kind: OutcomeKind, code: int
) -> None:
    """4yz defers, 5yz refuses (but to MAIL, where it is us they mean); the next one goes."""
    with Relay({verb: [answer]}) as relay:
        sender = transport(relay).open()
        outcome = sender.send(MESSAGE, READER)
        assert (outcome.kind, outcome.code) == (kind, code)
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    accepted = [received for received in relay.received if received.accepted]
    assert len(accepted) == 1 + (kind is ACCEPTED)
    assert len(relay.sessions) == 1
    assert ("RSET" in relay.commands) == (kind is not ACCEPTED and verb != "BODY")


def test_the_words_of_the_server_are_kept_without_addresses() -> None:
    """A reply that repeats the address is stored masked and on one line."""
    answer = "550-5.1.1 <reader@example.org>: no\r\n550 such user READER, see a@b.example"
    with Relay({"RCPT": [answer]}) as relay:
        outcome, _ = one(relay)
    assert outcome.reply == "5.1.1 <<address>>: no such user <address>, see <address>"


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("421 4.3.2 shutting down", id="421"),
        pytest.param(Act.DROP, id="drop"),
        pytest.param("hello?", id="malformed"),
        pytest.param("250-a\r\n251 b", id="two codes"),
        pytest.param("99 short", id="short"),
        pytest.param(b"250 " + b"x" * 5000 + b"\r\n", id="long line"),
        pytest.param(b"250-x\r\n" * 200 + b"250 x\r\n", id="many lines"),
    ],
)
def test_a_session_lost_before_the_last_byte_sent_nothing(verb: str, answer: Answer) -> None:
    """TransportUnavailable, no message at the server, and the session is over."""
    with Relay({verb: [answer]}) as relay:
        sender = transport(relay).open()
        with pytest.raises(TransportUnavailable, match="nothing was sent"):
            sender.send(MESSAGE, READER)
        assert not sender.usable
        sender.close()
    assert relay.received == []


def test_a_2yz_reply_to_data_is_no_leave_to_send() -> None:
    """Only 354 asks for the message (RFC 5321 §4.3.2)."""
    with Relay({"DATA": ["250 fine"]}) as relay:
        sender = transport(relay).open()
        with pytest.raises(TransportUnavailable, match="DATA with 250"):
            sender.send(MESSAGE, READER)
        sender.close()
    assert relay.received == []


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
def test_silence_before_the_last_byte_ends_with_a_timeout(verb: str) -> None:
    """A server that hangs at any step before the message costs a time-out and no message."""
    with Relay(always={verb: Act.HANG}) as relay, pytest.raises(TransportUnavailable):
        one(relay, connect_timeout=0.2, command_timeout=0.2)
    assert relay.received == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Act.DROP, id="drop"),
        pytest.param(Act.HANG, id="hang"),
        pytest.param("what?", id="malformed"),
        pytest.param("354 again", id="3yz"),
        pytest.param("250-first\r\n550 second", id="two codes"),
    ],
)
def test_no_answer_after_the_last_byte_is_unknown(answer: Answer) -> None:
    """The message may have arrived: neither accepted nor tried again, and the session is over."""
    with Relay({"BODY": [answer]}) as relay:
        outcome, sender = one(relay, final_timeout=0.2)
    assert outcome.kind is UNKNOWN
    assert not sender.usable
    assert len(relay.received) == 1


def test_421_to_the_final_dot_defers_and_ends_the_session() -> None:
    """The server says that it has not taken the message (RFC 5321 §3.8)."""
    with Relay({"BODY": ["421 4.3.2 going down"]}) as relay:
        sender = transport(relay).open()
        outcome = sender.send(MESSAGE, READER)
        assert (outcome.kind, outcome.code) == (DEFERRED, 421)
        assert not sender.usable
        sender.close()


@pytest.mark.parametrize("offer", ["250 relay", "250-PIPELINING\r\n250 CHUNKING"])
def test_a_line_that_breaks_within_the_message_sent_nothing(offer: str) -> None:
    """The last byte of the write that failed has not left, with a dot as with a chunk."""
    with Relay({"DATA": [Act.STALL], "BDAT": [Act.STALL]}, {"EHLO": offer}) as relay:
        sender = transport(relay, command_timeout=0.5).open()
        with pytest.raises(TransportUnavailable, match="while it was written to"):
            sender.send(b"x" * 998 + b"\r\n" * 50_000_000, READER)
        sender.close()
    assert relay.received == []


@pytest.mark.parametrize("answer", ["500 what", Act.DROP])
def test_a_session_that_cannot_be_reset_is_not_used_again(answer: Answer) -> None:
    """The refusal stands, and nothing of the refused message can leak into the next."""
    with Relay({"RCPT": ["550 no"], "RSET": [answer]}) as relay:
        sender = transport(relay).open()
        assert sender.send(MESSAGE, READER).kind is REFUSED
        assert not sender.usable
        sender.close()


def test_a_session_ends_after_its_share_of_messages() -> None:
    """`messages_per_connection` makes it unusable, and QUIT is said."""
    with Relay() as relay:
        sender = transport(relay, messages_per_connection=2).open()
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        assert sender.usable
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        assert not sender.usable
        with pytest.raises(TransportUnavailable, match="open another"):
            sender.send(MESSAGE, READER)
        sender.close()
    assert len(relay.received) == 2
    assert relay.commands[-1] == "QUIT"


# --- what never reaches the socket --------------------------------------------------------------


@pytest.mark.parametrize(
    "recipient",
    [
        "a@example.org>\r\nRCPT TO:<b@example.org",
        "a@example.org\nDATA",
        "a@example.org> SIZE=1",
        "<a@example.org>",
        "a\x00@example.org",
        "a\u2028@example.org",
        "a\ud800@example.org",
        "no-at-sign",
        "",
    ],
)
def test_an_address_cannot_carry_a_command(recipient: str) -> None:
    """It is refused, and no byte of it is written."""
    with Relay() as relay:
        outcome, sender = one(relay, Envelope("us@example.org", recipient))
        assert outcome.kind is REFUSED
    assert {command.split(" ")[0] for command in relay.commands} == {"EHLO", "QUIT"}
    assert sender.usable is False  # closed by `one`


def test_a_wrong_sender_is_not_the_readers_fault() -> None:
    """Our own bad address defers; nothing is written."""
    with Relay() as relay:
        outcome, _ = one(relay, Envelope("us@example.org\r\nDATA", "reader@example.org"))
    assert outcome.kind is DEFERRED
    assert not any(command.startswith("MAIL") for command in relay.commands)


def test_a_bounce_has_no_sender() -> None:
    """The empty reverse-path is allowed (RFC 5321 §4.5.5)."""
    with Relay() as relay:
        outcome, _ = one(relay, Envelope("", "reader@example.org"))
    assert outcome.kind is ACCEPTED
    assert relay.received[0].sender == ""


def test_extensions_are_used_when_offered() -> None:
    """SIZE, BODY and SMTPUTF8 are declared to a server that knows them."""
    offer = "250-relay\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 SMTPUTF8"
    with Relay(always={"EHLO": offer}) as relay:
        sender = transport(relay).open()
        sender.send("Grüße\r\n".encode(), Envelope("us@example.org", "jörg@example.org"))
        sender.close()
    size = len("Grüße\r\n".encode())
    assert f"MAIL FROM:<us@example.org> SIZE={size} BODY=8BITMIME SMTPUTF8" in relay.commands
    assert relay.received[0].recipient == "jörg@example.org"


@pytest.mark.parametrize(
    ("message", "recipient", "words"),
    [
        (MESSAGE, "jörg@example.org", "SMTPUTF8"),
        ("Grüße\r\n".encode(), "reader@example.org", "8BITMIME"),
    ],
)
def test_what_a_server_cannot_take_is_refused_with_the_reason(
    message: bytes, recipient: str, words: str
) -> None:
    """A server without extensions is not sent what it has no way to read."""
    with Relay(always={"EHLO": "250 relay"}) as relay:
        sender = transport(relay).open()
        outcome = sender.send(message, Envelope("us@example.org", recipient))
        assert outcome.kind is REFUSED
        assert words in outcome.reply
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    assert "MAIL FROM:<bounces@journal.example.org>" in relay.commands


def test_our_own_address_beyond_ascii_refuses_no_reader() -> None:
    """A server without SMTPUTF8 can't take it: deferred, until the settings name another."""
    with Relay(always={"EHLO": "250 relay"}) as relay:
        outcome, _ = one(relay, Envelope("jörg@journal.example.org", "reader@example.org"))
    assert outcome.kind is DEFERRED
    assert "envelope sender" in outcome.reply
    assert not any(command.startswith("MAIL") for command in relay.commands)


@pytest.mark.parametrize("offer", ["250-relay\r\n250 SIZE", "250-relay\r\n250 SIZE 0"])
def test_a_server_that_names_no_limit_has_none(offer: str) -> None:
    """RFC 1870 §4: SIZE alone, or 0, says that there is no fixed one."""
    with Relay(always={"EHLO": offer}) as relay:
        outcome, _ = one(relay)
    assert outcome.kind is ACCEPTED
    assert any(" SIZE=" in command for command in relay.commands)


def test_a_message_over_the_limit_is_not_sent() -> None:
    """The server's SIZE is believed before the bytes travel (RFC 1870)."""
    with Relay(always={"EHLO": "250-relay\r\n250 SIZE 10"}) as relay:
        outcome, _ = one(relay)
    assert outcome.kind is REFUSED
    assert "the server takes 10" in outcome.reply


def test_a_server_that_knows_only_helo_is_good_enough() -> None:
    """RFC 5321 §3.2: without EHLO there are no extensions, but there is mail."""
    with Relay(always={"EHLO": "502 what"}) as relay:
        outcome, _ = one(relay)
    assert outcome.kind is ACCEPTED
    assert any(command.startswith("HELO ") for command in relay.commands)


# --- opening --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("always", "error"),
    [
        ({"CONNECT": "554 5.7.1 not you"}, TransportError),
        ({"CONNECT": "421 busy"}, TransportUnavailable),
        ({"CONNECT": "450 busy"}, TransportUnavailable),
        ({"CONNECT": Act.DROP}, TransportUnavailable),
        ({"CONNECT": "SSH-2.0-OpenSSH"}, TransportUnavailable),
        ({"EHLO": "550 no", "HELO": "550 no"}, TransportError),
        ({"EHLO": "421 no"}, TransportUnavailable),
    ],
)
def test_a_server_that_will_not_have_us(always: dict[str, Answer], error: type) -> None:
    """5yz is for the operator to mend; anything else may pass."""
    with Relay(always=always) as relay, pytest.raises(TransportError) as caught:
        transport(relay).open()
    assert type(caught.value) is error
    assert "transport 'main' (127.0.0.1:" in str(caught.value)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
def test_a_server_that_wants_a_login_first_refuses_us_and_not_the_reader(verb: str) -> None:
    """530 would come for everybody (RFC 4954 §6): nobody is marked refused for it."""
    with Relay({verb: ["530 5.7.0 Authentication required"]}) as relay:
        sender = transport(relay).open()
        with pytest.raises(TransportError, match="username and password"):
            sender.send(MESSAGE, READER)
        assert not sender.usable


def test_check_says_what_it_found(trusted: authority.Authority) -> None:
    """One sentence with the line, the login and the extensions, and no mail."""
    with Relay() as relay:
        assert transport(relay).check() == (
            f"'main' reaches 127.0.0.1:{relay.port} over a line in clear text, without a login; "
            "it offers 8BITMIME, SIZE"
        )
    offer = "250-relay\r\n250 AUTH PLAIN"
    with Relay(always={"EHLO": offer}, context=trusted.context, implicit=True) as relay:
        found = transport(
            relay, **IMPLICIT, ca_file=str(trusted.ca_file), username="u", password="p"
        ).check()
    assert "over an encrypted line, logged in; it offers AUTH" in found
    assert not any(command.startswith("MAIL") for command in relay.commands)


STARTTLS: dict[str, Any] = {"security": "starttls"}
IMPLICIT: dict[str, Any] = {"security": "implicit"}
OFFER = {"EHLO": "250-relay\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"}


@pytest.mark.parametrize("implicit", [False, True])
def test_the_message_travels_encrypted(trusted: authority.Authority, implicit: bool) -> None:
    """STARTTLS and implicit TLS, with a certificate that is checked."""
    with Relay(always=OFFER, context=trusted.context, implicit=implicit) as relay:
        options = IMPLICIT if implicit else STARTTLS
        outcome, _ = one(relay, **options, ca_file=str(trusted.ca_file))
    assert outcome.kind is ACCEPTED
    assert relay.sessions[0].encrypted
    assert relay.received[0].content == MESSAGE


@pytest.mark.parametrize("options", [STARTTLS, IMPLICIT])
def test_a_certificate_nobody_vouches_for_is_refused(
    trusted: authority.Authority, options: Mapping[str, Any]
) -> None:
    """Checked by default; the operator is told what to do."""
    implicit = options is IMPLICIT
    with (
        Relay(always=OFFER, context=trusted.context, implicit=implicit) as relay,
        pytest.raises(TransportError, match=r"not trusted.*ca_file"),
    ):
        transport(relay, **options).open()
    assert relay.received == []


def test_a_certificate_for_another_host_is_refused(tmp_path: Path) -> None:
    """Trusting the authority is not enough."""
    other = authority.make(tmp_path, "192.0.2.1")
    with (
        Relay(always=OFFER, context=other.context) as relay,
        pytest.raises(TransportError, match="not trusted"),
    ):
        transport(relay, **STARTTLS, ca_file=str(other.ca_file)).open()


def test_a_line_that_lost_its_starttls_offer_is_not_used() -> None:
    """Somebody in the middle who removes the offer gets no mail in clear text."""
    with Relay() as relay, pytest.raises(TransportError, match="does not offer STARTTLS"):
        transport(relay, **STARTTLS).open()
    assert not any(command.startswith("MAIL") for command in relay.commands)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("454 4.7.0 not now", TransportUnavailable),
        ("501 no", TransportError),
        (Act.DROP, TransportUnavailable),
    ],
)
def test_starttls_refused(answer: Answer, error: type) -> None:
    """It never goes on in clear text."""
    with Relay({"STARTTLS": [answer]}, OFFER) as relay, pytest.raises(TransportError) as caught:
        transport(relay, **STARTTLS).open()
    assert type(caught.value) is error


def test_words_slipped_in_before_tls_are_forgotten(trusted: authority.Authority) -> None:
    """STARTTLS injection: clear text sent along with the 220 is never taken for an answer."""
    injected = "220 go ahead\r\n250-evil\r\n250-AUTH PLAIN\r\n250 SIZE 1"
    always = {"EHLO": "250-relay\r\n250 STARTTLS", "STARTTLS": injected}
    with Relay(always=always, context=trusted.context) as relay:
        sender = transport(relay, **STARTTLS, ca_file=str(trusted.ca_file)).open()
        assert sender.offers == ("STARTTLS",)
        assert sender.encrypted
        assert sender.send(MESSAGE, READER).kind is ACCEPTED
        sender.close()
    assert len([c for c in relay.commands if c.startswith("EHLO")]) == 2


def test_more_clear_text_than_is_read_at_once_breaks_the_handshake(
    trusted: authority.Authority,
) -> None:
    """What is still on its way when TLS begins is no TLS: the session ends, and nothing is sent."""
    injected = "220 go ahead\r\n" + "250 AUTH PLAIN\r\n" * 20_000
    always = {"EHLO": "250-relay\r\n250 STARTTLS", "STARTTLS": injected}
    with Relay(always=always, context=trusted.context) as relay:
        with pytest.raises(TransportError) as caught:
            transport(relay, **STARTTLS, ca_file=str(trusted.ca_file)).open()
        assert "transport 'main'" in str(caught.value)
    assert not any(command.startswith(("MAIL", "AUTH")) for command in relay.commands)


def test_opportunistic_encrypts_when_it_can(trusted: authority.Authority) -> None:
    """With an offer it encrypts, whatever the certificate; without one it sends as it is."""
    with Relay(always=OFFER, context=trusted.context) as relay:
        assert one(relay, security="opportunistic")[0].kind is ACCEPTED
    assert relay.sessions[0].encrypted
    with Relay() as relay:
        assert one(relay, security="opportunistic")[0].kind is ACCEPTED
    assert not relay.sessions[0].encrypted


def test_a_wrong_ca_file_is_named(tmp_path: Path) -> None:
    """A file that is missing or holds no certificate is a plain sentence."""
    with Relay(always=OFFER) as relay:
        for path in (tmp_path / "none.pem", Path(__file__)):
            with pytest.raises(TransportError, match="cannot be read as PEM"):
                transport(relay, **STARTTLS, ca_file=str(path)).open()


# --- login ------------------------------------------------------------------------------------------

LOGIN: dict[str, Any] = {"username": "post@journal.example.org", "password": "correct horse"}


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def secrets_stay_secret(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    assert "correct horse" not in caplog.text


@pytest.mark.usefixtures("secrets_stay_secret")
class TestLogin:
    def test_it_logs_in_under_tls(self, trusted: authority.Authority) -> None:
        """AUTH comes after STARTTLS, and then mail goes."""
        with Relay(always=OFFER, context=trusted.context) as relay:
            outcome, _ = one(relay, **STARTTLS, **LOGIN, ca_file=str(trusted.ca_file))
        assert outcome.kind is ACCEPTED
        verbs = [command.split(" ")[0] for command in relay.commands]
        assert verbs == ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            ("535 5.7.8 no post@journal.example.org", TransportError),
            ("454 4.7.0 try later", TransportUnavailable),
            (Act.DROP, TransportUnavailable),
            ("334 not base64!", TransportError),
        ],
    )
    def test_a_login_that_fails(
        self, trusted: authority.Authority, answer: Answer, error: type
    ) -> None:
        """Wrong is for the operator, not now may pass; neither repeats who or what."""
        with (
            Relay(
                always={**OFFER, "AUTH": answer, "EHLO": "250-r\r\n250 AUTH CRAM-MD5"},
                context=trusted.context,
                implicit=True,
            ) as relay,
            pytest.raises(TransportError) as caught,
        ):
            transport(relay, **IMPLICIT, **LOGIN, ca_file=str(trusted.ca_file)).open()
        assert type(caught.value) is error
        assert "correct horse" not in str(caught.value)
        assert "post@" not in str(caught.value)

    @pytest.mark.parametrize(
        ("way", "answers", "said"),
        [
            ("PLAIN", ["235 2.7.0 welcome"], ["AUTH PLAIN {plain}"]),
            ("LOGIN", ["334 VXNlcm5hbWU6"], ["AUTH LOGIN {user}", "{password}"]),
        ],
    )
    def test_each_way_to_log_in(
        self, trusted: authority.Authority, way: str, answers: list[Answer], said: list[str]
    ) -> None:
        """RFC 4616's PLAIN in one step; LOGIN asks twice. Each in the form that servers read."""
        user, password = LOGIN["username"], LOGIN["password"]
        forms = {
            "plain": _base64(f"\0{user}\0{password}"),
            "user": _base64(user),
            "password": _base64(password),
        }
        secret = said[-1].format(**forms)
        always = {"EHLO": f"250-r\r\n250 AUTH {way}", secret.upper(): "235 2.7.0 welcome"}
        always[secret] = "235 2.7.0 welcome"
        with Relay(
            {"AUTH": answers}, always=always, context=trusted.context, implicit=True
        ) as relay:
            outcome, _ = one(relay, **IMPLICIT, **LOGIN, ca_file=str(trusted.ca_file))
        assert outcome.kind is ACCEPTED
        wanted = [line.format(**forms) for line in said]
        login = relay.commands[1 : 1 + len(wanted)]
        assert [line.lower() for line in login] == [line.lower() for line in wanted]

    @pytest.mark.parametrize("way", ["plain", "coded", "whole"])
    def test_a_server_that_says_the_password_back_is_not_quoted(
        self, trusted: authority.Authority, way: str
    ) -> None:
        """Neither as it is nor in base64, whole or with the name."""
        user, password = LOGIN["username"], LOGIN["password"]
        shown = {
            "plain": password,
            "coded": _base64(password),
            "whole": _base64(f"\0{user}\0{password}"),
        }[way]
        offer = {"EHLO": "250-r\r\n250 AUTH PLAIN", "AUTH": f"535 5.7.8 wrong: {shown}"}
        with (
            Relay(always=offer, context=trusted.context, implicit=True) as relay,
            pytest.raises(TransportError) as caught,
        ):
            transport(relay, **IMPLICIT, **LOGIN, ca_file=str(trusted.ca_file)).open()
        assert "wrong: ***" in str(caught.value)
        assert shown not in str(caught.value)
        assert shown not in repr(caught.value.__cause__)

    @pytest.mark.parametrize("offer", ["250 relay", "250-relay\r\n250 AUTH KERBEROS"])
    def test_no_login_is_offered(self, trusted: authority.Authority, offer: str) -> None:
        """The operator is told rather than mail tried without."""
        with (
            Relay(always={"EHLO": offer}, context=trusted.context, implicit=True) as relay,
            pytest.raises(TransportError),
        ):
            transport(relay, **IMPLICIT, **LOGIN, ca_file=str(trusted.ca_file)).open()

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"username": "u"}, "go together"),
            ({"password": "correct horse"}, "go together"),
            ({"username": "u", "password": "correct hörse"}, "ASCII"),
            (
                {**LOGIN, "security": "none", "host": "relay.example.org"},
                "show the password to the network",
            ),
            ({**LOGIN, "security": "opportunistic", "host": "192.0.2.1"}, "show the password"),
            ({"security": "tls"}, "security"),
            ({"port": "http"}, "port"),
            ({"host": ""}, "host"),
            ({"local_hostname": "a b\r\nMAIL"}, "local_hostname"),
        ],
    )
    def test_settings_that_cannot_be_meant(self, options: dict[str, str], words: str) -> None:
        """Each is named with its table and key; the password is in none of the messages."""
        with pytest.raises(SettingsError) as caught:
            transports.connect("main", "smtp", {"host": "127.0.0.1", **options})
        assert words in str(caught.value)
        assert "[transports.main]" in str(caught.value)
        assert "correct" not in repr(caught.value)

    def test_a_login_on_this_machine_needs_no_encryption(self) -> None:
        """A relay on localhost is reached over no network."""
        for host in ("localhost", "127.0.0.1", "::1"):
            options = {"host": host, "security": "none", **LOGIN}
            assert transports.connect("main", "smtp", options).connections == 4

    def test_the_password_is_not_in_a_repr(self) -> None:
        """An options value printed by accident says nothing."""
        made = transports.connect("main", "smtp", {"host": "localhost", **LOGIN})
        assert isinstance(made, SmtpTransport)
        assert "correct horse" not in repr(made.options)


# --- the bytes --------------------------------------------------------------------------------------


@given(st.binary().map(lambda raw: raw.replace(b"x", b".").replace(b"y", b"\r\n")))
def test_stuffing_is_undone_by_the_receiver(raw: bytes) -> None:
    """The message ends once, at its end, and reads back as it was but for line ends."""
    travelled = stuffed(raw)
    assert travelled.endswith(b".\r\n")
    lines = travelled.split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert b"." not in lines[:-2]
    body = [line.removeprefix(b".") if line.startswith(b".") else line for line in lines[:-2]]
    wanted = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    assert body == (wanted[:-1] if wanted[-1] == b"" else wanted)
    assert b"\n" not in travelled.replace(b"\r\n", b"")


@given(st.text(), st.emails())
def test_a_cleaned_reply_names_nobody(reply: str, address: str) -> None:
    """Whatever a server says around an address, the address is gone and the line is short."""
    kept = cleaned(f"{reply} <{address}> {reply}", address)
    assert address not in kept
    assert len(kept) <= 300
    assert kept.isprintable() or not kept.isascii()


def test_a_line_that_is_gone_is_noticed_at_the_next_write() -> None:
    """Whether we closed it, or only cannot write any more, nothing was sent."""
    with Relay() as relay:
        for shut in (True, False):
            sender = transport(relay).open()
            assert sender._session.sock is not None
            if shut:
                sender._session.sock.shutdown(socket.SHUT_WR)
            else:
                sender._session.close()
                with pytest.raises(Lost, match="closed"):
                    sender._session.reply()
            with pytest.raises(TransportUnavailable, match="nothing was sent"):
                sender.send(MESSAGE, READER)
            sender.close()
    assert relay.received == []

"""One SMTP session, step by step: smtplib's handshake with bounded replies and no hidden moves.

`smtplib.SMTP.sendmail` hides which step failed, and whether the last byte had left by then.
That is the one thing a ledger must know, so the steps are taken here one at a time.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
import sys
from dataclasses import dataclass
from typing import NoReturn

from publisher.transports.exchange import Lost

LINE = 2048
"""Longest reply line in bytes; RFC 5321 §4.5.3.1.5 asks for 512, some servers say more."""
LINES = 128
"""Most lines of one reply."""

READ = 65536
"""Bytes taken from the line at a time."""

WRITE = 212_992
"""Bytes that the kernel is to take in one write: a whole mail. Linux doubles it, and gives a new
line 70 KB by itself; what does not fit has to be waited for by a thread."""

_CODES = {b"%d " % code: code for code in range(200, 600)}
_REPLY = re.compile(rb"([2-5][0-9]{2})([ -]|\r?\n)")
FAREWELL = 5.0
"""Seconds that the answer to QUIT is waited for at most."""
FORETOLD = 60.0
"""Seconds that an answer to what came behind another message is waited for at most: nothing is
at stake there, and a server that forgot it would never answer."""
HUNG_UP = "the server hung up"
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds of silence that each step bears (RFC 5321 §4.5.3.2)."""

    connect: float
    command: float
    final: float


class Session(smtplib.SMTP):
    """A connection to `host`, greeted. `context` set: TLS from the first byte."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        local_hostname: str,
        timeouts: Timeouts,
        context: ssl.SSLContext | None,
    ) -> None:
        self._timeouts = timeouts
        self._context = context
        self._heard = b""
        self._unwritten: bytes | memoryview = b""
        self._behind = 0  # bytes at its end that nobody waits for
        self._ended = ""  # how, where that was heard; what came before may not be
        self.silent = False  # whether it was given up because the server said nothing
        super().__init__(host, port, local_hostname, timeouts.connect)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        """What smtplib connects with (its own SMTP_SSL overrides it in the same way)."""
        line = socket.create_connection((host, port), timeout)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, WRITE)
            if self._context is not None:
                line = self._context.wrap_socket(line, server_hostname=host)
            line.settimeout(self._timeouts.command)
        except BaseException:
            line.close()
            raise
        return line

    def getreply(self) -> tuple[int, bytes]:
        """One reply of any number of lines up to a bound.

        Raises SMTPServerDisconnected, with the line dropped, for silence, an end, or a reply
        that is none (RFC 5321 §4.2: three digits, the same on every line).
        """
        while True:
            found = self._next_reply()
            if found is not None:
                return found
            self._read()

    def reply(self) -> tuple[int, str]:
        """The next reply, waited for. Raises Lost."""
        try:
            code, text = self.getreply()
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(str(error)) from error
        return code, text.decode("utf-8", "replace")

    def reply_now(self) -> tuple[int, str] | None:
        """The next reply if all of it was heard. Raises Lost."""
        try:
            found = self._next_reply() if self._heard else None
            if found is None and self._ended:
                self._drop(self._ended)
        except smtplib.SMTPServerDisconnected as error:
            raise Lost(str(error)) from error
        return None if found is None else (found[0], found[1].decode("utf-8", "replace"))

    def heard(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether what was heard begins so; if it does, that is taken out."""
        found = pattern.match(self._heard)
        if found is not None:
            self._heard = self._heard[found.end() :]
        return found is not None

    def overhear(self) -> bytes | None:
        """All that was heard and not yet asked for; None: the line has ended.

        `wait_for(0)` must have been said.
        """
        if self.sock is None:
            return None
        self.hear()
        return None if self._ended else self._heard

    def forget(self, number: int) -> None:
        """So many bytes of what was heard were understood."""
        self._heard = self._heard[number:]

    @property
    def ahead(self) -> bool:
        """Whether more was heard than was asked for."""
        return bool(self._heard)

    def hear(self) -> None:
        """Take in what has come. `wait_for(0)` must have been said. Raises Lost.

        Where the line has ended, `reply_now` says so behind the last reply that came before.
        """
        if self.sock is None:
            raise Lost("the line is closed")
        while not self._ended:
            try:
                more = self.sock.recv(READ)
            except _NOT_YET:
                return
            except OSError as error:
                self._ended = f"no reply: {error}"
                return
            if not more:
                self._ended = HUNG_UP
                return
            self._heard = self._heard + more if self._heard else more
            # What TLS has decrypted already no selector sees.
            if not isinstance(self.sock, ssl.SSLSocket) or not self.sock.pending():
                return

    def ask(self, line: str) -> tuple[int, str]:
        """A command and its reply. Raises Lost."""
        self.queue(line.encode() + b"\r\n")
        self.flush()
        return self.reply()

    def queue(self, data: bytes, behind: int = 0) -> None:
        """To be written by the next `flush`.

        `behind`: so many bytes at its end are not what is waited for now. Whether those were
        written is found out with what is queued next, or by what the server answers.
        """
        self._unwritten = b"".join((self._unwritten, data)) if self._unwritten else data
        self._behind = behind

    def flush(self) -> None:
        """Write what is queued, waiting as long as it takes. Raises Lost: not all has left.

        `sendall` fails only while bytes are still to be handed over.
        """
        if self.sock is None:
            raise Lost("the line is closed")
        if not self._unwritten:
            return
        left = memoryview(self._unwritten)
        due = max(0, len(left) - self._behind)
        self._refuse_to_talk_to_nobody(due)
        try:
            if due:
                self.sock.sendall(left[:due])
        except OSError as error:
            self.close()
            raise Lost(f"the line broke while it was written to: {error}") from error
        self._unwritten = b""
        with contextlib.suppress(OSError):  # a broken line still says what was answered before
            self.sock.sendall(left[due:])

    def flush_now(self) -> bool:
        """Write what goes without waiting; whether that was all that is waited for.

        Raises Lost as `flush` does.
        """
        if self.sock is None:
            raise Lost("the line is closed")
        if not self._unwritten:
            return True
        self._refuse_to_talk_to_nobody(len(self._unwritten) - self._behind)
        try:
            while left := self._unwritten:
                due = len(left) - self._behind
                if due > 0 and isinstance(self.sock, ssl.SSLSocket):
                    # TLS takes all of a write or none, some of it may have left all the same, and
                    # the next try must not be shorter: what is behind is a write of its own.
                    sent = self.sock.send(memoryview(left)[:due])
                else:
                    sent = self.sock.send(left)
                self._unwritten = memoryview(left)[sent:] if sent < len(left) else b""
        except _NOT_YET:
            return len(self._unwritten) <= self._behind
        except OSError as error:
            if len(self._unwritten) <= self._behind:
                self._unwritten = b""
                return True
            self.close()
            raise Lost(f"the line broke while it was written to: {error}") from error
        return True

    def _refuse_to_talk_to_nobody(self, due: int) -> None:
        """Nothing more that matters is written to a line that was heard to end. Raises Lost."""
        if self._ended and due > 0:
            ended = self._ended
            self.close()
            raise Lost(ended)

    def wait_for(self, seconds: float) -> None:
        """How much silence to bear from now on; 0: none, for `flush_now` and `reply_now`."""
        if self.sock is not None and self.sock.gettimeout() != seconds:
            self.sock.settimeout(seconds)

    def wait_for_command(self) -> None:
        """Bear as much silence as a command may take."""
        self.wait_for(self._timeouts.command)

    def wait_for_message(self) -> None:
        """Bear as much silence as the answer to a message may take."""
        self.wait_for(self._timeouts.final)

    def wait_for_foretold(self) -> None:
        """Bear as much silence as a server may need that has a queue of commands before it."""
        self.wait_for(min(FORETOLD, self._timeouts.command))

    def wait_for_farewell(self) -> None:
        """Bear little silence: nothing depends on what is said any more."""
        self.wait_for(min(FAREWELL, self._timeouts.command))

    def hurry(self) -> None:
        """Acknowledge at once what comes next.

        A server that answers in several writes holds the others back until we acknowledge the
        first (Nagle), which we would do up to 40 ms later (RFC 1122 §4.2.3.2). Linux forgets
        the wish at each pause, so it is renewed with each message.
        """
        if sys.platform == "linux" and self.sock is not None:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def said_something(self) -> bool:
        """Whether the server spoke or hung up without being asked: then it is about to leave."""
        if self._heard or self.sock is None:
            return True
        self.wait_for(0)
        try:
            self._heard = self.sock.recv(READ)
        except _NOT_YET:
            return False
        except OSError:
            return True
        return True

    def close(self) -> None:
        """Drop the line."""
        self._heard, self._unwritten, self._behind, self._ended = b"", b"", 0, ""
        super().close()

    def starttls(self, *, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:  # type: ignore[override]  # smtplib's is broader
        """As smtplib's; what came in clear text behind the 220 is never read (RFC 3207 §5)."""
        assert context is not None  # noqa: S101 - smtplib would make one that checks nothing
        answer = super().starttls(context=context)
        self._heard = b""
        return answer

    def login_with_token(self, username: str, token: str) -> None:
        """AUTH XOAUTH2, the way of the large mailbox providers. Raises as `login` does."""
        if "XOAUTH2" not in self.esmtp_features.get("auth", "").upper().split():
            raise smtplib.SMTPNotSupportedError("the server offers no login by token (XOAUTH2)")
        first = xoauth2(username, token)
        # A refusal comes as a challenge, whose answer is empty; then comes the 535.
        self.auth("XOAUTH2", lambda challenge=None: first if challenge is None else "")

    def _next_reply(self) -> tuple[int, bytes] | None:
        """The first whole reply among what was heard, taken out; None while it is not whole."""
        heard = self._heard
        # As nearly always: one line that is a whole reply.
        end = heard.find(b"\n")
        plain = _CODES.get(heard[:4])
        if plain is not None and 0 < end < LINE:
            self._heard = heard[end + 1 :]
            return plain, heard[4:end].strip()
        texts: list[bytes] = []
        code, start = b"", 0
        while (end := heard.find(b"\n", start)) >= 0:
            match = _REPLY.match(heard, start, end + 1)
            if end - start >= LINE:
                self._drop("the server's reply is too long")
            if match is None or (code and match[1] != code) or len(texts) == LINES:
                self._drop("the server's reply is malformed")
            code = match[1]
            texts.append(heard[start + 4 : end].strip())
            start = end + 1
            if match[2] != b"-":
                self._heard = heard[start:]
                return int(code), b"\n".join(texts)
        if len(heard) - start > LINE:
            self._drop("the server's reply is too long")
        return None

    def _read(self) -> None:
        """Hear more, waiting for it."""
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected("the line is closed")
        try:
            more = self.sock.recv(READ)
        except OSError as error:
            self.silent = isinstance(error, TimeoutError)
            self.close()
            raise smtplib.SMTPServerDisconnected(f"no reply: {error}") from error
        if not more:
            self._drop(HUNG_UP)
        self._heard += more

    def _drop(self, why: str) -> NoReturn:
        self.close()
        raise smtplib.SMTPServerDisconnected(why)


def xoauth2(username: str, token: str) -> str:
    """What AUTH XOAUTH2 says, before it is coded in base64."""
    return f"user={username}\x01auth=Bearer {token}\x01\x01"


def whole_lines(message: bytes) -> bytes:
    """The message in CRLF lines, the last one ended: as it travels in a chunk (RFC 3030).

    A bare CR or LF is made a line end, as RFC 5321 §2.3.8 asks: servers that disagree about
    them are how one message is smuggled inside another.
    """
    rest = message.replace(b"\r\n", b"")
    if b"\n" in rest or b"\r" in rest:
        message = _BARE.sub(b"\r\n", message)
    return message if not message or message.endswith(b"\r\n") else message + b"\r\n"


def stuffed(message: bytes) -> bytes:
    """As it travels after DATA: CRLF lines, dots doubled, the final dot (RFC 5321 §4.5.2)."""
    message = whole_lines(message)
    start = b"." if message.startswith(b".") else b""
    return b"".join((start, message.replace(b"\r\n.", b"\r\n.."), b".\r\n"))

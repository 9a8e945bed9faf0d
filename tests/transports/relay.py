"""A small SMTP server that says exactly what a test tells it to, on a real socket."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from io import BufferedReader
from typing import Self


class Act(Enum):
    """What a server may do instead of replying."""

    DROP = "close the line"
    HANG = "say nothing until the relay is closed"
    STALL = "ask for the message and read none of it"


Answer = str | bytes | Act

DEFAULTS: Mapping[str, str] = {
    "CONNECT": "220 relay.example.org ESMTP",
    "EHLO": "250-relay.example.org\r\n250-8BITMIME\r\n250 SIZE 1000000",
    "HELO": "250 relay.example.org",
    "STARTTLS": "220 go ahead",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 ok",
    "RCPT": "250 2.1.5 ok",
    "DATA": "354 go ahead",
    "BODY": "250 2.0.0 queued as 1A2B",
    "BDAT": "250 2.0.0 queued as 1A2B",
    "RSET": "250 2.0.0 ok",
    "QUIT": "221 2.0.0 bye",
}


@dataclass(frozen=True)
class Received:
    """One message whose final dot arrived, and whether it was answered with 250."""

    sender: str
    recipient: str
    content: bytes
    accepted: bool


@dataclass
class Session:
    """What one client did."""

    commands: list[str] = field(default_factory=list)
    encrypted: bool = False


class Relay:
    """`script`: verb → its answers in order; after the last the default is given again.

    `always`: verb → the answer to every occurrence. BODY is the final dot, CONNECT the greeting.
    """

    def __init__(
        self,
        script: Mapping[str, Iterable[Answer]] | None = None,
        always: Mapping[str, Answer] | None = None,
        *,
        context: ssl.SSLContext | None = None,
        implicit: bool = False,
    ) -> None:
        self._script: dict[str, deque[Answer]] = defaultdict(deque)
        for verb, answers in (script or {}).items():
            self._script[verb] = deque(answers)
        self._always = {**DEFAULTS, **(always or {})}
        self._context = context
        self._implicit = implicit
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._lines: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.sessions: list[Session] = []
        self.received: list[Received] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on everybody."""
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        with self._lock:
            for line in self._lines:
                try:
                    line.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        for thread in self._threads:
            thread.join()

    def hang_up(self) -> None:
        """End every session that is open, without a word; return when all are gone."""
        with self._lock:
            lines, threads = list(self._lines), list(self._threads)
        for line in lines:
            line.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    @property
    def commands(self) -> list[str]:
        """Every command of every session, in order of session."""
        return [command for session in self.sessions for command in session.commands]

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(line,))
            with self._lock:
                self._lines.add(line)
                self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        session = Session()
        self.sessions.append(session)
        try:
            if self._implicit and self._context is not None:
                line = self._wrapped(line)
                session.encrypted = True
            _Conversation(self, session, line).hold()
        except OSError:
            pass
        finally:
            with self._lock:
                self._lines.discard(line)
            line.close()

    def _wrapped(self, line: socket.socket) -> ssl.SSLSocket:
        assert self._context is not None
        with self._lock:
            self._lines.discard(line)
            wrapped = self._context.wrap_socket(
                line, server_side=True, do_handshake_on_connect=False
            )
            self._lines.add(wrapped)
        try:
            wrapped.do_handshake()
        except OSError:
            wrapped.close()
            raise
        return wrapped

    def answer(self, verb: str) -> Answer:
        with self._lock:
            if self._script[verb]:
                return self._script[verb].popleft()
        return self._always.get(verb, "502 5.5.2 not known")

    def say(self, line: socket.socket, answer: Answer) -> bool:
        """Whether the conversation goes on."""
        if answer is Act.DROP:
            return False
        if answer is Act.STALL:
            line.sendall(b"354 go ahead\r\n")
        if answer in (Act.HANG, Act.STALL):
            self._closing.wait()
            return False
        text = answer.encode() if isinstance(answer, str) else answer
        assert isinstance(text, bytes)
        line.sendall(text if text.endswith(b"\n") else text + b"\r\n")
        return not text.startswith(b"421")


class _Conversation:
    def __init__(self, relay: Relay, session: Session, line: socket.socket) -> None:
        self.relay, self.session, self.line = relay, session, line
        self.sender = self.recipient = ""

    def hold(self) -> None:
        file = self.line.makefile("rb")
        try:
            if not self.relay.say(self.line, self.relay.answer("CONNECT")):
                return
            while raw := file.readline():
                command = raw.decode("utf-8", "replace").rstrip("\r\n")
                verb = command.split(" ")[0].upper()
                self.session.commands.append(verb + command[len(verb) :])
                answer = self.relay.answer(verb)
                self._note(verb, command)
                if verb == "BDAT" and answer is not Act.STALL:
                    self._chunk(file, command, answer)
                if not self.relay.say(self.line, answer) or verb == "QUIT":
                    return
                said = answer if isinstance(answer, str) else ""
                if verb == "STARTTLS" and not said.startswith(("4", "5")):
                    file.close()
                    self.line = self.relay._wrapped(self.line)
                    self.session.encrypted = True
                    file = self.line.makefile("rb")
                if verb == "DATA" and said.startswith("354") and not self._body(file):
                    return
        finally:
            file.close()
            self.line.close()

    def _note(self, verb: str, command: str) -> None:
        found = re.search(r"<(.*?)>", command)
        if found and verb == "MAIL":
            self.sender = found[1]
        if found and verb == "RCPT":
            self.recipient = found[1]

    def _chunk(self, file: BufferedReader, command: str, answer: Answer) -> None:
        """Read it all before the answer, refused or not (RFC 3030 §2)."""
        content = file.read(int(command.split()[1]))
        accepted = isinstance(answer, str) and answer.startswith("2")
        self.relay.received.append(Received(self.sender, self.recipient, content, accepted))

    def _body(self, file: BufferedReader) -> bool:
        lines: list[bytes] = []
        while (raw := file.readline()) != b".\r\n":
            if not raw:
                return False
            lines.append(raw[1:] if raw.startswith(b".") else raw)
        answer = self.relay.answer("BODY")
        accepted = isinstance(answer, str) and answer.startswith("2")
        self.relay.received.append(Received(self.sender, self.recipient, b"".join(lines), accepted))
        return self.relay.say(self.line, answer)

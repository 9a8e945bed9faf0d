"""What is said for one message, and what the answers come to: no socket and no clock.

Three paces, by what the server offers (`docs/decisions/0008-pipelining.md` says why):

| pace | what goes out together | round trips with DATA | with BDAT |
|---|---|---|---|
| STEPS | each command alone | 4 | 3 |
| GROUP (RFC 2920) | MAIL, RCPT and DATA; then the message | 2 | 2 |
| AHEAD (RFC 2920, 3030) | MAIL, RCPT, BDAT LAST and the message | – | 1 |
"""

from __future__ import annotations

import re
from collections import deque
from enum import Enum, auto

from publisher.domain.outcome import Outcome, OutcomeKind, cleaned, from_reply

_LOG_IN_FIRST = (530, 538)


class Lost(Exception):  # an inner signal: `sender.py` turns it into a TransportUnavailable
    """The session ended, or made no sense any more; the server has not taken the message.

    `code` and `said` are its last reply, where there was one.
    """

    def __init__(self, why: str, code: int = 0, said: str = "") -> None:
        super().__init__(why)
        self.code = code
        self.said = said


class LoginWanted(Exception):  # an inner signal likewise
    """530 or 538 (RFC 4954 §6): it would come for everybody, so it is not about the reader."""


class Pace(Enum):
    """How much is said before an answer is waited for."""

    STEPS = auto()
    GROUP = auto()
    AHEAD = auto()


class Step(Enum):
    """What an answer is awaited to."""

    MAIL = "MAIL FROM"
    RCPT = "RCPT TO"
    DATA = "DATA"
    MESSAGE = "the message"
    LONE_DOT = "a lone dot"
    RSET = "RSET"


# Looked up for every reply: reading a member off its class costs more than all else there.
_MAIL, _RCPT, _DATA, _MESSAGE = Step.MAIL, Step.RCPT, Step.DATA, Step.MESSAGE
_STEPS, _AHEAD = Pace.STEPS, Pace.AHEAD

_CHUNK_USUAL = re.compile(rb"(?:25[0-2] [^\r\n]{0,500}\r?\n){2}")
_DATA_USUAL = re.compile(rb"(?:25[0-2] [^\r\n]{0,500}\r?\n){2}354 [^\r\n]{0,500}\r?\n")


class Exchange:
    """One message for one recipient. Write what `to_write` gives, `take` each reply in turn.

    `outcome` is set at the end, `usable` says whether the session is good for another message.
    `whole`: the last byte of the message is among what was given to be written; once all that
    has been handed over, silence means that nobody knows.
    """

    def __init__(
        self, mail: bytes, rcpt: bytes, content: bytes, pace: Pace, *, chunk: bool
    ) -> None:
        """`content` travels as it is: dots stuffed and ended for DATA, plain for a `chunk`."""
        self._content = content
        self._chunk = chunk
        self.pace = pace
        self.awaited: deque[Step] = deque()
        self.outcome: Outcome | None = None
        self.usable = True
        self.whole = False
        self._answers = 0
        self._refusal: Outcome | None = None
        self._recipient_taken = False
        self._rcpt = rcpt
        self._out = mail
        self._begin()

    @property
    def group_answered(self) -> bool:
        """Whether the server has answered every one of several commands said at once."""
        return self.pace is not _STEPS and self._answers >= self._group

    @property
    def usual(self) -> re.Pattern[bytes] | None:
        """What a server that takes the envelope answers to a group; None once some was taken."""
        if self._answers or self.pace is _STEPS:
            return None
        return _CHUNK_USUAL if self._chunk else _DATA_USUAL

    def take_usual(self) -> None:
        """As `take` for each of the answers that `usual` matches, all at once."""
        taken = 2 if self._chunk else 3
        self._answers += taken
        for _ in range(taken):
            self.awaited.popleft()
        self._recipient_taken = True
        if not self.whole:
            self._send_message()

    def to_write(self) -> bytes:
        """What is to be written now, once."""
        written, self._out = self._out, b""
        return written

    def take(self, code: int, text: str) -> None:
        """The next reply. Raises Lost and LoginWanted; then nothing of the message was taken."""
        self._answers += 1
        step = self.awaited.popleft()
        if step is _MESSAGE:
            self._finally(code, text)
        elif step is Step.LONE_DOT:
            # Nothing of the message was in it. Whoever takes it has lost the thread.
            self._end(self._refusal, usable=code >= 400 and code != 421)
        elif step is Step.RSET:
            self._end(self._refusal, usable=code == 250)
        else:
            self._before(step, code, text)

    def lost(self, why: str, *, written: bool) -> Outcome | None:
        """What it came to when the line broke; None: nothing was sent.

        `written`: whether everything so far had been handed over. A refusal that was read
        stands, whatever happened afterwards.
        """
        self.usable = False
        if self._refusal is not None:
            return self._refusal
        if self.whole and written:
            return Outcome(OutcomeKind.UNKNOWN, 0, f"no answer after the last byte: {why}")
        return None

    def _begin(self) -> None:
        self.awaited.append(_MAIL)
        self._group = 1
        if self.pace is _STEPS:
            return
        self._out += self._rcpt
        self.awaited.append(_RCPT)
        if not self._chunk:
            self._out += b"DATA\r\n"
            self.awaited.append(_DATA)
        elif self.pace is _AHEAD:
            self._send_message()
        self._group = len(self.awaited)

    def _send_message(self) -> None:
        size = b"BDAT %d LAST\r\n" % len(self._content) if self._chunk else b""
        self._out = b"".join((self._out, size, self._content))
        self._content = b""
        self.whole = True
        self.awaited.append(_MESSAGE)

    def _before(self, step: Step, code: int, text: str) -> None:
        """A reply to MAIL, RCPT or DATA."""
        if code == 421 and self._refusal is not None:
            self._end(self._refusal, usable=False)
        elif code == 421:
            raise Lost(f"the server ends the session: {cleaned(text)}", code, text)
        elif code in _LOG_IN_FIRST and self._refusal is None:
            raise LoginWanted(str(code))
        elif step is _MAIL and code >= 300:
            self._refusal = Outcome(OutcomeKind.DEFERRED, code, f"to our MAIL FROM: {text}")
        elif step is _RCPT:
            self._recipient_taken = code < 300
            if code >= 300:
                self._refusal = self._refusal or from_reply(code, text)
        elif step is _DATA:
            self._data(code, text)
        if not self.awaited and not self._out and self.outcome is None:
            self._next(step)

    def _data(self, code: int, text: str) -> None:
        if self._refusal is not None:
            if code == 354:
                self._withdraw()
        elif code >= 400:
            self._refusal = from_reply(code, text)
        elif code != 354:
            raise Lost(f"the server answered DATA with {code}")

    def _withdraw(self) -> None:
        """354 in spite of a refusal: RFC 2920 §3.1 asks for a lone dot.

        Where the server believes that it has a recipient, that would send them an empty mail:
        then the line is dropped, which no server takes for an end.
        """
        if self._recipient_taken:
            raise Lost("the server asks for a message whose sender it refused")
        self._out = b".\r\n"
        self.awaited.append(Step.LONE_DOT)

    def _next(self, step: Step) -> None:
        """Everything that was said is answered: go on, or clean up after a refusal."""
        if self._refusal is not None:
            self._out = b"RSET\r\n"
            self.awaited.append(Step.RSET)
        elif step is _MAIL:
            self._out = self._rcpt
            self.awaited.append(_RCPT)
        elif step is _RCPT and not self._chunk:
            self._out = b"DATA\r\n"
            self.awaited.append(_DATA)
        else:
            self._send_message()

    def _finally(self, code: int, text: str) -> None:
        """The reply to the final dot, or to the chunk."""
        if self._refusal is not None:
            if code < 400:  # refused and yet taken: nobody knows
                words = f"the server took a message that it had refused: {text}"
                self._end(Outcome(OutcomeKind.UNKNOWN, code, words), usable=False)
            elif code == 421:
                self._end(self._refusal, usable=False)
            else:
                self._next(_MESSAGE)
        elif 300 <= code < 400:  # a 3yz there means nothing, so nobody knows
            words = f"no answer to the last byte: {text}"
            self._end(Outcome(OutcomeKind.UNKNOWN, code, words), usable=False)
        elif code >= 400 and code != 421 and self._chunk:
            self._refusal = from_reply(code, text)
            self._next(_MESSAGE)
        else:  # 421: RFC 5321 §3.8: it closes the line, and has not taken the message
            self._end(from_reply(code, text), usable=code != 421)

    def _end(self, outcome: Outcome | None, *, usable: bool) -> None:
        self.outcome = outcome
        self.usable = usable

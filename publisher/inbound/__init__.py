"""Verb: a received mail → bounce, complaint or unsubscription → suppression.

Whatever brings mail in (a pipe, a Maildir, IMAP, SMTP or LMTP) hands it to `Receiver.receive`.
Only a mail that bears something we signed changes anything.
"""

from publisher.inbound.judging import Judge
from publisher.inbound.receiving import Received, Receiver

__all__ = ["Judge", "Received", "Receiver"]

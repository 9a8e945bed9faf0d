"""Where mail comes in: a Maildir, an IMAP mailbox, a server of our own, and a folder to keep it.

Each hands raw mails to a callable and knows nothing of what they mean.
"""

from publisher.mailboxes.imap import ImapInbox
from publisher.mailboxes.listener import Listener
from publisher.mailboxes.maildir import Kept, MaildirInbox, keeping

__all__ = ["ImapInbox", "Kept", "Listener", "MaildirInbox", "keeping"]

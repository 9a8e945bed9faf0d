"""A Postfix of our own: its own configuration, queue and port, delivering into a Maildir."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
myhostname = mail.example.org
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
virtual_mailbox_domains = example.org
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_transport = virtual
local_recipient_maps =
alias_maps =
alias_database =
default_database_type = hash
maillog_file = {root}/log
maillog_file_prefixes = {root}
"""


@dataclass(frozen=True, slots=True)
class Postfix:
    """Where it listens and where it puts mail."""

    port: int
    root: Path

    def messages(self, box: str = "inbox") -> list[bytes]:
        """Everything delivered so far."""
        new = self.root / "mail" / box / "new"
        return [path.read_bytes() for path in sorted(new.glob("*"))] if new.exists() else []

    def wait_for(self, number: int, seconds: float = 30, box: str = "inbox") -> list[bytes]:
        """Wait until `number` messages have been delivered; what there is when time runs out."""
        deadline = time.monotonic() + seconds
        while len(self.messages(box)) < number and time.monotonic() < deadline:
            time.sleep(0.1)  # a Maildir tells nobody that mail has come
        return self.messages(box)


@contextmanager
def running(program: str, root: Path, more: str = "") -> Iterator[Postfix]:
    """Start Postfix under `root` (short path, owned by root) and stop it afterwards.

    `more` are lines for main.cf, which win over those above.
    """
    user = pwd.getpwnam("postfix")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = root / "etc"
    for folder in (config, root / "queue", root / "data", root / "mail"):
        folder.mkdir(parents=True)
    for folder in (root / "data", root / "mail"):
        os.chown(folder, user.pw_uid, user.pw_gid)
    (config / "main.cf").write_text(MAIN.format(root=root, uid=user.pw_uid, gid=user.pw_gid) + more)
    (config / "master.cf").write_text(MASTER.format(port=port))
    command = [program, "-c", str(config)]
    started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
    try:
        if started.returncode:
            log = root / "log"
            raise RuntimeError(started.stderr + (log.read_text() if log.exists() else ""))
        yield Postfix(port, root)
    finally:
        subprocess.run([*command, "stop"], capture_output=True, check=False)

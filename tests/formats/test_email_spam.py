"""The sample journal's mails as two spam filters see them, with nothing asked of any network."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from publisher.formats.dkim import Signers
from tests import dkim_keys, sample_mails
from tests.conftest import require

ADDRESS = "203.0.113.5"

SETTINGS = {
    "options.inc": """\
dns {{ nameserver = ["127.0.0.1:1"]; timeout = 100ms; retransmits = 1; fake_records = [{records}]; }}
tempdir = "{folder}"; pidfile = "{folder}/pid"; control_socket = "{folder}/control.sock";
url_tld = "{folder}/suffixes"; disable_hyperscan = true; local_addrs = [];
""",
    "logging.inc": 'type = "console"; level = "error";',
    "worker-normal.inc": 'bind_socket = "{folder}/scan.sock"; count = 1;',
    **{f"worker-{name}.inc": "enabled = false;" for name in ("controller", "proxy", "fuzzy")},
    **{
        f"{name}.conf": "enabled = false;"  # each asks a network or a database
        for name in ("asn", "dmarc", "fuzzy_check", "mx_check", "phishing", "rbl", "spf", "surbl")
    },
}


def record(name: str, kind: str, reply: str) -> str:
    return f'{{ name = "{name}"; type = "{kind}"; replies = ["{reply}"]; }}'


@pytest.fixture(scope="module")
def rspamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A daemon of our own, on a socket file, whose DNS knows the sender's domain alone."""
    program = require("rspamd", "rspamd")
    folder = tmp_path_factory.mktemp("rspamd")
    records = [record(dkim_keys.DOMAIN, "a", ADDRESS)]
    records += [record(name, "txt", text) for name, text in dkim_keys.zone().items()]
    (folder / "local.d").mkdir()
    for name, text in SETTINGS.items():
        filled = text.format(folder=folder, records=", ".join(records)) if "{" in text else text
        (folder / "local.d" / name).write_text(filled)
    # Compiling the whole list of public suffixes takes it minutes.
    (folder / "suffixes").write_text("com\norg\nnet\ngov\n")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-f", "-i", "-c", "/etc/rspamd/rspamd.conf"]
            + [f"--var={name}={folder}" for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR")],
            stdout=log,
            stderr=log,
        )
    try:
        while not (folder / "scan.sock").exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / "scan.sock"))) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def scan(rspamd: httpx.Client, message: bytes) -> tuple[float, dict[str, float]]:
    """The score, and each symbol's part in it."""
    sender = {"IP": ADDRESS, "Helo": dkim_keys.DOMAIN, "Hostname": dkim_keys.DOMAIN}
    envelope = {"From": f"bounces@{dkim_keys.DOMAIN}", "Rcpt": "zoe@example.org"}
    reply = rspamd.post(
        "http://rspamd/checkv2", content=message, headers={**sender, **envelope}, timeout=60
    )
    found = reply.raise_for_status().json()
    return found["score"], {each["name"]: each["score"] for each in found["symbols"].values()}


def sample(name: str, folder: Path) -> bytes:
    now = datetime.now(UTC)  # a filter compares it with its own clock
    if name == "digest":
        return sample_mails.digest(dated_at=now)
    if name == "test copy":
        return sample_mails.marked_copy(dated_at=now)
    return sample_mails.staff_notice(folder, dated_at=now)


NAMES = ["digest", "test copy", "staff notice"]


@pytest.mark.parametrize("name", NAMES)
def test_rspamd_scores_below_2(rspamd: httpx.Client, name: str, tmp_path: Path) -> None:
    """Unsigned, from a host with a name: nothing in the mail itself looks like spam."""
    score, symbols = scan(rspamd, sample(name, tmp_path))
    assert score < 2, symbols
    assert "MIME_GOOD" in symbols  # the rules did run


def test_rspamd_verifies_the_signatures(rspamd: httpx.Client) -> None:
    """A third opinion on DKIM, and a signed digest scores below nothing."""
    now = datetime.now(UTC)
    signers = Signers({dkim_keys.DOMAIN: dkim_keys.signer()})
    mail = sample_mails.digest(dated_at=now)
    score, symbols = scan(rspamd, signers.signed(mail, now))
    assert symbols["R_DKIM_ALLOW"] < 0
    assert score < 0, symbols


def test_rspamd_knows_spam_when_it_sees_it(rspamd: httpx.Client) -> None:
    """The filter that lets us pass is awake."""
    line = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
    reply = rspamd.post("http://rspamd/checkv2", content=b"Subject: x\r\n\r\n" + line)
    assert reply.json()["action"] in ("add header", "reject")


@pytest.mark.parametrize("name", NAMES)
def test_spamassassin_scores_below_1(name: str, tmp_path: Path) -> None:
    """`-L`: its own rules alone, no network."""
    done = subprocess.run(
        [require("spamassassin", "spamassassin"), "-L", "-t"],
        input=sample(name, tmp_path),
        capture_output=True,
        check=True,
    )
    (score,) = re.findall(rb"^X-Spam-Status: \w+, score=(-?[\d.]+)", done.stdout, re.MULTILINE)
    report = done.stdout.partition(b"Content analysis details:")[2].decode("utf-8", "replace")
    assert float(score) < 1.0, report
    assert "NO_RELAYS" in report  # the rules did run

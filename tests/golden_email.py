"""Write the golden mails anew: `python -m tests.golden_email`, then read the difference."""

from publisher.domain.issue import Shaping
from tests import mails
from tests.formats.test_email import GOLDEN


def main() -> None:
    edition = mails.render(shaping=Shaping(intro="Three reviews.\n\nRead with care."))
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "digest.html").write_bytes(edition.html.encode())
    (GOLDEN / "digest.txt").write_bytes(edition.text.encode())
    (GOLDEN / "digest.eml").write_bytes(mails.compiled(edition))


if __name__ == "__main__":
    main()

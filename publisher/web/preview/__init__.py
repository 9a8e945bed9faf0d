"""`publisher preview`: what readers will get, on a page of this machine alone, before they do.

Nothing here changes anything: the store is opened for reading, every route is a GET, and what
is wrong with an article, a template or the settings becomes a sentence on the page.
"""

from publisher.web.preview.pages import Preview
from publisher.web.preview.reading import Desk
from publisher.web.preview.serving import serve

__all__ = ["Desk", "Preview", "serve"]

"""Template filters. They turn stored values into HTML and know no clock."""

import re
from html.parser import HTMLParser

from markupsafe import Markup, escape

MONTHS = "January February March April May June July August September October November December".split()

# Sellers write their descriptions in HTML, and a visitor's browser would run
# whatever they write: only these elements survive, with only these attributes.
INLINE = {"a", "b", "br", "em", "i", "strong"}
BLOCK = {"h3", "h4", "li", "ol", "p", "ul"}
DROPPED = {"script", "style", "title"}

SPACE = re.compile(r"\s+")


class Cleaner(HTMLParser):
    """Lets the harmless elements through, balanced, and escapes the rest.

    With a limit it lets only inline elements through, and stops after that
    many characters of text: an excerpt for lists.
    """

    def __init__(self, limit=None):
        super().__init__(convert_charrefs=True)
        self.allowed = INLINE | BLOCK if limit is None else INLINE
        self.left = limit
        self.out = []
        self.open = []
        self.dropping = None

    def handle_starttag(self, tag, attributes):
        if tag in DROPPED:
            self.dropping = tag
        if self.left == 0 or self.dropping or tag not in self.allowed:
            return
        if tag == "br":
            self.out.append("<br>")
            return
        link = dict(attributes).get("href") or ""
        # Links stay within the site.
        if tag == "a" and link.startswith("/") and not link.startswith("//"):
            self.out.append(f'<a href="{escape(link)}">')
        else:
            self.out.append(f"<{tag}>")
        self.open.append(tag)

    def handle_endtag(self, tag):
        if tag == self.dropping:
            self.dropping = None
        if tag in self.open:
            # Also closes what was opened inside and left open.
            while True:
                last = self.open.pop()
                self.out.append(f"</{last}>")
                if last == tag:
                    break
        elif self.left and tag in BLOCK:
            self.handle_data(" ")

    def handle_data(self, data):
        if self.dropping or self.left == 0:
            return
        if self.left is not None:
            data = SPACE.sub(" ", data)
            if len(data) > self.left:
                data = data[:self.left].rsplit(" ", 1)[0] + " ..."
                self.left = 0
            else:
                self.left -= len(data)
        self.out.append(str(escape(data)))

    def finish(self):
        self.close()
        while self.open:
            self.out.append(f"</{self.open.pop()}>")
        return Markup("".join(self.out))


def clean(html):
    """A seller's whole description."""
    cleaner = Cleaner()
    cleaner.feed(html)
    return cleaner.finish()


def excerpt(html, limit):
    """Its beginning, as one run of text."""
    cleaner = Cleaner(limit)
    cleaner.feed(html)
    return cleaner.finish()


def money(amount):
    return f"${amount:,}"


def day(moment):
    return f"{moment.day} {MONTHS[moment.month - 1]} {moment.year}"


def minute(moment):
    return f"{day(moment)}, {moment.hour:02}:{moment.minute:02}"


def highlight(text, sought):
    """Puts <mark> around the words that a search found."""
    found = set(sought.lower().split())
    return Markup(" ").join(
        Markup("<mark>%s</mark>") % word if word.lower() in found else word
        for word in text.split()
    )


def install(environment):
    for function in (clean, day, excerpt, highlight, minute, money):
        environment.filters[function.__name__] = function

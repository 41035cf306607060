"""What the visitor sent, checked: anything odd ends the request with a 400."""

from flask import abort

# Far below the database's 2^31: page * 25 and amount + 1 still fit.
LARGEST = 9_999_999


def number(text, least=1):
    """A plain decimal number; int() alone would take " +1_0 " as well."""
    if not (text and text.isascii() and text.isdigit() and len(text) <= 7):
        abort(400, "A number was expected.")
    value = int(text)
    if not least <= value <= LARGEST:
        abort(400, "A number is out of range.")
    return value


def words(text, longest):
    """One line of text; the database cannot store a NUL character."""
    text = " ".join((text or "").split())
    if len(text) > longest or "\0" in text:
        abort(400, "A text is too long or not a text.")
    return text

"""Ways in which a file comes damaged, or only odd: each takes bytes and gives bytes."""

import random
from collections.abc import Callable

INSERTED = (
    b'"', b'""', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\n\n", b"\0", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\xed\xa0\x80", b"\xff", b"\x1a", b"\x1b[31m", b"\\", b'\\"', b"\xe2\x80\xa8", b"\xc2\x85", b"{", b"}", b"nan",
    b"PAR1", b"\x0b\x0c", b'"\n"', b',"', b'",',
)  # fmt: skip
ENCODINGS = ("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-8-sig", "utf-7")

Damage = Callable[[bytes, random.Random], bytes]


def none(raw: bytes, chance: random.Random) -> bytes:
    return raw


def flipped(raw: bytes, chance: random.Random) -> bytes:
    found = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        if found:
            found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def overwritten(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    size = chance.choice((1, 4, 16))
    return raw[:start] + chance.choice((b"\0", b"\xff", chance.randbytes(1))) * size + raw[start + size :]


def truncated(raw: bytes, chance: random.Random) -> bytes:
    return raw[: chance.randrange(len(raw) + 1)] if chance.random() < 0.8 else raw[chance.randrange(len(raw) + 1) :]


def cut(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    return raw[:start] + raw[start + chance.choice((1, 2, 10, 100)) :]


def repeated(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    return raw[: start + chance.choice((1, 10, 100))] + raw[start:]


def inserted(raw: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 2, 5))):
        start = chance.randrange(len(raw) + 1)
        raw = raw[:start] + chance.choice(INSERTED) + raw[start:]
    return raw


def at_a_line(raw: bytes, chance: random.Random) -> bytes:
    """Something at the start of one line and at the end of another."""
    lines = raw.split(b"\n")
    for place in (chance.randrange(len(lines)), chance.randrange(len(lines))):
        what = chance.choice(INSERTED)
        lines[place] = what + lines[place] if chance.random() < 0.5 else lines[place] + what
    return b"\n".join(lines)


def lines_moved(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


def lines_joined(raw: bytes, chance: random.Random) -> bytes:
    lines = raw.split(b"\n")
    place = chance.randrange(len(lines))
    return b"\n".join(lines[:place]) + b"\n".join(lines[place:])


def other_ends(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(b"\n", chance.choice((b"\r", b"\r\n", b"\n\r", b"\n\n", b"\r\r\n")))


def other_separators(raw: bytes, chance: random.Random) -> bytes:
    return raw.replace(chance.choice((b",", b"\t")), chance.choice((b";", b"\t", b"|", b":", b", ")))


def recoded(raw: bytes, chance: random.Random) -> bytes:
    return raw.decode("utf-8", "replace").encode(chance.choice(ENCODINGS), "replace")


def huge_field(raw: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(raw) + 1)
    return raw[:start] + chance.choice((b"x", b"x ", "\u00e9".encode(), b"9")) * 140_000 + raw[start:]


def many_columns(raw: bytes, chance: random.Random) -> bytes:
    mark = chance.choice((b",", b"\t", b";"))
    return b"\n".join(line + mark.join([b"", *(b"c%d" % n for n in range(1500))]) for line in raw.split(b"\n")[:4])


def of_nothing(raw: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        (b"", b"\n", b"\0" * 20, b"\xef\xbb\xbf", b"text,label\n", b"\n\n\n", raw.split(b"\n")[0], b'"')
    )


FOR_ALL: tuple[Damage, ...] = (none, flipped, flipped, overwritten, truncated, cut, repeated, inserted)
FOR_TEXT: tuple[Damage, ...] = (
    *FOR_ALL, at_a_line, at_a_line, lines_moved, lines_joined, other_ends, other_separators, recoded, huge_field,
    many_columns, of_nothing,
)  # fmt: skip

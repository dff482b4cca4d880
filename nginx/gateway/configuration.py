"""A rendered configuration as a tree: directives, blocks, and the files that they include."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

# As ngx_conf_read_token reads it: quotes, # and } are special where a word begins, nowhere else.
_TOKEN = re.compile(
    r"""#[^\n]*|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[{};]|"""
    r"""(?:\\[\s\S]|\$\{*|[^ \t\r\n;{\\$])+"""
)
_ODD, _WILD = re.compile(r"[][\\{}]|\*\*"), re.compile(r"[*?]")
_ESCAPED = re.compile(r"""\\(["'\\trn])""")
_MEANT = {"t": "\t", "r": "\r", "n": "\n"}
_VARIABLE = re.compile(r"\$\{?(\w+)")
_DEEPEST = 20  # files that include each other; nginx itself would refuse a circle


@dataclass(eq=False)
class Directive:
    """One directive, or a block with what stands in it; words without their quotes.

    around  the block that it stands in, None at the top
    """

    words: tuple[str, ...]
    around: "Directive | None" = None
    inside: list["Directive"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def variables(self) -> set[str]:
        """Names of the variables in its words, without the dollar."""
        return names_in(" ".join(self.words))

    def levels(self) -> Iterator["Directive"]:
        """The blocks that it stands in, from the innermost to the whole configuration."""
        block = self.around
        while block is not None:
            yield block
            block = block.around

    def all(self) -> Iterator["Directive"]:
        """Everything in this block, however deep, in its order."""
        for directive in self.inside:
            yield directive
            yield from directive.all()

    def __str__(self) -> str:
        heads = [" ".join(block.words) for block in self.levels() if block.words]
        own = " ".join(self.words) + (" { ... }" if self.inside else "")
        return f"{heads[0]} {{ {own} }}" if heads else own


def names_in(text: str) -> set[str]:
    """The variables that a text names."""
    return set(_VARIABLE.findall(text))


def configuration(texts: Mapping[Path, str]) -> Directive:
    """The whole of it, each `include` replaced by what it names.

    texts  relative path -> text of the rendered files, `nginx.conf` among them; what else is
           included is read from disk, and an `include` of what cannot be read stays in the tree
    """
    whole = Directive(())
    _read(texts[Path("nginx.conf")], whole, texts, 0)
    return whole


def _read(text: str, block: Directive, texts: Mapping[Path, str], depth: int) -> None:
    words: list[str] = []
    for token in _TOKEN.findall(text):
        if token.startswith("#"):
            continue
        if token not in "{};":
            words.append(_word(token))
            continue
        if words:
            new = Directive(tuple(words), block)
            named = _named(new, texts) if new.name == "include" and depth < _DEEPEST else None
            if named is None:
                block.inside.append(new)
            for file in named or ():
                _read(file, block, texts, depth + 1)
            if token == "{":
                block = new
        if token == "}" and block.around is not None:
            block = block.around
        words = []


def _word(token: str) -> str:
    text = token[1:-1] if token[0] in "\"'" and token[0] == token[-1] else token
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def _named(include: Directive, texts: Mapping[Path, str]) -> list[str] | None:
    """The texts that it names; None where one cannot be read."""
    pattern = Path(include.words[-1])  # without ./ and //
    # No more than * and ? in a file's name is read in the same way by nginx and here.
    if ".." in pattern.parts or _ODD.search(str(pattern)) or _WILD.search(str(pattern.parent)):
        return None
    if not pattern.is_absolute():
        return [texts[path] for path in sorted(texts) if fnmatch(str(path), str(pattern))] or None
    try:
        files = sorted(pattern.parent.glob(pattern.name))
        # As bytes: read as text, a lone \r would end a line.
        return [file.read_bytes().decode(errors="replace") for file in files] or None
    except (OSError, ValueError):
        return None

"""docs/architecture.md names every module, says what it is for, and lists what it really imports.

Run as a script, this file rewrites the table.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
START, END = "<!-- modules -->\n", "<!-- end of modules -->"


def source_folder() -> Path:
    """Return the package's folder: the checkout's, or the installed one where the tests run without a checkout."""
    here = ROOT / "nato_stance"
    if here.is_dir():
        return here
    import nato_stance

    return Path(nato_stance.__file__).parent


def imported(path: Path) -> list[str]:
    """Return the modules of the package that a file imports, inside functions and for type checks too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("nato_stance"):
            rest = node.module.split(".")[1:]
            names |= {".".join(rest)} if rest else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {a.name.split(".", 1)[1] for a in node.names if a.name.startswith("nato_stance.")}
    return sorted(names - {path.stem, "__version__"})


def table() -> str:
    """Return the table of modules in Markdown."""
    lines = ["| module | what it is | imports |", "| --- | --- | --- |"]
    folder = source_folder()
    for path in sorted([*folder.glob("*.py"), *folder.glob("cli/*.py")]):
        if path.name.startswith("_") and path.parent == folder:
            continue
        name = ".".join(path.relative_to(folder).with_suffix("").parts).removesuffix(".__init__")
        first = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
        lines.append(f"| `{name}` | {first.replace('|', chr(92) + '|')} | {', '.join(imported(path))} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_modules_is_what_the_code_is() -> None:
    page = PAGE.read_text(encoding="utf-8")
    written = page.split(START)[1].split(END)[0].splitlines()
    assert written == table().splitlines(), "run `python tests/test_architecture.py` to rewrite the table"


def test_every_module_says_what_it_is_for() -> None:
    for line in table().splitlines()[2:]:
        assert len(line.split(" | ")[1]) > 15, line


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    PAGE.write_text(before + START + table() + END + rest.split(END)[1], encoding="utf-8")

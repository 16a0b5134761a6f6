"""The project's own source files, for the tests that read them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# From the top down: each may import any below it.
LAYERS = (
    "qingtian_perf",
    "reports",
    "rectification",
    "evaluations",
    "monitoring",
    "targets",
    "ex_ante",
    "notices",
    "budgets",
    "organisations",
    "core",
)


def files(pattern: str = "*.py", *, layers: tuple[str, ...] = LAYERS) -> Iterator[Path]:
    """Source files of the layers, migrations left out."""
    for layer in layers:
        for path in sorted((ROOT / layer).rglob(pattern)):
            if "migrations" not in path.parts and "__pycache__" not in path.parts:
                yield path


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"

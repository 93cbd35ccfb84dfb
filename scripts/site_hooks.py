"""How do the README, the changelog and files beside the docs get into the site? Hooks of MkDocs (mkdocs.yml).

What a page links to outside `docs/` is copied below `repository/`; the README is the first page.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

__all__ = ["on_files", "on_page_markdown"]

ROOT = Path(__file__).parent.parent
PAGES = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
_LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """*files* with the pages and files that stand outside the folder of the docs."""
    for source, target in PAGES.items():
        files.append(File.generated(config, target, content=(ROOT / source).read_text("utf-8")))
    for file in list(files.documentation_pages()):
        for link in _LINK.finditer(file.content_string):
            path = _path(file.src_uri, link[1])
            target = f"repository/{path}"
            if _is_outside(path) and (ROOT / path).is_file() and files.get_file_from_path(target) is None:
                files.append(File.generated(config, target, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """The text of *page* with links to where the site has those files."""
    uri = page.file.src_uri
    return _LINK.sub(lambda link: _target(uri, link[1]) + (link[2] or ""), markdown)


def _path(uri: str, link: str) -> str:
    """Where *link* of the page *uri* points to, from the root of the repository."""
    source = next((name for name, target in PAGES.items() if target == uri), f"docs/{uri}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), link))


def _is_outside(path: str) -> bool:
    return not path.startswith("docs/") and path not in PAGES


def _target(uri: str, link: str) -> str:
    path = _path(uri, link)
    if path in PAGES:
        target = PAGES[path]
    elif _is_outside(path):
        target = f"repository/{path}"
    else:
        target = path.removeprefix("docs/")
    return posixpath.relpath(target, posixpath.dirname(uri) or ".")

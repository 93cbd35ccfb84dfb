"""How do CI systems show gates? As JUnit XML: a test case for each gate, a failure for each finding kind."""

import re
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree as ET

from llm_observer.report.fix_words import paragraph
from llm_observer.report.fixes import Fix
from llm_observer.report.gates import Gate

__all__ = ["junit"]

_NO_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold (https://www.w3.org/TR/xml/#charsets)."""
_NAME = "llm-observer check"


def junit(gates: Sequence[Gate]) -> bytes:
    """The XML of *gates*."""
    failed = sum(not gate.is_passed for gate in gates)
    counts = {"name": _NAME, "tests": str(len(gates)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(root, "testsuite", counts)
    for gate in gates:
        case = ET.SubElement(suite, "testcase", classname="llm_observer.check", name=gate.name)
        for kind, message, text in _failures(gate):
            failure = ET.SubElement(case, "failure", type=_clean(kind), message=_clean(message))
            failure.text = _clean(text)
    ET.indent(root)
    xml: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _failures(gate: Gate) -> Iterator[tuple[str, str, str]]:
    """Type, message and text of each failure."""
    if gate.is_passed:
        return
    for kind, count in gate.kinds.items():
        fixes = [fix for fix in gate.fixes if fix.kind == kind]
        yield kind, f"{count:,} of {kind}", _text(fixes)
    if not gate.kinds:
        yield gate.name, gate.message, _text(gate.fixes)


def _text(fixes: Sequence[Fix]) -> str:
    return "\n".join(line for fix in fixes for line in paragraph(fix))


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)

"""Every way in which a test can end, and what is told of it: as plain pytest has it."""

import re
import xml.etree.ElementTree as ElementTree

OUTCOMES = """
import pytest, sys, unittest, warnings

def test_passes(): pass
def test_fails(): assert [1, 2] == [1, 3]
def test_skips(): pytest.skip("not today")
@pytest.mark.skipif(True, reason="never")
def test_skipped(): assert 0
@pytest.mark.xfail
def test_xfails(): assert 0
@pytest.mark.xfail
def test_xpasses(): pass
@pytest.mark.xfail(strict=True, reason="should")
def test_xpasses_strictly(): pass

@pytest.fixture
def breaks(): raise RuntimeError("before")
@pytest.fixture
def breaks_later():
    yield
    raise RuntimeError("after")

def test_error_before(breaks): pass
def test_error_after(breaks_later): pass
def test_fails_and_error_after(breaks_later): assert 0
def test_no_such_fixture(not_there): pass
def test_raises_system_exit(): sys.exit(3)

def test_speaks(capsys, caplog, record_property, request):
    import logging
    record_property("colour", "blue")
    print("to out"); print("to err", file=sys.stderr)
    logging.getLogger("a").warning("logged")
    warnings.warn("take care")
    with capsys.disabled():
        pass
    assert 0

@pytest.mark.parametrize(
    "value",
    ["", "a b", "a/b", "a::b", "[x]", "ü", "\\n", "\\0", "a" * 300, 1.5, None, b"\\xff", object],
    ids=lambda value: None if not isinstance(value, str) else value,
)
def test_odd(value): assert value != 1.5

@pytest.mark.parametrize("x", [1, 1, 1])
def test_twice(x): pass
@pytest.mark.parametrize("x", [1, 2, 3], ids=["same", "same", "same"])
def test_same_id(x): assert x != 2

class TestUnit(unittest.TestCase):
    @classmethod
    def setUpClass(cls): cls.made = 1
    def setUp(self): self.own = 2
    def test_it(self): self.assertEqual(self.made + self.own, 3)
    def test_it_fails(self): self.assertTrue(False)
    @unittest.skip("not here")
    def test_it_skips(self): pass
    @unittest.expectedFailure
    def test_it_is_expected(self): self.fail()
    def test_many(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

def test_subtests(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number != 2

class TestScopes:
    @pytest.fixture(scope="class")
    def made(self): return []
    def test_a(self, made): made.append(1); assert made == [1]

def documented():
    '''
    >>> 1 + 1
    2
    >>> 1 + 2
    4
    '''
"""
TEXT = """
In words:

>>> 1 + 1
2
"""


def xml_of(path) -> dict[tuple[str, str], list[str]]:
    """What a JUnit report says, without times."""
    cases: dict[tuple[str, str], list[str]] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        said = []
        for child in case:
            if child.tag == "properties":
                said += [f"{one.get('name')}={one.get('value')}" for one in child]
            else:
                message = re.sub(r"0x[0-9a-f]+", "0x", child.get("message") or "")
                said.append(f"{child.tag}: {message}")
        cases.setdefault((str(case.get("classname")), str(case.get("name"))), []).extend(said)
    return {key: sorted(said) for key, said in cases.items()}


def test_every_outcome_is_told_the_same_way(project, run, tmp_path):
    directory = project(
        {
            "pytest.ini": "[pytest]\naddopts = --doctest-modules --doctest-glob=*.txt\n",
            "test_outcomes.py": OUTCOMES,
            "words.txt": TEXT,
        }
    )
    plain_xml, our_xml = tmp_path / "plain.xml", tmp_path / "our.xml"
    # Of the default family, pytest warns that it has no properties, where the file is written only.
    shared = ["-p", "no:cacheprovider", "-rA", "-o", "junit_family=legacy"]
    plain = run(directory, *shared, f"--junitxml={plain_xml}", ours=False)
    ours = run(directory, *shared, f"--junitxml={our_xml}", "--maelstrom-slots=4", ours=True)
    assert ours.cases == plain.cases, ours.out
    assert len(plain.cases) > 40
    assert ours.code == plain.code == 1
    assert xml_of(our_xml) == xml_of(plain_xml)
    # In another order, but the same words: tracebacks, captured output, log, warnings, summary.
    for words in (
        "assert [1, 2] == [1, 3]",
        "Captured stdout call",
        "Captured stderr call",
        "WARNING  a:test_outcomes.py",
        "UserWarning: take care",
        "fixture 'not_there' not found",
        "RuntimeError: before",
        "[XPASS(strict)] should",
        "SKIPPED [1] test_outcomes.py:6: not today",
    ):
        assert words in plain.out, words
        assert words in ours.out, words
    last_plain, last_ours = (
        re.sub(r" in [0-9.:() ]+s?.*", "", ran.out.strip().splitlines()[-1]).strip("= ")
        for ran in (plain, ours)
    )
    assert last_ours == last_plain


def test_warnings_are_errors_where_they_are_plainly(project, both):
    directory = project(
        {
            "pytest.ini": "[pytest]\nfilterwarnings = error::DeprecationWarning\n",
            "test_it.py": """
                import warnings
                def test_user(): warnings.warn("x")
                def test_old(): warnings.warn("y", DeprecationWarning)
            """,
        }
    )
    plain, _ = both(directory)
    assert plain.cases["test_it.py::test_old"] == ["failed"]
    both(directory, "-W", "error")


def test_durations_and_quiet_and_verbose_lines(project, run):
    directory = project(
        {
            "pytest.ini": "[pytest]\n",
            "test_it.py": """
                import time
                def test_slow(): time.sleep(0.3)
                def test_fails(): assert 0
            """,
        }
    )
    ours = run(directory, "-v", "--durations=1", "--durations-min=0.2", ours=True)
    assert re.search(r"^test_it.py::test_fails FAILED +\[ *\d+%\]$", ours.out, re.MULTILINE)
    assert re.search(r"^0\.3\ds call +test_it.py::test_slow$", ours.out, re.MULTILINE)
    quiet = run(directory, "-q", "--tb=line", "--no-header", ours=True)
    assert "platform" not in quiet.out
    assert re.search(r"test_it.py:4: assert 0", quiet.out)

"""The user of an image, in numbers: of the text alone, and of the files of its layers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maelstrom_core.images.user_plan import user_of

PASSWD = b"root:x:0:0::/:/bin/sh\nann:x:12:34::/:/x\nbad\nworse:x:-1:z\n\xff:x:5:5\nann:x:1:1\n"
GROUP = b"root:x:0:\nstaff:x:50:ann\n"


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", (0, 0)),
        ("ann", (12, 34)),
        ("12", (12, 34)),
        ("77", (77, 0)),
        ("ann:staff", (12, 50)),
        ("ann:7", (12, 7)),
        ("77:staff", (77, 50)),
        (":staff", (0, 50)),
        ("eve", None),
        ("ann:nobody", None),
        ("worse", None),
        ("4294967295", None),
        ("-1", None),
        ("\u0661", None),
    ],
)
def test_ids_of_a_text(text: str, ids: tuple[int, int] | None) -> None:
    assert user_of(text, PASSWD, GROUP) == ids


@given(st.text(alphabet="an1:-\0\u0661"), st.binary(max_size=60))
def test_any_text_and_file_come_to_ids_or_to_none(text: str, file: bytes) -> None:
    ids = user_of(text, file, file)
    assert ids is None or all(0 <= one < (1 << 32) - 1 for one in ids)


def test_the_uppermost_file_of_an_image_is_asked(maker, bring, project):
    lower = maker.layer({"etc": None, "etc/passwd": "ann:x:1:1\n", "etc/group": "staff:x:50:\n"})
    layers = {
        "upper": [lower, maker.layer({"etc/passwd": "ann:x:2:2\n"})],
        "lower": [lower, maker.layer({"etc/other": ""})],
        "gone": [lower, maker.layer({"etc/.wh.passwd": ""})],
        "opaque": [lower, maker.layer({"etc": None, "etc/.wh..wh..opq": ""})],
    }
    found = {}
    for name, its in layers.items():
        maker.image(*its, User="ann:staff").write(project / name)
        image = bring(f"oci:{name}").image
        found[name] = image.user
        assert image.user_text == "ann:staff"
    assert found == {"upper": (2, 50), "lower": (1, 50), "gone": None, "opaque": None}

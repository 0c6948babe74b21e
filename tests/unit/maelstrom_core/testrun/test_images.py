"""What a container comes to that is made of an image, and which images a file needs."""

import tomllib
from typing import Any

import attrs
import pytest

from maelstrom_core.errors import InputError
from maelstrom_core.model.cases import Case
from maelstrom_core.model.container import ContainerSpec, Network, Proc, Root, Template, Tmp
from maelstrom_core.model.digest import Digest
from maelstrom_core.model.ids import CaseId
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import StoredLayer, StubsLayer, TarLayer
from maelstrom_core.spec.inherit_plan import NOTHING
from maelstrom_core.testrun.directives import Directives, read_directives
from maelstrom_core.testrun.directives_plan import Planner, images_of
from pytest_maelstrom.selectors import SELECTORS

LAYER = StoredLayer(digest=Digest.of(b"layer"))
IMAGE = Image(
    name="docker://docker.io/library/it:1",
    digest="sha256:0",
    layers=(LAYER,),
    environment=(("A", "image"), ("PATH", "/image/bin")),
    working_directory="/image",
)
SNAPSHOT = StubsLayer(stubs=("/project/",))
FRAME = ContainerSpec(
    layers=(SNAPSHOT,),
    mounts=(Proc(),),
    root=Root(writable=True),
    network=Network.LOOPBACK,
    environment=(("HOME", "/root"), ("PATH", "/usual")),
    working_directory="/project",
    template=Template(program="python3"),
)
OF_IMAGE = attrs.evolve(
    FRAME,
    layers=(LAYER, SNAPSHOT),
    environment=(("A", "image"), ("HOME", "/root"), ("PATH", "/image/bin")),
)
DEFAULT = ContainerSpec(layers=(TarLayer(tar="host"),), user=7)
X = '[containers.x]\nimage = "oci:x"\n'


def read(text: str) -> Directives:
    return read_directives(tomllib.loads(text), SELECTORS, file="f.toml", cannot={})


def container(
    text: str, frame: ContainerSpec = FRAME, image: Image = IMAGE, **how: Any
) -> ContainerSpec:
    planner = Planner(
        read(text),
        SELECTORS,
        default=DEFAULT,
        client={},
        project="/project",
        images={"oci:x": image},
        frame=frame,
    )
    case = Case(id=CaseId("test_it"), name="test_it", details={"node id": "test_it"})
    return planner.for_case(case).container


def changed(**fields: Any) -> ContainerSpec:
    return attrs.evolve(OF_IMAGE, **fields)


IN_X = '[[directives]]\nparent = "x"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{X}{IN_X}", OF_IMAGE),
        ('[[directives]]\nimage = "oci:x"', OF_IMAGE),
        ('[[directives]]\nuser = 1\n[[directives]]\nimage = "oci:x"', OF_IMAGE),
        ('[[directives]]\nimage = "oci:x"\n[[directives]]\nparent = "default"', DEFAULT),
        (
            '[[directives]]\nimage = "oci:x"\n[[directives]]\nuser = 3\nadded_environment = {B = "b"}',
            changed(
                user=3,
                environment=(*OF_IMAGE.environment[:1], ("B", "b"), *OF_IMAGE.environment[1:]),
            ),
        ),
        (
            f'{X}added_environment = {{ PATH = "/own:$prev{{PATH}}" }}\n{IN_X}',
            changed(environment=(*OF_IMAGE.environment[:2], ("PATH", "/own:/image/bin"))),
        ),
        (
            f'{X}added_layers = [{{ tar = "t" }}]\n{IN_X}',
            changed(layers=(LAYER, SNAPSHOT, TarLayer(tar="t"))),
        ),
        (f'{X}layers = [{{ tar = "t" }}]\n{IN_X}', changed(layers=(TarLayer(tar="t"),))),
        (
            f'{X}added_mounts = [{{ type = "tmp", mount_point = "/t" }}]\n{IN_X}',
            changed(mounts=(Proc(), Tmp(target="/t"))),
        ),
        (
            f'{X}mounts = [{{ type = "tmp", mount_point = "/t" }}]\n{IN_X}',
            changed(mounts=(Tmp(target="/t"),)),
        ),
        (f'{X}working_directory = "/w"\n{IN_X}', changed(working_directory="/w")),
        (
            '[[directives]]\nimage = { name = "oci:x", use = ["layers", "working_directory"] }',
            changed(working_directory="/image", environment=()),
        ),
        (
            f'{X}[containers.y]\nparent = {{ name = "x", use = ["layers"] }}\n'
            '[[directives]]\nparent = "y"',
            attrs.evolve(NOTHING, layers=OF_IMAGE.layers, template=FRAME.template),
        ),
    ],
)
def test_a_container_of_an_image(text: str, expected: ContainerSpec) -> None:
    found = container(text)
    if "use" in text and "parent" in text:
        # A root that is not taken from a parent cannot be written to.
        expected = attrs.evolve(expected, root=found.root)
        assert not found.root.writable
    assert found == expected


def test_the_user_of_an_image_is_taken_by_name_alone() -> None:
    use = '[[directives]]\nimage = {{ name = "oci:x", use = ["layers"{}] }}'
    frame = attrs.evolve(FRAME, user=5, group=6)
    image = attrs.evolve(IMAGE, user=(12, 34), user_text="it")

    def ids(text: str, of: Image = image) -> tuple[int, int]:
        found = container(text, frame, image=of)
        return found.user, found.group

    assert ids(use.format("")) == ids('[[directives]]\nimage = "oci:x"') == (5, 6)
    assert ids(use.format(', "user"')) == (12, 34)
    assert ids(use.format(', "user"') + "\ngroup = 7") == (12, 7)
    with pytest.raises(InputError, match="its user 'it' is in no /etc/passwd"):
        ids(use.format(', "user"'), attrs.evolve(image, user=None))


def test_without_a_frame_there_is_the_image_and_nothing_else() -> None:
    assert container(f"{X}{IN_X}", frame=NOTHING) == attrs.evolve(
        NOTHING,
        layers=(LAYER,),
        environment=IMAGE.environment,
        working_directory="/image",
    )


def test_only_images_that_some_directive_needs_are_brought() -> None:
    directives = read(
        """
        [containers.unused]
        image = "docker://unused"
        [containers.below]
        image = "docker://below"
        [containers.above]
        parent = "below"
        [[directives]]
        image = "oci:second"
        filter = "none"
        [[directives]]
        parent = "above"
        [[directives]]
        image = "oci:second"
        """
    )
    assert images_of(directives) == ("oci:second", "docker://below")


def test_an_image_that_was_not_brought_is_an_error() -> None:
    with pytest.raises(InputError, match="oci:y: it was not brought"):
        container('[[directives]]\nimage = "oci:y"')

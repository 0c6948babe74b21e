"""What a container comes to when its parents' parts are put below its own. Pure."""

import os
from collections.abc import Mapping
from typing import Any

import attrs

from maelstrom_core.errors import InputError
from maelstrom_core.model.container import Bind, ContainerSpec, Mount
from maelstrom_core.model.images import Image
from maelstrom_core.model.layers import CommandLayer, GlobLayer, LayerSpec
from maelstrom_core.spec.commands import SaidCommand
from maelstrom_core.spec.container import Said, limits_with
from maelstrom_core.spec.environment import evaluated

NOTHING = ContainerSpec(mounts=())
"""What a container has of which nothing is said."""
_FIELDS = {
    "layers": "layers",
    "environment": "environment",
    "mounts": "mounts",
    "labels": "labels",
    "network": "network",
    "working_directory": "working_directory",
    "user": "user",
    "group": "group",
    "supplementary_groups": "supplementary_groups",
    "hostname": "hostname",
    "limits": "limits",
    "capabilities": "capabilities",
    "seccomp": "seccomp",
    "init": "init",
}
"""Names of the file, and of `ContainerSpec`; parts of its root are seen to apart."""


_OF_ROOTS = {
    "enable_writable_file_system": "writable",
    "capture_changes": "captured",
    "root_size": "size_bytes",
}
"""Names of the file, and of `Root`."""


@attrs.frozen(kw_only=True)
class Family:
    """All containers that can be parents.

    :param written: by name
    :param given: those that are there without being written
    :param client: variables of this process, for ``$env{…}``
    :param project: what sources of binds are relative to, absolute
    :param images: those that are in the store, by their names as they are written
    :param frame: what goes with every image; its layers lie on the image's
    """

    written: Mapping[str, Said]
    given: Mapping[str, ContainerSpec]
    client: Mapping[str, str]
    project: str
    images: Mapping[str, Image] = attrs.field(factory=dict)
    frame: ContainerSpec = NOTHING

    def collapsed(self, one: Said) -> ContainerSpec:
        """A container with all that it has from its parents.

        :raises InputError: for variables that are not set
        """
        above = NOTHING
        if one.image:
            above = self._of_image(one)
        elif one.parent in self.given:
            above = kept(self.given[one.parent], one.inherited)
        elif one.parent:
            above = kept(self.collapsed(self.written[one.parent]), one.inherited)
        return self._on(above, one)

    def _on(self, above: ContainerSpec, one: Said) -> ContainerSpec:
        """What a container says itself, on what it has from elsewhere."""
        before = dict(above.environment)
        variables = evaluated(one.lists.get("environment", ()), before, self.client)
        changed: dict[str, Any] = {
            "mounts": self._mounts(above.mounts, one.lists.get("mounts", ())),
            "environment": tuple(sorted(variables.items())),
            "labels": tuple(sorted({*above.labels, *one.lists.get("labels", ())})),
        }
        for name, value in one.scalars.items():
            match name:
                case "limits":
                    changed["limits"] = limits_with(above.limits, value)
                case "enable_writable_file_system" | "capture_changes" | "root_size":
                    root = changed.get("root", above.root)
                    key = _OF_ROOTS[name]
                    changed["root"] = attrs.evolve(root, **{key: value})
                case _:
                    changed[_FIELDS[name]] = value
        spec = attrs.evolve(above, **changed)
        for layer in one.lists.get("layers", ()):
            made = self._command(layer, spec) if isinstance(layer, SaidCommand) else layer
            spec = attrs.evolve(spec, layers=(*spec.layers, made))
        return spec

    def _command(self, written: SaidCommand, around: ContainerSpec) -> CommandLayer:
        """A layer that a program makes.

        :param around: the container that has the layer, with the layers below it
        """
        own = written.container
        if own.parent or own.image:
            container = self.collapsed(own)
        else:
            container = self._on(kept(around, own.inherited), own)
        # What it changes is its layer and nothing else.
        mounts = tuple(
            attrs.evolve(one, read_only=True) if isinstance(one, Bind) else one
            for one in container.mounts
        )
        root = attrs.evolve(container.root, writable=True, captured=True)
        layers = tuple(
            one for one in container.layers if written.project or not self._is_snapshot(one)
        )
        container = attrs.evolve(container, layers=layers, mounts=mounts, root=root, template=None)
        return CommandLayer(command=written.command, container=container, timeout=written.timeout)

    def _is_snapshot(self, layer: LayerSpec) -> bool:
        """Whether it is of the whole project: any edit makes it another one."""
        return isinstance(layer, GlobLayer) and layer.root == self.project

    def image_of(self, one: Said) -> str:
        """Name of the image that a container is made from in the end; empty for none."""
        while not one.image and one.parent in self.written:
            one = self.written[one.parent]
        return one.image

    def _of_image(self, one: Said) -> ContainerSpec:
        """What is there below that which a container with an image says itself."""
        image, frame = self.images.get(one.image), kept(self.frame, one.inherited)
        if image is None:
            raise InputError("an image is missing", [f"{one.image}: it was not brought"])
        changed: dict[str, Any] = {}
        if "layers" in one.inherited:
            changed["layers"] = (*image.layers, *frame.layers)
        if "environment" in one.inherited:
            variables = dict(frame.environment) | dict(image.environment)
            changed["environment"] = tuple(sorted(variables.items()))
        # Where a frame says where to start, an image must be asked for by name to say otherwise.
        if "working_directory" in one.named or (
            "working_directory" in one.inherited
            and frame.working_directory == NOTHING.working_directory
        ):
            changed["working_directory"] = image.working_directory
        if "user" in one.named:
            if image.user is None:
                what = f"its user {image.user_text!r} is in no /etc/passwd of its own"
                raise InputError(
                    f"the user of {one.image} is not known",
                    [what],
                    remedy="give numbers, as user and group, instead of the user in image.use",
                )
            changed["user"], changed["group"] = image.user
        return attrs.evolve(frame, **changed)

    def _mounts(self, above: tuple[Mount, ...], own: tuple[Mount, ...]) -> tuple[Mount, ...]:
        """All mounts; one at a place where there is one already takes its place."""
        places = {mount.target: mount for mount in above}
        for mount in own:
            if isinstance(mount, Bind):
                source = os.path.normpath(os.path.join(self.project, mount.source))
                mount = attrs.evolve(mount, source=source)
            places.pop(mount.target, None)
            places[mount.target] = mount
        return tuple(places.values())


def kept(parent: ContainerSpec, use: frozenset[str]) -> ContainerSpec:
    """A parent without what is not taken from it."""
    changed = {field: getattr(NOTHING, field) for name, field in _FIELDS.items() if name not in use}
    root = parent.root
    if "enable_writable_file_system" not in use:
        root = attrs.evolve(root, writable=NOTHING.root.writable)
    if "capture_changes" not in use:
        root = attrs.evolve(root, captured=NOTHING.root.captured)
    if "root_size" not in use:
        root = attrs.evolve(root, size_bytes=NOTHING.root.size_bytes)
    return attrs.evolve(parent, root=root, **changed)

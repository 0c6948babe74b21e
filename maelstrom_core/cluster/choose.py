"""Which backend a run uses: a plugin's, a cluster, or this machine."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

from maelstrom_core.cluster.local import open_local_backend
from maelstrom_core.hooks.manager import Plugins
from maelstrom_core.model.ports import Backend
from maelstrom_core.model.uploads import OnUpload
from maelstrom_core.settings import Settings
from maelstrom_core.settings.host import available_memory


def open_backend(
    settings: Settings,
    plugins: Plugins,
    *,
    project_directory: Path,
    only_here: bool = False,
    on_upload: OnUpload | None = None,
) -> AbstractAsyncContextManager[Backend]:
    """The backend that the settings and plugins choose.

    :param project_directory: what relative paths in layers are relative to
    :param only_here: jobs have to do with this machine, whatever the settings say of a cluster
    :param on_upload: told of what is copied into the store or sent to a cluster, and takes long
    """
    opener = plugins.backend(settings)
    if opener is not None:
        return opener()
    # A program whose jobs are never forks of templates has no such setting.
    memory = getattr(settings, "template_memory", None)
    bytes_of_templates = None if memory is None else template_memory(memory, available_memory())
    here = open_local_backend(
        store_directory=Path(settings.store),
        project_directory=project_directory,
        slots=settings.slots,
        store_limit_bytes=settings.cache_size,
        interpreter=settings.interpreter,
        template_memory_bytes=bytes_of_templates,
        labels=settings.labels,
        slots_at_once=getattr(settings, "isolation", "") != "template",
        on_upload=on_upload,
    )
    if only_here or not getattr(settings, "broker", ""):
        return here
    # Loads ZeroMQ, which nobody else needs.
    from maelstrom_core.cluster.joined import open_joined_backend

    return open_joined_backend(here, settings, on_upload)


def template_memory(setting: int | float, available: int | None) -> int | None:
    """What idle templates may take.

    :param setting: bytes, or a share of what is available as a float
    :param available: bytes, as the host says; ``None`` if it does not
    :return: ``None`` for what the engine takes by itself
    """
    if isinstance(setting, int):
        return setting
    return None if available is None else int(setting * available)

"""What a power failure leaves of a cache, made by hand: nobody can pull a plug in a test.

The names and sizes of files are on the disk earlier than their bytes, so that a file which was never synced
may hold zeros, with the size and the times that it should have.
"""

from openmas_assets.actors.cache.file_record import FileRecord
from openmas_assets.actors.cache.info import AssetInfo
from openmas_assets.actors.cache.layout import INFO_NAME, CacheLayout
from openmas_assets.messages.asset_config import AssetConfig

ANOTHER_BOOT = "0123456789"


def restart(layout: CacheLayout, config: AssetConfig, *, lost: str | None = None) -> None:
    """Have the copy's unsynced state be that of an earlier run of the machine.

    Args:
        layout: The cache.
        config: The asset.
        lost: The file whose bytes were not on the disk, relative to the version folder; None: all were.
    """
    folder = layout.version_folder(config)
    info = AssetInfo.read(folder)
    assert info is not None
    changes: dict[str, object] = {} if info.unsynced_boot is None else {"unsynced_boot": ANOTHER_BOOT}
    if lost is not None and info.unsynced_boot is not None:
        path = folder / lost
        path.write_bytes(bytes(path.stat().st_size))
        changes["files"] = {**info.files, lost: FileRecord.of(path, info.files[lost].sha256)}
    (folder / INFO_NAME).write_text(info.model_copy(update=changes).model_dump_json())

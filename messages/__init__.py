"""What is said: frozen, validated messages, the project file's schema, and the errors."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# For type checkers only: a name is imported when somebody takes it, so that nobody waits for what they do
# not use (PEP 562). `_MODULES` says the same to Python, and a test holds the two together.
if TYPE_CHECKING:
    from openmas_assets.messages.asset import Asset
    from openmas_assets.messages.asset_config import AssetConfig
    from openmas_assets.messages.asset_ref import AssetRef
    from openmas_assets.messages.authentication import Authentication, HttpAuthentication, HubAuthentication
    from openmas_assets.messages.downloader import DownloadProgress
    from openmas_assets.messages.embedding import Embedding, find_embeddings, references
    from openmas_assets.messages.errors import (
        AssetAuthenticationError,
        AssetCacheError,
        AssetConfigurationError,
        AssetDownloadError,
        AssetError,
        AssetRefError,
        AssetUnpackError,
        AssetVerificationError,
        PluginCallError,
        UnknownAssetError,
    )
    from openmas_assets.messages.json_fit import fits_json
    from openmas_assets.messages.manager import (
        AssetFailed,
        AssetList,
        AssetManagerAnswer,
        AssetManagerClosed,
        AssetManagerCommand,
        AssetPath,
        AssetsCleared,
        AssetVerified,
        ClearAllAssets,
        ClearAsset,
        CloseAssetManager,
        GetAssetPath,
        GetAssetStatus,
        ListAssets,
        VerifyAsset,
    )
    from openmas_assets.messages.meta_limits import FLAT_LIMITS, PROMPT_LIMITS, MetaLimits
    from openmas_assets.messages.plugin import CallPlugin, PluginAnswered
    from openmas_assets.messages.plugin_config import PluginConfig
    from openmas_assets.messages.project import AgentConfig, AssetSettings, ProjectConfig, Settings
    from openmas_assets.messages.source import HttpSource, HubSource, LocalSource
    from openmas_assets.messages.status import AssetState, AssetStatus
    from openmas_assets.messages.store import (
        AssetDeleted,
        AssetFlattened,
        AssetIds,
        AssetMetaFound,
        AssetMetaList,
        AssetRefResolved,
        AssetStoreAnswer,
        AssetStoreCommand,
        AssetStored,
        DeleteAsset,
        FlattenAsset,
        GetAsset,
        GetAssetMeta,
        ListAssetIds,
        ListAssetMetas,
        PutAsset,
        RenderText,
        ResolveAssetRef,
        TextRendered,
    )

__all__ = [
    "FLAT_LIMITS",
    "PROMPT_LIMITS",
    "AgentConfig",
    "Asset",
    "AssetAuthenticationError",
    "AssetCacheError",
    "AssetConfig",
    "AssetConfigurationError",
    "AssetDeleted",
    "AssetDownloadError",
    "AssetError",
    "AssetFailed",
    "AssetFlattened",
    "AssetIds",
    "AssetList",
    "AssetManagerAnswer",
    "AssetManagerClosed",
    "AssetManagerCommand",
    "AssetMetaFound",
    "AssetMetaList",
    "AssetPath",
    "AssetRef",
    "AssetRefError",
    "AssetRefResolved",
    "AssetSettings",
    "AssetState",
    "AssetStatus",
    "AssetStoreAnswer",
    "AssetStoreCommand",
    "AssetStored",
    "AssetUnpackError",
    "AssetVerificationError",
    "AssetVerified",
    "AssetsCleared",
    "Authentication",
    "CallPlugin",
    "ClearAllAssets",
    "ClearAsset",
    "CloseAssetManager",
    "DeleteAsset",
    "DownloadProgress",
    "Embedding",
    "FlattenAsset",
    "GetAsset",
    "GetAssetMeta",
    "GetAssetPath",
    "GetAssetStatus",
    "HttpAuthentication",
    "HttpSource",
    "HubAuthentication",
    "HubSource",
    "ListAssetIds",
    "ListAssetMetas",
    "ListAssets",
    "LocalSource",
    "MetaLimits",
    "PluginAnswered",
    "PluginCallError",
    "PluginConfig",
    "ProjectConfig",
    "PutAsset",
    "RenderText",
    "ResolveAssetRef",
    "Settings",
    "TextRendered",
    "UnknownAssetError",
    "VerifyAsset",
    "find_embeddings",
    "fits_json",
    "references",
]

_MODULES = {
    "FLAT_LIMITS": "meta_limits",
    "PROMPT_LIMITS": "meta_limits",
    "AgentConfig": "project",
    "Asset": "asset",
    "AssetAuthenticationError": "errors",
    "AssetCacheError": "errors",
    "AssetConfig": "asset_config",
    "AssetConfigurationError": "errors",
    "AssetDeleted": "store",
    "AssetDownloadError": "errors",
    "AssetError": "errors",
    "AssetFailed": "manager",
    "AssetFlattened": "store",
    "AssetIds": "store",
    "AssetList": "manager",
    "AssetManagerAnswer": "manager",
    "AssetManagerClosed": "manager",
    "AssetManagerCommand": "manager",
    "AssetMetaFound": "store",
    "AssetMetaList": "store",
    "AssetPath": "manager",
    "AssetRef": "asset_ref",
    "AssetRefError": "errors",
    "AssetRefResolved": "store",
    "AssetSettings": "project",
    "AssetState": "status",
    "AssetStatus": "status",
    "AssetStoreAnswer": "store",
    "AssetStoreCommand": "store",
    "AssetStored": "store",
    "AssetUnpackError": "errors",
    "AssetVerificationError": "errors",
    "AssetVerified": "manager",
    "AssetsCleared": "manager",
    "Authentication": "authentication",
    "CallPlugin": "plugin",
    "ClearAllAssets": "manager",
    "ClearAsset": "manager",
    "CloseAssetManager": "manager",
    "DeleteAsset": "store",
    "DownloadProgress": "downloader",
    "Embedding": "embedding",
    "FlattenAsset": "store",
    "GetAsset": "store",
    "GetAssetMeta": "store",
    "GetAssetPath": "manager",
    "GetAssetStatus": "manager",
    "HttpAuthentication": "authentication",
    "HttpSource": "source",
    "HubAuthentication": "authentication",
    "HubSource": "source",
    "ListAssetIds": "store",
    "ListAssetMetas": "store",
    "ListAssets": "manager",
    "LocalSource": "source",
    "MetaLimits": "meta_limits",
    "PluginAnswered": "plugin",
    "PluginCallError": "errors",
    "PluginConfig": "plugin_config",
    "ProjectConfig": "project",
    "PutAsset": "store",
    "RenderText": "store",
    "ResolveAssetRef": "store",
    "Settings": "project",
    "TextRendered": "store",
    "UnknownAssetError": "errors",
    "VerifyAsset": "manager",
    "find_embeddings": "embedding",
    "fits_json": "json_fit",
    "references": "embedding",
}

if not TYPE_CHECKING:  # or every name would be there to a type checker, misspelt ones too

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        globals()[name] = value  # the next one finds it without asking here
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

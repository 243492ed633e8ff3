"""What is said: frozen, validated messages, the project file's schema, and the errors."""

from openmas_assets.messages.asset_config import AssetConfig
from openmas_assets.messages.authentication import Authentication, HttpAuthentication, HubAuthentication
from openmas_assets.messages.downloader import DownloadProgress
from openmas_assets.messages.errors import (
    AssetAuthenticationError,
    AssetCacheError,
    AssetConfigurationError,
    AssetDownloadError,
    AssetError,
    AssetUnpackError,
    AssetVerificationError,
    UnknownAssetError,
)
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
from openmas_assets.messages.project import AgentConfig, AssetSettings, ProjectConfig, Settings
from openmas_assets.messages.source import HttpSource, HubSource, LocalSource
from openmas_assets.messages.status import AssetState, AssetStatus

__all__ = [
    "AgentConfig",
    "AssetAuthenticationError",
    "AssetCacheError",
    "AssetConfig",
    "AssetConfigurationError",
    "AssetDownloadError",
    "AssetError",
    "AssetFailed",
    "AssetList",
    "AssetManagerAnswer",
    "AssetManagerClosed",
    "AssetManagerCommand",
    "AssetPath",
    "AssetSettings",
    "AssetState",
    "AssetStatus",
    "AssetUnpackError",
    "AssetVerificationError",
    "AssetVerified",
    "AssetsCleared",
    "Authentication",
    "ClearAllAssets",
    "ClearAsset",
    "CloseAssetManager",
    "DownloadProgress",
    "GetAssetPath",
    "GetAssetStatus",
    "HttpAuthentication",
    "HttpSource",
    "HubAuthentication",
    "HubSource",
    "ListAssets",
    "LocalSource",
    "ProjectConfig",
    "Settings",
    "UnknownAssetError",
    "VerifyAsset",
]

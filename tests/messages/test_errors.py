"""Errors are texts that every log and terminal takes."""

import pickle

from openmas_assets.messages.errors import AssetConfigurationError, AssetError, UnknownAssetError


def test_half_a_character_is_escaped() -> None:
    for error in (
        UnknownAssetError("none", asset_name="caf\udce9"),
        AssetError("the file \ud800 is damaged", fix="Rename \udcff."),
        AssetConfigurationError("wrong", problems=["line 1: \udcff"]),
    ):
        assert "\\ud" in str(error).encode().decode()
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_is_text_stays_as_it_is() -> None:
    assert (
        str(AssetError("é 😀 \\ud800", asset_name="a", fix="Mend it.")) == "asset 'a': é 😀 \\ud800. Mend it."
    )

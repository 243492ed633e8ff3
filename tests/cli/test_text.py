import pytest

from openmas_assets.cli.text import padded, printable, printable_lines, shortened, size, width


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("llama3-8b", "llama3-8b"),
        ("模型 é", "模型 é"),
        ("a\x1b[2Jb\n", "a\\x1b[2Jb\\n"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\x9b31m", "\\x9b31m"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_could_command_the_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_an_error_keeps_its_lines_and_nothing_else() -> None:
    assert printable_lines("one\n  two\x07\r") == "one\n  two\\x07\\r"


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("模型", 4), ("한글", 4), ("e\u0301", 1)])
def test_wide_characters_take_two_columns_and_marks_none(text: str, columns: int) -> None:
    assert width(text) == columns
    assert width(padded(text, 10)) == 10
    assert padded(text, 10, is_right=True).endswith(text)


@pytest.mark.parametrize(
    ("text", "columns", "cut"),
    [
        ("abcdefgh", 8, "abcdefgh"),
        ("abcdefgh", 7, "abc…fgh"),
        ("abcdefgh", 4, "ab…h"),
        ("abcdefgh", 1, "…"),
        ("模型模型", 6, "模…型"),
    ],
)
def test_a_long_text_is_cut_in_its_middle(text: str, columns: int, cut: str) -> None:
    assert shortened(text, columns) == cut
    assert width(cut) <= columns


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (16_060_522_240, "16.1 GB"),
        (2 * 10**12, "2.0 TB"),
        (5 * 10**18, "5000.0 PB"),
    ],
)
def test_a_size_reads_in_units_of_a_thousand(size_bytes: int, text: str) -> None:
    assert size(size_bytes) == text

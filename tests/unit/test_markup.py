import pytest

from reviewtune.markup import in_markdown, in_spreadsheet, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\nlines", "two\nlines"),
        ("\x1b[31mred\x07", " [31mred "),
        ("\u202eevil\u2066\ufeff", "evil"),
        ("a\u2028b\x85c\tb", "a b c b"),
        ("\U0001f468\u200d\U0001f469 \u0645\u06cc\u200c", "\U0001f468\u200d\U0001f469 \u0645\u06cc\u200c"),
        ("caf\u00e9 \u4f60\u597d", "caf\u00e9 \u4f60\u597d"),
    ],
)
def test_what_steers_or_hides_is_taken_out_and_scripts_stay(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(text):
    assert in_spreadsheet(text) == f"'{text}"
    assert in_spreadsheet(f"a{text}") == f"a{text}"
    assert in_spreadsheet("") == ""


def test_markdown_has_no_markup_and_nothing_that_steers():
    assert in_markdown("a|b\n<i>\x1b\u202e_c_") == r"a\|b \<i\> \_c\_"

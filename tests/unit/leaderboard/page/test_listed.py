import pytest

from reviewtune.leaderboard.page.listed import harmless, read_listed


@pytest.fixture
def errors(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text(
        "id,source,row,category,rating,label,fake_probability,text\n"
        'a1,"my, shop",3,,5.0,fake,0.01,"=1+1 <b>bold</b>\nsecond line"\n'
        "b2,other,4,,1.0,genuine,0.99,plain\n"
    )
    return path


def test_ids_and_the_users_columns_are_always_shown_and_texts_only_where_asked(errors):
    hidden = read_listed(errors, with_texts=False)
    assert hidden.head == ("id", "source", "row", "rating", "label", "fake_probability")
    assert hidden.rows[0] == ("a1", "my, shop", "3", "5.0", "fake", "0.01")
    assert hidden.hidden == ("text",)
    shown = read_listed(errors, with_texts=True)
    assert shown.head[-1] == "text"
    assert shown.rows[0][-1] == "=1+1 <b>bold</b> second line"


def test_own_columns_of_long_texts_are_texts_too(tmp_path):
    path = tmp_path / "errors.csv"
    path.write_text(f"id,order,title,text\na1,77,{'very ' * 20},x\n")
    assert read_listed(path, with_texts=False).head == ("id", "order")
    assert read_listed(path, with_texts=True).head == ("id", "order", "title", "text")


def test_what_is_beyond_the_page_is_counted(errors):
    assert read_listed(errors, with_texts=False, most=1).more == 1


@pytest.mark.parametrize("content", [None, "", "id,text\n", "\0\0"])
def test_nothing_to_list_is_none(tmp_path, content):
    path = tmp_path / "errors.csv"
    if content is not None:
        path.write_text(content)
    assert read_listed(path, with_texts=True) is None


def test_what_steers_a_terminal_or_turns_writing_round_is_taken_out():
    assert harmless("a\x1b[31mred\x07\u202eelif\u2066x\u2029y\x00z\x9b") == "a [31mred elifx y z"
    kept = "caf\u00e9 \U0001f468\u200d\U0001f469 \u0645\u06cc\u200c\u062e"
    assert harmless(kept) == kept


def test_a_long_text_is_cut():
    assert len(harmless("word " * 1000)) == 300


@pytest.mark.parametrize("name", ["text (own)", "Review", "text (own) (own)", "body"])
def test_a_column_that_is_called_as_texts_are_is_hidden_however_short(tmp_path, name):
    (tmp_path / "errors.csv").write_text(f"id,{name},label\n1,Fine.,fake\n")
    shown = read_listed(tmp_path / "errors.csv", with_texts=False)
    assert (shown.head, shown.hidden) == (("id", "label"), (name,))


def test_so_is_one_of_short_sentences_in_characters(tmp_path):
    (tmp_path / "errors.csv").write_text("id,note,city\n1,快递很快包装完好质量不错很满意,上海\n")
    shown = read_listed(tmp_path / "errors.csv", with_texts=False)
    assert (shown.head, shown.hidden) == (("id", "city"), ("note",))

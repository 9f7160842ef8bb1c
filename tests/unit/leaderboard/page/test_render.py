import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.page.render import html_page
from reviewtune.leaderboard.page.view import in_page

VOID = {"meta", "wbr", "br", "input"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and holds every tag to be closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.ids, self.blocks = [], [], [], [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("script", "style"):
            self.blocks.append((self.open[-1], data))
        else:
            self.texts.append(data.strip())


@pytest.fixture
def page_text(results_dir, add_entry, add_failed):
    add_entry("svm", (95, 5, 5, 95))
    add_entry("logreg", (94, 6, 5, 95), encoder=None)
    add_entry("tfidf", (60, 40, 40, 60), params={"ngrams": [1, 2]})
    add_failed("mlp", error="out of memory: lower slots")
    add_entry("svm", study="s2", split="b" * 64, data="other.csv", created="2025-01-01T00:00:00Z")
    return html_page(collect(results_dir), results_dir)


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(page_text):
    page = Page(page_text)
    assert not {"link", "img", "iframe", "base", "form", "object", "embed"} & set(page.tags)
    for name, value in page.attributes:
        assert name not in {"src", "srcset", "action", "style"}
        assert not name.startswith("on")
        assert name != "href" or value.startswith("#")
    styles = [text for kind, text in page.blocks if kind == "style"]
    assert len(styles) == 1
    assert "@import" not in styles[0]
    assert "url(" not in styles[0]
    assert "sourceMappingURL" not in page_text


def test_the_policy_lets_the_pages_own_script_and_style_run_and_nothing_else(page_text):
    page = Page(page_text)
    (policy,) = [value for name, value in page.attributes if name == "content" and "default-src" in value]
    script = [text for kind, text in page.blocks if kind == "script"][-1]
    (style,) = [text for kind, text in page.blocks if kind == "style"]
    for kind, text in (("script-src", script), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\bnew Function\b|\beval\(", script)


def test_ids_are_unique_and_references_meet_them(page_text):
    page = Page(page_text)
    assert len(page.ids) == len(set(page.ids))
    references = {value[1:] for name, value in page.attributes if name == "href"}
    references |= {value for name, value in page.attributes if name == "aria-labelledby"}
    assert len(references) > 5
    assert references <= set(page.ids)


def test_the_test_f1_of_the_curves_is_that_of_the_board(results_dir, add_entry):
    add_entry("svm", (90, 10, 7, 93))
    board = collect(results_dir)
    blocks = Page(html_page(board, results_dir)).blocks
    (judged,) = [json.loads(text)["judged"] for _, text in blocks if text.startswith('{"judged"')]
    found, alarms = judged["found"][judged["own"]], judged["alarms"][judged["own"]]
    assert 2 * found / (found + alarms + judged["fakes"]) == board.entries[0].test.f1


def test_heads_that_sort_are_buttons_and_cells_say_by_what(page_text):
    heads = re.findall(r'<th scope="col" class="[^"]*" data-numbers="1?" data-first="-?1"[^>]*><button', page_text)
    assert len(heads) == 2 * len(set(re.findall(r'data-title="([^"]*)"', page_text)))
    assert re.search(r'<td class="f1 numeric" data-title="Test F1" data-value="0.95"', page_text)
    assert '<td class="fit numeric" data-title="Fit" data-value="1.5"' in page_text
    assert 'aria-sort="ascending"' in page_text


def test_data_ends_no_script_element():
    text = in_page({"name": "</script><!-- \u2028 &"})
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == {"name": "</script><!-- \u2028 &"}


def test_every_entry_shows_its_scores_ties_params_and_error(page_text):
    texts = Page(page_text).texts
    for expected in ("0.9500", "0.6000", "best", "tied", "behind", "[1, 2]", "reviews.csv", "other.csv", "1,234"):
        assert expected in texts, expected
    assert "mlp (s1) failed: out of memory: lower slots" in texts
    assert any("200 test reviews, 100 of them fake" in text for text in texts)
    assert Page(page_text).tags.count("details") == 5


def test_the_words_are_explained(page_text):
    prose = " ".join(" ".join(Page(page_text).texts).split())
    assert "F1 of the fake class" in prose
    assert "may be chance" in prose
    assert "The test split took no part in any choice" in prose
    assert "of a hundred boards five at most have a wrong verdict" in prose


def test_a_whisker_lies_on_the_scale_of_its_split(page_text):
    ends = re.findall(r'<line x1="([\d.]+)" x2="([\d.]+)"', page_text)
    assert len(ends) == 4
    assert all(0 <= float(low) <= float(high) <= 100 for low, high in ends)
    assert min(float(low) for low, _ in ends) == 4
    assert max(float(high) for _, high in ends) == 96


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "-->$x_1$&amp;'"])
def test_hostile_names_stay_text(results_dir, add_entry, add_failed, hostile):
    add_entry("svm", data=hostile, encoder=hostile, params={hostile: hostile}, artifact=hostile)
    add_failed("mlp", error=hostile, data=hostile)
    page = Page(html_page(collect(results_dir), results_dir))
    assert "img" not in page.tags
    assert len([kind for kind, _ in page.blocks if kind == "script"]) == page.tags.count("script")
    assert hostile in "\n".join(page.texts)


def test_a_board_of_failures_and_one_of_nothing_are_pages_too(results_dir, add_entry, add_failed):
    add_entry("svm", trials=[], cost=None, validation=None)
    add_failed("mlp", split="b" * 64)
    Page(html_page(collect(results_dir), results_dir))
    assert "No entries yet" in html_page(Board(()))


def test_what_was_left_out_is_named_without_the_path_of_this_machine(results_dir, add_entry):
    add_entry("svm")
    add_entry("mlp").write_text("{")
    text = html_page(collect(results_dir), results_dir)
    assert "studies/s1/mlp/entry.json is no leaderboard entry" in text
    assert str(results_dir) not in text

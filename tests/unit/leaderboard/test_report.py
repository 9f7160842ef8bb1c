import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from reviewtune.leaderboard.board import Board, collect
from reviewtune.leaderboard.figures import cost_figure, incumbent_figure
from reviewtune.leaderboard.report import html_page

VOID = {"meta", "wbr", "line", "circle", "br"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and holds every tag to be closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts, self.ids = [], [], [], [], []
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
        self.texts.append(data.strip())


@pytest.fixture
def page_text(results_dir, add_entry, add_failed):
    add_entry("svm", (95, 5, 5, 95))
    add_entry("logreg", (94, 6, 5, 95), encoder=None)
    add_entry("tfidf", (60, 40, 40, 60), params={"ngrams": [1, 2]})
    add_failed("mlp", error="out of memory: lower slots")
    add_entry("svm", study="s2", split="b" * 64, data="other.csv", created="2025-01-01T00:00:00Z")
    return html_page(collect(results_dir))


def test_the_page_is_well_formed_and_asks_nothing_of_the_network(page_text):
    page = Page(page_text)
    assert not {"script", "link", "img", "iframe", "base", "form"} & set(page.tags)
    for name, value in page.attributes:
        assert name not in {"src", "srcset", "action"}
        assert not name.startswith("on")
        assert name != "href" or value.startswith("#")
    assert "@import" not in page_text
    assert set(re.findall(r"url\((.)", page_text)) <= {"#"}


def test_ids_are_unique_and_references_meet_them(page_text):
    page = Page(page_text)
    assert len(page.ids) == len(set(page.ids))
    references = set(re.findall(r'(?:url\(|href=")#([^)"]+)', page_text))
    assert references
    assert references <= set(page.ids)


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


def test_plots_are_drawn_in_the_pages_colours(page_text):
    drawings = re.findall(r"<svg viewBox.*?role=\"img\".*?</svg>", page_text, flags=re.DOTALL)
    assert len(drawings) == 3 + 2  # the second split has one entry, so nothing to weigh its cost against
    for drawing in drawings:
        ET.fromstring(drawing)
        assert not re.search(r"(?:fill|stroke): ?#", drawing)
        assert "currentColor" in drawing
        assert "var(--series-0)" in drawing
    assert "prefers-color-scheme: dark" in page_text


def test_an_entry_has_the_same_colour_in_a_plot_that_leaves_the_best_one_out(results_dir, add_entry):
    add_entry("ensemble", (95, 5, 5, 95), trials=[])
    add_entry("svm", (94, 6, 5, 95))
    best, svm = collect(results_dir).entries
    assert (best.family, svm.rank) == ("ensemble", 2)
    for drawing in (incumbent_figure("search", [svm]), cost_figure("cost", [svm])):
        assert "var(--series-1)" in drawing
        assert "var(--series-0)" not in drawing


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
    page = Page(html_page(collect(results_dir)))
    assert not {"script", "img"} & set(page.tags)
    assert hostile in "\n".join(page.texts)


def test_a_board_of_failures_and_one_of_nothing_are_pages_too(results_dir, add_entry, add_failed):
    add_entry("svm", trials=[], cost=None, validation=None)
    add_failed("mlp", split="b" * 64)
    Page(html_page(collect(results_dir)))
    assert "No entries yet" in html_page(Board(()))


def test_what_was_left_out_is_named_without_the_path_of_this_machine(results_dir, add_entry):
    add_entry("svm")
    add_entry("mlp").write_text("{")
    text = html_page(collect(results_dir))
    assert "studies/s1/mlp/entry.json is no leaderboard entry" in text
    assert str(results_dir) not in text

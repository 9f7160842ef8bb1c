"""The page as its reader has it: in a browser without a window, which says nothing, asks for nothing and obeys keys."""

from pathlib import Path

import pytest

from reviewtune.leaderboard.board import collect
from reviewtune.leaderboard.export import export
from tests.benchmark_modules import load_benchmark

chromium, made = load_benchmark("chromium"), load_benchmark("made_results")
HOSTILE = (
    '=HYPERLINK("//x") </script><script>alert(1)</script><img src=//x onerror=alert(1)> \u202ereversed\x1b[31m \x00'
)
pytestmark = pytest.mark.skipif(chromium.program() is None, reason="there is no Chromium (apt-get install chromium)")
OPEN = """new Promise((done) => {
  document.querySelectorAll('details.entry').forEach((one, at) => { one.open = at < 2; });
  document.querySelectorAll('section.group').forEach(page.compare);
  setTimeout(done, 150);
})"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of hostile names and texts, with all that can be drawn."""
    results = tmp_path_factory.mktemp("page") / "results"
    made.make_results(results, entries=8, trials=96, reviews=300, text=HOSTILE)
    export(collect(results), results, with_texts=True)
    return results / "leaderboard.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    with chromium.tab(tmp_path_factory.mktemp("profile")) as tab:
        yield tab


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_said_or_asked_for_and_nothing_runs_over_the_edge(browser, page, width, dark):
    browser.go(page, width=width, dark=dark)
    browser.run(OPEN)
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith(page.as_uri())] == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.images.length + document.querySelectorAll('main script:not([type])').length") == 0


def test_hostile_text_stays_text(browser, page):
    browser.go(page)
    browser.run(OPEN)
    text = browser.run("document.querySelector('table.listed').textContent")
    assert "<script>alert(1)</script><img src=//x onerror=alert(1)>" in text
    assert not {"\u202e", "\x1b", "\x00"} & set(text)


def test_every_figure_is_drawn_and_says_what_it_is(browser, page):
    browser.go(page)
    browser.run(OPEN)
    entry = "document.querySelectorAll('details.entry')[0]"
    drawn = browser.run(f"[...{entry}.querySelectorAll('figure')].map((one) => one.dataset.figure)")
    assert drawn == [
        "roc", "recall", "reliability", "histogram", "cost", "history", "curves", "importance", "coordinates"
    ]  # fmt: skip
    assert browser.run(f"[...{entry}.querySelectorAll('canvas')].every((one) => one.width > 100 && one.ariaLabel)")
    assert browser.run("[...document.querySelectorAll('.comparison canvas')].every((one) => page.drawn.has(one))")


def test_heads_sort_by_click_and_by_key(browser, page):
    browser.go(page)
    shown = "[...document.querySelectorAll('td.f1')].map((cell) => Number(cell.dataset.value))"
    before = browser.run(shown)
    assert before != sorted(before, reverse=True)
    browser.run("document.querySelector('td.f1').closest('table').tHead.querySelectorAll('button')[3].click()")
    assert browser.run(shown) == sorted(before, reverse=True)
    assert browser.run("document.querySelector('th[aria-sort]').textContent") == "Test F1"
    assert browser.run("document.querySelector('th[aria-sort]').ariaSort") == "descending"
    browser.run("document.querySelector('th[aria-sort] button').focus()")
    browser.press("Enter", 13, "\r")
    assert browser.run(shown) == sorted(before)
    assert browser.run("document.querySelector('th[aria-sort]').ariaSort") == "ascending"
    assert "Sorted by Test F1, ascending" in browser.run("document.getElementById('said').textContent")


def test_a_phone_sorts_by_a_list(browser, page):
    browser.go(page, width=390)
    assert browser.run("getComputedStyle(document.querySelector('label.by')).display") != "none"
    browser.run(
        "{const by = document.querySelector('select.sort'); by.value = 3; by.dispatchEvent(new Event('change'));}"
    )
    shown = browser.run("[...document.querySelectorAll('td.f1')].map((cell) => Number(cell.dataset.value))")
    assert shown == sorted(shown, reverse=True)


def test_families_are_filtered(browser, page):
    browser.go(page)
    browser.run(
        "{const own = document.getElementById('family'); own.value = 'svm'; own.dispatchEvent(new Event('change'));}"
    )
    assert browser.run("document.querySelectorAll('tbody tr[data-family]:not([hidden])').length") == 1
    assert browser.run("document.querySelectorAll('details.entry:not([hidden])').length") == 1


def test_a_row_leads_to_its_entry(browser, page):
    browser.go(page)
    browser.run("document.querySelectorAll('td.family a')[2].click(); new Promise((done) => setTimeout(done, 200))")
    assert browser.run("document.querySelectorAll('details.entry')[2].open")
    assert browser.run("document.activeElement.tagName") == "SUMMARY"


def test_the_slider_moves_what_a_threshold_comes_to(browser, page):
    browser.go(page)
    browser.run(OPEN)
    part = "document.querySelector('details.entry [data-part=\"{}\"]').{}"

    def told(name):
        return browser.run(part.format(name, "textContent"))

    test = collect(page.parent).entries[0].test
    recall = f"{100 * test.true_positives / (test.true_positives + test.false_negatives):.1f} %"
    assert told("recall") == recall
    assert told("precision") == f"{100 * test.precision:.1f} %"
    before = {name: told(name) for name in ("threshold-told", "alarms", "alarms-ends", "recall-ends")}
    browser.run(part.format("threshold", "focus()"))
    for _ in range(8):
        browser.press("ArrowRight", 39)
    after = {name: told(name) for name in before}
    assert all(after[name] != before[name] for name in ("threshold-told", "recall-ends"))
    assert float(after["threshold-told"]) > float(before["threshold-told"])
    assert float(after["alarms"]) <= float(before["alarms"])
    assert browser.run(part.format("threshold", "getAttribute('aria-valuetext')")) == after["threshold-told"]
    browser.run(part.format("to-own", "click()"))
    assert {name: told(name) for name in before} == before
    browser.run(part.format("prevalence", "focus()"))
    browser.press("Home", 36)
    assert float(told("alarms")) > float(before["alarms"])


def test_keys_step_through_the_points_of_a_figure(browser, page):
    browser.go(page)
    browser.run(OPEN)
    browser.run("document.querySelector('figure[data-figure=roc] canvas').focus()")
    browser.press("ArrowRight", 39)
    said = browser.run("document.getElementById('said').textContent")
    assert "fakes found" in said
    browser.press("ArrowDown", 40)
    assert browser.run("document.getElementById('said').textContent") != said


def test_closed_details_are_printed(browser, page):
    browser.go(page)
    pdf = browser.call("Page.printToPDF")["data"]
    closed = browser.call("Page.printToPDF", pageRanges="1")["data"]
    assert len(pdf) > 4 * len(closed)
    assert browser.run("document.querySelectorAll('details[open]').length") == 0
    assert browser.messages == []

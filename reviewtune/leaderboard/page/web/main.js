// What is drawn when: a board's figures when they come into view, an entry's when it is opened.
page.MOST_PRINTED = 12;

page.dataOf = (id) => {
  const block = document.getElementById(`${id}-data`);
  if (!block) return null;
  page.read ??= new Map();
  if (!page.read.has(id)) page.read.set(id, JSON.parse(block.textContent));
  return page.read.get(id);
};

page.FIGURES = {
  roc: (canvas, { judged }) => judged && page.roc(canvas, judged),
  recall: (canvas, { judged }) => judged && page.recallCurve(canvas, judged),
  reliability: (canvas, { judged }) => judged && page.reliability(canvas, judged),
  histogram: (canvas, { judged }) => judged && page.histogram(canvas, judged),
  curves: (canvas, { search }) => search?.curves && page.curves(canvas, search.curves),
  history: (canvas, { search }) => search?.history && page.history(canvas, search.history),
  importance: (canvas, { search }) => search?.importance && page.importance(canvas, search.importance),
  coordinates: (canvas, { search }) => search?.params && page.coordinates(canvas, search.params),
};

page.open = (details) => {
  if (details.dataset.filled) return;
  details.dataset.filled = "1";
  const data = page.dataOf(details.id);
  const place = details.querySelector(".drawings");
  if (!data || !place) return;
  const name = details.querySelector("summary").dataset.label;
  place.append(document.getElementById("drawings").content.cloneNode(true));
  const drawn = {};
  for (const figure of place.querySelectorAll("figure[data-figure]")) {
    const kind = figure.dataset.figure;
    const canvas = figure.querySelector("canvas");
    canvas.setAttribute("aria-label", `${figure.querySelector("figcaption").textContent.trim()} ${name}. Arrow keys step through its points.`);
    const chart = page.FIGURES[kind]?.(canvas, data);
    if (chart) drawn[kind] = canvas;
    else if (kind !== "cost") figure.remove();
  }
  page.told(place, data);
  const explorer = place.querySelector(".explorer");
  const few = place.querySelector('[data-part="few"]');
  few?.addEventListener("change", () => { data.judged.few = few.checked; page.roc(drawn.roc, data.judged); });
  if (data.judged) page.explore(explorer, data.judged, () => page.follow(drawn, data.judged));
  else explorer.remove();
  for (const part of place.querySelectorAll("section")) if (!part.querySelector("figure, .explorer")) part.remove();
};

// Sentences under figures that depend on what was drawn.
page.told = (place, { search }) => {
  const say = (name, text) => { const at = place.querySelector(`[data-told="${name}"]`); if (at) at.textContent = text; };
  if (search?.curves) say("curves", search.curves.all > search.curves.lines.length ? `${page.whole(search.curves.lines.length)} of ${page.whole(search.curves.all)} trials, evenly over the search.` : "");
  if (search?.params) say("coordinates", search.params.all > search.params.f1.length ? `${page.whole(search.params.f1.length)} of ${page.whole(search.params.all)} trials: the best ones, and others evenly over the search.` : "");
};

// The explorer's threshold on the curves above it.
page.follow = (drawn, data) => {
  const move = (canvas, point) => {
    const chart = canvas && page.drawn.get(canvas)?.chart;
    if (!chart) return;
    if (point) chart.data.datasets.find((set) => set.explorer).data = [point];
    chart.update("none");
  };
  const recall = data.found[data.now] / data.fakes;
  move(drawn.roc, page.rocPlace(data)(data.now));
  move(drawn.recall, { x: recall, y: page.precisionAt(data, data.now) ?? NaN, at: data.now });
  move(drawn.histogram, null);
};

page.compare = (section) => {
  const block = section.querySelector("script.compared");
  if (!block || section.dataset.filled) return;
  section.dataset.filled = "1";
  const entries = JSON.parse(block.textContent);
  const canvas = (name) => section.querySelector(`canvas[data-figure="${name}"]`);
  const measure = section.querySelector("select.measure");
  if (canvas("pareto")) {
    const draw = () => page.pareto(canvas("pareto"), entries, measure.value);
    measure.addEventListener("change", draw);
    draw();
  }
  if (canvas("searches")) page.searches(canvas("searches"), entries.filter(({ course }) => course));
  if (canvas("rocs")) page.rocs(canvas("rocs"), entries.filter(({ curve }) => curve), page.dataOf);
};

page.goTo = () => {
  const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName !== "DETAILS") return;
  target.open = true;
  page.open(target);
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
};

page.printing = () => {
  const entries = [...document.querySelectorAll("details")];
  page.wereOpen = new Set(entries.filter((one) => one.open));
  document.documentElement.classList.add("printed");
  const unfilled = entries.filter((one) => one.classList.contains("entry") && !one.dataset.filled && !one.hidden);
  for (const one of entries) one.open = true;
  for (const one of unfilled.slice(0, page.MOST_PRINTED)) page.open(one);
  document.querySelectorAll("section.group").forEach(page.compare);
  page.redraw();
  // For half the width of a sheet, or all of it: the window's own says nothing of the sheet's.
  for (const [canvas, { chart }] of page.drawn) chart.resize(canvas.closest("figure.wide") ? 900 : 440, 300);
};

page.printed = () => {
  document.documentElement.classList.remove("printed");
  for (const one of document.querySelectorAll("details")) one.open = page.wereOpen?.has(one) ?? one.open;
  page.redraw();
};

page.start = () => {
  document.documentElement.classList.add("scripted");
  document.querySelectorAll("table.board").forEach(page.sortable);
  page.filters();
  document.addEventListener("toggle", ({ target }) => {
    if (target.open && target.classList?.contains("entry")) page.open(target);
  }, true);
  document.querySelectorAll("details.entry[open]").forEach(page.open);
  const seen = new IntersectionObserver((changes) => {
    for (const { isIntersecting, target } of changes) if (isIntersecting) page.compare(target.closest("section.group"));
  }, { rootMargin: "400px" });
  document.querySelectorAll(".comparison").forEach((one) => seen.observe(one));
  addEventListener("hashchange", page.goTo);
  page.goTo();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", page.redraw);
  addEventListener("beforeprint", page.printing);
  addEventListener("afterprint", page.printed);
};

page.start();

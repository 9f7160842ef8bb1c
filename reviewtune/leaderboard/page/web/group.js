// Figures that compare the entries of one board. `entries` is what `groups.compared` made.
page.COST = {
  study: ["Time of all trials of the search", page.time],
  labelling: ["Time to label 1,000 reviews", page.time],
  memory: ["Peak memory (GiB)", (value) => page.plain(value)],
};

page.look = (place, colours) => ({
  colour: colours.series[place % 6], marker: page.MARKERS[(place + Math.floor(place / 6)) % 6], dash: page.DASHES[Math.floor(place / 6) % 4],
});

// Those that no other entry beats in both: of equal cost the better one.
page.front = (points) => {
  let best = -Infinity;
  return [...points].sort((one, other) => one.x - other.x || other.y - one.y).filter(({ y }) => y > best && ((best = y), true));
};

page.pareto = (canvas, entries, measure) => page.draw(canvas, (colours) => {
  const [title, text] = page.COST[measure];
  const costed = entries.filter((entry) => entry[measure] > 0);
  const points = costed.map((entry) => ({ x: entry[measure], y: entry.f1, low: entry.low, high: entry.high, label: entry.label, place: entry.place }));
  const costs = points.map(({ x }) => x);
  const few = points.length <= 12;
  const sets = few
    ? points.map((point) => {
      const { colour, marker } = page.look(point.place, colours);
      return page.dots(point.label, [point], colour, { pointStyle: marker, pointRadius: 6, whiskers: true });
    })
    : [page.dots("entries", points, colours.genuine, { pointRadius: 3, whiskers: points.length < 40 })];
  return {
    data: { datasets: [...sets, page.line("none is better for less (Pareto front)", page.front(points), colours.ink, { borderWidth: 1, borderDash: [5, 3], stepped: "before", pointHitRadius: 0, order: 9, pointStyle: "line" })] },
    options: {
      scales: {
        x: page.axis(colours, title, { type: "logarithmic", ...(measure === "memory" ? {} : { afterBuildTicks: page.clock }), grid: { color: ({ tick }) => (tick?.label ? colours.rule : "transparent") }, min: Math.min(...costs) / 1.6, max: Math.max(...costs) * 1.6, ticks: { callback: (value, at, all) => (all[at].clock || page.clockTick(value, all) ? text(value) : ""), maxTicksLimit: 40, maxRotation: 0, autoSkip: false } }),
        y: page.axis(colours, "Test F1"),
      },
      plugins: { legend: { ...page.keys(colours), labels: { ...page.keys(colours).labels, font: { size: 11 } } }, tooltip: { ...page.plugins(colours).tooltip, filter: ({ raw }) => raw.label !== undefined, callbacks: {
        title: () => "", label: ({ raw }) => [raw.label, `test F1 ${page.number(raw.y, 4)} (${page.number(raw.low, 4)} to ${page.number(raw.high, 4)})`, `${title.toLowerCase()}: ${text(raw.x)}`],
      } } },
    },
    plugins: [page.whiskers],
  };
});

// Ticks at powers of ten, and at threes between them where there are few.
page.clockTick = (value, all) => {
  const exponent = Math.floor(Math.log10(value) + 1e-9);
  const digit = Math.round(value / 10 ** exponent);
  const span = Math.log10(all.at(-1).value / all[0].value);
  return digit === 1 || (digit === 3 && span < 3.5) || (span < 1 && [2, 5].includes(digit));
};

// A clock's round times instead of powers of ten, where two of them are in view.
page.TIMES = [0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36000, 360000];
page.clock = (axis) => {
  const round = page.TIMES.filter((time) => time >= axis.min && time <= axis.max);
  if (round.length > 1) axis.ticks = round.map((value) => ({ value, clock: true }));
};

page.searches = (canvas, entries) => page.draw(canvas, (colours) => ({
  data: { datasets: entries.filter(({ course }) => course?.length).map(({ label, course, place }) => {
    const { colour, marker, dash } = page.look(place, colours);
    return page.line(label, course.map(([x, y]) => ({ x, y })), colour, { stepped: "before", borderDash: dash, pointStyle: marker, pointRadius: course.map((_, at) => (at === course.length - 1 ? 5 : 0)) });
  }) },
  options: {
    scales: { x: page.axis(colours, "Trials", { min: 1, ticks: { precision: 0 } }), y: page.axis(colours, "Best validation F1 so far") },
    plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, callbacks: { title: () => "", label: ({ dataset, raw }) => `${dataset.label}: ${page.number(raw.y, 4)} after ${raw.x} trials` } } },
  },
}));

page.rocs = (canvas, entries, dataOf) => page.draw(canvas, (colours) => ({
  data: { datasets: [
    ...entries.map(({ id, label, place }) => {
      const data = dataOf(id)?.judged;
      const { colour, dash, marker } = page.look(place, colours);
      return data && page.line(label, data.threshold.map((_, at) => ({ x: data.alarms[at] / data.genuine, y: data.found[at] / data.fakes, at, data })), colour,
        { borderDash: dash, pointStyle: marker, pointRadius: data.threshold.map((_, at) => (at === data.own ? 5 : 0)) });
    }).filter(Boolean),
    page.line("chance", [{ x: 0, y: 0 }, { x: 1, y: 1 }], colours.rule, { borderWidth: 1, silent: true, pointHitRadius: 0 }),
  ] },
  options: {
    scales: { x: page.unit(colours, "Genuine reviews called fake"), y: page.unit(colours, "Fakes found") },
    plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, callbacks: { title: (items) => items[0]?.dataset.label, label: ({ raw }) => (raw.data ? page.pointLabel(raw.data, raw.at) : "") } } },
  },
}));

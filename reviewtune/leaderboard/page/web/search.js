// How a configuration was found: `data` is what `trials.search_figures` made.
page.STATUS = { f: "finished", s: "stopped early", p: "paused", x: "failed", l: "lost", r: "running" };

page.history = (canvas, { n, all, f1, status, isDefault }) => page.draw(canvas, (colours) => {
  const number = (at) => (n ? n[at] : at + 1);
  const points = f1.map((y, at) => ({ x: number(at), y, s: status[at] })).filter(({ y }) => y !== null);
  let best = -Infinity;
  const steps = points.filter(({ y }) => y > best && ((best = y), true));
  const course = [...steps, { ...steps.at(-1), x: all }];
  const of = (kinds) => points.filter(({ s }) => kinds.includes(s));
  const small = points.length > 2000 ? 1.5 : points.length > 300 ? 2.5 : 4;
  const first = isDefault === null || f1[isDefault] === null ? [] : [{ x: number(isDefault), y: f1[isDefault], s: status[isDefault] }];
  const lowest = page.lower(points.map(({ y }) => y));
  return {
    data: { datasets: [
      page.dots("default configuration", first, colours.series[3], { pointStyle: "rectRot", pointRadius: 7, order: 0 }),
      page.line("best so far", course, colours.genuine, { stepped: "before", order: 1 }),
      page.dots("finished", of("fpr"), colours.soft, { pointRadius: small, order: 2 }),
      page.dots("stopped early", of("s"), colours.fake, { pointStyle: "triangle", pointRadius: small, order: 3 }),
    ].filter((set) => set.data.length) },
    options: {
      scales: {
        x: page.axis(colours, "Trials, in the order in which they ended", { min: 1, max: Math.max(all, 2), ticks: { precision: 0 } }),
        y: page.axis(colours, "Validation F1", { suggestedMin: lowest }),
      },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, callbacks: {
        title: () => "", label: ({ raw }) => `trial ${raw.x}: F1 ${page.number(raw.y, 4)}, ${page.STATUS[raw.s]}`,
      } } },
    },
  };
});

// Where an axis begins: at the lower tenth, so that one bad trial does not press all others together.
page.lower = (values) => {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 10)];
};

page.curves = (canvas, { lines, rungs }) => page.draw(canvas, (colours) => {
  // One data set a kind, with gaps between its lines: hundreds of sets would be slow.
  const joined = (some) => some.flatMap((line) => [...line.x.map((x, at) => ({ x, y: line.y[at], n: line.n, s: line.s })), { x: NaN, y: NaN }]);
  const of = (wanted) => joined(lines.filter((line) => !line.chosen && wanted(line)));
  const thin = { borderWidth: 1, spanGaps: false, pointStyle: "circle", pointRadius: lines.length > 60 ? 1 : 2, pointHitRadius: 4 };
  return {
    data: { datasets: [
      page.line("selected", joined(lines.filter((line) => line.chosen)), colours.genuine, { borderWidth: 3, pointRadius: 4, pointStyle: "circle", spanGaps: false, order: 0 }),
      page.line("finished", of((line) => line.s !== "s"), page.faded(colours.soft, 0.7), { ...thin, order: 1 }),
      page.line("stopped early", of((line) => line.s === "s"), page.faded(colours.fake, 0.7), { ...thin, pointStyle: "triangle", order: 2 }),
    ].filter((set) => set.data.length) },
    options: {
      scales: {
        x: page.axis(colours, "Share of a trial's own course (%)", { min: 0, max: 100 }),
        y: page.axis(colours, "Validation F1", { suggestedMin: page.lower(lines.flatMap((line) => line.y)) }),
      },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, filter: ({ raw }) => !Number.isNaN(raw.x), callbacks: {
        title: () => "", label: ({ raw }) => `trial ${raw.n}, ${page.STATUS[raw.s]}: F1 ${page.number(raw.y, 4)} at ${raw.x} %`,
      } } },
    },
    plugins: [page.rules(() => rungs.map(([x, stopped]) => ({ x, text: `rung: ${stopped} stopped` })), colours)],
  };
});

page.importance = (canvas, weights) => page.draw(canvas, (colours) => ({
  type: "bar",
  data: { labels: weights.map(([name]) => name), datasets: [{ label: "share", data: weights.map(([, weight]) => weight), backgroundColor: colours.genuine, barThickness: 14 }] },
  options: {
    indexAxis: "y",
    scales: {
      x: page.axis(colours, "Share of what differs between trials that the param explains", { min: 0 }),
      y: page.axis(colours, "", { type: "category", title: { display: false }, grid: { display: false }, ticks: { color: colours.ink, autoSkip: false, maxTicksLimit: 40 } }),
    },
    plugins: { legend: { display: false }, tooltip: { ...page.plugins(colours).tooltip, callbacks: { label: ({ raw }) => page.percent(raw) } } },
  },
}));

// Parallel coordinates: a line a trial over one axis a param, all brought to heights from 0 to 1; the score is the last.
page.coordinates = (canvas, { axes, f1, n, chosen }) => page.draw(canvas, (colours) => {
  const every = [...axes, { name: "F1", values: f1, log: false }].map((axis) => ({ ...axis, scale: page.scaleOf(axis) }));
  const sorted = [...f1].sort((one, other) => one - other);
  const good = sorted[Math.floor(0.75 * (sorted.length - 1))];
  const order = f1.map((_, at) => at).sort((one, other) => f1[other] - f1[one]);
  const datasets = [...(chosen === null ? [] : [chosen]), ...order.filter((at) => at !== chosen)].map((at, place) => ({
    type: "line", label: `trial ${n[at]}`, at, order: place,
    data: every.map(({ scale, values }) => scale(values[at])),
    borderColor: at === chosen ? colours.ink : f1[at] >= good ? page.faded(colours.genuine, 0.75) : page.faded(colours.soft, 0.3),
    borderWidth: at === chosen ? 3 : f1[at] >= good ? 1.5 : 1, pointRadius: 0, pointHitRadius: 5, pointHoverRadius: 3,
  }));
  const told = ({ name, values, names }, at) => `${name}: ${names ? names[values[at]] : page.figure(values[at])}`;
  return {
    data: { labels: every.map(({ name }) => name), datasets },
    options: {
      events: ["mousemove", "mouseout", "click", "touchstart"],
      interaction: { mode: "nearest", intersect: false },
      layout: { padding: { top: 18, right: 24, left: 12 } },
      scales: {
        x: page.axis(colours, "", { type: "category", title: { display: false }, grid: { color: colours.soft, drawTicks: false }, ticks: { color: colours.ink, autoSkip: false, maxTicksLimit: 40, padding: 18, maxRotation: 40 } }),
        y: { display: false, min: 0, max: 1 },
      },
      plugins: { legend: { display: false }, tooltip: { ...page.plugins(colours).tooltip, filter: (_, at) => at === 0, callbacks: {
        title: (items) => items[0]?.dataset.label, label: ({ dataset }) => every.map((axis) => told(axis, dataset.at)),
      } } },
    },
    plugins: [page.ends(every, colours)],
  };
});

page.scaleOf = ({ values, log, names }) => {
  const of = log ? Math.log : (value) => value;
  const low = names ? 0 : Math.min(...values);
  const high = names ? Math.max(names.length - 1, 1) : Math.max(...values);
  const width = of(high) - of(low) || 1;
  return (value) => (of(value) - of(low)) / width;
};

page.figure = (value) => (value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 1e5) ? value.toExponential(1) : Number(value.toPrecision(3)).toString());

// What stands at the lower and the upper end of each axis; of names all of them, where there are few.
page.ends = (axes, colours) => ({
  id: "ends",
  afterDatasetsDraw: ({ ctx, chartArea, scales }) => {
    ctx.save();
    ctx.fillStyle = colours.soft;
    ctx.font = "11px system-ui, sans-serif";
    ctx.textAlign = "center";
    axes.forEach(({ values, names, scale }, place) => {
      const at = scales.x.getPixelForValue(place);
      const write = (text, height) => {
        ctx.lineWidth = 3;
        ctx.strokeStyle = colours.page;
        ctx.strokeText(text, at, height);
        ctx.fillText(text, at, height);
      };
      if (names) return names.slice(0, 6).forEach((name, number) => write(name.length > 12 ? `${name.slice(0, 11)}…` : name, scales.y.getPixelForValue(scale(number)) + (number ? -5 : 13)));
      write(page.figure(Math.max(...values)), chartArea.top - 6);
      return write(page.figure(Math.min(...values)), chartArea.bottom + 13);
    });
    ctx.restore();
  },
});

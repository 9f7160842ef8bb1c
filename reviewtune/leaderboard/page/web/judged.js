// What an entry did on the test split: curves, reliability, histograms. `data` is what `judged.curves` made.
page.Z = 1.959964;

page.wilson = (share, reviews, quantile = page.Z) => {
  const ratio = quantile ** 2 / reviews;
  const centre = (share + ratio / 2) / (1 + ratio);
  const half = Math.sqrt(ratio * (share * (1 - share) + ratio / 4)) / (1 + ratio);
  return [Math.min(Math.max(centre - half, 0), share), Math.max(Math.min(centre + half, 1), share)];
};

page.unit = (colours, title, more = {}) => page.axis(colours, title, { min: 0, max: 1, ...more });

page.line = (label, data, colour, more = {}) => ({
  type: "line", label, data, borderColor: colour, backgroundColor: colour, borderWidth: 2, pointRadius: 0,
  pointHitRadius: 8, pointHoverRadius: 4, pointStyle: "line", clip: false, ...more,
});

page.dots = (label, data, colour, more = {}) => ({
  type: "scatter", label, data, borderColor: colour, backgroundColor: colour, pointRadius: 5, pointHoverRadius: 7, clip: false, ...more,
});

page.pointLabel = (data, at) => {
  const found = data.found[at] / data.fakes;
  const alarms = data.alarms[at] / data.genuine;
  return [
    `threshold ${data.threshold[at]}`,
    `${data.found[at]} of ${data.fakes} fakes found (${page.percent(found)})`,
    `${data.alarms[at]} of ${data.genuine} genuine called fake (${page.percent(alarms)})`,
  ];
};

page.precisionAt = (data, at) => {
  const called = data.found[at] + data.alarms[at];
  return called ? data.found[at] / called : null;
};

// The marks on both curves: where the entry stands, and where limits of false alarms would put it.
page.marks = (data, place, colours) => [
  page.dots("the entry's threshold", [place(data.own)], colours.ink, { pointStyle: "rectRot", pointRadius: 7, order: 0 }),
  ...data.limits.map(({ fpr, at }, number) =>
    page.dots(`at most ${100 * fpr} % false alarms`, [place(at)], colours.series[3 + number],
      { pointStyle: page.MARKERS[2 + number], pointRadius: 6, order: 0 })),
];

page.curveTips = (data) => ({
  callbacks: { title: (items) => items[0]?.dataset.label, label: ({ raw }) => (raw.at === undefined ? "" : page.pointLabel(data, raw.at)) },
});

// On a logarithmic axis the places without a false alarm stand at half a review, its left end.
page.rocPlace = (data) => (at) => ({ x: (data.few ? Math.max(data.alarms[at], 0.5) : data.alarms[at]) / data.genuine, y: data.found[at] / data.fakes, at });

page.roc = (canvas, data) => page.draw(canvas, (colours) => {
  const place = page.rocPlace(data);
  const diagonal = data.few ? [...Array(41)].map((_, step) => (0.5 / data.genuine) ** (1 - step / 40)).map((x) => ({ x, y: x })) : [{ x: 0, y: 0 }, { x: 1, y: 1 }];
  const few = { type: "logarithmic", min: 0.5 / data.genuine, max: 1, ticks: { callback: (value) => (page.isPower(value) ? page.percent(value, value < 0.01 ? 1 : 0) : "") } };
  return {
    data: { datasets: [
      ...page.marks(data, place, colours),
      page.dots("the explorer's threshold", [place(data.now ?? data.own)], colours.fake, { pointStyle: "circle", pointRadius: 8, pointHoverRadius: 8, backgroundColor: "transparent", borderWidth: 2, explorer: true }),
      page.line("ROC curve", data.threshold.map((_, at) => place(at)), colours.genuine, { stepped: false, order: 2 }),
      page.line("chance", diagonal, colours.rule, { borderWidth: 1, silent: true, pointHitRadius: 0, order: 3 }),
    ] },
    options: {
      scales: { x: page.unit(colours, "Genuine reviews called fake", data.few ? few : {}), y: page.unit(colours, "Fakes found") },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, ...page.curveTips(data) } },
    },
  };
});

page.isPower = (value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6;

page.keys = (colours) => ({
  ...page.plugins(colours).legend,
  position: "bottom",
  labels: { ...page.plugins(colours).legend.labels, filter: (item, all) => !all.datasets[item.datasetIndex].silent },
});

page.recallCurve = (canvas, data) => page.draw(canvas, (colours) => {
  const place = (at) => ({ x: data.found[at] / data.fakes, y: page.precisionAt(data, at), at });
  const share = data.fakes / (data.fakes + data.genuine);
  const curve = data.threshold.map((_, at) => place(at)).filter(({ y }) => y !== null);
  return {
    data: { datasets: [
      ...page.marks(data, place, colours),
      page.dots("the explorer's threshold", [place(data.now ?? data.own)], colours.fake, { pointStyle: "circle", pointRadius: 8, pointHoverRadius: 8, backgroundColor: "transparent", borderWidth: 2, explorer: true }),
      page.line("precision and recall", curve, colours.genuine, { order: 2 }),
      page.line("all called fake", [{ x: 0, y: share }, { x: 1, y: share }], colours.rule, { borderWidth: 1, silent: true, pointHitRadius: 0, order: 3 }),
    ] },
    options: {
      scales: { x: page.unit(colours, "Recall: fakes found"), y: page.unit(colours, "Precision: of those called fake") },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, ...page.curveTips(data) } },
    },
  };
});

page.reliability = (canvas, { bins }) => page.draw(canvas, (colours) => {
  const most = Math.max(...bins.count);
  const points = bins.said.map((x, at) => ({ x, y: bins.fake[at], low: bins.low[at], high: bins.high[at], count: bins.count[at] }));
  return {
    data: { datasets: [
      page.dots("share that is fake, 95 % interval", points, colours.genuine, { whiskers: true, pointRadius: 4 }),
      page.line("perfect", [{ x: 0, y: 0 }, { x: 1, y: 1 }], colours.soft, { borderWidth: 1, borderDash: [4, 3], silent: true, pointHitRadius: 0 }),
      { type: "bar", label: "reviews", data: points.map(({ x, count }) => ({ x, y: count })), yAxisID: "count", barThickness: 8, backgroundColor: page.faded(colours.soft, 0.35), silent: true },
    ] },
    options: {
      scales: {
        x: page.unit(colours, "Fake probability"), y: page.unit(colours, "Share that is fake"),
        count: page.axis(colours, "Reviews (bars)", { position: "right", min: 0, max: 3 * most, grid: { display: false }, afterBuildTicks: (axis) => { axis.ticks = [0, most].map((value) => ({ value })); } }),
      },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, filter: ({ raw }) => raw.count !== undefined, callbacks: {
        title: () => "",
        label: ({ raw }) => [`${raw.count} reviews of probability about ${page.number(raw.x, 2)}`, `${page.percent(raw.y)} are fake (${page.percent(raw.low)} to ${page.percent(raw.high)})`],
      } } },
    },
    plugins: [page.whiskers],
  };
});

page.histogram = (canvas, data) => page.draw(canvas, (colours) => {
  const { fake, genuine } = data.histogram;
  const labels = fake.map((_, at) => `${page.number(at / fake.length, 3)} to ${page.number((at + 1) / fake.length, 3)}`);
  const bars = (label, counts, colour, sign) => ({ type: "bar", label, data: counts.map((count) => sign * count), backgroundColor: colour, barPercentage: 1, categoryPercentage: 0.9, stack: "one" });
  return {
    data: { labels, datasets: [bars("fake (up)", fake, colours.fake, 1), bars("genuine (down)", genuine, colours.genuine, -1)] },
    options: {
      interaction: { mode: "index", intersect: false },
      scales: {
        x: page.axis(colours, "Fake probability", { type: "category", grid: { display: false }, ticks: { maxRotation: 0, autoSkip: false, callback: (at) => (at % (fake.length / 4) === 0 ? page.number(at / fake.length, 2) : at === fake.length - 1 ? "1.00" : "") } }),
        y: page.axis(colours, "Reviews", { ticks: { callback: (value) => page.whole(Math.abs(value)) } }),
      },
      plugins: { legend: page.keys(colours), tooltip: { ...page.plugins(colours).tooltip, callbacks: {
        title: (items) => `probability ${items[0].label}`, label: ({ dataset, raw }) => `${Math.abs(raw)} ${dataset.label.split(" ")[0]}`,
      } } },
    },
    plugins: [page.rules(() => {
      const at = data.threshold[data.now ?? data.own];
      return [{ x: at * fake.length - 0.5, text: "threshold" }];
    }, colours)],
  };
});
